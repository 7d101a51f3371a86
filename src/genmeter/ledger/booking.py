"""Which spans and events are calls, and what each of them books.

A call is a span or an ``EVENT_DETAILS`` event that names its operation and its provider. Money is taken only from the
billed operations: agent, workflow and tool spans repeat their children's totals.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from genmeter import names
from genmeter.ledger.call import (
    EVENT,
    LINE_KINDS,
    PARTIAL,
    PRICED,
    SPAN,
    UNBILLED_OPERATIONS,
    UNPRICED,
    USAGE_FIELDS,
    Call,
)
from genmeter.ledger.decode import Attributes, Event, Span, Value
from genmeter.ledger.money import to_pico
from genmeter.model import Cost, Unpriced

Price = Callable[[Mapping[str, object], float], Cost | Unpriced]
"""Prices a call that arrived with tokens and without a verdict on its cost: from its attributes and its Unix second."""

NOT_PRICED = "not_priced"
"""Reason of the ledger's own: tokens arrived and nobody on the way had priced them."""
NO_CURRENCY = "no_currency"
"""Reason of the ledger's own: an amount arrived without saying of what."""
INVALID_COST = "invalid_cost"
"""Reason of the ledger's own: the amount is no amount of money."""

USD = "USD"
LONGEST = 300
"""Characters kept of a text that somebody else wrote into a column."""
_MOST_TOKENS = 2**40
_NANO = 10**9
_LINES = tuple(names.COST_LINES[kind] for kind in LINE_KINDS)
_TOKENS = tuple(names.USAGE_TOKENS[field] for field in USAGE_FIELDS)


def from_span(span: Span, run: str, price: Price | None = None) -> Call | None:
    """The call that ``span`` reports, None when it reports none."""
    call = _call(span, span.started_ns, SPAN, run)
    if call is None:
        return None
    call.parent_span_id = span.parent_span_id
    call.span_name = span.name[:LONGEST] or None
    call.duration_ns = span.ended_ns - span.started_ns
    if span.failed and call.error_type is None:
        call.error_type = "_OTHER"
    return _settle(call, span.attributes, price)


def from_event(event: Event, run: str, price: Price | None = None) -> Call | None:
    """The call that ``event`` reports, None when it reports none. An event is written when its call has ended."""
    duration = _nanoseconds(event.attributes.get(names.CALL_DURATION))
    call = _call(event, max(event.time_ns - (duration or 0), 1), EVENT, run)
    if call is None:
        return None
    call.parent_span_id = text(event.attributes.get(names.PARENT_SPAN))
    call.duration_ns = duration
    return _settle(call, event.attributes, price)


def text(value: Value) -> str | None:
    """A text attribute, clipped; empty and other types are unknown."""
    return value[:LONGEST] if isinstance(value, str) and value else None


def _call(record: Span | Event, started_ns: int, signal: int, run: str) -> Call | None:
    own, resource = record.attributes, record.resource
    operation, provider = text(own.get(names.OPERATION)), text(own.get(names.PROVIDER))
    if operation is None or provider is None or operation in UNBILLED_OPERATIONS:
        return None
    return Call(
        trace_id=record.trace_id,
        span_id=record.span_id,
        signals=signal,
        run=run,
        started_ns=started_ns,
        first_chunk_ns=_nanoseconds(own.get(names.TIME_TO_FIRST_CHUNK)),
        service=text(resource.get(names.SERVICE_NAME)),
        environment=text(own.get(names.ENVIRONMENT)) or text(resource.get(names.ENVIRONMENT)),
        operation=operation,
        provider=provider,
        request_model=text(own.get(names.REQUEST_MODEL)),
        response_model=text(own.get(names.RESPONSE_MODEL)),
        response_id=text(own.get(names.RESPONSE_ID)),
        service_tier=text(own.get(names.SERVICE_TIER)) or text(own.get(names.OPENAI_RESPONSE_TIER)),
        region=text(own.get(names.REGION)),
        user_hash=text(own.get(names.USER_ID)),
        department=text(own.get(names.DEPARTMENT)) or text(resource.get(names.DEPARTMENT)),
        application=text(own.get(names.APPLICATION)) or text(resource.get(names.APPLICATION)),
        session=text(own.get(names.SESSION_ID)),
        finish_reasons=_texts(own.get(names.FINISH_REASONS)),
        error_type=text(own.get(names.ERROR_TYPE)),
        cut=text(own.get(names.STREAM_CUT)),
    )


def _settle(call: Call, own: Attributes, price: Price | None) -> Call:
    """Fill in usage and money, for the operations that carry them."""
    if call.operation not in names.BILLED_OPERATIONS:
        return call
    call.usage = tuple([_count(own[name]) if name in own else None for name in _TOKENS])
    call.cost_status = text(own.get(names.COST_STATUS))
    call.cost_reason = text(own.get(names.COST_REASON))
    call.cost_source = text(own.get(names.COST_SOURCE))
    call.cost_catalogue = text(own.get(names.COST_CATALOGUE))
    call.cost_entry = text(own.get(names.COST_ENTRY))
    if names.COST_AMOUNT in own or names.COST_TOTAL in own:
        _take_cost(call, own)
    elif call.cost_status is None and price is not None and call.usage[:2] != (None, None):
        _take_verdict(call, price(own, call.started_ns / _NANO))
    if call.cost_pico is None and call.cost_status != UNPRICED:
        _leave_unpriced(call)
    return call


def _take_cost(call: Call, own: Attributes) -> None:
    amount, currency = own.get(names.COST_AMOUNT), text(own.get(names.COST_CURRENCY))
    if amount is None:
        # the catalogue of genmeter prices in USD, so its own attribute needs no currency beside it
        amount, currency = own.get(names.COST_TOTAL), currency or USD
    pico = to_pico(amount)
    if pico is None or currency is None:
        call.cost_status, call.cost_reason = UNPRICED, INVALID_COST if pico is None else NO_CURRENCY
        return
    call.cost_pico, call.currency = pico, currency.upper()
    call.lines = tuple([to_pico(own[name]) if name in own else None for name in _LINES])
    call.cost_status = call.cost_status if call.cost_status not in (None, UNPRICED) else PRICED


def _take_verdict(call: Call, verdict: Cost | Unpriced) -> None:
    if isinstance(verdict, Unpriced):
        call.cost_status, call.cost_reason = UNPRICED, verdict.reason
    else:
        lines = dict(verdict.lines)
        call.cost_pico, call.currency, call.cost_status = verdict.total, USD, PARTIAL if verdict.partial else PRICED
        call.lines = tuple(lines.get(kind) for kind in LINE_KINDS)
        call.cost_source, call.cost_catalogue, call.cost_entry = verdict.source, verdict.catalogue, verdict.entry


def _leave_unpriced(call: Call) -> None:
    """A call without a cost is unpriced, unless it failed before it used anything: then no money is due."""
    used = any(count is not None for count in call.usage)
    if used or call.error_type is None:
        call.cost_status, call.cost_reason = UNPRICED, call.cost_reason or (NOT_PRICED if used else "no_usage")
    else:
        call.cost_status = None


def _count(value: Value) -> int | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    # a garbage count would overflow the sums of everybody else
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS else None


def _nanoseconds(seconds: Value) -> int | None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < _NANO:
        return None
    return round(seconds * _NANO)


def _texts(value: Value) -> str | None:
    if not isinstance(value, list) or not value:
        return None
    return json.dumps([item[:LONGEST] if isinstance(item, str) else str(item)[:LONGEST] for item in value[:16]])
