"""The dearest of many groups: SQLite sorts them on disk, and only as many as are asked for come into memory.

A ledger may have a million sessions. All their sums at once would be gigabytes of Python objects.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from genmeter.ledger.call import USAGE_FIELDS
from genmeter.ledger.questions import Dearest, Group, Window
from genmeter.ledger.sqlite import sums
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.entries import COUNTS, RARE
from genmeter.ledger.sqlite.schema import UNIT

_SUMS: Final = (
    "calls",
    "errors",
    "unpriced",
    "cut",
    *(f"usage_{field}" for field in USAGE_FIELDS),
    "cost_units",
    "cost_rest",
)
_ALL: Final = ", ".join((*_SUMS, "first_ns", "last_ns"))
_ADDED: Final = ", ".join((*(f"sum({name})" for name in _SUMS), "min(first_ns)", "max(last_ns)"))
_OF_CALLS: Final = ("calls", "errors", "unpriced", "cut", *(f"usage_{field}" for field in (*COUNTS, *RARE)))
_COST: Final = f"(cost_units * {UNIT}.0 + cost_rest)"


def dearest(connection: Connection, by: Sequence[str], window: Window, most: int) -> Dearest:
    """The groups of the ``most`` keys that cost most, in USD first, and what all the others are together."""
    keys = [f"key_{n}" for n in range(len(by))]
    where, values = sums.entries(window)
    names = ", ".join((*keys, "currency", *_OF_CALLS, "cost_units", "cost_rest", "first_ns", "last_ns"))
    signed, those = sums.adjusted(window)
    of_calls = (
        f"SELECT * FROM ({sums.whole(by, where, sums.ENTRIES)}) a"
        f" UNION ALL SELECT * FROM ({sums.whole(by, signed, sums.ADJUSTMENTS)}) b"
    )
    if not sums.SINGLE.isdisjoint(by):
        trimmed, others = sums.trimmed_sessions(window)
        of_calls += f" UNION ALL SELECT * FROM ({sums.whole(by, trimmed, sums.SESSIONS)}) c"
        those = (*those, *others)
    of_days, more = sums.days(by, window)
    listed, over = ", ".join(keys), f"OVER (PARTITION BY {', '.join(keys)})"
    statement = f"""
        WITH of_calls({names}) AS ({of_calls}), of_days({listed}, currency, {_ALL}) AS ({of_days}),
        added({listed}, currency, {_ALL}) AS (
            SELECT {listed}, currency, {_ADDED} FROM (
                SELECT {listed}, currency, {_ALL} FROM of_calls UNION ALL SELECT {listed}, currency, {_ALL} FROM of_days
            ) every GROUP BY {listed}, currency
        )
        SELECT {listed}, currency, {_ALL} FROM added ORDER BY
        sum({_COST}) FILTER (WHERE currency = 'USD') {over} DESC NULLS LAST,
        sum({_COST}) FILTER (WHERE currency <> 'USD') {over} DESC NULLS LAST,
        sum(calls) {over} DESC, {", ".join(f"{key} NULLS FIRST" for key in keys)}
    """
    kept: list[Group] = []
    rest: dict[tuple[object, ...], Group] = {}
    left = 0
    rows = connection.execute(statement, (*values, *those, *more))
    for number, (_, found) in enumerate(groupby(rows, key=lambda row: row[: len(by)])):
        groups = [sums.group(row[: len(by) + 1], row[len(by) + 1 :]) for row in found]
        if number < most:
            kept += groups
        else:
            left += 1
            for group in groups:
                group.key = ()
            sums.merge(rest, groups)
    return Dearest(kept, left, list(rest.values()))
