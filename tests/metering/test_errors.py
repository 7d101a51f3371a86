"""What goes wrong has one short name everywhere, and the app gets the SDK's own exception."""

from __future__ import annotations

import asyncio
from typing import Any

import anthropic
import openai
import pytest
from opentelemetry.trace import StatusCode

from genmeter import names
from genmeter.metering import errors
from genmeter.metering.errors import error_type
from tests.stub import Reply, Stream, StubServer

from .cells import make_client
from .conftest import MeterFactory
from .rig import Meter, one_call
from .sdk import CHAT, CLAUDE, OPENAI

FAILURES = [
    ("openai", 400, "invalid_request_error"),
    ("openai", 401, "invalid_api_key"),
    ("openai", 404, "model_not_found"),
    ("openai", 429, "rate_limit_exceeded"),
    ("openai", 500, "server_error"),
    ("anthropic", 400, "invalid_request_error"),
    ("anthropic", 401, "authentication_error"),
    ("anthropic", 404, "not_found_error"),
    ("anthropic", 413, "request_too_large"),
    ("anthropic", 429, "rate_limit_error"),
    ("anthropic", 500, "api_error"),
    ("anthropic", 529, "overloaded_error"),
]


def ask(kind: str, client: Any, **more: Any) -> Any:
    """One call without the SDK's retries."""
    quiet = client.with_options(max_retries=0)
    return (
        quiet.messages.create(**CLAUDE, **more)
        if kind == "anthropic"
        else quiet.chat.completions.create(**CHAT, **more)
    )


def path(kind: str) -> str:
    """Where the call goes."""
    return "/messages" if kind == "anthropic" else "/chat/completions"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("kind", "status", "name"), FAILURES)
def test_an_error_has_one_name_on_span_metric_and_event(
    kind: str, status: int, name: str, asynchronous: bool, streamed: bool, stub: StubServer, meter: Meter
) -> None:
    """The provider's own code; ERROR status; one exception event; no cost and no tokens."""
    stub.script(path(kind), *[Reply(status)] * 2)
    package: Any = anthropic if kind == "anthropic" else openai
    more = {"stream": True} if streamed else {}

    async def run() -> None:
        async with make_client(kind, stub, asynchronous=True) as client:
            await ask(kind, client, **more)

    with pytest.raises(package.APIStatusError) as caught:
        if asynchronous:
            asyncio.run(run())
        else:
            with make_client(kind, stub, asynchronous=False) as client:
                ask(kind, client, **more)
    assert caught.value.status_code == status
    attributes = one_call(meter)
    assert meter.span.status.status_code is StatusCode.ERROR
    assert attributes[names.ERROR_TYPE] == name
    (duration,) = meter.points(names.INFERENCE_DURATION)
    assert duration.attributes[names.ERROR_TYPE] == name
    (event,) = meter.events(names.EVENT_EXCEPTION)
    assert event.attributes[names.EXCEPTION_MESSAGE] == (
        f"{kind}.{type(caught.value).__name__}: HTTP {status}, {name} (text withheld)"
    )
    assert "Traceback" in event.attributes[names.EXCEPTION_STACKTRACE]
    assert event.severity_number.value == 13
    assert event.span_id == meter.event.span_id
    assert not [key for key in attributes if "cost" in key or key.startswith("gen_ai.usage")]
    assert meter.span.events == ()


def test_no_connection_is_the_exceptions_class(stub: StubServer, meters: MeterFactory) -> None:
    """Nothing answers: the SDK's exception by package and class."""
    meter = meters()
    client = openai.OpenAI(base_url="http://127.0.0.1:9/v1", api_key="x", max_retries=0)
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**CHAT)
    assert one_call(meter)[names.ERROR_TYPE] == "openai.APIConnectionError"


def test_a_timeout_is_the_exceptions_class(stub: StubServer, meter: Meter) -> None:
    """The SDK gives up."""
    with make_client("openai", stub, asynchronous=False) as client:
        with pytest.raises(openai.APITimeoutError):
            client.with_options(max_retries=0, timeout=0.05).chat.completions.create(**{**CHAT, "model": "slow-answer"})
    assert one_call(meter)[names.ERROR_TYPE] == "openai.APITimeoutError"


