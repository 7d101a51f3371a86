"""The demo app under OpenTelemetry's launcher, through our collector, into Jaeger, Prometheus, Loki and the ledger.

Usage is that of ``tests/demo``. List prices in USD per million tokens, that is in micro-dollars per token:

| model                  |  input | cached | write | output |
|------------------------|-------:|-------:|------:|-------:|
| text-embedding-3-small |   0.02 |        |       |        |
| gpt-5.4-mini           |   0.75 |        |       |   4.50 |
| gpt-5.6                |   4.00 |   0.40 |       |  20.00 |
| claude-haiku-4-5       |   1.00 |        |       |   5.00 |
| claude-sonnet-4-5      |   3.00 |   0.30 |  3.75 |  15.00 |
"""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from genmeter.ledger.call import EVENT, SPAN
from tests.demo import ANSWER, providers
from tests.e2e.back_ends.conftest import ROOT, booked, mark, pico, post, run, service
from tests.stack.asking import (
    jaeger_search,
    jaeger_trace,
    ledger_metrics,
    loki_lines,
    prom_exemplars,
    prom_query,
    until,
)

# The tests of this folder that share the session's stack run on one worker.
pytestmark = pytest.mark.xdist_group("stack")

DEMO = ROOT / "examples" / "demo.py"
BOTH = SPAN | EVENT

# (operation, model asked for, input tokens, output tokens, pico-USD); a micro-dollar is 10⁶ pico-dollars
CALLS = Counter(
    {
        ("embeddings", "text-embedding-3-small", 412, None, 8_240_000): 1,  # 412 × 0.02 = 8.24
        ("chat", "gpt-5.4-mini", 350, 12, 316_500_000): 4,  # 350 × 0.75 + 12 × 4.50 = 262.5 + 54
        # (3200 - 2816) × 4 + 2816 × 0.40 + 240 × 20 = 1536 + 1126.4 + 4800
        ("chat", "gpt-5.6", 3200, 240, 7_462_400_000): 1,
        ("chat", "gpt-5.6", None, None, None): 1,  # the stream that is closed early reports nothing
        # Anthropic counts cached tokens beside its input: 180 + 4000, and 180 × 3 + 4000 × 3.75 + 60 × 15
        ("chat", "claude-sonnet-4-5", 4180, 60, 16_440_000_000): 1,
        ("chat", "claude-sonnet-4-5", 4260, 95, 3_405_000_000): 1,  # 260 × 3 + 4000 × 0.30 + 95 × 15
        ("chat", "claude-haiku-4-5", 90, 36, 270_000_000): 1,  # 90 × 1 + 36 × 5
        ("chat", "gpt-5.5-pro", None, None, None): 1,  # refused by the provider: nothing is due
    }
)
TOTAL = 28_851_640_000
"""8.24 + 4 × 316.5 + 7462.4 + 16440 + 3405 + 270 micro-dollars."""
BY_MODEL = {
    "text-embedding-3-small": 8_240_000,
    "gpt-5.4-mini": 1_266_000_000,
    "gpt-5.6": 7_462_400_000,
    "claude-sonnet-4-5": 19_845_000_000,
    "claude-haiku-4-5": 270_000_000,
}
CONTENT = ("Parcels travel one night", "Where is order A-1042", ANSWER, "A slogan for a parcel service")
COUNT = sum(CALLS.values())


@pytest.fixture(scope="module")
def demo(stack) -> str:
    """The service name under which the demo has run once, over OTLP/HTTP, with nothing else set."""
    name = service("demo")
    with providers() as stub:
        run(stub, stack.otlp_http, name, DEMO)
    booked(stack, name, least=COUNT)
    return name


def of_spans(spans):
    """Spans as rows of CALLS."""
    rows = Counter()
    for span in spans:
        found = span.attributes
        amount = found.get("gen_ai.usage.cost.amount")
        assert found.get("genmeter.cost.total") == amount
        row = (found["gen_ai.operation.name"], found["gen_ai.request.model"])
        tokens = (found.get("gen_ai.usage.input_tokens"), found.get("gen_ai.usage.output_tokens"))
        rows[*row, *tokens, None if amount is None else pico(amount)] += 1
    return rows


def of_calls(calls):
    """Booked calls as rows of CALLS."""
    return Counter((call.operation, call.request_model, *call.usage[:2], call.cost_pico) for call in calls)


