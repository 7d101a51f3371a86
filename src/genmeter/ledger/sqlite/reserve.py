"""The reservations of a budget in the file: all rows of one budget are read and changed in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar

from genmeter.ledger.reserving import Change, Share

T = TypeVar("T")


def reserve(
    connection: sqlite3.Connection, budget: str, since_ns: int, decide: Callable[[Sequence[Share]], tuple[Change, T]]
) -> T:
    """Ask ``decide`` for the change of the budget's rows and make it. Periods that began before ``since_ns`` are over."""
    connection.execute("DELETE FROM reservations WHERE budget = ? AND start_ns < ?", (budget, since_ns))
    found = connection.execute(
        "SELECT budget, start_ns, holder, turn, used, held, largest, until_ns FROM reservations WHERE budget = ?",
        (budget,),
    )
    change, answer = decide([_share(row) for row in found])
    connection.executemany(
        "DELETE FROM reservations WHERE budget = ? AND start_ns = ? AND holder = ?",
        [(one.budget, one.start_ns, one.holder) for one in change.drop],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO reservations VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                one.budget,
                one.start_ns,
                one.holder,
                one.turn,
                str(one.used),
                str(one.held),
                str(one.largest),
                one.until_ns,
            )
            for one in change.put
        ],
    )
    return answer


def _share(row: tuple[str, int, str, int, str, str, str, int]) -> Share:
    budget, start_ns, holder, turn, used, held, largest, until_ns = row
    return Share(budget, start_ns, holder, turn, int(used), int(held), int(largest), until_ns)
