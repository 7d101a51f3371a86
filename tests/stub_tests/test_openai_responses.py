"""The Responses API with the real SDK."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from openai import APIError, AsyncOpenAI, OpenAI

from tests.stub import Reply, Stream, StubServer, ToolCall

from .test_openai_chat import WEATHER, Place

TOOL: Any = {"type": "function", **WEATHER["function"]}
EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


def test_plain_and_retrieve(stub: StubServer, openai_client: OpenAI) -> None:
    stub.script("/responses", Reply(usage={"input_tokens_details": {"cached_tokens": 12}}, reasoning="Thinking of it"))
    answer = openai_client.responses.create(model="gpt-4o-mini", input="Hi", instructions="Be short", store=True)
    assert answer.id.startswith("resp_") and answer.model == "gpt-4o-mini-2024-07-18"
    assert answer.output_text.startswith("In a peaceful grove") and answer.instructions == "Be short"
    assert answer.usage and (answer.usage.input_tokens_details.cached_tokens, answer.usage.total_tokens) == (12, 123)
    assert [item.type for item in answer.output] == ["reasoning", "message"]
    assert openai_client.responses.retrieve(answer.id) == answer
    assert stub.requests[1].method == "GET" and stub.requests[1].path == f"/v1/responses/{answer.id}"


def test_stream(openai_client: OpenAI) -> None:
    events: list[Any] = list(openai_client.responses.create(model="gpt-4o", input="Hi", stream=True))
    assert list(dict.fromkeys(event.type for event in events)) == EVENTS
    assert [event.sequence_number for event in events] == list(range(len(events)))
    final = events[-1].response
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert final.output_text == text and final.usage.total_tokens == 123
    assert events[0].response.id == final.id and events[0].response.usage is None


def test_stream_helper_and_parse(openai_client: OpenAI) -> None:
    parsed = openai_client.responses.parse(model="gpt-4o", input="Hi", text_format=Place)
    assert isinstance(parsed.output_parsed, Place)
    with openai_client.responses.stream(model="gpt-4o", input="Hi", text_format=Place) as stream:
        assert "response.completed" in [event.type for event in stream]
        assert isinstance(stream.get_final_response().output_parsed, Place)


def test_tool_calls_and_reasoning(stub: StubServer, openai_client: OpenAI) -> None:
    reply = Reply(tool_calls=[ToolCall(arguments={"city": "Oslo", "days": 2})], reasoning="Which city?")
    stub.script("/responses", reply, reply)
    plain: Any = openai_client.responses.create(model="gpt-4o", input="Hi", tools=[TOOL])
    assert plain.output[1].arguments == '{"city":"Oslo","days":2}'
    with openai_client.responses.stream(model="gpt-4o", input="Hi", tools=[TOOL]) as stream:
        kinds = [event.type for event in stream]
        output: Any = stream.get_final_response().output
    assert "response.function_call_arguments.delta" in kinds and "response.reasoning_summary_text.delta" in kinds
    assert output[1].name == "get_weather"


def test_background_and_incomplete(stub: StubServer, openai_client: OpenAI) -> None:
    queued = openai_client.responses.create(model="gpt-4o", input="Hi", background=True)
    assert queued.status == "queued" and queued.usage is None
    assert openai_client.responses.retrieve(queued.id).status == "completed"
    assert openai_client.responses.cancel(queued.id).status == "cancelled"
    stub.script("/responses", Reply(finish="max_output_tokens"))
    *_, last = openai_client.responses.create(model="gpt-4o", input="Hi", stream=True)
    assert last.type == "response.incomplete" and last.response.usage


def test_error_event(stub: StubServer, openai_client: OpenAI) -> None:
    stub.script("/responses", Stream(error_after=4))
    seen: list[Any] = []
    try:
        seen.extend(openai_client.responses.create(model="gpt-4o", input="Hi", stream=True))
    except APIError:
        pytest.fail("the SDK raises for an `error` key only, which this event has not")
    assert [event.type for event in seen][-1] == "error" and len(seen) == 5


def test_async(stub: StubServer) -> None:
    async def run() -> None:
        async with AsyncOpenAI(base_url=stub.openai_url, api_key="k") as client:
            answer = await client.responses.create(model="gpt-4o", input="Hi")
            events = [event async for event in await client.responses.create(model="gpt-4o", input="Hi", stream=True)]
            parsed = await client.responses.parse(model="gpt-4o", input="Hi", text_format=Place)
            again = await client.responses.retrieve(answer.id)
        assert again.id == answer.id and events[-1].type == "response.completed" and parsed.output_parsed

    asyncio.run(run())
