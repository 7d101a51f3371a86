"""Kept answers of reports: a page that asks each second does not sum a million rows each second.

The store keeps the sums that it can bring up to date (totals, budgets). Any other question is answered anew when calls
have come, and this is how often at most.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
PATIENCE = 4
"""An answer that took t seconds is kept for at least this many times t, even while rows arrive."""
CHEAP = 0.05
"""Seconds. A question that is answered faster is asked anew whenever the ledger has changed."""
MOST_KEPT = 64


class _Kept(NamedTuple):
    answer: Any
    revision: str
    until: float


class Remembering:
    """Keeps answers by question until ``revision()`` changes and their cost is paid off."""

    def __init__(self, revision: Callable[[], str]) -> None:
        self._revision = revision
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    def answer(self, name: str, asked: Mapping[str, object], ask: Callable[[], T]) -> T:
        """The kept answer of this question, or a new one from ``ask``.

        ``asked`` holds values and not texts: the text 24h means another instant each time.
        """
        key = (name, repr(sorted(asked.items())))
        revision = self._revision()
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and (kept.revision == revision or time.monotonic() < kept.until):
            return kept.answer
        started = time.monotonic()
        answer = ask()
        ended = time.monotonic()
        took = ended - started
        with self._lock:
            self._kept[key] = _Kept(answer, revision, ended + PATIENCE * took if took > CHEAP else ended)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return answer
