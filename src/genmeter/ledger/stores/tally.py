"""What all calls ever booked add up to, kept by reading only what is new: a scrape must not sum the whole ledger."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import replace
from typing import NamedTuple

from genmeter.ledger.questions import EVERYTHING, TOTALS_BY, Group
from genmeter.ledger.stores import reading


class State(NamedTuple):
    """How far a tally has read: the newest row of ``calls``, and how many rows had been trimmed by then."""

    newest: int
    trimmed: int


class Tally:
    """Sums by ``TOTALS_BY``. Rows only come; whoever takes some away calls ``catch_up`` before and ``resume`` after.

    When another process has trimmed, all is read again.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[tuple[object, ...], Group] = {}
        self._state: State | None = None

    def ask(self, connection: sqlite3.Connection) -> list[Group]:
        """The sums as of now, on a reader."""
        with self._lock:
            # one snapshot for all questions, or a row that comes in between is counted twice or never
            connection.execute("BEGIN")
            try:
                self._catch_up(connection)
            finally:
                connection.execute("ROLLBACK")
            return [replace(group) for group in self._groups.values()]

    def catch_up(self, connection: sqlite3.Connection) -> bool:
        """Read what is new, if anybody has ever asked; False while somebody else reads, who must not be waited for.

        ``connection`` is inside a write transaction.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._state is not None:
                self._catch_up(connection)
        finally:
            self._lock.release()
        return True

    @property
    def reached(self) -> State | None:
        """How far it has read, None before anybody has asked."""
        return self._state

    def state(self, connection: sqlite3.Connection) -> State:
        """Where the table stands now."""
        newest = connection.execute("SELECT coalesce(max(id), 0) FROM calls").fetchone()[0]
        return State(newest, reading.counters(connection).get("trimmed_calls", 0))

    def resume(self, before: State | None, after: State) -> None:
        """Go on from ``after``, which a trim has made of ``before``; whoever has read on since then knows better."""
        with self._lock:
            if self._state is not None and self._state == before:
                self._state = after

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        state, known = self.state(connection), self._state
        if known is None or known.trimmed != state.trimmed:
            self._groups = {}
            found = reading.groups(connection, TOTALS_BY, EVERYTHING)
        else:
            found = reading.groups_after(connection, TOTALS_BY, known.newest) if state.newest > known.newest else []
        reading.merge(self._groups, found)
        self._state = state
