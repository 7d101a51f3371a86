"""The applications' own metrics: the latest point of every series, ready to be scraped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)

from genmeter import names
from genmeter.ledger import Encoding
from genmeter.ledger.decode import Attributes, attributes, metrics
from genmeter.server.crowding import Crowd, Measured
from genmeter.server.prometheus import LONGEST_VALUE, Labels, label_name, label_value, metric_name

MOST_SERIES: Final = 10_000
MOST_BYTES: Final = 16 << 20
"""Bytes that all series together take in the text of /metrics."""
MOST_LABELS: Final = 32
MOST_BUCKETS: Final = 200
"""Labels of one series, and buckets of one histogram. A point with more of them is skipped."""
_NUMBER: Final = 48
"""Bytes of the rest of a line: the value, the suffix of the name, the bound."""
STALE_SECONDS: Final = 300.0
"""A series without a report for so long has ended; the collector's exporter has the same rule."""


@dataclass(slots=True)
class State:
    """The state of one series. ``buckets`` are (upper bound, count in this bucket alone), the last bound being None."""

    value: int | float = 0
    count: int = 0
    bounds: tuple[float, ...] = ()
    buckets: list[int] = field(default_factory=list[int])
    time_ns: int = 0
    seen: float = 0.0
    changed: float = 0.0
    """When the value changed last, by the clock of ``seen``."""
    lines: int = 1
    """Lines that it takes in the text; it never takes more."""
    cost: int = 0
    """Bytes that it is counted with."""


@dataclass(slots=True)
class Family:
    """One metric under its Prometheus name; ``kind`` is counter, gauge or histogram."""

    name: str
    kind: str
    help: str
    points: dict[Labels, State] = field(default_factory=dict[Labels, State])


