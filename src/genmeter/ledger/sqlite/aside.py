"""How a call is kept out of the sums: in quarantine, with the call that bills in its place; and what is counted of it.

Sums that run along with the table of calls (``watch``) have read a call of an earlier transaction already. What becomes
of such a call is written to ``corrections``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from genmeter.ledger import doubles
from genmeter.ledger.call import COLUMNS, Call, from_row, to_record, to_row
from genmeter.ledger.questions import DOUBLE, SUSPECTED
from genmeter.ledger.seals import DAY_NS
from genmeter.ledger.sqlite import amend
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.counting import count, raise_mark
from genmeter.ledger.sqlite.entries import Writer
from genmeter.ledger.sqlite.packing import packed

WATERMARK: Final = "trimmed_until_ns"
"""Mark: calls that began until then have been trimmed."""
CORRECTED: Final = "corrections"
"""Counter of the rows that were ever written to ``corrections``; the number of the last one."""
WITHDRAWN: Final = "withdrawn"
"""Counter of calls that were booked, and set aside by a later batch: booked minus withdrawn are the calls there are."""
BY_KEY: Final = "SELECT id FROM entries WHERE trace_id = ? AND span_id = ?"
"""The row of a key, whose two ids are ``packed``."""
MOST_CORRECTIONS: Final = 2_000
"""The newest corrections are kept: sums that are further behind are read anew."""
HIGHEST: Final = "highest_call"
"""Mark: the highest row number that was taken out of the table; it is not given again, for sums that run along."""


_BY_KEY: Final = f"SELECT id, {', '.join(COLUMNS)} FROM calls WHERE id = ({BY_KEY})"


def quarantine(
    connection: Connection,
    call: Call,
    reason: str,
    now_ns: int,
    digest: str = "",
    billed_by: str | None = None,
    why: str | None = None,
) -> bool:
    """Keep a call that is not booked; False when it is there already."""
    values = (
        call.trace_id,
        call.span_id,
        reason,
        digest,
        call.run,
        now_ns,
        json.dumps(to_record(call)),
        billed_by,
        why,
    )
    statement = (
        "INSERT INTO quarantine (trace_id, span_id, reason, digest, run, received_ns, record, billed_by, why)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    )
    fresh = connection.execute(statement, values).rowcount == 1
    if fresh:
        count(connection, {"rows_quarantine": 1})
    return fresh


def set_aside(
    connection: Writer, loser: tuple[int, Call], winner: tuple[int, Call], why: str, first: int, now_ns: int
) -> tuple[Call, str]:
    """Take a booked call out of the table, because another one bills; give what it knows to that one.

    Rows from number ``first`` on are of this transaction. Returns the winner as it is now, and the outcome's name.
    """
    (lost, call), (won, stays) = loser, winner
    reason = SUSPECTED if why == doubles.RESPONSE else DOUBLE
    billed_by = stays.span_id if stays.trace_id == call.trace_id else f"{stays.trace_id}/{stays.span_id}"
    fresh = quarantine(connection, call, reason, now_ns, "", billed_by, why)
    # what was set aside for the loser is billed by the winner now
    connection.execute(
        "UPDATE quarantine SET billed_by = ? WHERE trace_id = ? AND billed_by = ?",
        (billed_by, call.trace_id, call.span_id),
    )
    taken = doubles.additions(stays, call)
    if taken:
        stays = rewrite(connection, won, stays, taken, first, now_ns)
    take_out(connection, lost, call, first, now_ns, why)
    return stays, ("suspected" if reason == SUSPECTED else "doubles") if fresh else "duplicates"


def mark_aside(connection: Writer, call: Call, first: int, now_ns: int) -> str:
    """Keep a record out that says of itself that another one bills; the outcome's name.

    The other signal of the same record may be booked already: it goes. Who pays is told to the call that bills.
    """
    billed_by = call.cost_detail
    fresh = quarantine(connection, call, DOUBLE, now_ns, "", billed_by, doubles.MARKED)
    booked = find(connection, call.trace_id, call.span_id)
    if booked is not None and booked[1].scope is not None:
        take_out(connection, *booked, first, now_ns, doubles.MARKED)
    winner = find(connection, call.trace_id, billed_by) if billed_by else None
    if winner is not None:
        rewrite(connection, *winner, _payer(winner[1], call), first, now_ns)
    return "doubles" if fresh else "duplicates"


def leave_out(connection: Writer, row: int, billed_by: str | None, first: int, now_ns: int) -> None:
    """Take a call out that was set aside before and has come again. The call that bills may learn from it who pays."""
    trace, span = connection.execute("SELECT trace_id, span_id FROM calls WHERE id = ?", (row,)).fetchone()
    again, winner = find(connection, trace, span), find(connection, trace, billed_by) if billed_by else None
    if again is not None and winner is not None:
        rewrite(connection, *winner, _payer(winner[1], again[1]), first, now_ns)
    if again is not None:
        take_out(connection, *again, first, now_ns, doubles.MARKED)


def _payer(winner: Call, loser: Call) -> dict[str, object]:
    return {
        name: value
        for name, value in doubles.additions(winner, loser).items()
        if name in (*doubles.PAYER, *doubles.MAKER)
    }


def find(connection: Connection, trace_id: str, span_id: str) -> tuple[int, Call] | None:
    """The booked call of a key, with its row number."""
    found = connection.execute(_BY_KEY, (packed(trace_id), packed(span_id))).fetchone()
    return (found[0], from_row(found[1:])) if found else None


def take_out(connection: Writer, row: int, call: Call, first: int, now_ns: int, why: str) -> None:
    """Delete a booked call, which is in quarantine now. The row of a frozen call stays, and is taken back."""
    if row < first and amend.is_frozen(connection, row, call):
        if amend.withdraw(connection, call, why, now_ns):
            count(connection, {WITHDRAWN: 1})
        return
    connection.remove("?", (row,))
    connection.touched.add(call.started_ns // DAY_NS)
    raise_mark(connection, HIGHEST, row)
    if row < first:
        correct(connection, row, -1, call)
        count(connection, {"rows_calls": -1, WITHDRAWN: 1})


def rewrite(connection: Writer, row: int, old: Call, changes: dict[str, object], first: int, now_ns: int) -> Call:
    """Change columns of a booked call, and return the call as it is now."""
    if row < first and amend.is_frozen(connection, row, old):
        return amend.rewrite(connection, old, changes, now_ns)
    new = replace(old, **changes)  # type: ignore[arg-type]  # the names are fields of Call
    if to_row(new) == to_row(old):
        return new
    connection.change(row, new)
    if row < first:
        correct(connection, row, -1, old)
        correct(connection, row, 1, new)
    return new


def correct(connection: Connection, row: int, sign: int, call: Call) -> None:
    """Note for running sums that a call which they may have read is gone (-1) or there (+1)."""
    count(connection, {CORRECTED: 1})
    number = connection.execute("SELECT value FROM counters WHERE name = ?", (CORRECTED,)).fetchone()[0]
    record = json.dumps(to_record(call))
    connection.execute("INSERT INTO corrections VALUES (?, ?, ?, ?)", (number, row, sign, record))
    connection.execute("DELETE FROM corrections WHERE id <= ?", (number - MOST_CORRECTIONS,))
