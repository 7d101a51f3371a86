"""The series of one sum, bounded: what exists stays, and the room that is left goes to the largest newcomers.

An input that chooses a label, such as the name of a model, can make series without end. First come, first served would let
a flood of one-call series take all the room, and the series of an honest application would vanish in the overflow.
"""

from __future__ import annotations

from heapq import nlargest
from typing import Final, TypeAlias

Labels: TypeAlias = "tuple[tuple[str, str | int | bool], ...]"
OVERFLOW: Final[Labels] = (("otel.metric.overflow", True),)


class Series:
    """Sums by labels, at most ``most`` of them with the overflow.

    Three quarters of the room are taken as newcomers come. After that newcomers wait until the sums are read: half of the
    room that is left then goes to the largest of them, with all that they have, and the others go into the overflow. The
    last eighth of the room is for newcomers that have more than their share of the overflow, however long a flood is.
    A series is never taken away again: a sum that shrinks looks like a restart to a reader, and the SDK keeps every series
    that it has ever seen.
    """

    __slots__ = ("_first", "_kept", "_overflow", "_room", "_waiting")

    def __init__(self, most: int) -> None:
        self._room = most - 1
        self._first = self._room * 3 // 4
        self._kept: dict[Labels, int] = {}
        self._waiting: dict[Labels, int] = {}
        self._overflow: int | None = None

    def add(self, labels: Labels, value: int) -> None:
        """Add to a series. What is taken away is taken from where it was added, or from the overflow."""
        kept, waiting = self._kept, self._waiting
        known = kept.get(labels)
        if known is not None and (value >= 0 or known > 0):
            kept[labels] = known + value
        elif known is None and value >= 0 and len(kept) < self._first:
            kept[labels] = value
        elif known is None and (value >= 0 or labels in waiting):
            waiting[labels] = waiting.get(labels, 0) + value
            if len(waiting) > self._room:
                self._give_up(waiting, len(waiting) // 2)
        else:
            self._overflow = (self._overflow or 0) + value

    def read(self) -> dict[Labels, int]:
        """The sums now, the overflow among them where there is one."""
        if self._waiting:
            self._settle()
        return dict(self._kept) if self._overflow is None else {**self._kept, OVERFLOW: self._overflow}

    def _settle(self) -> None:
        kept, waiting, room = self._kept, self._waiting, self._room
        spilled = sum(waiting.values()) + (self._overflow or 0)
        for labels in nlargest((room - len(kept) + 1) // 2, waiting, key=waiting.__getitem__):
            value = waiting[labels]
            if value >= 0 and (len(kept) < room - room // 8 or value * room > spilled):
                kept[labels] = waiting.pop(labels)
        self._give_up(waiting, 0)

    def _give_up(self, waiting: dict[Labels, int], left: int) -> None:
        """Move all but the ``left`` largest that wait into the overflow."""
        stay = dict.fromkeys(nlargest(left, waiting, key=waiting.__getitem__), True)
        for labels in [labels for labels in waiting if labels not in stay]:
            self._overflow = (self._overflow or 0) + waiting.pop(labels)
