"""The user's own telemetry is broken: providers, instruments, processors, exporters that raise. The app must not notice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import Sampler

import genmeter
from genmeter.metering.instrumentor import GenmeterInstrumentor
from genmeter.metering.process.reaper import reaper
from tests.stub import StubServer

from .app import WAYS, Clients, outcome
from .sink import Telemetry, everything

pytestmark = pytest.mark.any_major("the telemetry that breaks is OpenTelemetry's")

SHAPES = (
    "chat",
    "chat_stream",
    "chat_raw_stream",
    "chat_limited",
    "message_helper",
    "async_chat",
    "async_message_stream",
)


class Broken:
    """Raises whatever it is asked for, below a given depth of calls."""

    def __init__(self, depth: int) -> None:
        self._depth = depth

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._depth == 0:
            raise ValueError(f"broken: {name}")
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Broken(self._depth - 1)


class Raising:
    """A processor, sampler or exporter all of whose methods raise."""

    def __getattribute__(self, name: str) -> Any:
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        raise ValueError(f"raising: {name}")


def raising(kind: type[Any]) -> Any:
    """An object of an SDK's kind that raises whatever it is asked."""
    made = type(f"Bad{kind.__name__}", (Raising, kind), {})
    made.__abstractmethods__ = frozenset()
    return made()


def bad_spans(telemetry: Telemetry) -> None:
    telemetry.tracer_provider.add_span_processor(raising(SpanProcessor))


def bad_logs(telemetry: Telemetry) -> None:
    telemetry.logger_provider.add_log_record_processor(raising(LogRecordProcessor))


def bad_sampler(telemetry: Telemetry) -> None:
    telemetry.tracer_provider.sampler = raising(Sampler)


def bad_provider(kind: str, depth: int) -> Callable[[Telemetry], None]:
    return lambda telemetry: setattr(telemetry, kind, Broken(depth))


BREAKS: dict[str, Callable[[Telemetry], None]] = {
    "span processor": bad_spans,
    "log processor": bad_logs,
    "sampler": bad_sampler,
    **{
        f"{kind} at depth {depth}": bad_provider(kind, depth)
        for kind in ("tracer_provider", "meter_provider", "logger_provider")
        for depth in (0, 1, 2)
    },
}


@pytest.mark.parametrize("name", BREAKS)
def test_the_app_gets_what_it_gets_without_telemetry(
    name: str, stub: StubServer, runner: asyncio.Runner, telemetry: Telemetry
) -> None:
    bare = {shape: outcome(WAYS[shape], Clients(stub), runner) for shape in SHAPES}
    BREAKS[name](telemetry)
    clients = Clients(stub)
    GenmeterInstrumentor().instrument(**telemetry.providers, settings=everything(stub))
    assert {shape: outcome(WAYS[shape], clients, runner) for shape in SHAPES} == bare
    reaper.drain()
    genmeter.uninstrument()
    assert {shape: outcome(WAYS[shape], clients, runner) for shape in SHAPES} == bare
