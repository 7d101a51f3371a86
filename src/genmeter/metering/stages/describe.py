"""The call in words: the record as attributes, for the span and for the event alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from ... import names
from ...credentials import scrub
from ...model import PICO, AttributeValue, Cost, Invocation, Response, Unpriced, Usage
from ...settings import Settings
from ...texts import LONGEST, bounded
from ...units import parts

_PARTS = tuple(name for field, name in names.USAGE_TOKENS.items() if field not in ("input", "output"))
_NO_PARTS = (0,) * len(_PARTS)
_LONGEST = 200
"""Characters of a detail: the names that it repeats are the application's."""
_LONGEST_TEXT, _MOST = 1024, 64
"""Characters of a text, and items of a list, that the application or the server chose."""


def describe(invocation: Invocation, settings: Settings) -> dict[str, AttributeValue]:
    """Everything about the call that was not known when its span started, under its conventional names."""
    response = invocation.response
    attributes = {**invocation.request.attributes, **response.attributes}
    _bound_texts(attributes)
    if response.id is not None:
        attributes[names.RESPONSE_ID] = response.id
    if response.model is not None:
        attributes[names.RESPONSE_MODEL] = response.model
    if response.finish_reasons:
        reasons = response.finish_reasons
        usual = len(reasons) == 1 and type(reasons[0]) is str and len(reasons[0]) <= LONGEST and reasons[0].isascii()
        attributes[names.FINISH_REASONS] = reasons if usual else _bounded(reasons)
    if invocation.first_chunk is not None:
        attributes[names.TIME_TO_FIRST_CHUNK] = invocation.first_chunk
    if invocation.error is not None:
        attributes[names.ERROR_TYPE] = invocation.error
    if invocation.cut is not None:
        attributes[names.STREAM_CUT] = invocation.cut
    if response.region is not None:
        attributes[names.REGION] = bounded(response.region)
    if response.batch:
        attributes[names.BATCH] = True
    if invocation.usage is not None and invocation.operation != names.FETCH_RESPONSE:
        _describe_usage(invocation.usage, invocation.operation, attributes)
    if invocation.cost is not None:
        _describe_cost(invocation.cost, settings.cost_attributes, attributes)
        if response.unpriced:
            _describe_unpriced(invocation.cost, response.unpriced, attributes)
    return attributes


def bound(response: Response) -> None:
    """Cut what the server says of itself to the length of a name, before it becomes a label or a row."""
    model, identity = response.model, response.id
    if model is not None and not (len(model) <= LONGEST and model.isascii()):
        response.model = bounded(model)
    if identity is not None and not (len(identity) <= LONGEST and identity.isascii()):
        response.id = bounded(identity)


def _bound_texts(attributes: dict[str, AttributeValue]) -> None:
    """Cut the texts of SDK and server. A long text, or a lone surrogate, would cost the exporter's whole batch."""
    for name, value in attributes.items():
        kind = type(value)
        if kind is str:
            if len(value) <= _LONGEST_TEXT and value.isascii():  # type: ignore[arg-type, union-attr]
                continue
        elif kind is int or kind is bool or kind is float:
            continue
        attributes[name] = _bounded(value)


def _bounded(value: AttributeValue) -> AttributeValue:
    if isinstance(value, str):
        return bounded(value, _LONGEST_TEXT)
    if isinstance(value, (list, tuple)):
        items = cast("Sequence[Any]", value)[:_MOST]
        return [one if _usual(one) else bounded(one, _LONGEST_TEXT) if isinstance(one, str) else one for one in items]
    return value


def _usual(item: object) -> bool:
    return type(item) is str and len(item) <= _LONGEST_TEXT and item.isascii()


def _detail(words: str) -> str:
    # Bounded before and after: see ``credentials.scrub``.
    return scrub(bounded(words, 2 * _LONGEST))[:_LONGEST]


def _describe_unpriced(cost: Cost | Unpriced, used: tuple[str, ...], attributes: dict[str, AttributeValue]) -> None:
    """The parts that our price leaves out. An amount that the provider states holds them all."""
    if isinstance(cost, Cost) and cost.source != "provider":
        attributes[names.COST_REASON] = "unpriced_dimension"
        attributes[names.COST_DETAIL] = _detail(f"not in this price: {', '.join(used[:_MOST])}")


def _describe_usage(usage: Usage, operation: str, attributes: dict[str, AttributeValue]) -> None:
    """Totals may be zero; parts are written only when they are not."""
    if usage.input is not None:
        attributes[names.INPUT_TOKENS] = usage.input
    if usage.output is not None and operation != names.EMBEDDINGS:
        attributes[names.OUTPUT_TOKENS] = usage.output
    counts = parts(usage)
    if counts != _NO_PARTS:
        attributes.update({name: count for name, count in zip(_PARTS, counts, strict=True) if count})


def _describe_cost(cost: Cost | Unpriced, spelling: str, attributes: dict[str, AttributeValue]) -> None:
    if isinstance(cost, Unpriced):
        attributes[names.COST_STATUS] = "unpriced"
        attributes[names.COST_REASON] = cost.reason
        if cost.detail:
            attributes[names.COST_DETAIL] = _detail(cost.detail)
        return
    attributes[names.COST_STATUS] = "partial" if cost.partial else "priced"
    if spelling == "off":
        # the status alone tells a collector that this call is priced and counted
        return
    if spelling != "own":
        attributes[names.COST_AMOUNT] = cost.total / PICO
        attributes[names.COST_CURRENCY] = "USD"
        attributes[names.COST_SOURCE] = cost.source
    if spelling != "proposal":
        attributes[names.COST_TOTAL] = cost.total / PICO
        for kind, pico in cost.lines:
            attributes[names.COST_LINES[kind]] = pico / PICO
    if cost.catalogue:
        attributes[names.COST_CATALOGUE] = cost.catalogue
    attributes[names.COST_ENTRY] = cost.entry
