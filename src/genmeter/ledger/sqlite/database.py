"""One SQLite file: one connection that writes, others that read, and a check that it is still the file that was opened."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from genmeter.ledger.errors import StorageError
from genmeter.ledger.sqlite import place, schema
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.entries import Values, Writer

MEMORY: Final = ":memory:"
CACHE_KIB, IDLE_READERS = 65_536, 4
CHECKPOINT_PAGES: Final = 32_000
"""Pages of 4 KiB that the write-ahead log holds before they are folded into the file. Keys are random, so every batch
touches pages all over the indexes; with SQLite's own 1,000 each of them would be written twice per batch.
"""
SPARE_PAGES: Final = 256
"""Free pages that stay in the file for the rows to come."""
_INCREMENTAL, _LARGE_LOG = 2, 4 << 20
_TRANSIENT: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})
"""Result codes after which the connection is as good as before."""

_UNKNOWN: Final = (-1, -1)
_log = logging.getLogger(__name__)

T = TypeVar("T")


class FileWriter(sqlite3.Connection, Writer):
    """``Writer`` on a file of SQLite."""

    def __init__(self, *args: Any, **options: Any) -> None:
        sqlite3.Connection.__init__(self, *args, **options)
        Writer.__init__(self)
        self._version = -1

    def add(self, table: str, columns: Sequence[str], values: Values) -> int | None:
        """Insert one row; the number that it got, None where its key is there already."""
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        written = self.execute(statement, values)
        return written.lastrowid if written.rowcount == 1 else None

    def _open(self) -> bool:
        # IMMEDIATE: a transaction that reads first and writes later fails at once when another process wrote
        self.execute("BEGIN IMMEDIATE")
        before, self._version = self._version, self.execute("PRAGMA data_version").fetchone()[0]
        return before != self._version


class Database:
    """The connections to the ledger at ``path`` (WAL, synchronous=FULL). Every failure is a ``StorageError``.

    ``busy_seconds`` is how long a write waits for another process. While the file is gone, replaced or damaged, every
    write is refused. When the file is back, or another ledger stands in its place, the connections are made anew. A
    ledger that has vanished is never begun again in silence.
    """

    def __init__(self, path: str, busy_seconds: float) -> None:
        self.path = path
        self._busy_seconds = busy_seconds
        self._writing = threading.RLock()
        self._idle: list[sqlite3.Connection] = []
        self._writer: FileWriter | None = self._open()
        self._identity = self._found()
        self._pinned = threading.local()

    @contextmanager
    def transaction(self) -> Generator[FileWriter, None, None]:
        """A write transaction, committed and on disk when the block has ended without an exception."""
        with self._writing:
            try:
                writer = self._followed()
                writer.begin()
                yield writer
                writer.commit_all()
                if self._found() != self._identity:
                    raise StorageError(f"the ledger {self.path} was moved away; what was in flight must be sent again")
            except BaseException as error:
                self._roll_back()
                if isinstance(error, sqlite3.Error):
                    raise self._told(error) from error
                raise

    def probe(self, patience: float) -> None:
        """Try a real, small write. Return without an error too if another thread has been writing for ``patience`` seconds."""
        if not self._writing.acquire(timeout=patience):
            # another thread is writing; its own end will tell whether writing works
            return
        try:
            self._wait_at_most(patience)
            with self.transaction() as connection:
                connection.execute("INSERT OR REPLACE INTO marks VALUES ('checked_ns', ?)", (time.time_ns(),))
        finally:
            self._wait_at_most(self._busy_seconds)
            self._writing.release()

    def read(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """The answer to ``question``, which has a connection for itself and sees the file as of one moment."""
        pinned: sqlite3.Connection | None = getattr(self._pinned, "connection", None)
        if pinned is not None:
            return self._ask(pinned, question)
        if self.path == MEMORY:
            with self._writing:
                return self._at_once(self._followed(), question)
        with self._reader() as connection:
            return self._at_once(connection, question)

    @contextmanager
    def moment(self) -> Generator[None, None, None]:
        """All that this thread reads in the block is as of one moment, also while others book calls."""
        if self.path == MEMORY:
            # there is one connection, so the others have to wait
            with self._writing:
                yield
            return
        with self._reader() as connection:
            self._ask(connection, lambda reader: reader.execute("BEGIN"))
            self._pinned.connection = connection
            try:
                yield
            finally:
                self._pinned.connection = None
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")

    def copied(self, copy: Callable[[sqlite3.Connection], None]) -> None:
        """Let ``copy`` have a connection outside of a transaction, while others write."""
        if self.path == MEMORY:
            with self._writing:
                self._ask(self._followed(), copy)
            return
        with self._reader() as connection:
            self._ask(connection, copy)

    def damage(self, connection: Connection) -> str | None:
        """What SQLite finds wrong with its pages; None when nothing is."""
        said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        return None if said == "ok" else said

    def size(self) -> int:
        """Bytes of the file and its write-ahead log on disk; 0 in memory."""
        size = 0
        for suffix in ("", "-wal") if self.path != MEMORY else ():
            with suppress(OSError):
                size += Path(self.path + suffix).stat().st_size
        return size

    def shrink(self, pages: int) -> int:
        """Give up to ``pages`` free pages back to the disk; how many went. A file that was made without it keeps its pages.

        The last step folds the write-ahead log into the file, which then has its new size.
        """
        with self._writing:
            try:
                writer = self._followed()
                free: int = writer.execute("PRAGMA freelist_count").fetchone()[0] - SPARE_PAGES
                if free > 0 and writer.execute("PRAGMA auto_vacuum").fetchone()[0] == _INCREMENTAL:
                    writer.execute(f"PRAGMA incremental_vacuum({min(free, pages)})").fetchall()
                    return min(free, pages)
                if self.path != MEMORY and Path(f"{self.path}-wal").stat().st_size > _LARGE_LOG:
                    writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            except OSError:
                return 0
            except sqlite3.Error as error:
                raise self._told(error) from error
        return 0

    def close(self) -> None:
        """Let go of the file; a second call does nothing."""
        with self._writing:
            while self._idle:
                self._idle.pop().close()
            if self._writer is not None:
                self._writer.close()

    def _followed(self) -> FileWriter:
        """The writer on the file that lies at the path now."""
        found = self._found()
        if self._writer is not None and found == self._identity:
            return self._writer
        self.close()
        self._writer = None
        if found is None:
            raise StorageError(
                f"the ledger {self.path} is gone from its place; put it back, or restart to begin a new one;"
                " until then nothing is taken and the senders will try again"
            )
        self._writer, self._identity = self._open(), self._found()
        return self._writer

    def _found(self) -> tuple[int, int] | None:
        if self.path == MEMORY:
            return (0, 0)
        try:
            status = Path(self.path).stat()
        except OSError:
            return None
        return (status.st_dev, status.st_ino)

    @contextmanager
    def _reader(self) -> Generator[sqlite3.Connection, None, None]:
        """A connection that reads alone. It is closed when the block has failed."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        while len(self._idle) > IDLE_READERS:
            self._idle.pop().close()

    def _at_once(self, connection: sqlite3.Connection, question: Callable[[sqlite3.Connection], T]) -> T:
        def whole(connection: sqlite3.Connection) -> T:
            # the moment is that of the first SELECT: a question that waits for a lock before it does not see old rows
            connection.execute("BEGIN")
            try:
                return question(connection)
            finally:
                connection.execute("ROLLBACK")

        return self._ask(connection, whole)

    def _ask(self, connection: sqlite3.Connection, question: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return question(connection)
        except sqlite3.Error as error:
            raise StorageError(f"the ledger {self.path} cannot be read: {error}") from error

    def _roll_back(self) -> None:
        if self._writer is None:
            return
        self._writer.forget()
        # a full disk may have rolled back by itself
        with suppress(sqlite3.Error):
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")

    def _wait_at_most(self, seconds: float) -> None:
        with suppress(sqlite3.Error):
            if self._writer is not None:
                self._writer.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")

    def _told(self, error: sqlite3.Error) -> StorageError:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _TRANSIENT:
            # the file may be another one by the next batch: open it anew then
            self._identity = _UNKNOWN
        advice = "look at the file and its disk"
        if "full" in str(error) or "I/O" in str(error):
            advice = "free space on its disk"
        elif "locked" in str(error) or "busy" in str(error):
            advice = "find the process that holds it"
        elif "readonly" in str(error):
            advice = "give this user the right to write it"
        elif "malformed" in str(error) or "not a database" in str(error):
            advice = "put a copy of it back from before the damage"
        return StorageError(
            f"the ledger {self.path} took nothing of this batch: {error}; {advice}, the senders will try again"
        )

    def _connect(self) -> FileWriter:
        try:
            return sqlite3.connect(
                self.path,
                timeout=self._busy_seconds,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=512,
                factory=FileWriter,
            )
        except sqlite3.Error as error:
            raise StorageError(f"the ledger {self.path} cannot be opened: {error}; check the path") from error

    def _open(self) -> FileWriter:
        if self.path != MEMORY:
            place.refuse_foreign(self.path)
            place.make_private(self.path)
        connection = self._connect()
        try:
            if not connection.execute("PRAGMA page_count").fetchone()[0]:
                # Of a new file the pages of trimmed rows can be given back to the disk. On every other file the same
                # statement would change nothing and wait for the process that writes.
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            if schema.migrate(connection, self.path) or _wastes(connection):
                self._compact(connection)
        except (sqlite3.Error, schema.NewerSchema) as error:
            connection.close()
            if isinstance(error, schema.NewerSchema):
                fault = "was written by a newer genmeter; upgrade genmeter"
            else:
                fault = f"cannot be opened: {error}; check the path"
            raise StorageError(f"the ledger {self.path} {fault}, or name another file") from error
        return connection

    def _compact(self, connection: FileWriter) -> None:
        """Write the file anew without its free pages, and so that later ones can be given back step by step."""
        try:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            # the ledger is whole and in its new form; its free pages are used for the calls to come
            _log.warning("the ledger %s keeps its free pages: %s", self.path, error)


def _wastes(connection: sqlite3.Connection) -> bool:
    """Whether a quarter of the file is free, and it was made so that free pages cannot be given back in steps."""
    names = ("auto_vacuum", "freelist_count", "page_count")
    how, free, pages = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return how != _INCREMENTAL and free > SPARE_PAGES and 4 * free > pages
