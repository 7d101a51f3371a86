"""The SQLite store: one file, one writer at a time, readers beside it, nothing acknowledged before it is on disk."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from genmeter.ledger.call import Call
from genmeter.ledger.decode import Span
from genmeter.ledger.errors import StorageError
from genmeter.ledger.questions import Amount, Group, Outcome, Window
from genmeter.ledger.reserving import Change, Share
from genmeter.ledger.sqlite import place, trim, write
from genmeter.ledger.sqlite.database import MEMORY, Database
from genmeter.ledger.sqlite.keeping import Keeper
from genmeter.ledger.sqlite.reserve import reserve
from genmeter.ledger.sqlite.storage import Storage
from genmeter.ledger.sqlite.trim import Caps
from genmeter.ledger.sqlite.watch import Watch, position

T = TypeVar("T")

BUSY_SECONDS, PROBE_SECONDS = 3.0, 1.0
"""How long a write waits for another process before the sender is told to come back, and how long a probe waits."""
FAULT_SECONDS = 6.0
"""How long a batch that failed says more than a probe that works: a little row fits where no batch does."""
PAGES = 2_000
"""Pages of 4 KiB that are given back in one step."""
MOST_TOGETHER = 20_000
"""Calls after which a transaction takes in no further batch, so that the first sender does not wait for the last."""


@dataclass(slots=True, eq=False)
class _Turn:
    """One batch on its way to the disk."""

    calls: Sequence[Call]
    spans: Sequence[Span]
    unread: Mapping[str, int]
    result: Outcome | BaseException | None = None


class Booker(Keeper):
    """Books calls once and answers questions, in a database that takes the ledger's SQL.

    Batches that wait for the disk at the same time are committed in one transaction; each is answered after it.
    ``turn`` is held while rows are decoded or written. Two threads that do so at once are no faster under one
    interpreter, and a thread that works between the steps of SQLite takes the interpreter from the writer at every row.
    Every method raises ``StorageError`` when the database does not work.
    """

    def __init__(self, database: Storage, path: str, caps: Caps) -> None:
        super().__init__(database, path, caps)
        self.database = database
        """What another store is copied from, or to."""
        self.turn = threading.Lock()
        self._watch = Watch()
        self._waiting: deque[_Turn] = deque()
        self._leading = threading.Lock()
        self._over = True
        self._fault: str | None = None
        self._failed_at = 0.0
        self._committed_at: float | None = None

    def book(self, calls: Sequence[Call], spans: Sequence[Span], unread: Mapping[str, int] | None = None) -> Outcome:
        """Book a batch in one durable transaction, all of it or nothing. The caller does not hold ``turn``.

        ``unread`` has the records with counts or an amount that are no known call, by emitter; they are counted.
        """
        mine = _Turn(calls, spans if self._caps.spans else (), unread or {})
        self._waiting.append(mine)
        with self._leading:
            # the thread that led before may have written this batch with its own
            while mine.result is None:
                self._settle(self._next_group())
        if isinstance(mine.result, BaseException):
            raise mine.result
        return mine.result

    def reserve(self, budget: str, since_ns: int, decide: Callable[[Sequence[Share]], tuple[Change, T]]) -> T:
        """Change the reservations of a budget as ``decide`` says, in one durable transaction; ``decide``'s answer."""
        with self._database.transaction() as connection:
            return reserve(connection, budget, since_ns, decide)

    def trim(self) -> int:
        """Take one bounded step towards the caps, and say how many rows went. Money is added to its day before."""
        return self._step(self._caps.at_once, time.time_ns()) if self._over else 0

    def _step(self, caps: Caps, now_ns: int) -> int:
        with self._database.transaction() as connection:
            self._over = trim.due(connection, caps, now_ns)
            # sums that follow the table must have read a row before it goes; while they are being read, rows stay
            if not self._over or not self._watch.catch_up(connection):
                return 0
            before = self._watch.reached
            gone = trim.step(connection, caps, now_ns)
            after, until_ns = position(connection), write.mark(connection, write.WATERMARK)
        self._watch.resume(before, after, until_ns)
        return gone

    def tidy(self) -> int:
        """Trim a step, else give some pages back to the disk; 0 when nothing is left to do.

        Calls grow too old while no batch comes, so the caps are asked anew.
        """
        self._over = True
        return self.trim() or self._database.shrink(PAGES)

    def check(self) -> None:
        """Return when a write would be accepted now, and within seconds even while another process holds the file."""
        if self._fault is not None and time.monotonic() < self._failed_at + FAULT_SECONDS:
            raise StorageError(self._fault)
        try:
            self._database.probe(PROBE_SECONDS)
        except StorageError as error:
            self._fault = str(error)
            raise
        self._fault = None

    def totals(self) -> list[Group]:
        """Sums over every call that was ever booked, by ``TOTALS_BY``, in time that does not grow with the ledger."""
        return self._database.read(self._watch.totals)

    def amounts(self, windows: Sequence[Window], users: frozenset[str] = frozenset()) -> list[list[Amount]]:
        """USD of each window by ``SCOPES``, and by user for these ``users``.

        Asked again for the same windows and users, it reads only the newer rows.
        """
        return self._database.read(lambda connection: self._watch.amounts(connection, windows, users))

    @property
    def committed_at(self) -> float | None:
        """Unix time of the last commit of this process, None before the first."""
        return self._committed_at

    @property
    def fault(self) -> str | None:
        """Why the last write failed, None when it did not."""
        return self._fault

    def size(self) -> int:
        """Bytes on disk: the file and its log, 0 in memory."""
        return self._database.size()

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        self._database.close()

    def _next_group(self) -> list[_Turn]:
        group: list[_Turn] = []
        size = 0
        while self._waiting and size < MOST_TOGETHER:
            group.append(self._waiting.popleft())
            size += len(group[-1].calls)
        return group

    def _settle(self, group: Sequence[_Turn]) -> None:
        try:
            # the turn ends before the commit: while the disk works the next batches are decoded
            with self._database.transaction() as connection, self.turn:
                now = time.time_ns()
                outcomes = [write.book(connection, turn.calls, turn.spans, now) for turn in group]
                write.count_unread(connection, [turn.unread for turn in group if turn.unread])
                over = trim.due(connection, self._caps.at_once, now)
        except StorageError as error:
            self._fault, self._failed_at = str(error), time.monotonic()
            for turn in group:
                turn.result = StorageError(str(error))
        except BaseException as error:
            # a batch that cannot be written must not take its neighbours with it
            if len(group) == 1:
                group[0].result = error
            else:
                for turn in group:
                    self._settle([turn])
        else:
            self._over, self._fault, self._committed_at = over, None, time.time()
            for turn, outcome in zip(group, outcomes, strict=True):
                turn.result = outcome


class SqliteStore(Booker):
    """The ``Store`` in one SQLite file, or in memory under the path ``:memory:``."""

    def __init__(self, path: str = MEMORY, caps: Caps | None = None, busy_seconds: float = BUSY_SECONDS) -> None:
        self._file = Database(path, busy_seconds)
        super().__init__(self._file, path, caps or Caps())

    def backup(self, path: str) -> None:
        """Write a copy of the ledger as of one moment to ``path``, for its owner alone. Raises ``FileExistsError``.

        The copy is whole on disk under its name, or it is not there.
        """
        if Path(path).exists():
            raise FileExistsError(17, "a file of this name exists", path)
        draft = f"{path}.part"
        Path(draft).unlink(missing_ok=True)
        place.make_private(draft)

        def copy(connection: sqlite3.Connection) -> None:
            with closing(sqlite3.connect(draft)) as target:
                connection.backup(target)
                target.execute("PRAGMA journal_mode = DELETE")

        self._file.copied(copy)
        with Path(draft).open("rb") as file:
            os.fsync(file.fileno())
        Path(draft).replace(path)
