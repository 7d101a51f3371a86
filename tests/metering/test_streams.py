"""However a stream ends, it is one call: one span, what is known of it booked, and the app undisturbed."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry import trace
from opentelemetry.trace import StatusCode

from genmeter import names
from tests.stub import Stream, StubServer

from .cells import make_client
from .conftest import MeterFactory
from .rig import MICRO, Meter, one_call
from .sdk import CHAT, CLAUDE

SOL: Any = {"model": "gpt-5.6-sol", "input": "Tell"}
SLOW = Stream(n=400, gap=0.005)
PATHS = {"chat": "/chat/completions", "responses": "/responses", "messages": "/messages", "helper": "/messages"}


@pytest.fixture(autouse=True)
def no_detach_failures(caplog: pytest.LogCaptureFixture) -> Any:
    """ "Failed to detach context" is never logged, whatever these tests do."""
    with caplog.at_level(logging.DEBUG, logger="opentelemetry.context"):
        yield
    assert [record.getMessage() for record in caplog.records if record.name == "opentelemetry.context"] == []


def kind_of(api: str) -> str:
    """Which SDK an api belongs to."""
    return "anthropic" if api in ("messages", "helper") else "openai"


def begin(api: str, client: Any) -> Any:
    """A stream of one of the APIs; the client decides whether it has to be awaited."""
    if api == "chat":
        return client.chat.completions.create(**CHAT, stream=True)
    if api == "responses":
        return client.responses.create(**SOL, stream=True)
    return client.messages.create(**CLAUDE, stream=True)


def await_span(meter: Meter, count: int = 1) -> None:
    """Dropped streams are closed by another thread, soon."""
    deadline = time.monotonic() + 60
    while len(meter.spans) < count and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.005)


def check_cut(api: str, meter: Meter, *cuts: str) -> None:
    """One span, no error, the cut marked, and the usage that is known."""
    await_span(meter)
    attributes = one_call(meter)
    assert meter.span.status.status_code is StatusCode.UNSET
    assert names.ERROR_TYPE not in attributes and not meter.events(names.EVENT_EXCEPTION)
    assert attributes[names.STREAM_CUT] in cuts
    assert attributes[names.FINISH_REASONS] == ["error"]
    if kind_of(api) == "anthropic":
        # message_start: 25 in, 1 out; claude-sonnet-4-5 3 / 15: 25 × 3 + 1 × 15
        assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (25, 1)
        assert attributes[names.COST_STATUS] == "partial"
        assert attributes[names.COST_AMOUNT] == pytest.approx(90 * MICRO, rel=1e-12)
    else:
        assert names.INPUT_TOKENS not in attributes
        assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("unpriced", "no_usage")


def stop_by_break(stream: Any) -> None:
    for _ in stream:
        break
    stream.close()


def stop_by_close(stream: Any) -> None:
    next(iter(stream))
    stream.close()
    stream.close()


def stop_by_with(stream: Any) -> None:
    with stream as chunks:
        for _ in chunks:
            break


def stop_by_error_inside_with(stream: Any) -> None:
    with pytest.raises(ZeroDivisionError), stream as chunks:
        for _ in chunks:
            raise ZeroDivisionError


def stop_from_another_thread(stream: Any) -> None:
    next(iter(stream))
    thread = threading.Thread(target=stream.close)
    thread.start()
    thread.join()


def stop_by_response(stream: Any) -> None:
    next(iter(stream))
    stream.response.close()


SYNC_STOPS = [
    stop_by_break, stop_by_close, stop_by_with, stop_by_error_inside_with, stop_from_another_thread, stop_by_response,
]  # fmt: skip


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
@pytest.mark.parametrize("stop", SYNC_STOPS, ids=lambda stop: stop.__name__)
def test_a_stream_that_is_stopped_early_is_one_span(
    stop: Callable[[Any], None], api: str, stub: StubServer, meter: Meter
) -> None:
    """Stopping to read is no failure; what was seen is booked and the cut is marked."""
    stub.script(PATHS[api], SLOW)
    with make_client(kind_of(api), stub, asynchronous=False) as client:
        stop(begin(api, client))
    check_cut(api, meter, "closed")


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_a_stream_that_is_closed_unread_is_one_span(api: str, stub: StubServer, meter: Meter) -> None:
    """Nothing was seen of it: one span, marked as cut, without usage."""
    stub.script(PATHS[api], SLOW)
    with make_client(kind_of(api), stub, asynchronous=False) as client:
        begin(api, client).close()
    attributes = one_call(meter)
    assert attributes[names.STREAM_CUT] == "closed" and names.INPUT_TOKENS not in attributes
    assert meter.span.status.status_code is StatusCode.UNSET


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
@pytest.mark.parametrize("read", [0, 2])
def test_a_dropped_stream_is_closed_as_abandoned(api: str, read: int, stub: StubServer, meter: Meter) -> None:
    """Nobody closes it: the collector does, on another thread."""
    stub.script(PATHS[api], SLOW)
    with make_client(kind_of(api), stub, asynchronous=False) as client:
        stream = begin(api, client)
        for _ in range(read):
            next(stream)
        del stream
        await_span(meter)
        if read:
            check_cut(api, meter, "abandoned")
        else:
            assert one_call(meter)[names.STREAM_CUT] == "abandoned"


async def leave_by_break(stream: Any) -> None:
    async for _ in stream:
        break
    await stream.close()


async def leave_by_with(stream: Any) -> None:
    async with stream as chunks:
        async for _ in chunks:
            break


async def leave_in_another_task(stream: Any) -> None:
    await anext(aiter(stream))
    await asyncio.create_task(stream.close())


async def leave_by_timeout(stream: Any) -> None:
    async def drain() -> None:
        async for _ in stream:
            pass

    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(drain(), 0.1)


async def leave_by_cancel(stream: Any) -> None:
    started = asyncio.Event()

    async def drain() -> None:
        async for _ in stream:
            started.set()

    task = asyncio.create_task(drain())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def leave_a_generator(stream: Any) -> None:
    """An app's own async generator around the stream, left early."""

    async def pieces() -> Any:
        async with stream as chunks:
            async for chunk in chunks:
                yield chunk

    generator = pieces()
    await anext(generator)
    await generator.aclose()