def unsendable(kind: str, client: Any) -> dict[str, Any]:
    """Calls that the SDK refuses before it sends anything, as the app makes them."""
    create = client.messages.create if kind == "anthropic" else client.chat.completions.create
    good: Any = CLAUDE if kind == "anthropic" else CHAT
    calls = {
        "missing": create,
        "unknown": lambda: create(**good, colour="red"),
        "not JSON": lambda: create(**{**good, "messages": [{"role": "user", "content": object()}]}),
        "no key": lambda: keyless(kind, client, good),
        "not JSON, at the door": lambda: post(kind, client, {**good, "messages": object()}),
        "no type, at the door": lambda: client.post("/chat/completions"),
    }
    if kind == "openai" and OPENAI < (2, 0):
        del calls["no key"]  # this major sends such a call
    if kind == "anthropic":
        calls["too long without a stream"] = lambda: create(**{**good, "max_tokens": 200_000})
        calls["too long, parsed"] = lambda: client.messages.parse(**{**good, "max_tokens": 200_000})
    return calls


def keyless(kind: str, client: Any, good: Any) -> Any:
    """A call of a client whose key is gone."""
    client = client.copy()
    client.api_key = None
    return (client.messages if kind == "anthropic" else client.chat.completions).create(**good)


def post(kind: str, client: Any, body: Any) -> Any:
    """A call that names a path instead of a method."""
    return client.post("/v1/messages" if kind == "anthropic" else "/chat/completions", cast_to=object, body=body)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_call_that_never_left_is_no_call(
    kind: str, asynchronous: bool, streamed: bool, stub: StubServer, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the SDK refuses stays the SDK's own exception; no span, no event, no metric and nothing under way."""
    for variable in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(variable, raising=False)

    async def later(client: Any, call: Any) -> None:
        async with client:
            await call()

    client = make_client(kind, stub, asynchronous=asynchronous)
    calls = unsendable(kind, client)
    if streamed:
        resource: Any = client.messages if kind == "anthropic" else client.chat.completions
        calls = {"missing": lambda: resource.create(stream=True)}
    for name, call in calls.items():
        with pytest.raises((TypeError, ValueError, openai.OpenAIError, anthropic.AnthropicError)) as caught:
            asyncio.run(later(client, call)) if asynchronous else call()
        assert not isinstance(caught.value, (openai.APIError, anthropic.APIError)), name
        assert stub.requests == [], name
        assert [span.name for span in meter.all_spans] == [], name
        assert meter.logs == [], name
    assert meter.points(names.INFERENCE_DURATION) == []
    assert meter.total(names.CALLS_ACTIVE) == 0


class Broken:
    """A transport of the app's, of either HTTP library, that fails by itself in the middle of a call."""

    def __enter__(self) -> Broken:
        return self

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None: ...

    def handle_request(self, request: Any) -> Any:
        raise RuntimeError("the tunnel is down")


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_a_call_that_a_transport_lost_did_leave(kind: str, stub: StubServer, meter: Meter) -> None:
    """Whatever the HTTP library raises, the call is a failed one."""
    with make_client(kind, stub, asynchronous=False) as client:
        package: Any = anthropic if kind == "anthropic" else openai
        broken = client.copy(http_client=package.DefaultHttpxClient(transport=Broken()))
        # Some majors wrap what a transport raises, some do not.
        with pytest.raises((RuntimeError, openai.OpenAIError, anthropic.AnthropicError)):
            ask(kind, broken)
    assert one_call(meter)[names.ERROR_TYPE] in ("RuntimeError", f"{kind}.APIConnectionError")


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_the_sdks_own_retries_are_one_call(kind: str, stub: StubServer, meter: Meter) -> None:
    """429, 429, then an answer: one span without an error, one bill."""
    stub.script(path(kind), *[Reply(429, headers={"retry-after-ms": "1"})] * 2)
    with make_client(kind, stub, asynchronous=False) as client:
        client.messages.create(**CLAUDE) if kind == "anthropic" else client.chat.completions.create(**CHAT)
    attributes = one_call(meter)
    assert len(stub.requests) == 3
    assert meter.span.status.status_code is StatusCode.UNSET and names.ERROR_TYPE not in attributes
    assert attributes[names.COST_STATUS] == "priced"
    assert meter.events(names.EVENT_EXCEPTION) == []


def test_error_names_stay_bounded_whatever_a_server_answers(stub: StubServer, meter: Meter) -> None:
    """A code that nobody documents, unique to each answer, is not taken for a name."""
    with make_client("openai", stub, asynchronous=False) as client:
        for number in range(20):
            error = {"message": "no", "type": f"weird_{number}", "code": f"request {number} failed", "param": None}
            stub.script("/chat/completions", Reply(400, {"error": error}))
            with pytest.raises(openai.BadRequestError):
                ask("openai", client)
    found = {point.attributes[names.ERROR_TYPE] for point in meter.points(names.INFERENCE_DURATION)}
    assert found == {"openai.BadRequestError"}


def test_an_error_body_that_is_no_json_has_a_name(stub: StubServer, meter: Meter) -> None:
    """A proxy's HTML page."""
    stub.script("/chat/completions", Reply(502, "<html>Bad gateway</html>", headers={"content-type": "text/html"}))
    with make_client("openai", stub, asynchronous=False) as client, pytest.raises(openai.InternalServerError):
        ask("openai", client)
    assert one_call(meter)[names.ERROR_TYPE] == "openai.InternalServerError"


FAILED: Any = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-5.6-sol", "status": "failed", "output": [],
    "error": {"code": "server_error", "message": "The model failed"}, "usage": None, "parallel_tool_calls": True,
    "tool_choice": "auto", "tools": [],
}  # fmt: skip
REPORTED = {
    "whole": Reply(body=FAILED),
    "stream": Stream(events=[{"type": "response.failed", "sequence_number": 0, "response": FAILED}]),
    "event": Stream(error_after=3),
}


