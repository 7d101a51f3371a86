"""OTLP requests, protobuf or JSON, into plain records of spans and events.

A record that cannot be keyed or dated is rejected by itself; the rest of its request is kept.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from genmeter import names
from genmeter.ledger import otlp_json, protobuf
from genmeter.ledger.errors import BadPayload, TooLarge
from genmeter.ledger.limits import ATTRIBUTES, DEPTH, ITEMS, METRIC_BYTES, METRIC_PARTS
from genmeter.ledger.protobuf import Value
from genmeter.ledger.walk import METRICS, Allowance, count
from genmeter.reading.conventions import bundled
from genmeter.reading.records import translated

Attributes = dict[str, Value]
_EVENT_NAME = "event.name"
_EVENT_KEY = _EVENT_NAME.encode()
_KEY = 0x0A
"""Tag of a pair's key. A key of usage or money is short, so its length is the one byte behind the tag."""
LATEST_NS = 2**62
"""Times beyond the year 2116 are garbage, and room is left to add durations in 64 bits."""


class Encoding(enum.Enum):
    """How an OTLP body is written; the values are its content types."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class Span(NamedTuple):
    """One span as it arrived; ids are lower-case hex, ``parent_span_id`` is None at the root, times are Unix ns.

    ``scope`` and ``version`` are those of the instrumentation that wrote it.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: int
    started_ns: int
    ended_ns: int
    failed: bool
    message: str
    attributes: Attributes
    resource: Attributes
    scope: str
    version: str = ""


class Event(NamedTuple):
    """One named log record inside a span's context.

    ``known``: its name is one of a call. Another event is read only to be counted, where it has usage or money.
    """

    trace_id: str
    span_id: str
    name: str
    time_ns: int
    attributes: Attributes
    resource: Attributes
    scope: str
    version: str = ""
    known: bool = True


class Decoded(NamedTuple):
    """The usable records of one request, the number of unusable ones, and the fault of the first unusable one."""

    spans: list[Span]
    events: list[Event]
    received: int
    rejected: int
    reason: str


M = TypeVar("M", bound=Message)


def read(payload: bytes | Message, message: M, encoding: Encoding = Encoding.PROTOBUF) -> M:
    """The request in ``payload``. Raises ``BadPayload``."""
    if isinstance(payload, type(message)):
        return payload
    if not isinstance(payload, bytes):
        raise BadPayload(f"expected {type(message).__name__}, got {type(payload).__name__}")
    if encoding is Encoding.JSON:
        return otlp_json.parse(payload, message)
    try:
        message.ParseFromString(payload)
    except DecodeError:
        raise BadPayload(f"the body is not a protobuf {type(message).__name__}") from None
    return message


@dataclass(slots=True)
class Tally:
    """What a request held: records received, unusable ones, and the fault of the first of these."""

    received: int = 0
    rejected: int = 0
    reason: str = ""

    def reject(self, which: str, fault: str) -> None:
        """Count an unusable record."""
        self.rejected += 1
        self.reason = self.reason or f"{which}: {fault}"


def spans(payload: bytes | Message, encoding: Encoding, tally: Tally) -> Iterator[Span]:
    """The usable spans of an ``ExportTraceServiceRequest``, each read when it is asked for. Raises ``BadPayload``."""
    # here and not with the first record: JSON is read before the caller takes a lock for the records
    return _spans(wire(payload, ExportTraceServiceRequest, encoding), tally)


def _spans(data: bytes, tally: Tally) -> Iterator[Span]:
    for span, resource, scope in protobuf.records(data, protobuf.SPAN, _known, _of_scope):
        tally.received += 1
        fault = _fault(span, span.start_time_unix_nano)
        if fault:
            tally.reject(f"span {protobuf.text(span.name[:80])!r}", fault)
        else:
            yield _span(span, resource, scope)


def events(payload: bytes | Message, wanted: str, encoding: Encoding, tally: Tally) -> Iterator[Event]:
    """The events named ``wanted`` of an ``ExportLogsServiceRequest``, each read when it is asked for.

    Records of emitters with names of their own come too, in the names of today, and other events with usage or money,
    which are not ``known``. Other log records are none of the ledger's business. Raises ``BadPayload``.
    """
    return _events(wire(payload, ExportLogsServiceRequest, encoding), wanted, tally)