ASYNC_STOPS = {
    leave_by_break: "closed", leave_by_with: "closed", leave_in_another_task: "closed",
    leave_by_timeout: "cancelled", leave_by_cancel: "cancelled", leave_a_generator: "closed",
}  # fmt: skip


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
@pytest.mark.parametrize("leave", ASYNC_STOPS, ids=lambda leave: leave.__name__)
def test_an_async_stream_that_is_left_early_is_one_span(leave: Any, api: str, stub: StubServer, meter: Meter) -> None:
    """Break, close in another task, timeout, cancellation, an abandoned generator: no failure, one span."""
    stub.script(PATHS[api], SLOW)

    async def run() -> None:
        async with make_client(kind_of(api), stub, asynchronous=True) as client:
            await leave(await begin(api, client))

    asyncio.run(run())
    check_cut(api, meter, ASYNC_STOPS[leave])


def test_a_call_cancelled_before_its_answer_is_an_error(stub: StubServer, meter: Meter) -> None:
    """Nothing came yet: the call itself was cancelled, which is how it ended."""

    async def run() -> None:
        async with make_client("openai", stub, asynchronous=True) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.chat.completions.create(**{**CHAT, "model": "slow-answer"}), 0.05)

    asyncio.run(run())
    attributes = one_call(meter)
    assert attributes[names.ERROR_TYPE] == "CancelledError"
    assert names.COST_STATUS not in attributes


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("fate", ["cut_after", "error_after"])
@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_a_stream_that_breaks_is_an_error_with_what_was_known(
    api: str, fate: str, asynchronous: bool, stub: StubServer, meters: MeterFactory
) -> None:
    """The app gets the SDK's own exception; the span has its name and the tokens so far."""
    stub.script(PATHS[api], *[Stream(**{fate: 3})] * 2)
    bare = type(broken(api, asynchronous, stub))
    meter = meters()
    error = broken(api, asynchronous, stub)
    assert type(error) is bare
    attributes = one_call(meter)
    if error is None:
        # The responses API reports a failure as an event, which the SDK does not raise; a cut body it does.
        assert api == "responses" and fate == "error_after"
        assert meter.span.status.status_code is StatusCode.ERROR and attributes[names.ERROR_TYPE] == "server_error"
        return
    assert meter.span.status.status_code is StatusCode.ERROR
    assert attributes[names.ERROR_TYPE] == expected_error(error)
    (event,) = meter.events(names.EVENT_EXCEPTION)
    assert event.attributes[names.EXCEPTION_TYPE] == f"{bare.__module__}.{bare.__qualname__}"
    assert attributes[names.FINISH_REASONS] == ["error"]
    if api == "messages":
        assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (25, 1)
        assert attributes[names.COST_STATUS] == "partial"


