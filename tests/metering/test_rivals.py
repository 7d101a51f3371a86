"""Another instrumentor that wraps the same method of the SDK: the call has one span and one bill, and nothing is lost in silence.

The rivals here are wrappers such as the tools make, in modules with the tools' names; ``make test-coexist`` has the tools.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import wrapt
from openai import OpenAI
from openai.resources.chat.completions import Completions
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanKind, use_span

import genmeter
from genmeter import names
from genmeter.metering import coexist
from tests.stub import StubServer

from .conftest import MeterFactory
from .rig import Meter
from .sdk import CHAT

CALL = 19 * 2.5e-6 + 10 * 10e-6
"""Dollars of one chat of gpt-4o at the stub."""
BEGUN = {names.OPERATION: "chat", names.REQUEST_MODEL: "gpt-4o"}
USED = {**BEGUN, names.INPUT_TOKENS: 19, names.OUTPUT_TOKENS: 10}
FACTORY = """
def around(start, use, end):
    def wrapper(wrapped, instance, args, kwargs):
        span = start()
        with use(span):
            result = wrapped(*args, **kwargs)
        end(span)
        return result
    return wrapper

def plain(wrapped, wrapper, wraps):
    @wraps(wrapped)
    def call(self, *args, **kwargs):
        return wrapper(lambda *a, **k: wrapped(self, *a, **k), self, args, kwargs)
    return call
"""


class Rival:
    """A tool's wrapper of ``Completions.create``.

    ``current``: its span is the current one while the SDK runs. ``plain``: the wrapper is a function and not an object of
    wrapt. ``provider``: where its spans go; the meter's by default.
    """

    def __init__(
        self, module: str = "openlit.instrumentation.openai.x", *, current: bool = True, plain: bool = False,
        provider: TracerProvider | None = None,
    ) -> None:  # fmt: skip
        self.module, self.current, self.plain, self.provider = module, current, plain, provider
        self.kept = Completions.__dict__["create"]

    def start(self) -> Any:
        assert self.provider is not None
        tracer = self.provider.get_tracer(".".join(self.module.split(".")[:3]))
        return tracer.start_span("theirs", kind=SpanKind.CLIENT, attributes=BEGUN if self.current else {})

    @contextmanager
    def use(self, span: Any) -> Iterator[None]:
        if not self.current:
            yield
            return
        with use_span(span):
            yield

    def end(self, span: Any) -> None:
        span.set_attributes(USED)
        span.end()

    def put_on(self) -> None:
        space: dict[str, Any] = {"__name__": self.module}
        exec(FACTORY, space)
        wrapper = space["around"](self.start, self.use, self.end)
        below = Completions.__dict__["create"]
        made = (
            space["plain"](Completions.create, wrapper, functools.wraps)
            if self.plain
            else wrapt.FunctionWrapper(below, wrapper)
        )
        Completions.create = made

    def take_off(self) -> None:
        Completions.create = self.kept


Beside = Callable[..., Meter]


@pytest.fixture
def beside(meters: MeterFactory) -> Iterator[Beside]:
    """Puts a rival on, before or after us."""
    put_on: list[Rival] = []
    coexist._said.clear()

    def both(rival: Rival, order: str, **given: Any) -> Meter:
        put_on.append(rival)
        if order == "before":
            rival.put_on()
        meter = meters(**given)
        if order == "after":
            rival.put_on()
        rival.provider = rival.provider or meter.tracer_provider
        return meter

    yield both
    genmeter.uninstrument()
    for rival in put_on:
        rival.take_off()


def theirs(meter: Meter) -> list[ReadableSpan]:
    return [span for span in meter.all_spans if span.name == "theirs"]


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_rivals_span_around_the_call_gets_the_money(order: str, beside: Beside, client: OpenAI) -> None:
    meter = beside(Rival(), order)
    client.chat.completions.create(**CHAT)
    (span,) = theirs(meter)
    assert meter.spans == [] and (span.attributes or {})[names.COST_TOTAL] == pytest.approx(CALL)
    context = span.get_span_context()
    assert context is not None and meter.event.span_id == context.span_id
    assert meter.total(names.COST_USD) == pytest.approx(CALL)


@pytest.mark.parametrize("plain", [False, True], ids=["of wrapt", "a function"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_rival_with_a_span_that_we_do_not_see_keeps_the_call(
    order: str, plain: bool, beside: Beside, client: OpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    meter = beside(Rival(current=False, plain=plain), order)
    for _ in range(3):
        client.chat.completions.create(**CHAT)
    assert len(theirs(meter)) == 3 and meter.spans == [] and meter.events() == []
    assert meter.total(names.COST_USD) == 0
    (said,) = (words for words in caplog.messages if "already instrumented" in words)
    assert "openlit.instrumentation.openai" in said and "openlit.init(disabled_instrumentors=['openai'])" in said
    assert "a stream has no usage unless the app asks for it" in said


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_call_that_is_left_to_a_rival_is_the_sdks_own(order: str, beside: Beside, client: OpenAI) -> None:
    beside(Rival(current=False), order)
    chunks = list(client.chat.completions.create(**CHAT, stream=True))
    assert all(chunk.choices for chunk in chunks), "nothing is asked for"
    assert client.chat.completions.with_raw_response.create(**CHAT).parse().choices


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_policy_for_payers_holds_for_a_call_that_is_left_to_a_rival(
    order: str, beside: Beside, client: OpenAI, stub: StubServer
) -> None:
    beside(Rival(current=False), order, unattributed="reject", required=("department",))
    with pytest.raises(genmeter.UnattributedCall):
        client.chat.completions.create(**CHAT)
    assert stub.requests == []


def test_what_a_rival_has_not_wrapped_is_metered(beside: Beside, client: OpenAI) -> None:
    meter = beside(Rival(current=False), "after")
    client.embeddings.create(model="text-embedding-3-small", input="x")
    assert meter.attributes[names.OPERATION] == "embeddings"


@pytest.mark.parametrize("order", ["before", "after"])
def test_a_rival_whose_spans_go_elsewhere_takes_no_call(order: str, beside: Beside, client: OpenAI) -> None:
    rival = Rival("lmnr.opentelemetry_lib.x", current=False, provider=TracerProvider(shutdown_on_exit=False))
    meter = beside(rival, order)
    client.chat.completions.create(**CHAT)
    assert meter.attributes[names.COST_TOTAL] == pytest.approx(CALL)


@pytest.mark.parametrize("order", ["before", "after"])
def test_both_can_be_taken_off(order: str, beside: Beside, client: OpenAI) -> None:
    bare = Completions.__dict__["create"]
    rival = Rival()
    meter = beside(rival, order)
    wrapper = Completions.__dict__["create"]
    genmeter.uninstrument()
    if order == "before":
        assert Completions.__dict__["create"] is wrapper and wrapper.__wrapped__ is bare
    client.chat.completions.create(**CHAT)
    assert meter.spans == [] and meter.events() == [] and len(theirs(meter)) == 1
