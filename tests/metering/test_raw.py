"""Raw responses read by the app itself, and calls that the stub does not serve."""

from __future__ import annotations

import asyncio
import importlib
import json
from pathlib import Path
from typing import Any

import openai
import pytest
from opentelemetry.trace import StatusCode

from genmeter import names
from genmeter.metering import guard
from tests.stub import Reply, Stream, StubServer

from .cells import make_client
from .rig import MICRO, Meter, one_call
from .sdk import CHAT, CLAUDE, OPENAI, settled

READERS = ["iter_lines", "iter_bytes"]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_body_that_the_app_reads_itself_is_billed(
    kind: str, streamed: bool, asynchronous: bool, reader: str, stub: StubServer, meter: Meter
) -> None:
    """A gateway that passes bytes on: gpt-4o 19 × 2.5 + 10 × 10 = 147.5, claude-sonnet-4-5 25 × 3 + 15 × 15 = 300.

    The app gets the very bytes of the bare SDK.
    """
    ask: dict[str, Any] = {**(CLAUDE if kind == "anthropic" else CHAT), **({"stream": True} if streamed else {})}
    if streamed and kind == "openai":
        ask["stream_options"] = {"include_usage": True}

    async def run() -> int:
        async with make_client(kind, stub, asynchronous=True) as client:
            resource = client.messages if kind == "anthropic" else client.chat.completions
            async with resource.with_streaming_response.create(**ask) as response:
                return len([piece async for piece in getattr(response, reader)()])

    def run_sync() -> int:
        with make_client(kind, stub, asynchronous=False) as client:
            resource = client.messages if kind == "anthropic" else client.chat.completions
            with resource.with_streaming_response.create(**ask) as response:
                return len(list(getattr(response, reader)()))

    assert (asyncio.run(run()) if asynchronous else run_sync()) > 0
    attributes = one_call(meter)
    assert names.STREAM_CUT not in attributes
    micro = 300 if kind == "anthropic" else 147.5
    assert attributes.get(names.COST_AMOUNT) == pytest.approx(micro * MICRO, rel=1e-12)


def test_a_raw_stream_without_usage_asked_for_keeps_its_bytes(stub: StubServer, meter: Meter) -> None:
    """An app that reads a raw stream's lines itself must not find events that it did not ask for."""
    with make_client("openai", stub, asynchronous=False) as client:
        with client.chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
            lines = [line for line in response.iter_lines() if line]
    attributes = one_call(meter)
    assert names.STREAM_CUT not in attributes and attributes[names.COST_REASON] == "no_usage"
    assert "stream_options" not in stub.requests[0].fields
    assert not [line for line in lines if '"usage"' in line]


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_speech_streamed_to_a_file_is_one_whole_call(
    asynchronous: bool, tmp_path: Path, stub: StubServer, meter: Meter
) -> None:
    """The usual way to speech: read to its end, so not cut; no usage, so not priced."""
    ask: Any = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hi"}
    file = tmp_path / "speech.mp3"

    async def run() -> None:
        async with make_client("openai", stub, asynchronous=True) as client:
            async with client.audio.speech.with_streaming_response.create(**ask) as response:
                await response.stream_to_file(file)

    if asynchronous:
        asyncio.run(run())
    else:
        with make_client("openai", stub, asynchronous=False) as client:
            with client.audio.speech.with_streaming_response.create(**ask) as response:
                response.stream_to_file(file)
    assert file.read_bytes().startswith(b"ID3")
    attributes = one_call(meter)
    assert names.STREAM_CUT not in attributes and attributes[names.COST_REASON] == "no_usage"
    assert meter.span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_streamed_transcription_as_text_is_no_failure_of_ours(
    asynchronous: bool, stub: StubServer, meter: Meter
) -> None:
    """``response_format="text"`` gives a bare string."""
    ask: Any = {"model": "whisper-1", "file": ("a.mp3", b"ID3", "audio/mpeg"), "response_format": "text"}

    async def run() -> Any:
        async with make_client("openai", stub, asynchronous=True) as client:
            return await client.audio.transcriptions.create(**ask)

    if asynchronous:
        result = asyncio.run(run())
    else:
        with make_client("openai", stub, asynchronous=False) as client:
            result = client.audio.transcriptions.create(**ask)
    assert isinstance(result, str)
    one_call(meter)
    assert dict(guard.failures) == {}


def offline(body: dict[str, Any]) -> Any:
    """The SDK's HTTP client with one answer to everything, for what the stub does not serve."""
    library: Any = next(
        importlib.import_module(base.__module__.partition(".")[0])
        for base in openai.DefaultHttpxClient.__mro__
        if base.__module__.startswith("httpx")
    )
    return library.Client(transport=library.MockTransport(lambda _: library.Response(200, json=body)))


