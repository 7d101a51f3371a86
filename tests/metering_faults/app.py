"""A small app: every way in which a program makes a call and takes its answer, each giving all that the program saw."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anthropic
import openai

from tests.stub import Stream, StubServer

HELLO: Any = [{"role": "user", "content": "Hello!"}]
CHAT: Any = {"model": "gpt-4o", "messages": HELLO}
RESPONSE: Any = {"model": "gpt-5.6-sol", "input": "Hello!"}
CLAUDE: Any = {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": HELLO}
TOOLS: Any = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]


class Clients:
    """The real clients pointed at one stub, sync and async; nothing is retried unless a test says so."""

    def __init__(self, stub: StubServer, **options: Any) -> None:
        given: Any = {"api_key": "sk-stub", "max_retries": 0, **options}
        self.openai = openai.OpenAI(base_url=stub.openai_url, **given)
        self.anthropic = anthropic.Anthropic(base_url=stub.anthropic_url, **given)
        self.async_openai = openai.AsyncOpenAI(base_url=stub.openai_url, **given)
        self.async_anthropic = anthropic.AsyncAnthropic(base_url=stub.anthropic_url, **given)


def dump(value: Any) -> Any:
    """Everything that an app can see of an SDK's result, comparable."""
    if hasattr(value, "model_dump"):
        fields = value.model_dump(warnings=False), value.model_dump(exclude_unset=True, warnings=False)
        return [type(value).__qualname__, *fields, repr(value)]
    if hasattr(value, "iter_bytes"):
        return [type(value).__qualname__, value.content]
    return [type(value).__qualname__, value]


async def settled(value: Any) -> Any:
    """The value, awaited where it has to be: raw responses are sync in one SDK and async in the other."""
    return await value if inspect.isawaitable(value) else value


def hellos() -> Iterator[Any]:
    """Messages that can be read only once."""
    yield from HELLO


# --- OpenAI, sync --------------------------------------------------------------------------------------------------


def chat(c: Clients) -> Any:
    return dump(c.openai.chat.completions.create(**CHAT, temperature=0.5, tools=TOOLS))


def chat_of_a_generator(c: Clients) -> Any:
    return dump(c.openai.chat.completions.create(model="gpt-4o", messages=hellos()))


def chat_parse(c: Clients) -> Any:
    return dump(c.openai.chat.completions.parse(**CHAT))


def chat_stream(c: Clients) -> Any:
    return [dump(chunk) for chunk in c.openai.chat.completions.create(**CHAT, stream=True)]


def chat_stream_asked(c: Clients) -> Any:
    options: Any = {"include_usage": True}
    return [dump(chunk) for chunk in c.openai.chat.completions.create(**CHAT, stream=True, stream_options=options)]


def chat_stream_left(c: Clients) -> Any:
    with c.openai.chat.completions.create(**CHAT, stream=True) as stream:
        return [dump(next(stream)), dump(next(iter(stream))), stream.response.status_code, stream.response.__class__]


def chat_stream_closed(c: Clients) -> Any:
    stream = c.openai.chat.completions.create(**CHAT, stream=True)
    seen = [dump(next(stream)), isinstance(stream, openai.Stream)]
    return [*seen, stream.close(), stream.response.close(), stream.response.is_closed]


def chat_stream_dropped(c: Clients) -> Any:
    for chunk in c.openai.chat.completions.create(**CHAT, stream=True):
        return dump(chunk)
    return None


def chat_stream_cut(c: Clients) -> Any:
    return [dump(chunk) for chunk in c.openai.chat.completions.create(model="always-cut", messages=HELLO, stream=True)]


def chat_stream_broken(c: Clients) -> Any:
    ask: Any = {"model": "always-broken", "messages": HELLO}
    return [dump(chunk) for chunk in c.openai.chat.completions.create(**ask, stream=True)]


def chat_helper(c: Clients) -> Any:
    with c.openai.chat.completions.stream(**CHAT) as stream:
        return [*(dump(event) for event in stream), dump(stream.get_final_completion())]


def chat_limited(c: Clients) -> Any:
    return dump(c.openai.chat.completions.create(model="always-rate-limited", messages=HELLO))


def chat_limited_stream(c: Clients) -> Any:
    return list(c.openai.chat.completions.create(model="always-rate-limited", messages=HELLO, stream=True))


def chat_without_messages(c: Clients) -> Any:
    ask: Any = {"model": "gpt-4o"}
    return c.openai.chat.completions.create(**ask)


def chat_raw(c: Clients) -> Any:
    raw = c.openai.chat.completions.with_raw_response.create(**CHAT)
    return [raw.status_code, raw.text, dump(raw.parse()), raw.parse() is raw.parse(), raw.__class__]


def chat_raw_stream(c: Clients) -> Any:
    raw = c.openai.chat.completions.with_raw_response.create(**CHAT, stream=True)
    stream = raw.parse()
    seen = [hasattr(raw, "json"), hasattr(raw, "read"), raw.status_code, raw.parse() is stream]
    return [*seen, *(dump(chunk) for chunk in stream)]


