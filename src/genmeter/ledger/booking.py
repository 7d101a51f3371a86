"""Which spans and events are calls, and what each of them books.

A call is a span or an ``EVENT_DETAILS`` event that says what was done and who was asked, in the names of today or in
another convention's (``reading/conventions.py``). What was done is one of a closed list: agent, workflow and tool spans
repeat their children's totals. The span of a server or a queue is none either: a server does not pay.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from urllib.parse import urlsplit

from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtobufSpan

from genmeter import names
from genmeter.ledger.call import (
    EVENT,
    LINE_KINDS,
    PARTIAL,
    PRICED,
    SPAN,
    UNPRICED,
    USAGE_FIELDS,
    Call,
)
from genmeter.ledger.counts import counted_in
from genmeter.ledger.decode import Attributes, Event, Span, Value
from genmeter.ledger.money import to_pico
from genmeter.model import MOST_TOKENS, Seller, Unpriced, Verdict
from genmeter.pricing.catalogue import Catalogue
from genmeter.reading import conventions
from genmeter.reading.conventions import Conventions, Counted, Told
from genmeter.reading.recorded import billed_by
from genmeter.reading.records import translated
from genmeter.reading.uncounted import uncounted

Price = Callable[[Mapping[str, object], float], Verdict]
"""Prices a call that arrived with tokens and without a verdict on its cost: from its attributes and its Unix second."""

NOT_PRICED = "not_priced"
"""Reason of the ledger's own: the call arrived with tokens, and no earlier hop had priced it."""
NO_CURRENCY = "no_currency"
"""Reason of the ledger's own: an amount arrived without a currency."""
INVALID_USAGE = "invalid_usage"
"""Reason that the price book shares: a value is no count, so the call has no price."""
INVALID_COST = "invalid_cost"
"""Reason of the ledger's own: the amount is no amount of money."""

NOBODY = "unknown"
"""Provider of a call whose record names none: the call is one all the same, as it is for the collector."""
UNPRICED_DIMENSION = "unpriced_dimension"
"""Reason that the price book shares: a count has no price, so the bill leaves it out."""
ASSUMED = "the emitter is not in the table of emitters: its input count was taken to have the cache in it"
"""Detail of a priced call whose input count may mean more than was billed; ``genmeter collector emitters``."""

USD = "USD"
MOST_PICO = 10_000 * 10**12
"""The most that another program may say of one call: no model of any seller can cost $10,000 a call."""
EMITTER = "emitter"
"""Source of an amount that another instrumentation wrote, in a spelling of its own."""
LONGEST = 300
"""The most characters that a column keeps of a text from outside."""
_NO_CLIENT = frozenset(
    {ProtobufSpan.SPAN_KIND_SERVER, ProtobufSpan.SPAN_KIND_PRODUCER, ProtobufSpan.SPAN_KIND_CONSUMER}
)
"""Kinds of spans that pay for nothing: the caller's own span does."""
_NANO = 10**9
_LINES = tuple(names.COST_LINES[kind] for kind in LINE_KINDS)
_INPUT, _OUTPUT, _READ, _WRITE, _REASONING = (
    USAGE_FIELDS.index(field) for field in ("input", "output", "cache_read", "cache_write", "reasoning")
)


def from_span(span: Span, run: str, price: Price | None = None) -> Call | None:
    """The call that ``span`` reports, None when it reports none."""
    call = None if span.kind in _NO_CLIENT else _call(span, span.started_ns, SPAN, run)
    if call is None:
        span, operation = _by_row(span)
        call = None if operation is None else _call(span, span.started_ns, SPAN, run, operation)
    if call is None:
        return None
    call.parent_span_id = span.parent_span_id
    call.span_name = conventions.bundled().talkers.span_name(span.name, span.scope, span.attributes)[:LONGEST] or None
    call.duration_ns = span.ended_ns - span.started_ns
    if span.failed and call.error_type is None:
        call.error_type = "_OTHER"
    return _settle(call, span, price)


