"""The connections to one PostgreSQL database: one that writes, others that read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn, TypeVar

from genmeter.ledger.errors import StorageError
from genmeter.ledger.postgres import schema
from genmeter.ledger.postgres.connection import ServerConnection, connect, driver
from genmeter.ledger.postgres.url import place_of
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.counting import SET_MARK

IDLE_READERS: Final = 4
_SIZE: Final = f"""
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = '{schema.SCHEMA}' AND c.relkind = 'r'
"""
_MOMENT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

T = TypeVar("T")


class ServerDatabase:
    """The connections to the ledger in the database of ``url``. Every failure of it is a ``StorageError``.

    A connection that broke is made anew with the next batch or question. ``busy_seconds`` is how long a write waits for
    another process.
    """

    def __init__(self, url: str, busy_seconds: float) -> None:
        self._url = url
        self._busy_seconds = busy_seconds
        self._broken = driver().Error
        self._unfit = driver().DataError
        self._writing = threading.RLock()
        self._idle: list[ServerConnection] = []
        self._pinned = threading.local()
        self.place = place_of(url)
        self._writer: ServerConnection | None = self._connected()
        try:
            schema.migrate(self._writer.raw, self.place)
        except self._broken as error:
            self._writer.raw.close()
            raise StorageError(f"the ledger {self.place} cannot be opened: {_told(error)}; {_RIGHTS}") from error
        except StorageError:
            self._writer.raw.close()
            raise

    @contextmanager
    def transaction(self) -> Generator[ServerConnection, None, None]:
        """A write transaction, committed and on disk when the block has ended without an exception."""
        with self._writing:
            writer = self._followed()
            try:
                writer.begin()
                yield writer
                writer.commit_all()
            except BaseException as error:
                self._roll_back(writer)
                if isinstance(error, self._unfit):
                    # this batch fits no database, and must not take its neighbours with it
                    raise ValueError(f"PostgreSQL cannot hold a value of this batch: {_told(error)}") from error
                if isinstance(error, self._broken):
                    raise StorageError(
                        f"the ledger {self.place} took nothing of this batch: {_told(error)}; look at the server, the"
                        " senders will try again"
                    ) from error
                raise

    def probe(self, patience: float) -> None:
        """Try a real, small write. Return without an error too if another thread has been writing for ``patience`` seconds."""
        if not self._writing.acquire(timeout=patience):
            # another thread is writing; its own end will tell whether writing works
            return
        try:
            with self.transaction() as connection:
                connection.execute(SET_MARK, ("probed", 1))
        finally:
            self._writing.release()

    def read(self, question: Callable[[Connection], T]) -> T:
        """The answer to ``question``, which has a connection for itself and sees the database as of one moment."""
        pinned: ServerConnection | None = getattr(self._pinned, "connection", None)
        if pinned is not None:
            try:
                return question(pinned)
            except self._broken as error:
                self._refuse(error)
        while self._idle:
            try:
                with self._reader() as connection:
                    return question(connection)
            except self._broken:
                # it was idle while the server was started anew: the next one is asked, at last a new one
                continue
        try:
            with self._reader() as connection:
                return question(connection)
        except self._broken as error:
            self._refuse(error)

    @contextmanager
    def moment(self) -> Generator[None, None, None]:
        """All that this thread reads in the block is as of one moment, also while others book calls."""
        try:
            reader = self._reader()
            connection = reader.__enter__()
            # the moment is that of the first question
            connection.execute("SELECT 1 FROM turns")
        except self._broken as error:
            self._refuse(error)
        self._pinned.connection = connection
        try:
            yield
        finally:
            self._pinned.connection = None
            with suppress(self._broken):
                reader.__exit__(None, None, None)

    def damage(self, connection: Connection) -> str | None:
        """None: PostgreSQL checks its own pages."""
        return None

    def size(self) -> int:
        """Bytes of the tables and their indexes."""
        return self.read(lambda connection: connection.execute(_SIZE).fetchone()[0])

    def shrink(self, pages: int) -> int:
        """0: PostgreSQL gives space back by itself."""
        return 0

    def close(self) -> None:
        """Let go of the database; a second call does nothing."""
        with self._writing:
            while self._idle:
                self._idle.pop().raw.close()
            if self._writer is not None:
                self._writer.raw.close()
            self._writer = None

    def _followed(self) -> ServerConnection:
        if self._writer is None or self._writer.raw.closed:
            self._writer = self._connected()
        return self._writer

    @contextmanager
    def _reader(self) -> Generator[ServerConnection, None, None]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connected()
        try:
            connection.execute(_MOMENT)
            yield connection
            connection.execute("ROLLBACK")
        except BaseException:
            connection.raw.close()
            raise
        self._idle.append(connection)
        while len(self._idle) > IDLE_READERS:
            self._idle.pop().raw.close()

    def _connected(self) -> ServerConnection:
        try:
            return connect(self._url, self._busy_seconds)
        except self._broken as error:
            raise StorageError(
                f"the ledger {self.place} cannot be reached: {_told(error)}; check the server, the name and the password"
            ) from error

    def _roll_back(self, writer: ServerConnection) -> None:
        writer.forget()
        with suppress(self._broken):
            writer.raw.rollback()
            return
        writer.raw.close()

    def _refuse(self, error: Exception) -> NoReturn:
        raise StorageError(f"the ledger {self.place} cannot be read: {_told(error)}") from error


_RIGHTS: Final = f"its user needs the right to make the schema {schema.SCHEMA}"


def _told(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
