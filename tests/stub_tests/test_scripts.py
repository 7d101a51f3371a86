"""Scripts, failures and the fate of connections."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from typing import Any, BinaryIO

import openai
import pytest
from anthropic import Anthropic
from openai import AsyncOpenAI, OpenAI

from tests.stub import Reply, Request, Stream, StubServer

from .sdk import ANTHROPIC_CUT, HELLO, OPENAI_CUT
from .test_anthropic import ask

SOON = {"retry-after-ms": "1"}


def test_a_retry_is_a_second_request(stub: StubServer, openai_client: OpenAI, anthropic_client: Anthropic) -> None:
    stub.script("/v1/chat/completions", Reply(429, headers=SOON), Reply(503, headers=SOON))
    stub.script("/v1/messages", Reply(529, headers=SOON))
    assert openai_client.chat.completions.create(model="gpt-4o", messages=HELLO).usage
    assert anthropic_client.messages.create(**ask()).usage
    assert [request.headers["x-stainless-retry-count"] for request in stub.requests] == ["0", "1", "2", "0", "1"]
    assert stub.unused == {}


def test_models_that_decide_the_answer(stub: StubServer, openai_client: OpenAI) -> None:
    with pytest.raises(openai.RateLimitError):
        openai_client.chat.completions.create(model="always-rate-limited", messages=HELLO)
    assert len(stub.requests) == 3
    stub.for_model("mine", Reply(text="by name"))
    assert openai_client.chat.completions.create(model="mine", messages=HELLO).choices[0].message.content == "by name"
    assert openai_client.chat.completions.create(model="always-cut", messages=HELLO).usage
    with pytest.raises(OPENAI_CUT):
        list(openai_client.chat.completions.create(model="always-cut", messages=HELLO, stream=True))


def test_cut(stub: StubServer, openai_client: OpenAI, anthropic_client: Anthropic) -> None:
    seen: list[Any] = []
    stub.script("/v1/chat/completions", Stream(n=50, cut_after=7))
    with pytest.raises(OPENAI_CUT):
        for chunk in openai_client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True):
            seen.append(chunk)
    assert len(seen) == 7
    stub.script("/v1/messages", Stream(cut_after=4))
    with pytest.raises(ANTHROPIC_CUT):
        list(anthropic_client.messages.create(**ask(stream=True)))
    assert stub.disconnects == 0 and len(stub.requests) == 2


def test_cut_async(stub: StubServer) -> None:
    async def run() -> None:
        stub.script("/v1/chat/completions", Stream(n=50, gap=0.001, cut_after=7))
        async with AsyncOpenAI(base_url=stub.openai_url, api_key="k") as client:
            stream = await client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
            with pytest.raises(OPENAI_CUT):
                _ = [chunk async for chunk in stream]

    asyncio.run(run())


def test_error_event_of_a_chat_stream(stub: StubServer, openai_client: OpenAI) -> None:
    stub.script("/v1/chat/completions", Stream(error_after=2))
    with pytest.raises(openai.APIError, match="server had an error"):
        list(openai_client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True))


def test_a_client_that_leaves(stub: StubServer, openai_client: OpenAI, capfd: pytest.CaptureFixture[str]) -> None:
    stub.script("/v1/chat/completions", Stream(n=10_000, gap=0.005), Stream(n=200_000))
    for _ in range(2):
        stream = openai_client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
        next(iter(stream))
        stream.close()
    assert stub.await_disconnects(2)
    assert capfd.readouterr().err == "" and stub.failures == []


def test_a_client_that_times_out(stub: StubServer) -> None:
    stub.script("/v1/chat/completions", Reply(delay=1.0))
    client = OpenAI(base_url=stub.openai_url, api_key="k", timeout=0.05, max_retries=0)
    with client, pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert stub.await_disconnects()


def test_gap(stub: StubServer, openai_client: OpenAI) -> None:
    stub.script("/v1/chat/completions", Stream(n=5, gap=0.02), Stream(n=5, gap=40))
    started = time.monotonic()
    list(openai_client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True))
    assert time.monotonic() - started >= 0.12
    # The first frame waits for no gap.
    started = time.monotonic()
    with openai_client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True) as stream:
        next(iter(stream))
    assert time.monotonic() - started < 40


def test_bodies(stub: StubServer, openai_client: OpenAI) -> None:
    def edit(request: Request, body: dict[str, Any]) -> dict[str, Any]:
        return {**body, "model": request.body["model"] + "!"}

    stub.script("/v1/chat/completions", Reply(body=edit), Reply(body={"id": "x"}), Reply(model="named"))
    edited = openai_client.chat.completions.create(model="m", messages=HELLO)
    bare: Any = openai_client.chat.completions.create(model="m", messages=HELLO)
    named = openai_client.chat.completions.create(model="m", messages=HELLO)
    assert edited.model == "m!" and (bare.id, bare.choices) == ("x", None) and named.model == "named"
    with pytest.raises(openai.NotFoundError):
        openai_client.get("/nowhere", cast_to=object)


def test_verbatim_events(stub: StubServer, openai_client: OpenAI) -> None:
    stub.script("/v1/chat/completions", Stream(events=[{"id": "1", "choices": []}, {"id": "2"}, "[DONE]"]))
    chunks = list(openai_client.chat.completions.create(model="m", messages=HELLO, stream=True))
    assert [chunk.id for chunk in chunks] == ["1", "2"]


def test_failures_do_not_vanish() -> None:
    def broken(request: Request, body: dict[str, Any]) -> object:
        raise LookupError("my script is wrong")

    with pytest.raises(AssertionError, match="my script is wrong"), StubServer() as stub:
        client = OpenAI(base_url=stub.openai_url, api_key="k", max_retries=0)
        stub.script("/v1/chat/completions", Reply(body=broken), Stream(n=1))
        for _ in range(2):
            with pytest.raises(openai.InternalServerError):
                client.chat.completions.create(model="m", messages=HELLO)
        assert "LookupError" in stub.failures[0] and "does not stream" in stub.failures[1]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
def test_a_long_stream_is_fast(stub: StubServer, path: str) -> None:
    """Few writes, and 20 µs of computing for each event: both hold on a busy machine, where seconds say nothing."""
    stub.script(path, Stream(n=200_000))
    body = json.dumps({"model": "m", "messages": HELLO, "input": "x", "stream": True})
    begun = time.process_time()
    with socket.create_connection(("127.0.0.1", int(stub.url.rpartition(":")[2]))) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: stub\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        sizes, text = chunks(connection.makefile("rb"))
    assert time.process_time() - begun < 4
    assert text.count(b"token ") >= 200_000
    assert len(sizes) <= sum(sizes) / 65_536 + 1, "each write but the last is as large as a socket takes at once"


def chunks(answer: BinaryIO) -> tuple[list[int], bytes]:
    """The sizes of an answer's chunks, each a write of the server, and all their bytes."""
    while answer.readline().strip():
        continue
    parts: list[bytes] = []
    while size := int(answer.readline(), 16):
        parts.append(answer.read(size))
        answer.readline()
    return [len(part) for part in parts], b"".join(parts)
