"""The span of a call lies where the app is, and what the SDK does lies inside it; around it nothing changes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.instrumentation.utils import suppress_instrumentation

from tests.stub import StubServer

from .acting import act, opened, opened_async, took, took_async, way_of
from .conftest import Metering
from .listed import Case, each, plain_cases

_connecting: list[Any] = []
"""The span that was current at each connection, while ``connections`` looks."""
_looking: list[bool] = []


def _audit(event: str, _: Any) -> None:
    if _looking and event == "socket.connect":
        _connecting.append(trace.get_current_span().get_span_context().span_id)


@contextmanager
def connections() -> Iterator[list[Any]]:
    """The id of the span that is current whenever a socket of Python's is connected, on any thread."""
    if not hasattr(sys, "_genmeter_audited"):
        sys._genmeter_audited = True  # type: ignore[attr-defined]  # an audit hook cannot be taken off
        sys.addaudithook(_audit)
    _connecting.clear()
    _looking.append(True)
    try:
        yield _connecting
    finally:
        _looking.clear()


@each(which=plain_cases)
def test_the_span_is_a_child_of_the_apps_and_a_parent_of_the_requests(
    case: Case, stub: StubServer, metering: Metering
) -> None:
    meter = metering(case.sdk)
    tracer = meter.tracer_provider.get_tracer("app")

    def run() -> None:
        with opened(case, stub.url) as client, tracer.start_as_current_span("app") as app, connections() as connected:
            took(client, way_of(case), case.streamed)
            assert trace.get_current_span() is app
            check(app, connected)

    async def run_async() -> None:
        async with opened_async(case, stub.url) as client:
            with tracer.start_as_current_span("app") as app, connections() as connected:
                await took_async(client, way_of(case), case.streamed)
                assert trace.get_current_span() is app
                check(app, connected)

    def check(app: Any, connected: list[Any]) -> None:
        span = meter.span
        assert span.parent is not None and span.parent.span_id == app.get_span_context().span_id
        own = span.get_span_context()
        assert own is not None
        if case.sdk.sockets:
            assert own.span_id in connected

    asyncio.run(run_async()) if case.asynchronous else run()


@each(which=plain_cases)
def test_a_call_after_another_is_not_inside_it(case: Case, stub: StubServer, metering: Metering) -> None:
    meter = metering(case.sdk)
    for _ in range(2):
        act(case, stub.url)
    first, second = meter.spans
    assert first.parent is None and second.parent is None


@each(which=plain_cases)
def test_a_call_that_the_app_suppresses_is_not_recorded(case: Case, stub: StubServer, metering: Metering) -> None:
    bare = act(case, stub.url)
    meter = metering(case.sdk)
    with suppress_instrumentation():
        assert act(case, stub.url) == bare
    assert meter.all_spans == [] and meter.logs == []
