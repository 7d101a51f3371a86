"""What all calls ever booked add up to."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from genmeter.ledger.questions import EVERYTHING, TOTALS_BY, Group
from genmeter.ledger.stores import reading
from genmeter.ledger.stores.following import Follower, Position


class Tally(Follower):
    """Sums by ``TOTALS_BY``. When another process has trimmed, all is read again."""

    def __init__(self) -> None:
        super().__init__()
        self._groups: dict[tuple[object, ...], Group] = {}

    def ask(self, connection: sqlite3.Connection) -> list[Group]:
        """The sums as of now, on a reader."""
        with self._snapshot(connection):
            self._catch_up(connection)
            return [replace(group) for group in self._groups.values()]

    def _read(self, connection: sqlite3.Connection, known: Position | None, now: Position) -> None:
        if known is None or known.trimmed != now.trimmed:
            self._groups = {}
            found = reading.groups(connection, TOTALS_BY, EVERYTHING)
        else:
            found = reading.groups_after(connection, TOTALS_BY, known.newest) if now.newest > known.newest else []
        reading.merge(self._groups, found)
