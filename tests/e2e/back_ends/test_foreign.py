"""Calls that other instrumentations have recorded, sent through our collector: the same bill as ours for each.

``tests/vectors/spans`` holds the recordings with the bill of each span, worked out by hand from published prices. They
keep their times, because the day decides the price; Jaeger, the ledger and Prometheus (which gets sums of now) take
them at any age. Loki would refuse them after a week, and is not asked here.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from genmeter.ledger import Call
from genmeter.ledger.call import EVENT, SPAN
from tests.e2e.back_ends.conftest import PICO, ROOT, booked, foreign_call, foreign_event, mark, pico, send, service
from tests.stack import Stack
from tests.stack.asking import Span, jaeger_trace, loki_lines, prom_exemplars, prom_query, until
from tests.stack.loopback import get_json

pytestmark = pytest.mark.xdist_group("stack")

FILES = sorted((ROOT / "tests" / "vectors" / "spans").glob("*.json"))
WITH_EVENTS = [file for file in FILES if json.loads(file.read_text(encoding="utf-8"))["resourceLogs"]]
RESPONSE_IDS = ("gen_ai.response.id", "ai.response.id")
DETAILS = "gen_ai.client.inference.operation.details"
OWN_SPELLINGS = ("gen_ai.usage.cost", "llm.cost.total", "operation.cost")
"""Where other instrumentations write what they think a call costs; 0 where they do not know."""


@dataclass(frozen=True)
class Sent:
    """A recording as it was sent, and what each of its spans must cost; spans go by their ids.

    ``sources`` says who must have worked the cost out, ``events`` which spans have an event beside them, and ``own``
    which of them are genmeter's: the app has counted these, but for the money of those that it could not price.
    """

    emitter: str
    service: str
    trace_ids: set[str]
    expect: dict[str, dict[str, Any]]
    sources: dict[str, str]
    events: set[str]
    own: set[str]

    @property
    def bill(self) -> dict[str, int]:
        """Span → pico-USD, for the spans that cost something."""
        return {span: due["total"] for span, due in self.expect.items() if due["total"] is not None}

    @property
    def refused(self) -> set[str]:
        """Calls that the provider refused; what is neither here nor in the bill is a step of the app."""
        return {span for span, due in self.expect.items() if due["reason"] is not None}


def records(recording: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every span and every log record, with the name of its scope."""
    for key, scopes, kept in (("resourceSpans", "scopeSpans", "spans"), ("resourceLogs", "scopeLogs", "logRecords")):
        for group in recording[key]:
            for scope in group[scopes]:
                yield from ((scope["scope"]["name"], record) for record in scope[kept])


def freshen(recording: dict[str, Any], name: str) -> None:
    """Give a recording a service name, trace ids and response ids that the stores have not seen."""
    trace_ids: defaultdict[str, str] = defaultdict(lambda: uuid.uuid4().hex)
    suffix = uuid.uuid4().hex[:12]
    for group in recording["resourceSpans"] + recording["resourceLogs"]:
        kept = [pair for pair in group["resource"]["attributes"] if pair["key"] != "service.name"]
        group["resource"]["attributes"] = [*kept, {"key": "service.name", "value": {"stringValue": name}}]
    for _, record in records(recording):
        record["traceId"] = trace_ids[record["traceId"]]
        for pair in record["attributes"]:
            if pair["key"] in RESPONSE_IDS:
                pair["value"]["stringValue"] += f"-{suffix}"


def source(span: dict[str, Any]) -> str:
    """Who must have worked out the cost of a span, by what the span brings with it."""
    numbers = {pair["key"]: next(iter(pair["value"].values()), 0) for pair in span["attributes"]}
    if "gen_ai.usage.cost.amount" in numbers:
        return "local"
    return "emitter" if any(float(numbers.get(key, 0)) > 0 for key in OWN_SPELLINGS) else "collector"


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def sent(stack: Stack, request: pytest.FixtureRequest) -> Sent:
    """One recording, sent once: its spans, and when they are booked its events.

    The collector sends the two by queues of their own, in an order of chance. It matters where an event names another
    span than its call's, as OpenLIT's do: the ledger books what comes first.
    """
    recording, one = made(request.param)
    send(stack.otlp_http, {"resourceSpans": recording["resourceSpans"]})
    in_ledger(stack, one)
    send(stack.otlp_http, {"resourceLogs": recording["resourceLogs"]})
    return one


