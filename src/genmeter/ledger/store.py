"""What a ledger and the reports need of a store. ``tests/ledger/test_stores.py`` holds each store to it.

Every method raises ``StorageError`` when the database does not work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

from genmeter.ledger.adjustments import Adjustment, Revision
from genmeter.ledger.audit import Audit, Upkeep
from genmeter.ledger.call import Call
from genmeter.ledger.decode import Span
from genmeter.ledger.questions import Amount, Dearest, Group, Latency, Metered, Outcome, Page, Quarantined, Window
from genmeter.ledger.reserving import Change, Share
from genmeter.ledger.seals import Seal

T = TypeVar("T")


class Store(Protocol):
    """Books calls once, and answers questions about them. ``SqliteStore`` is one; its methods say more."""

    path: str
    """Where the rows are kept; ``:memory:`` for nowhere."""

    @property
    def turn(self) -> AbstractContextManager[Any]:
        """Held by a thread while it decodes a request, never while it calls ``book``."""
        ...

    @property
    def committed_at(self) -> float | None:
        """Unix time of this process's last commit; None before the first."""
        ...

    @property
    def fault(self) -> str | None:
        """Why the last write failed; None when it worked."""
        ...

    def book(self, calls: Sequence[Call], spans: Sequence[Span], unread: Mapping[str, int] | None = None) -> Outcome:
        """Book a batch in one durable transaction, all of it or nothing. Two records of one call are booked once.

        A call of a sealed period is booked, and an adjustment counts it at the present. What a later record changes of
        a sealed or adjusted call is an adjustment too. ``unread`` has the records with counts or an amount that are no known call, by emitter; they are counted.
        """
        ...

    def reserve(self, budget: str, since_ns: int, decide: Callable[[Sequence[Share]], tuple[Change, T]]) -> T:
        """Change the reservations of a budget as ``decide`` says, in one durable transaction; ``decide``'s answer.

        ``decide`` gets all rows of the budget of the periods that began at ``since_ns`` or later; earlier ones are deleted.
        No other process changes a row of the budget meanwhile.
        """
        ...

    def trim(self) -> int:
        """Take one bounded step towards the caps; the number of rows that went, 0 at the end."""
        ...

    def tidy(self) -> int:
        """Take one bounded step that may wait until no sender does; 0 when nothing is left to do."""
        ...

    def upkeep(self) -> int:
        """Take one bounded step that must not wait for ever: sums of a finished day, retention by age; 0 when all is done."""
        ...

    def upkept(self) -> Upkeep:
        """When the store's own work last succeeded, and what is left of it."""
        ...

    def adjust(self, adjustments: Sequence[Adjustment]) -> int:
        """Write adjustments in one durable transaction; how many were new. Each counts in every sum from now on.

        Raises ``ValueError`` for one that shall count in a sealed period.
        """
        ...

    def revise(self, revisions: Sequence[Revision], batch: str) -> int:
        """Count calls in another way, by two adjustments each, in one durable transaction; how many were revised.

        A call that no longer counts as its ``old`` says is left as it is: another run has revised it.
        """
        ...

    def seal(self, name: str, now_ns: int | None = None) -> Seal:
        """Seal all that is not sealed yet up to the end of the day or month ``name`` (``seals.period``).

        The window of a seal begins where the seal before it ends, the first one at 0. The same calls, name and
        ``now_ns`` (the present, where None) give the same seal in any store. Raises ``ValueError`` for a period that is
        sealed already or has not ended.
        """
        ...

    def backup(self, path: str) -> None:
        """Write a copy of the ledger as of one moment to ``path``, while others book. Raises ``FileExistsError``."""
        ...

    def verify(self) -> Audit:
        """Recompute every sum from the calls and every seal from its sums, and say what differs."""
        ...

    def check(self) -> None:
        """Return when a write would be accepted now."""
        ...

    def size(self) -> int:
        """Bytes on disk; 0 in memory."""
        ...

    def close(self) -> None:
        """Let go of the database; a second call does nothing."""
        ...

    def walk(self, window: Window, after: int = 0, most: int = 1_000) -> list[tuple[int, Call]]:
        """Calls of a window as they count now, in the order of their numbers, which are above ``after``.

        A call that an adjustment has taken back is left out. Fewer than ``most`` are no sign of the end: an empty list is.
        """
        ...

    def adjustments(self, window: Window, after: int = 0, most: int = 1_000) -> list[Adjustment]:
        """Adjustments that count in a window, in the order of their numbers, which are above ``after``."""
        ...

    def seals(self) -> list[Seal]:
        """All seals, the oldest first."""
        ...

    def totals(self) -> list[Group]:
        """Sums over all calls by ``TOTALS_BY``, in time that does not grow with the ledger."""
        ...

    def amounts(self, windows: Sequence[Window], users: frozenset[str] = frozenset()) -> list[list[Amount]]:
        """USD of each window by ``SCOPES``, and by user for these ``users``."""
        ...

    def groups(self, by: Sequence[str], window: Window) -> list[Group]:
        """Sums of the calls in a window by these columns and by currency."""
        ...

    def metered(self, by: Sequence[str], window: Window) -> list[Metered]:
        """The lines of the bills of the calls in a window, by these columns. Trimmed calls and adjustments have none."""
        ...

    def dearest(self, by: Sequence[str], window: Window, most: int) -> Dearest:
        """The ``groups`` of the keys that cost most, in memory that does not grow with the number of the others."""
        ...

    def moment(self) -> AbstractContextManager[None]:
        """In the block, all questions of this thread see the same calls."""
        ...

    def details(self, window: Window) -> dict[tuple[str | None, str | None, str | None], str]:
        """Detail of one unpriced call for each reason, provider and model."""
        ...

    def latest(self, limit: int, window: Window) -> list[Call]:
        """The newest calls of a window, the newest first."""
        ...

    def page(self, page: Page, window: Window) -> list[Call]:
        """Some calls of a window, in the order of the page."""
        ...

    def latencies(
        self, by: Sequence[str], percents: Sequence[int], window: Window
    ) -> dict[tuple[object, ...], Latency]:
        """The ``latency`` of each group of calls by these columns. Trimmed calls have none."""
        ...

    def latency(self, percents: Sequence[int], window: Window) -> Latency:
        """Nearest-rank percentiles of the durations in a window."""
        ...

    def trace_calls(self, trace_id: str) -> list[Call]:
        """The calls of a trace, in the order of their start."""
        ...

    def trace_spans(self, trace_id: str) -> list[Span]:
        """The spans of a trace, in the order of their start."""
        ...

    def quarantined(self, limit: int, run: str | None = None) -> list[Quarantined]:
        """The calls that were set aside, the newest first."""
        ...

    def quarantine_counts(self, run: str | None = None) -> dict[str, int]:
        """Reason → how many calls are set aside."""
        ...

    def counters(self) -> dict[str, int]:
        """Everything counted since the ledger began."""
        ...

    def unread(self) -> dict[str, int]:
        """Emitter → its records with counts or an amount that are no known call, since the ledger began."""
        ...
