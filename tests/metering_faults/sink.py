"""The user's OpenTelemetry SDK with exporters in memory, and short ways to ask what was exported."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import genmeter
from genmeter.metering.call.engine import Engine
from genmeter.metering.instrumentor import GenmeterInstrumentor
from genmeter.metering.process.reaper import reaper
from genmeter.settings import Settings
from tests.stub import StubServer

OURS = "genmeter"


class Telemetry:
    """Providers and what came out of them."""

    def __init__(self) -> None:
        self._spans, self._logs, self._reader = (
            InMemorySpanExporter(),
            InMemoryLogRecordExporter(),
            InMemoryMetricReader(),
        )
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._reader], shutdown_on_exit=False)
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    @property
    def providers(self) -> dict[str, Any]:
        """As ``instrument`` takes them."""
        return {
            "tracer_provider": self.tracer_provider,
            "meter_provider": self.meter_provider,
            "logger_provider": self.logger_provider,
        }

    def instrument(self, settings: Settings | None = None) -> Engine:
        """Meter with these providers; gives the engine."""
        genmeter.instrument(**self.providers, settings=settings or Settings())
        return current()

    @property
    def spans(self) -> list[ReadableSpan]:
        """All finished spans, once what was dropped is closed."""
        reaper.drain()
        return list(self._spans.get_finished_spans())

    @property
    def logs(self) -> list[Any]:
        """All log records."""
        reaper.drain()
        return [log.log_record for log in self._logs.get_finished_logs()]

    def logs_of_ours(self) -> list[Any]:
        """The details events that we emitted: what the ledger reads."""
        scoped = self._logs.get_finished_logs()
        return [log.log_record for log in scoped if log.instrumentation_scope.name == OURS]

    def metric(self, name: str) -> dict[tuple[tuple[str, Any], ...], Any]:
        """The points of one metric by their attributes: the value of a sum, the count of a histogram."""
        reaper.drain()
        data = self._reader.get_metrics_data()
        found: dict[tuple[tuple[str, Any], ...], Any] = {}
        for resource in data.resource_metrics if data is not None else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    for point in metric.data.data_points if metric.name == name else ():
                        value = getattr(point, "value", None)
                        key = tuple(sorted((point.attributes or {}).items()))
                        found[key] = getattr(point, "count", None) if value is None else value
        return found

    def clear(self) -> None:
        """Forget spans and logs."""
        self._spans.clear()
        self._logs.clear()


def scopes(spans: list[ReadableSpan]) -> list[str]:
    """Who made them."""
    return [span.instrumentation_scope.name for span in spans if span.instrumentation_scope is not None]


def current() -> Engine:
    """The engine that is at work."""
    engine = GenmeterInstrumentor()._engine  # pyright: ignore[reportPrivateUsage]
    assert engine is not None
    return engine


def sellers(stub: StubServer) -> dict[str, str]:
    """OpenAI's prices for the stub's OpenAI paths, Anthropic's for all others."""
    host = stub.url.removeprefix("http://")
    return {f"{host}/v1": "openai", host: "anthropic"}


def everything(stub: StubServer) -> Settings:
    """Settings under which every stage and reader has work to do."""
    return Settings(
        sellers=sellers(stub),
        content="SPAN_AND_EVENT",
        metrics="both",
        chunk_times=True,
        unattributed="tag",
        attribution={"department": "research", "user": "ada@example.com"},
    )