def made(file: Path) -> tuple[dict[str, Any], Sent]:
    """A recording as new, and what it must come to."""
    recording = json.loads(file.read_text(encoding="utf-8"))
    name = service(file.stem.replace("_", "-"))
    freshen(recording, name)
    spans = [(scope, record) for scope, record in records(recording) if "startTimeUnixNano" in record]
    expect, sources = recording["expect"], {span["spanId"]: source(span) for _, span in spans}
    own = {span["spanId"] for scope, span in spans if scope == "genmeter"}
    return recording, Sent(
        emitter=file.stem,
        service=name,
        trace_ids={span["traceId"] for _, span in spans},
        expect=expect,
        sources=sources,
        events={record["spanId"] for _, record in records(recording) if record.get("eventName") == DETAILS},
        own=own,
    )


def in_jaeger(stack: Stack, sent: Sent) -> dict[str, Span]:
    """The recording's spans by id."""
    spans = until(
        lambda: [span for trace_id in sent.trace_ids for span in jaeger_trace(stack, trace_id)],
        lambda found: len(found) >= len(sent.expect),
        what=f"the {len(sent.expect)} spans of {sent.service} in Jaeger",
    )
    return {span.span_id: span for span in spans}


def in_ledger(stack: Stack, sent: Sent) -> dict[str, Call]:
    """The recording's calls by span id."""
    return {call.span_id: call for call in booked(stack, sent.service, least=len(sent.bill) + len(sent.refused))}


def money(span: Span) -> dict[str, Any]:
    """What a span says in dollars."""
    words = ("status", "reason", "catalogue", "entry", "currency", "source")
    return {
        key: value
        for key, value in span.attributes.items()
        if key.startswith(("gen_ai.usage.cost", "genmeter.cost.")) and not key.endswith(words)
    }


def test_every_kind_of_emitter_is_among_the_recordings():
    stems = {path.stem for path in FILES}
    assert stems >= {"official", "openinference", "openllmetry", "genmeter", "java_spring_ai", "javascript_vercel_ai"}


def test_jaeger_shows_the_bill_on_each_span_that_costs_something(stack, sent):
    spans = in_jaeger(stack, sent)
    assert spans.keys() == sent.expect.keys()
    amounts = {key: span.attributes.get("gen_ai.usage.cost.amount") for key, span in spans.items()}
    # One division: the double that is nearest to the exact amount.
    assert {key: amount for key, amount in amounts.items() if amount is not None} == {
        key: total / PICO for key, total in sent.bill.items()
    }
    for key in sent.bill:
        found = spans[key].attributes
        assert found["genmeter.cost.total"] == found["gen_ai.usage.cost.amount"]
        assert found["gen_ai.usage.cost.currency"] == "USD"
        assert found["gen_ai.usage.cost.source"] == sent.sources[key]
        assert found["genmeter.cost.status"] == "priced"


def test_a_span_that_costs_nothing_shows_no_money(stack, sent):
    for key, span in in_jaeger(stack, sent).items():
        if key not in sent.bill:
            assert money(span) == {}, span.name
            assert key in sent.refused or "genmeter.cost.status" not in span.attributes, span.name


def test_the_ledger_books_the_same_bill(stack, sent):
    calls = in_ledger(stack, sent)
    assert {key: call.cost_pico for key, call in calls.items() if call.cost_pico is not None} == sent.bill
    assert calls.keys() == sent.bill.keys() | sent.refused


