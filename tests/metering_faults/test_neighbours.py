"""Beside another instrumentation of the same SDK, in either order: one call is one span and one bill.

The vendors' packages pin SDKs and exclude each other, so each has an environment of its own, and what is not installed
here is skipped: ``python -m pytest tests/metering_faults/test_neighbours.py`` in the environment of each. The SDK's
own spans (anthropic traces itself) and the suppression between SDK methods need no neighbour.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import anthropic
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan

import genmeter
from genmeter import names
from genmeter.metering import coexist
from genmeter.settings import Settings
from tests.stub import Reply, StubServer

from . import app
from .app import CHAT, CLAUDE, HELLO, Clients
from .sink import OURS, Telemetry, scopes, sellers

pytestmark = pytest.mark.filterwarnings("ignore")  # neighbours have their own
ANTHROPIC = int(anthropic.__version__.split(".")[0])
NATIVE = "com.anthropic.sdk.python"

NEIGHBOURS = {
    "official": "opentelemetry.instrumentation.genai.{}",
    "openllmetry": "opentelemetry.instrumentation.{}",
    "openinference": "openinference.instrumentation.{}",
    "openlit": "openlit.instrumentation.{}",
}
CLASSES = {"openai": "OpenAIInstrumentor", "anthropic": "AnthropicInstrumentor"}
CALLS = {
    "openai": (
        "chat",
        "chat_stream",
        "chat_stream_asked",
        "chat_stream_left",
        "chat_helper",
        "chat_raw",
        "response_stream",
        "embeddings",
        "async_chat",
        "async_chat_stream",
        "async_chat_helper",
        "chat_limited",
    ),
    "anthropic": (
        "message",
        "message_beta",
        "message_stream",
        "message_helper",
        "message_helper_text",
        "message_raw",
        "async_message",
        "async_message_stream",
        "async_message_helper",
        "message_limited",
    ),
}
ORDERS = ("before", "after")
LOST = {("openlit", "chat_stream_left"), ("openlit", "message_limited")}
"""Calls that a neighbour which has the method loses by itself, with or without us."""
STUCK = {("openllmetry", "response_stream")}
"""Methods that a neighbour's own `uninstrument` leaves patched: telling only as the first test of a process (-k)."""
PATCHED: list[str] = []
UNKNOWN_TO_IT = {("openlit", "message_beta")}
"""Methods that a neighbour does not patch: we meter them."""


def installed(neighbour: str) -> bool:
    """Whether the vendor's packages are here."""
    try:
        return find_spec(NEIGHBOURS[neighbour].format("openai")) is not None
    except ModuleNotFoundError:
        return False


def instrumentor_of(neighbour: str, sdk: str) -> Any:
    """The vendor's instrumentor."""
    if neighbour == "openlit":
        import_module("openlit._config").OpenlitConfig()  # its instrumentors read what its `init` leaves there
    return getattr(import_module(NEIGHBOURS[neighbour].format(sdk)), CLASSES[sdk])()


@contextmanager
def beside(neighbour: str, sdk: str, order: str, telemetry: Telemetry, settings: Settings) -> Iterator[None]:
    """Both instrumentations on, ours after or before the other."""
    instrumentor = instrumentor_of(neighbour, sdk)

    def other() -> None:
        instrumentor.instrument(**telemetry.providers, skip_dep_check=True)

    def mine() -> None:
        genmeter.instrument(**telemetry.providers, settings=settings)

    for put_on in (other, mine) if order == "before" else (mine, other):
        put_on()
    try:
        yield
    finally:
        # The last comes off first: `unwrap` of OpenTelemetry takes off the outermost wrapper, whose ever it is.
        for take_off in (instrumentor.uninstrument, genmeter.uninstrument)[:: -1 if order == "before" else 1]:
            take_off()


