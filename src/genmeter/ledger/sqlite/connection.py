"""What the ledger's SQL runs on: a connection of SQLite as it is, or one of another database that takes the same SQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol


class Cursor(Protocol):
    """The rows that a statement answers, and how many it has changed."""

    @property
    def rowcount(self) -> int:
        """Rows that the statement has changed."""
        ...

    @property
    def description(self) -> Any:
        """For each column of the rows a tuple, whose first value is its name."""
        ...

    def fetchone(self) -> Any:
        """The next row; None where there is none."""
        ...

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """Runs one statement; ``?`` stands for each of its values."""

    def execute(self, statement: str, values: Sequence[Any] = ..., /) -> Cursor:
        """Run the statement with the values in the places of its question marks."""
        ...

    def executemany(self, statement: str, rows: Any, /) -> Cursor:
        """Run the statement once for each row of values."""
        ...