def _events(data: bytes, wanted: str, tally: Tally) -> Iterator[Event]:
    records = bundled().records
    for record, resource, scope in protobuf.records(data, protobuf.LOG_RECORD, _known, _of_scope):
        tally.received += 1
        # the name may stand in the field and in the attribute: Rust's bridge writes a place in the source into the field
        said = (protobuf.text(record.event_name), _named(record.attributes))
        name = next((one for one in said if one in records and records.has(one, scope.name)), None)
        if name is None and wanted not in said and not (any(said) and _says_money(record.attributes)):
            continue
        inside = _identify(record) if name is not None or wanted not in said else None
        fault = _fault(record, record.time_unix_nano or record.observed_time_unix_nano)
        if fault:
            tally.reject(f"event {name or wanted!r}", fault)
        else:
            event = _event(record, resource, scope)._replace(known=wanted in said)
            yield event if name is None else _read_by_row(event, name, inside)


def _read_by_row(event: Event, name: str, inside: str | None) -> Event:
    """The event in the names of today, where a row means it. ``inside`` is the span that it was written in."""
    row = bundled().records.of(name, event.scope, event.attributes)
    if row is None:
        return event
    within: Attributes = {} if inside is None else {names.PARENT_SPAN: inside}
    return event._replace(attributes=within | translated(event.attributes, row), known=True)


def _identify(record: Any) -> str | None:
    """Give a record ids of its own: such emitters write none, or those of a span that holds many calls.

    Returns the id of that span, None where there is none.
    """
    said = b"".join(sorted(record.attributes)) + str(record.time_unix_nano or record.observed_time_unix_nano).encode()
    made = blake2b(said, digest_size=24).digest()
    inside = record.span_id.hex() if len(record.span_id) == 8 and any(record.span_id) else None
    if not any(record.trace_id):
        record.trace_id = made[:16]
    record.span_id = made[16:]
    return inside


def traces(payload: bytes | Message, encoding: Encoding = Encoding.PROTOBUF) -> Decoded:
    """All of ``spans`` at once. Raises ``BadPayload``."""
    tally = Tally()
    found = list(spans(payload, encoding, tally))
    return Decoded(found, [], tally.received, tally.rejected, tally.reason)


def logs(payload: bytes | Message, wanted: str, encoding: Encoding = Encoding.PROTOBUF) -> Decoded:
    """All of ``events`` at once. Raises ``BadPayload``."""
    tally = Tally()
    found = list(events(payload, wanted, encoding, tally))
    return Decoded([], found, tally.received, tally.rejected, tally.reason)


def metrics(payload: bytes | Message, encoding: Encoding = Encoding.PROTOBUF) -> ExportMetricsServiceRequest:
    """The ``ExportMetricsServiceRequest`` itself: metrics are not booked. Raises ``BadPayload``."""
    if isinstance(payload, bytes) and len(payload) > METRIC_BYTES:
        raise TooLarge(f"the request has more than the {METRIC_BYTES:,} bytes of metrics allowed; send smaller batches")
    if isinstance(payload, bytes) and encoding is Encoding.PROTOBUF:
        count(payload, METRICS, Allowance(METRIC_PARTS, "metrics, points, attributes and values"))
    return read(payload, ExportMetricsServiceRequest(), encoding)


def attributes(pairs: Iterable[KeyValue]) -> Attributes:
    """OTLP key-values as a plain dict; a later value of the same key wins."""
    return {pair.key: value(pair.value) for pair in pairs}


def value(any_value: AnyValue) -> Value:
    """One OTLP value as plain data; bytes become hex. A value of too many parts, or nested too deep, is unknown."""
    kind = any_value.WhichOneof("value")
    if kind == "string_value":
        return any_value.string_value
    if kind is None:
        return None
    if kind == "bytes_value":
        return any_value.bytes_value.hex()
    if kind in ("array_value", "kvlist_value"):
        try:
            return _inside(any_value, Allowance(ITEMS, "values in an attribute"), 0)
        except TooLarge:
            return None
    return getattr(any_value, kind)


