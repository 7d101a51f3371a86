"""What leaves of a failure: never a key, never a word of prompt or answer while capture is off, and never without bound."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import openai
import pydantic
import pytest
from openai import OpenAI

import genmeter
from genmeter import names
from genmeter.metering import exceptions, guard
from genmeter.metering.exceptions import message_of, tell
from genmeter.metering.process.delivery import delivery
from tests.bench.canned import http_library
from tests.stub import Reply, Stream, StubServer

from .cells import make_client
from .conftest import MeterFactory
from .rig import Meter
from .sdk import CHAT, CLAUDE

WORDS = "Jane-Roe-4711"
KEY = "sk-proj-0123456789abcdef"
CODE_LINE = "WORDS_IN_SOURCE"
HTTP = http_library(openai)


class Person(pydantic.BaseModel):
    name: str
    age: int


def told(meter: Meter) -> str:
    """Everything that left."""
    return meter.exported() + "\n".join(str(span.status.description) for span in meter.spans)


def quiet(client: Any) -> Any:
    """The client without retries."""
    return client.with_options(max_retries=0)


BODIES: dict[str, Any] = {
    "a 400 that repeats the prompt": {"error": {"message": f"Invalid prompt: {WORDS}", "code": "invalid_prompt"}},
    "a code that is the prompt": {"error": {"message": "no", "code": WORDS, "type": WORDS, "param": WORDS}},
    "a content filter": {
        "error": {
            "message": f"filtered: {WORDS}",
            "code": "content_filter",
            "innererror": {"content_filter_result": {"jailbreak": {"text": WORDS}}},
        }
    },
    "a list": {"detail": [{"loc": ["body"], "msg": "no", "input": WORDS}]},
    "a text": WORDS,
    "a page": f"<html>{WORDS}</html>",
}


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("body", BODIES)
def test_a_providers_error_keeps_status_and_code_and_no_words(
    body: str, asynchronous: bool, kind: str, stub: StubServer, meters: MeterFactory
) -> None:
    meter = meters()
    stub.script("/messages" if kind == "anthropic" else "/chat/completions", Reply(400, BODIES[body]))
    package: Any = anthropic if kind == "anthropic" else openai

    async def run() -> None:
        async with make_client(kind, stub, asynchronous=True) as client:
            client = quiet(client)
            await (client.messages.create(**CLAUDE) if kind == "anthropic" else client.chat.completions.create(**CHAT))

    with pytest.raises(package.BadRequestError) as caught:
        if asynchronous:
            asyncio.run(run())
        else:
            with make_client(kind, stub, asynchronous=False) as client:
                client = quiet(client)
                client.messages.create(**CLAUDE) if kind == "anthropic" else client.chat.completions.create(**CHAT)
    assert WORDS in str(caught.value.body) + str(caught.value)
    assert WORDS not in told(meter)
    (event,) = meter.events(names.EVENT_EXCEPTION)
    code = ", invalid_prompt" if "prompt:" in str(BODIES[body]) else ", content_filter" if "filter" in body else ""
    message = f"{kind}.BadRequestError: HTTP 400{code} (text withheld)"
    assert event.attributes[names.EXCEPTION_MESSAGE] == message == meter.span.status.description
    assert event.attributes[names.EXCEPTION_TYPE] == f"{kind}.BadRequestError"
    stack = event.attributes[names.EXCEPTION_STACKTRACE]
    assert stack.startswith("Traceback (most recent call last):\n  File ") and message in stack
    assert re.search(r'File ".*_base_client\.py", line \d+, in \S+\n', stack)


def test_a_validation_error_shows_no_word_of_the_answer(stub: StubServer, meters: MeterFactory) -> None:
    """The SDK parses the model's words into a class, and pydantic's error quotes them."""
    meter = meters()
    message = {"role": "assistant", "content": json.dumps({"name": WORDS}), "refusal": None}
    body = {
        "id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }  # fmt: skip
    stub.script("/chat/completions", Reply(body=body))
    with make_client("openai", stub, asynchronous=False) as client, pytest.raises(pydantic.ValidationError) as caught:
        client.chat.completions.parse(**CHAT, response_format=Person)
    assert WORDS in str(caught.value)
    assert WORDS not in told(meter)


@pytest.mark.parametrize("header", [{"authorization": f"Bearer {KEY}\n"}, {"x-custom": f"{WORDS}\n"}])
@pytest.mark.parametrize("capture", ["NO_CONTENT", "SPAN_AND_EVENT"])
def test_a_key_that_was_read_with_its_newline_does_not_leave(
    capture: str, header: dict[str, str], stub: StubServer, meters: MeterFactory
) -> None:
    """The HTTP library refuses the header, shows it, and the SDK's error has that as its cause."""
    meter = meters(content=capture)
    client = OpenAI(base_url=stub.openai_url, api_key="sk-stub", max_retries=0)
    with pytest.raises((openai.APIConnectionError, HTTP.LocalProtocolError)) as caught:
        client.chat.completions.create(**CHAT, extra_headers=header)
    assert any("Illegal header value" in str(one) for one in (caught.value, caught.value.__cause__))
    found = told(meter)
    assert KEY not in found and WORDS not in found
    (event,) = meter.events(names.EVENT_EXCEPTION)
    assert "LocalProtocolError" in event.attributes[names.EXCEPTION_STACKTRACE]