def of_models(spans: list[ReadableSpan]) -> list[ReadableSpan]:
    """The spans that a ledger would book: those that tell of a model call and do not say that another has its bill."""
    marks = (names.OPERATION, "gen_ai.system", "openinference.span.kind", "llm.model_name")
    calls = [span for span in spans if any(mark in (span.attributes or {}) for mark in marks)]
    return [span for span in calls if (span.attributes or {}).get(names.COST_STATUS) != names.ELSEWHERE]


@pytest.fixture(autouse=True)
def fresh_ids(stub: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neighbours remember what they have seen by the answers' ids."""
    monkeypatch.setattr(stub, "fixed", False)


@pytest.fixture
def globally(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> Telemetry:
    """The user's SDK set as the global one, which is what an SDK that traces itself uses."""
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", telemetry.tracer_provider)
    return telemetry


@pytest.mark.peer
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("sdk", "call"), [(sdk, call) for sdk, calls in CALLS.items() for call in calls])
@pytest.mark.parametrize("neighbour", [n for n in NEIGHBOURS if installed(n)])
def test_one_call_is_one_span_and_one_bill(
    neighbour: str, sdk: str, call: str, order: str, stub: StubServer, globally: Telemetry, runner: asyncio.Runner
) -> None:
    if (neighbour, call) in STUCK and PATCHED:
        pytest.skip("its uninstrument has left this method patched: run this test alone")
    PATCHED.append(neighbour)
    clients, way = Clients(stub), app.WAYS[call]
    coexist._said.clear()  # pyright: ignore[reportPrivateUsage]
    with beside(neighbour, sdk, order, globally, Settings(sellers=sellers(stub))):
        made = app.outcome(way, clients, runner)
        found = [span for span in of_models(globally.spans) if scopes([span]) != [NATIVE]]
    assert made[0] == ("raised" if "limited" in call else "gave")
    if (neighbour, call) in LOST:
        assert found == []
        return
    assert len(found) == 1, scopes(found)
    attributes = dict(found[0].attributes or {})
    billed = sum(globally.metric(names.COST_USD).values())
    if neighbour != "official" and (neighbour, call) not in UNKNOWN_TO_IT:
        assert set(scopes(globally.spans)) - {OURS, NATIVE}, "it has the SDK: its span stays"
    if scopes(found) == [OURS] or names.COST_STATUS in attributes:
        free = "left" in call or "limited" in call
        assert free or attributes[names.COST_TOTAL] == pytest.approx(billed), attributes
    else:
        details = [log for log in globally.logs_of_ours() if log.event_name == names.EVENT_DETAILS]
        assert billed == 0 and not details, "what we yield is not billed by us"
        assert neighbour != "official" or "limited" in call


@pytest.mark.peer
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("neighbour", [n for n in NEIGHBOURS if installed(n) and n != "official"])
def test_we_say_one_line_when_we_yield(
    neighbour: str, order: str, stub: StubServer, telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    clients = Clients(stub)
    coexist._said.clear()  # pyright: ignore[reportPrivateUsage]
    with beside(neighbour, "openai", order, telemetry, Settings(sellers=sellers(stub))):
        for _ in range(3):
            list(clients.openai.chat.completions.create(**CHAT, stream=True))
            clients.openai.responses.create(**app.RESPONSE)
    said = [r.getMessage() for r in caplog.records if "openai is already instrumented by" in r.getMessage()]
    assert len(said) == 1 and said[0].startswith("genmeter: openai is already instrumented by "), said
    assert "a stream has no usage unless the app asks for it" in said[0]


AROUND = {
    "openllmetry": ("chat", "chat_stream", "chat_stream_asked", "async_chat", "async_chat_stream", "embeddings"),
    "openlit": ("chat", "async_chat"),
    "openinference": ("message", "message_stream", "message_beta", "async_message", "async_message_stream"),
}
"""Calls around which a neighbour has its span while the SDK runs, and says at its start what the span is."""


@pytest.mark.peer
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("neighbour", [n for n in AROUND if installed(n)])
def test_a_neighbour_with_its_span_around_the_call_gets_the_money(neighbour: str, order: str) -> None:
    """In a process of its own: the neighbours' `uninstrument` leaves wrappers behind, with the tracers of other tests."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.metering_faults.beside", neighbour, order, *AROUND[neighbour]],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for call, found in json.loads(done.stdout).items():
        assert found["app"] == "as without us", call
        (span,) = found["spans"]
        (event,) = found["events"]
        assert span["scope"] != OURS and span["key"] == event["key"], call
        assert span["cost"] == pytest.approx(found["billed"]) and span["cost"] == event["cost"] > 0, call
        assert span["department"] == "research" and span["input"] == event["input"] > 0, call
    assert "already instrumented" not in done.stderr


@pytest.mark.peer
@pytest.mark.skipif(not installed("official"), reason="the official packages are not installed")
@pytest.mark.parametrize("call", ["chat", "chat_stream", "async_chat", "async_chat_stream", "chat_stream_left"])
def test_an_official_span_around_ours_carries_cost_and_payer(
    call: str, stub: StubServer, telemetry: Telemetry, runner: asyncio.Runner
) -> None:
    settings = Settings(sellers=sellers(stub), attribution={"department": "research"})
    with beside("official", "openai", "after", telemetry, settings):
        app.outcome(app.WAYS[call], Clients(stub), runner)
        (span,) = telemetry.spans
    found = dict(span.attributes or {})
    assert scopes([span]) == ["opentelemetry.instrumentation.genai.openai"]
    assert found[names.DEPARTMENT] == "research"
    if call == "chat_stream_left":
        assert found[names.COST_STATUS] == "unpriced" and found[names.COST_REASON] == "no_usage"
        return
    # gpt-4o: $2.50 and $10 per million; the stub reports 19 tokens in and 10 out.
    assert found[names.INPUT_TOKENS] == 19 and found[names.OUTPUT_TOKENS] == 10
    assert found[names.COST_TOTAL] == pytest.approx(19 * 2.5e-6 + 10 * 10e-6)
    assert found[names.COST_AMOUNT] == found[names.COST_TOTAL]
    assert sum(telemetry.metric(names.COST_USD).values()) == pytest.approx(found[names.COST_TOTAL])
    assert telemetry.metric("gen_ai.client.inference.duration") == {}, "the call's metrics are the outer one's"
    (event,) = telemetry.logs_of_ours()
    context = span.get_span_context()
    assert context is not None and (event.trace_id, event.span_id) == (context.trace_id, context.span_id)
    assert event.attributes[names.COST_TOTAL] == found[names.COST_TOTAL]


@pytest.mark.peer
@pytest.mark.skipif(not installed("official"), reason="the official packages are not installed")
def test_an_official_call_of_several_is_several_bills(stub: StubServer, clients: Clients, telemetry: Telemetry) -> None:
    from opentelemetry.util.genai.handler import TelemetryHandler  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

    telemetry.instrument(Settings(sellers=sellers(stub)))
    handler: Any = TelemetryHandler(**telemetry.providers)
    with handler.inference("langchain", request_model="gpt-4o"):
        clients.openai.chat.completions.create(**CHAT)
        clients.openai.chat.completions.create(**CHAT)
    (second, first) = telemetry.spans
    assert scopes([second]) == [OURS] != scopes([first])
    for span in (first, second):
        found = dict(span.attributes or {})
        assert found[names.COST_TOTAL] == pytest.approx(0.0001475)
        assert found[names.COST_LINES["input"]] == pytest.approx(19 * 2.5e-6)
    assert len({event.span_id for event in telemetry.logs_of_ours()}) == 2
    assert sum(telemetry.metric(names.COST_USD).values()) == pytest.approx(2 * 0.0001475)


# --- the SDK's own spans -------------------------------------------------------------------------------------------


@pytest.mark.skipif(ANTHROPIC < 1, reason="this major does not trace itself")
@pytest.mark.parametrize("call", [name for name in app.WAYS if "message" in name.split("_")[:2]])
def test_anthropics_own_spans_are_muted_in_our_calls(
    call: str, clients: Clients, stub: StubServer, globally: Telemetry, runner: asyncio.Runner
) -> None:
    app.outcome(app.WAYS[call], Clients(stub), runner)
    assert scopes(globally.spans) == [NATIVE], "without us it traces itself"
    globally.clear()
    globally.instrument(Settings(sellers=sellers(stub)))
    app.outcome(app.WAYS[call], Clients(stub), runner)
    assert scopes(globally.spans) == [OURS]


CLOUDS: dict[str, Callable[[StubServer], Any]] = {
    "bedrock": lambda stub: anthropic.AnthropicBedrock(
        aws_access_key="AKIASTUB", aws_secret_key="secret", aws_region="eu-north-1", base_url=stub.bedrock_url
    ),
    "vertex": lambda stub: anthropic.AnthropicVertex(
        region="global", project_id="my-project", access_token="token", base_url=stub.vertex_url
    ),
}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_one_span_a_call_from_the_cloud_clients(cloud: str, stub: StubServer, globally: Telemetry) -> None:
    pytest.importorskip("botocore" if cloud == "bedrock" else "google.auth")
    client = CLOUDS[cloud](stub)
    globally.instrument()
    ask = {
        **CLAUDE,
        "model": "anthropic.claude-sonnet-4-5-20250929-v1:0" if cloud == "bedrock" else "claude-sonnet-4-5@20250929",
    }
    client.messages.create(**ask)
    list(client.messages.create(**ask, stream=True))
    with client.messages.stream(**ask) as helper:
        helper.get_final_message()
    client.beta.messages.create(**ask)
    assert scopes(globally.spans) == [OURS] * 4


@pytest.mark.skipif(ANTHROPIC < 1, reason="this major does not trace itself")
def test_what_we_do_not_meter_keeps_its_own_span(stub: StubServer, globally: Telemetry) -> None:
    client = Clients(stub).anthropic
    stub.failures.clear()
    globally.instrument()

    def count() -> int:
        try:
            client.messages.count_tokens(model="claude-sonnet-4-5", messages=HELLO)
        except anthropic.APIStatusError:
            pass  # served or not: the SDK made its request
        return scopes(globally.spans).count(NATIVE)

    metered = count()
    genmeter.uninstrument()
    globally.clear()
    assert metered == count()


# --- one logical call ----------------------------------------------------------------------------------------------


def test_the_sdks_own_retries_are_one_call(stub: StubServer, telemetry: Telemetry) -> None:
    clients = Clients(stub, max_retries=2)
    telemetry.instrument(Settings(sellers=sellers(stub)))
    soon = Reply(429, headers={"retry-after-ms": "1"})
    for path, call in (
        ("/v1/chat/completions", lambda: clients.openai.chat.completions.create(**CHAT)),
        ("/v1/chat/completions", lambda: list(clients.openai.chat.completions.create(**CHAT, stream=True))),
        ("/v1/messages", lambda: clients.anthropic.messages.create(**CLAUDE)),
    ):
        telemetry.clear()
        stub.script(path, soon, soon)
        before = len(stub.requests)
        call()
        assert len(stub.requests) - before == 3
        (span,) = telemetry.spans
        assert names.ERROR_TYPE not in (span.attributes or {})


@pytest.mark.parametrize(
    "call", ["chat_helper", "response_helper", "async_chat_helper", "chat_parse", "message_helper"]
)
def test_sdk_methods_that_call_each_other_are_one_call(
    call: str, clients: Clients, telemetry: Telemetry, runner: asyncio.Runner
) -> None:
    telemetry.instrument()
    assert app.outcome(app.WAYS[call], clients, runner)[0] == "gave"
    assert len(telemetry.spans) == 1 and len(telemetry.logs_of_ours()) == 1
