"""Records that a store would refuse, each with what is to become of it behind the shipped configuration."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, DataPointFlags, Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.back_ends.traffic import Post, counter
from tests.ledger.otlp import Attribute, key_values

SECOND, HOUR, DAY = 10**9, 3600 * 10**9, 86_400 * 10**9
TAKEN, CUT, LOST = "arrives", "arrives, cut", "is lost"


def line(text: str = "", at: int = 0, **attributes: Attribute) -> LogRecord:
    record = LogRecord(time_unix_nano=at or time.time_ns(), attributes=key_values(attributes))
    if text:
        record.body.string_value = text
    return record


LINES: dict[str, tuple[Callable[[], LogRecord], str]] = {
    "a line of 300 KB": (lambda: line("x" * 300_000), CUT),
    "a line of 300 KB in characters of three bytes": (lambda: line("語" * 100_000), CUT),
    "a body that is a map of 300 KB": (lambda: structured("x" * 300_000), CUT),
    "an attribute of 70 KB": (lambda: line("text", big="x" * 70_000), CUT),
    "200 attributes": (lambda: line("text", **many(200, 10)), CUT),
    "200 attributes of 1 KB": (lambda: line("text", **many(200, 1000)), CUT),
    "messages of 300 KB as an attribute": (lambda: line(**{"gen_ai.input.messages": "x" * 300_000}), CUT),
    "8 days old": (lambda: line("old", time.time_ns() - 8 * DAY), LOST),
    "an hour ahead": (lambda: line("future", time.time_ns() + HOUR), LOST),
    "no time": (lambda: LogRecord(body=AnyValue(string_value="when?")), TAKEN),
}


def many(count: int, size: int) -> dict[str, Attribute]:
    return {f"a{number}": "x" * size for number in range(count)}


def structured(text: str) -> LogRecord:
    record = line()
    record.body.kvlist_value.values.extend(key_values({"text": text, "more": "m"}))
    return record


SOURCES: dict[str, dict[str, Attribute]] = {
    "a resource with an attribute of 70 KB": {"process.command_line": "x" * 70_000},
    "a resource with 100 attributes": many(100, 10),
    "a resource with 100 attributes of 1 KB": many(100, 1000),
}


def gauge(value: float, at: int, name: str = "probe.bad", **labels: str) -> Metric:
    metric = Metric(name=name)
    metric.gauge.data_points.add(as_double=value, time_unix_nano=at, attributes=key_values(labels))
    return metric


def delta(now: int) -> Metric:
    metric = counter(5, now - SECOND, now, "probe.bad")
    metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    return metric


def histogram(now: int) -> Metric:
    """One bucket where two bounds make three."""
    metric = Metric(name="probe.bad")
    metric.histogram.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    point = metric.histogram.data_points.add(time_unix_nano=now, start_time_unix_nano=now - SECOND, count=3, sum=1.0)
    point.bucket_counts.append(3)
    point.explicit_bounds.extend([1.0, 2.0])
    return metric


def two_values(now: int) -> Metric:
    metric = gauge(1, now)
    metric.gauge.data_points.add(as_double=2, time_unix_nano=now)
    return metric


def not_recorded(now: int) -> Metric:
    metric = gauge(1, now)
    metric.gauge.data_points[0].flags = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
    return metric


METRICS: dict[str, tuple[Callable[[int], Metric], str]] = {
    "25 hours old": (lambda now: gauge(1, now - 25 * HOUR), LOST),
    "an hour ahead": (lambda now: gauge(1, now + HOUR), LOST),
    "no time": (lambda now: gauge(1, 0), LOST),
    "two values at the same time": (two_values, TAKEN),
    "a delta": (delta, TAKEN),
    "not a number": (lambda now: gauge(math.nan, now), TAKEN),
    "infinite": (lambda now: gauge(math.inf, now), TAKEN),
    "marked as not recorded": (not_recorded, LOST),
    "a name with blanks and signs": (lambda now: gauge(1, now, "probe bad-!"), TAKEN),
    "a name that is empty": (lambda now: gauge(1, now, ""), LOST),
    "a label that Prometheus cannot spell": (lambda now: gauge(1, now, **{"1 a/b": "x"}), TAKEN),
    "a label without a name": (lambda now: gauge(1, now, **{"": "x"}), TAKEN),
    "labels that are one after translation": (lambda now: gauge(1, now, **{"a.b": "x", "a_b": "y"}), TAKEN),
    "a label of 1 MB": (lambda now: gauge(1, now, big="x" * 1_000_000), TAKEN),
    "a histogram with too few buckets": (histogram, TAKEN),
    "a counter that has been reset": (lambda now: counter(1, now - DAY, now, "probe.bad"), TAKEN),
}

Change = Callable[[Span], None]


class Fate(NamedTuple):
    """How a span goes bad, and what each store makes of it."""

    change: Change
    jaeger: str = TAKEN
    ledger: str = TAKEN


def attributes(**changes: Attribute) -> Change:
    """Dots are written as two underscores."""
    changed = {name.replace("__", "."): value for name, value in changes.items()}

    def change(span: Span) -> None:
        kept = [pair for pair in span.attributes if pair.key not in changed]
        del span.attributes[:]
        span.attributes.extend([*kept, *key_values(changed)])

    return change


def fields(**changes: object) -> Change:
    def change(span: Span) -> None:
        for name, value in changes.items():
            setattr(span, name, value)

    return change


def costs(value: Attribute) -> Change:
    return attributes(gen_ai__usage__cost__amount=value, gen_ai__usage__cost__currency="USD")


def links(span: Span) -> None:
    for _ in range(20_000):
        span.links.add(trace_id=b"l" * 16, span_id=b"l" * 8)


NAN_IN_JAEGER = "arrives, and no search that finds it is answered"
SPANS: dict[str, Fate] = {
    "a trace id of zeros": Fate(fields(trace_id=bytes(16)), LOST, LOST),
    "no trace id": Fate(fields(trace_id=b""), LOST, LOST),
    "a span id of zeros": Fate(fields(span_id=bytes(8)), LOST, LOST),
    "no start": Fate(fields(start_time_unix_nano=0), LOST, LOST),
    "an end before its start": Fate(fields(end_time_unix_nano=1)),
    "a start in the year 2262": Fate(fields(start_time_unix_nano=2**63 - 1, end_time_unix_nano=2**63 - 1), LOST, LOST),
    "a count below zero": Fate(attributes(gen_ai__usage__input_tokens=-5)),
    "a count that is text": Fate(attributes(gen_ai__usage__input_tokens="many")),
    "a count beyond all reason": Fate(attributes(gen_ai__usage__input_tokens=2**62)),
    "a count of one and a half": Fate(attributes(gen_ai__usage__input_tokens=1.5)),
    "a cost that is no number": Fate(costs(math.nan), NAN_IN_JAEGER),
    "an infinite cost": Fate(costs(math.inf), NAN_IN_JAEGER),
    "a cost below zero": Fate(costs(-1.0)),
    "a cost that is text": Fate(costs("dear")),
    "an attribute of 1 MB": Fate(attributes(big="x" * 1_000_000), TAKEN, CUT),
    "an attribute of 1 MB in characters of three bytes": Fate(attributes(big="語" * 350_000), TAKEN, CUT),
    "a model name of 1 MB": Fate(attributes(gen_ai__response__model="m" * 1_000_000), TAKEN, CUT),
    "messages of 20 MB": Fate(attributes(gen_ai__input__messages="x" * 20_000_000), TAKEN, CUT),
    "an attribute of 20 MB": Fate(attributes(big="x" * 20_000_000), TAKEN, CUT),
    "a name of 20 MB": Fate(fields(name="n" * 20_000_000), TAKEN, CUT),
    "2,800 attributes of 8 KB": Fate(attributes(**many(2800, 8000)), TAKEN, CUT),
    "5,000 attributes": Fate(attributes(**many(5000, 100)), TAKEN, CUT),
    "20,000 links": Fate(links),
}


def nested(depth: int) -> bytes:
    """The wire form of a span's attribute; protobuf in Python refuses to build one that deep."""
    value = AnyValue(string_value="deep").SerializeToString()
    for _ in range(depth):
        value = lengthy(5, lengthy(1, value))  # AnyValue.array_value, ArrayValue.values
    return lengthy(9, lengthy(1, b"nested") + lengthy(2, value))  # Span.attributes, KeyValue.key, KeyValue.value


def lengthy(number: int, content: bytes) -> bytes:
    """A length-delimited field of the protobuf wire format."""
    length, size = len(content), b""
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content


BROKEN = "a text that ends inside a character"


def broken(request: Post) -> Post:
    """The request with such a text, as emitters write it that cut by bytes."""
    assert request.body.count(b"cut~") == 1
    return Post(request.path, request.body.replace(b"cut~", b"cut\xc3"))
