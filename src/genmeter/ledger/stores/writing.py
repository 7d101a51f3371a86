"""How a batch is booked in SQLite: each call once, whatever arrives, however often, in whatever order."""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections import Counter
from collections.abc import Sequence

from genmeter import names
from genmeter.ledger.call import COLUMNS, FILLABLE, LINE_COLUMNS, USAGE_COLUMNS, Call, to_row
from genmeter.ledger.decode import Attributes, Span, Value
from genmeter.ledger.questions import CONFLICT, LATE, SUSPECTED, Outcome

WATERMARK = "trimmed_until_ns"
_MONEY = ("cost_pico", "currency", *USAGE_COLUMNS, *LINE_COLUMNS)
_INSERT = f"INSERT INTO calls ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))}) ON CONFLICT DO NOTHING"
_KNOWN = f"SELECT id, signals, {', '.join((*FILLABLE, *_MONEY))} FROM calls WHERE trace_id = ? AND span_id = ?"
_INSERT_SPAN = f"INSERT INTO spans VALUES (NULL{', ?' * 12}) ON CONFLICT DO NOTHING"
_CONTENT = frozenset({names.SYSTEM_INSTRUCTIONS, names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.TOOL_DEFINITIONS})
_MOST_ATTRIBUTES, _LONGEST = 64, 500


def book(connection: sqlite3.Connection, calls: Sequence[Call], spans: Sequence[Span], now_ns: int) -> Outcome:
    """Book ``calls`` and keep ``spans`` inside the transaction that is open."""
    watermark = mark(connection, WATERMARK)
    outcomes = Counter(_book_call(connection, call, watermark, now_ns) for call in calls)
    before = connection.total_changes
    connection.executemany(_INSERT_SPAN, [_span_row(span) for span in spans])
    outcomes["spans"] = connection.total_changes - before
    count(connection, {**outcomes, "rows_calls": outcomes["booked"], "rows_spans": outcomes["spans"]})
    return Outcome(**outcomes)


def count(connection: sqlite3.Connection, steps: dict[str, int]) -> None:
    """Add to the store's counters."""
    connection.executemany(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        [(name, step) for name, step in steps.items() if step],
    )


def mark(connection: sqlite3.Connection, name: str) -> int:
    """A mark's value, 0 before it is first set."""
    row = connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def _book_call(connection: sqlite3.Connection, call: Call, watermark: int, now_ns: int) -> str:
    # what has been trimmed has no key any more: a replay of it would be booked again
    if call.started_ns > watermark and connection.execute(_INSERT, to_row(call)).rowcount == 1:
        return "booked"
    known = connection.execute(_KNOWN, (call.trace_id, call.span_id)).fetchone()
    if known is not None:
        return _meet(connection, call, known, now_ns)
    reason = SUSPECTED if call.started_ns > watermark else LATE
    fresh = _quarantine(connection, call, reason, "", now_ns)
    return ("suspected" if reason == SUSPECTED else "late") if fresh else "duplicates"


def _meet(connection: sqlite3.Connection, call: Call, known: tuple[str | int | None, ...], now_ns: int) -> str:
    """A call whose key is booked: a replay, the other signal of the same call, or a contradiction."""
    row_id, signals, filled, money = known[0], known[1], known[2 : 2 + len(FILLABLE)], known[2 + len(FILLABLE) :]
    offered = (call.cost_pico, call.currency, *call.usage, *call.lines)
    if any(new is not None and new != old for new, old in zip(offered, money, strict=True)):
        digest = hashlib.sha256(repr(offered).encode()).hexdigest()[:16]
        return "conflicts" if _quarantine(connection, call, CONFLICT, digest, now_ns) else "duplicates"
    if not isinstance(signals, int) or signals | call.signals == signals:
        return "duplicates"
    offers = {name: getattr(call, name) for name, old in zip(FILLABLE, filled, strict=True) if old is None}
    additions = {name: value for name, value in offers.items() if value is not None}
    assignments = "".join(f", {name} = ?" for name in additions)
    update = f"UPDATE calls SET signals = ?{assignments} WHERE id = ?"
    connection.execute(update, (signals | call.signals, *additions.values(), row_id))
    return "merged"


def _quarantine(connection: sqlite3.Connection, call: Call, reason: str, digest: str, now_ns: int) -> bool:
    record = json.dumps(to_row(call))
    values = (call.trace_id, call.span_id, reason, digest, call.run, now_ns, record)
    statement = "INSERT INTO quarantine VALUES (NULL, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    fresh = connection.execute(statement, values).rowcount == 1
    if fresh:
        count(connection, {"rows_quarantine": 1})
    return fresh


def _span_row(span: Span) -> tuple[str | int | None, ...]:
    service = span.resource.get(names.SERVICE_NAME)
    return (
        *(span.trace_id, span.span_id, span.parent_span_id, span.name[:_LONGEST], span.kind),
        *(span.started_ns, span.ended_ns, int(span.failed), span.message[:_LONGEST]),
        service[:_LONGEST] if isinstance(service, str) else None,
        span.scope[:_LONGEST],
        _attributes(span.attributes),
    )


def _attributes(own: Attributes) -> str:
    """The attributes as bounded JSON, without anybody's messages."""
    kept: Attributes = {}
    for name, value in own.items():
        if name not in _CONTENT:
            # most attributes are short texts and integers: no call for them, this runs for every span
            kept[name[:_LONGEST]] = value[:_LONGEST] if isinstance(value, str) else _bounded(value)
            if len(kept) == _MOST_ATTRIBUTES:
                break
    return json.dumps(kept)


def _bounded(value: Value) -> Value:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (list, dict)):
        text = json.dumps(value)
        return value if len(text) <= _LONGEST and "NaN" not in text and "Infinity" not in text else text[:_LONGEST]
    return value
