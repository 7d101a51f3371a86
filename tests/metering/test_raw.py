"""Raw responses read by the app itself, and calls that the stub does not serve."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any

import openai
import pytest
from opentelemetry.trace import StatusCode

from genmeter import names
from genmeter.metering import guard
from tests.stub import StubServer

from .cells import make_client
from .rig import MICRO, Meter, one_call
from .sdk import CHAT, CLAUDE, OPENAI

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
