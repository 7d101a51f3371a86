"""Sums that follow the table of calls: kept by reading only what is new, because a scrape must not sum the whole ledger."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple

from genmeter.ledger.stores.reading import counters
from genmeter.ledger.stores.writing import REFILED


class Position(NamedTuple):
    """How far the table has been read: the newest row, how many were trimmed, how many changed their scope by then."""

    newest: int
    trimmed: int
    refiled: int


def position(connection: sqlite3.Connection) -> Position:
    """Where the table of calls stands now."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM calls").fetchone()[0]
    counted = counters(connection)
    return Position(newest, counted.get("trimmed_calls", 0), counted.get(REFILED, 0))


class Follower:
    """Sums that are brought up to date. Rows only come; whoever takes some away calls ``catch_up`` and ``resume``."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._position: Position | None = None

    def catch_up(self, connection: sqlite3.Connection) -> bool:
        """Read what is new, if anybody has ever asked; False while somebody else reads, who must not be waited for.

        ``connection`` is inside a write transaction.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._position is not None:
                self._catch_up(connection)
        finally:
            self._lock.release()
        return True

    @property
    def reached(self) -> Position | None:
        """How far it has read, None before anybody has asked."""
        return self._position

    def resume(self, before: Position | None, after: Position, trimmed_until_ns: int) -> None:
        """Go on from ``after``, which a trim has made of ``before``; whoever has read on since then knows better."""
        with self._lock:
            if self._position is not None and self._position == before:
                self._position = after
                self._forget(trimmed_until_ns)

    @contextmanager
    def _snapshot(self, connection: sqlite3.Connection) -> Generator[None]:
        """One snapshot for all questions, or a row that comes in between is counted twice or never."""
        with self._lock:
            connection.execute("BEGIN")
            try:
                yield
            finally:
                connection.execute("ROLLBACK")

    def _catch_up(self, connection: sqlite3.Connection) -> None:
        now = position(connection)
        self._read(connection, self._position, now)
        self._position = now

    def _read(self, connection: sqlite3.Connection, known: Position | None, now: Position) -> None:
        """Add what came between ``known`` and ``now``, or begin anew."""
        raise NotImplementedError

    def _forget(self, trimmed_until_ns: int) -> None:
        """Drop the sums that a trim up to this start (Unix ns) has made wrong; none, where trimmed calls still count."""
