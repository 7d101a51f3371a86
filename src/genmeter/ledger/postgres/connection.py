"""One connection to PostgreSQL that takes the ledger's SQL, and the values of its rows."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Sequence
from functools import lru_cache
from importlib import import_module
from typing import Any, Final

from genmeter.ledger.errors import StorageError
from genmeter.ledger.postgres.dialect import translated
from genmeter.ledger.postgres.schema import SCHEMA
from genmeter.ledger.sqlite.connection import Cursor
from genmeter.ledger.sqlite.entries import DIGEST, KIND, Values, Writer
from genmeter.ledger.sqlite.packing import unpacked_text

FEW: Final = 20
"""Rows up to which an insert is written out; more are copied."""
IDLE_SECONDS: Final = 60
"""How long a process may hold the turn to write and do nothing: one that was stopped must not stop the others."""


class ServerConnection(Writer):
    """``Writer`` on a connection of psycopg. One connection at a time writes: the one that holds the row of ``turns``."""

    def __init__(self, raw: Any, busy_seconds: float) -> None:
        super().__init__()
        self.raw = raw
        self._busy_seconds = busy_seconds
        self._name = uuid.uuid4().hex
        self._ready: set[str] = set()

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run the statement with the values in the places of its question marks."""
        return self.raw.execute(translated(statement), values)

    def executemany(self, statement: str, rows: Any, /) -> Cursor:
        """Run the statement once for each row of values."""
        cursor = self.raw.cursor()
        cursor.executemany(translated(statement), rows)
        return cursor

    def add(self, table: str, columns: Sequence[str], values: Values) -> int | None:
        """Insert one row; the number that it got, None where its key is there already."""
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING RETURNING id"
        row = self.execute(statement, values).fetchone()
        return None if row is None else row[0]

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> int:
        """Insert the rows whose keys are new, the first one of each key; how many went in."""
        if len(rows) <= FEW:
            return super().insert(table, columns, rows)
        listed = ", ".join(columns)
        incoming = f"incoming_{table}"
        if table not in self._ready:
            made = f"SELECT 0::bigint AS place, {listed} FROM {table} WHERE false"
            self.execute(f"CREATE TEMP TABLE IF NOT EXISTS {incoming} ON COMMIT DELETE ROWS AS {made}")
            self._ready.add(table)
        cursor = self.raw.cursor()
        with cursor.copy(translated(f"COPY {incoming} (place, {listed}) FROM STDIN")) as copy:
            for place, row in enumerate(rows):
                copy.write_row((place, *row))
        written = self.execute(
            f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {incoming} ORDER BY place ON CONFLICT DO NOTHING"
        )
        self.execute(f"DELETE FROM {incoming}")
        return written.rowcount

    def copied(self) -> None:
        """Go on behind the numbers of the rows that were copied in."""
        for table in ("kinds", "users", "shapes", "adjustments", "spans", "quarantine"):
            self.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table} HAVING max(id) IS NOT NULL"
            )

    def _copy(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        if table == "kinds":
            places = [columns.index(name) for name in KIND]
            rows = [(*row, digest(tuple(row[place] for place in places))) for row in rows]
            columns = (*columns, DIGEST)
        super()._copy(table, columns, rows)

    def forget(self) -> None:
        """Remember nothing: a transaction was rolled back, or kinds have gone."""
        super().forget()
        self._ready.clear()

    def commit_all(self) -> None:
        """End the transaction; the others see who has written."""
        self.execute("UPDATE turns SET holder = ? WHERE holder <> ?", (self._name, self._name))
        super().commit_all()

    def _open(self) -> bool:
        self.execute("BEGIN")
        self.execute(f"SET LOCAL lock_timeout = {max(round(self._busy_seconds * 1000), 1)}")
        self.execute(f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_SECONDS * 1000}")
        return self.execute("SELECT holder FROM turns FOR UPDATE").fetchone()[0] != self._name

    def _known_kind(self, kind: Values) -> tuple[int, int] | None:
        return self.execute("SELECT id, first_call FROM kinds WHERE texts_digest = ?", (digest(kind),)).fetchone()

    def _new_kind(self, number: int, kind: Values) -> int:
        return self.add("kinds", ("first_call", *KIND, DIGEST), (number, *kind, digest(kind))) or 0


def digest(kind: Values) -> str:
    """What tells the kinds of calls apart, of any length of their texts."""
    return hashlib.sha256(json.dumps(kind).encode()).hexdigest()


def connect(url: str, busy_seconds: float) -> ServerConnection:
    """A connection whose tables are in the schema of the ledger. Raises ``psycopg.Error``, ``StorageError``."""
    psycopg = driver()
    raw = psycopg.connect(
        url,
        autocommit=True,
        cursor_factory=psycopg.ClientCursor,
        connect_timeout=max(round(busy_seconds), 2),
        application_name="genmeter",
    )
    raw.execute(f"SET search_path TO {SCHEMA}")
    if raw.execute("SHOW synchronous_commit").fetchone()[0] == "off":
        # what is acknowledged is on disk
        raw.execute("SET synchronous_commit TO on")
    text, own_id, whole = _dumpers()
    raw.adapters.register_dumper(str, text)
    raw.adapters.register_dumper(bytes, own_id)
    raw.adapters.register_loader("numeric", whole)
    return ServerConnection(raw, busy_seconds)


def driver() -> Any:
    """psycopg. Raises ``StorageError`` where it is not installed."""
    try:
        return import_module("psycopg")
    except ImportError as error:
        raise StorageError(
            "a ledger in PostgreSQL needs psycopg, which the extra genmeter[postgres] brings; install it"
        ) from error


@lru_cache(maxsize=1)
def _dumpers() -> tuple[Any, Any, Any]:
    adapt: Any = import_module("psycopg.adapt")
    texts: Any = import_module("psycopg.types.string")

    class Text(texts.StrDumper):
        """A text. PostgreSQL takes no NUL, which a sender may have written: it becomes the sign of a lost letter."""

        def dump(self, obj: str) -> Any:
            return texts.StrDumper.dump(self, obj.replace("\0", "\N{REPLACEMENT CHARACTER}"))

    class Id(texts.StrDumper):
        """An id that is bytes in SQLite, as the text that it stands for."""

        def dump(self, obj: bytes) -> Any:
            return texts.StrDumper.dump(self, unpacked_text(obj))

    class Whole(adapt.Loader):
        """A sum of whole numbers, of any size."""

        def load(self, data: Any) -> int:
            return int(bytes(data))

    return Text, Id, Whole
