"""Message content: nothing unless asked for; then in the conventions' shapes, clipped before it is serialised."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from genmeter import names
from tests.stub import Reply, Stream, StubServer, ToolCall

from .cells import Step, make_client
from .conftest import MeterFactory
from .rig import Meter, one_call
from .sdk import CHAT, CLAUDE

CANARY = "xylophone-4711"
SPOKEN: Any = [{"role": "user", "content": f"Say {CANARY}"}]
CONTENT = (names.SYSTEM_INSTRUCTIONS, names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.TOOL_DEFINITIONS)
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
CLAUDE_TOOL: Any = {
    "name": "get_weather",
    "description": "Weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
DEFINED = [
    {
        "type": "function",
        "name": "get_weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    }
]
PIXEL = "iVBORw0KGgo="


def everything(client: Any, claude: Any, stub: StubServer) -> None:
    """Calls that carry the canary in every place a prompt or an answer can stand in, also in errors."""
    spoken = Reply(text=f"I say {CANARY}")
    stub.script(
        "/chat/completions",
        spoken,
        Stream(text=f"I say {CANARY}"),
        Reply(tool_calls=[ToolCall(arguments={"city": CANARY})]),
    )
    stub.script("/messages", Reply(text=f"I say {CANARY}", reasoning=CANARY), Stream(text=f"I say {CANARY}"))
    stub.script("/responses", Reply(text=f"I say {CANARY}", reasoning=CANARY))
    system = [{"role": "system", "content": CANARY}]
    client.chat.completions.create(model="gpt-4o", messages=[*system, *SPOKEN])
    list(client.chat.completions.create(model="gpt-4o", messages=SPOKEN, stream=True))
    client.chat.completions.create(model="gpt-4o", messages=SPOKEN, tools=[TOOL])
    client.responses.create(model="gpt-5.6-sol", instructions=CANARY, input=CANARY)
    client.completions.create(model="gpt-3.5-turbo-instruct", prompt=CANARY)
    client.embeddings.create(model="text-embedding-3-small", input=CANARY)
    client.images.generate(model="gpt-image-1", prompt=CANARY)
    client.moderations.create(input=CANARY)
    claude.messages.create(**{**CLAUDE, "system": CANARY, "messages": SPOKEN})
    with claude.messages.stream(**{**CLAUDE, "messages": SPOKEN}) as helper:
        helper.until_done()


def test_nothing_of_any_prompt_or_answer_is_exported_by_default(
    stub: StubServer, meter: Meter, client: OpenAI, claude: Any
) -> None:
    """Not in a span, not in an event, not in a metric."""
    everything(client, claude, stub)
    assert len(meter.spans) == 10 and len(meter.events()) == 10
    assert CANARY not in meter.exported()


@pytest.mark.parametrize("mode", ["SPAN_ONLY", "EVENT_ONLY", "SPAN_AND_EVENT"])
def test_each_mode_puts_content_where_it_says(
    mode: str, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """JSON texts on spans, structures on events, in the same words; never on metrics."""
    meter = meters(content=mode)
    stub.script("/chat/completions", Reply(text=f"I say {CANARY}"))
    client.chat.completions.create(**{**CHAT, "messages": SPOKEN})
    one_call(meter)
    asked = [{"role": "user", "parts": [{"type": "text", "content": f"Say {CANARY}"}]}]
    said = [{"role": "assistant", "parts": [{"type": "text", "content": f"I say {CANARY}"}], "finish_reason": "stop"}]
    attributes = meter.attributes
    details = meter.event.attributes
    if mode == "EVENT_ONLY":
        assert not [name for name in CONTENT if name in attributes]
    else:
        assert json.loads(attributes[names.INPUT_MESSAGES]) == asked
        assert json.loads(attributes[names.OUTPUT_MESSAGES]) == said
    if mode == "SPAN_ONLY":
        assert not [name for name in CONTENT if name in details]
    else:
        assert unfrozen(details[names.INPUT_MESSAGES]) == asked
        assert unfrozen(details[names.OUTPUT_MESSAGES]) == said
    assert CANARY not in json.dumps([str(point.attributes) for name in meter.collect() for point in meter.points(name)])


def unfrozen(value: Any) -> Any:
    """Structures as the logs SDK keeps them, as lists and dictionaries."""
    if hasattr(value, "items"):
        return {key: unfrozen(item) for key, item in value.items()}
    return [unfrozen(item) for item in value] if isinstance(value, (list, tuple)) else value


def captured(meter: Meter, name: str) -> Any:
    """One content attribute of the one span, parsed; the event's is the same."""
    one_call(meter)
    value = json.loads(meter.attributes[name])
    assert unfrozen(meter.event.attributes[name]) == value
    return value


