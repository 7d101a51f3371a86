"""Adjustments in the SQLite file: how they are written, and how a booked call counts with them.

A call is frozen once its period is sealed or once it has an adjustment. Its row is evidence and keeps all that is in a
sum; what a later record or another price changes is written as two rows, one that takes the call back and one that
counts it as it is now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from genmeter.ledger.adjustments import AFTER_SEAL, LEARNED, WITHDRAWN, Adjustment, Revision
from genmeter.ledger.call import COLUMNS, Call, from_row, to_row
from genmeter.ledger.questions import Window
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.counting import count
from genmeter.ledger.sqlite.entries import OWN, Writer, select
from genmeter.ledger.sqlite.packing import packed

ADJUSTMENTS: Final = "adjustments"
"""Counter of all adjustments that were ever written."""
_MORE: Final = ("sign", "calls", "counted_ns", "made_ns", "reason", "why", "batch")
_VIEW: Final = select("adjustments", "x.id = -e.id")
_OF_KEY: Final = f"""
SELECT a.sign, a.reason, {", ".join(f"c.{name}" for name in COLUMNS)} FROM adjustments a JOIN ({_VIEW}) c ON c.id = a.id
WHERE a.trace_id = ? AND a.span_id = ? AND a.calls <> 0 ORDER BY a.id
"""
_LISTED: Final = f"""
SELECT a.id, {", ".join(f"a.{name}" for name in _MORE)}, {", ".join(f"c.{name}" for name in COLUMNS)}
FROM adjustments a JOIN ({_VIEW}) c ON c.id = a.id WHERE a.id > ?
"""
_QUIET: Final = ("parent_span_id", "span_name", "duration_ns", "first_chunk_ns", "service", "finish_reasons")
"""What a second signal may add to the row of a frozen call: it is in no sum."""


def counting(connection: Connection, booked: Call) -> Call | None:
    """The call as it counts now; None where an adjustment has taken it back."""
    return _last(connection, booked, None)


def evidence(connection: Connection, booked: Call) -> Call:
    """The call as its own records tell it, without the prices and corrections that came from elsewhere."""
    return _last(connection, booked, LEARNED) or booked


def is_frozen(connection: Writer, row: int, call: Call) -> bool:
    """Whether the row of a booked call, of an earlier batch, must keep all that is in a sum."""
    if call.started_ns < connection.sealed_until:
        return True
    return connection.adjusts and connection.execute(_HAS, (packed(call.trace_id), packed(call.span_id))).fetchone()


_HAS: Final = "SELECT 1 FROM adjustments WHERE trace_id = ? AND span_id = ? AND calls <> 0 LIMIT 1"


def merge(connection: Writer, row: int, booked: Call, additions: dict[str, object], signals: int, now_ns: int) -> None:
    """Let a frozen call learn from its second signal: what is in no sum in its row, the rest by an adjustment."""
    quiet = {name: value for name, value in additions.items() if name in _QUIET}
    connection.change(row, replace(booked, signals=signals, **quiet))  # type: ignore[arg-type]
    rewrite(connection, booked, {name: value for name, value in additions.items() if name not in _QUIET}, now_ns)


def rewrite(connection: Writer, booked: Call, changes: dict[str, object], now_ns: int) -> Call:
    """Let a frozen call count with other columns from now on; the call as it is now."""
    old = counting(connection, booked)
    if old is None:
        return booked
    new = replace(old, **changes)  # type: ignore[arg-type]  # the names are fields of Call
    if to_row(new) != to_row(old):
        _pair(connection, Revision(old, new, LEARNED, "a later record of the call told more"), None, now_ns)
    return new


def withdraw(connection: Writer, booked: Call, why: str, now_ns: int) -> bool:
    """Take a frozen call out of the sums; False where it is out already."""
    old = counting(connection, booked)
    if old is not None:
        _pair(connection, Revision(old, None, WITHDRAWN, why), None, now_ns)
    return old is not None


def count_late(connection: Writer, first: int, now_ns: int) -> int:
    """Count the calls from row ``first`` on whose period is sealed, at the present; how many there are."""
    if not connection.sealed_until:
        return 0
    statement = (
        f"SELECT {', '.join(COLUMNS)} FROM calls WHERE id IN (SELECT id FROM entries WHERE id >= ? AND late = 1)"
    )
    late = [from_row(row) for row in connection.execute(statement, (first,)).fetchall()]
    for call in late:
        put(connection, Adjustment(call, 1, AFTER_SEAL, "its period was sealed when it came"), now_ns)
    return len(late)


def put(connection: Writer, one: Adjustment, now_ns: int) -> bool:
    """Write one adjustment; False where it is there already. Raises ``ValueError`` for one in a sealed period."""
    sealed = connection.sealed_until
    if one.counted_ns is not None and one.counted_ns < sealed:
        raise ValueError(f"an adjustment of {one.call.trace_id}/{one.call.span_id} would change a sealed period")
    counted = one.counted_ns
    if counted is None:
        # a clock that was set back must not lead into a sealed period
        counted = one.call.started_ns if one.call.started_ns >= sealed else max(now_ns, sealed)
    own, extras = connection.row(connection.next_row, one.call)
    more = (one.sign, one.sign * one.is_call, counted, one.made_ns or now_ns, one.reason, one.why, one.batch)
    written = connection.add("adjustments", (*OWN, *_MORE), (*own, *more))
    if written is None:
        return False
    if extras is not None:
        # below zero, so that it never meets the number of a call
        connection.add_extras(-written, extras)
    connection.adjusts = True
    count(connection, {ADJUSTMENTS: 1, "rows_adjustments": 1})
    return True


def revise(connection: Writer, revisions: Sequence[Revision], batch: str, now_ns: int) -> int:
    """``Store.revise`` in the transaction that is open."""
    done = 0
    for one in revisions:
        booked = connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM calls WHERE id = (SELECT id FROM entries WHERE trace_id = ? AND span_id = ?)",
            (packed(one.old.trace_id), packed(one.old.span_id)),
        ).fetchone()
        now = counting(connection, from_row(booked) if booked else one.old)
        if now is not None and to_row(now) == to_row(one.old) and one.new != one.old:
            _pair(connection, one, batch, now_ns)
            done += 1
    return done


def listed(connection: Connection, window: Window, after: int, most: int | None) -> list[Adjustment]:
    """``Store.adjustments`` on a connection; a ``most`` of None lists all."""
    terms, values = [_LISTED], list[int | str]([after])
    for term, value in {"a.counted_ns >= ?": window.since_ns, "a.counted_ns < ?": window.until_ns}.items():
        if value is not None:
            terms.append(term)
            values.append(value)
    if window.run is not None:
        terms.append("c.run = ?")
        values.append(window.run)
    statement = " AND ".join(terms) + " ORDER BY a.id LIMIT ?"
    rows = connection.execute(statement, (*values, 2**62 if most is None else most)).fetchall()
    return [_adjustment(row) for row in rows]


def _adjustment(row: tuple[Any, ...]) -> Adjustment:
    number, sign, calls, counted, made, reason, why, batch, *columns = row
    return Adjustment(from_row(tuple(columns)), sign, reason, why, batch, calls != 0, counted, made, number)


def _pair(connection: Writer, one: Revision, batch: str | None, now_ns: int) -> None:
    """Take the old call back and count the new one. Without a ``batch`` the number of the key's rows tells runs apart."""
    if batch is None:
        batch = str(len(_rows(connection, one.old)))
    put(connection, Adjustment(one.old, -1, one.reason, one.why, batch), now_ns)
    if one.new is not None:
        put(connection, Adjustment(one.new, 1, one.reason, one.why, batch), now_ns)


def _last(connection: Connection, booked: Call, reason: str | None) -> Call | None:
    found: Call | None = booked
    for sign, why, *columns in _rows(connection, booked):
        if reason is None:
            found = from_row(tuple(columns)) if sign > 0 else None
        elif sign > 0 and why == reason:
            found = from_row(tuple(columns))
    return found


def _rows(connection: Connection, call: Call) -> list[tuple[Any, ...]]:
    return connection.execute(_OF_KEY, (packed(call.trace_id), packed(call.span_id))).fetchall()