class Series:
    """At most ``most`` series in ``most_bytes``; delta points are added up, cumulative ones replace what was there.

    Where there is no room for a new one, others go: ``crowding.py`` says which.
    """

    def __init__(
        self, most: int = MOST_SERIES, most_bytes: int = MOST_BYTES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._most_bytes, self._clock = most, most_bytes, clock
        self._lock = threading.Lock()
        self._families: dict[str, Family] = {}
        self._size = self._bytes = 0
        self._crowd = Crowd()
        self.skipped = 0

    def take(self, payload: bytes | Message, encoding: Encoding) -> int:
        """Take in an OTLP metrics request and return how many points it held. Raises ``BadPayload``."""
        request = metrics(payload, encoding)
        received, now = 0, self._clock()
        with self._lock:
            self._forget_stale(now)
            for group in request.resource_metrics:
                source = _source(attributes(group.resource.attributes))
                for scope in group.scope_metrics:
                    received += sum(self._take_metric(metric, source, now) for metric in scope.metrics)
        return received

    def families(self) -> list[Family]:
        """A copy of everything that is alive, by name."""
        with self._lock:
            self._forget_stale(self._clock())
            copies = [_copy(family) for family in self._families.values()]
        return sorted(copies, key=lambda family: family.name)

    def __len__(self) -> int:
        return self._size

    def _take_metric(self, metric: Metric, source: Labels, now: float) -> int:
        shape = metric.WhichOneof("data")
        if shape == "gauge":
            return self._take_points(metric, "gauge", metric.gauge.data_points, False, source, now)
        if shape == "sum":
            kind = "counter" if metric.sum.is_monotonic else "gauge"
            delta = metric.sum.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
            return self._take_points(metric, kind, metric.sum.data_points, delta, source, now)
        if shape == "histogram":
            delta = metric.histogram.aggregation_temporality == AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
            return self._take_points(metric, "histogram", metric.histogram.data_points, delta, source, now)
        skipped = len(metric.summary.data_points) + len(metric.exponential_histogram.data_points)
        self.skipped += skipped
        return skipped

    def _take_points(
        self,
        metric: Metric,
        kind: str,
        points: Sequence[NumberDataPoint] | Sequence[HistogramDataPoint],
        delta: bool,
        source: Labels,
        now: float,
    ) -> int:
        name = metric_name(metric.name, metric.unit, kind)
        family = self._families.get(name)
        for point in points:
            labels = _labels(attributes(point.attributes[:MOST_LABELS]), source)
            lines = 1 if isinstance(point, NumberDataPoint) else len(point.bucket_counts) + 3
            if len(point.attributes) > MOST_LABELS or lines > MOST_BUCKETS + 3:
                self.skipped += 1
                continue
            if family is None:
                family = self._families[name] = Family(name, kind, metric.description[:LONGEST_VALUE])
            state = self._state(family, kind, labels, lines) or self._squeezed(family, kind, labels, lines, point, now)
            if state is None:
                self.skipped += 1
            elif point.time_unix_nano > state.time_ns or not delta:
                before = _size(state)
                _update(state, point, delta)
                state.seen = now
                if _size(state) != before or not state.changed:
                    state.changed = now
        return len(points)

    def _state(self, family: Family, kind: str, labels: Labels, lines: int) -> State | None:
        if family.kind != kind:
            return None
        state = family.points.get(labels)
        if state is None:
            text = len(family.name) + sum(len(key) + len(value) + 4 for key, value in labels)
            state = State(lines=lines, cost=lines * (text + _NUMBER))
            if self._size == self._most or self._bytes + state.cost > self._most_bytes:
                return None
            family.points[labels] = state
            self._size += 1
            self._bytes += state.cost
        return state if lines <= state.lines else None

    def _squeezed(
        self,
        family: Family,
        kind: str,
        labels: Labels,
        lines: int,
        point: NumberDataPoint | HistogramDataPoint,
        now: float,
    ) -> State | None:
        """The state of a new series for which others made room; None where none of them should."""
        size = _size_of(point)
        if family.kind != kind or labels in family.points or self._crowd.is_gone(family.name, labels, size):
            return None
        if self._crowd.is_due(now):
            self._crowd.measure(self._measured(), now)
        while leaving := self._crowd.next(family.name, size):
            other = self._families.get(leaving.family)
            gone = other.points.pop(leaving.labels, None) if other is not None else None
            if gone is None:
                continue
            self._crowd.went(leaving.family, leaving.labels, _size(gone))
            self._bytes -= gone.cost
            self._size -= 1
            state = self._state(family, kind, labels, lines)
            if state is not None:
                return state
        return None

    def _measured(self) -> Iterator[Measured]:
        for family in self._families.values():
            for labels, state in family.points.items():
                yield Measured(family.name, labels, _size(state), state.changed)

    def _forget_stale(self, now: float) -> None:
        for name, family in list(self._families.items()):
            stale = [labels for labels, point in family.points.items() if now - point.seen > STALE_SECONDS]
            for labels in stale:
                self._bytes -= family.points.pop(labels).cost
            self._size -= len(stale)
            if not family.points:
                del self._families[name]


def count_points(request: ExportMetricsServiceRequest) -> int:
    """The number of points in the request, of all kinds."""
    groups = (scope.metrics for group in request.resource_metrics for scope in group.scope_metrics)
    shaped = ((metric, metric.WhichOneof("data")) for metrics in groups for metric in metrics)
    return sum(len(getattr(metric, shape).data_points) for metric, shape in shaped if shape)


def _copy(family: Family) -> Family:
    # an update swaps whole values inside a point, so a copied point is never half of two
    points = {labels: replace(point) for labels, point in family.points.items()}
    return Family(family.name, family.kind, family.help, points)


def _size(state: State) -> float:
    """How large a series is, for the comparison with others of its metric: its value, a histogram's count."""
    return float(state.count if state.buckets else state.value)


def _size_of(point: NumberDataPoint | HistogramDataPoint) -> float:
    if isinstance(point, HistogramDataPoint):
        return float(point.count)
    return float(point.as_int if point.WhichOneof("value") == "as_int" else point.as_double)


def _update(state: State, point: NumberDataPoint | HistogramDataPoint, delta: bool) -> None:
    state.time_ns = point.time_unix_nano
    if isinstance(point, NumberDataPoint):
        value = point.as_int if point.WhichOneof("value") == "as_int" else point.as_double
        state.value = state.value + value if delta else value
        return
    bounds, buckets = tuple(point.explicit_bounds), list(point.bucket_counts)
    if delta and bounds == state.bounds and len(buckets) == len(state.buckets):
        state.buckets = [mine + new for mine, new in zip(state.buckets, buckets, strict=True)]
        state.value, state.count = state.value + point.sum, state.count + point.count
    else:
        state.bounds, state.buckets, state.value, state.count = bounds, buckets, point.sum, point.count


def _source(resource: Attributes) -> Labels:
    """The labels ``job`` and ``instance``, as the collector's exporter makes them of the resource."""
    name, space, instance = (
        resource.get(key) for key in (names.SERVICE_NAME, names.SERVICE_NAMESPACE, names.SERVICE_INSTANCE)
    )
    job = f"{space}/{name}" if space else name
    return tuple((key, label_value(value)) for key, value in (("job", job), ("instance", instance)) if value)


def _labels(own: Attributes, source: Labels) -> Labels:
    labels = {label_name(key): label_value(value) for key, value in own.items()}
    return tuple(sorted({**labels, **dict(source)}.items()))
