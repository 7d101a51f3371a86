"""The SQLite tables of the ledger, and how an older file becomes a newer one.

``calls`` holds one row per booked call, ``daily`` the sums of calls that were trimmed, ``spans`` what was received for
the trace tree, ``quarantine`` what was not booked, ``counters`` and ``marks`` what has been counted and how far back
the calls reach.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from genmeter.ledger.call import COLUMNS, INTEGERS, LINE_COLUMNS, REQUIRED, USAGE_COLUMNS

UNIT: Final = 10**9
"""Costs are summed as whole units of this many pico and a rest, since SQLite's sum() overflows at $9.2 million."""
DAY_NS: Final = 86_400 * 10**9

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


def _call_columns() -> str:
    integers = INTEGERS | set(USAGE_COLUMNS) | set(LINE_COLUMNS)
    return ", ".join(
        f"{name} {'INTEGER' if name in integers else 'TEXT'}{' NOT NULL' if name in REQUIRED else ''}"
        for name in COLUMNS
    )


def _daily_columns() -> str:
    texts = ", ".join(f"{name} {'INTEGER NOT NULL' if name == 'day' else 'TEXT'}" for name in DAILY_KEYS)
    return texts + "".join(f", {name} INTEGER NOT NULL" for name in (*SUMS, *SPAN_OF_TIME))


_FIRST = f"""
CREATE TABLE calls (id INTEGER PRIMARY KEY, {_call_columns()}) STRICT;
CREATE UNIQUE INDEX calls_key ON calls (trace_id, span_id);
CREATE UNIQUE INDEX calls_response ON calls (provider, response_id) WHERE response_id IS NOT NULL;
CREATE INDEX calls_started ON calls (started_ns);
CREATE INDEX calls_run ON calls (run) WHERE run <> '';
CREATE TABLE daily (key TEXT PRIMARY KEY, {_daily_columns()}) STRICT;
CREATE TABLE spans (
    id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_span_id TEXT, name TEXT NOT NULL,
    kind INTEGER NOT NULL, started_ns INTEGER NOT NULL, ended_ns INTEGER NOT NULL, failed INTEGER NOT NULL,
    message TEXT NOT NULL, service TEXT, scope TEXT NOT NULL, attributes TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX spans_key ON spans (trace_id, span_id);
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, trace_id TEXT NOT NULL, span_id TEXT NOT NULL, reason TEXT NOT NULL, digest TEXT NOT NULL,
    run TEXT NOT NULL, received_ns INTEGER NOT NULL, record TEXT NOT NULL, UNIQUE (trace_id, span_id, reason, digest)
) STRICT;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
"""

MIGRATIONS: Final = (_FIRST,)
"""Script n takes a file from schema version n to n + 1."""


class NewerSchema(Exception):
    """The file was written by a later genmeter."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to the newest schema. Raises ``NewerSchema``."""
    if _version(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # asked again inside the transaction: another process may have migrated in between
        version = _version(connection)
        if version > len(MIGRATIONS):
            raise NewerSchema
        for script in MIGRATIONS[version:]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return connection.execute("PRAGMA user_version").fetchone()[0]