@pytest.mark.parametrize("way", REPORTED)
def test_a_failure_that_is_reported_and_not_raised_is_an_error(way: str, stub: StubServer, meter: Meter) -> None:
    """The Responses API says ``failed`` in its answer, or sends an error event, and the SDK raises nothing."""
    stub.script("/responses", REPORTED[way])
    with make_client("openai", stub, asynchronous=False) as client:
        for _ in client.responses.create(
            model="gpt-5.6-sol", input="x", **({} if way == "whole" else {"stream": True})
        ):
            pass
    attributes = one_call(meter)
    assert attributes[names.ERROR_TYPE] == "server_error"
    assert attributes[names.FINISH_REASONS] == ["error"]
    assert meter.span.status.status_code is StatusCode.ERROR
    assert meter.span.status.description != "None"
    (duration,) = meter.points(names.INFERENCE_DURATION)
    assert duration.attributes[names.ERROR_TYPE] == "server_error"
    assert meter.events(names.EVENT_EXCEPTION) == []


@pytest.mark.parametrize("way", ["whole", "stream", "event"])
def test_reported_failures_stay_bounded_whatever_a_server_answers(way: str, stub: StubServer, meter: Meter) -> None:
    """A code that no documentation lists, another in each answer, and what is no code at all, are one value."""
    codes: list[Any] = [*(f"failure_{number}" for number in range(20)), 7, None, "", ["server_error"]]
    with make_client("openai", stub, asynchronous=False) as client:
        for code in codes:
            failed = {**FAILED, "error": {"code": code, "message": "no"}}
            event = (
                {"type": "error", "sequence_number": 0, "code": code, "message": "no", "param": None}
                if way == "event"
                else {"type": "response.failed", "sequence_number": 0, "response": failed}
            )
            stub.script("/responses", Reply(body=failed) if way == "whole" else Stream(events=[event]))
            more = {} if way == "whole" else {"stream": True}
            for _ in client.responses.create(model="gpt-5.6-sol", input="x", **more):
                pass
    points = meter.points(names.INFERENCE_DURATION)
    assert {point.attributes[names.ERROR_TYPE] for point in points} == {"_OTHER"}
    assert sum(point.count for point in points) == len(codes)


def test_classes_of_exceptions_stay_bounded_however_many_a_program_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred names, then ``_OTHER``; the names that came first keep theirs, and so does each documented code."""
    monkeypatch.setattr(errors, "_classes", set())
    found = [error_type(type(f"Odd{number}", (Exception,), {"__module__": "shop.errors"})()) for number in range(300)]
    assert found == [f"shop.Odd{number}" for number in range(100)] + ["_OTHER"] * 200
    assert error_type(type("Odd99", (Exception,), {"__module__": "shop.errors"})()) == "shop.Odd99"
    coded = type("Late", (Exception,), {"code": "rate_limit_exceeded"})
    assert error_type(coded()) == "rate_limit_exceeded"


def test_fetching_a_failed_response_is_no_failure(stub: StubServer, meter: Meter) -> None:
    """The fetch itself went well; what it found is the status."""
    stub.script("/responses/resp_1", Reply(body=FAILED))
    with make_client("openai", stub, asynchronous=False) as client:
        client.responses.retrieve("resp_1")
    attributes = one_call(meter)
    assert attributes[names.RESPONSE_STATUS] == "failed" and names.ERROR_TYPE not in attributes


def test_any_exception_has_a_name() -> None:
    """Classes of the standard library by their bare name, others with their package."""

    class Odd(Exception):
        pass

    assert error_type(KeyError("x")) == "KeyError"
    assert error_type(asyncio.CancelledError()) == "CancelledError"
    assert error_type(Odd()).startswith("tests.") and "<locals>" not in error_type(Odd())
