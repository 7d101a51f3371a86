"""The read API: the reports as JSON, money as exact decimal strings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from genmeter.budgets import Budget
from genmeter.ledger import Call, Ledger
from genmeter.ledger.call import LINE_KINDS, SCALARS, USAGE_FIELDS
from genmeter.ledger.money import to_text
from genmeter.reports import calls, spend, total, trace, unpriced
from genmeter.reports.budgeting import Ask, Standing, budgeting
from genmeter.reports.spending import DIMENSIONS, Row
from genmeter.reports.tracing import Node
from genmeter.server.activity import Activity
from genmeter.server.http import Refused

NO_BUDGETS = "there are no budgets; write [budgets.NAME] with amount and period into genmeter.toml"
Query = dict[str, str]
Document = dict[str, Any]
MOST_CALLS = 500


def summary(ledger: Ledger, activity: Activity, query: Query) -> Document:
    """Totals of the window, what the ledger has counted, and the last failure."""
    whole = total(spend(ledger, by="model", **_window(query)))
    failure = activity.failure
    return {
        **_row(whole),
        "counters": ledger.counters(),
        "path": ledger.store.path,
        "last_error": {"at": failure.at, "message": failure.message} if failure else None,
    }


def spending(ledger: Ledger, query: Query) -> Document:
    """Spend by ``by``, dearest first."""
    by = query.get("by", "model")
    for known in DIMENSIONS:
        if known == by:
            return {"by": by, "rows": [_row(row) for row in spend(ledger, by=known, **_window(query))]}
    raise Refused(400, f"by={by[:40]} is not known; use one of {', '.join(DIMENSIONS)}")


def gaps(ledger: Ledger, query: Query) -> Document:
    """Unpriced calls by reason, provider and model, with what to do."""
    rows = unpriced(ledger, **_window(query))
    return {"rows": [{name: getattr(gap, name) for name in gap.__slots__} for gap in rows]}


def budgets(given: Sequence[Budget], ledger: Ledger, *, at: datetime, ask: Ask) -> Document:
    """How each budget stands in its period that holds ``at``, in the file's order, and the UTC month's spend in none.

    Null is unknown: ``burn_a_day`` and ``projected`` when it is too early to say, ``days_left`` then and when nothing
    burns. ``spent_percent`` is cut to a whole number; ``across`` is in ``genmeter.reports.budgeting.Standing``.
    """
    if not given:
        return {"at": at.isoformat(), "budgets": [], "unbudgeted": None, "hint": NO_BUDGETS}
    found = budgeting(given, ledger, at=at, ask=ask)
    return {
        "at": at.isoformat(),
        "budgets": [_standing(one) for one in found.standings],
        "unbudgeted": {
            "start": found.month.start.isoformat(),
            "end": found.month.end.isoformat(),
            "currency": "USD",
            "spent": to_text(found.unbudgeted),
            "unpriced": found.unbudgeted_unpriced,
        },
    }


def newest(ledger: Ledger, query: Query) -> Document:
    """The newest calls."""
    limit = query.get("limit", "100")
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:6]) <= MOST_CALLS:
        raise Refused(400, f"limit is a number from 1 to {MOST_CALLS}")
    return {"calls": [_call(call) for call in calls(ledger, limit=int(limit), **_window(query))]}


def tree(ledger: Ledger, trace_id: str) -> Document:
    """The spans of one trace in reading order, each with its depth."""
    found = trace(ledger, trace_id)
    if found is None:
        raise Refused(404, f"no span or call of trace {trace_id[:40]} is in the ledger")
    spans: list[Document] = []
    # a stack instead of recursion: a trace may be deeper than Python's stack
    waiting = [(node, 0) for node in reversed(found.roots)]
    while waiting:
        node, depth = waiting.pop()
        spans.append(_node(node, depth))
        waiting += [(child, depth + 1) for child in reversed(node.children)]
    return {"trace_id": found.trace_id, "spans": spans}


def _window(query: Query) -> dict[str, Any]:
    return {"since": _moment(query, "since"), "until": _moment(query, "until"), "run": query.get("run")}


def _moment(query: Query, name: str) -> datetime | None:
    text = query.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(400, f"{name} is a date or time in ISO 8601, such as 2026-11-21T08:00:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _row(row: Row) -> Document:
    return {
        "key": row.key,
        "calls": row.calls,
        "errors": row.errors,
        "unpriced": row.unpriced,
        "tokens": {name: count for name, count in row.tokens.items() if count or name in ("input", "output")},
        "cost": {currency: to_text(pico) for currency, pico in sorted(row.cost.items())},
    }


def _standing(one: Standing) -> Document:
    budget, zone = one.budget, one.budget.zone
    return {
        "id": budget.id,
        "scope": dict(budget.scope),
        "owner": budget.owner or None,
        "period": budget.period,
        "start": one.period.start.astimezone(zone).isoformat(),
        "end": one.period.end.astimezone(zone).isoformat(),
        "time_zone": budget.time_zone,
        "currency": "USD",
        "amount": to_text(budget.amount),
        "spent": to_text(one.spent),
        "spent_percent": one.spent * 100 // budget.amount,
        "left": to_text(one.left),
        "burn_a_day": None if one.burn is None else to_text(one.burn),
        "projected": None if one.projected is None else to_text(one.projected),
        "days_left": None if one.tenths_left is None else one.tenths_left / 10,
        "thresholds": [
            {
                "percent": level,
                "amount": to_text(budget.amount * level // 100),
                "reached": one.reached is not None and level <= one.reached,
            }
            for level in budget.thresholds
        ],
        "unpriced": one.unpriced,
        "across": to_text(one.across),
    }


def _call(call: Call) -> Document:
    document: Document = {name: getattr(call, name) for name in SCALARS}
    # 64-bit integers do not survive JavaScript's numbers; microseconds do
    document["started_us"] = document.pop("started_ns") // 1000
    pico = document.pop("cost_pico")
    document["cost"] = None if pico is None else to_text(pico)
    document["model"] = call.model
    document["finish_reasons"] = json.loads(call.finish_reasons) if call.finish_reasons else []
    document["usage"] = {name: count for name, count in zip(USAGE_FIELDS, call.usage, strict=True) if count is not None}
    lines = zip(LINE_KINDS, call.lines, strict=True)
    document["lines"] = {kind: to_text(pico) for kind, pico in lines if pico is not None}
    return document


def _node(node: Node, depth: int) -> Document:
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
        "call": _call(node.call) if node.call else None,
    }
