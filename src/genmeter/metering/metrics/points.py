"""Metric points that cost a call an append: made, and folded into exact sums and SDK histograms, when a reader collects.

A synchronous instrument of the SDK costs 6-14 µs a point, three times that with cold caches, and adds floats; a call
makes about ten points. Here a call appends what makes its points to a deque. When a reader collects, all points are made
in one go, with warm caches. Observable counters then read sums of ours (Python integers, so no drift), and histograms get
the points through the SDK, before it reads them.
"""

from __future__ import annotations

import os
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from threading import Lock
from typing import TypeAlias
from weakref import WeakSet

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Histogram, Observation
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context

from .. import guard
from ..process.reaper import reaper
from .series import Labels, Series

LARGEST = 2**63 - 1
"""The largest whole number of OTLP. The exporter refuses a whole batch for one that is larger."""
FOLD_AT = 4096
"""Numbers that may wait before they are folded aside: bounds the memory of an app whose metrics are not collected."""
EACH = 4
"""So many numbers does each entry stand for: a call has two, one at its start and one at its end."""


Point: TypeAlias = "tuple[str, Labels, int | float | array[float], SpanContext | None]"
"""What one call adds to one series: the metric, the labels, the value, and the span of the value.

The value is an integer for a sum, and a number or an array of numbers for a histogram. The span is for a histogram's
exemplars. A plain tuple, because each call makes about ten points, and a named tuple takes eight times as long to make.
"""
Makes: TypeAlias = Callable[[], Iterable[Point]]
"""Makes the points of one finished call."""


class _Sums(dict[str, Series]):
    """The sums by metric, each of at most ``most`` series."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __missing__(self, metric: str) -> Series:
        made = self[metric] = Series(self._most)
        return made


class Points:
    """Waiting points, and integer sums by metric and labels, bounded to ``max_series`` as the SDK bounds its own.

    ``add`` takes no lock: a finalizer that the garbage collector runs in the middle of ``add`` or ``fold`` may itself
    add, and would wait for ever for a lock that its own thread holds.
    """

    def __init__(self, max_series: int, histograms: Mapping[str, Histogram] | None = None) -> None:
        self._max_series = max_series
        self._histograms: Mapping[str, Histogram] = histograms or {}
        self._generation = 0
        self._waiting: deque[Point | Makes] = deque()
        self._sums = _Sums(max_series)
        self._folding = Lock()
        self._called = False
        self._weight = 0  # two threads may lose a little of it: it is a threshold, not a count
        _alive.add(self)

    def add(self, waiting: Point | Makes, weight: int = 0) -> None:
        """Take one point, or what makes the points of a call; ``weight`` is how many numbers its arrays hold."""
        self._waiting.append(waiting)
        self._weight += weight + EACH
        if self._weight >= FOLD_AT and not self._called:
            self._called = True
            reaper.ready()
            reaper.put(self.fold)

    def fold(self) -> None:
        """Take the waiting points in. Returns at once while another thread does so."""
        if self._folding.acquire(blocking=False):
            try:
                self._fold_waiting()
            finally:
                self._folding.release()

    def _fold_waiting(self) -> None:
        self._called, self._weight = False, 0
        take, histograms, sums = self._waiting.popleft, self._histograms, self._sums
        attributes: dict[str, str | int | bool] = {}
        context: Context | None = None
        shared: Labels | None = None
        seen: SpanContext | None = None
        # A bounded number: appenders that are faster than this loop must not keep it here for ever.
        for _ in range(len(self._waiting)):
            for metric, labels, value, span in _points(take()):
                histogram = histograms.get(metric)
                if histogram is None:
                    sums[metric].add(labels, value)  # pyright: ignore[reportArgumentType]
                    continue
                # The points of one call stand together and share both.
                if labels is not shared:
                    attributes, shared = dict(labels), labels
                if span is not seen:
                    context, seen = _context(span), span
                try:
                    for number in value if isinstance(value, array) else (value,):
                        histogram.record(number, attributes, context)
                except Exception as error:
                    guard.failed("histogram", error)

    def read(self, metric: str) -> dict[Labels, int]:
        """The sums of one metric now."""
        with self._folding:
            self._fold_waiting()
            series = self._sums.get(metric)
            return {} if series is None else series.read()

    def move(self, histograms: Mapping[str, Histogram]) -> None:
        """Use the instruments of another meter from now on. Callbacks that were made before give nothing any more."""
        self._histograms = histograms
        self._generation += 1

    def callback(self, metric: str, scale: int = 1) -> Callable[[CallbackOptions], Iterator[Observation]]:
        """A callback for an observable instrument: the sums of ``metric``, each divided by ``scale`` once."""
        generation = self._generation

        def observe(_: CallbackOptions) -> Iterator[Observation]:
            if generation != self._generation:
                return
            for labels, value in self.read(metric).items():
                yield Observation(min(value, LARGEST) if scale == 1 else value / scale, dict(labels))

        return observe

    def forget(self) -> None:
        """Start from nothing: a forked child would report its parent's sums a second time."""
        self._waiting = deque()
        self._sums = _Sums(self._max_series)
        self._folding = Lock()
        self._called, self._weight = False, 0


def _points(waiting: Point | Makes) -> Iterable[Point]:
    if not callable(waiting):
        return (waiting,)
    try:
        return waiting()
    except Exception as error:
        guard.failed("measure", error)
        return ()


def _context(span: SpanContext | None) -> Context | None:
    """What an exemplar needs of the call's context; the span itself would keep its attributes alive until folded."""
    return None if span is None else set_span_in_context(NonRecordingSpan(span), Context())


_alive: WeakSet[Points] = WeakSet()


def _after_fork() -> None:
    for points in _alive:
        points.forget()


os.register_at_fork(after_in_child=_after_fork)
