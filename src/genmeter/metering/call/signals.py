"""What one call sends out: its span, started with what a sampler needs; at its end the points and the log events."""

from __future__ import annotations

from random import getrandbits
from time import perf_counter, time_ns
from typing import Any

from opentelemetry.context import Context, set_value
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from ... import names
from ...model import AttributeValue, Invocation, Unpriced
from .. import coexist, guard
from ..content import content_attributes
from ..context import WITHIN, Within
from ..exceptions import message_of, tell
from ..metrics.points import Point
from ..outer import Outer, Place
from ..stages.describe import bound, describe
from ..stages.measure import measure, measure_cost, under_way
from ..stages.price import price
from ..stages.report import report, report_exception
from ..telemetry import Telemetry

_ON_SPANS, _ON_EVENTS = ("SPAN_ONLY", "SPAN_AND_EVENT"), ("EVENT_ONLY", "SPAN_AND_EVENT")
"""Where content goes, and with it the words of exceptions."""


class Signals:
    """The span, metric points and events of one call. Made last, so that nothing of ours can fail after the span's start.

    ``begun`` is the ``perf_counter`` at the start, ``started`` the same moment in nanoseconds since 1970, ``context`` the OpenTelemetry context in which the SDK is to run.
    ``span`` is our own span. Inside an outer call there is none at first: where the record goes is decided at the end
    (see ``outer``). ``unseen``: another instrumentation has a span of the call that we cannot reach, so ours is not exported.
    """

    __slots__ = (
        "_attributes",
        "_outer",
        "_parent",
        "_telemetry",
        "_told",
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
        outer: Outer | None,
        *,
        unseen: bool,
    ) -> None:
        self._telemetry, self._attributes, self._outer = telemetry, attributes, outer
        self.within = Within(sdk, invocation.operation)
        within = set_value(WITHIN, self.within, context)
        try:
            self._parent = coexist.parent(context)
        except Exception as error:
            guard.failed("parent", error)
            self._parent = ""
        self.begun, self.started = perf_counter(), time_ns()
        invocation.started = self.started / 1e9
        self.span, self._told = INVALID_SPAN, within
        if unseen:
            self.span = _unexported(context)
            self._told = set_span_in_context(self.span, within)
        elif outer is None:
            self.span = self._start(invocation, context)
            self._told = within = set_span_in_context(self.span, within)
        self.context, self._under_way = within, None
        if outer is None or not outer.official:
            self.context = guard.step("announce", coexist.announce, within, invocation.operation) or within
            self._under_way: Point | None = under_way(invocation)
            guard.step("measure", telemetry.points.add, (self._under_way,))

    def _start(self, invocation: Invocation, context: Context) -> Span:
        model = invocation.request.model
        named = model and invocation.operation != names.FETCH_RESPONSE
        try:
            return self._telemetry.tracer.start_span(
                f"{invocation.operation} {model}" if named else invocation.operation,
                context,
                SpanKind.CLIENT,
                self._attributes,
                start_time=self.started,
            )
        except Exception as error:  # a sampler or a processor of the user's: the money's event goes out all the same
            guard.failed("span", error)
            return _unexported(context)

    def begin(self) -> None:
        """The app is about to hold a stream."""
        if self._outer is not None:
            guard.step("outer", self._outer.begin)

    def complete(self, invocation: Invocation) -> None:
        """Run the stages on the finished record."""
        telemetry, step = self._telemetry, guard.step
        try:
            bound(invocation.response)
        except Exception as error:
            guard.failed("describe", error)
        step("price", price, invocation, telemetry.catalogue)
        if isinstance(invocation.cost, Unpriced):
            step("sight", telemetry.sightings.see, invocation)
        if telemetry.limits is not None:
            step("budget", telemetry.limits.book, invocation)
        attributes = step("describe", describe, invocation, telemetry.settings) or {}
        place = step("outer", self._settle, invocation, attributes) or Place.OWN
        step("measure", self._measure, invocation)
        if place is Place.OWN:
            step("span", self._write_span, invocation, attributes)
        if telemetry.settings.event and place is not Place.SPAN:
            step("report", self._report, invocation, attributes)
        if invocation.exception is not None and self._under_way is not None:
            step("exception", self._report_exception, invocation.exception)
        invocation.exception = None  # it holds the frames of the app

    def discard(self, invocation: Invocation) -> None:
        """Take back what the start has sent out. A span that is not ended is never exported."""
        if self._under_way is not None:
            metric, labels, _, _ = self._under_way
            guard.step("measure", self._telemetry.points.add, ((metric, labels, -1, None),))
        if self._telemetry.limits is not None:
            guard.step("budget", self._telemetry.limits.book, invocation)

    def _settle(self, invocation: Invocation, attributes: dict[str, AttributeValue]) -> Place:
        """Where the record goes: to the outer span, which is written, or to a span of its own, which then is there."""
        outer = self._outer
        if outer is None:
            return Place.OWN
        place = outer.place(invocation)
        if place is Place.OWN:
            self.span = self._start(invocation, self.context)
            self._told = set_span_in_context(self.span, self.context)
        else:
            outer.publish(invocation, {**self._attributes, **attributes})
            self._parent = outer.parent
        return place

    def _measure(self, invocation: Invocation) -> None:
        if self._under_way is None:
            measure_cost(invocation, self._telemetry)
        else:
            span = get_current_span(self._told).get_span_context()
            measure(invocation, self._telemetry, span, self._under_way)

    def _write_span(self, invocation: Invocation, attributes: dict[str, AttributeValue]) -> None:
        span = self.span
        if not span.is_recording():
            return
        span.set_attributes(attributes)
        settings = self._telemetry.settings
        if invocation.content is not None and settings.content in _ON_SPANS:
            span.set_attributes(content_attributes(invocation.content, settings, as_json=True))
        if invocation.error is not None:
            failure, words = invocation.exception, settings.content in _ON_SPANS
            span.set_status(Status(StatusCode.ERROR, None if failure is None else message_of(failure, words)))

    def _report(self, invocation: Invocation, attributes: dict[str, AttributeValue]) -> None:
        details: dict[str, Any] = {**self._attributes, **attributes}
        content, settings = invocation.content, self._telemetry.settings
        if content is not None and settings.content in _ON_EVENTS:
            details.update(content_attributes(content, settings, as_json=False))
        report(invocation, self._telemetry, self._told, details, self._parent)

    def _report_exception(self, error: BaseException) -> None:
        told = tell(error, self._telemetry.settings.content in _ON_EVENTS)
        report_exception(told, self._telemetry, self._told, self._attributes)


def _unexported(context: Context) -> Span:
    """A span that is not exported, with ids of its own, by which the ledger tells the call's event from others."""
    trace_id = get_current_span(context).get_span_context().trace_id or getrandbits(128) or 1
    return NonRecordingSpan(SpanContext(trace_id, getrandbits(64) or 1, is_remote=False))


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
