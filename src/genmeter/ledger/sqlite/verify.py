"""Every sum of the SQLite file computed again: from each call, without the code that answers the reports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from genmeter.ledger.audit import Audit, Difference
from genmeter.ledger.questions import EVERYTHING
from genmeter.ledger.seals import DAY_NS
from genmeter.ledger.sqlite import sealing
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.counting import COPYING, counters, mark
from genmeter.ledger.sqlite.schema import UNIT
from genmeter.ledger.sqlite.sums import sums
from genmeter.model import usd

_MONEY: Final = f"coalesce(sum(e.cost_pico / {UNIT}), 0), coalesce(sum(e.cost_pico % {UNIT}), 0)"
_OF: Final = {
    "calls": f"""
        SELECT e.started_ns / {DAY_NS}, k.currency, count(*), {_MONEY}, sum(e.usage_input), sum(e.usage_output)
        FROM entries e JOIN kinds k ON k.id = e.kind WHERE e.late IS NULL GROUP BY 1, 2""",
    "days": """
        SELECT e.day, k.currency, sum(e.calls), sum(e.cost_units), sum(e.cost_rest), sum(e.usage_input), sum(e.usage_output)
        FROM days e JOIN kinds k ON k.id = e.kind GROUP BY 1, 2""",
    "trimmed sessions": """
        SELECT e.day, k.currency, sum(e.calls), sum(e.cost_units), sum(e.cost_rest), sum(e.usage_input), sum(e.usage_output)
        FROM sessions e JOIN kinds k ON k.id = e.kind GROUP BY 1, 2""",
    "trimmed days": """
        SELECT e.day, e.currency, sum(e.calls), sum(e.cost_units), sum(e.cost_rest), sum(e.usage_input), sum(e.usage_output)
        FROM daily e GROUP BY 1, 2""",
    "adjustments": f"""
        SELECT e.counted_ns / {DAY_NS}, k.currency, sum(e.calls), coalesce(sum(e.sign * (e.cost_pico / {UNIT})), 0),
        coalesce(sum(e.sign * (e.cost_pico % {UNIT})), 0), sum(e.sign * e.usage_input), sum(e.sign * e.usage_output)
        FROM adjustments e JOIN kinds k ON k.id = e.kind GROUP BY 1, 2""",
}
"""Sums by day and currency: calls, money, input, output."""
_Key = tuple[int, str | None]
_Sums = dict[_Key, tuple[int, int, int, int]]


def audit(connection: Connection, damage: str | None) -> Audit:
    """``Store.verify`` on a connection that sees one moment; ``damage`` is what the database says of its own pages."""
    found = {name: _sums(connection, statement) for name, statement in _OF.items()}
    unchecked: list[str] = []
    differences = [
        *(() if damage is None else (Difference("the file", "ok", damage),)),
        *_rows(connection),
        *_tiers(connection, found),
        *_report(connection, found),
        *sealing.differences(connection, unchecked),
    ]
    checked = {name: sum(one[0] for one in by_day.values()) for name, by_day in found.items()}
    checked["seals"] = len(sealing.listed(connection))
    return Audit(differences, checked, unchecked)


def _sums(connection: Connection, statement: str) -> _Sums:
    rows = connection.execute(statement)
    return {row[:2]: (row[2], row[3] * UNIT + row[4], row[5] or 0, row[6] or 0) for row in rows}


def _rows(connection: Connection) -> Iterator[Difference]:
    if mark(connection, COPYING):
        yield Difference("the copy", "whole", "a part; copy again from the same source, and the copy goes on")
    counted = counters(connection)
    for table, rows in {"calls": "entries", "quarantine": "quarantine", "adjustments": "adjustments"}.items():
        kept = connection.execute(f"SELECT count(*) FROM {rows}").fetchone()[0]
        if kept != counted.get(f"rows_{table}", 0):
            yield Difference(f"rows of {table}", str(counted.get(f"rows_{table}", 0)), str(kept))
    lost = connection.execute("SELECT count(*) FROM entries WHERE kind NOT IN (SELECT id FROM kinds)").fetchone()[0]
    if lost:
        yield Difference("calls without their texts", "0", str(lost))
    late = (
        "SELECT count(*) FROM entries e WHERE e.late IS NOT NULL AND NOT EXISTS (SELECT 1 FROM adjustments a"
        " WHERE a.trace_id = e.trace_id AND a.span_id = e.span_id AND a.sign = 1)"
    )
    uncounted = connection.execute(late).fetchone()[0]
    if uncounted:
        yield Difference("calls of sealed periods that no adjustment counts", "0", str(uncounted))


def _tiers(connection: Connection, found: dict[str, _Sums]) -> Iterator[Difference]:
    dirty = {row[0] for row in connection.execute("SELECT day FROM dirty")}
    yield from _differ("the sums of days", found["calls"], found["days"], dirty)
    first = connection.execute("SELECT from_day FROM tiers WHERE name = 'sessions'").fetchone()[0]
    gone = {day for sums in found.values() for day, _ in sums if day < first}
    yield from _differ("the sums of trimmed sessions", found["trimmed days"], found["trimmed sessions"], gone)


def _report(connection: Connection, found: dict[str, _Sums]) -> Iterator[Difference]:
    """What reports are made of, beside the calls, the trimmed days and the adjustments."""
    expected: _Sums = {}
    for name in ("calls", "trimmed days", "adjustments"):
        for key, amounts in found[name].items():
            expected[key] = _plus(expected.get(key), amounts)
    for by in ("model", "session"):
        answered: _Sums = {}
        for group in sums(connection, ("day", by), EVERYTHING):
            key = (int(group.key[0] or 0), group.currency)
            answered[key] = _plus(answered.get(key), (group.calls, group.cost, group.usage[0], group.usage[1]))
        yield from _differ(f"the sums of a report by {by}", expected, answered, set())


def _differ(where: str, expected: _Sums, found: _Sums, skipped: set[int]) -> Iterator[Difference]:
    nothing = (0, 0, 0, 0)
    for key in sorted(expected.keys() | found.keys(), key=str):
        one, other = expected.get(key, nothing), found.get(key, nothing)
        if one != other and key[0] not in skipped:
            yield Difference(f"{where} on day {_day(key[0])}", _shown(one, key[1]), _shown(other, key[1]))


def _plus(one: tuple[int, int, int, int] | None, other: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    calls, cost, read, written = one or (0, 0, 0, 0)
    return calls + other[0], cost + other[1], read + other[2], written + other[3]


def _day(day: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def _shown(sums: tuple[int, int, int, int], currency: str | None) -> str:
    money = "no cost" if currency is None else f"{usd(sums[1])} {currency}"
    return f"{sums[0]} calls, {money}, {sums[2]} tokens in, {sums[3]} out"