def from_event(event: Event, run: str, price: Price | None = None) -> Call | None:
    """The call that ``event`` reports, None when it reports none. An event is written when its call has ended."""
    if not event.known:
        return None
    duration = _nanoseconds(event.attributes.get(names.CALL_DURATION))
    call = _call(event, max(event.time_ns - (duration or 0), 1), EVENT, run)
    if call is None:
        return None
    call.parent_span_id = text(event.attributes.get(names.PARENT_SPAN))
    call.duration_ns = duration
    return _settle(call, event, price)


def unread(record: Span | Event) -> str | None:
    """The emitter and its operation, where a record has counts or an amount and is no call that we know; else None."""
    table = conventions.bundled()
    alone: tuple[str, ...] = ()
    if isinstance(record, Span) and record.kind == ProtobufSpan.SPAN_KIND_CLIENT:
        alone = tuple(word for row in table.emitters.of(record.scope, record.version) for word in row.alone)
    word = table.unread(record.attributes, alone)
    if word is None:
        return None
    if isinstance(record, Span) and record.kind in _NO_CLIENT and table.operation(record.attributes) in names.CALLS:
        word = f"{word} of a server"
    return f"{record.scope or 'unnamed scope'}: {word or 'no operation'}"[:LONGEST]


def _by_row(span: Span) -> tuple[Span, str | None]:
    """A span that is no call by its own words, in the names of today, and its operation; None where no row means it."""
    table = conventions.bundled()
    row = None if unread(span) is None else table.records.of_span(span.scope, span.kind, span.attributes)
    if row is None:
        return span, None
    span = span._replace(attributes=translated(span.attributes, row))
    return span, row.operation or table.operation(span.attributes)


def text(value: Value) -> str | None:
    """A text attribute, clipped; empty and other types are unknown."""
    return value[:LONGEST] if isinstance(value, str) and value else None


def _call(record: Span | Event, started_ns: int, signal: int, run: str, operation: str | None = None) -> Call | None:
    own, resource, table = record.attributes, record.resource, conventions.bundled()
    operation = operation or table.operation(own)
    if operation not in names.CALLS:
        return None
    provider = table.seller_word(text(own.get(names.PROVIDER))) or _provider(own, table)
    if provider is None and operation in names.BILLED_OPERATIONS:
        provider = NOBODY
    if provider is None:
        return None
    said = _spelled if _is_foreign(record, table) else _current
    return Call(
        trace_id=record.trace_id,
        span_id=record.span_id,
        signals=signal,
        run=run,
        scope=None if record.scope == names.SCOPE or _is_our_bill(own) else record.scope[:LONGEST],
        host=_host(own, table),
        started_ns=started_ns,
        first_chunk_ns=_nanoseconds(own.get(names.TIME_TO_FIRST_CHUNK)),
        service=text(resource.get(names.SERVICE_NAME)),
        environment=text(own.get(names.ENVIRONMENT)) or text(resource.get(names.ENVIRONMENT)),
        operation=operation[:LONGEST],
        provider=provider,
        request_model=said(own, table, "request_model"),
        response_model=said(own, table, "response_model"),
        response_id=said(own, table, "response_id"),
        service_tier=_spelled(own, table, "service_tier"),
        region=said(own, table, "region"),
        user_hash=text(own.get(names.USER_ID)),
        department=text(own.get(names.DEPARTMENT)) or text(resource.get(names.DEPARTMENT)),
        application=text(own.get(names.APPLICATION)) or text(resource.get(names.APPLICATION)) or _repository(record),
        session=text(own.get(names.SESSION_ID)),
        agent=text(own.get(names.AGENT_NAME)),
        workflow=text(own.get(names.WORKFLOW_NAME)),
        agent_path=text(own.get(names.AGENT_PATH)),
        conversation=text(own.get(names.CONVERSATION_ID)),
        finish_reasons=_texts(own.get(names.FINISH_REASONS)),
        error_type=text(own.get(names.ERROR_TYPE)),
        cut=text(own.get(names.STREAM_CUT)),
    )


def _repository(record: Span | Event) -> str | None:
    """The repository that a coding agent worked in, where its telemetry says so. It is the application of its calls."""
    if conventions.bundled().emitters.coding_agent(record.scope) is None:
        return None
    return text(record.attributes.get(names.REPOSITORY)) or text(record.resource.get(names.REPOSITORY))


