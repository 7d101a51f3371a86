"""The SQLite store: one file, one writer at a time, readers beside it, nothing acknowledged before it is on disk."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from typing import TypeVar

from genmeter.ledger.call import Call
from genmeter.ledger.decode import Span
from genmeter.ledger.errors import StorageError
from genmeter.ledger.questions import Group, Latency, Outcome, Quarantined, Window
from genmeter.ledger.stores import reading, schema, trimming, writing
from genmeter.ledger.stores.trimming import Caps

MEMORY = ":memory:"
BUSY_SECONDS = 5.0
"""How long a write waits for another process before it gives up and the sender is told to come back."""

CACHE_KIB, CHECKPOINT_PAGES = 32_768, 4_000

T = TypeVar("T")


class SqliteStore:
    """A ``Store`` in one SQLite file (WAL, synchronous=FULL), or in memory under the path ``:memory:``."""

    def __init__(self, path: str = MEMORY, caps: Caps | None = None, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._caps = caps or Caps()
        self._writing, self._reading = threading.Lock(), threading.Lock()
        self._writer = self._open(busy_seconds)
        self._reader = self._writer
        if path == MEMORY:
            self._reading = self._writing
        else:
            self._reader = self._connect(busy_seconds)
            self._reader.execute("PRAGMA query_only = ON")

    def book(self, calls: Sequence[Call], spans: Sequence[Span]) -> Outcome:
        """See ``Store.book``."""
        with self._transaction() as connection:
            return writing.book(connection, calls, spans, time.time_ns())

    def trim(self) -> int:
        """See ``Store.trim``."""
        if not self._read(lambda connection: trimming.due(connection, self._caps, time.time_ns())):
            return 0
        with self._transaction() as connection:
            return trimming.step(connection, self._caps, time.time_ns())

    def check(self) -> None:
        """See ``Store.check``: a real, empty write."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO marks VALUES ('checked_ns', ?)", (time.time_ns(),))

    def groups(self, by: Sequence[str], window: Window) -> list[Group]:
        """See ``Store.groups``."""
        return self._read(lambda connection: reading.groups(connection, by, window))

    def latest(self, limit: int, window: Window) -> list[Call]:
        """See ``Store.latest``."""
        return self._read(lambda connection: reading.latest(connection, limit, window))

    def latency(self, percents: Sequence[int], window: Window) -> Latency:
        """See ``Store.latency``."""
        return self._read(lambda connection: reading.latency(connection, percents, window))

    def trace_calls(self, trace_id: str) -> list[Call]:
        """See ``Store.trace_calls``."""
        return self._read(lambda connection: reading.trace_calls(connection, trace_id))

    def trace_spans(self, trace_id: str) -> list[Span]:
        """See ``Store.trace_spans``."""
        return self._read(lambda connection: reading.trace_spans(connection, trace_id))

    def quarantined(self, limit: int, run: str | None = None) -> list[Quarantined]:
        """See ``Store.quarantined``."""
        return self._read(lambda connection: reading.quarantined(connection, limit, run))

    def quarantine_counts(self, run: str | None = None) -> dict[str, int]:
        """See ``Store.quarantine_counts``."""
        return self._read(lambda connection: reading.quarantine_counts(connection, run))

    def counters(self) -> dict[str, int]:
        """See ``Store.counters``."""
        return self._read(lambda connection: dict(connection.execute("SELECT name, value FROM counters").fetchall()))

    def close(self) -> None:
        """See ``Store.close``."""
        with self._writing:
            self._writer.close()
        with self._reading:
            self._reader.close()

    def _read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        with self._reading:
            try:
                return question(self._reader)
            except sqlite3.Error as error:
                raise StorageError(f"the ledger {self.path} cannot be read: {error}") from error

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection, None, None]:
        with self._writing:
            try:
                # IMMEDIATE: a transaction that reads first and writes later fails at once when another process wrote
                self._writer.execute("BEGIN IMMEDIATE")
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException as error:
                self._roll_back()
                if isinstance(error, sqlite3.Error):
                    raise StorageError(self._complaint(error)) from error
                raise

    def _roll_back(self) -> None:
        # a full disk may have rolled back by itself
        with suppress(sqlite3.Error):
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def _complaint(self, error: sqlite3.Error) -> str:
        advice = "look at the file and its disk"
        if "full" in str(error) or "I/O" in str(error):
            advice = "free space on its disk"
        elif "locked" in str(error) or "busy" in str(error):
            advice = "find the process that holds it"
        elif "readonly" in str(error):
            advice = "give this user the right to write it"
        return f"the ledger {self.path} took nothing of this batch: {error}; {advice}, the senders will try again"

    def _connect(self, busy_seconds: float) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=busy_seconds, isolation_level=None, check_same_thread=False)

    def _open(self, busy_seconds: float) -> sqlite3.Connection:
        connection = None
        try:
            connection = self._connect(busy_seconds)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            schema.migrate(connection)
        except (sqlite3.Error, schema.NewerSchema) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, schema.NewerSchema):
                fault = "was written by a newer genmeter; upgrade genmeter"
            else:
                fault = f"cannot be opened: {error}; check the path"
            raise StorageError(f"the ledger {self.path} {fault}, or name another file") from error
        return connection
