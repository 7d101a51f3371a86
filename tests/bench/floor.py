"""The floor's instruments: a span, its metric points and its log record, written with the OpenTelemetry API alone."""

from __future__ import annotations

from time import perf_counter, time_ns
from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import attach
from opentelemetry.trace import SpanKind, set_span_in_context

from genmeter import names

from .sinks import Sinks


class Instruments:
    """Made once; then one span, one point per instrument and one record per call, all of them synchronous."""

    def __init__(self, sinks: Sinks) -> None:
        self.tracer = sinks.tracers.get_tracer("floor")
        self.logger = sinks.loggers.get_logger("floor")
        meter = sinks.meters.get_meter("floor")

        def histogram(name: str, buckets: Any) -> Any:
            return meter.create_histogram(name, names.UNITS[name], explicit_bucket_boundaries_advisory=buckets)

        def counter(name: str) -> Any:
            return meter.create_counter(name, names.UNITS[name])

        self.duration = histogram(names.INFERENCE_DURATION, names.SECONDS_BUCKETS)
        self.first_chunk = histogram(names.INFERENCE_FIRST_CHUNK, names.SECONDS_BUCKETS)
        self.input = histogram(names.INFERENCE_OPERATION_INPUT, names.TOKEN_BUCKETS)
        self.output = histogram(names.INFERENCE_OPERATION_OUTPUT, names.TOKEN_BUCKETS)
        self.embed_duration = histogram(names.EMBEDDINGS_DURATION, names.SECONDS_BUCKETS)
        self.embed_input = histogram(names.EMBEDDINGS_INPUT, names.TOKEN_BUCKETS)
        self.input_total, self.output_total = counter(names.INFERENCE_INPUT), counter(names.INFERENCE_OUTPUT)
        self.cost = counter(names.COST_USD)
        self.active = meter.create_up_down_counter(names.CALLS_ACTIVE, names.UNITS[names.CALLS_ACTIVE])

    def begin(self, name: str, start: dict[str, Any], active: dict[str, Any]) -> tuple[Any, Any, Any, float]:
        """The span with its first attributes, its context, the token of having attached it, and the clock."""
        span = self.tracer.start_span(name, kind=SpanKind.CLIENT, attributes=start)
        context = set_span_in_context(span)
        self.active.add(1, active)
        return span, context, attach(context), perf_counter()

    def points(self, labels: dict[str, Any], took: float, into: int, out: int, cost: float, context: Any) -> None:
        """The points of an inference call, one for each instrument."""
        self.duration.record(took, labels, context)
        self.input.record(into, labels, context)
        self.output.record(out, labels, context)
        by_modality = {**labels, names.TOKEN_MODALITY: "unknown"}
        self.input_total.add(into, by_modality, context)
        self.output_total.add(out, by_modality, context)
        self.cost.add(cost, labels, context)

    def end(self, span: Any, context: Any, start: Any, known: Any, active: Any, took: float) -> None:
        """The rest of the span's attributes, the log record with all of them, and the end."""
        span.set_attributes(known)
        self.logger.emit(
            timestamp=time_ns(),
            context=context,
            severity_number=SeverityNumber.DEBUG,
            event_name=names.EVENT_DETAILS,
            attributes={**start, **known, names.CALL_DURATION: took},
        )
        self.active.add(-1, active, context)
        span.end()
