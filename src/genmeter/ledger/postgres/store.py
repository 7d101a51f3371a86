"""The PostgreSQL store: the same bookings and the same answers as SQLite's, in a database that several services share."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from genmeter.ledger import copying
from genmeter.ledger.errors import StorageError
from genmeter.ledger.postgres.database import ServerDatabase
from genmeter.ledger.postgres.url import refusal
from genmeter.ledger.sqlite.store import BUSY_SECONDS, Booker, SqliteStore
from genmeter.ledger.sqlite.trim import Caps


class PostgresStore(Booker):
    """The ``Store`` in the schema ``genmeter`` of a PostgreSQL database."""

    def __init__(self, url: str, caps: Caps | None = None, busy_seconds: float = BUSY_SECONDS) -> None:
        if (fault := refusal(url)) is not None:
            raise StorageError(fault)
        database = ServerDatabase(url, busy_seconds)
        super().__init__(database, database.place, caps or Caps())

    def backup(self, path: str) -> None:
        """Write a copy of the ledger as of one moment to ``path``: an SQLite file, which every command reads as a ledger.

        It is for its owner alone, and whole on disk under its name, or it is not there. Raises ``FileExistsError``.
        """
        if Path(path).exists():
            raise FileExistsError(17, "a file of this name exists", path)
        draft = f"{path}.part"
        Path(draft).unlink(missing_ok=True)
        with closing(SqliteStore(draft, Caps(calls=None))) as target:
            found = copying.copy(self, target).differences
        if found:
            raise StorageError(f"the copy in {draft} differs: {found[0]}")
        Path(draft).replace(path)
