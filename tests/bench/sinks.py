"""The same OpenTelemetry SDK for every contender: real providers, real processors, exporters that keep nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult


class Spans(SpanExporter):
    """Takes spans; keeps them in ``kept`` only when told to."""

    def __init__(self, keep: bool = False) -> None:
        self.keep = keep
        self.kept: list[Any] = []

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        if self.keep:
            self.kept.extend(spans)
        return SpanExportResult.SUCCESS


class Records(LogRecordExporter):
    """Takes log records; keeps them in ``kept`` only when told to."""

    def __init__(self, keep: bool = False) -> None:
        self.keep = keep
        self.kept: list[Any] = []

    def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
        if self.keep:
            self.kept.extend(batch)
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        pass

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True


class Sinks:
    """Providers of one contender. Nothing runs in the background, so nothing disturbs the clock."""

    def __init__(self, keep: bool = False) -> None:
        resource = Resource({"service.name": "bench"})
        self.spans, self.records, self.reader = Spans(keep), Records(keep), InMemoryMetricReader()
        self.tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.meters = MeterProvider([self.reader], resource=resource, shutdown_on_exit=False)
        self.loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
        self.loggers.add_log_record_processor(SimpleLogRecordProcessor(self.records))

    def providers(self) -> dict[str, Any]:
        """Under the names that every OpenTelemetry instrumentor takes."""
        return {"tracer_provider": self.tracers, "meter_provider": self.meters, "logger_provider": self.loggers}

    def collect(self) -> Any:
        """What an export interval does: collect all metrics."""
        return self.reader.get_metrics_data()