@pytest.fixture
def capturing(meters: MeterFactory) -> Meter:
    """Content on spans and events."""
    return meters(content="SPAN_AND_EVENT")


def text(content: str) -> dict[str, Any]:
    """A text part."""
    return {"type": "text", "content": content}


def test_chat_messages_have_the_conventions_shapes(stub: StubServer, capturing: Meter, client: OpenAI) -> None:
    """System, text, images by link and by data, audio, a tool call, its result."""
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
    messages: Any = [
        {"role": "system", "content": "Be brief"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            ],
        },
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
    ]
    client.chat.completions.create(model="gpt-4o", messages=messages, tools=[TOOL])
    found = captured(capturing, names.INPUT_MESSAGES)
    assert found == [
        {"role": "system", "parts": [text("Be brief")]},
        {
            "role": "user",
            "parts": [
                text("What is this?"),
                {"type": "uri", "modality": "image", "uri": "https://x.example/a.png"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PIXEL},
                {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "AAAA"},
            ],
        },
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Rome"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "sunny"}]},
    ]
    assert captured(capturing, names.TOOL_DEFINITIONS) == DEFINED


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_tool_calls_of_an_answer_are_objects(
    streamed: bool, stub: StubServer, capturing: Meter, client: OpenAI
) -> None:
    """Arguments are parsed, the finish reason is the conventions' word; a stream is joined to the same."""
    given = dict(tool_calls=[ToolCall(arguments={"city": "Rome"}), ToolCall(arguments={"city": "Oslo"})])
    stub.script("/chat/completions", Stream(**given) if streamed else Reply(**given))
    ask: Any = {**CHAT, "tools": [TOOL]}
    list(client.chat.completions.create(**ask, stream=True)) if streamed else client.chat.completions.create(**ask)
    (message,) = captured(capturing, names.OUTPUT_MESSAGES)
    assert message["finish_reason"] == "tool_call"
    parts = message["parts"]
    assert [(part["type"], part["name"], part["arguments"]) for part in parts] == [
        ("tool_call", "get_weather", {"city": "Rome"}),
        ("tool_call", "get_weather", {"city": "Oslo"}),
    ]
    assert len({part["id"] for part in parts}) == 2


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_chat_streams_text_is_joined_as_if_it_came_whole(
    streamed: bool, stub: StubServer, capturing: Meter, client: OpenAI
) -> None:
    """One message for each choice, with the reasoning that some servers send beside the text."""
    given: Any = dict(text="One two three", reasoning="Let me count")
    stub.script("/chat/completions", Stream(**given) if streamed else Reply(**given))
    ask: Any = {**CHAT, "n": 2}
    list(client.chat.completions.create(**ask, stream=True)) if streamed else client.chat.completions.create(**ask)
    message = {
        "role": "assistant",
        "parts": [{"type": "reasoning", "content": "Let me count"}, text("One two three")],
        "finish_reason": "stop",
    }
    assert captured(capturing, names.OUTPUT_MESSAGES) == [message, message]


