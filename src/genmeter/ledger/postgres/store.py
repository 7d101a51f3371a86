"""The PostgreSQL store: the same bookings and the same answers as SQLite's, in a database that several services share."""

from __future__ import annotations

from genmeter.ledger.errors import StorageError
from genmeter.ledger.postgres.database import ServerDatabase
from genmeter.ledger.postgres.url import refusal
from genmeter.ledger.sqlite.store import BUSY_SECONDS, Booker
from genmeter.ledger.sqlite.trim import Caps


class PostgresStore(Booker):
    """The ``Store`` in the schema ``genmeter`` of a PostgreSQL database."""

    def __init__(self, url: str, caps: Caps | None = None, busy_seconds: float = BUSY_SECONDS) -> None:
        if (fault := refusal(url)) is not None:
            raise StorageError(fault)
        database = ServerDatabase(url, busy_seconds)
        super().__init__(database, database.place, caps or Caps())

    def backup(self, path: str) -> None:
        """Not yet."""
        raise NotImplementedError
