"""Finds the calls of the table that are one call, after a batch was written, whichever of them came first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from genmeter.ledger import doubles
from genmeter.ledger.call import COLUMNS, Call, from_row
from genmeter.ledger.decode import Span
from genmeter.ledger.questions import DOUBLE
from genmeter.ledger.sqlite.amend import counting
from genmeter.ledger.sqlite.aside import find, set_aside
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.entries import Writer
from genmeter.ledger.sqlite.packing import packed, response_mark
from genmeter.reading import conventions

MOST_OF_A_TRACE: Final = 2_000
"""Calls of one trace that are compared at once. Of a trace with more, the ones around the time of the batch are."""

AROUND_NS: Final = 10 * 10**9
"""How far around the batch's records a long trace is looked at; spans above them are found however old they are."""

_ROW = f"id, {', '.join(COLUMNS)}"
_COLLIDING = """
SELECT n.id FROM entries n WHERE n.id >= ? AND n.response_mark IS NOT NULL
AND EXISTS (SELECT 1 FROM entries o WHERE o.response_mark = n.response_mark AND o.id < n.id) ORDER BY n.id
"""
_NEAREST = tuple(
    f"SELECT id FROM entries WHERE response_mark = ? AND id < ? AND started_ns >> 30 {side} LIMIT 8"
    for side in ("<= ? >> 30 ORDER BY started_ns >> 30 DESC", "> ? >> 30 ORDER BY started_ns >> 30")
)
"""A server may give one id to each of its answers: of many calls with one id the nearest in time are looked at."""
# the plus keeps SQLite from walking the index of all calls to find the new ones in groups
_SHARED = """
SELECT max(n.id), min(n.started_ns), max(n.started_ns + coalesce(n.duration_ns, 0)) FROM entries n
WHERE n.id >= ? AND EXISTS (SELECT 1 FROM entries f WHERE f.trace_id = n.trace_id AND f.theirs IS NOT NULL)
AND EXISTS (SELECT 1 FROM entries o WHERE o.trace_id = n.trace_id AND o.id <> n.id)
GROUP BY +n.trace_id
"""
_HOW_MANY = f"SELECT count(*) FROM (SELECT 1 FROM entries WHERE trace_id = ? LIMIT {MOST_OF_A_TRACE + 1}) t"
_AROUND = f"""
SELECT {_ROW} FROM calls WHERE id IN (
SELECT id FROM entries WHERE trace_id = ? AND started_ns <= ? AND started_ns + coalesce(duration_ns, 0) >= ?
ORDER BY id DESC LIMIT {MOST_OF_A_TRACE}
) ORDER BY id DESC
"""
_PARENTS = f"""
SELECT span_id, parent_span_id FROM spans
WHERE trace_id = ? AND started_ns <= ? AND ended_ns >= ? AND parent_span_id IS NOT NULL
LIMIT {10 * MOST_OF_A_TRACE}
"""
_ANY_FOREIGN = "SELECT 1 FROM entries WHERE theirs IS NOT NULL LIMIT 1"
_FOREIGN_BESIDE = """
SELECT 1 FROM entries n JOIN entries f ON f.trace_id = n.trace_id AND f.theirs IS NOT NULL WHERE n.id = ? LIMIT 1
"""
_FOREIGN = "SELECT 1 FROM entries WHERE trace_id = ? AND theirs IS NOT NULL LIMIT 1"
_SET_ASIDE = "SELECT billed_by, json_extract(record, '$.scope') FROM quarantine WHERE trace_id = ? AND reason = ?"

Stretch = tuple[int, int]
"""The first start and the last end of some records, in Unix ns."""


def settle(connection: Writer, first: int, since: int, now_ns: int) -> Counter[str]:
    """Set aside the doubles among the rows from number ``since`` on and what was booked before; the outcomes by name.

    Rows from number ``first`` on are of the transaction that is open.
    """
    outcomes = _responses(connection, first, since, now_ns)
    for row, start, end in connection.execute(_SHARED, (since,)).fetchall():
        call = _call(connection, row)
        if call is not None:
            outcomes += _trace(connection, call.trace_id, (start, end), first, now_ns)
    return outcomes


def settle_spans(connection: Writer, first: int, spans: Sequence[Span], now_ns: int) -> Counter[str]:
    """The same after spans became known: a span between two calls shows that one lies above the other."""
    outcomes: Counter[str] = Counter()
    if connection.execute(_ANY_FOREIGN).fetchone() is None:
        return outcomes
    stretches: dict[str, Stretch] = {}
    for span in spans:
        start, end = stretches.get(span.trace_id, (span.started_ns, span.ended_ns))
        stretches[span.trace_id] = (min(start, span.started_ns), max(end, span.ended_ns))
    for trace, stretch in stretches.items():
        if connection.execute(_FOREIGN, (packed(trace),)).fetchone():
            outcomes += _trace(connection, trace, stretch, first, now_ns)
    return outcomes


