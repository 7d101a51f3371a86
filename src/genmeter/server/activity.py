"""The requests that this process has received, and their outcomes. The ledger itself counts the calls that it booked."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

SIGNALS: Final = ("traces", "logs", "metrics")
LAGS: Final = (1, 5, 15, 60, 300, 900, 3_600, 21_600, 86_400, 604_800)
"""Upper bounds of the lag's buckets in seconds: from at once to a week's outage."""


class Failure(NamedTuple):
    """The last thing that went wrong: when, as Unix seconds, and what."""

    at: float
    message: str


class Lag(NamedTuple):
    """Seconds from the end of a call to its booking: calls within each of ``LAGS``, all of them, and their sum."""

    within: tuple[int, ...]
    calls: int
    seconds: float


class Activity:
    """Counters by (name, label), safe across threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._failure: Failure | None = None
        self._failing = False
        self._lag = Lag((0,) * len(LAGS), 0, 0.0)
        self.started = time.time()

    def add(self, name: str, label: str, step: int = 1) -> None:
        """Count ``step`` more."""
        with self._lock:
            self._counts[name, label] += step

    def fail(self, message: str) -> bool:
        """Remember a failure of the service (not of a sender); whether it is the first since all went well."""
        with self._lock:
            self._failure = Failure(time.time(), message)
            first, self._failing = not self._failing, True
        return first

    def succeed(self) -> bool:
        """Remember that a batch was booked; whether it is the first since a failure."""
        with self._lock:
            first, self._failing = self._failing, False
        return first

    def booked(self, ended_ns: Sequence[int]) -> None:
        """Count how long ago each call of a batch that was just committed had ended."""
        now = time.time_ns()
        ended = sorted(ended_ns)
        # one search per bucket in the sorted batch is cheaper than one per call in the buckets
        late = [bisect_right(ended, now - bound * 10**9 - 1) for bound in LAGS]
        seconds = sum(max(now - moment, 0) for moment in ended) / 1e9
        with self._lock:
            within = tuple(known + len(ended) - more for known, more in zip(self._lag.within, late, strict=True))
            self._lag = Lag(within, self._lag.calls + len(ended), self._lag.seconds + seconds)

    @property
    def lag(self) -> Lag:
        """What ``booked`` has counted."""
        return self._lag

    def counts(self) -> dict[tuple[str, str], int]:
        """A copy of the counters."""
        with self._lock:
            return dict(self._counts)

    @property
    def failure(self) -> Failure | None:
        """The last failure, None while all went well."""
        return self._failure
