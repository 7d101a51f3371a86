"""A small request costs little: what unpacks to very much is refused in bounded time and memory, and says which limit."""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from google.rpc.status_pb2 import Status

from genmeter.ledger import Encoding, Ledger, TooLarge, decode, limits
from genmeter.ledger.ledger import SLICE
from genmeter.server.remembering import LARGEST_KEPT, MOST_BYTES, Remembering
from tests.ledger.otlp import chat, span, traces
from tests.server.client import JSON, PROTOBUF, Client, Service, served, service

MANY = 15 << 20
EMPTY = b"\n\x00"


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field with a number below 16."""
    length, size = bytearray(), len(content)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content


def spans(content: bytes) -> bytes:
    return field(1, field(2, content))


ONE = span(1, chat()).SerializeToString()
NESTED = field(1, b"bottom")
for _ in range(5_000):
    NESTED = field(5, field(1, NESTED))
WIDE = field(1, b"a") + field(2, field(5, EMPTY * 2_000))
BOMBS = {
    "groups": EMPTY * MANY,
    "spans": spans(b"\x12\x00" * MANY),
    "scopes": field(1, b"\x12\x00" * MANY),
    "attributes of a span": spans(field(2, ONE + b"\x4a\x00" * MANY)),
    "attributes of a resource": field(1, field(1, EMPTY * MANY) + field(2, field(2, ONE))),
    "unread fields of a span": spans(field(2, ONE + b"\x6a\x00" * MANY)),
    "unread fields of many spans": spans(field(2, ONE + b"\x6a\x00" * 90_000) * 160),
    "a wide value": spans(field(2, ONE + field(9, field(1, b"a") + field(2, field(5, EMPTY * MANY))))),
    "many wide values": spans(field(2, ONE + field(9, WIDE) * 900) * 7),
    "a deep value": spans(field(2, ONE + field(9, field(1, b"a") + field(2, NESTED)))),
    "a text": spans(field(2, ONE + field(9, field(1, b"gen_ai.request.model") + field(2, field(1, b"x" * 2 * MANY))))),
}
METRIC_BOMBS = {
    "points": field(1, field(2, field(2, field(5, EMPTY * (7 << 19))))),
    "values": field(1, field(1, field(1, field(1, b"a") + field(2, field(5, EMPTY * (3 << 20)))))),
    "counts": field(1, field(2, field(2, field(10, field(1, field(8 % 16, field(2, b"\0" * (7 << 20)))))))),
    "bytes": EMPTY * MANY,
}
OPENING = b'{"resourceSpans":[{"scopeSpans":[{"spans":['
JSON_BOMBS = {
    "objects": OPENING + b"{}," * MANY + b"{}]}]}]}",
    "keys": b"{" + b",".join(b'"%d":1' % n for n in range(400_000)) + b"}",
    "arrays in arrays": b"[" * 1_000_000,
    "objects in objects": b'{"a":' * 1_000_000,
    "digits": b'{"resourceSpans":' + b"9" * MANY + b"}",
    "a number beyond all bounds": OPENING + b'{"startTimeUnixNano":1e999999,"kind":1e999999}]}]}]}',
    "escapes": b'{"resourceSpans":"' + b"\\u0041" * (MANY // 6) + b'"}',
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("limits")) as running:
        yield running


def used(ledger: Service) -> float:
    """Processor seconds of the service."""
    fields = Path(f"/proc/{ledger.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def peak(ledger: Service) -> int:
    """The most MiB that the service has had since ``forget``."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{ledger.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) >> 10


def forget(ledger: Service) -> None:
    Path(f"/proc/{ledger.process.pid}/clear_refs").write_text("5")