def test_with_capture_on_messages_leave_without_keys_and_within_bounds(stub: StubServer, meters: MeterFactory) -> None:
    """Where the content goes, there go the words of errors; not to the other signal."""
    huge = f"Invalid prompt: {WORDS} {KEY} " + "x" * 500_000
    for capture, on_span, on_event in (("EVENT_ONLY", False, True), ("SPAN_ONLY", True, False)):
        meter = meters(content=capture)
        stub.script("/chat/completions", Reply(400, {"error": {"message": huge, "code": "invalid_prompt"}}))
        with make_client("openai", stub, asynchronous=False) as client, pytest.raises(openai.BadRequestError):
            quiet(client).chat.completions.create(**CHAT)
        (event,) = meter.events(names.EVENT_EXCEPTION)
        message = event.attributes[names.EXCEPTION_MESSAGE]
        assert (WORDS in str(meter.span.status.description), WORDS in message) == (on_span, on_event)
        assert KEY not in told(meter) and len(told(meter)) < 60_000
        genmeter.uninstrument()


def test_a_huge_error_body_costs_no_more_than_a_small_one(stub: StubServer, meters: MeterFactory) -> None:
    """22 MB of an error page: what leaves is a few thousand characters."""
    meter = meters()
    stub.script("/chat/completions", Reply(400, "x" * 22_000_000, headers={"content-type": "text/plain"}))
    with make_client("openai", stub, asynchronous=False) as client, pytest.raises(openai.BadRequestError):
        quiet(client).chat.completions.create(**CHAT)
    assert len(told(meter)) < 30_000


# --- any exception ---------------------------------------------------------------------------------------------------


class Hostile(Exception):
    """Whose every attribute is code that fails."""

    def __str__(self) -> str:
        raise RuntimeError(WORDS)

    __repr__ = __str__

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(WORDS)


def raised(make: Callable[[], Any]) -> BaseException:
    """What a call raises, with its trace."""
    try:
        make()
    except BaseException as error:
        return error
    raise AssertionError


def chained() -> None:
    try:
        json.loads(f'"{WORDS}')
    except ValueError:
        try:
            raise KeyError(WORDS)
        except KeyError as context:
            raise ValueError(WORDS) from context


def noted() -> None:
    error = RuntimeError(WORDS)
    error.add_note(WORDS)
    raise error


def grouped() -> None:
    raise ExceptionGroup(WORDS, [ValueError(WORDS), ExceptionGroup(WORDS, [KeyError(WORDS)])])


def circular() -> None:
    first, second = ValueError(WORDS), KeyError(WORDS)
    first.__context__, second.__context__ = second, first
    raise first


def deep(depth: int = 900) -> None:
    if depth:
        deep(depth - 1)
    raise ValueError(WORDS)


def failing(error: BaseException) -> Callable[[], None]:
    """A function that raises it."""

    def run() -> None:
        raise error

    return run


