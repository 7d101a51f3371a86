"""The last calls that were trimmed, kept for a while: a second record of one of them may still be on its way.

A trimmed call has left its money in the sum of its day, and no key. Two records of one call overlap in time, so only the
calls that had not ended long before the last trimmed one began are kept, and never many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from genmeter.ledger import doubles
from genmeter.ledger.call import COLUMNS, Call, from_row
from genmeter.ledger.questions import DOUBLE, LATE, SUSPECTED
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.entries import Writer, select
from genmeter.ledger.sqlite.packing import packed, response_mark
from genmeter.ledger.sqlite.settle import AROUND_NS
from genmeter.reading import conventions

MOST: Final = 5_000

_ENDED: Final = "started_ns + coalesce(duration_ns, 0)"
_ALIKE: Final = (
    f"SELECT id, {', '.join(COLUMNS)} FROM ({select('folded')}) c"
    f" WHERE id IN (SELECT id FROM folded WHERE {{}} ORDER BY started_ns DESC LIMIT 100)"
)
_OF_TRACE, _OF_RESPONSE = _ALIKE.format("trace_id = ?"), _ALIKE.format("response_mark = ?")
_PARENTS: Final = (
    "SELECT span_id, parent_span_id FROM spans WHERE trace_id = ? AND parent_span_id IS NOT NULL LIMIT 2000"
)
_TAKEN: Final = "SELECT billed_by, json_extract(record, '$.scope') FROM quarantine WHERE trace_id = ? AND reason = ?"


class Twin(NamedTuple):
    """Why a call is not booked: the reason for its quarantine, the span that has billed, and how that was found out."""

    reason: str
    billed_by: str
    why: str | None


def keep(connection: Connection, oldest: str, values: Sequence[int], watermark: int) -> None:
    """Remember the calls that the question ``oldest`` finds, before they go, where a record may follow."""
    since = watermark - AROUND_NS
    connection.execute(f"DELETE FROM folded WHERE id IN ({oldest})", values)
    connection.execute(
        f"INSERT INTO folded SELECT * FROM entries WHERE id IN ({oldest}) AND {_ENDED} >= ?", (*values, since)
    )
    connection.execute(f"DELETE FROM folded WHERE {_ENDED} < ?", (since,))
    connection.execute(
        f"DELETE FROM folded WHERE id NOT IN (SELECT id FROM folded ORDER BY started_ns DESC LIMIT {MOST})"
    )


def reach(connection: Connection) -> int:
    """Calls that began later than this, in Unix ns, cannot be a second record of a trimmed one."""
    ended = connection.execute(f"SELECT max({_ENDED}) FROM folded").fetchone()[0]
    return 0 if ended is None else ended + AROUND_NS


def twin(connection: Writer, call: Call) -> Twin | None:
    """The trimmed call that this one is a second record of, whichever of the two would have billed."""
    key = packed(call.trace_id)
    if connection.execute(
        "SELECT 1 FROM entries WHERE trace_id = ? AND span_id = ?", (key, packed(call.span_id))
    ).fetchone():
        return None
    for row in connection.execute(_OF_RESPONSE, (response_mark(call.response_id),)):
        other = from_row(row[1:])
        if other.response_id == call.response_id and doubles.by_response(other, call):
            return Twin(SUSPECTED, f"{other.trace_id}/{other.span_id}", doubles.RESPONSE)
    rows = {row[0]: from_row(row[1:]) for row in connection.execute(_OF_TRACE, (key,))}
    for other in rows.values():
        if other.span_id == call.span_id:
            return Twin(LATE, other.span_id, None)
    return _in_trace(connection, rows, call) if rows else None


def _in_trace(connection: Connection, rows: dict[int, Call], call: Call) -> Twin | None:
    number = max(rows) + 1
    everything = {**rows, number: call}
    parents: dict[str, str] = dict(connection.execute(_PARENTS, (call.trace_id,)))
    for one in everything.values():
        if one.parent_span_id is not None:
            parents.setdefault(one.span_id, one.parent_span_id)
    taken = connection.execute(_TAKEN, (call.trace_id, DOUBLE)).fetchall()
    for loser, winner, why in doubles.in_trace(everything, parents, taken, conventions.bundled().is_framework):
        if number in (loser, winner):
            return Twin(DOUBLE, rows[loser if winner == number else winner].span_id, why)
    return None
