"""The SQLite tables of the ledger, and how an older file becomes a newer one.

``entries`` and the tables around it hold the booked calls (``entries.py``), ``daily`` the sums of calls that were trimmed, ``spans`` what was received for
the trace tree, ``quarantine`` what is in no sum, ``corrections`` what has changed of booked calls, ``counters`` and ``marks`` what has been counted and how far back
the calls reach. ``adjustments`` are signed rows beside the calls, ``seals`` the periods that are closed, ``days`` and ``sessions`` the sums of the
calls that are kept, ``dirty`` the days whose sums are to be computed anew, and ``tiers`` how far back each kind of sum reaches. The tables themselves are the scripts in ``migrations/``: what is on disk does not follow a change of
names in the code.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from genmeter.errors import GenmeterError
from genmeter.ledger.call import USAGE_COLUMNS
from genmeter.ledger.seals import DAY_NS
from genmeter.ledger.sqlite import packing
from genmeter.ledger.sqlite.entries import select

UNIT: Final = 10**9
"""Costs are summed as whole units of this many pico and a rest, since SQLite's sum() overflows at $9.2 million."""

DAILY_KEYS: Final = {
    "day": f"started_ns / {DAY_NS}",
    "run": "run",
    "operation": "operation",
    "provider": "provider",
    "model": "coalesce(response_model, request_model)",
    "department": "department",
    "application": "application",
    "user_hash": "user_hash",
    "environment": "environment",
    "currency": "currency",
    "cost_status": "cost_status",
    "cost_reason": "cost_reason",
    "error_type": "error_type",
    "scope": "scope",
    "agent": "agent",
    "workflow": "workflow",
    "agent_path": "agent_path",
}
"""Column of ``daily`` → the same over ``calls``."""

SUMS: Final = {
    "calls": "count(*)",
    "errors": "count(error_type)",
    "unpriced": "count(*) FILTER (WHERE cost_status = 'unpriced')",
    "cut": "count(cut)",
    **{column: f"coalesce(sum({column}), 0)" for column in USAGE_COLUMNS},
    "cost_units": f"coalesce(sum(cost_pico / {UNIT}), 0)",
    "cost_rest": f"coalesce(sum(cost_pico % {UNIT}), 0)",
}
"""Additive column of ``daily`` → the same over ``calls``."""
SPAN_OF_TIME: Final = {"first_ns": "min(started_ns)", "last_ns": "max(started_ns + coalesce(duration_ns, 0))"}


MANY, A_SECOND = 20_000, 20_000
"""Calls of an older file from which on its migration is told, and how many of them a slow machine does in a second."""
_log = logging.getLogger(__name__)

_SCRIPTS: Final = Path(__file__).with_name("migrations")

MIGRATIONS: Final = tuple(path.read_text("utf-8") for path in sorted(_SCRIPTS.glob("[0-9]*.sql")))
"""Script n takes a file from schema version n to n + 1. A script that files on disk have been through never changes."""


NARROW: Final = 6
"""The first schema that keeps calls by their kind: to get there, every call is written anew."""


class NewerSchema(GenmeterError):
    """The file was written by a later genmeter."""


def migrate(connection: sqlite3.Connection, path: str) -> bool:
    """Bring the file to the newest schema; whether rows of an older one were written anew. Raises ``NewerSchema``.

    It is one transaction: a process that dies in the middle leaves the older file as it was.
    """
    if _version(connection) == len(MIGRATIONS):
        return False
    connection.execute("BEGIN IMMEDIATE")
    try:
        # asked again inside the transaction: another process may have migrated in between
        version = _version(connection)
        if version > len(MIGRATIONS):
            raise NewerSchema
        wide = 0 < version < NARROW
        older = _tell(connection, path) if wide else 0
        for function in (packing.packed, packing.response_head, packing.response_rest, packing.response_mark):
            connection.create_function(function.__name__, 1, function, deterministic=True)
        for script in MIGRATIONS[version:]:
            for statement in statements(script):
                connection.execute(statement)
        # the view holds nothing, so it is made by the code of today and not by a script of its day
        connection.execute("DROP VIEW IF EXISTS calls")
        connection.execute(f"CREATE VIEW calls AS {select()}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    if older >= MANY:
        _log.warning("the ledger %s is in the form of this genmeter now", path)
    return wide


def _tell(connection: sqlite3.Connection, path: str) -> int:
    """Say what is about to be done to a large older file, and how long it may take; the number of its calls."""
    calls: int = connection.execute("SELECT count(*) FROM calls").fetchone()[0]
    if calls >= MANY:
        _log.warning(
            "the ledger %s was written by an older genmeter: its %s calls are written anew, which may take %s seconds and"
            " needs as much free disk as the file has; until it is done the file stays as it was",
            *(path, f"{calls:,}", 1 + calls // A_SECOND),
        )
    return calls


def statements(script: str) -> Iterator[str]:
    """The statements of a script one by one: ``executescript`` would commit the transaction that is open."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]