def _inside(any_value: AnyValue, allowance: Allowance, depth: int) -> Value:
    kind = any_value.WhichOneof("value")
    if kind not in ("array_value", "kvlist_value"):
        return value(any_value)
    if depth == DEPTH:
        raise TooLarge(f"a value is nested deeper than {DEPTH}")
    if kind == "array_value":
        allowance.take(len(any_value.array_value.values))
        return [_inside(item, allowance, depth + 1) for item in any_value.array_value.values]
    allowance.take(len(any_value.kvlist_value.values))
    return {pair.key: _inside(pair.value, allowance, depth + 1) for pair in any_value.kvlist_value.values}


_known = protobuf.Pairs(value)


def _pairs(pairs: Iterable[bytes]) -> Attributes:
    try:
        return _known.decode(pairs)
    except DecodeError:
        raise BadPayload(protobuf.BAD_PAIR) from None


def wire(payload: bytes | Message, official: type[Message], encoding: Encoding) -> bytes:
    """The request in ``payload`` as protobuf's bytes. Raises ``BadPayload``."""
    if encoding is Encoding.JSON or not isinstance(payload, bytes):
        return read(payload, official(), encoding).SerializeToString()
    return payload


def _named(pairs: Iterable[bytes]) -> str:
    """The name of an event that stands in an attribute, as older SDKs write it. Only such pairs are taken apart."""
    # one search in all of them first: few events have such a pair
    if _EVENT_KEY not in b"".join(pairs):
        return ""
    found = [pair for pair in pairs if _EVENT_KEY in pair]
    return str(_pairs(found).get(_EVENT_NAME, "")) if found else ""


def _says_money(pairs: Iterable[bytes]) -> bool:
    """Whether one of the attributes may hold usage or money. No value is taken apart: most events have none."""
    money = bundled().money
    return any(len(pair) > 2 and pair[0] == _KEY and pair[2 : 2 + pair[1]] in money for pair in pairs)


def _fault(record: Any, time_ns: int) -> str:
    if len(record.trace_id) != 16 or not any(record.trace_id):
        return "its trace id is not 16 non-zero bytes"
    if len(record.span_id) != 8 or not any(record.span_id):
        return "its span id is not 8 non-zero bytes"
    if len(record.attributes) > ATTRIBUTES:
        return f"it has more than {ATTRIBUTES:,} attributes"
    return "" if 0 < time_ns < LATEST_NS else "it carries no usable time"


class _Scope(NamedTuple):
    """The instrumentation of some records. ``mark`` is what it says of all of them: that they are no bills, or nothing."""

    name: str
    version: str
    mark: Attributes


def _of_scope(scope: Any) -> _Scope:
    said = _pairs(scope.attributes) if scope.attributes else {}
    marked = said.get(names.COST_STATUS) == names.ELSEWHERE
    mark = {name: said[name] for name in (names.COST_STATUS, names.BILLED_BY) if name in said} if marked else {}
    return _Scope(protobuf.text(scope.name), protobuf.text(scope.version), mark)


def _span(span: Any, resource: Attributes, scope: _Scope) -> Span:
    return Span(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex() if any(span.parent_span_id) else None,
        protobuf.text(span.name),
        span.kind,
        span.start_time_unix_nano,
        min(max(span.end_time_unix_nano, span.start_time_unix_nano), LATEST_NS),
        span.status.code == Status.STATUS_CODE_ERROR,
        protobuf.text(span.status.message),
        _pairs(span.attributes) | scope.mark,
        resource,
        scope.name,
        scope.version,
    )


def _event(record: Any, resource: Attributes, scope: _Scope) -> Event:
    own = _pairs(record.attributes) | scope.mark
    return Event(
        record.trace_id.hex(),
        record.span_id.hex(),
        protobuf.text(record.event_name) or str(own.get(_EVENT_NAME)),
        record.time_unix_nano or record.observed_time_unix_nano,
        own,
        resource,
        scope.name,
        scope.version,
    )