def test_the_span_and_the_event_of_a_call_are_one_booking(stack, sent):
    # OpenLIT writes an amount on some spans and none on the event beside: priced by two, they are not taken for one.
    due = (sent.bill.keys() | sent.refused) - {key for key, source in sent.sources.items() if source == "emitter"}
    calls = until(
        lambda: in_ledger(stack, sent),
        lambda found: {key for key in due if found[key].signals == SPAN | EVENT} == due & sent.events,
        what=f"the spans and the events of {sent.service} in the ledger",
    )
    assert {key: call.cost_pico for key, call in calls.items() if call.cost_pico is not None} == sent.bill


@pytest.mark.parametrize("file", WITH_EVENTS, ids=lambda path: path.stem)
def test_the_bill_is_the_same_when_the_events_come_first(stack, file):
    recording, sent = made(file)
    send(stack.otlp_http, {"resourceLogs": recording["resourceLogs"]})
    booked(
        stack, sent.service, least=len({record["spanId"] for _, record in records({**recording, "resourceSpans": []})})
    )
    send(stack.otlp_http, {"resourceSpans": recording["resourceSpans"]})
    mark(stack)
    costs = [call.cost_pico for call in in_ledger(stack, sent).values() if call.cost_pico is not None]
    assert sorted(costs) == sorted(sent.bill.values())


def test_prometheus_counts_what_no_app_has_metered(stack, sent):
    def series(metric):
        return prom_query(stack, f'{metric}{{job="{sent.service}"}}', lambda found: True)

    mark(stack)
    made = len((sent.bill.keys() | sent.refused) - sent.own)
    # A call without tokens waits for ten seconds: a call below it may have them.
    until(
        lambda: sum(sample.value for sample in series("genmeter_collector_calls_total")),
        lambda found: found >= made,
        what=f"{made} calls of {sent.service} in Prometheus",
    )
    due = sum(total for key, total in sent.bill.items() if key not in sent.own or sent.sources[key] == "collector")
    bill = sent.bill.keys() - sent.own
    assert sum(pico(sample.value) for sample in series("genmeter_collector_cost_usd_total")) == due
    assert sum(sample.value for sample in series("genmeter_collector_calls_total")) == made
    counted = {"input": 0, "output": 0}
    for sample in series("genmeter_collector_tokens_total"):
        counted[sample.labels["gen_ai_token_type"]] += sample.value
    # The count of a foreign recorder may be off (OpenLLMetry's of streams is, by one): what counts is that both agree.
    calls = in_ledger(stack, sent)
    booked_tokens = [sum(calls[key].usage[kind] or 0 for key in bill) for kind in (0, 1)]
    assert list(counted.values()) == booked_tokens
    if sent.emitter != "openllmetry":
        usages = [sent.expect[key]["usage"] for key in bill]
        assert counted == {
            "input": sum(map(whole_input, usages)),
            "output": sum(usage.get("completion_tokens", usage.get("output_tokens", 0)) for usage in usages),
        }


def whole_input(usage: dict[str, Any]) -> int:
    """Input tokens of a provider's usage object; Anthropic counts the cache beside its input."""
    beside = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
    return usage.get("prompt_tokens", usage.get("input_tokens", 0)) + beside


def test_a_point_of_a_foreign_call_in_prometheus_leads_to_its_span(stack):
    name, trace_id = service("exemplar"), uuid.uuid4().hex
    sent = foreign_call(name, trace_id)
    send(stack.otlp_http, {"resourceSpans": [sent]})
    for metric in ("cost_usd_total", "calls_total", "tokens_total", "call_duration_seconds_bucket"):
        [exemplar] = prom_exemplars(stack, f'genmeter_collector_{metric}{{job="{name}",gen_ai_token_type!="output"}}')
        labels = exemplar["labels"]
        assert (labels["trace_id"], labels["span_id"]) == (trace_id, sent["scopeSpans"][0]["spans"][0]["spanId"])
    assert [span.span_id for span in jaeger_trace(stack, trace_id)] == [labels["span_id"]]
    # The exemplar's value is the call's own: 1,000 × 2.50 + 100 × 10.00 = 3,500 micro-dollars.
    [exemplar] = prom_exemplars(stack, f'genmeter_collector_cost_usd_total{{job="{name}"}}')
    assert float(exemplar["value"]) == 0.0035


