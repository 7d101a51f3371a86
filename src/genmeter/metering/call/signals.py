"""What one call sends out: its span, started with what a sampler needs; at its end the points and the log events."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from random import getrandbits
from time import perf_counter, time_ns
from typing import Any

from opentelemetry.context import Context, set_value
from opentelemetry.trace import (
    INVALID_SPAN,
    NonRecordingSpan,
    Span,
    SpanContext,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from ... import names
from ...model import AttributeValue, Invocation, Served, Unpriced
from .. import coexist, guard
from ..blocks import frame
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
    ``at`` is the moment in nanoseconds for a call that is over before it is told.
    """

    __slots__ = (
        "_attributes",
        "_described",
        "_outer",
        "_parent",
        "_place",
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
        around: Span,
        outer: Outer | None,
        *,
        unseen: bool,
        at: int | None = None,
    ) -> None:
        self._telemetry, self._attributes, self._outer = telemetry, attributes, outer
        self.within = Within(sdk, invocation.operation)
        within = set_value(WITHIN, self.within, context)
        self._described: dict[str, AttributeValue] = {}
        self._place, self._parent = Place.OWN, ""
        if around is not INVALID_SPAN:
            self._parent = guard.step("parent", coexist.parent, around) or ""
        self.begun, self.started = perf_counter(), time_ns() if at is None else at
        invocation.started = self.started / 1e9
        self.span, self._told = INVALID_SPAN, within
        if unseen:
            self.span = _unexported(around)
            self._told = set_span_in_context(self.span, within)
        elif outer is None:
            self.span = self._start(invocation, context, around)
            self._told = within = set_span_in_context(self.span, within)
        self.context, self._under_way = within, None
        if outer is None or not outer.official:
            if coexist.UTIL_GENAI in sys.modules:
                self.context = guard.step("announce", coexist.announce, within, invocation.operation) or within
            try:
                self._under_way: Point | None = under_way(invocation)
                telemetry.points.add(self._under_way)
            except Exception as error:
                guard.failed("measure", error)

    def _start(self, invocation: Invocation, context: Context, around: Span) -> Span:
        model = invocation.request.model
        named = model and invocation.operation != names.FETCH_RESPONSE
        name = f"{invocation.operation} {model}" if named else invocation.operation
        try:
            return self._telemetry.routes.start_span(name, context, self._attributes, self.started)
        except Exception as error:  # a sampler or a processor of the user's: the money's event goes out all the same
            guard.failed("span", error)
            return _unexported(around)

    def begin(self) -> None:
        """The app is about to hold a stream."""
        if self._outer is not None:
            guard.step("outer", self._outer.begin)

    def complete(self, invocation: Invocation) -> None:
        """Run the stages on the finished record. A fault in one of them keeps no other from running."""
        for site, stage in _STAGES:
            try:
                stage(self, invocation)
            except Exception as error:
                guard.failed(site, error)
        if invocation.exception is not None and self._under_way is not None:
            guard.step("exception", self._report_exception, invocation.exception)
        # The record waits for a reader of metrics: it must not keep the frames of the app, nor what was said.
        invocation.exception = invocation.content = None

    def discard(self, invocation: Invocation) -> None:
        """Take back what the start has sent out. A span that is not ended is never exported."""
        if self._under_way is not None:
            metric, labels, _, _ = self._under_way
            guard.step("measure", self._telemetry.points.add, (metric, labels, -1, None))
        if self._telemetry.limits is not None:
            guard.step("budget", self._telemetry.limits.book, invocation)
        guard.step("block", frame.withdraw, invocation)

    # --- the stages ------------------------------------------------------------------------------------------------

    def _price(self, invocation: Invocation) -> None:
        telemetry = self._telemetry
        try:
            bound(invocation.response)
        except Exception as error:
            guard.failed("describe", error)
        if invocation.response.served is not None:
            guard.step("seller", self._settle_seller, invocation, invocation.response.served)
        price(invocation, telemetry.catalogue)
        if isinstance(invocation.cost, Unpriced):
            guard.step("sight", telemetry.sightings.see, invocation)
        if telemetry.limits is not None:
            guard.step("budget", telemetry.limits.book, invocation)
        if invocation.frame is not None:
            guard.step("block", frame.book, invocation)

    def _settle_seller(self, invocation: Invocation, served: Served) -> None:
        """The seller and the address that only the answer told, in the place of those from the start."""
        endpoint = self._telemetry.endpoints.served(served)
        known = endpoint is not None and endpoint.seller.id == invocation.seller.id
        if endpoint is None or (endpoint.address is None and (known or invocation.address is not None)):
            return  # the arguments said more
        invocation.seller = endpoint.seller
        if endpoint.address is not None:
            invocation.address, invocation.port = endpoint.address, endpoint.port
        self._attributes.update(start_attributes(invocation))

    def _describe(self, invocation: Invocation) -> None:
        self._described = describe(invocation, self._telemetry.settings)

    def _settle(self, invocation: Invocation) -> None:
        """Where the record goes: to the outer span, which is written, or to a span of its own, which then is there."""
        outer = self._outer
        if outer is None:
            return
        self._place = outer.place(invocation)
        if self._place is Place.OWN:
            self.span = self._start(invocation, self.context, outer.span)
            self._told = set_span_in_context(self.span, self.context)
        else:
            outer.publish(invocation, {**self._attributes, **self._described})
            self._parent = outer.parent

    def _measure(self, invocation: Invocation) -> None:
        telemetry, begun = self._telemetry, self._under_way
        if begun is None:
            telemetry.points.add(partial(measure_cost, invocation, telemetry))
            return
        span = self.span if self._outer is None else get_current_span(self._told)
        weight = len(invocation.gaps) if invocation.gaps else 0
        telemetry.points.add(partial(measure, invocation, telemetry, span.get_span_context(), begun), weight)

    def _write_span(self, invocation: Invocation) -> None:
        span = self.span
        if not span.is_recording():
            return
        if invocation.response.served is not None:
            span.set_attributes(self._attributes)
        span.set_attributes(self._described)
        settings = self._telemetry.settings
        if invocation.content is not None and settings.content in _ON_SPANS:
            span.set_attributes(content_attributes(invocation.content, settings, as_json=True))
        if invocation.error is not None:
            failure, words = invocation.exception, settings.content in _ON_SPANS
            span.set_status(Status(StatusCode.ERROR, None if failure is None else message_of(failure, words)))

    def _report(self, invocation: Invocation) -> None:
        settings, content = self._telemetry.settings, invocation.content
        if not settings.event or self._place is Place.SPAN:
            return
        details: dict[str, Any] = {**self._attributes, **self._described}
        if content is not None and settings.content in _ON_EVENTS:
            details.update(content_attributes(content, settings, as_json=False))
        report(invocation, self._telemetry, self._told, details, self._parent)

    def _report_exception(self, error: BaseException) -> None:
        told = tell(error, self._telemetry.settings.content in _ON_EVENTS)
        report_exception(told, self._telemetry, self._told, self._attributes)


_STAGES: tuple[tuple[str, Callable[[Signals, Invocation], None]], ...] = (
    ("price", Signals._price),  # pyright: ignore[reportPrivateUsage]
    ("describe", Signals._describe),  # pyright: ignore[reportPrivateUsage]
    ("outer", Signals._settle),  # pyright: ignore[reportPrivateUsage]
    ("measure", Signals._measure),  # pyright: ignore[reportPrivateUsage]
    ("span", Signals._write_span),  # pyright: ignore[reportPrivateUsage]
    ("report", Signals._report),  # pyright: ignore[reportPrivateUsage]
)
"""The stages in their order, each with the word under which its faults are counted."""


def _unexported(around: Span) -> Span:
    """A span that is not exported, with ids of its own, by which the ledger tells the call's event from others."""
    trace_id = around.get_span_context().trace_id or getrandbits(128) or 1
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
