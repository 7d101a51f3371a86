"""The meter under test: real OpenTelemetry SDK, exporters in memory, and short ways to ask what was exported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler, SamplingResult
from opentelemetry.trace import SpanKind

import genmeter
from genmeter import names
from genmeter.settings import Settings

MICRO = 1e-6
"""One micro-dollar: prices per million tokens are micro-dollars per token."""


class Recorder(Sampler):
    """Decides as ``inner`` does and keeps what a sampler gets to see."""

    def __init__(self, inner: Sampler = ALWAYS_ON) -> None:
        self.inner = inner
        self.seen: list[tuple[str, SpanKind | None, dict[str, Any]]] = []

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Any = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        self.seen.append((name, kind, dict(attributes or {})))
        return self.inner.should_sample(parent_context, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        return "recorder"


class Meter:
    """One instrumentation with its exporters."""

    def __init__(
        self,
        settings: Settings,
        *,
        sampler: Sampler = ALWAYS_ON,
        resource: Mapping[str, str] | None = None,
        views: Sequence[View] = (),
        temporality: Any = None,
    ) -> None:
        described = Resource(dict(resource or {}))
        self.sampler = Recorder(sampler)
        self._spans = InMemorySpanExporter()
        self._logs = InMemoryLogRecordExporter()
        self._reader = InMemoryMetricReader(preferred_temporality=temporality)
        self.tracer_provider = TracerProvider(sampler=self.sampler, resource=described, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._reader], described, shutdown_on_exit=False, views=views)
        self.logger_provider = LoggerProvider(described, shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        genmeter.instrument(
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
            logger_provider=self.logger_provider,
            settings=settings,
        )

    # Spans

    @property
    def spans(self) -> list[ReadableSpan]:
        """Finished spans of genmeter, in order of their end."""
        finished = self._spans.get_finished_spans()
        return [
            span for span in finished if (span.instrumentation_scope and span.instrumentation_scope.name) == "genmeter"
        ]

    @property
    def all_spans(self) -> list[ReadableSpan]:
        """Finished spans of anybody."""
        return list(self._spans.get_finished_spans())

    @property
    def span(self) -> ReadableSpan:
        """The one span; a failure when there are more or none."""
        spans = self.spans
        assert len(spans) == 1, [(span.name, span.status.status_code.name) for span in spans]
        return spans[0]

    @property
    def attributes(self) -> dict[str, Any]:
        """Attributes of the one span."""
        return dict(self.span.attributes or {})

    # Events

    @property
    def logs(self) -> list[Any]:
        """All log records."""
        return [log.log_record for log in self._logs.get_finished_logs()]

    def events(self, name: str = names.EVENT_DETAILS) -> list[Any]:
        """Log records of one event name."""
        return [record for record in self.logs if record.event_name == name]

    @property
    def event(self) -> Any:
        """The one details event."""
        events = self.events()
        assert len(events) == 1, len(events)
        return events[0]

    # Metrics

    def collect(self) -> dict[str, Any]:
        """Metric name → Metric, as collected now."""
        data = self._reader.get_metrics_data()
        if data is None:
            return {}
        return {
            metric.name: metric
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str) -> list[Any]:
        """Data points of one metric, collected now; none when nothing was recorded."""
        metric = self.collect().get(name)
        return [] if metric is None else list(metric.data.data_points)

    def total(self, name: str) -> float:
        """A sum over all its series."""
        return sum(point.value for point in self.points(name))

    # Everything

    def exported(self) -> str:
        """All that left the process as one text, to search for what must not be in it."""
        metrics = self._reader.get_metrics_data()
        spans = [span.to_json() for span in self._spans.get_finished_spans()]
        logs = [log.to_json() for log in self._logs.get_finished_logs()]
        return "\n".join([*spans, *logs, metrics.to_json() if metrics is not None else ""])

    def encoded(self) -> tuple[bytes, bytes, bytes]:
        """Spans, log records and metrics as OTLP carries them; fails as the exporter would."""
        metrics = self._reader.get_metrics_data()
        assert metrics is not None
        return (
            encode_spans(self._spans.get_finished_spans()).SerializeToString(),
            encode_logs(self._logs.get_finished_logs()).SerializeToString(),
            encode_metrics(metrics).SerializeToString(),
        )

    def clear(self) -> None:
        """Forget spans and events."""
        self._spans.clear()
        self._logs.clear()


def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes with tuples as lists, so that a span's and an event's compare."""
    return {key: list(value) if isinstance(value, tuple) else value for key, value in attributes.items()}


def one_call(meter: Meter) -> dict[str, Any]:
    """What holds for every finished call: one CLIENT span, one event with its ids and attributes, nobody active.

    Returns the span's attributes.
    """
    span, event = meter.span, meter.event
    context = span.get_span_context()
    assert context is not None
    assert span.kind is SpanKind.CLIENT
    assert (event.trace_id, event.span_id) == (context.trace_id, context.span_id)
    attributes = plain(span.attributes or {})
    details = plain(event.attributes)
    for added in (names.CALL_DURATION, names.PARENT_SPAN):
        details.pop(added, None)
    for content in (names.SYSTEM_INSTRUCTIONS, names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.TOOL_DEFINITIONS):
        details.pop(content, None)
        attributes.pop(content, None)
    assert details == attributes
    assert meter.total(names.CALLS_ACTIVE) == 0
    json.dumps(attributes)
    return plain(span.attributes or {})