def traces(stack, name):
    """Every span of a service, as Jaeger's newer API gives it."""
    found = jaeger_search(stack, name, least=COUNT)
    return [span for trace in found for span in jaeger_trace(stack, trace["traceID"], spans=len(trace["spans"]))]


def sums(stack, selector, enough):
    """Series of a sum by the model asked for, once they are enough."""
    found = prom_query(stack, selector, lambda samples: enough([sample.value for sample in samples]))
    return [(sample.labels["gen_ai_request_model"], sample.value) for sample in found]


def test_jaeger_has_each_call_with_its_tokens_and_its_cost(stack, demo):
    spans = traces(stack, demo)
    assert of_spans(spans) == CALLS
    for span in spans:
        assert span.scope == "genmeter"
        assert span.resource["service.name"] == demo
        assert span.parent_id == ""  # the demo has no spans of its own
    sources = Counter(span.attributes.get("gen_ai.usage.cost.source") for span in spans)
    assert sources == {"local": COUNT - 2, None: 2}


def test_jaeger_finds_a_call_by_its_model_and_by_its_department(stack, demo):
    for tags, count in (
        ({"gen_ai.request.model": "claude-sonnet-4-5"}, 2),
        ({"genmeter.department": "marketing"}, 2),
        ({"gen_ai.request.model": "claude-sonnet-4-5", "genmeter.department": "marketing"}, 0),
    ):
        assert len(jaeger_search(stack, demo, tags, least=count)) == count, tags


def test_the_page_on_jaeger_shows_the_attributes_that_are_there(stack, demo):
    page = (ROOT / "collector-config" / "README.md").read_text(encoding="utf-8")
    shown = dict(
        re.findall(r"^(\S+\.\S+) +(\S+)$", page.partition("| column -t\n")[2].partition("```")[0], re.MULTILINE)
    )
    [span] = [span for span in traces(stack, demo) if span.attributes.get("genmeter.cost.total") == 0.003405]
    beside = {
        "otel.scope.name",
        "otel.scope.version",
        "span.kind",
    }  # the older API, asked there, has them among the rest
    assert shown.keys() == span.attributes.keys() | beside
    anew = {"gen_ai.response.id", "server.port", "user.id", "genmeter.cost.catalogue"}
    for name in shown.keys() - beside - anew - {"gen_ai.response.finish_reasons"}:
        assert shown[name] == str(span.attributes[name]), name


def test_jaeger_has_the_tree_of_an_app_with_spans_of_its_own(stack, tmp_path):
    script = tmp_path / "app.py"
    script.write_text(
        textwrap.dedent("""
        from openai import OpenAI
        from opentelemetry import trace
        step = trace.get_tracer("desk").start_as_current_span
        with step("answer"):
            with step("search"):
                OpenAI().embeddings.create(model="text-embedding-3-small", input="Where?")
            OpenAI().responses.create(model="gpt-5.4-mini", input="Where?")
            asked = [{"role": "user", "content": "Where?"}]
            for _ in OpenAI().chat.completions.create(model="gpt-5.6", messages=asked, stream=True):
                pass
        """)
    )
    name = service("tree")
    with providers() as stub:
        run(stub, stack.otlp_http, name, script)
    [trace] = jaeger_search(stack, name)
    spans = jaeger_trace(stack, trace["traceID"], spans=5)
    names = {span.span_id: span.name for span in spans}
    assert [(span.name, names.get(span.parent_id)) for span in sorted(spans, key=lambda span: span.name)] == [
        ("answer", None),
        ("chat gpt-5.4-mini", "answer"),
        ("chat gpt-5.6", "answer"),
        ("embeddings text-embedding-3-small", "search"),
        ("search", "answer"),
    ]
    # A step repeats what its calls cost, so it says nothing of cost itself.
    assert {span.name: pico(span.attributes["genmeter.cost.total"]) for span in spans if span.scope == "genmeter"} == {
        "chat gpt-5.4-mini": 316_500_000,
        "chat gpt-5.6": 7_462_400_000,
        "embeddings text-embedding-3-small": 8_240_000,
    }
    for span in spans:
        assert span.scope == "genmeter" or not span.attributes


