"""The PostgreSQL store: the same bookings and the same answers as SQLite's, in a database that several services share."""

from __future__ import annotations

from typing import Final

from genmeter.ledger.postgres.database import ServerDatabase
from genmeter.ledger.sqlite.store import BUSY_SECONDS, Booker
from genmeter.ledger.sqlite.trim import Caps

_SCHEMES: Final = ("postgresql://", "postgres://")


def is_url(place: str) -> bool:
    """Whether a place of a ledger is a database of PostgreSQL.

    >>> is_url("postgresql://db.example/costs"), is_url("/var/lib/genmeter/ledger.db")
    (True, False)
    """
    return place.startswith(_SCHEMES)


class PostgresStore(Booker):
    """The ``Store`` in the schema ``genmeter`` of a PostgreSQL database."""

    def __init__(self, url: str, caps: Caps | None = None, busy_seconds: float = BUSY_SECONDS) -> None:
        database = ServerDatabase(url, busy_seconds)
        super().__init__(database, database.place, caps or Caps())

    def backup(self, path: str) -> None:
        """Not yet."""
        raise NotImplementedError
