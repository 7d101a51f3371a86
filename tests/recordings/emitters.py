"""How each instrumentation is switched on, and the span that it puts around a step of an app.

Nothing is imported before it is asked for: each package has an environment of its own. Message content is off.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import trace

from tests.bench import peers

SDKS = ("openai", "anthropic")
_ONE_MORE = (
    "it adds the one output token of message_start to the cumulative count of message_delta: 900 input × $3.00 / 1M = "
    "$0.0027; 600 read × $0.30 / 1M = $0.00018; 121 output × $15.00 / 1M = $0.001815; total $0.004695, $0.000015 more "
    "than was billed"
)


@dataclass(frozen=True, slots=True)
class Emitter:
    """``packages`` are those whose versions matter; ``step`` is a span of an app's own step that bills nothing.

    ``miscounts``: calls on whose span it writes counts that the provider did not give, with the bill for what it wrote.
    ``refused`` is why its span of a call that failed has no price.
    """

    packages: tuple[str, ...]
    enable: Callable[[], None]
    step: Callable[[], AbstractContextManager[Any]]
    sdks: tuple[str, ...] = SDKS
    miscounts: Mapping[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    refused: str = "no_usage"


def _official() -> None:
    # the events say the same as the spans, and both have to be booked once
    os.environ["OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT"] = "true"
    peers.enable("official")


def _official_step() -> AbstractContextManager[Any]:
    from opentelemetry.util.genai.handler import TelemetryHandler  # pyright: ignore[reportMissingImports]

    return TelemetryHandler().workflow("answer a question")


def _openllmetry_step() -> AbstractContextManager[Any]:
    from opentelemetry.semconv_ai import SpanAttributes, TraceloopSpanKindValues  # pyright: ignore[reportMissingImports]

    attributes = {
        SpanAttributes.TRACELOOP_SPAN_KIND: TraceloopSpanKindValues.WORKFLOW.value,
        SpanAttributes.TRACELOOP_ENTITY_NAME: "answer",
    }
    return trace.get_tracer("traceloop.tracer").start_as_current_span("answer.workflow", attributes=attributes)


def _openinference_step() -> AbstractContextManager[Any]:
    from openinference.instrumentation import OITracer, TraceConfig  # pyright: ignore[reportMissingImports]

    tracer = OITracer(trace.get_tracer("app"), config=TraceConfig())
    return tracer.start_as_current_span("answer", openinference_span_kind="chain")


def _openlit_step() -> AbstractContextManager[Any]:
    import openlit  # pyright: ignore[reportMissingImports]

    return openlit.start_trace("answer")


def _anthropic() -> None:
    os.environ.pop("ANTHROPIC_OPEN_TELEMETRY")


def _genmeter() -> None:
    import genmeter
    from genmeter.settings import Settings

    genmeter.instrument(settings=Settings())


def _plain_step() -> AbstractContextManager[Any]:
    return trace.get_tracer("app").start_as_current_span("answer")


EMITTERS = {
    "official": Emitter(
        (
            "opentelemetry-instrumentation-genai-openai",
            "opentelemetry-instrumentation-genai-anthropic",
            "opentelemetry-util-genai",
        ),
        _official,
        _official_step,
    ),
    "openllmetry": Emitter(
        (
            "opentelemetry-instrumentation-openai",
            "opentelemetry-instrumentation-anthropic",
            "opentelemetry-semantic-conventions-ai",
        ),
        lambda: peers.enable("openllmetry"),
        _openllmetry_step,
        miscounts={"message streamed": (4_695_000_000, _ONE_MORE)},
    ),
    "openinference": Emitter(
        (
            "openinference-instrumentation-openai",
            "openinference-instrumentation-anthropic",
            "openinference-semantic-conventions",
        ),
        lambda: peers.enable("openinference"),
        _openinference_step,
        # the model is on its span only when the provider has answered
        refused="unknown_model",
    ),
    "openlit": Emitter(("openlit",), lambda: peers.enable("openlit"), _openlit_step),
    "anthropic": Emitter((), _anthropic, _plain_step, sdks=("anthropic",)),
    "genmeter": Emitter((), _genmeter, _plain_step),
}
