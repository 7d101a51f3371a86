"""What a store needs of its database: transactions, questions as of one moment, and a word on its health."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.entries import Writer

T = TypeVar("T")


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
