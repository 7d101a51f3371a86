"""The SQLite store: one file, one writer at a time, readers beside it, nothing acknowledged before it is on disk."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from genmeter.ledger.call import Call
from genmeter.ledger.decode import Span
from genmeter.ledger.errors import StorageError
from genmeter.ledger.questions import Amount, Group, Latency, Outcome, Quarantined, Window
from genmeter.ledger.stores import reading, trimming, writing
from genmeter.ledger.stores.amounts import Amounts
from genmeter.ledger.stores.database import MEMORY, Database
from genmeter.ledger.stores.following import position
from genmeter.ledger.stores.tally import Tally
from genmeter.ledger.stores.trimming import Caps

BUSY_SECONDS, PROBE_SECONDS = 3.0, 1.0
"""How long a write waits for another process before the sender is told to come back, and how long a probe waits."""
FAULT_SECONDS = 6.0
"""How long a batch that failed says more than a probe that works: a little row fits where no batch does."""
MOST_TOGETHER = 20_000
"""Calls after which a transaction takes in no further batch, so that the first sender does not wait for the last."""


@dataclass(slots=True, eq=False)
class _Turn:
    """One batch on its way to the disk."""

    calls: Sequence[Call]
    spans: Sequence[Span]
    result: Outcome | BaseException | None = None


class SqliteStore:
    """A ``Store`` in one SQLite file (WAL, synchronous=FULL), or in memory under the path ``:memory:``.

    Batches that wait for the disk at the same time are committed in one transaction; each is answered after it.
    """

    def __init__(self, path: str = MEMORY, caps: Caps | None = None, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self.turn = threading.Lock()
        self._caps = caps or Caps()
        self._database = Database(path, busy_seconds)
        self._tally = Tally()
        self._amounts = Amounts()
        self._followers = (self._tally, self._amounts)
        self._waiting: deque[_Turn] = deque()
        self._leading = threading.Lock()
        self._over = True
        self._fault: str | None = None
        self._failed_at = 0.0
        self._committed_at: float | None = None

    def book(self, calls: Sequence[Call], spans: Sequence[Span]) -> Outcome:
        """See ``Store.book``."""
        mine = _Turn(calls, spans if self._caps.spans else ())
        self._waiting.append(mine)
        with self._leading:
            # whoever came before may have taken this batch along
            while mine.result is None:
                self._settle(self._next_group())
        if isinstance(mine.result, BaseException):
            raise mine.result
        return mine.result

    def trim(self) -> int:
        """See ``Store.trim``."""
        if not self._over:
            return 0
        with self._database.transaction() as connection:
            self._over = trimming.due(connection, self._caps, time.time_ns())
            if not self._over:
                return 0
            # what goes must have been added up before it goes; while that is being done, it stays for the next batch
            if not all(follower.catch_up(connection) for follower in self._followers):
                return 0
            before = [follower.reached for follower in self._followers]
            gone = trimming.step(connection, self._caps, time.time_ns())
            after, until_ns = position(connection), writing.mark(connection, writing.WATERMARK)
        for follower, reached in zip(self._followers, before, strict=True):
            follower.resume(reached, after, until_ns)
        return gone

    def check(self) -> None:
        """See ``Store.check``."""
        if self._fault is not None and time.monotonic() < self._failed_at + FAULT_SECONDS:
            raise StorageError(self._fault)
        try:
            self._database.probe(PROBE_SECONDS)
        except StorageError as error:
            self._fault = str(error)
            raise
        self._fault = None

    def groups(self, by: Sequence[str], window: Window) -> list[Group]:
        """See ``Store.groups``."""
        return self._database.read(lambda connection: reading.groups(connection, by, window))

    def totals(self) -> list[Group]:
        """See ``Store.totals``."""
        return self._database.read(self._tally.ask)

    def amounts(self, windows: Sequence[Window]) -> list[list[Amount]]:
        """See ``Store.amounts``."""
        return self._database.read(lambda connection: self._amounts.ask(connection, windows))

    def latest(self, limit: int, window: Window) -> list[Call]:
        """See ``Store.latest``."""
        return self._database.read(lambda connection: reading.latest(connection, limit, window))

    def latency(self, percents: Sequence[int], window: Window) -> Latency:
        """See ``Store.latency``."""
        return self._database.read(lambda connection: reading.latency(connection, percents, window))

    def trace_calls(self, trace_id: str) -> list[Call]:
        """See ``Store.trace_calls``."""
        return self._database.read(lambda connection: reading.trace_calls(connection, trace_id))

    def trace_spans(self, trace_id: str) -> list[Span]:
        """See ``Store.trace_spans``."""
        return self._database.read(lambda connection: reading.trace_spans(connection, trace_id))

    def quarantined(self, limit: int, run: str | None = None) -> list[Quarantined]:
        """See ``Store.quarantined``."""
        return self._database.read(lambda connection: reading.quarantined(connection, limit, run))

    def quarantine_counts(self, run: str | None = None) -> dict[str, int]:
        """See ``Store.quarantine_counts``."""
        return self._database.read(lambda connection: reading.quarantine_counts(connection, run))

    def counters(self) -> dict[str, int]:
        """See ``Store.counters``."""
        return self._database.read(reading.counters)

    def committed_at(self) -> float | None:
        """See ``Store.committed_at``."""
        return self._committed_at

    def fault(self) -> str | None:
        """See ``Store.fault``."""
        return self._fault

    def size(self) -> int:
        """See ``Store.size``."""
        return self._database.size()

    def close(self) -> None:
        """See ``Store.close``."""
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
                outcomes = [writing.book(connection, turn.calls, turn.spans, now) for turn in group]
                over = trimming.due(connection, self._caps, now)
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
