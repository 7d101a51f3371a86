"""How the SQLite store stays bounded: oldest first, in small steps, money folded into its day before a row goes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from genmeter.ledger.sqlite import crowded, folded, rollup
from genmeter.ledger.sqlite.aside import WATERMARK
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.counting import count, raise_mark
from genmeter.ledger.sqlite.entries import Writer
from genmeter.ledger.sqlite.schema import DAILY_KEYS, DAY_NS, SPAN_OF_TIME, SUMS

STEP = 5_000
"""Rows of each table that one step takes at most, so that no sender waits long behind it."""

MAX_CALLS, MAX_SPANS = 1_000_000, 200_000

_OLDEST = "SELECT id FROM entries WHERE started_ns < ? ORDER BY started_ns, id LIMIT ?"
_FOLD = f"""
INSERT INTO daily (key, {", ".join((*DAILY_KEYS, *SUMS, *SPAN_OF_TIME))})
SELECT json_array({", ".join(DAILY_KEYS.values())}),
{", ".join((*DAILY_KEYS.values(), *SUMS.values(), *SPAN_OF_TIME.values()))}
FROM calls WHERE id IN ({_OLDEST}) AND id NOT IN (SELECT id FROM entries WHERE late IS NOT NULL) GROUP BY {", ".join(str(n + 2) for n in range(len(DAILY_KEYS)))}
ON CONFLICT (key) DO UPDATE SET {", ".join(f"{name} = daily.{name} + excluded.{name}" for name in SUMS)},
first_ns = min(daily.first_ns, excluded.first_ns), last_ns = max(daily.last_ns, excluded.last_ns)
"""


@dataclass(frozen=True, slots=True)
class Caps:
    """How much is kept: rows of each table, and ages in days; None is without bound. 0 spans keeps none.

    ``days`` is the age of a single call; where ``patient``, older ones wait for the upkeep of the service, else they go
    with the next batch. ``session_days`` is how long the sums of trimmed calls are kept by session and day; None keeps
    none. ``day_days`` is how long they are kept by day alone; adjustments are kept as long.
    """

    calls: int | None = MAX_CALLS
    spans: int = MAX_SPANS
    quarantine: int = 10_000
    days: float | None = None
    session_days: float | None = None
    day_days: float | None = None
    patient: bool = False

    @property
    def at_once(self) -> Caps:
        """The caps that are kept with each batch."""
        return replace(self, days=None) if self.patient else self

    def horizon_ns(self, now_ns: int) -> int:
        """Calls started before this are too old to keep."""
        return 0 if self.days is None else now_ns - round(self.days * DAY_NS)


def due(connection: Connection, caps: Caps, now_ns: int) -> bool:
    """Whether a step would find something to take."""
    rows = dict(connection.execute("SELECT name, value FROM counters WHERE name LIKE 'rows_%'").fetchall())
    excesses = (_excess(rows, table, getattr(caps, table)) for table in ("calls", "spans", "quarantine"))
    return any(excess > 0 for excess in excesses) or _aged(connection, caps, now_ns)


def step(connection: Writer, caps: Caps, now_ns: int) -> int:
    """Trim up to ``STEP`` rows of each table inside the transaction that is open; how many went."""
    rows = dict(connection.execute("SELECT name, value FROM counters WHERE name LIKE 'rows_%'").fetchall())
    excess, by_session = _excess(rows, "calls", caps.calls), caps.session_days is not None
    gone = _trim_calls(connection, excess, caps.horizon_ns(now_ns), by_session)
    if gone:
        connection.sweep()
    for table in ("spans", "quarantine"):
        excess = min(_excess(rows, table, getattr(caps, table)), STEP)
        if excess > 0:
            oldest = f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT ?)"
            taken = connection.execute(oldest, (excess,)).rowcount
            count(connection, {f"rows_{table}": -taken, f"trimmed_{table}": taken})
            gone += taken
    return gone


def retain(connection: Writer, caps: Caps, now_ns: int) -> None:
    """Remove the sums of trimmed days that are beyond their age, inside the transaction that is open."""
    for tier, age in (("sessions", caps.session_days), ("days", caps.day_days)):
        if age is None:
            continue
        first = (now_ns - round(age * DAY_NS)) // DAY_NS
        if tier == "sessions":
            connection.execute("DELETE FROM sessions WHERE day < ?", (first,))
        else:
            gone = connection.execute("DELETE FROM daily WHERE day < ?", (first,)).rowcount
            old = "SELECT id FROM adjustments WHERE counted_ns < ?"
            connection.execute(f"DELETE FROM extras WHERE -id IN ({old})", (first * DAY_NS,))
            went = connection.execute(f"DELETE FROM adjustments WHERE id IN ({old})", (first * DAY_NS,)).rowcount
            count(connection, {"trimmed_days": gone + went, "rows_adjustments": -went})
        connection.execute("UPDATE tiers SET from_day = max(from_day, ?) WHERE name = ?", (first, tier))


def _excess(rows: dict[str, int], table: str, cap: int | None) -> int:
    return 0 if cap is None else rows.get(f"rows_{table}", 0) - cap


def _aged(connection: Connection, caps: Caps, now_ns: int) -> bool:
    oldest = connection.execute("SELECT min(started_ns) FROM entries").fetchone()[0] if caps.days is not None else None
    return oldest is not None and oldest < caps.horizon_ns(now_ns)


def _trim_calls(connection: Writer, excess: int, horizon_ns: int, by_session: bool) -> int:
    gone = 0
    for before_ns, limit in ((2**63 - 1, min(excess, STEP)), (horizon_ns, STEP)):
        oldest = connection.execute(
            f"SELECT max(started_ns), count(*) FROM entries WHERE id IN ({_OLDEST})", (before_ns, max(limit, 0))
        ).fetchone()
        if not oldest[1]:
            continue
        days = connection.execute(
            f"SELECT DISTINCT started_ns / {DAY_NS} FROM entries WHERE id IN ({_OLDEST})", (before_ns, limit)
        )
        touched = {day for (day,) in days}
        connection.execute(_FOLD, (before_ns, limit))
        crowded.relieve(connection, touched)
        rollup.fold(connection, _OLDEST, (before_ns, limit), by_session)
        folded.keep(connection, _OLDEST, (before_ns, limit), oldest[0])
        connection.remove(_OLDEST, (before_ns, limit))
        raise_mark(connection, WATERMARK, oldest[0])
        count(connection, {"rows_calls": -oldest[1], "trimmed_calls": oldest[1]})
        gone += oldest[1]
    return gone
