"""The call in numbers: its part of sums and histograms, which does not depend on the sampler.

The points of a call are made when a reader collects: see ``metrics.points``.
"""

from __future__ import annotations

from operator import attrgetter

from opentelemetry.trace import SpanContext

from ... import names
from ...model import Cost, Invocation, Unpriced, Usage
from ...units import BEYOND_TEXT, MODALITIES, TEXT_ALONE
from ..metrics.points import Point
from ..metrics.series import Labels
from ..telemetry import Telemetry

INFERENCE = frozenset({names.CHAT, names.TEXT_COMPLETION, names.GENERATE_CONTENT})
_TOTALS = {
    "input": names.INFERENCE_INPUT,
    "output": names.INFERENCE_OUTPUT,
    "cache_read": names.INFERENCE_CACHE_READ,
    "cache_write": names.INFERENCE_CACHE_WRITE,
    "reasoning": names.INFERENCE_REASONING,
}
_MODALITIES = tuple((metric, total, MODALITIES.get(total, ())) for total, metric in _TOTALS.items())
_TEXT_MODALITIES = tuple(
    (metric, total, tuple(part for part in parts if part[1] not in BEYOND_TEXT)) for metric, total, parts in _MODALITIES
)
"""Without the counts that a call of text alone does not have."""
_totals = attrgetter(*(total for _, total, _ in _MODALITIES))
_DURATIONS = frozenset({names.INFERENCE_DURATION, names.EMBEDDINGS_DURATION, names.OPERATION_DURATION})
"""What is not measured of a call that was over before the program told of it."""
_UNKNOWN = (names.TOKEN_MODALITY, "unknown")


def under_way(invocation: Invocation) -> Point:
    """The call's part in the calls under way, from its start to its end."""
    known: Labels = ((names.OPERATION, invocation.operation), (names.PROVIDER, invocation.seller.name))
    model = invocation.request.model
    return names.CALLS_ACTIVE, (*known, (names.REQUEST_MODEL, model)) if model else known, 1, None


def measure(invocation: Invocation, telemetry: Telemetry, span: SpanContext, begun: Point) -> list[Point]:
    """The points of a finished call: duration, tokens, cost, and that it is no longer under way (``begun``)."""
    labels = _labels(invocation, telemetry)
    metric, known, _, _ = begun
    points: list[Point] = [(metric, known, -1, None), *_cost(invocation, labels)]
    if telemetry.latest:
        _latest(invocation, labels, span, points)
    if telemetry.legacy:
        _legacy(invocation, labels, span, points)
    return [point for point in points if point[0] not in _DURATIONS] if invocation.told else points


def measure_cost(invocation: Invocation, telemetry: Telemetry) -> list[Point]:
    """The cost alone: the official instrumentation around this call measures its duration and its tokens."""
    return _cost(invocation, _labels(invocation, telemetry))


def _labels(invocation: Invocation, telemetry: Telemetry) -> Labels:
    """The bounded attributes of every point of this call; never a user or a session."""
    found: list[tuple[str, str | int | bool]] = [
        (names.OPERATION, invocation.operation),
        (names.PROVIDER, invocation.seller.name),
    ]
    if invocation.request.model is not None:
        found.append((names.REQUEST_MODEL, invocation.request.model))
    if invocation.response.model is not None:
        found.append((names.RESPONSE_MODEL, invocation.response.model))
    if invocation.address is not None:
        found.append((names.SERVER_ADDRESS, invocation.address))
    if invocation.port is not None:
        found.append((names.SERVER_PORT, invocation.port))
    allowed, (_, department, application, _) = telemetry.settings.metric_labels, invocation.attribution
    if department is not None and "department" in allowed:
        found.append((names.DEPARTMENT, department))
    if application is not None and "application" in allowed:
        found.append((names.APPLICATION, application))
    if invocation.maker.agent is not None and "agent" in allowed:
        found.append((names.AGENT_NAME, invocation.maker.agent))
    if invocation.maker.workflow is not None and "workflow" in allowed:
        found.append((names.WORKFLOW_NAME, invocation.maker.workflow))
    if "environment" in allowed and telemetry.environment is not None:
        found.append((names.ENVIRONMENT, telemetry.environment))
    return tuple(found)


