"""The Messages API as Bedrock and Vertex serve it, with the real SDK's platform clients."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest
from anthropic import AnthropicBedrock, AnthropicVertex, AsyncAnthropicBedrock, AsyncAnthropicVertex
from botocore.eventstream import EventStreamBuffer

from tests.stub import Reply, Stream, StubServer
from tests.stub.framing import message

from .sdk import ANTHROPIC_MAJOR
from .test_anthropic import EVENTS, ask

BEDROCK_MODEL = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
VERTEX_MODEL = "claude-haiku-4-5@20251001"
AWS: Any = {"aws_access_key": "AKIASTUB", "aws_secret_key": "secret", "aws_region": "eu-north-1"}
GOOGLE: Any = {"region": "europe-west1", "project_id": "my-project", "access_token": "token"}


def test_bedrock(stub: StubServer) -> None:
    with AnthropicBedrock(base_url=stub.bedrock_url, **AWS) as client:
        plain = client.messages.create(**ask(model=BEDROCK_MODEL))
        events: list[Any] = list(client.messages.create(**ask(model=BEDROCK_MODEL, stream=True)))
        with client.messages.stream(**ask(model=BEDROCK_MODEL)) as stream:
            assert stream.get_final_text() == "Hi! My name is Claude."
        raw = client.messages.with_raw_response.create(**ask(model=BEDROCK_MODEL))
    assert plain.id.startswith("msg_bdrk_") and plain.model == "claude-haiku-4-5-20251001"
    assert list(dict.fromkeys(event.type for event in events if event.type != "ping")) == EVENTS
    assert raw.headers["x-amzn-bedrock-output-token-count"] == "15"
    first, second = stub.requests[:2]
    assert first.path.endswith("/invoke") and second.path.endswith("/invoke-with-response-stream")
    assert "eu.anthropic.claude" in first.path and "model" not in first.body
    assert first.headers["authorization"].startswith("AWS4-HMAC-SHA256")


def test_vertex(stub: StubServer) -> None:
    with AnthropicVertex(base_url=stub.vertex_url, **GOOGLE) as client:
        plain = client.messages.create(**ask(model=VERTEX_MODEL))
        events: list[Any] = list(client.messages.create(**ask(model=VERTEX_MODEL, stream=True)))
        counted = client.messages.count_tokens(model=VERTEX_MODEL, messages=ask()["messages"])
    assert plain.id.startswith("msg_vrtx_") and plain.model == "claude-haiku-4-5-20251001"
    assert list(dict.fromkeys(event.type for event in events)) == EVENTS and counted.input_tokens == 25
    assert stub.requests[0].path.endswith(f"/publishers/anthropic/models/{VERTEX_MODEL}:rawPredict")
    assert stub.requests[1].path.endswith(":streamRawPredict")
    assert stub.requests[0].headers["authorization"] == "Bearer token"


def test_async(stub: StubServer) -> None:
    async def run() -> None:
        clients: list[tuple[Any, str]] = [
            (AsyncAnthropicBedrock(base_url=stub.bedrock_url, **AWS), BEDROCK_MODEL),
            (AsyncAnthropicVertex(base_url=stub.vertex_url, **GOOGLE), VERTEX_MODEL),
        ]
        for client, model in clients:
            async with client:
                assert (await client.messages.create(**ask(model=model))).usage.output_tokens == 15
                stream = await client.messages.create(**ask(model=model, stream=True))
                assert [event async for event in stream][-1].type == "message_stop"

    asyncio.run(run())


def test_bedrock_errors(stub: StubServer) -> None:
    stub.script("/invoke", Reply(429, headers={"retry-after-ms": "1"}))
    stub.script("/invoke-with-response-stream", Stream(error_after=3))
    # Until 1.0 the SDK raised ValueError for an exception frame.
    expected = ValueError if ANTHROPIC_MAJOR < 1 else anthropic.APIStatusError
    with AnthropicBedrock(base_url=stub.bedrock_url, **AWS) as client:
        assert client.messages.create(**ask(model=BEDROCK_MODEL)).usage
        with pytest.raises(expected, match="throttling"):
            list(client.messages.create(**ask(model=BEDROCK_MODEL, stream=True)))
    assert len(stub.requests) == 3


def test_frames_as_botocore_reads_them() -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(message({":message-type": "event", ":event-type": "chunk"}, b'{"a":1}') * 2)
    frames: list[Any] = list(buffer)
    assert [(frame.headers[":event-type"], frame.payload) for frame in frames] == [("chunk", b'{"a":1}')] * 2
