"""How a batch is booked in SQLite.

Each call is booked once. It may arrive twice, in any order, and in two signals (its span and its event); and two
instrumentations may record it, under two keys.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from genmeter.ledger import doubles
from genmeter.ledger.call import FILLABLE, LINE_COLUMNS, USAGE_COLUMNS, Call
from genmeter.ledger.decode import Span
from genmeter.ledger.errors import StorageError
from genmeter.ledger.questions import CONFLICT, DOUBLE, LATE, Outcome
from genmeter.ledger.seals import DAY_NS
from genmeter.ledger.sqlite import amend, folded, kept
from genmeter.ledger.sqlite.aside import HIGHEST, WATERMARK, find, leave_out, mark_aside, quarantine, rewrite
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.counting import COPYING, count, mark
from genmeter.ledger.sqlite.entries import ROW, Values, Writer
from genmeter.ledger.sqlite.settle import settle, settle_rows, settle_spans
from genmeter.names import ELSEWHERE

UNREAD = "unread "
"""What the counters of unread records begin with, before the emitter's name."""
MOST_EMITTERS = 100
"""Emitters whose unread records are counted apart."""
_Rows = dict[int, tuple[Values, Values | None]]
"""Number → the values of ``Writer.row``."""
_LATE = "UPDATE entries SET late = 1 WHERE id >= ? AND started_ns < ?"
REFILED = "refiled"
"""Counter of booked calls whose environment became known by their second signal. A budget may be for an environment."""
_MONEY = ("cost_pico", "currency", *USAGE_COLUMNS, *LINE_COLUMNS)
_REPLAYED = """
SELECT n.id, q.billed_by FROM calls n CROSS JOIN quarantine q ON q.trace_id = n.trace_id AND q.span_id = n.span_id
WHERE n.id IN (SELECT id FROM entries WHERE id >= ? AND theirs IS NOT NULL) AND q.reason = ?
"""
"""Calls that were set aside before and have come again. genmeter's own record of such a key is a bill and no replay."""
_OVERRULED = (
    "cost_status",
    "cost_reason",
    "cost_detail",
    "cost_source",
    "cost_catalogue",
    "cost_entry",
    *doubles.PAYER,
    *doubles.MAKER,
)