def test_prometheus_has_the_ledgers_money_to_the_pico_dollar(stack, demo):
    found = sums(stack, f'genmeter_cost_usd_total{{job="{demo}"}}', lambda values: sum(map(pico, values)) >= TOTAL)
    in_prometheus = Counter()
    for model, value in found:
        in_prometheus[model] += pico(value)
    in_ledger = Counter()
    for call in booked(stack, demo, least=COUNT):
        if call.cost_pico is not None:
            in_ledger[call.request_model] += call.cost_pico
    assert in_prometheus == in_ledger == BY_MODEL
    assert in_prometheus.total() == TOTAL


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("gen_ai_client_inference_usage_input_tokens_total", 13_542 - 412),
        ("gen_ai_client_embeddings_operation_input_tokens_sum", 412),
        ("gen_ai_client_inference_usage_output_tokens_total", 479),
        ("gen_ai_client_inference_usage_cache_read_input_tokens_total", 2816 + 4000),
        ("gen_ai_client_inference_usage_cache_write_input_tokens_total", 4000),
        ("gen_ai_client_inference_usage_reasoning_output_tokens_total", 128),
        ("gen_ai_client_inference_duration_seconds_count", COUNT - 1),
        ("gen_ai_client_embeddings_duration_seconds_count", 1),
        ('genmeter_calls_unpriced_total{genmeter_cost_reason="no_usage"}', 1),
    ],
)
def test_prometheus_has_the_tokens_and_the_calls(stack, demo, query, expected):
    metric, _, labels = query.partition("{")
    selector = f'sum({metric}{{job="{demo}",{labels or "}"})'
    [sample] = prom_query(stack, selector, lambda found: found and found[0].value >= expected)
    assert sample.value == expected


def test_what_the_app_has_metered_is_not_counted_again_by_the_collector(stack, demo):
    mark(stack)
    assert prom_query(stack, f'{{__name__=~"genmeter_collector_.*",job="{demo}"}}', lambda found: True) == []


def test_a_point_in_prometheus_leads_to_the_span_of_that_call(stack, demo):
    for model in ("gpt-5.4-mini", "claude-haiku-4-5"):
        labels = f'{{job="{demo}",gen_ai_request_model="{model}"}}'
        for exemplar in prom_exemplars(stack, f"gen_ai_client_inference_duration_seconds_bucket{labels}"):
            spans = jaeger_trace(stack, exemplar["labels"]["trace_id"])
            [span] = [span for span in spans if span.span_id == exemplar["labels"]["span_id"]]
            assert span.attributes["gen_ai.request.model"] == model
            assert span.resource["service.name"] == demo


def test_loki_has_the_event_of_each_trace_with_its_tokens_and_its_cost(stack, demo):
    rows = Counter()
    for call in booked(stack, demo, least=COUNT):
        query = f'{{service_name="{demo}"}} | trace_id="{call.trace_id}"'
        query += ' | event_name="gen_ai.client.inference.operation.details"'
        [line] = loki_lines(stack, query)
        found = line.attributes
        assert found["span_id"] == call.span_id
        tokens = [found.get(f"gen_ai_usage_{kind}_tokens") for kind in ("input", "output")]
        amount = found.get("gen_ai_usage_cost_amount")
        row = (found["gen_ai_operation_name"], found["gen_ai_request_model"])
        counts = [None if count is None else int(count) for count in tokens]
        rows[*row, *counts, None if amount is None else pico(float(amount))] += 1
    assert rows == CALLS


def test_loki_keeps_the_errors_of_calls_and_nothing_else(stack, demo):
    lines = loki_lines(stack, f'{{service_name="{demo}"}}', least=COUNT + 1)
    assert Counter(line.attributes["event_name"] for line in lines) == {
        "gen_ai.client.inference.operation.details": COUNT,
        "gen_ai.client.operation.exception": 1,
    }


def test_the_ledger_has_each_call_once_from_its_span_and_its_event(stack, demo):
    calls = until(
        lambda: booked(stack, demo, least=COUNT),
        lambda found: all(call.signals == BOTH for call in found),
        what="the second signal of each call",
    )
    assert of_calls(calls) == CALLS
    assert len({(call.trace_id, call.span_id) for call in calls}) == COUNT
    assert sum(call.cost_pico or 0 for call in calls) == TOTAL


def test_no_content_goes_anywhere_unless_asked_for(stack, demo):
    stored = repr(traces(stack, demo)) + repr(loki_lines(stack, f'{{service_name="{demo}"}}', least=COUNT + 1))
    for text in CONTENT:
        assert text not in stored