def chat_raw_limited(c: Clients) -> Any:
    return c.openai.chat.completions.with_raw_response.create(model="always-rate-limited", messages=HELLO)


def chat_streaming_response(c: Clients) -> Any:
    with c.openai.chat.completions.with_streaming_response.create(**CHAT) as raw:
        return [raw.status_code, raw.json(), raw.text(), raw.read(), dump(raw.parse()), raw.http_response.__class__]


def chat_streaming_response_lines(c: Clients) -> Any:
    with c.openai.chat.completions.with_streaming_response.create(**CHAT) as raw:
        return list(raw.iter_lines())


def chat_streaming_response_stream(c: Clients) -> Any:
    with c.openai.chat.completions.with_streaming_response.create(**CHAT, stream=True) as raw:
        return [dump(chunk) for chunk in raw.parse()]


def completion_stream(c: Clients) -> Any:
    ask: Any = {"model": "gpt-3.5-turbo-instruct", "prompt": "Hello!"}
    return [dump(chunk) for chunk in c.openai.completions.create(**ask, stream=True)]


def response(c: Clients) -> Any:
    made = c.openai.responses.create(**RESPONSE)
    return [dump(made), dump(c.openai.responses.retrieve(made.id))]


def response_stream(c: Clients) -> Any:
    return [dump(event) for event in c.openai.responses.create(**RESPONSE, stream=True)]


def response_helper(c: Clients) -> Any:
    with c.openai.responses.stream(**RESPONSE) as stream:
        return [*(dump(event) for event in stream), dump(stream.get_final_response())]


def embeddings(c: Clients) -> Any:
    return dump(c.openai.embeddings.create(model="text-embedding-3-small", input=["Hello!", "you"]))


def image(c: Clients) -> Any:
    return dump(c.openai.images.generate(model="gpt-image-1", prompt="a meter"))


def moderation(c: Clients) -> Any:
    return dump(c.openai.moderations.create(input="Hello!"))


def speech(c: Clients) -> Any:
    return dump(c.openai.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="Hello!"))


def transcript(c: Clients) -> Any:
    return dump(c.openai.audio.transcriptions.create(model="gpt-4o-transcribe", file=("a.wav", b"RIFF")))


# --- Anthropic, sync -----------------------------------------------------------------------------------------------


def message(c: Clients) -> Any:
    return dump(c.anthropic.messages.create(**CLAUDE))


def message_beta(c: Clients) -> Any:
    return dump(c.anthropic.beta.messages.create(**CLAUDE))


def message_stream(c: Clients) -> Any:
    return [dump(event) for event in c.anthropic.messages.create(**CLAUDE, stream=True)]


def message_stream_dropped(c: Clients) -> Any:
    for event in c.anthropic.messages.create(**CLAUDE, stream=True):
        return dump(event)
    return None


def message_helper(c: Clients) -> Any:
    with c.anthropic.messages.stream(**CLAUDE) as stream:
        return [*(dump(event) for event in stream), dump(stream.get_final_message()), stream.__class__]


def message_helper_text(c: Clients) -> Any:
    with c.anthropic.messages.stream(**CLAUDE) as stream:
        return [*stream.text_stream, stream.get_final_text(), stream.response.status_code]


def message_helper_left(c: Clients) -> Any:
    with c.anthropic.messages.stream(**CLAUDE) as stream:
        return dump(next(iter(stream)))


def message_helper_limited(c: Clients) -> Any:
    with c.anthropic.messages.stream(model="always-rate-limited", max_tokens=5, messages=HELLO) as stream:
        return list(stream)


def message_helper_cut(c: Clients) -> Any:
    with c.anthropic.messages.stream(model="always-cut", max_tokens=5, messages=HELLO) as stream:
        return [dump(event) for event in stream]


def message_limited(c: Clients) -> Any:
    return c.anthropic.messages.create(model="always-rate-limited", max_tokens=5, messages=HELLO)


def message_raw(c: Clients) -> Any:
    raw = c.anthropic.messages.with_raw_response.create(**CLAUDE)
    return [raw.status_code, dump(raw.parse()), raw.parse() is raw.parse()]


def message_raw_stream(c: Clients) -> Any:
    raw = c.anthropic.messages.with_raw_response.create(**CLAUDE, stream=True)
    return [raw.status_code, *(dump(event) for event in raw.parse())]


def message_streaming_response(c: Clients) -> Any:
    with c.anthropic.messages.with_streaming_response.create(**CLAUDE) as raw:
        return [raw.status_code, raw.json(), dump(raw.parse())]


# --- async ---------------------------------------------------------------------------------------------------------


async def async_chat(c: Clients) -> Any:
    return dump(await c.async_openai.chat.completions.create(**CHAT))


async def async_chat_of_a_generator(c: Clients) -> Any:
    return dump(await c.async_openai.chat.completions.create(model="gpt-4o", messages=hellos()))


async def async_chat_stream(c: Clients) -> Any:
    return [dump(chunk) async for chunk in await c.async_openai.chat.completions.create(**CHAT, stream=True)]