@pytest.mark.skipif(OPENAI < (2, 0), reason="openai 1.x has no responses.compact")
def test_a_compaction_is_billed(meter: Meter, stub: StubServer) -> None:
    """responses.compact runs a model: gpt-5.6-sol 4 / 20: 139 × 4 + 438 × 20 = 556 + 8760 = 9316.

    Body: CompactedResponse in the types of the openai package 3.54.
    """
    usage = {
        "input_tokens": 139, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 438, "output_tokens_details": {"reasoning_tokens": 64}, "total_tokens": 577,
    }  # fmt: skip
    body = {"id": "resp_001", "object": "response.compaction", "created_at": 1, "output": [], "usage": usage}
    client = openai.OpenAI(base_url=stub.openai_url, api_key="x", http_client=offline(body))
    client.responses.compact(model="gpt-5.6-sol", input="x")
    attributes = one_call(meter)
    assert meter.span.name == "chat gpt-5.6-sol"
    assert attributes[names.FINISH_REASONS] == ["compaction"] and attributes[names.REASONING_TOKENS] == 64
    assert attributes[names.COST_AMOUNT] == pytest.approx(9316 * MICRO, rel=1e-12)


SPOKEN: Any = {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hi", "stream_format": "sse"}


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("reader", ["whole", "raw", "read", "iter_lines", "iter_bytes", "iter_text"])
def test_the_usage_event_of_speech_is_read(reader: str, asynchronous: bool, stub: StubServer, meter: Meter) -> None:
    """``speech.audio.done`` ends a body of events that the app reads as bytes. The stub's usage: 14 in, 101 out."""

    async def run() -> None:
        async with make_client("openai", stub, asynchronous=True) as client:
            speech = client.audio.speech
            if reader == "whole":
                await speech.create(**SPOKEN)
            elif reader == "raw":
                await settled((await speech.with_raw_response.create(**SPOKEN)).parse())
            else:
                async with speech.with_streaming_response.create(**SPOKEN) as response:
                    read = getattr(response, reader)()
                    assert await read if reader == "read" else [piece async for piece in read]

    def act() -> None:
        with make_client("openai", stub, asynchronous=False) as client:
            speech = client.audio.speech
            if reader == "whole":
                speech.create(**SPOKEN)
            elif reader == "raw":
                speech.with_raw_response.create(**SPOKEN).parse()
            else:
                with speech.with_streaming_response.create(**SPOKEN) as response:
                    read = getattr(response, reader)()
                    assert read if reader == "read" else list(read)

    asyncio.run(run()) if asynchronous else act()
    attributes = one_call(meter)
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (14, 101)
    assert attributes[names.COST_STATUS] == "priced" and names.STREAM_CUT not in attributes


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("reader", ["iter_lines", "iter_bytes", "iter_text", "parse"])
@pytest.mark.parametrize(
    "separator", ["\u2028", "\u2029", "\x85", "\u2028data: {", "\u2028: ", "\u2028event: x"], ids=repr
)
def test_a_line_separator_inside_a_string_ends_no_event(
    separator: str, reader: str, asynchronous: bool, stub: StubServer, meter: Meter
) -> None:
    """Valid in JSON, an end of a line for ``str.splitlines``. 7 × 2.5 + 9 × 10 micro-dollars; the app gets every piece."""
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16, "note": f"a{separator}b"}
    said = {"index": 0, "delta": {"content": f"a{separator}b"}, "finish_reason": None}
    events = [
        {**head, "choices": [said]},
        {**head, "choices": [], "usage": usage, "system_fingerprint": f"x{separator}y"},
    ]
    lines = [json.dumps(event, ensure_ascii=False) for event in events]
    stub.script("/chat/completions", Stream(events=[*lines, "[DONE]"]))
    ask: Any = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}

    async def run() -> list[Any]:
        async with make_client("openai", stub, asynchronous=True) as client:
            async with client.chat.completions.with_streaming_response.create(**ask) as response:
                pieces = getattr(response, reader)()
                return [piece async for piece in (await settled(pieces) if reader == "parse" else pieces)]

    def act() -> list[Any]:
        with make_client("openai", stub, asynchronous=False) as client:
            with client.chat.completions.with_streaming_response.create(**ask) as response:
                return list(getattr(response, reader)())

    assert (asyncio.run(run()) if asynchronous else act()) != []
    attributes = one_call(meter)
    assert attributes[names.COST_AMOUNT] == pytest.approx((7 * 2.5 + 9 * 10) * MICRO, rel=1e-12)
    assert names.STREAM_CUT not in attributes


def test_a_broken_event_costs_no_more_than_itself(stub: StubServer, meter: Meter) -> None:
    """Half a JSON object between two whole ones, comments, unknown fields, ends of lines of another system."""
    head = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": []}
    usage = {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}
    body = "\r\n\r\n".join(
        [
            ": keep alive",
            f"id: 1\r\nevent: message\r\nretry: 5\r\ndata: {json.dumps(head)}",
            'data: {"id": "c-1", "usage": {',
            f"data: {json.dumps({**head, 'usage': usage})[:40]}\r\ndata: {json.dumps({**head, 'usage': usage})[40:]}",
            "data: null",
            "data: [DONE]",
            "",
        ]
    )
    stub.script("/chat/completions", Reply(body=body, headers={"content-type": "text/event-stream"}))
    ask: Any = {**CHAT, "stream": True, "stream_options": {"include_usage": True}}
    with make_client("openai", stub, asynchronous=False) as client:
        with client.chat.completions.with_streaming_response.create(**ask) as response:
            assert "".join(response.iter_text()) == body
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx((7 * 2.5 + 9 * 10) * MICRO, rel=1e-12)