def settle_rows(connection: Writer, first: int, rows: Iterable[int], now_ns: int) -> Counter[str]:
    """The same after booked rows have learned more, such as their parent, from a second signal."""
    outcomes: Counter[str] = Counter()
    if connection.execute(_ANY_FOREIGN).fetchone() is None:
        return outcomes
    for row in rows:
        call = _call(connection, row) if connection.execute(_FOREIGN_BESIDE, (row,)).fetchone() else None
        if call is not None:
            stretch = (call.started_ns, call.started_ns + (call.duration_ns or 0))
            outcomes += _trace(connection, call.trace_id, stretch, first, now_ns)
    return outcomes


def _responses(connection: Writer, first: int, since: int, now_ns: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for (row,) in connection.execute(_COLLIDING, (since,)).fetchall():
        call = _call(connection, row)
        if call is not None:
            outcomes.update(_response(connection, row, call, first, now_ns))
    return outcomes


def _response(connection: Writer, row: int, call: Call, first: int, now_ns: int) -> list[str]:
    """Compare a call with the calls of the same response id that were booked before it; the outcome, if it is a double."""
    asked = (response_mark(call.response_id), row, call.started_ns)
    near = sorted(found[0] for nearest in _NEAREST for found in connection.execute(nearest, asked).fetchall())
    for other in near:
        booked = _call(connection, other)
        if booked is None or booked.response_id != call.response_id or not doubles.by_response(booked, call):
            continue
        rows = {other: booked, row: call}
        winner, loser = doubles.prefer(rows, other, row)
        call, outcome = set_aside(
            connection, (loser, rows[loser]), (winner, rows[winner]), doubles.RESPONSE, first, now_ns
        )
        if loser == row:
            return [outcome]
        return [outcome, *_response(connection, row, call, first, now_ns)]
    return []


def _trace(connection: Writer, trace: str, stretch: Stretch, first: int, now_ns: int) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    calls = connection.execute(_HOW_MANY, (packed(trace),)).fetchone()[0]
    near = (stretch[1] + AROUND_NS, stretch[0] - AROUND_NS)
    bounds = near if calls > MOST_OF_A_TRACE else (2**63 - 1, 0)
    found = {row[0]: from_row(row[1:]) for row in connection.execute(_AROUND, (packed(trace), *bounds))}
    rows = {row: call for row, booked in found.items() if (call := _now(connection, booked)) is not None}
    parents: dict[str, str] = dict(connection.execute(_PARENTS, (trace, *bounds)))
    _climb(connection, trace, rows, parents)
    if len(rows) < 2 or all(call.scope is None for call in rows.values()):
        return outcomes
    taken = connection.execute(_SET_ASIDE, (trace, DOUBLE)).fetchall()
    for loser, winner, why in doubles.in_trace(rows, parents, taken, conventions.bundled().is_framework):
        rows[winner], outcome = set_aside(connection, (loser, rows[loser]), (winner, rows[winner]), why, first, now_ns)
        outcomes[outcome] += 1
    return outcomes


def _climb(connection: Writer, trace: str, rows: dict[int, Call], parents: dict[str, str]) -> None:
    """Add the calls and spans above the rows that lie outside of their time: clocks of two machines differ."""
    for call in list(rows.values()):
        if call.parent_span_id is not None:
            parents.setdefault(call.span_id, call.parent_span_id)
    known = {call.span_id for call in rows.values()}
    waiting = [span for span in parents.values() if span not in parents and span not in known]
    while waiting and len(parents) < 10 * MOST_OF_A_TRACE:
        span = waiting.pop()
        found = find(connection, trace, span)
        counted = None if found is None else _now(connection, found[1])
        if found is not None and counted is not None:
            rows.setdefault(found[0], counted)
        above = found[1].parent_span_id if found is not None else _parent(connection, trace, span)
        if above is not None and span not in parents:
            parents[span] = above
            waiting.append(above)


def _parent(connection: Connection, trace: str, span: str) -> str | None:
    row = connection.execute(
        "SELECT parent_span_id FROM spans WHERE trace_id = ? AND span_id = ?", (trace, span)
    ).fetchone()
    return row[0] if row else None


def _call(connection: Writer, row: int) -> Call | None:
    found: tuple[Any, ...] | None = connection.execute(f"SELECT {_ROW} FROM calls WHERE id = ?", (row,)).fetchone()
    return _now(connection, from_row(found[1:])) if found else None


def _now(connection: Writer, booked: Call) -> Call | None:
    """The call as it counts with its adjustments; None where one has taken it back."""
    return counting(connection, booked) if connection.adjusts else booked
