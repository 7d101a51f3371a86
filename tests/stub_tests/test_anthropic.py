"""The Messages API with the real SDK, on Anthropic's own paths."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import pytest
from anthropic import Anthropic, AsyncAnthropic

from tests.stub import Exact, Reply, Stream, StubServer, ToolCall

from .sdk import ANTHROPIC_BETA_QUERY, ANTHROPIC_KEY, HELLO

MODEL = "claude-haiku-4-5"
TOOL: Any = {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
EVENTS = [
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "message_stop",
]


def ask(**more: Any) -> Any:
    """The arguments of every call here."""
    return {"model": MODEL, "max_tokens": 64, "messages": HELLO, **more}


def test_plain(stub: StubServer, anthropic_client: Anthropic) -> None:
    first, second = (anthropic_client.messages.create(**ask()) for _ in range(2))
    assert first.id.startswith("msg_") and first.id != second.id
    assert first.model == "claude-haiku-4-5-20251001" and first.stop_reason == "end_turn"
    assert (first.usage.input_tokens, first.usage.output_tokens) == (25, 15)
    assert first.usage.cache_creation and first.usage.cache_creation.ephemeral_1h_input_tokens == 0
    request = stub.requests[0]
    assert request.path == "/v1/messages" and ANTHROPIC_KEY in request.headers.items()
    assert request.body == ask()


def test_stream(stub: StubServer, anthropic_client: Anthropic) -> None:
    stub.script("/v1/messages", Reply(usage={"cache_read_input_tokens": 2051, "output_tokens": 160}))
    events: list[Any] = list(anthropic_client.messages.create(**ask(stream=True)))
    assert list(dict.fromkeys(event.type for event in events)) == EVENTS
    assert events[0].message.usage.output_tokens == 1 and events[0].message.usage.cache_read_input_tokens == 2051
    assert events[-2].usage.output_tokens == 160 and events[-2].usage.cache_read_input_tokens == 2051


def test_cache_writes_add_up(stub: StubServer, anthropic_client: Anthropic) -> None:
    stub.script("/v1/messages", Reply(usage={"cache_creation_input_tokens": 100}), Reply(usage=Exact(input_tokens=3)))
    parts = anthropic_client.messages.create(**ask()).usage.cache_creation
    assert parts and (parts.ephemeral_5m_input_tokens, parts.ephemeral_1h_input_tokens) == (100, 0)
    assert anthropic_client.messages.create(**ask()).usage.to_dict() == {"input_tokens": 3}


def test_stream_helper_raw_and_count(stub: StubServer, anthropic_client: Anthropic) -> None:
    with anthropic_client.messages.stream(**ask()) as stream:
        assert "".join(stream.text_stream) == "Hi! My name is Claude."
        assert stream.get_final_message().usage.output_tokens == 15
    raw = anthropic_client.messages.with_raw_response.create(**ask())
    assert raw.headers["request-id"].startswith("req_") and raw.parse().usage.input_tokens == 25
    with anthropic_client.messages.with_streaming_response.create(**ask()) as response:
        assert "Claude" in response.read().decode()
    counted = anthropic_client.messages.count_tokens(model=MODEL, messages=HELLO)
    assert counted.input_tokens == 25 and stub.requests[-1].path == "/v1/messages/count_tokens"


def test_tools_and_thinking(stub: StubServer, anthropic_client: Anthropic) -> None:
    reply = Reply(reasoning="Which city?", text="Let me look.", tool_calls=[ToolCall(arguments={"city": "Oslo"})])
    stub.script("/v1/messages", reply, reply)
    plain = anthropic_client.messages.create(**ask(tools=[TOOL]))
    with anthropic_client.messages.stream(**ask(tools=[TOOL])) as stream:
        streamed = stream.get_final_message()
    for answer in (plain, streamed):
        content: Any = answer.content
        assert [block.type for block in content] == ["thinking", "text", "tool_use"]
        assert content[2].input == {"city": "Oslo"} and content[0].signature and answer.stop_reason == "tool_use"


def test_beta(stub: StubServer, anthropic_client: Anthropic) -> None:
    beta: Any = anthropic_client.beta.messages
    assert beta.create(**ask()).usage.output_tokens == 15
    with beta.stream(**ask()) as stream:
        assert stream.get_final_message().content[0].text == "Hi! My name is Claude."
    assert stub.requests[0].query == ANTHROPIC_BETA_QUERY and stub.requests[0].path == "/v1/messages"


def test_errors(stub: StubServer, anthropic_client: Anthropic) -> None:
    stub.script("/v1/messages", Reply(400), Stream(error_after=3))
    with pytest.raises(anthropic.BadRequestError) as plain:
        anthropic_client.messages.create(**ask())
    assert plain.value.status_code == 400 and len(stub.requests) == 1
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        list(anthropic_client.messages.create(**ask(stream=True)))


def test_async(stub: StubServer) -> None:
    async def run() -> None:
        async with AsyncAnthropic(base_url=stub.anthropic_url, api_key="k") as client:
            plain = await client.messages.create(**ask())
            events = [event async for event in await client.messages.create(**ask(stream=True))]
            async with client.messages.stream(**ask()) as stream:
                final = await stream.get_final_message()
            beta: Any = await client.beta.messages.create(**ask())
        assert plain.usage and events[-1].type == "message_stop" and final.usage.output_tokens == 15 and beta.usage

    asyncio.run(run())
