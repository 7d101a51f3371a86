"""How a batch is booked in SQLite.

Each call is booked once. It may arrive twice, in any order, and in two signals (its span and its event).
"""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress, groupby, repeat
from operator import is_not, itemgetter

from genmeter import names
from genmeter.ledger.call import COLUMNS, FILLABLE, LINE_COLUMNS, USAGE_COLUMNS, Call, to_record, to_row
from genmeter.ledger.decode import Attributes, Span, Value
from genmeter.ledger.questions import CONFLICT, LATE, SUSPECTED, Outcome

WATERMARK = "trimmed_until_ns"
REFILED = "refiled"
"""Counter of booked calls whose environment became known by their second signal. A budget may be for an environment."""
_MONEY = ("cost_pico", "currency", *USAGE_COLUMNS, *LINE_COLUMNS)
_INSERTED = ("id", *COLUMNS)
_KNOWN = f"SELECT id, signals, {', '.join((*FILLABLE, *_MONEY))} FROM calls WHERE trace_id = ? AND span_id = ?"
_INSERT_SPAN = f"INSERT INTO spans VALUES (NULL{', ?' * 12}) ON CONFLICT DO NOTHING"
_CONTENT = frozenset({names.SYSTEM_INSTRUCTIONS, names.INPUT_MESSAGES, names.OUTPUT_MESSAGES, names.TOOL_DEFINITIONS})
_MOST_ATTRIBUTES, _LONGEST = 64, 500


def book(connection: sqlite3.Connection, calls: Sequence[Call], spans: Sequence[Span], now_ns: int) -> Outcome:
    """Book ``calls`` and keep ``spans`` inside the transaction that is open."""
    watermark = mark(connection, WATERMARK)
    first = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM calls").fetchone()[0]
    # a trimmed call has left no key behind: its replay would be booked again
    numbered = [(n, call) for n, call in enumerate(calls, first) if call.started_ns > watermark]
    new = _insert(connection, numbered, first)
    outcomes = Counter(
        _meet(connection, call, n, watermark, now_ns) for n, call in enumerate(calls, first) if n not in new
    )
    outcomes["booked"] = len(new)
    before = connection.total_changes
    connection.executemany(_INSERT_SPAN, [_span_row(span) for span in spans])
    outcomes["spans"] = connection.total_changes - before
    count(connection, {**outcomes, "rows_calls": outcomes["booked"], "rows_spans": outcomes["spans"]})
    return Outcome(**outcomes)


def count(connection: sqlite3.Connection, steps: dict[str, int]) -> None:
    """Add the steps to the counters of these names."""
    connection.executemany(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        [(name, step) for name, step in steps.items() if step],
    )


def mark(connection: sqlite3.Connection, name: str) -> int:
    """The value of a mark, 0 before it is first set."""
    row = connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def _insert(connection: sqlite3.Connection, numbered: Sequence[tuple[int, Call]], first: int) -> set[int]:
    """Insert the calls whose key and response are new, each under its number. Returns the numbers that went in."""
    # binding None is slow in Python's sqlite3, and half of the columns of a call are None: they are left out
    rows = ((n, *to_row(call)) for n, call in numbered)
    shaped = ((tuple(map(is_not, row, repeat(None))), row) for row in rows)
    for shape, run in groupby(shaped, key=itemgetter(0)):
        connection.executemany(_statement(shape), [tuple(compress(row, shape)) for _, row in run])
    return {row[0] for row in connection.execute("SELECT id FROM calls WHERE id >= ?", (first,))}


@lru_cache(maxsize=1024)
def _statement(shape: tuple[bool, ...]) -> str:
    columns = list(compress(_INSERTED, shape))
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO calls ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING"


def _meet(connection: sqlite3.Connection, call: Call, number: int, watermark: int, now_ns: int) -> str:
    """Book a call that could not be inserted, and return the name of its outcome.

    Its key is booked already, or its response is booked under another key, or calls of its time have been trimmed.
    """
    known = connection.execute(_KNOWN, (call.trace_id, call.span_id)).fetchone()
    # Calls of one batch are numbered in their order. A booked row with a higher number is a later call of this batch:
    # it is not compared with, because the outcome must be the same as if each call had come in a batch of its own.
    if known is not None and known[0] < number:
        return _compare(connection, call, known, now_ns)
    reason = SUSPECTED if call.started_ns > watermark else LATE
    fresh = _quarantine(connection, call, reason, "", now_ns)
    return ("suspected" if reason == SUSPECTED else "late") if fresh else "duplicates"


def _compare(connection: sqlite3.Connection, call: Call, known: tuple[str | int | None, ...], now_ns: int) -> str:
    """Compare a call with the booked row of its key, and return the name of the outcome.

    The call is a replay, or the second signal of the same call, or its money contradicts the booked money.
    """
    row_id, signals, filled, money = known[0], known[1], known[2 : 2 + len(FILLABLE)], known[2 + len(FILLABLE) :]
    offered = (call.cost_pico, call.currency, *call.usage, *call.lines)
    # The cost lines are compared only where the booked row has some. The span of another instrumentation may carry a
    # total without lines; the event, which the collector has priced, then splits the same total into lines.
    split = len(offered) if any(line is not None for line in money[-len(call.lines) :]) else -len(call.lines)
    if any(new is not None and new != old for new, old in zip(offered[:split], money[:split], strict=True)):
        known_of = {name: value for name, value in zip(_MONEY, offered, strict=True) if value is not None}
        digest = hashlib.sha256(repr(known_of).encode()).hexdigest()[:16]
        return "conflicts" if _quarantine(connection, call, CONFLICT, digest, now_ns) else "duplicates"
    if not isinstance(signals, int) or signals | call.signals == signals:
        return "duplicates"
    offers = {name: getattr(call, name) for name, old in zip(FILLABLE, filled, strict=True) if old is None}
    additions = {name: value for name, value in offers.items() if value is not None}
    assignments = "".join(f", {name} = ?" for name in additions)
    if "environment" in additions:
        count(connection, {REFILED: 1})
    update = f"UPDATE calls SET signals = ?{assignments} WHERE id = ?"
    connection.execute(update, (signals | call.signals, *additions.values(), row_id))
    return "merged"


def _quarantine(connection: sqlite3.Connection, call: Call, reason: str, digest: str, now_ns: int) -> bool:
    record = json.dumps(to_record(call))
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
    """The attributes as bounded JSON, without prompts and answers."""
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