def broken(api: str, asynchronous: bool, stub: StubServer) -> BaseException | None:
    """What reading the whole stream raises."""

    async def run() -> None:
        async with make_client(kind_of(api), stub, asynchronous=True) as client:
            async for _ in await begin(api, client):
                pass

    try:
        if asynchronous:
            asyncio.run(run())
        else:
            with make_client(kind_of(api), stub, asynchronous=False) as client:
                for _ in begin(api, client):
                    pass
    except Exception as error:
        return error
    return None


def expected_error(error: BaseException) -> str:
    """The provider's code where it sent one, else the exception's class."""
    body: Any = getattr(error, "body", None)
    inner: Any = body.get("error", body) if isinstance(body, dict) else None
    sent = (inner.get("code") or inner.get("type")) if isinstance(inner, dict) else None
    return str(sent) if sent else f"{type(error).__module__.partition('.')[0]}.{type(error).__qualname__}"


@pytest.mark.parametrize("read", ["until_done", "get_final_message", "get_final_text", "text_stream", "iterate"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("beta", [False, True], ids=["plain", "beta"])
def test_every_way_through_anthropics_helper_books_the_whole_call(
    read: str, asynchronous: bool, beta: bool, stub: StubServer, meter: Meter
) -> None:
    """claude-sonnet-4-5: 25 × 3 + 15 × 15 = 300, whichever method of the helper read it."""

    def start(client: Any) -> Any:
        return (client.beta.messages if beta else client.messages).stream(**CLAUDE)

    async def run() -> None:
        async with make_client("anthropic", stub, asynchronous=True) as client, start(client) as helper:
            if read == "text_stream":
                assert "".join([text async for text in helper.text_stream]) == "Hi! My name is Claude."
            elif read == "iterate":
                async for _ in helper:
                    pass
            else:
                await getattr(helper, read)()

    if asynchronous:
        asyncio.run(run())
    else:
        with make_client("anthropic", stub, asynchronous=False) as client, start(client) as helper:
            if read == "text_stream":
                assert "".join(helper.text_stream) == "Hi! My name is Claude."
            elif read == "iterate":
                list(helper)
            else:
                getattr(helper, read)()
    attributes = one_call(meter)
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (25, 15)
    assert attributes[names.COST_AMOUNT] == pytest.approx(300 * MICRO, rel=1e-12)
    assert names.STREAM_CUT not in attributes


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_anthropics_helper_left_early_is_one_span(asynchronous: bool, stub: StubServer, meter: Meter) -> None:
    """Leaving the ``with`` block after the first text is a cut, not a failure."""
    stub.script("/messages", SLOW)

    async def run() -> None:
        async with make_client("anthropic", stub, asynchronous=True) as client:
            async with client.messages.stream(**CLAUDE) as helper:
                async for _ in helper.text_stream:
                    break

    if asynchronous:
        asyncio.run(run())
    else:
        with make_client("anthropic", stub, asynchronous=False) as client:
            with client.messages.stream(**CLAUDE) as helper:
                for _ in helper.text_stream:
                    break
    check_cut("helper", meter, "closed")


def test_a_helper_that_is_never_entered_makes_no_call(stub: StubServer, meter: Meter, claude: Any) -> None:
    """The manager alone sends nothing, so there is nothing to bill."""
    claude.messages.stream(**CLAUDE)
    assert stub.requests == [] and meter.spans == []


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("read", ["until_done", "get_final_completion", "iterate"])
def test_every_way_through_openais_chat_helper_books_the_whole_call(
    read: str, asynchronous: bool, stub: StubServer, meter: Meter
) -> None:
    """gpt-4o: 19 × 2.5 + 10 × 10 = 147.5."""

    async def run() -> None:
        async with make_client("openai", stub, asynchronous=True) as client:
            async with client.chat.completions.stream(**CHAT) as helper:
                if read == "iterate":
                    async for _ in helper:
                        pass
                else:
                    await getattr(helper, read)()

    if asynchronous:
        asyncio.run(run())
    else:
        with make_client("openai", stub, asynchronous=False) as client:
            with client.chat.completions.stream(**CHAT) as helper:
                list(helper) if read == "iterate" else getattr(helper, read)()
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(147.5 * MICRO, rel=1e-12)


@pytest.mark.parametrize("read", ["until_done", "get_final_response"])
def test_every_way_through_openais_responses_helper_books_the_whole_call(
    read: str, stub: StubServer, meter: Meter, client: openai.OpenAI
) -> None:
    """gpt-5.6-sol: 36 × 4 + 87 × 20 = 1884."""
    with client.responses.stream(**SOL) as helper:
        getattr(helper, read)()
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(1884 * MICRO, rel=1e-12)


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_the_span_ends_with_the_stream_and_not_before(api: str, stub: StubServer, meter: Meter) -> None:
    """While the app reads, the call is under way; then the span lasts as long as the stream did."""
    stub.script(PATHS[api], Stream(n=4, gap=0.02))
    with make_client(kind_of(api), stub, asynchronous=False) as client:
        stream = begin(api, client)
        assert meter.spans == [] and meter.total(names.CALLS_ACTIVE) == 1
        next(stream)
        assert meter.spans == []
        for _ in stream:
            pass
    span = meter.span
    assert span.end_time is not None and span.start_time is not None
    assert span.end_time - span.start_time >= 60_000_000
    attributes = one_call(meter)
    assert 0 < attributes[names.TIME_TO_FIRST_CHUNK] < (span.end_time - span.start_time) / 1e9


@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_the_consumer_does_not_run_inside_our_span(api: str, stub: StubServer, meter: Meter) -> None:
    """What the app does between two chunks is no part of the call: neither its spans nor its context."""
    outer = meter.tracer_provider.get_tracer("app")
    with make_client(kind_of(api), stub, asynchronous=False) as client, outer.start_as_current_span("work") as work:
        for _ in begin(api, client):
            assert trace.get_current_span() is work
        assert trace.get_current_span() is work
    (child,) = meter.spans
    assert child.parent is not None and child.parent.span_id == work.get_span_context().span_id


def test_an_async_consumer_does_not_run_inside_our_span(stub: StubServer, meter: Meter) -> None:
    """The same for tasks."""

    async def run() -> None:
        outer = meter.tracer_provider.get_tracer("app")
        async with make_client("openai", stub, asynchronous=True) as client:
            with outer.start_as_current_span("work") as work:
                async for _ in await begin("chat", client):
                    assert trace.get_current_span() is work

    asyncio.run(run())
    assert len(meter.spans) == 1


def hooked(meter: Meter, base: type[Any], asynchronous: bool) -> Any:
    """The SDK's HTTP client, making a span for each request as an HTTP instrumentation does."""
    tracer = meter.tracer_provider.get_tracer("http")

    def request(_: Any) -> None:
        tracer.start_span("POST").end()

    async def request_async(_: Any) -> None:
        request(_)

    return base(event_hooks={"request": [request_async if asynchronous else request]})


@pytest.mark.parametrize("api", ["chat", "responses", "messages", "helper"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_the_http_clients_span_is_a_child_of_ours(api: str, asynchronous: bool, stub: StubServer, meter: Meter) -> None:
    """While the SDK sends its request, our span is the current one."""
    package: Any = anthropic if kind_of(api) == "anthropic" else openai
    prefix = "Async" if asynchronous else ""
    http = hooked(meter, getattr(package, f"Default{prefix}HttpxClient"), asynchronous)
    made = getattr(package, prefix + ("Anthropic" if package is anthropic else "OpenAI"))
    url = stub.anthropic_url if package is anthropic else stub.openai_url

    async def run() -> None:
        async with made(base_url=url, api_key="x", http_client=http) as client:
            if api == "helper":
                async with client.messages.stream(**CLAUDE) as helper:
                    await helper.until_done()
            else:
                async for _ in await begin(api, client):
                    pass

    if asynchronous:
        asyncio.run(run())
    else:
        with made(base_url=url, api_key="x", http_client=http) as client:
            if api == "helper":
                with client.messages.stream(**CLAUDE) as helper:
                    helper.until_done()
            else:
                list(begin(api, client))
    ours = meter.span
    (child,) = [span for span in meter.all_spans if span.name == "POST"]
    context = ours.get_span_context()
    assert context is not None and child.parent is not None
    assert child.parent.span_id == context.span_id


def test_a_thousand_chunks_are_folded_and_none_is_lost(stub: StubServer, meter: Meter, client: openai.OpenAI) -> None:
    """The text is whole and the usage is the last chunk's."""
    stub.script("/chat/completions", Stream(n=1000, usage={"completion_tokens": 1000}))
    text = "".join(
        chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**CHAT, stream=True)
    )
    assert text == "token " * 1000
    assert one_call(meter)[names.OUTPUT_TOKENS] == 1000
