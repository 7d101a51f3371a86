"""What this process has received and how it went; the ledger counts what it booked by itself."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Final, NamedTuple

SIGNALS: Final = ("traces", "logs", "metrics")


class Failure(NamedTuple):
    """The last thing that went wrong: when, as Unix seconds, and what."""

    at: float
    message: str


class Activity:
    """Counters by (name, label), safe across threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._failure: Failure | None = None
        self.started = time.time()

    def add(self, name: str, label: str, step: int = 1) -> None:
        """Count ``step`` more."""
        with self._lock:
            self._counts[name, label] += step

    def fail(self, message: str) -> None:
        """Remember a failure of the service (not of a sender)."""
        with self._lock:
            self._failure = Failure(time.time(), message)

    def counts(self) -> dict[tuple[str, str], int]:
        """A copy of the counters."""
        with self._lock:
            return dict(self._counts)

    @property
    def failure(self) -> Failure | None:
        """The last failure, None while all went well."""
        return self._failure
