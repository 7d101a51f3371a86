"""What one call sends out: its span, started with what a sampler needs; at its end the points and the log events."""

from __future__ import annotations

from time import perf_counter, time_ns
from typing import Any

from opentelemetry.context import Context, set_value
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, Status, StatusCode, set_span_in_context

from ... import names
from ...model import AttributeValue, Invocation, Unpriced
from .. import coexist, guard
from ..content import content_attributes
from ..context import WITHIN, Within
from ..stages.describe import describe
from ..stages.measure import measure, measure_cost, under_way
from ..stages.price import price
from ..stages.report import report, report_exception
from ..telemetry import Telemetry


class Signals:
    """The span, metric points and events of one call. Made last, so that nothing of ours can fail after the span's start.

    ``begun`` is the ``perf_counter`` at the start, ``started`` the same moment in nanoseconds since 1970, ``context`` the OpenTelemetry context in which the SDK is to run.
    Inside the call of an official instrumentation there is no span of ours: the outer call gets the money.
    """

    __slots__ = (
        "_attributes",
        "_outer",
        "_parent",
        "_telemetry",
        "_under_way",
        "begun",
        "context",
        "span",
        "started",
        "within",
    )

    def __init__(
        self,
        telemetry: Telemetry,
        sdk: str,
        invocation: Invocation,
        attributes: dict[str, AttributeValue],
        context: Context,
    ) -> None:
        self._telemetry, self._attributes = telemetry, attributes
        self.within = Within(sdk, invocation.operation)
        within = set_value(WITHIN, self.within, context)
        self._outer = coexist.outer(context, invocation.operation)
        self._parent = coexist.parent(context)
        self.begun, self.started = perf_counter(), time_ns()
        invocation.started = self.started / 1e9
        if self._outer is not None:
            self.span, self.context = INVALID_SPAN, within
            return
        model = invocation.request.model
        named = model and invocation.operation != names.FETCH_RESPONSE
        self.span: Span = telemetry.tracer.start_span(
            f"{invocation.operation} {model}" if named else invocation.operation,
            context,
            SpanKind.CLIENT,
            attributes,
            start_time=self.started,
        )
        inner = set_span_in_context(self.span, within)
        self.context = guard.step("announce", coexist.announce, inner, invocation.operation) or inner
        self._under_way = under_way(invocation)
        guard.step("measure", telemetry.points.add, (self._under_way,))

    def complete(self, invocation: Invocation) -> None:
        """Run the stages on the finished record."""
        telemetry, step = self._telemetry, guard.step
        step("price", price, invocation, telemetry.catalogue)
        if isinstance(invocation.cost, Unpriced):
            step("sight", telemetry.sightings.see, invocation)
        if telemetry.limits is not None:
            step("budget", telemetry.limits.book, invocation)
        if self._outer is not None:
            step("measure", measure_cost, invocation, telemetry)
            step("publish", self._publish, invocation)
            invocation.exception = None
            return
        attributes = step("describe", describe, invocation, telemetry.settings) or {}
        step("measure", measure, invocation, telemetry, self.span.get_span_context(), self._under_way)
        step("span", self._write_span, invocation, attributes)
        if telemetry.settings.event:
            step("report", self._report, invocation, attributes)
        if invocation.exception is not None:
            step("exception", report_exception, invocation.exception, telemetry, self.context, self._attributes)
        invocation.exception = None  # it holds the frames of the app

    def discard(self, invocation: Invocation) -> None:
        """Take back what the start has sent out. A span that is not ended is never exported."""
        if self._outer is None:
            metric, labels, _, _ = self._under_way
            guard.step("measure", self._telemetry.points.add, ((metric, labels, -1, None),))
        if self._telemetry.limits is not None:
            guard.step("budget", self._telemetry.limits.book, invocation)

    def _publish(self, invocation: Invocation) -> None:
        """The call of an official instrumentation around this one has the span: it gets the money."""
        invocation.cost = coexist.together(self._outer, invocation.cost)
        described = {**self._attributes, **describe(invocation, self._telemetry.settings)}
        coexist.publish(self._outer, self.context, invocation, described)

    def _write_span(self, invocation: Invocation, attributes: dict[str, AttributeValue]) -> None:
        span = self.span
        if not span.is_recording():
            return
        span.set_attributes(attributes)
        settings = self._telemetry.settings
        if invocation.content is not None and settings.content in ("SPAN_ONLY", "SPAN_AND_EVENT"):
            span.set_attributes(content_attributes(invocation.content, settings, as_json=True))
        if invocation.error is not None:
            span.set_status(
                Status(StatusCode.ERROR, str(invocation.exception) if invocation.exception is not None else None)
            )

    def _report(self, invocation: Invocation, attributes: dict[str, AttributeValue]) -> None:
        details: dict[str, Any] = {**self._attributes, **attributes}
        content, settings = invocation.content, self._telemetry.settings
        if content is not None and settings.content in ("EVENT_ONLY", "SPAN_AND_EVENT"):
            details.update(content_attributes(content, settings, as_json=False))
        report(invocation, self._telemetry, self.context, details, self._parent)


def start_attributes(invocation: Invocation) -> dict[str, AttributeValue]:
    """What a sampler needs to see."""
    attributes: dict[str, AttributeValue] = {
        names.OPERATION: invocation.operation,
        names.PROVIDER: invocation.seller.name,
    }
    if invocation.request.model:
        attributes[names.REQUEST_MODEL] = invocation.request.model
    if invocation.address is not None:
        attributes[names.SERVER_ADDRESS] = invocation.address
    if invocation.port is not None:
        attributes[names.SERVER_PORT] = invocation.port
    return attributes
