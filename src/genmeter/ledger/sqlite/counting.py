"""Counters and marks of the SQLite file: what was counted since it was made, and how far its own work has come."""

from __future__ import annotations

from typing import Final

from genmeter.ledger.sqlite.connection import Connection

SET_MARK: Final = "INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
"""Takes the name of a mark and its value."""


COPYING: Final = "copy of"
"""Mark of a ledger that is being copied in: what its source was when the copy began. The last transaction removes it."""


def count(connection: Connection, steps: dict[str, int]) -> None:
    """Add the steps to the counters of these names."""
    connection.executemany(
        "INSERT INTO counters VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = counters.value + excluded.value",
        [(name, step) for name, step in steps.items() if step],
    )


def counters(connection: Connection) -> dict[str, int]:
    """Everything that was counted since the file was made, by name."""
    return dict(connection.execute("SELECT name, value FROM counters").fetchall())


def mark(connection: Connection, name: str) -> int:
    """The value of a mark, 0 before it is first set."""
    row = connection.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
    return row[0] if row else 0


def raise_mark(connection: Connection, name: str, value: int) -> None:
    """Set a mark, if it is not higher already."""
    statement = (
        "INSERT INTO marks VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = max(marks.value, excluded.value)"
    )
    connection.execute(statement, (name, value))


def set_mark(connection: Connection, name: str, value: int) -> None:
    """Set a mark."""
    connection.execute(SET_MARK, (name, value))