def test_increase_sees_the_first_call_of_a_series(stack):
    name = service("first")
    send(stack.otlp_http, {"resourceSpans": [foreign_call(name, uuid.uuid4().hex)]})
    selector = f'genmeter_collector_cost_usd_total{{job="{name}"}}'
    prom_query(stack, selector)
    # All samples of the window: the zero, and the sum as often as it was sent.
    values = samples(stack, f"{selector}[1m]")
    assert values[0] == 0 and set(values[1:]) == {0.0035}
    # One call and no more is what it sees, extrapolated by no more than a distance between two samples at each end.
    [found] = prom_query(stack, f"increase({selector}[1m])")
    assert found.value >= 0.0035


def samples(stack: Stack, selector: str) -> list[float]:
    """The values of one series as they came, oldest first."""
    url = f"{stack.prometheus.url}/api/v1/query?{urlencode({'query': selector})}"
    [series] = get_json(url)["data"]["result"]
    return [float(value) for _, value in series["values"]]


def test_an_event_that_comes_alone_and_unpriced_is_priced_for_loki_and_the_ledger(stack):
    name, trace_id = service("event"), uuid.uuid4().hex
    send(stack.otlp_http, {"resourceLogs": [foreign_event(name, trace_id)]})
    [line] = loki_lines(stack, f'{{service_name="{name}"}} | trace_id="{trace_id}"')
    assert line.attributes["gen_ai_usage_cost_amount"] == "0.0035"  # 1,000 × 2.50 + 100 × 10.00 = 3,500 micro-dollars
    assert line.attributes["gen_ai_usage_cost_source"] == "collector"
    [call] = booked(stack, name, least=1)
    assert (call.cost_pico, call.cost_source, call.signals) == (3_500_000_000, "collector", EVENT)


FIRST_HOP = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTELCOL_OTLP_HTTP}"}}}}
processors: {genai_cost: {prices: {files: ["${env:GENMETER_PRICES}"]}}}
exporters: {otlp_http: {endpoint: "${env:NEXT_HOP}"}}
extensions: {health_check: {endpoint: "${env:OTELCOL_HEALTH}"}}
service:
  extensions: [health_check]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], processors: [genai_cost], exporters: [otlp_http]}}
"""
NEGOTIATED = """
[prices.openai."gpt-4o"]
input = "2.00"
output = "8.00"
"""


def test_the_first_hop_that_prices_a_call_is_the_last(stack, tmp_path):
    (tmp_path / "hop.yaml").write_text(FIRST_HOP)
    (tmp_path / "genmeter.toml").write_text(NEGOTIATED)
    name, trace_id = service("hops"), uuid.uuid4().hex
    with Stack(tmp_path, tmp_path / "hop.yaml", ("otelcol",), {"NEXT_HOP": stack.otlp_http}) as first:
        send(first.otlp_http, {"resourceSpans": [foreign_call(name, trace_id)]})
        [span] = jaeger_trace(stack, trace_id)
    # The first hop's own prices, which the second does not know: 1,000 × 2.00 + 100 × 8.00 = 2,800 micro-dollars.
    # At the second hop's list prices it would be 1,000 × 2.50 + 100 × 10.00 = 3,500.
    due = 2_800_000_000
    assert pico(span.attributes["gen_ai.usage.cost.amount"]) == due
    assert span.attributes["gen_ai.usage.cost.source"] == "collector"
    [call] = booked(stack, name, least=1)
    assert call.cost_pico == due
    mark(stack)
    selector = f'genmeter_collector_cost_usd_total{{job="{name}"}}'
    [sample] = prom_query(stack, selector)
    assert pico(sample.value) == due
