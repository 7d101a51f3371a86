"""Chat completions and completions with the real SDK."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from tests.stub import Exact, Reply, Stream, StubServer, ToolCall

from .sdk import HELLO

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}


class Place(BaseModel):
    """Structured output."""

    name: str
    population: int
    tags: list[str]
    country: str | None


def test_plain(stub: StubServer, openai_client: OpenAI) -> None:
    first = openai_client.chat.completions.create(model="gpt-4o", messages=HELLO)
    second = openai_client.chat.completions.create(model="gpt-4o", messages=HELLO)
    assert first.id.startswith("chatcmpl-") and first.id != second.id
    assert first.model == "gpt-4o-2024-08-06"
    assert first.choices[0].message.content == "Hello! How can I assist you today?"
    assert first.usage and (first.usage.prompt_tokens, first.usage.completion_tokens) == (19, 10)
    request = stub.requests[0]
    assert (request.method, request.path, request.query) == ("POST", "/v1/chat/completions", {})
    assert request.body == {"model": "gpt-4o", "messages": HELLO}
    assert request.headers["authorization"] == "Bearer sk-stub"
    assert len(stub.requests) == 2


def test_stream_has_usage_only_when_asked(openai_client: OpenAI) -> None:
    silent = list(openai_client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True))
    assert all(chunk.choices for chunk in silent)
    assert not any("usage" in chunk.model_fields_set for chunk in silent)
    stream = openai_client.chat.completions.create(
        model="gpt-4o", messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = list(stream)
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in chunks)
    assert last.choices == [] and last.usage and last.usage.total_tokens == 29
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == "Hello! How can I assist you today?"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_stream_helper_and_parse(openai_client: OpenAI) -> None:
    parsed = openai_client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=Place)
    assert isinstance(parsed.choices[0].message.parsed, Place)
    with openai_client.chat.completions.stream(model="gpt-4o", messages=HELLO, response_format=Place) as stream:
        kinds = {event.type for event in stream}
        assert isinstance(stream.get_final_completion().choices[0].message.parsed, Place)
    assert {"chunk", "content.delta", "content.done"} <= kinds


def test_tool_calls(stub: StubServer, openai_client: OpenAI) -> None:
    stub.script("/chat/completions", Reply(tool_calls=[ToolCall()]), Reply(tool_calls=[ToolCall()] * 2))
    plain = openai_client.chat.completions.create(model="gpt-4o", messages=HELLO, tools=[WEATHER])
    calls: Any = plain.choices[0].message.tool_calls
    assert plain.choices[0].finish_reason == "tool_calls" and calls[0].function.name == "get_weather"
    assert json.loads(calls[0].function.arguments) == {"city": "text", "days": 1}
    with openai_client.chat.completions.stream(model="gpt-4o", messages=HELLO, tools=[WEATHER]) as stream:
        message = stream.get_final_completion().choices[0].message
    assert message.tool_calls and len({call.id for call in message.tool_calls}) == 2
    assert message.tool_calls[1].function.parsed_arguments == {"city": "text", "days": 1}


def test_usage_overrides(stub: StubServer, openai_client: OpenAI) -> None:
    details = {"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 640}}
    stub.script("/chat/completions", Reply(usage=details), Reply(usage=None), Reply(usage=Exact(prompt_tokens="7")))
    laid_over, missing, exact = (
        openai_client.chat.completions.create(model="gpt-4o", messages=HELLO).usage for _ in range(3)
    )
    assert laid_over and laid_over.prompt_tokens_details and laid_over.total_tokens == 1010
    assert laid_over.prompt_tokens_details.cached_tokens == 640 and laid_over.prompt_tokens_details.audio_tokens == 0
    assert missing is None
    assert exact and exact.to_dict() == {"prompt_tokens": "7"}


def test_several_choices_and_scripted_chunks(stub: StubServer, openai_client: OpenAI) -> None:
    assert len(openai_client.chat.completions.create(model="gpt-4o", messages=HELLO, n=3).choices) == 3
    stub.script("/chat/completions", Stream(chunks=["a", "b", "b"], finish="length"), Stream(n=4))
    chunks = list(openai_client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True, n=2))
    texts = {i: "".join(c.choices[0].delta.content or "" for c in chunks if c.choices[0].index == i) for i in (0, 1)}
    assert texts == {0: "abb", 1: "abb"} and chunks[-1].choices[0].finish_reason == "length"
    assert len(list(openai_client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True))) == 6


def test_raw_and_streaming_response(openai_client: OpenAI) -> None:
    raw = openai_client.chat.completions.with_raw_response.create(model="gpt-4o", messages=HELLO)
    assert raw.headers["x-request-id"].startswith("req_") and raw.parse().choices
    with openai_client.chat.completions.with_streaming_response.create(model="gpt-4o", messages=HELLO) as response:
        assert "chat.completion" in "".join(response.iter_lines())


def test_legacy_completions(openai_client: OpenAI) -> None:
    plain = openai_client.completions.create(model="gpt-3.5-turbo-instruct", prompt="Say this is a test")
    assert plain.id.startswith("cmpl-") and plain.usage and plain.usage.total_tokens == 12
    chunks = list(
        openai_client.completions.create(
            model="gpt-3.5-turbo-instruct", prompt="x", stream=True, stream_options={"include_usage": True}
        )
    )
    assert chunks[-1].usage and "".join(c.choices[0].text for c in chunks[:-1]) == plain.choices[0].text


def test_async(stub: StubServer) -> None:
    async def run() -> None:
        async with AsyncOpenAI(base_url=stub.openai_url, api_key="k") as client:
            plain = await client.chat.completions.create(model="gpt-4o", messages=HELLO)
            stream = await client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
            chunks = [chunk async for chunk in stream]
            parsed = await client.chat.completions.parse(model="gpt-4o", messages=HELLO, response_format=Place)
            text = await client.completions.create(model="gpt-3.5-turbo-instruct", prompt="x")
            many = await asyncio.gather(
                *(client.chat.completions.create(model="gpt-4o", messages=HELLO) for _ in range(20))
            )
        assert plain.usage and chunks and parsed.choices[0].message.parsed and text.choices
        assert len({answer.id for answer in many}) == 20

    asyncio.run(run())