def test_the_collector_has_no_fault_to_report(stack, demo):
    log = stack.otelcol.log.read_text()
    assert "Everything is ready" in log
    assert [line for line in log.splitlines() if "failed to execute" in line or "deprecat" in line.lower()] == []


def test_content_that_is_asked_for_stays_out_of_lokis_metadata_and_of_the_ledger(stack):
    name = service("content")
    with providers() as stub:
        run(stub, stack.otlp_http, name, DEMO, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="SPAN_AND_EVENT")
    calls = booked(stack, name, least=COUNT)
    lines = loki_lines(stack, f'{{service_name="{name}"}}', least=COUNT + 1)
    in_spans, in_lines = repr(traces(stack, name)), "".join(line.text for line in lines)
    metadata = repr([line.attributes for line in lines])
    files = b"".join(file.read_bytes() for file in stack.ledger.data.glob("ledger.db*"))
    for text in CONTENT:
        assert text in in_spans
        assert text in in_lines
        assert text not in metadata
        assert text.encode() not in files
    assert of_calls(calls) == CALLS


def test_grpc_brings_the_same(stack):
    name = service("grpc")
    with providers() as stub:
        run(stub, f"http://{stack.otlp_grpc}", name, DEMO, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    assert of_calls(booked(stack, name, least=COUNT)) == CALLS
    assert of_spans(traces(stack, name)) == CALLS
    found = sums(stack, f'genmeter_cost_usd_total{{job="{name}"}}', lambda values: sum(map(pico, values)) >= TOTAL)
    assert sum(pico(value) for _, value in found) == TOTAL


def test_money_does_not_depend_on_trace_sampling(stack):
    name = service("unsampled")
    with providers() as stub:
        run(stub, stack.otlp_http, name, DEMO, OTEL_TRACES_SAMPLER="always_off")
    calls = booked(stack, name, least=COUNT)
    assert of_calls(calls) == CALLS
    assert {call.signals for call in calls} == {EVENT}
    found = sums(stack, f'genmeter_cost_usd_total{{job="{name}"}}', lambda values: sum(map(pico, values)) >= TOTAL)
    assert sum(pico(value) for _, value in found) == TOTAL
    mark(stack)
    assert jaeger_search(stack, name, least=0) == []


@pytest.fixture
def tee(stack) -> Iterator[tuple[str, list[tuple[str, bytes, dict[str, str]]]]]:
    """A way to the collector that keeps what passes: its URL, and the requests with path, body and headers."""
    passed = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept = {key: value for key, value in self.headers.items() if key.lower().startswith("content-")}
            self.send_response(post(stack.otlp_http + self.path, body, kept))
            passed.append((self.path, body, kept))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *values):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", passed
        server.shutdown()
        thread.join()


def outcome(stack):
    """What the ledger has done so far: booked, merged and duplicate calls."""
    found = ledger_metrics(stack)
    return Counter(
        {kind: int(found[f"genmeter_ledger_{kind}_total"][0].value) for kind in ("booked", "merged", "duplicates")}
    )


def test_a_repeated_delivery_changes_nothing(stack, tee):
    url, passed = tee
    name = service("twice")
    mark(stack)
    before = outcome(stack)
    with providers() as stub:
        run(stub, url, name, DEMO)
    once = until(lambda: outcome(stack) - before, lambda found: found["merged"] >= COUNT, what="all calls twice")
    assert once == {"booked": COUNT, "merged": COUNT}
    found = sums(stack, f'genmeter_cost_usd_total{{job="{name}"}}', lambda values: sum(map(pico, values)) >= TOTAL)
    assert {path for path, _, _ in passed} == {"/v1/traces", "/v1/logs", "/v1/metrics"}
    for path, body, headers in list(passed):
        post(stack.otlp_http + path, body, headers)
    twice = until(lambda: outcome(stack) - before, lambda found: found["duplicates"] >= 2 * COUNT, what="duplicates")
    assert twice == {"booked": COUNT, "merged": COUNT, "duplicates": 2 * COUNT}
    mark(stack)
    assert of_calls(booked(stack, name, least=COUNT)) == CALLS
    assert of_spans(traces(stack, name)) == CALLS
    again = sums(stack, f'genmeter_cost_usd_total{{job="{name}"}}', lambda values: True)
    assert sorted(again) == sorted(found)
    assert sum(pico(value) for _, value in again) == TOTAL
    lines = loki_lines(stack, f'{{service_name="{name}"}}', least=COUNT + 1)
    assert len(lines) == COUNT + 1
