"""The call in numbers: histograms through the SDK, sums kept by us as exact integers."""

from __future__ import annotations

from opentelemetry.context import Context

from ... import names
from ...model import Cost, Invocation, Unpriced, Usage
from ..sums import Labels
from ..telemetry import Telemetry

_MODALITIES = {
    names.INFERENCE_INPUT: ("input", ("text", "text_input"), ("audio", "audio_input"), ("image", "image_input")),
    names.INFERENCE_OUTPUT: ("output", ("text", "text_output"), ("audio", "audio_output"), ("image", "image_output")),
    names.INFERENCE_CACHE_READ: ("cache_read", ("audio", "audio_cache_read"), ("image", "image_cache_read")),
    names.INFERENCE_CACHE_WRITE: ("cache_write",),
    names.INFERENCE_REASONING: ("reasoning",),
}
INFERENCE = frozenset({names.CHAT, names.TEXT_COMPLETION, names.GENERATE_CONTENT})
Entry = tuple[str, Labels, int]


def labels(invocation: Invocation, environment: str | None, allowed: tuple[str, ...]) -> dict[str, str | int]:
    """The bounded attributes of every point of this call; never a user or a session."""
    found: dict[str, str | int] = {
        names.OPERATION: invocation.operation,
        names.PROVIDER: invocation.seller.name,
    }
    if invocation.request.model:
        found[names.REQUEST_MODEL] = invocation.request.model
    if invocation.response.model:
        found[names.RESPONSE_MODEL] = invocation.response.model
    if invocation.address is not None:
        found[names.SERVER_ADDRESS] = invocation.address
    if invocation.port is not None:
        found[names.SERVER_PORT] = invocation.port
    who = invocation.attribution
    if who.department and "department" in allowed:
        found[names.DEPARTMENT] = who.department
    if who.application and "application" in allowed:
        found[names.APPLICATION] = who.application
    if environment and "environment" in allowed:
        found[names.ENVIRONMENT] = environment
    return found


def active(invocation: Invocation, change: int) -> list[Entry]:
    """The call's part in the calls under way: +1 when it starts, -1 when it ends, under the same labels."""
    seller, model = invocation.seller.name, invocation.request.model
    known: Labels = ((names.OPERATION, invocation.operation), (names.PROVIDER, seller))
    return [(names.CALLS_ACTIVE, (*known, (names.REQUEST_MODEL, model)) if model else known, change)]


def measure(invocation: Invocation, telemetry: Telemetry, context: Context) -> None:
    """Record the call's points: duration, tokens, cost; whatever the sampler decided."""
    common = labels(invocation, telemetry.environment, telemetry.settings.metric_labels)
    _record(invocation, telemetry, common, context)
    telemetry.sums.add(_sums(invocation, telemetry, tuple(common.items())))


def _record(
    invocation: Invocation, telemetry: Telemetry, common: dict[str, str | int], context: Context
) -> None:
    histograms, operation, usage = telemetry.histograms, invocation.operation, invocation.usage
    timed = {**common, names.ERROR_TYPE: invocation.error} if invocation.error is not None else common
    if telemetry.latest:
        if operation in INFERENCE:
            histograms[names.INFERENCE_DURATION].record(invocation.duration, timed, context)
            # Both are recorded for every call, with 0 when no usage arrived (conventions, PR 536).
            histograms[names.INFERENCE_OPERATION_INPUT].record(usage and usage.input or 0, timed, context)
            histograms[names.INFERENCE_OPERATION_OUTPUT].record(usage and usage.output or 0, timed, context)
            if invocation.first_chunk is not None:
                histograms[names.INFERENCE_FIRST_CHUNK].record(invocation.first_chunk, common, context)
        elif operation == names.EMBEDDINGS:
            histograms[names.EMBEDDINGS_DURATION].record(invocation.duration, timed, context)
            if usage is not None and usage.input is not None:
                histograms[names.EMBEDDINGS_INPUT].record(usage.input, common, context)
    if telemetry.legacy or operation not in INFERENCE and operation != names.EMBEDDINGS:
        histograms[names.OPERATION_DURATION].record(invocation.duration, timed, context)
    if telemetry.legacy:
        _record_legacy(invocation, telemetry, common, context)


def _record_legacy(
    invocation: Invocation, telemetry: Telemetry, common: dict[str, str | int], context: Context
) -> None:
    usage, tokens = invocation.usage, telemetry.histograms[names.LEGACY_TOKEN_USAGE]
    if usage is not None and invocation.operation != names.FETCH_RESPONSE:
        for kind, count in (("input", usage.input), ("output", usage.output)):
            if count is not None:
                tokens.record(count, {**common, names.TOKEN_TYPE: kind}, context)
    if invocation.first_chunk is not None:
        telemetry.histograms[names.LEGACY_FIRST_CHUNK].record(invocation.first_chunk, common, context)


def _sums(invocation: Invocation, telemetry: Telemetry, common: Labels) -> list[Entry]:
    entries: list[Entry] = []
    cost = invocation.cost
    if isinstance(cost, Cost):
        entries.append((names.COST_USD, common, cost.total))
    elif isinstance(cost, Unpriced):
        entries.append((names.CALLS_UNPRICED, (*common, (names.COST_REASON, cost.reason)), 1))
    if telemetry.latest and invocation.usage is not None and invocation.operation in INFERENCE:
        _token_sums(invocation.usage, common, entries)
    return entries


def _token_sums(usage: Usage, common: Labels, entries: list[Entry]) -> None:
    """A counter summed over its modalities equals the total: what the provider did not split goes to ``unknown``."""
    for metric, (total, *parts) in _MODALITIES.items():
        rest = getattr(usage, total)
        if not rest:
            continue
        for modality, field in parts:
            count = getattr(usage, field)
            if count:
                entries.append((metric, (*common, (names.TOKEN_MODALITY, modality)), count))
                rest -= count
        if rest > 0:
            entries.append((metric, (*common, (names.TOKEN_MODALITY, "unknown")), rest))
