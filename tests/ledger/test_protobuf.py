"""Spans and events read in short are what OTLP's own messages say."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from genmeter import names
from genmeter.ledger import BadPayload, decode, protobuf
from tests.ledger.otlp import NOON, chat, key_values, span, traces


def any_value(dice: random.Random, depth: int = 0) -> AnyValue:
    kind = dice.randrange(8 if depth < 3 else 6)
    made = AnyValue()
    if kind == 0:
        made.string_value = dice.choice(["", "a", "gpt-5", "ü€😀", "x" * 400])
    elif kind == 1:
        made.int_value = dice.choice([0, 1, -1, 2**63 - 1, -(2**63)])
    elif kind == 2:
        made.double_value = dice.choice([0.0, -0.5, 1e300, 0.1])
    elif kind == 3:
        made.bool_value = dice.random() < 0.5
    elif kind == 4:
        made.bytes_value = dice.randbytes(dice.randrange(4))
    elif kind == 6:
        made.array_value.values.extend(any_value(dice, depth + 1) for _ in range(dice.randrange(3)))
    elif kind == 7:
        pairs = (KeyValue(key=str(n), value=any_value(dice, depth + 1)) for n in range(dice.randrange(3)))
        made.kvlist_value.values.extend(pairs)
    return made


def pairs(dice: random.Random) -> list[KeyValue]:
    keys = [dice.choice(["", "k", "gen_ai.request.model", "k" * 300, str(n)]) for n in range(dice.randrange(9))]
    return [KeyValue(key=key, value=any_value(dice)) for key in keys]


@pytest.mark.parametrize("seed", range(20))
def test_random_spans_are_read_as_otlp_says(seed: int) -> None:
    dice = random.Random(seed)
    request = ExportTraceServiceRequest()
    for _ in range(2):
        group = request.resource_spans.add(schema_url="https://example.com")
        group.resource.attributes.extend(pairs(dice))
        scope = group.scope_spans.add(schema_url="https://example.com")
        scope.scope.name, scope.scope.version = dice.choice(["", "one"]), dice.choice(["", "1.0"])
        for _ in range(20):
            one = span(dice.randrange(1, 2**60), {}, parent=dice.choice([0, 7]), failed=dice.random() < 0.5)
            one.kind, one.trace_state, one.flags = dice.randrange(6), "a=b", 257
            one.attributes.extend(pairs(dice))
            one.events.add(name="event", time_unix_nano=1, attributes=pairs(dice))
            one.links.add(trace_id=b"x" * 16, span_id=b"y" * 8, attributes=pairs(dice))
            scope.spans.append(one)
    # two readings: what the first has remembered must not change the second
    for _ in range(2):
        found = decode.traces(request.SerializeToString())
        assert (found.received, found.rejected) == (40, 0)
        official = [
            (own, group, scope)
            for group in request.resource_spans
            for scope in group.scope_spans
            for own in scope.spans
        ]
        for (own, group, scope), read in zip(official, found.spans, strict=True):
            assert read.attributes == decode.attributes(own.attributes)
            assert list(read.attributes) == list(decode.attributes(own.attributes))
            assert read.resource == decode.attributes(group.resource.attributes)
            assert (read.trace_id, read.span_id) == (own.trace_id.hex(), own.span_id.hex())
            assert read.parent_span_id == (own.parent_span_id.hex() or None)
            assert (read.name, read.kind, read.scope) == (own.name, own.kind, scope.scope.name)
            assert (read.started_ns, read.ended_ns) == (own.start_time_unix_nano, own.end_time_unix_nano)
            assert (read.failed, read.message) == (own.status.code == 2, own.status.message)


@pytest.mark.parametrize("seed", range(20))
def test_random_events_are_read_as_otlp_says(seed: int) -> None:
    dice = random.Random(seed)
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(pairs(dice))
    scope = group.scope_logs.add()
    scope.scope.name = "one"
    for n in range(1, 21):
        record = scope.log_records.add(trace_id=b"x" * 16, span_id=n.to_bytes(8, "big"), severity_number=9)
        record.event_name = dice.choice([names.EVENT_DETAILS, names.EVENT_DETAILS, "other"])
        record.time_unix_nano, record.observed_time_unix_nano = dice.choice([(0, NOON), (NOON + n, NOON)])
        record.body.CopyFrom(any_value(dice))
        record.attributes.extend(pairs(dice))
    found = decode.logs(request.SerializeToString(), names.EVENT_DETAILS)
    wanted = [record for record in scope.log_records if record.event_name == names.EVENT_DETAILS]
    assert (found.received, len(found.events)) == (20, len(wanted))
    for own, read in zip(wanted, found.events, strict=True):
        assert read.attributes == decode.attributes(own.attributes)
        assert read.resource == decode.attributes(group.resource.attributes)
        assert (read.trace_id, read.span_id, read.scope) == (own.trace_id.hex(), own.span_id.hex(), "one")
        assert read.time_ns == (own.time_unix_nano or own.observed_time_unix_nano)


def test_a_damaged_attribute_makes_the_body_a_bad_payload() -> None:
    whole = traces(span(1, chat(note="abcdefgh"))).SerializeToString()
    # the text's length, the 8 before it, now reaches beyond its attribute; all lengths around it still hold
    damaged = whole.replace(b"\x08abcdefgh", b"\x7fabcdefgh")
    assert damaged != whole
    with pytest.raises(BadPayload):
        decode.traces(damaged)


def test_a_text_that_was_cut_inside_a_character_is_mended_and_costs_nobody_anything() -> None:
    """Protobuf refuses such a request whole; senders in other languages do not check."""
    first, second = span(1, chat(note="abcdefgh")), span(2, chat())
    first.name, first.status.message = "name 12345678", "said 12345678"
    sent = traces(first, second).SerializeToString()
    found = decode.traces(sent.replace(b"abcdefgh", b"abcdef\xe2\x82").replace(b"12345678", b"1234567\xe2"))
    assert (found.received, found.rejected) == (2, 0)
    assert found.spans[0].attributes["note"] == "abcdef\ufffd"
    assert (found.spans[0].name, found.spans[0].message) == ("name 1234567\ufffd", "said 1234567\ufffd")
    assert found.spans[0].attributes | {"note": None} == chat() | {"note": None}
    assert found.spans[1].attributes == chat()


def test_a_value_nested_beyond_reason_is_unknown_and_costs_nobody_anything() -> None:
    # by hand: protobuf will not even build it
    deep = field(1, b"bottom")
    for _ in range(200):
        deep = field(5, field(1, deep))
    pair = field(1, b"deep") + field(2, deep)
    spans = field(2, span(1, chat()).SerializeToString() + field(9, pair)) + field(
        2, span(2, chat()).SerializeToString()
    )
    found = decode.traces(field(1, field(2, spans)))
    assert (found.received, found.rejected) == (2, 0)
    assert found.spans[0].attributes == chat() | {"deep": None}
    assert found.spans[1].attributes == chat()


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field."""
    length, size = bytearray(), len(content)
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    return bytes([number << 3 | 2, *length, size]) + content