def _is_foreign(record: Span | Event, table: Conventions) -> bool:
    """Whether any of it is spelled as genmeter would not."""
    return record.scope != names.SCOPE and not record.attributes.keys().isdisjoint(table.foreign)


def _current(own: Attributes, table: Conventions, field: str) -> str | None:
    return text(own.get(table.fields[field][0]))


def _spelled(own: Attributes, table: Conventions, field: str) -> str | None:
    """The text of a field, however it is spelled; a value that cannot be a text is unknown."""
    try:
        return text(table.text(own, field))
    except ValueError:
        return None


def _provider(own: Attributes, table: Conventions) -> str | None:
    """Who was asked, in our words: the seller that the record means, else another convention's word, else the host.

    A framework's name is the last resort: it sells nothing, but the call is one.
    """
    seller = _seller(own)
    if seller is not None:
        return seller.name
    word = _spelled(own, table, "provider")
    return table.seller_word(word) or _spelled(own, table, "address") or word or text(own.get(names.PROVIDER))


def _is_our_bill(own: Attributes) -> bool:
    """Whether genmeter in the application has written its bill on another instrumentation's record."""
    return own.get(names.BILLED_BY) == names.SCOPE and own.get(names.COST_STATUS) != names.ELSEWHERE


def _host(own: Attributes, table: Conventions) -> str | None:
    """The server, where it is no known seller's own: two servers of one SDK may give the same response id."""
    host, port = own.get(names.SERVER_ADDRESS), own.get(names.SERVER_PORT)
    if isinstance(host, str) and host and (port is None or isinstance(port, int)):
        return _unknown_host(host, port, "")
    try:
        place = table.place(own)
    except ValueError:
        return None
    return None if place is None else _unknown_host(*place)


# remembered, because most calls go to a few servers
@lru_cache(maxsize=1024)
def _unknown_host(host: str, port: int | None, path: str) -> str | None:
    if "://" in host:
        with suppress(ValueError):
            parts = urlsplit(host)
            host, port = parts.hostname or host, port or parts.port
    if Catalogue.bundled().seller(host, path) is not None:
        return None
    return (host if port is None else f"{host}:{port}")[:LONGEST].lower()


def _seller(own: Attributes) -> Seller | None:
    try:
        return billed_by(own, Catalogue.bundled(), _at_address)
    except ValueError:
        return None


def _at_address(host: str, _: int | None, path: str) -> Seller | None:
    return Catalogue.bundled().seller(host, path)


def _settle(call: Call, record: Span | Event, price: Price | None) -> Call:
    """Fill in usage and money, for the operations that carry them."""
    own, table = record.attributes, conventions.bundled()
    if own.get(names.COST_STATUS) == names.ELSEWHERE:
        call.cost_status, call.cost_detail = names.ELSEWHERE, text(own.get(names.BILLED_BY))
        return call
    if call.operation not in names.BILLED_OPERATIONS:
        return call
    foreign = _is_foreign(record, table)
    told, refused = _take_usage(call, record, table, foreign)
    call.cost_status = text(own.get(names.COST_STATUS))
    call.cost_reason = text(own.get(names.COST_REASON))
    call.cost_detail = text(own.get(names.COST_DETAIL))
    call.cost_source = text(own.get(names.COST_SOURCE))
    call.cost_catalogue = text(own.get(names.COST_CATALOGUE))
    call.cost_entry = text(own.get(names.COST_ENTRY))
    if names.COST_AMOUNT in own or names.COST_TOTAL in own:
        _take_cost(call, own)
    elif call.cost_status == UNPRICED or (foreign and _take_foreign_cost(call, own, table)):
        pass
    elif foreign and table.is_cache_hit(own):
        call.cost_pico, call.currency, call.cost_status, call.cost_source = 0, USD, PRICED, EMITTER
    elif refused is not None:
        call.cost_status, call.cost_reason, call.cost_detail = UNPRICED, INVALID_USAGE, text(refused)
    elif price is not None and any(count is not None for count in call.usage):
        asked = {**own, names.USAGE_REPAIRED: told.cache > 0, names.USAGE_BESIDE: told.thoughts}
        _take_verdict(call, price(asked, call.started_ns / _NANO))
        left = [name for name, _ in uncounted(own, table)] + [table.fields["total"][0]] * (told.left > 0)
        if call.cost_status == PARTIAL and left:
            call.cost_reason, call.cost_detail = UNPRICED_DIMENSION, text(f"not in this price: {', '.join(left)}")
    if call.cost_status == PRICED and told.assumed:
        call.cost_detail = call.cost_detail or ASSUMED
    if call.cost_pico is None and call.cost_status != UNPRICED:
        _leave_unpriced(call)
    return call


