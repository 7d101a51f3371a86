"""Kept answers of reports: a page that asks each second does not sum a million rows each second.

The store keeps the sums that it can bring up to date (totals, budgets). Any other question is answered anew when calls
have come, and this is how often at most.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

PATIENCE = 4
"""An answer that took t seconds is kept for at least this many times t, even while rows arrive."""
CHEAP = 0.05
"""Seconds. A question that is answered faster is asked anew whenever the ledger has changed."""
MOST_KEPT: Final = 64
MOST_BYTES: Final = 32 << 20
LARGEST_KEPT: Final = 8 << 20
"""Answers that are kept, the bytes of all of them, and the bytes of one."""
ASKED_AT_ONCE: Final = 2
"""Questions that are being answered at a time: each holds all its rows in memory."""


class _Kept(NamedTuple):
    answer: bytes
    revision: str
    until: float


class Remembering:
    """Keeps answers by question until ``revision()`` changes and their cost is paid off, as the bytes that are sent."""

    def __init__(self, revision: Callable[[], str]) -> None:
        self._revision = revision
        self._lock = threading.Lock()
        self._asking = threading.BoundedSemaphore(ASKED_AT_ONCE)
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()
        self._size = 0

    def answer(self, name: str, asked: Mapping[str, object], ask: Callable[[], bytes]) -> bytes:
        """The kept answer of this question, or a new one from ``ask``.

        ``asked`` holds values and not texts: the text 24h means another instant each time.
        """
        key = (name, repr(sorted(asked.items())))
        revision = self._revision()
        kept = self._find(key, revision)
        if kept is not None:
            return kept
        with self._asking:
            # another thread may have asked the same in the meantime
            kept = self._find(key, revision)
            if kept is not None:
                return kept
            started = time.monotonic()
            answer = ask()
            ended = time.monotonic()
        took = ended - started
        self._keep(key, _Kept(answer, revision, ended + PATIENCE * took if took > CHEAP else ended))
        return answer

    def _find(self, key: tuple[str, str], revision: str) -> bytes | None:
        with self._lock:
            kept = self._kept.get(key)
        return kept.answer if kept and (kept.revision == revision or time.monotonic() < kept.until) else None

    def _keep(self, key: tuple[str, str], new: _Kept) -> None:
        with self._lock:
            old = self._kept.pop(key, None)
            self._size -= len(old.answer) if old else 0
            if len(new.answer) > LARGEST_KEPT:
                return
            self._kept[key] = new
            self._size += len(new.answer)
            while len(self._kept) > MOST_KEPT or self._size > MOST_BYTES:
                _, gone = self._kept.popitem(last=False)
                self._size -= len(gone.answer)
