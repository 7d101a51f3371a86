"""What the ledger asks of a database."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Protocol

from genmeter.ledger.call import Call
from genmeter.ledger.decode import Span
from genmeter.ledger.questions import Amount, Group, Latency, Outcome, Quarantined, Window


class Store(Protocol):
    """Books calls once and answers questions. Every method raises ``StorageError`` when the database does not work."""

    path: str
    turn: Lock
    """Held by whoever decodes or writes rows. Two at once are no faster under one interpreter, and a thread that works
    between the steps of SQLite takes the interpreter from the writer at every row."""

    def book(self, calls: Sequence[Call], spans: Sequence[Span]) -> Outcome:
        """Book a batch in one durable transaction, all of it or nothing; ``turn`` is not held by the caller."""
        ...

    def trim(self) -> int:
        """Take one bounded step towards the caps, folding calls into their day first; rows that went."""
        ...

    def groups(self, by: Sequence[str], window: Window) -> list[Group]:
        """Sums by each of the columns ``by``, trimmed calls included."""
        ...

    def totals(self) -> list[Group]:
        """Sums over everything ever booked by ``TOTALS_BY``, in time that does not grow with the ledger."""
        ...

    def amounts(self, windows: Sequence[Window]) -> list[list[Amount]]:
        """USD of each window by ``SCOPES``; asked again for the same windows, only what came since is read."""
        ...

    def latest(self, limit: int, window: Window) -> list[Call]:
        """The newest calls, newest first."""
        ...

    def latency(self, percents: Sequence[int], window: Window) -> Latency:
        """Exact quantiles of the durations in the window."""
        ...

    def trace_calls(self, trace_id: str) -> list[Call]:
        """The calls of one trace, oldest first."""
        ...

    def trace_spans(self, trace_id: str) -> list[Span]:
        """The spans of one trace that are still kept, oldest first."""
        ...

    def quarantined(self, limit: int, run: str | None) -> list[Quarantined]:
        """The newest calls that were not booked."""
        ...

    def quarantine_counts(self, run: str | None) -> dict[str, int]:
        """Reason → calls in quarantine."""
        ...

    def counters(self) -> dict[str, int]:
        """Everything the store has counted since it was made, by name."""
        ...

    def check(self) -> None:
        """Return when a write would be accepted now; within seconds, whoever holds the database."""
        ...

    def committed_at(self) -> float | None:
        """Unix time of the last commit of this process, None before the first."""
        ...

    def fault(self) -> str | None:
        """Why the last write failed, None when it did not."""
        ...

    def size(self) -> int:
        """Bytes on disk."""
        ...

    def close(self) -> None:
        """Let go of the database; a second call does nothing."""
        ...