def _take_usage(call: Call, record: Span | Event, table: Conventions, foreign: bool) -> tuple[Told, str | None]:
    """Book the counts, totals with their parts.

    Says what they mean, and which value is no count: a call must not be billed for a count that its row does not show.
    """
    own = record.attributes
    counts, refused = counted_in(own, table, foreign)
    told, counted, cached = Told(), counts[_INPUT], (counts[_READ] or 0) + (counts[_WRITE] or 0)
    proven = (counts[_OUTPUT] or 0) < (counts[_REASONING] or 0) <= MOST_TOKENS
    if counted is not None and call.scope is not None and (cached > 0 or foreign or proven):
        said = Counted(counted, cached, counts[_OUTPUT] or 0, counts[_REASONING] or 0)
        told = table.told(own, record.scope, record.version, lambda: _wire(call, own), said)
        counts[_INPUT] = counted + told.cache
        if told.thoughts:
            counts[_OUTPUT], counts[_REASONING] = said.output + told.thoughts, said.reasoning or told.thoughts
    if own.get(names.USAGE_ASSUMED) is True:
        told = told._replace(assumed=True)
    call.usage = tuple(counts)
    return told, refused


def _wire(call: Call, own: Attributes) -> str | None:
    """Whose counts these are, by catalogue id. The name is believed at any address: a gateway passes counts on."""
    seller = _seller(own) or Catalogue.bundled().named(call.provider)
    return seller.id if seller is not None else None


def _take_foreign_cost(call: Call, own: Attributes, table: Conventions) -> bool:
    """Book another instrumentation's amount, which is always in USD. It writes 0 for a call that it cannot price."""
    found = (to_pico(own.get(name)) for name in table.foreign_costs)
    pico = next((pico for pico in found if pico and pico <= MOST_PICO), None)
    if pico is not None:
        call.cost_pico, call.currency, call.cost_status, call.cost_source = pico, USD, PRICED, EMITTER
    return pico is not None


def _take_cost(call: Call, own: Attributes) -> None:
    amount, currency = own.get(names.COST_AMOUNT), text(own.get(names.COST_CURRENCY))
    if amount is None:
        # the catalogue of genmeter prices in USD, so its own attribute needs no currency beside it
        amount, currency = own.get(names.COST_TOTAL), currency or USD
    pico = to_pico(amount)
    if pico is not None and pico > MOST_PICO and call.cost_status is None:
        # a wrong unit of one stranger would be in every sum
        pico = None
    if pico is None or currency is None:
        call.cost_status, call.cost_reason = UNPRICED, INVALID_COST if pico is None else NO_CURRENCY
        return
    call.cost_pico, call.currency = pico, currency.upper()
    call.lines = tuple([to_pico(own[name]) if name in own else None for name in _LINES])
    call.cost_status = call.cost_status if call.cost_status not in (None, UNPRICED) else PRICED


def _take_verdict(call: Call, verdict: Verdict) -> None:
    if isinstance(verdict, Unpriced):
        call.cost_status, call.cost_reason, call.cost_detail = UNPRICED, verdict.reason, text(verdict.detail)
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


def _nanoseconds(seconds: Value) -> int | None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < _NANO:
        return None
    return round(seconds * _NANO)


def _texts(value: Value) -> str | None:
    if not isinstance(value, list) or not value:
        return None
    return json.dumps([item[:LONGEST] if isinstance(item, str) else str(item)[:LONGEST] for item in value[:16]])
