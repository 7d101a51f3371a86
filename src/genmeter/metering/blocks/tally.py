"""What the calls inside a block add up to: exact under threads and tasks, without a lock that a call waits for."""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

FOLD_AT = 16
"""Entries of one block that may wait before they become one."""


class Sums(NamedTuple):
    """Sums over calls. ``cost`` is pico-USD; ``own`` and ``tools`` count what no agent further inside has made."""

    cost: int = 0
    calls: int = 0
    unpriced: int = 0
    input: int = 0
    output: int = 0
    own: int = 0
    tools: int = 0


class Tally:
    """Adds entries up.

    Appending, copying and replacing a slice of a list are one step each, between which no thread comes; ``+=`` is not.
    A finalizer that the garbage collector runs in the middle of ``add`` may itself add.

    >>> tally = Tally()
    >>> tally.add((147_500_000, 1, 0, 19, 10, 1, 0))
    >>> tally.read().cost
    147500000
    """

    __slots__ = ("_entries", "_folding")

    def __init__(self) -> None:
        self._entries: list[tuple[int, ...]] = []
        self._folding = Lock()

    def add(self, entry: tuple[int, ...]) -> None:
        """Add one entry, whose numbers stand in the order of ``Sums``."""
        self._entries.append(entry)
        if len(self._entries) >= FOLD_AT and self._folding.acquire(blocking=False):
            try:
                # Other threads only append meanwhile, so the first entries stay the ones that were added up.
                entries = self._entries[:]
                self._entries[: len(entries)] = [tuple(map(sum, zip(*entries, strict=True)))]
            finally:
                self._folding.release()

    def read(self) -> Sums:
        """The sums now."""
        entries = self._entries[:]
        if not entries:
            return _NOTHING
        return Sums(*entries[0]) if len(entries) == 1 else Sums(*map(sum, zip(*entries, strict=True)))


_NOTHING = Sums()