EXCEPTIONS: dict[str, Callable[[], Any]] = {
    "json": lambda: json.loads(f'{{"{WORDS}'),
    "pydantic": lambda: Person.model_validate_json(f'{{"name": "{WORDS}"}}'),
    "number": lambda: int(WORDS),
    "key": lambda: {}[WORDS],  # type: ignore[misc]
    "unicode": lambda: WORDS.encode("utf-8") + "\ud800".encode(),
    "syntax": lambda: compile(f"{WORDS} =", WORDS[:0] or "app", "exec"),
    "chain": chained,
    "notes": noted,
    "group": grouped,
    "circle": circular,
    "depth": deep,
    "hostile": failing(Hostile()),
    "exit": failing(SystemExit(WORDS)),
    "system": lambda: Path(f"/nonexistent/{WORDS}").read_text(),
    "made up": failing(OSError(2, WORDS, WORDS)),
    "cancelled": failing(asyncio.CancelledError(WORDS)),
    "source": lambda: int("WORDS_IN_SOURCE"),
}


@pytest.mark.parametrize("name", EXCEPTIONS)
@pytest.mark.any_major("exceptions of any kind")
def test_no_exception_says_a_word(name: str) -> None:
    """Class and frames stay, of its causes too; text, notes and lines of source do not."""
    error = raised(EXCEPTIONS[name])
    found = tell(error, words=False)
    everything = "".join(found)
    assert WORDS not in everything and CODE_LINE not in everything and "add_note" not in everything
    assert found.kind == f"{type(error).__module__}.{type(error).__qualname__}"
    assert found.message.startswith(found.kind) and len(found.message) < 400
    assert f'  File "{__file__}", line ' in found.stack and f"in {raised.__qualname__}\n" in found.stack
    assert len(found.stack) <= exceptions.MOST_STACK
    if name == "chain":
        assert (
            found.stack.count("Traceback") == 3 and "direct cause" in found.stack and "During handling" in found.stack
        )
    if name == "group":
        assert "of which: builtins.ValueError (text withheld)" in found.stack
    if name in ("system", "made up"):
        assert found.message == f"{found.kind}: [Errno 2] No such file or directory (text withheld)"


@pytest.mark.parametrize("name", EXCEPTIONS)
@pytest.mark.any_major("exceptions of any kind")
def test_with_capture_on_an_exception_says_its_words(name: str) -> None:
    error = raised(EXCEPTIONS[name])
    found = tell(error, words=True)
    if name not in ("hostile", "unicode", "syntax", "json", "source"):
        assert WORDS in found.message
    assert len(found.stack) <= exceptions.MOST_STACK and "add_note" not in found.stack


@pytest.mark.any_major("exceptions of any kind")
def test_an_sdks_status_is_found_however_it_is_kept() -> None:
    """As Stainless, aiohttp, urllib, google-genai, httpx and botocore keep it; a number that is none is left out."""

    class Failed(Exception):
        pass

    def failed(**fields: Any) -> str:
        error = Failed(WORDS)
        vars(error).update(fields)
        return message_of(error, words=False).removeprefix(f"{Failed.__module__}.{Failed.__qualname__}")

    response = HTTP.Response(503, text=WORDS)
    held = {"Error": {"Code": WORDS}, "ResponseMetadata": {"HTTPStatusCode": 429}}
    assert failed(status_code=404) == failed(status=404) == failed(code=404) == ": HTTP 404 (text withheld)"
    assert failed(response=response) == ": HTTP 503 (text withheld)"
    assert failed(response=held) == ": HTTP 429 (text withheld)"
    assert failed(code=WORDS, status=7, status_code=True, response=WORDS) == " (text withheld)"
    assert failed(code="rate_limit_exceeded", status=429) == ": HTTP 429, rate_limit_exceeded (text withheld)"


@pytest.mark.any_major("the guard's log knows no SDK")
def test_our_own_failures_are_logged_by_place_and_not_by_words(caplog: pytest.LogCaptureFixture) -> None:
    """A failure of ours may quote what it read, and logs are exported too."""
    guard.reset()
    with caplog.at_level(logging.WARNING, logger="genmeter"):
        guard.failed("read", raised(lambda: int(WORDS)))  # type: ignore[arg-type]
        guard.failed("hostile", raised(failing(Hostile())))  # type: ignore[arg-type]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2 and all(Path(__file__).name in line and WORDS not in line for line in said)
    guard.reset()


