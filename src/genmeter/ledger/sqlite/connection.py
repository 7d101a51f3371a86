"""What the ledger's SQL runs on: a connection of SQLite as it is, or one of another database that takes the same SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from genmeter.ledger.sqlite.entries import Writer

T = TypeVar("T")


class Cursor(Protocol):
    """The rows that a statement answers, and how many it has changed."""

    @property
    def rowcount(self) -> int:
        """Rows that the statement has changed."""
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


class Storage(Protocol):
    """The connections to one database. Every method raises ``StorageError`` when the database does not work."""

    def transaction(self) -> AbstractContextManager[Writer]:
        """A transaction that no other one writes beside, durable when the block has ended without an exception."""
        ...

    def read(self, question: Callable[[Connection], T]) -> T:
        """The answer to a question that sees the database as of one moment."""
        ...

    def moment(self) -> AbstractContextManager[None]:
        """In the block, all that this thread reads is as of one moment."""
        ...

    def probe(self, patience: float) -> None:
        """Try a small write, and wait at most ``patience`` seconds for others that write."""
        ...

    def damage(self, connection: Connection) -> str | None:
        """What the database finds wrong with its own pages; None when nothing is."""
        ...

    def size(self) -> int:
        """Bytes on disk."""
        ...

    def shrink(self, pages: int) -> int:
        """Give up to ``pages`` pages back to the disk; how many went."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...