@pytest.mark.parametrize(("api", "events"), [("chat", 3), ("responses", 6), ("messages", 4)])
def test_a_cut_streams_text_is_what_came(api: str, events: int, stub: StubServer, capturing: Meter) -> None:
    """The finish reason is ``error``."""
    stub.script({"chat": "/chat/completions"}.get(api, f"/{api}"), Stream(chunks=["One", " two", " three"], gap=0.005))
    with make_client("anthropic" if api == "messages" else "openai", stub, asynchronous=False) as client:
        create = client.chat.completions.create if api == "chat" else getattr(client, api).create
        ask: Any = {"chat": CHAT, "messages": CLAUDE}.get(api, {"model": "gpt-5.6-sol", "input": "x"})
        stream = create(**ask, stream=True)
        for _ in range(events):
            next(stream)
        stream.close()
    (message,) = captured(capturing, names.OUTPUT_MESSAGES)
    assert message == {"role": "assistant", "parts": [text("One two")], "finish_reason": "error"}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_responses_have_the_conventions_shapes(
    streamed: bool, stub: StubServer, capturing: Meter, client: OpenAI
) -> None:
    """Instructions apart, items by kind, the answer as one message."""
    given: Any = dict(text="It is sunny", reasoning="Let me see")
    stub.script("/responses", Stream(**given) if streamed else Reply(**given))
    items: Any = [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Weather?"},
                {"type": "input_image", "image_url": "https://x.example/a.png"},
            ],
        },
        {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city": "Rome"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
    ]
    ask: Any = {"model": "gpt-5.6-sol", "instructions": "Be brief", "input": items}
    ask["tools"] = [{"type": "function", **TOOL["function"]}]
    list(client.responses.create(**ask, stream=True)) if streamed else client.responses.create(**ask)
    assert captured(capturing, names.SYSTEM_INSTRUCTIONS) == [text("Be brief")]
    assert captured(capturing, names.TOOL_DEFINITIONS) == DEFINED
    assert captured(capturing, names.INPUT_MESSAGES) == [
        {
            "role": "user",
            "parts": [text("Weather?"), {"type": "uri", "modality": "image", "uri": "https://x.example/a.png"}],
        },
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "c1", "name": "get_weather", "arguments": {"city": "Rome"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "sunny"}]},
    ]
    (message,) = captured(capturing, names.OUTPUT_MESSAGES)
    assert message["role"] == "assistant"
    assert message["parts"] == [{"type": "reasoning", "content": "Let me see"}, text("It is sunny")]
    assert message["finish_reason"] == "stop"


@pytest.mark.parametrize("way", ["whole", "stream", "helper"])
@pytest.mark.parametrize("beta", [False, True], ids=["plain", "beta"])
def test_claudes_messages_have_the_conventions_shapes(
    way: str, beta: bool, stub: StubServer, capturing: Meter, claude: Any
) -> None:
    """System apart, thinking as reasoning, tool use and its result, images by link and by data."""
    given: Any = dict(text="Let me look", reasoning="Hm", tool_calls=[ToolCall(arguments={"city": "Rome"})])
    stub.script("/messages", Reply(**given) if way == "whole" else Stream(**given))
    messages: Any = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t1", "name": "get_weather", "input": {"city": "Rome"}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "sunny"}]},
    ]
    ask: Any = {**CLAUDE, "system": "Be brief", "messages": messages, "tools": [CLAUDE_TOOL]}
    resource = claude.beta.messages if beta else claude.messages
    if way == "helper":
        with resource.stream(**ask) as helper:
            helper.until_done()
    else:
        list(resource.create(**ask, stream=True)) if way == "stream" else resource.create(**ask)
    assert captured(capturing, names.SYSTEM_INSTRUCTIONS) == [text("Be brief")]
    assert captured(capturing, names.TOOL_DEFINITIONS) == DEFINED
    assert captured(capturing, names.INPUT_MESSAGES) == [
        {
            "role": "user",
            "parts": [
                text("What is this?"),
                {"type": "uri", "modality": "image", "uri": "https://x.example/a.png"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PIXEL},
            ],
        },
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "t1", "name": "get_weather", "arguments": {"city": "Rome"}}],
        },
        {"role": "user", "parts": [{"type": "tool_call_response", "id": "t1", "response": "sunny"}]},
    ]
    (message,) = captured(capturing, names.OUTPUT_MESSAGES)
    assert message["finish_reason"] == "tool_call"
    reasoning, said, called = message["parts"]
    assert reasoning == {"type": "reasoning", "content": "Hm"} and said == text("Let me look")
    assert (called["type"], called["name"], called["arguments"]) == ("tool_call", "get_weather", {"city": "Rome"})


def test_raw_responses_are_captured_too(stub: StubServer, capturing: Meter, client: OpenAI) -> None:
    """Read from the body, as the app has it."""
    stub.script("/chat/completions", Reply(text="Hi"))
    client.chat.completions.with_raw_response.create(**CHAT)
    (message,) = captured(capturing, names.OUTPUT_MESSAGES)
    assert message == {"role": "assistant", "parts": [text("Hi")], "finish_reason": "stop"}


