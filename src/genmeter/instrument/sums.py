"""Exact running sums behind observable counters: what a call adds is an append, not a metric point.

A synchronous counter of the SDK costs 6-14 µs a point and adds floats; a call makes six to ten such points. Here a call
appends one record to a deque, and the sums (Python integers, so no drift) are folded when a reader collects.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from weakref import WeakSet

from opentelemetry.metrics import CallbackOptions, Observation

Labels = tuple[tuple[str, str | int], ...]
OVERFLOW: Labels = (("otel.metric.overflow", "true"),)
FOLD_AT = 2048
"""Records that may wait before a call folds them itself: bounds the memory of an app that nobody collects from."""


class Sums:
    """Integer sums by metric name and labels, bounded to ``max_series`` series a metric as the SDK bounds its own.

    ``add`` takes no lock: a finalizer that the garbage collector runs in the middle of ``add`` or ``fold`` may itself
    add, and would wait for ever for a lock that its own thread holds.
    """

    def __init__(self, max_series: int) -> None:
        self.max_series = max_series
        self._waiting: deque[tuple[str, Labels, int]] = deque()
        self._sums: dict[str, dict[Labels, int]] = {}
        self._folding = Lock()
        _alive.add(self)

    def add(self, entries: Iterable[tuple[str, Labels, int]]) -> None:
        """Add each (metric, labels, integer) of one call."""
        self._waiting.extend(entries)
        if len(self._waiting) >= FOLD_AT:
            self.fold()

    def fold(self) -> None:
        """Take the waiting records into the sums; whoever comes while another thread folds leaves it to that one."""
        if not self._folding.acquire(blocking=False):
            return
        try:
            self._fold_waiting()
        finally:
            self._folding.release()

    def _fold_waiting(self) -> None:
        take, sums = self._waiting.popleft, self._sums
        # A bounded number: appenders that are faster than this loop must not keep it here for ever.
        for _ in range(len(self._waiting)):
            name, labels, value = take()
            series = sums.setdefault(name, {})
            if labels not in series and len(series) >= self.max_series - 1:
                labels = OVERFLOW
            series[labels] = series.get(labels, 0) + value

    def read(self, name: str) -> dict[Labels, int]:
        """The sums of one metric now."""
        self.fold()
        with self._folding:
            return dict(self._sums.get(name, {}))

    def observe(self, name: str, scale: int = 1) -> Iterator[Observation]:
        """The points of one metric for an observable instrument, each divided by ``scale`` once."""
        for labels, value in self.read(name).items():
            yield Observation(value if scale == 1 else value / scale, dict(labels))

    def callback(self, name: str, scale: int = 1) -> Callable[[CallbackOptions], Iterator[Observation]]:
        """A callback for an observable instrument that reads ``name``."""

        def observe(_: CallbackOptions) -> Iterator[Observation]:
            return self.observe(name, scale)

        return observe

    def forget(self) -> None:
        """Start from nothing (a forked child)."""
        self._waiting = deque()
        self._sums = {}
        self._folding = Lock()


_alive: WeakSet[Sums] = WeakSet()


def _after_fork() -> None:
    # A forked child inherits the parent's sums and would report them a second time.
    for sums in _alive:
        sums.forget()


os.register_at_fork(after_in_child=_after_fork)