@pytest.mark.skipif(sys.platform != "linux", reason="the files in /proc are Linux's")
@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        *(("/v1/traces", PROTOBUF, body) for body in BOMBS.values()),
        *(("/v1/logs", PROTOBUF, body) for body in BOMBS.values()),
        *(("/v1/metrics", PROTOBUF, body) for body in METRIC_BOMBS.values()),
        *(("/v1/traces", JSON, body) for body in JSON_BOMBS.values()),
        *(("/v1/metrics", JSON, body) for body in JSON_BOMBS.values()),
    ],
    ids=[
        *(f"{signal}-{name}" for signal in ("traces", "logs") for name in BOMBS),
        *(f"metrics-{name}" for name in METRIC_BOMBS),
        *(f"json-{signal}-{name}" for signal in ("traces", "metrics") for name in JSON_BOMBS),
    ],
)
def test_a_small_request_takes_neither_the_memory_nor_the_time_of_the_service(
    ledger: Service, path: str, kind: dict[str, str], body: bytes
) -> None:
    packed = gzip.compress(body, 6)
    client = ledger.client()
    forget(ledger)
    memory, seconds = peak(ledger), used(ledger)
    reply = client.ask("POST", path, packed, {**kind, "Content-Encoding": "gzip"})
    assert reply.status in (200, 400, 413)
    assert len(reply.body) < 1_000
    # one processor second on the slowest machine that runs these tests; the collector takes 0.2
    assert used(ledger) - seconds < 2
    assert peak(ledger) - memory < 256
    if reply.status == 413 and kind is PROTOBUF:
        assert re.search(r"more than (the )?[\d,]+ .*; send smaller batches", Status.FromString(reply.body).message)
    assert client.post("/v1/traces", traces(span(1, chat())).SerializeToString()).status == 200


def test_a_span_of_too_many_attributes_is_rejected_alone_and_its_neighbour_is_booked() -> None:
    crowded = span(1, chat())
    for number in range(limits.ATTRIBUTES):
        crowded.attributes.add(key=f"k{number}").value.int_value = number
    with Ledger.open() as ledger:
        booked = ledger.book_traces(traces(crowded, span(2, chat())))
        assert (booked.received, booked.rejected, booked.outcome.booked) == (2, 1, 1)
        assert "more than 1,000 attributes" in booked.reason


@pytest.mark.parametrize(("links", "booked"), [(20_000, 2), (limits.FIELDS, 1)])
def test_a_span_of_many_links_costs_no_other_and_is_booked_within_its_limit(links: int, booked: int) -> None:
    crowded = span(1, chat())
    for _ in range(links):
        crowded.links.add(trace_id=b"l" * 16, span_id=b"l" * 8)
    with Ledger.open() as ledger:
        found = ledger.book_traces(traces(crowded, span(2, chat())))
        assert (found.received, found.outcome.booked, found.rejected) == (2, booked, 2 - booked)


def test_as_many_spans_as_are_allowed_are_taken_and_one_more_is_not() -> None:
    # two messages stand around the spans
    batch = spans(field(2, b"") * (limits.RECORDS - 2))
    assert decode.traces(batch).received == limits.RECORDS - 2
    with pytest.raises(TooLarge, match=r"20,000 .*; send smaller batches"):
        decode.traces(spans(field(2, b"") * (limits.RECORDS - 1)))


def nested(depth: int) -> object:
    value: object = {"stringValue": "x"}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    return value


