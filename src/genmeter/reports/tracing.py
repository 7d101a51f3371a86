"""Single calls: the newest ones, and the tree of spans around one."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from genmeter import names
from genmeter.model import usd
from genmeter.reports import aside
from genmeter.reports.report import WINDOW, Asked, Column, Option, Plain, Report, Sources, Unanswerable, number, word
from genmeter.reports.window import Moment, asked_window, window

if TYPE_CHECKING:
    from genmeter.ledger import Call, Ledger
    from genmeter.ledger.decode import Attributes, Span

MOST_CALLS: Final = 500
"""Calls of one answer at most: the page asks each second."""
LONGEST: Final = 200
"""Characters of a text that is searched for."""


@dataclass(slots=True)
class Node:
    """One span of a trace with the spans below it; ``call`` is the ledger's row of the span, if there is one.

    A call whose span was sampled out stands here from its event alone, with ``attributes`` empty.
    """

    span_id: str
    parent_span_id: str | None
    name: str
    started_ns: int
    ended_ns: int
    failed: bool
    message: str
    service: str | None
    attributes: Attributes
    call: Call | None = None
    children: list[Node] = field(default_factory=list["Node"])


@dataclass(frozen=True, slots=True)
class Trace:
    """The spans of one trace as a forest: a span whose parent is not here is a root."""

    trace_id: str
    roots: list[Node]
    spans: int


def calls(
    ledger: Ledger,
    *,
    limit: int = 100,
    since: Moment | None = None,
    until: Moment | None = None,
    run: str | None = None,
) -> list[Call]:
    """The newest calls started in [``since``, ``until``), newest first. Raises ``StorageError``.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     calls(ledger, limit=10)
    []
    """
    return ledger.store.latest(limit, window(since, until, run))


def trace(ledger: Ledger, trace_id: str) -> Trace | None:
    """The tree of a trace, None when nothing of it is known. Raises ``StorageError``.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     print(trace(ledger, "5b8efff798038103d269b633813fc60c"))
    None
    """
    wanted = trace_id.lower()
    nodes = {span.span_id: _of_span(span) for span in ledger.store.trace_spans(wanted)}
    for call in ledger.store.trace_calls(wanted):
        nodes.setdefault(call.span_id, _of_call(call)).call = call
    if not nodes:
        return None
    ordered = sorted(nodes.values(), key=lambda node: (node.started_ns, node.span_id))
    roots = [node for node in ordered if not _hang(node, nodes)]
    return Trace(wanted, roots, len(nodes))


def plain(call: Call) -> Plain:
    """The call as plain data: money is exact decimal text, and an unknown value is None or left out.

    >>> from genmeter.ledger import Call
    >>> call = Call(trace_id="5b", span_id="01", started_ns=1_000, operation="chat", provider="openai", cost_pico=10**12)
    >>> plain(call)["started_us"], plain(call)["cost"], plain(call)["usage"]
    (1, '1.00', {})
    """
    from genmeter.ledger.call import LINE_KINDS, SCALARS, USAGE_FIELDS
    from genmeter.pricing.reasons import meaning

    document: Plain = {name: getattr(call, name) for name in SCALARS}
    # 64-bit integers do not survive JavaScript's numbers; microseconds do
    document["started_us"] = document.pop("started_ns") // 1000
    pico = document.pop("cost_pico")
    document["cost"] = None if pico is None else usd(pico)
    document["cost_words"] = meaning(call.cost_reason).words if call.cost_reason else None
    document["model"] = call.model
    document["finish_reasons"] = json.loads(call.finish_reasons) if call.finish_reasons else []
    document["usage"] = {name: count for name, count in zip(USAGE_FIELDS, call.usage, strict=True) if count is not None}
    lines = zip(LINE_KINDS, call.lines, strict=True)
    document["lines"] = {kind: usd(pico) for kind, pico in lines if pico is not None}
    return document


def plain_trace(found: Trace) -> Plain:
    """The spans of the trace in reading order, each with its depth and with the call that was booked for it.

    >>> plain_trace(Trace("5b", [Node("01", None, "POST /ask", 1_000, 3_000, False, "", "shop", {})], 1))["spans"][0]["depth"]
    0
    """
    spans: list[Plain] = []
    # a stack instead of recursion: a trace may be deeper than Python's stack
    waiting = [(node, 0) for node in reversed(found.roots)]
    while waiting:
        node, depth = waiting.pop()
        spans.append(_plain_node(node, depth))
        waiting += [(child, depth + 1) for child in reversed(node.children)]
    return {"trace_id": found.trace_id, "spans": spans}


def _plain_node(node: Node, depth: int) -> Plain:
    return {
        "span_id": node.span_id,
        "parent_span_id": node.parent_span_id,
        "depth": depth,
        "name": node.name,
        "started_us": node.started_ns // 1000,
        "duration_ns": node.ended_ns - node.started_ns,
        "failed": node.failed,
        "message": node.message,
        "service": node.service,
        "attributes": node.attributes,
        "call": plain(node.call) if node.call else None,
    }


def _yes(text: str) -> bool:
    if text != "yes":
        raise ValueError(f"{text[:40]!r} is not yes; leave the option out for the calls that are booked")
    return True


def _search(text: str) -> str:
    wanted = text.strip()
    if not 2 <= len(wanted) <= LONGEST:
        raise ValueError(f"{text[:40]!r} has no text to look for; write 2 to {LONGEST} characters")
    return wanted


def _order(text: str) -> tuple[str, bool]:
    from genmeter.ledger.questions import ORDERS

    name, colon, way = text.partition(":")
    word(*ORDERS)(name)
    if colon and way not in ("asc", "desc"):
        raise ValueError(f"{text[:40]!r} has no order; write {name}:asc or {name}:desc")
    return name, way == "asc"


def _ask(sources: Sources, asked: Asked) -> Plain:
    from genmeter.ledger.questions import Page

    if asked["aside"]:
        if asked["where"] or asked["search"] or asked["sort"] or asked["page"] != 1:
            raise Unanswerable(
                "aside goes with limit and run alone: calls that are set aside are in no order but their age"
            )
        return {"calls": aside.aside(sources.ledger, limit=asked["limit"], run=asked["run"])}
    limit, (order, rising) = asked["limit"], asked["sort"] or ("started", False)
    # one more than wanted tells whether there is another page
    page = Page(limit + 1, (asked["page"] - 1) * limit, order, rising, asked["search"] or "")
    found = sources.ledger.store.page(page, asked_window(asked))
    return {"calls": [plain(call) for call in found[:limit]], "page": asked["page"], "more": len(found) > limit}


def _hang(node: Node, nodes: dict[str, Node]) -> bool:
    parent = nodes.get(node.parent_span_id or "")
    # a sender's parent ids may form a ring; its members become roots instead of vanishing
    seen = {node.span_id}
    above = parent
    while above is not None and above.span_id not in seen:
        seen.add(above.span_id)
        above = nodes.get(above.parent_span_id or "")
    if parent is None or above is not None:
        return False
    parent.children.append(node)
    return True


def _of_span(span: Span) -> Node:
    service = span.resource.get(names.SERVICE_NAME)
    return Node(
        *(span.span_id, span.parent_span_id, span.name, span.started_ns, span.ended_ns, span.failed, span.message),
        service if isinstance(service, str) else None,
        span.attributes,
    )


def _of_call(call: Call) -> Node:
    name = call.span_name or " ".join(filter(None, (call.operation, call.request_model)))
    ended_ns = call.started_ns + (call.duration_ns or 0)
    known = (call.span_id, call.parent_span_id, name, call.started_ns, ended_ns, call.error_type is not None)
    return Node(*known, "", call.service, {})


REPORT: Final = Report(
    name="calls",
    question="single calls, the newest or the dearest first, with what each used and cost",
    ask=_ask,
    columns=lambda asked: (
        aside.COLUMNS
        if asked["aside"]
        else (
            *(Column("started", "time_us", "started_us"), Column("model"), Column("provider", spare=5)),
            *(Column("department", spare=3), Column("application", spare=3), Column("user", "text", "user_hash", 4)),
            *(Column(kind, "count", f"usage.{kind}", 1) for kind in ("input", "cache_read", "output")),
            *(Column("seconds", "duration_ns", "duration_ns", 6), Column("status", "text", "cost_status", 5)),
            *(Column("reason", "text", "cost_reason", 4), Column("error", "text", "error_type", 4)),
            Column("trace_id", "trace"),
            *(Column("cost", "amount"), Column("currency")),
        )
    ),
    options=(
        Option("limit", number(MOST_CALLS), f"how many calls, {MOST_CALLS} at most", "100", "N"),
        Option("page", number(1_000_000), "which page of so many calls", "1", "N"),
        Option(
            "sort", _order, "started, cost, duration, input or output; cost:asc for the smallest first", None, "NAME"
        ),
        Option("search", _search, "calls in whose names this text is, or whose trace id begins so", None, "TEXT"),
        Option(
            "aside", _yes, "`yes`: the calls that are in no sum, which call bills in their place, and why", None, "yes"
        ),
        *WINDOW,
    ),
    rows="calls",
)
