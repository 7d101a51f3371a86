"""Single calls of a window in a stated order, and percentiles of durations by group."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from genmeter.ledger.call import COLUMNS, Call, from_row
from genmeter.ledger.questions import Latency, Page, Window
from genmeter.ledger.sqlite import sums
from genmeter.ledger.sqlite.connection import Connection

_ORDERS: Final = {
    "started": "e.started_ns",
    "cost": "e.cost_pico",
    "duration": "e.duration_ns",
    "input": "e.usage_input",
    "output": "e.usage_output",
}
_SEARCHED: Final = (
    *("request_model", "response_model", "provider", "operation", "department", "application", "service"),
    *("environment", "error_type", "cost_reason", "service_tier", "agent", "workflow"),
)
"""The texts of a kind that a search looks into."""
_HEX: Final = frozenset("0123456789abcdef")


def page(connection: Connection, asked: Page, window: Window) -> list[Call]:
    """The calls of the page, in its order."""
    where, values = sums.booked(window)
    if asked.search:
        term, more = _found(asked.search)
        where, values = f"{where} AND {term}", (*values, *more)
    way = "ASC" if asked.rising else "DESC"
    order = f"{_ORDERS[asked.order]} {way} NULLS LAST, e.started_ns {way}, e.id {way}"
    if asked.order == "started":
        # without NULLS LAST the index gives the order
        order = f"e.started_ns {way}, e.id {way}"
    chosen = f"SELECT e.id FROM entries e WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
    numbers = [row[0] for row in connection.execute(chosen, (*values, asked.limit, asked.offset))]
    found: dict[int, Call] = {}
    columns = f"SELECT id, {', '.join(COLUMNS)} FROM calls WHERE id IN"
    for begin in range(0, len(numbers), 500):
        some = numbers[begin : begin + 500]
        for row in connection.execute(f"{columns} ({', '.join('?' * len(some))})", some):
            found[row[0]] = from_row(row[1:])
    return [found[number] for number in numbers]


def latencies(
    connection: Connection, by: Sequence[str], percents: Sequence[int], window: Window
) -> dict[tuple[Any, ...], Latency]:
    """Group → nearest-rank quantiles of its durations, in memory that does not grow with the calls of a group."""
    where, values = sums.entries(window)
    keys, shown = sums.columns(by)
    listed = ", ".join(f"key_{number}" for number in range(len(by)))
    over = f"PARTITION BY {listed}"
    inner = ", ".join((*(f"{key} AS key_{number}" for number, key in enumerate(keys)), "e.duration_ns AS took"))
    # nearest rank, rounded up: SQLite divides whole numbers towards zero
    rank = "max((? * calls + 99) / 100, 1)"
    statement = f"""
        WITH t AS (SELECT {inner} FROM entries e JOIN kinds k ON k.id = e.kind
            WHERE {where} AND e.duration_ns IS NOT NULL),
        ranked AS (SELECT {listed}, took, row_number() OVER ({over} ORDER BY took) AS place, count(*) OVER ({over}) AS calls
            FROM t)
        SELECT {", ".join(shown)}, calls, place, took FROM ranked t
        WHERE {" OR ".join(f"place = {rank}" for _ in percents)} ORDER BY {listed}
    """
    rows = connection.execute(statement, (*values, *percents)).fetchall()
    found: dict[tuple[Any, ...], Latency] = {}
    for key, group in groupby(rows, key=lambda row: row[: len(by)]):
        ranked = list(group)
        calls, places = ranked[0][-3], {row[-2]: row[-1] for row in ranked}
        found[key] = Latency(calls, tuple(places[max((percent * calls + 99) // 100, 1)] for percent in percents))
    return found


def _found(search: str) -> tuple[str, tuple[Any, ...]]:
    """The condition on an entry ``e`` that a text is found in it, and its values."""
    text = search.strip().lower()
    # instr() and not LIKE: a percent sign in a name stands for itself
    named = " OR ".join(f"instr(lower(k.{name}), ?) > 0" for name in _SEARCHED)
    terms, values = [f"e.kind IN (SELECT k.id FROM kinds k WHERE {named})"], [text] * len(_SEARCHED)
    if 4 <= len(text) <= 32 and _HEX.issuperset(text):
        terms.append("instr(lower(hex(e.trace_id)), ?) = 1")
        values.append(text)
    terms.append("e.user IN (SELECT id FROM users WHERE instr(lower(user_hash), ?) > 0)")
    values.append(text)
    return f"({' OR '.join(terms)})", tuple(values)