def read_as_json(value: object) -> object:
    own = [{"key": "deep", "value": value}]
    one = {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1", "startTimeUnixNano": "1", "attributes": own}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}).encode()
    return decode.traces(body, Encoding.JSON).spans[0].attributes["deep"]


def test_a_value_is_known_down_to_its_limit_and_unknown_below() -> None:
    assert str(read_as_json(nested(limits.DEPTH))).count("[") == limits.DEPTH
    assert read_as_json(nested(limits.DEPTH + 1)) is None
    item = {"intValue": "1"}
    assert read_as_json({"arrayValue": {"values": [item] * limits.ITEMS}}) == [1] * limits.ITEMS
    assert read_as_json({"arrayValue": {"values": [item] * (limits.ITEMS + 1)}}) is None


def test_a_large_request_lets_a_writer_in_between_its_slices() -> None:
    with Ledger.open() as ledger:
        (one,) = decode.traces(traces(span(1, chat())).SerializeToString()).spans
        left: list[int] = []
        reading = threading.Event()

        def records() -> Iterator[decode.Span]:
            for number in range(100 * SLICE):
                reading.set()
                assert ledger.store.turn.locked()  # type: ignore[attr-defined]  # SQLite's is a plain lock
                left.append(number)
                yield one

        def write() -> int:
            reading.wait()
            with ledger.store.turn:
                return len(left)

        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(write)
            ledger._in_turns(records(), lambda *_: None)
        assert 0 < written.result() < 100 * SLICE


def test_kept_answers_are_bounded_in_bytes() -> None:
    kept = Remembering(lambda: "same")
    large = LARGEST_KEPT - 1
    asked: list[int] = []

    def ask(number: int, size: int) -> bytes:
        return kept.answer("spend", {"n": number}, lambda: asked.append(number) or b"x" * size)

    for number in range(20):
        assert len(ask(number, large)) == large
    assert sum(len(one.answer) for one in kept._kept.values()) <= MOST_BYTES
    ask(19, large)
    assert asked == list(range(20))
    ask(20, LARGEST_KEPT + 1)
    ask(20, LARGEST_KEPT + 1)
    assert asked[-2:] == [20, 20]


def test_a_report_of_very_many_rows_has_the_first_ones_and_the_total_of_all() -> None:
    users = 10_001
    with Ledger.open() as ledger, served(ledger) as client:
        for first in range(1, users + 1, 2_000):
            numbers = range(first, min(first + 2_000, users + 1))
            ledger.book_traces(traces(*(span(n, chat(user__id=f"u{n}"), trace=n) for n in numbers)))
        answer = client.get("/api/spend?by=user").json
        assert (len(answer["rows"]), answer["rows_left_out"], answer["total"]["calls"]) == (10_000, 1, users)


def metric(name: str, points: int = 1, more: dict[str, str] | None = None, **kind: object) -> bytes:
    data = [
        {"asInt": "1", "timeUnixNano": "1", "attributes": [{"key": "n", "value": {"intValue": str(n)}}, *pairs(more)]}
        for n in range(points)
    ]
    one = {"name": name, "gauge": {"dataPoints": data}, **kind}
    return json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [one]}]}]}).encode()


def pairs(named: dict[str, str] | None) -> list[dict[str, object]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in (named or {}).items()]


@pytest.fixture
def page() -> Iterator[Client]:
    with served(Ledger.open()) as client:
        yield client


@pytest.mark.parametrize("label", ["le", "quantile", "__name__", "__address__", "__le__", "__", "_", ".le", "9", ""])
def test_no_label_from_outside_means_anything_to_prometheus(page: Client, label: str) -> None:
    assert page.ask("POST", "/v1/metrics", metric("jobs", more={label: "forged"}), JSON).status == 200
    (line,) = [line for line in page.get("/metrics").body.decode().splitlines() if line.startswith("jobs{")]
    names = re.findall(r'[{,]([^=,{]+)="', line)
    assert "forged" in line and len(names) == 2
    assert all(re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_]*", name) for name in names)
    assert not {"le", "quantile", "job", "instance"} & set(names)


def test_metrics_of_applications_are_bounded_in_bytes_and_the_rest_is_counted(page: Client) -> None:
    long = {f"label{n}": "x" * 310 for n in range(20)}
    for number in range(4):
        body = metric(f"jobs{number}", 1_000, long, description="d" * 100_000)
        assert page.ask("POST", "/v1/metrics", body, JSON).status == 200
    text = page.get("/metrics").body
    assert len(text) < (17 << 20)
    found = re.search(rb"^genmeter_ledger_points_skipped_total (\d+)$", text, re.MULTILINE)
    assert found is not None and int(found[1]) > 1_000
    assert max(len(line) for line in text.splitlines() if line.startswith(b"# HELP")) < 500


def test_very_many_models_are_some_series_and_the_sum_of_spend_is_exact(page: Client) -> None:
    for first in range(1, 6_001, 2_000):
        numbers = range(first, first + 2_000)
        batch = traces(*(span(n, chat(gen_ai__response__model=f"made-up-{n}"), trace=n) for n in numbers))
        assert page.post("/v1/traces", batch.SerializeToString()).status == 200
    text = page.get("/metrics").body.decode()
    spent = re.findall(r"^genmeter_ledger_spend_usd\{.*\} ([\d.]+)$", text, re.MULTILINE)
    assert len(spent) == 5_001
    # 6,000 calls of $0.0125, in units of a ten-thousandth
    assert sum(round(float(one) * 10_000) for one in spent) == 6_000 * 125
    assert 'model="(others)"' in text