def book(connection: Writer, calls: Sequence[Call], spans: Sequence[Span], now_ns: int) -> Outcome:
    """Book ``calls`` and keep ``spans`` inside the transaction that is open."""
    if mark(connection, COPYING):
        raise StorageError("this ledger is the part of a copy; let the copy go on to its end, then book")
    watermark, first = mark(connection, WATERMARK), _first(connection)
    # a trimmed call has left no key behind: its replay would be booked again
    twins = _twins(connection, calls, first) if watermark else {}
    numbered = [
        (n, call)
        for n, call in enumerate(calls, first)
        if call.started_ns > watermark and call.cost_status != ELSEWHERE and n not in twins
    ]
    inserted, others = _insert(connection, numbered, first)
    rows = [kept.row(span, connection.shape) for span in spans]
    outcomes = Counter({"spans": connection.insert("spans", kept.COLUMNS, rows)})
    batch = _Batch(connection, first, watermark, now_ns)
    outcomes += batch.settle(first)
    outcomes += settle_spans(connection, first, spans, now_ns)
    for n, call in enumerate(calls, first):
        if n in twins:
            outcomes[_set_aside(connection, call, twins[n], now_ns)] += 1
        elif n not in inserted:
            outcomes.update(batch.tell(call, n, others.get(n)))
    outcomes += settle_rows(connection, first, batch.told, now_ns)
    booked = connection.execute("SELECT count(*) FROM entries WHERE id >= ?", (first,)).fetchone()[0]
    outcomes["booked"], outcomes["adjusted"] = booked, amend.count_late(connection, first, now_ns)
    # a call of a sealed period is in no sum of its day
    new = max(watermark + 1, connection.sealed_until)
    connection.touched.update(call.started_ns // DAY_NS for call in calls if call.started_ns >= new)
    count(connection, {**outcomes, "rows_calls": booked, "rows_spans": outcomes["spans"]})
    return Outcome(**outcomes)


def count_unread(connection: Connection, found: Sequence[Mapping[str, int]]) -> None:
    """Count records that are no known call by emitter; beyond ``MOST_EMITTERS`` of them, together."""
    known = (
        connection.execute("SELECT count(*) FROM counters WHERE name LIKE ?", (f"{UNREAD}%",)).fetchone()[0]
        if found
        else 0
    )
    for unread in found:
        for emitter, records in unread.items():
            name = f"{UNREAD}{emitter}"
            if not connection.execute("SELECT 1 FROM counters WHERE name = ?", (name,)).fetchone():
                name, known = (name, known + 1) if known < MOST_EMITTERS else (f"{UNREAD}others", known)
            count(connection, {name: records, "unread": records})


def _first(connection: Connection) -> int:
    """The number of the next row: above all that there are and above all that were taken out."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM entries").fetchone()[0]
    return max(newest, mark(connection, HIGHEST)) + 1


def _twins(connection: Writer, calls: Sequence[Call], first: int) -> dict[int, folded.Twin]:
    """Number → the trimmed call that has billed for the call already."""
    reach = folded.reach(connection)
    near = [(n, call) for n, call in enumerate(calls, first) if call.started_ns <= reach]
    found = ((n, folded.twin(connection, call)) for n, call in near if call.cost_status != ELSEWHERE)
    return {n: twin for n, twin in found if twin is not None}


def _set_aside(connection: Writer, call: Call, twin: folded.Twin, now_ns: int) -> str:
    fresh = quarantine(connection, call, twin.reason, now_ns, "", twin.billed_by, twin.why)
    return {LATE: "late", DOUBLE: "doubles"}.get(twin.reason, "suspected") if fresh else "duplicates"


def _insert(connection: Writer, numbered: Sequence[tuple[int, Call]], first: int) -> tuple[set[int], _Rows]:
    """Insert the calls whose key is new, each under its number: the numbers that went in, and the rows of the others."""
    rows = {n: connection.row(n, call) for n, call in numbered}
    connection.insert("entries", ROW, [(n, *own) for n, (own, _) in rows.items()])
    inserted = {row[0] for row in connection.execute("SELECT id FROM entries WHERE id >= ?", (first,))}
    for n in inserted & rows.keys():
        _, extras = rows.pop(n)
        if extras is not None:
            connection.add_extras(n, extras)
    if connection.sealed_until:
        connection.execute(_LATE, (first, connection.sealed_until))
    return inserted, rows


class _Batch:
    """The calls of one batch that could not be inserted, one after the other, as if each came in a batch of its own."""

    def __init__(self, connection: Writer, first: int, watermark: int, now_ns: int) -> None:
        self.connection, self.first, self.watermark, self.now_ns = connection, first, watermark, now_ns
        self.told: list[int] = []
        """Rows that a second signal has told more of."""

    def settle(self, since: int) -> Counter[str]:
        """Take the doubles among the rows from ``since`` on out of the table; the outcomes by name."""
        outcomes: Counter[str] = Counter()
        for row, billed_by in self.connection.execute(_REPLAYED, (since, DOUBLE)).fetchall():
            leave_out(self.connection, row, billed_by, self.first, self.now_ns)
            outcomes["duplicates"] += 1
        return outcomes + settle(self.connection, self.first, since, self.now_ns)

    def tell(self, call: Call, number: int, row: tuple[Values, Values | None] | None) -> Counter[str]:
        """Book a call that could not be inserted; the outcomes by name. ``row`` is what would have been inserted."""
        told = self.connection.tell(number, row[0]) if row is not None and row[1] is None else None
        if told is None:
            return self.meet(call, number)
        if told:
            self.told.append(told)
        return Counter(("merged" if told else "duplicates",))

    def meet(self, call: Call, number: int) -> Counter[str]:
        """Book a call that could not be inserted; the outcomes by name.

        It is no bill by its own word, or its key is booked already, or calls of its time have been trimmed.
        """
        if call.cost_status == ELSEWHERE:
            return Counter((mark_aside(self.connection, call, self.first, self.now_ns),))
        known = find(self.connection, call.trace_id, call.span_id)
        # Calls of one batch are numbered in their order. A booked row with a higher number is a later call of this
        # batch: it is not compared with, because the outcome must be the same as if each call had come alone.
        if known is not None and known[0] < number:
            return Counter((self._compare(call, *known),))
        if call.started_ns <= self.watermark:
            fresh = quarantine(self.connection, call, LATE, self.now_ns)
            return Counter(("late" if fresh else "duplicates",))
        # its key was taken when the batch was inserted, and is free now: that row was set aside
        inserted, _ = _insert(self.connection, [(number, call)], number)
        return self.settle(number) if number in inserted else Counter(("duplicates",))

    def _compare(self, call: Call, row: int, booked: Call) -> str:
        """Compare a call with the booked call of its key, and return the name of the outcome.

        The call is a replay, or the second signal of the same call, or its money contradicts the booked money.
        """
        own, frozen = booked, row < self.first and amend.is_frozen(self.connection, row, booked)
        if frozen:
            booked = amend.evidence(self.connection, booked)
        if booked.scope is not None and call.scope is None:
            return self._overrule(call, row, booked)
        # beside genmeter's own record, another instrumentation's word on the money is no contradiction
        if (booked.scope is None) == (call.scope is None) and _contradicts(call, booked):
            offered = zip(_MONEY, _money(call), strict=True)
            known_of = {name: value for name, value in offered if value is not None}
            digest = hashlib.sha256(repr(known_of).encode()).hexdigest()[:16]
            fresh = quarantine(self.connection, call, CONFLICT, self.now_ns, digest)
            return "conflicts" if fresh else "duplicates"
        if own.signals | call.signals == own.signals:
            return "duplicates"
        offers = {name: getattr(call, name) for name in FILLABLE if getattr(booked, name) is None}
        additions = {name: value for name, value in offers.items() if value is not None}
        if frozen:
            amend.merge(self.connection, row, own, additions, own.signals | call.signals, self.now_ns)
            return "merged"
        if "environment" in additions:
            count(self.connection, {REFILED: 1})
        self.connection.change(row, replace(booked, signals=booked.signals | call.signals, **additions))
        self.told.append(row)
        return "merged"

    def _overrule(self, call: Call, row: int, old: Call) -> str:
        """genmeter's own event of a call whose span is another instrumentation's: it knows who pays and how much."""
        ours = {name: value for name in _OVERRULED if (value := getattr(call, name)) is not None}
        if call.cost_pico is not None:
            ours |= {"cost_pico": call.cost_pico, "currency": call.currency, "lines": call.lines}
        usage = tuple(old if new is None else new for new, old in zip(call.usage, old.usage, strict=True))
        for name in FILLABLE:
            if getattr(old, name) is None:
                ours[name] = getattr(call, name)
        changes: dict[str, object] = {**ours, "usage": usage, "scope": None, "signals": old.signals | call.signals}
        rewrite(self.connection, row, old, changes, self.first, self.now_ns)
        self.told.append(row)
        return "merged"


def _money(call: Call) -> tuple[str | int | None, ...]:
    return (call.cost_pico, call.currency, *call.usage, *call.lines)


def _contradicts(call: Call, booked: Call) -> bool:
    """Whether a call says other money than its booked row.

    The cost lines are compared only where the booked row has some. The span of another instrumentation may carry a total
    without lines; the event, which the collector has priced, then splits the same total into lines.
    """
    offered, known = _money(call), _money(booked)
    split = -len(call.lines) if booked.lines.count(None) == len(booked.lines) else len(offered)
    return any(new is not None and new != old for new, old in zip(offered[:split], known[:split], strict=True))