async def async_chat_stream_left(c: Clients) -> Any:
    async with await c.async_openai.chat.completions.create(**CHAT, stream=True) as stream:
        async for chunk in stream:
            return [dump(chunk), stream.response.status_code]


async def async_chat_stream_closed(c: Clients) -> Any:
    stream = await c.async_openai.chat.completions.create(**CHAT, stream=True)
    seen = [dump(await anext(stream)), isinstance(stream, openai.AsyncStream), hasattr(stream, "aclose")]
    return [*seen, await stream.close(), await stream.response.aclose()]


async def async_chat_stream_cut(c: Clients) -> Any:
    ask: Any = {"model": "always-cut", "messages": HELLO}
    return [dump(chunk) async for chunk in await c.async_openai.chat.completions.create(**ask, stream=True)]


async def async_chat_stream_cancelled(c: Clients) -> Any:
    seen: list[Any] = []

    async def read() -> None:
        ask: Any = {"model": "stuck", "messages": HELLO}
        async for chunk in await c.async_openai.chat.completions.create(**ask, stream=True):
            seen.append(dump(chunk))

    task = asyncio.create_task(read())
    while len(seen) < 2:
        await asyncio.sleep(0.001)
    task.cancel("enough")
    try:
        await task
    except asyncio.CancelledError as error:
        return [error.args, *seen[:2]]


async def async_chat_helper(c: Clients) -> Any:
    async with c.async_openai.chat.completions.stream(**CHAT) as stream:
        return [*[dump(event) async for event in stream], dump(await stream.get_final_completion())]


async def async_chat_limited(c: Clients) -> Any:
    return await c.async_openai.chat.completions.create(model="always-rate-limited", messages=HELLO)


async def async_chat_raw_stream(c: Clients) -> Any:
    raw = await c.async_openai.chat.completions.with_raw_response.create(**CHAT, stream=True)
    return [raw.status_code, *[dump(chunk) async for chunk in await settled(raw.parse())]]


async def async_chat_streaming_response(c: Clients) -> Any:
    async with c.async_openai.chat.completions.with_streaming_response.create(**CHAT) as raw:
        return [raw.status_code, await settled(raw.json()), await settled(raw.text()), dump(await settled(raw.parse()))]


async def async_chat_streaming_response_stream(c: Clients) -> Any:
    async with c.async_openai.chat.completions.with_streaming_response.create(**CHAT, stream=True) as raw:
        return [dump(chunk) async for chunk in await settled(raw.parse())]


async def async_response_stream(c: Clients) -> Any:
    return [dump(event) async for event in await c.async_openai.responses.create(**RESPONSE, stream=True)]


async def async_embeddings(c: Clients) -> Any:
    return dump(await c.async_openai.embeddings.create(model="text-embedding-3-small", input="Hello!"))


async def async_message(c: Clients) -> Any:
    return dump(await c.async_anthropic.messages.create(**CLAUDE))


async def async_message_stream(c: Clients) -> Any:
    return [dump(event) async for event in await c.async_anthropic.messages.create(**CLAUDE, stream=True)]


async def async_message_helper(c: Clients) -> Any:
    async with c.async_anthropic.messages.stream(**CLAUDE) as stream:
        return [*[dump(event) async for event in stream], dump(await stream.get_final_message())]


async def async_message_helper_left(c: Clients) -> Any:
    async with c.async_anthropic.messages.stream(**CLAUDE) as stream:
        async for text in stream.text_stream:
            return text


async def async_message_helper_limited(c: Clients) -> Any:
    async with c.async_anthropic.messages.stream(model="always-rate-limited", max_tokens=5, messages=HELLO) as stream:
        return [event async for event in stream]


async def async_message_raw(c: Clients) -> Any:
    raw = await c.async_anthropic.messages.with_raw_response.create(**CLAUDE)
    return [raw.status_code, dump(await settled(raw.parse()))]


Way = Callable[[Clients], Any]
WAYS: dict[str, Way] = {
    name: way
    for name, way in list(globals().items())
    if inspect.isfunction(way) and "c" in inspect.signature(way).parameters
}
"""Every way above by its name."""


def prepare(stub: StubServer) -> None:
    """The answers that ways ask for by model."""
    stub.for_model("stuck", Stream(n=400, gap=0.005))


def outcome(way: Way, clients: Clients, runner: asyncio.Runner) -> Any:
    """What the app got: the result, or the exception with type, arguments and text. In a context of its own."""
    context = contextvars.copy_context()
    try:
        made = context.run(way, clients)
        return ["gave", runner.run(_awaited(made), context=context) if inspect.isawaitable(made) else made]
    except Exception as error:
        return ["raised", type(error), error.args, words(error), getattr(error, "status_code", None), cause(error)]


def words(error: BaseException) -> str:
    """What an exception says, if it can."""
    try:
        return str(error)
    except Exception as failure:
        return repr(failure)


def cause(error: BaseException) -> list[Any]:
    """The chain behind an exception."""
    below = error.__cause__ or error.__context__
    return [] if below is None else [type(below), *cause(below)]


async def _awaited(made: Awaitable[Any]) -> Any:
    return await made