def test_structured_output_is_captured_as_text(stub: StubServer, capturing: Meter, client: OpenAI) -> None:
    """What came over the wire."""
    client.chat.completions.parse(**CHAT, response_format=Step)
    (message,) = captured(capturing, names.OUTPUT_MESSAGES)
    assert message["parts"] == [text('{"text":"text"}')]
    assert capturing.attributes[names.OUTPUT_TYPE] == "json"


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("mode", ["NO_CONTENT", "SPAN_AND_EVENT"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_generator_arguments_reach_the_server_whole(
    kind: str, mode: str, asynchronous: bool, streamed: bool, stub: StubServer, meters: MeterFactory
) -> None:
    """``messages=(m for m in …)`` is not drained before the SDK has it, and is captured all the same."""
    meter = meters(content=mode)

    def messages() -> Iterator[Any]:
        yield {"role": "user", "content": "One"}
        yield {"role": "user", "content": "Two"}

    def call(client: Any) -> Any:
        create = client.messages.create if kind == "anthropic" else client.chat.completions.create
        ask = CLAUDE if kind == "anthropic" else CHAT
        return create(**{**ask, "messages": messages()}, stream=streamed)

    async def run() -> None:
        async with make_client(kind, stub, asynchronous=True) as client:
            answer = await call(client)
            if streamed:
                async for _ in answer:
                    pass

    if asynchronous:
        asyncio.run(run())
    else:
        with make_client(kind, stub, asynchronous=False) as client:
            answer = call(client)
            list(answer) if streamed else None
    (request,) = stub.requests
    assert [message["content"] for message in request.body["messages"]] == ["One", "Two"]
    one_call(meter)
    if mode != "NO_CONTENT":
        found = json.loads(meter.attributes[names.INPUT_MESSAGES])
        assert [message["parts"][0]["content"] for message in found] == ["One", "Two"]


def test_long_texts_are_clipped_before_they_are_serialised(
    stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """The JSON is whole, each text at most as long as the setting says."""
    meter = meters(content="SPAN_AND_EVENT", content_limit=100)
    stub.script("/chat/completions", Reply(text="b" * 5000))
    client.chat.completions.create(**{**CHAT, "messages": [{"role": "user", "content": "a" * 5000}]})
    (asked,) = captured(meter, names.INPUT_MESSAGES)
    assert asked["parts"][0]["content"] == "a" * 100 + "…"
    (said,) = captured(meter, names.OUTPUT_MESSAGES)
    assert said["parts"][0]["content"] == "b" * 100 + "…"


@pytest.mark.parametrize("variable", ["OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"])
@pytest.mark.parametrize("limit", [40, 200, 1000])
def test_the_sdks_own_limit_leaves_valid_json(
    variable: str, limit: int, stub: StubServer, meters: MeterFactory, client: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would cut the text and break the JSON: it gets one that fits."""
    monkeypatch.setenv(variable, str(limit))
    meter = meters(content="SPAN_ONLY")
    messages: Any = [{"role": "user", "content": f"{number} " + "a" * 700} for number in range(5)]
    client.chat.completions.create(**{**CHAT, "messages": messages})
    value = meter.attributes[names.INPUT_MESSAGES]
    assert len(value) <= limit
    assert isinstance(json.loads(value), list)


def test_what_the_app_changes_later_is_not_captured(stub: StubServer, capturing: Meter, client: OpenAI) -> None:
    """A conversation list that the app appends to while it reads the stream is what it was at the call."""
    messages: Any = [{"role": "user", "content": "One"}]
    for _ in client.chat.completions.create(model="gpt-4o", messages=messages, stream=True):
        messages.append({"role": "assistant", "content": "Two"})
        messages[0]["content"] = "Changed"
    assert captured(capturing, names.INPUT_MESSAGES) == [{"role": "user", "parts": [text("One")]}]


def test_answers_of_the_sdk_as_arguments_are_captured(stub: StubServer, capturing: Meter, client: OpenAI) -> None:
    """An app that sends the SDK's own message object back."""
    stub.script("/chat/completions", Reply(text="Hi"), Reply(text="Ho"))
    first: Any = client.chat.completions.create(**CHAT).choices[0].message
    capturing.clear()
    client.chat.completions.create(
        model="gpt-4o", messages=[*CHAT["messages"], first, {"role": "user", "content": "And?"}]
    )
    assert captured(capturing, names.INPUT_MESSAGES)[1] == {"role": "assistant", "parts": [text("Hi")]}


def test_failed_calls_keep_what_was_asked(stub: StubServer, capturing: Meter, client: OpenAI) -> None:
    """An error has an input and no output."""
    stub.script("/chat/completions", Reply(400))
    with pytest.raises(Exception, match="400"):
        client.chat.completions.create(**CHAT)
    assert captured(capturing, names.INPUT_MESSAGES) == [{"role": "user", "parts": [text("Hello!")]}]
    assert names.OUTPUT_MESSAGES not in capturing.attributes
