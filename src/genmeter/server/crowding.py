"""Which series make room where there is none: made-up names of models must not keep out a true one.

First go the series whose value has not changed for a while, then series that are smaller than the new one. Of both, the
smallest go first, each measured by the largest of its own metric: dollars are not compared with tokens.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from genmeter.server.prometheus import Labels

IDLE_SECONDS: Final = 150.0
"""A value that has not changed for so long is idle. Applications send their metrics once a minute."""
AGAIN_SECONDS: Final = 10.0
"""All series are measured at most so often: a flood of new names must not cost the time of all of them for each name."""
MOST_GONE: Final = 50_000
"""Series that made room and are remembered with their value. One that comes again with the same value stays out."""


class Measured(NamedTuple):
    """A series as it is compared: ``size`` is its value, a histogram's count; ``changed`` is when that changed last."""

    family: str
    labels: Labels
    size: float
    changed: float


class Leaving(NamedTuple):
    """A series that may go: how large it is beside the largest of its metric, and whether it is idle."""

    share: float
    idle: bool
    family: str
    labels: Labels


class Crowd:
    """The series that may go next, and the series that went."""

    def __init__(self) -> None:
        self._next: list[Leaving] = []
        self._largest: dict[str, float] = {}
        self._measured = float("-inf")
        self._gone: dict[int, float] = {}

    def is_due(self, now: float) -> bool:
        """Whether all series may be measured again."""
        return now - self._measured >= AGAIN_SECONDS

    def measure(self, series: Iterable[Measured], now: float) -> None:
        """Put the smaller half of all series, and the idle ones, into the order in which they make room."""
        every = list(series)
        self._measured = now
        self._largest = {}
        for one in every:
            self._largest[one.family] = max(self._largest.get(one.family, 0.0), one.size)
        leaving = [
            Leaving(self._share(one.family, one.size), now - one.changed >= IDLE_SECONDS, one.family, one.labels)
            for one in every
        ]
        leaving.sort(key=lambda one: (one.idle, -one.share))
        self._next = leaving[len(leaving) // 4 :]

    def next(self, family: str, size: float) -> Leaving | None:
        """The series that makes room for a new one; None where the new one is not larger than what would have to go."""
        while self._next:
            one = self._next[-1]
            if not one.idle and one.share >= self._share(family, size):
                return None
            return self._next.pop()
        return None

    def went(self, family: str, labels: Labels, size: float) -> None:
        """Remember the value of a series that has gone."""
        if len(self._gone) >= MOST_GONE:
            self._gone.clear()
        self._gone[hash((family, labels))] = size

    def is_gone(self, family: str, labels: Labels, size: float) -> bool:
        """Whether the series has gone, and nothing has been added to its value since."""
        return bool(self._gone) and self._gone.get(hash((family, labels))) == size

    def _share(self, family: str, size: float) -> float:
        largest = self._largest.get(family, 0.0)
        return size / largest if largest > 0 else float(size > 0)
