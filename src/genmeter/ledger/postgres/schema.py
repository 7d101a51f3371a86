"""The tables of the ledger in PostgreSQL, in a schema of their own, and how an older database becomes a newer one.

The first script leaves what SQLite's scripts up to the same number leave. Each later script of SQLite is read here too, so a
column that is new there is new here; where the two cannot be the same, a script of the same number lies in ``migrations``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from genmeter.ledger.errors import StorageError
from genmeter.ledger.postgres.dialect import FUNCTIONS, script, translated
from genmeter.ledger.sqlite.entries import select
from genmeter.ledger.sqlite.schema import MIGRATIONS, statements

SCHEMA: Final = "genmeter"
"""Where the tables lie, beside those of other programs."""
_OWN: Final = {
    int(path.stem): path.read_text("utf-8") for path in Path(__file__).with_name("migrations").glob("[0-9]*.sql")
}
_FIRST: Final = min(_OWN)
_TEXTS: Final = "kinds_texts"
"""SQLite's index of all texts of a kind. Here a kind has a column ``texts_digest`` in its place."""


def migrate(raw: Any, place: str) -> None:
    """Bring the tables to the newest schema, in one transaction. Raises ``StorageError`` for those of a newer genmeter."""
    if _version(raw) == len(MIGRATIONS):
        return
    with raw.transaction():
        # two services may start at once on an empty database
        raw.execute("SELECT pg_advisory_xact_lock(hashtext('genmeter'))")
        raw.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        raw.execute("CREATE TABLE IF NOT EXISTS versions (version bigint PRIMARY KEY)")
        version = _version(raw)
        if version > len(MIGRATIONS):
            raise StorageError(f"the ledger {place} was written by a newer genmeter; upgrade genmeter")
        for number in range(max(version + 1, _FIRST), len(MIGRATIONS) + 1):
            for statement in _statements(number):
                raw.execute(statement)
        for function in FUNCTIONS:
            raw.execute(f"CREATE OR REPLACE FUNCTION {function.replace(' AS ', ' LANGUAGE sql IMMUTABLE AS ', 1)}")
        raw.execute("DROP VIEW IF EXISTS calls")
        raw.execute(b"CREATE VIEW calls AS " + translated(select()).replace(b"%%", b"%"))
        raw.execute("DELETE FROM versions")
        raw.execute(f"INSERT INTO versions VALUES ({len(MIGRATIONS)})")


def _statements(number: int) -> list[str]:
    if number in _OWN:
        return list(statements(_OWN[number]))
    return [script(one) for one in statements(MIGRATIONS[number - 1]) if _TEXTS not in one]


def _version(raw: Any) -> int:
    if raw.execute(f"SELECT to_regclass('{SCHEMA}.versions')").fetchone()[0] is None:
        return 0
    return raw.execute("SELECT coalesce(max(version), 0) FROM versions").fetchone()[0]
