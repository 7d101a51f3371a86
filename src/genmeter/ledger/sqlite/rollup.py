"""The sums of the kept calls by day, and the sums by session of the calls that go.

Neither is ever added to. A batch only notes which days it has changed: such a day is computed anew from its calls, and
until then its calls themselves are read. The sums by session of some calls are written once, before these calls go.
"""

from __future__ import annotations

from typing import Final

from genmeter.ledger.seals import DAY_NS
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.entries import COUNTS, RARE
from genmeter.ledger.sqlite.schema import UNIT

_RARE: Final = (
    "CASE WHEN count(x.id) > 0 THEN json_patch('{}', json_object("
    + ", ".join(f"'usage_{field}', sum(x.usage_{field})" for field in RARE)
    + ")) END"
)
_SUMMED: Final = (
    *("calls", *(f"usage_{field}" for field in COUNTS), "rare", "cost_units", "cost_rest", "first_ns", "last_ns"),
)
"""Columns of ``days`` and ``sessions`` that ``_SUMS`` fills."""
_SUMS: Final = ", ".join(
    (
        "count(*)",
        *(f"coalesce(sum(e.usage_{field}), 0)" for field in COUNTS),
        _RARE,
        f"coalesce(sum(e.cost_pico / {UNIT}), 0)",
        f"coalesce(sum(e.cost_pico % {UNIT}), 0)",
        "min(e.started_ns)",
        "max(e.started_ns + coalesce(e.duration_ns, 0))",
    )
)
_FROM: Final = "FROM entries e LEFT JOIN extras x ON x.id = e.id WHERE e.late IS NULL"
_OF_DAY: Final = f"{_FROM} AND e.started_ns >= ? AND e.started_ns < ?"
_DAYS: Final = f"INSERT INTO days SELECT ?, e.kind, {_SUMS} {_OF_DAY} GROUP BY e.kind"
_FOLD: Final = f"""
INSERT INTO sessions ({", ".join(("day", "kind", "user", "session", "conversation", *_SUMMED))})
SELECT e.started_ns / {DAY_NS}, e.kind, e.user, e.session, e.conversation, {_SUMS} {_FROM} AND e.id IN (OLDEST)
GROUP BY 1, e.kind, e.user, e.session, e.conversation
"""


def next_dirty(connection: Connection, before_day: int) -> int | None:
    """The oldest dirty day before ``before_day``, in days since 1970; None when there is none."""
    return connection.execute("SELECT min(day) FROM dirty WHERE day < ?", (before_day,)).fetchone()[0]


def compute(connection: Connection, day: int) -> None:
    """Compute the sums of a day anew, from its calls."""
    connection.execute("DELETE FROM days WHERE day = ?", (day,))
    connection.execute(_DAYS, (day, day * DAY_NS, (day + 1) * DAY_NS))
    connection.execute("DELETE FROM dirty WHERE day = ?", (day,))


def fold(connection: Connection, oldest: str, values: tuple[int, ...], by_session: bool) -> None:
    """Prepare that the calls go which the question ``oldest`` finds; ``by_session`` keeps their sums by session."""
    touched = f"SELECT DISTINCT started_ns / {DAY_NS} AS day FROM entries WHERE id IN ({oldest})"
    connection.execute(f"INSERT INTO dirty {touched} ON CONFLICT DO NOTHING", values)
    if by_session:
        connection.execute(_FOLD.replace("OLDEST", oldest), values)
    else:
        forgotten = f"UPDATE tiers SET from_day = max(from_day, (SELECT max(day) + 1 FROM ({touched}) t))"
        connection.execute(f"{forgotten} WHERE name = 'sessions'", values)
