"""What one run of a block sends out: its span, with the roll-up of its calls, and its duration as a metric."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from opentelemetry.trace import Span, SpanContext, Status, StatusCode

from ... import names
from ...model import PICO, AttributeValue
from .. import guard
from ..errors import error_type
from ..exceptions import message_of

if TYPE_CHECKING:
    from ..metrics.points import Point
    from ..metrics.series import Labels
    from ..telemetry import Telemetry
    from .frame import Frame
    from .tally import Sums

DURATIONS = {
    names.INVOKE_WORKFLOW: names.WORKFLOW_DURATION,
    names.INVOKE_AGENT: names.AGENT_DURATION,
    names.EXECUTE_TOOL: names.TOOL_DURATION,
}
"""Operation → the histogram of its seconds."""


def rollup(sums: Sums) -> dict[str, AttributeValue]:
    """The sums as attributes. Unknown is not zero: where no call had a price, there is no cost."""
    cost, calls, unpriced, read, written, _, _ = sums
    found: dict[str, AttributeValue] = {names.ROLLUP_CALLS: calls}
    if calls:
        if unpriced < calls:
            found[names.ROLLUP_COST] = cost / PICO
        found[names.ROLLUP_INPUT], found[names.ROLLUP_OUTPUT] = read, written
        if unpriced:
            found[names.ROLLUP_UNPRICED] = unpriced
    return found


def finish(telemetry: Telemetry, frame: Frame, labels: Labels, seconds: float, error: BaseException | None) -> None:
    """End the run's span and record its metrics. ``labels`` name the block."""
    failed = None if error is None else error_type(error)
    sums, span = frame.tally.read(), frame.span
    try:
        if span is not None and span.is_recording():
            spent = {} if frame.kind == names.EXECUTE_TOOL and not sums.calls else rollup(sums)
            _write(telemetry, frame, span, spent, failed, error)
    except Exception as fault:
        guard.failed("span", fault)
    if frame.owned and span is not None:
        span.end(frame.started + int(seconds * 1e9))
    if frame.owned or span is None:
        where = None if span is None else span.get_span_context()
        telemetry.points.add(partial(_points, frame.kind, labels, seconds, failed, sums, where))


def _write(
    telemetry: Telemetry,
    frame: Frame,
    span: Span,
    attributes: dict[str, AttributeValue],
    failed: str | None,
    error: BaseException | None,
) -> None:
    if failed is not None and error is not None and frame.owned:
        attributes[names.ERROR_TYPE] = failed
        words = telemetry.settings.content in ("SPAN_ONLY", "SPAN_AND_EVENT")
        span.set_status(Status(StatusCode.ERROR, message_of(error, words)))
    span.set_attributes(attributes)


def _points(
    kind: str, labels: Labels, seconds: float, failed: str | None, sums: Sums, span: SpanContext | None
) -> list[Point]:
    timed = labels if failed is None else (*labels, (names.ERROR_TYPE, failed))
    points: list[Point] = [(DURATIONS[kind], timed, seconds, span)]
    if kind == names.INVOKE_AGENT:
        points += [(names.AGENT_CALLS, labels, sums.own, span), (names.AGENT_TOOL_CALLS, labels, sums.tools, span)]
    return points