def test_pairs_that_come_once_do_not_fill_the_memory() -> None:
    known = protobuf.Pairs(decode.value)
    for n in range(100_000):
        (pair,) = key_values({"gen_ai.response.id": f"resp-{n}"})
        assert known.decode([pair.SerializeToString()]) == {"gen_ai.response.id": f"resp-{n}"}
    (long,) = key_values({"gen_ai.input.messages": "x" * 100_000})
    known.decode([long.SerializeToString()])
    assert len(known._known) <= 8192
    assert max(map(len, known._known)) <= 256


def short_pairs(dice: random.Random) -> Iterator[bytes]:
    """Pairs at the edges of what is read by hand, two in three of them with a byte changed."""
    texts = ("", "a", "é" * 60, "x" * 122, "x" * 123, "x" * 140)
    numbers = (0, 1, 127, 128, 16_383, 16_384, -1, 2**62)
    for _ in range(20_000):
        value = dice.choice(
            (
                AnyValue(string_value=dice.choice(texts)),
                AnyValue(int_value=dice.choice(numbers)),
                AnyValue(double_value=dice.random()),
                any_value(dice),
            )
        )
        pair = bytearray(KeyValue(key="k" * dice.choice((0, 1, 60, 127, 128)), value=value).SerializeToString())
        if pair and dice.random() < 0.66:
            pair[dice.randrange(len(pair))] = dice.choice((0x0A, 0x12, 0x18, 0x21, 0x7F, 0x80, dice.randrange(256)))
        yield bytes(pair)


def test_a_pair_that_is_read_by_hand_is_what_protobuf_makes_of_it() -> None:
    read = 0
    for pair in short_pairs(random.Random(7)):
        found = protobuf._plain(pair)
        if found is not None:
            official = KeyValue.FromString(pair)
            assert repr(found) == repr((official.key, decode.value(official.value))), pair
            read += 1
    assert read > 3_000
