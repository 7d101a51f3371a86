"""One bad record among good ones, through the shipped configuration: the good ones arrive, and of the bad one as much
as the store takes. Where a store loses the neighbours as well, the table says so and the README of the collector does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tests.e2e.back_ends import arrivals, measured
from tests.e2e.back_ends.records import (
    BROKEN,
    CUT,
    LINES,
    LOST,
    METRICS,
    NAN_IN_JAEGER,
    SECOND,
    SOURCES,
    SPANS,
    TAKEN,
    Fate,
    attributes,
    broken,
    gauge,
    lengthy,
    line,
    many,
    nested,
)
from tests.e2e.back_ends.traffic import Call, Key, Post, call, counter, logs, metrics, post, resource, traces
from tests.ledger.otlp import key_values
from tests.stack import Stack
from tests.stack.loopback import get_json

pytestmark = pytest.mark.xdist_group("refusals")

PATIENCE = 20.0
SERVERS = ("jaeger", "loki", "prometheus", "ledger", "otelcol")


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("refusals"), servers=SERVERS) as running:
        yield running


@pytest.fixture(scope="module")
def rows() -> Iterator[list[list[object]]]:
    """What became of each record; the table of them is written at the end."""
    made: list[list[object]] = []
    yield made
    measured.write("what-a-bad-record-costs", ["store", "record", "the record", "its neighbours"], made)


@pytest.mark.parametrize("what", LINES)
def test_a_log_record_that_loki_would_refuse_costs_no_other(stack, rows, what):
    make, fate = LINES[what]
    service = named("loki", what)
    good, bad = [line("good one"), line("good two")], make()
    assert post(stack.otlp_http, logs(good[0], bad, good[1], resource=resource(service)))[0] == 200
    found = arrivals.wait(
        lambda: [text for _, text in arrivals.lines(stack, service, hours=24)],
        lambda found: len(found) == (2 if fate == LOST else 3),
        PATIENCE,
    )
    kept = [text for text in found if text.startswith("good")]
    rows.append(["Loki", what, fate, said(len(kept), 2)])
    assert sorted(kept) == ["good one", "good two"]
    assert len(found) == (2 if fate == LOST else 3)


@pytest.mark.parametrize("what", SOURCES)
def test_a_large_resource_does_not_cost_an_application_its_lines(stack, rows, what):
    # What is on the resource is in every record, so a limit that it breaks is broken by all of them.
    service = named("loki", what)
    source = resource(service)
    source.attributes.extend(key_values(SOURCES[what]))
    records = [line("one", **many(60, 10)), line("two"), call(0, time.time_ns()).event]
    assert post(stack.otlp_http, logs(*records, resource=source))[0] == 200
    found = arrivals.wait(lambda: arrivals.lines(stack, service), lambda found: len(found) == 3, PATIENCE)
    rows.append(["Loki", what, CUT, said(len(found), 3)])
    assert len(found) == 3


def test_calls_that_end_in_the_same_instant_are_lines_of_their_own(stack, rows):
    # Clocks of a millisecond are common, and a Loki without the change of grafana/loki issue 15425 takes records alike in
    # stream, time and text for one, whatever else they carry. The event of a call has no text of its own.
    service = named("loki", "same instant")
    calls = [call(number, time.time_ns()) for number in range(3)]
    for one in calls:
        one.event.time_unix_nano = calls[0].event.time_unix_nano
    assert post(stack.otlp_http, logs(*(one.event for one in calls), resource=resource(service)))[0] == 200
    keys = {one.key for one in calls}
    found = arrivals.wait(lambda: set(arrivals.line_keys(stack, service)), lambda found: found == keys, PATIENCE)
    rows.append(["Loki", "three calls that end in the same instant", f"{len(found)} of 3 arrive", "–"])
    assert found == keys


@pytest.mark.parametrize("what", METRICS)
def test_a_point_that_prometheus_would_refuse_costs_no_other(stack, rows, what):
    make, fate = METRICS[what]
    service = named("prometheus", what)
    now = time.time_ns() - SECOND
    good = [counter(7, now - SECOND, now, "probe.first"), counter(8, now - SECOND, now, "probe.last")]
    assert post(stack.otlp_http, metrics(good[0], make(now), good[1], resource=resource(service)))[0] == 200
    found = neighbours(stack, service, PATIENCE)
    bad = arrivals.sample(stack, f'count({{__name__=~"probe_bad.*", job="{service}"}})')
    rows.append(["Prometheus", what, fate, said(len(found), 2)])
    assert found == [7, 8]
    assert bool(bad) is (fate == TAKEN)


def test_another_value_for_a_time_that_prometheus_has_costs_the_request_it_comes_in(stack, rows):
    # The one case that no filter can see: it takes knowing what was sent before. It costs the request, not the next one.
    service = named("prometheus", "another value")
    now = time.time_ns() - SECOND
    source = resource(service)
    assert post(stack.otlp_http, metrics(gauge(1, now), resource=source))[0] == 200
    bad = arrivals.wait(lambda: arrivals.sample(stack, f'probe_bad{{job="{service}"}}'), lambda value: value == 1)
    assert bad == 1
    good = [counter(7, now - SECOND, now, "probe.first"), counter(8, now - SECOND, now, "probe.last")]
    assert post(stack.otlp_http, metrics(good[0], gauge(2, now), good[1], resource=source))[0] == 200
    assert post(stack.otlp_http, metrics(counter(9, now - SECOND, now, "probe.after"), resource=source))[0] == 200
    after = f'probe_after_total{{job="{service}"}}'
    assert arrivals.wait(lambda: arrivals.sample(stack, after), lambda value: value == 9, PATIENCE) == 9
    found = neighbours(stack, service, 0)
    rows.append(["Prometheus", "another value for a time that it has", LOST, said(len(found), 2)])
    assert found == []
    assert arrivals.sample(stack, f'probe_bad{{job="{service}"}}') == 1


def neighbours(stack: Stack, service: str, within: float) -> list[float]:
    """The values of the two good counters that are there."""

    def ask() -> list[float]:
        names = ("probe_first_total", "probe_last_total")
        values = [arrivals.sample(stack, f'{name}{{job="{service}"}}') for name in names]
        return [value for value in values if value is not None]

    return arrivals.wait(ask, lambda found: len(found) == 2, within)


@pytest.mark.parametrize("what", SPANS)
def test_a_bad_span_costs_no_other(stack, rows, what):
    fate = SPANS[what]
    calls = [call(count, time.time_ns()) for count in range(3)]
    bad = calls.pop().span
    fate.change(bad)
    judge_spans(stack, rows, what, fate, calls, traces(calls[0].span, bad, calls[1].span, resource=source_of(what)))


def test_a_span_with_broken_text_costs_no_other(stack, rows):
    what, fate = BROKEN, Fate(attributes(note="cut~"))
    calls = [call(count, time.time_ns()) for count in range(3)]
    bad = calls.pop().span
    fate.change(bad)
    request = broken(traces(calls[0].span, bad, calls[1].span, resource=source_of(what)))
    judge_spans(stack, rows, what, fate, calls, request)


def test_a_span_with_lists_in_lists_costs_no_other(stack, rows):
    # Each level is two messages, and protobuf gives up after 100; the collector reads on.
    what = "lists in lists, 200 deep"
    calls = [call(count, time.time_ns()) for count in range(3)]
    bad = calls.pop().span.SerializeToString() + nested(200)
    spans = [calls[0].span.SerializeToString(), bad, calls[1].span.SerializeToString()]
    # ExportTraceServiceRequest.resource_spans, ResourceSpans.resource and .scope_spans, ScopeSpans.spans
    group = lengthy(1, source_of(what).SerializeToString()) + lengthy(2, b"".join(lengthy(2, span) for span in spans))
    judge_spans(stack, rows, what, Fate(attributes(), TAKEN, TAKEN), calls, Post("/v1/traces", lengthy(1, group)))


def judge_spans(
    stack: Stack, rows: list[list[object]], what: str, fate: Fate, calls: list[Call], request: Post
) -> None:
    """Send a request of two good calls and a bad one, and look at what has come of them."""
    service = source_of(what).attributes[0].value.string_value
    assert post(stack.otlp_http, request)[0] == 200
    good = {one.key: one.pico for one in calls}
    wanted = {"ledger": 2 + (fate.ledger != LOST), "Jaeger": 2 + (fate.jaeger != LOST)}
    booked = arrivals.wait(
        lambda: arrivals.booked(stack, service), lambda found: len(found) == wanted["ledger"], PATIENCE
    )
    # By their ids, because one span that the API cannot show spoils every search that finds it.
    shown = arrivals.wait(lambda: in_jaeger(stack, good), lambda found: found == good.keys(), PATIENCE)
    rows.append(["ledger", what, fate.ledger, said(len(booked.keys() & good.keys()), 2)])
    rows.append(["Jaeger", what, fate.jaeger, said(len(shown), 2)])
    assert {key: found.pico for key, found in booked.items() if key in good} == good
    assert len(booked) == wanted["ledger"]
    assert shown == good.keys()
    if fate.jaeger == NAN_IN_JAEGER:
        with pytest.raises(ValueError, match="answers 500"):
            arrivals.span_keys(stack, service)
        return
    found = arrivals.wait(
        lambda: arrivals.span_keys(stack, service), lambda found: len(found) == wanted["Jaeger"], PATIENCE
    )
    assert good.keys() <= set(found)
    assert len(found) == wanted["Jaeger"]


def in_jaeger(stack: Stack, keys: dict[Key, int]) -> set[Key]:
    """Those of the keys whose trace Jaeger has."""
    return {key for key in keys if get_json(f"{stack.jaeger.url}/api/traces/{key[0]}", absent=(404,))}


def source_of(what: str) -> Resource:
    return resource(named("spans", what))


def test_an_event_with_broken_text_costs_no_other(stack, rows):
    service = named("events", BROKEN)
    calls = [call(count, time.time_ns(), note="cut~" if count == 1 else None) for count in range(3)]
    assert post(stack.otlp_http, broken(logs(*(one.event for one in calls), resource=resource(service))))[0] == 200
    keys = {one.key for one in calls}
    booked = arrivals.wait(lambda: arrivals.booked(stack, service).keys(), lambda found: found == keys, PATIENCE)
    lines = arrivals.wait(lambda: set(arrivals.line_keys(stack, service)), lambda found: found == keys, PATIENCE)
    for store, found in (("ledger (event)", booked), ("Loki", lines)):
        rows.append([store, BROKEN, TAKEN if calls[1].key in found else LOST, said(len(found - {calls[1].key}), 2)])
    assert booked == keys
    assert lines == keys


def test_a_point_with_broken_text_costs_no_other(stack, rows):
    service = named("prometheus", BROKEN)
    now = time.time_ns() - SECOND
    good = [counter(7, now - SECOND, now, "probe.first"), counter(8, now - SECOND, now, "probe.last")]
    request = metrics(good[0], gauge(1, now, note="cut~"), good[1], resource=resource(service))
    assert post(stack.otlp_http, broken(request))[0] == 200
    found = neighbours(stack, service, PATIENCE)
    bad = arrivals.sample(stack, f'count(probe_bad{{job="{service}"}})')
    rows.append(["Prometheus", BROKEN, TAKEN, said(len(found), 2)])
    assert found == [7, 8]
    assert bad == 1


def test_a_request_above_the_limit_is_refused_at_the_door_and_the_next_one_is_not(stack, rows):
    service = named("door", "too large")
    calls = [call(count, time.time_ns()) for count in range(2)]
    calls[0].span.name = "n" * 26_000_000
    status, answer = post(stack.otlp_http, traces(calls[0].span, resource=resource(service)))
    rows.append(["the door", "a request of 26 MB", f"{status}: {answer[:60]!r}", "–"])
    # Final for the sender: it does not send the same again for ever.
    assert status in (400, 413)
    assert post(stack.otlp_http, traces(calls[1].span, resource=resource(service)))[0] == 200
    booked = arrivals.wait(lambda: arrivals.booked(stack, service).keys(), bool, PATIENCE)
    assert booked == {calls[1].key}


def said(found: int, sent: int) -> str:
    return "arrive" if found == sent else f"{found} of {sent} arrive"


def named(store: str, what: str) -> str:
    return f"{store} {what}".replace(" ", "-").replace(",", "")
