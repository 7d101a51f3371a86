"""The reservations of a budget in the file: all rows of one budget are read and changed in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from genmeter.ledger.reserving import Change, Share
from genmeter.ledger.sqlite.connection import Connection

T = TypeVar("T")
_COLUMNS: Final = ("budget", "start_ns", "holder", "turn", "used", "held", "largest", "until_ns")
_PUT: Final = (
    f"INSERT INTO reservations ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    f" ON CONFLICT (budget, start_ns, holder) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _COLUMNS[3:])}"
)


def reserve(
    connection: Connection, budget: str, since_ns: int, decide: Callable[[Sequence[Share]], tuple[Change, T]]
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
        _PUT,
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