@pytest.mark.any_major("the delivery's log knows no SDK")
def test_an_exporters_refusal_is_logged_without_its_keys(caplog: pytest.LogCaptureFixture) -> None:
    """The address may hold a password, and the HTTP library shows the header that it could not send."""
    delivery.reset()
    with caplog.at_level(logging.WARNING, logger="genmeter"):
        delivery.say("https://ada:S3cr3t@otel.example.com/v1/logs", f"Illegal header value b'Bearer {KEY}\\n'")
    (said,) = [record.getMessage() for record in caplog.records]
    assert "otel.example.com" in said and "S3cr3t" not in said and KEY not in said
    delivery.reset()


@pytest.mark.any_major("exceptions of any kind")
def test_reading_a_trace_opens_no_file() -> None:
    """A line of source would be read from the disk, in the app's call."""
    opened: list[str] = []
    error = raised(chained)
    watching = [True]

    def audit(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open":
            opened.append(str(arguments[0]))

    sys.addaudithook(audit)
    tell(error, words=True)
    watching.clear()
    assert opened == []


# --- what a server says of itself ------------------------------------------------------------------------------------


def strings(value: Any) -> list[str]:
    """Every text in attributes, keys too."""
    if isinstance(value, str):
        return [value]
    inner = [*value, *value.values()] if isinstance(value, dict) else value
    return [text for one in inner for text in strings(one)] if isinstance(inner, (list, tuple)) else []


ODD = "odd \ud83d" + "x" * 100_000


@pytest.mark.parametrize("capture", ["NO_CONTENT", "SPAN_AND_EVENT"])
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_odd_and_endless_texts_of_a_server_do_not_cost_the_batch(
    streamed: bool, capture: str, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """A lone surrogate cannot be written as UTF-8: the exporter would lose all calls of the batch."""
    meter = meters(content=capture)
    head: dict[str, Any] = {"id": ODD, "created": 1, "model": ODD, "system_fingerprint": ODD, "service_tier": ODD}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, ODD + "_tokens": 7}
    if streamed:
        delta = {"index": 0, "delta": {"role": "assistant", "content": ODD}, "finish_reason": ODD}
        chunk = {**head, "object": "chat.completion.chunk", "choices": [delta], "usage": usage}
        stub.script("/chat/completions", Stream(events=[json.dumps(chunk), "[DONE]"]))
        list(client.chat.completions.create(**CHAT, stream=True))
    else:
        message = {"role": "assistant", "content": ODD, "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": ODD, "logprobs": None}
        answer = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        stub.script(
            "/chat/completions", Reply(body=json.dumps(answer).encode(), headers={"content-type": "application/json"})
        )
        client.chat.completions.create(**CHAT)
    spans, logs, metrics = meter.encoded()
    assert len(meter.spans) == 1 == len(meter.events())
    # of an attribute that it cannot write, the exporter logs a traceback, and the attribute is lost
    "".join(strings([dict(meter.span.attributes or {}), dict(meter.event.attributes)])).encode()
    assert len(spans) + len(logs) + len(metrics) < (60_000 if capture == "NO_CONTENT" else 120_000)


def test_odd_and_endless_texts_of_the_app_do_not_cost_the_batch(
    stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """As the model, as parameters that become attributes, as the payer, and in messages that are captured."""
    meter = meters(content="SPAN_AND_EVENT", raw_users=True)
    said: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x" * 100_000}]}
    with genmeter.attribution(user=ODD, department=ODD, application=ODD, session=ODD):
        client.chat.completions.create(**said, stop=["y" * 100_000] * 200, service_tier="z" * 100_000)
        with pytest.raises(UnicodeEncodeError):  # the SDK's own: this cannot be sent
            client.chat.completions.create(**{**said, "model": ODD})
    spans, logs, metrics = meter.encoded()
    assert len(spans) + len(logs) + len(metrics) < 250_000
    assert spans.count(b"odd \\ud83d") == 4
