"""A ledger moved to another store, row by row and exactly; a copy that was cut off goes on where it stopped.

Rows keep their numbers. Each batch of them is one transaction of the target, with a mark of how far the copy is. The
counters come last: until then ``verify`` says of the target that it is no whole ledger.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final
from zlib import crc32

from genmeter.errors import GenmeterError
from genmeter.ledger.audit import Audit
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.counting import COPYING, mark, set_mark
from genmeter.ledger.sqlite.store import Booker

BATCH: Final = 5_000
"""Rows of one transaction; a day of sums is one, however many rows it has."""
_BY: Final = {
    **dict.fromkeys(("kinds", "users", "shapes", "entries", "extras", "folded", "adjustments"), "id"),
    **dict.fromkeys(("spans", "quarantine", "corrections"), "id"),
    **dict.fromkeys(("days", "sessions", "daily"), "day"),
}
"""Table → the column in whose order it is read."""
_LAST: Final = ("seals", "dirty", "tiers", "reservations", "marks", "counters")
"""Small tables, which are written together when all others are there."""
_LOWEST: Final = -(2**62)


class NotEmpty(GenmeterError, ValueError):
    """The target holds another ledger, or the source has changed since the copy began."""


def copy(source: Booker, target: Booker, done: Callable[[int], None] = lambda rows: None) -> Audit:
    """Copy all of the ledger in ``source`` to ``target``, which is empty or holds a part of this copy; what ``verify`` finds.

    ``done`` is called after each transaction with the number of its rows. What is booked to the source meanwhile is not
    copied. Raises ``NotEmpty``, ``StorageError``.
    """
    with source.moment():
        _begin(target, source.database.read(_fingerprint))
        for table, order in _BY.items():
            for rows in _left(source, target, table, order):
                done(rows)
        done(_end(source, target))
    return target.verify()


def _begin(target: Booker, found: int) -> None:
    with target.database.transaction() as connection:
        known = mark(connection, COPYING)
        if known not in (0, found):
            raise NotEmpty(
                f"the source has changed since a copy to {target.path} began; empty that one and begin again"
            )
        if not known:
            if connection.execute("SELECT 1 FROM counters LIMIT 1").fetchone() is not None:
                raise NotEmpty(f"{target.path} holds a ledger already; copy to an empty one")
            set_mark(connection, COPYING, found)


def _fingerprint(connection: Connection) -> int:
    """A number above 0 that is another one when the ledger has changed."""
    asked = (
        "SELECT name, value FROM counters ORDER BY name",
        "SELECT name, from_day FROM tiers ORDER BY name",
        "SELECT day, 0 FROM dirty ORDER BY day",
        "SELECT number, sealed_ns FROM seals ORDER BY number",
    )
    found = [[list(row) for row in connection.execute(one).fetchall()] for one in asked]
    return 1 + crc32(json.dumps(found).encode())


def _left(source: Booker, target: Booker, table: str, order: str) -> Iterator[int]:
    """Copy what is missing of a table, transaction by transaction; the rows of each."""
    name = f"{COPYING} {table}"
    # marks begin at 0, and the numbers of some rows lie below it
    reached = target.database.read(lambda connection: mark(connection, name))
    after = _LOWEST if reached == 0 else reached - 1 + _LOWEST
    while True:
        columns, rows = source.database.read(partial(_next, table=table, order=order, after=after))
        if not rows:
            return
        after = rows[-1][columns.index(order)]
        with target.database.transaction() as connection:
            connection.copy_in(table, columns, rows)
            set_mark(connection, name, after + 1 - _LOWEST)
        yield len(rows)


def _next(connection: Connection, table: str, order: str, after: int) -> tuple[list[str], list[Any]]:
    if order == "day":
        part = f"{order} = (SELECT min({order}) FROM {table} WHERE {order} > ?)"
        return _rows(connection, f"SELECT * FROM {table} WHERE {part}", (after,))
    return _rows(connection, f"SELECT * FROM {table} WHERE {order} > ? ORDER BY {order} LIMIT {BATCH}", (after,))


def _rows(connection: Connection, statement: str, values: Sequence[int] = ()) -> tuple[list[str], list[Any]]:
    cursor = connection.execute(statement, values)
    return [str(one[0]) for one in cursor.description], cursor.fetchall()


def _end(source: Booker, target: Booker) -> int:
    small = {table: source.database.read(partial(_rows, statement=f"SELECT * FROM {table}")) for table in _LAST}
    with target.database.transaction() as connection:
        for table, (columns, rows) in small.items():
            connection.execute(f"DELETE FROM {table}")
            connection.copy_in(table, columns, rows)
        connection.copied()
    return sum(len(rows) for _, rows in small.values())