def _cost(invocation: Invocation, labels: Labels) -> list[Point]:
    """The amount or the reason for none, and the tokens that are in no count: by field, and never by user or model."""
    cost, points = invocation.cost, list[Point]()
    for field, count in invocation.response.unread:
        unread: Labels = ((names.USAGE_EMITTER, invocation.seller.name), (names.USAGE_FIELD, field))
        points.append((names.TOKENS_UNACCOUNTED, unread, count, None))
    if isinstance(cost, Cost):
        points.append((names.COST_USD, labels, cost.total, None))
    elif isinstance(cost, Unpriced):
        points.append((names.CALLS_UNPRICED, (*labels, (names.COST_REASON, cost.reason)), 1, None))
    return points


def _latest(invocation: Invocation, labels: Labels, span: SpanContext, points: list[Point]) -> None:
    """The conventions' current names. Inference and embeddings have metrics of their own."""
    operation, usage, failed = invocation.operation, invocation.usage, invocation.error
    timed = labels if failed is None else (*labels, (names.ERROR_TYPE, failed))
    if operation in INFERENCE:
        # Token histograms take every call, with 0 when no usage arrived (conventions, PR 536).
        spent = (usage.input or 0, usage.output or 0) if usage is not None else (0, 0)
        points.append((names.INFERENCE_DURATION, timed, invocation.duration, span))
        points.append((names.INFERENCE_OPERATION_INPUT, timed, spent[0], span))
        points.append((names.INFERENCE_OPERATION_OUTPUT, timed, spent[1], span))
        if invocation.first_chunk is not None:
            points.append((names.INFERENCE_FIRST_CHUNK, labels, invocation.first_chunk, span))
        if invocation.gaps:
            points.append((names.INFERENCE_CHUNK_GAP, labels, invocation.gaps, span))
        if usage is not None:
            _token_sums(usage, labels, points)
    elif operation == names.EMBEDDINGS:
        points.append((names.EMBEDDINGS_DURATION, timed, invocation.duration, span))
        if usage is not None and usage.input is not None:
            points.append((names.EMBEDDINGS_INPUT, labels, usage.input, span))
    else:
        points.append((names.OPERATION_DURATION, timed, invocation.duration, span))


def _legacy(invocation: Invocation, labels: Labels, span: SpanContext, points: list[Point]) -> None:
    """The names of core v1.41, which most dashboards still read."""
    usage = invocation.usage
    if points[-1][0] != names.OPERATION_DURATION:
        failed = invocation.error
        timed = labels if failed is None else (*labels, (names.ERROR_TYPE, failed))
        points.append((names.OPERATION_DURATION, timed, invocation.duration, span))
    if usage is not None and invocation.operation != names.FETCH_RESPONSE:
        for kind, count in (("input", usage.input), ("output", usage.output)):
            if count is not None:
                points.append((names.LEGACY_TOKEN_USAGE, (*labels, (names.TOKEN_TYPE, kind)), count, span))
    if invocation.first_chunk is not None:
        points.append((names.LEGACY_FIRST_CHUNK, labels, invocation.first_chunk, span))
    if invocation.gaps:
        points.append((names.LEGACY_CHUNK_GAP, labels, invocation.gaps, span))


def _token_sums(usage: Usage, labels: Labels, points: list[Point]) -> None:
    """A counter summed over its modalities equals the total: what the provider did not split goes to ``unknown``."""
    modalities = _TEXT_MODALITIES if usage.rare == TEXT_ALONE else _MODALITIES
    for (metric, _, parts), total in zip(modalities, _totals(usage), strict=True):
        if not total:
            continue
        rest = total
        for modality, field in parts:
            count = getattr(usage, field)
            if count:
                points.append((metric, (*labels, (names.TOKEN_MODALITY, modality)), count, None))
                rest -= count
        if rest > 0:
            points.append((metric, (*labels, _UNKNOWN), rest, None))
