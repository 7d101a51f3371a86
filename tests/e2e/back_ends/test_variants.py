"""The shipped configurations on the real collector, before sinks on loopback that play the back ends."""

from __future__ import annotations

import itertools
import json
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
import yaml
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from genmeter.cli.collector import BACK_ENDS
from genmeter.cli.main import main
from tests.e2e.back_ends.collectors import CONFIG, VARIANTS, Collector, call, running, span, validate
from tests.e2e.back_ends.sinks import attribute, until
from tests.stack import ports
from tests.stack.loopback import get
from tests.stack.server import wait

WHOLE = CONFIG / "otelcol.yaml"
ALONE = [[WHOLE], [VARIANTS / "agent.yaml"]]
LAID_OVER = [
    [WHOLE, VARIANTS / f"{name}.yaml"]
    for name in ("gateway", "prometheus-scrape", "content-redaction", "tail-sampling")
]
PRICE = 1000 * 2_500_000 + 100 * 10_000_000
"""1,000 tokens in and 100 out of gpt-4o at 2.50 and 10.00 USD a million, in pico-USD: 0.0035 USD."""
USD = PRICE / 10**12


def named(files: list[Path]) -> str:
    return files[-1].stem


def quick(folder: Path, text: str = "connectors: {genai_meter: {interval: 200ms}}") -> Path:
    """One more file on top, with the waiting taken out."""
    path = folder / "quick.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def whole(tmp_path):
    with running(tmp_path, WHOLE, quick(tmp_path)) as collector:
        yield collector


TOGETHER = [WHOLE, *(files[1] for files in LAID_OVER)]


@pytest.mark.parametrize("files", [*ALONE, *LAID_OVER], ids=named)
def test_every_configuration_starts_takes_a_span_and_complains_of_nothing(files, tmp_path):
    assert validate(tmp_path, files) == ""
    with running(tmp_path, *files, env={"OTELCOL_SCRAPE": "127.0.0.1:0"}) as collector:
        token = "a-token" if named(files) == "gateway" else ""
        assert get(collector.server.ready)[0] == 200
        sent = span(call())
        sampled = named(files) == "tail-sampling"
        if token:
            assert post_one(collector, sent, "") == 401
        assert post_one(collector, sent, token) == 200
        place = collector.ledger if named(files) == "agent" or sampled else collector.jaeger
        until(lambda: [one for one in place.spans if one.record.trace_id == sent.trace_id], "the span behind it")
        assert collector.complaints() == []
        assert collector.server.end() == 0


def post_one(collector: Collector, sent: Span, token: str) -> int:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.append(sent)
    return collector.post("traces", request.SerializeToString(), token)


CHOICES = [chosen for count in range(1, 5) for chosen in itertools.combinations(BACK_ENDS, count)]


@pytest.mark.parametrize("chosen", [(), *CHOICES], ids="-".join)
def test_what_collector_config_prints_is_valid_for_every_choice_of_back_ends(chosen, tmp_path, capsys):
    values = {"HOST:PORT": "somewhere:4317", "URL": "http://somewhere:4318/x"}
    arguments = [word for name in chosen for word in (f"--{name}", values[BACK_ENDS[name][0]])]
    assert main(["collector", "config", *arguments]) == 0
    path = tmp_path / "printed.yaml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert validate(tmp_path, [path]) == ""


def test_jaeger_gets_every_span_and_the_ledger_the_calls_only(whole):
    noted = [Span.Event(name="gen_ai.content.prompt", attributes=[attribute("gen_ai.prompt", "a secret")])]
    plain = span({"http.request.method": "GET"}, events=noted)
    older = {"gen_ai.prompt.0.content": "a secret", "llm.output_messages.0.message.content": "a secret"}
    asked = span(call(**{"gen_ai.input.messages": "a secret"}, **older), events=noted)
    whole.traces(plain, asked)
    until(lambda: len(whole.jaeger.spans) == 2, "both at Jaeger")
    booked = until(lambda: whole.ledger.spans, "the call in the ledger")
    assert [one.record.span_id for one in booked] == [asked.span_id]
    assert booked[0].attributes["gen_ai.usage.cost.amount"] == USD
    assert "a secret" not in str(whole.ledger.taken)
    assert whole.ledger.taken[0].headers["Authorization"] == "Bearer a-token"
    assert "a secret" not in str([one.record for one in whole.jaeger.spans])


def test_genmeter_s_own_messages_reach_jaeger_and_those_of_others_where_the_operator_says_so(tmp_path, whole):
    whole.traces(span(call(**{"gen_ai.input.messages": "a secret"})), scope="genmeter")
    (own,) = until(lambda: whole.jaeger.spans, "the span at Jaeger")
    assert own.attributes["gen_ai.input.messages"] == "a secret"
    (tmp_path / "kept").mkdir()
    with running(tmp_path / "kept", WHOLE, quick(tmp_path), env={"OTELCOL_CONTENT": "keep"}) as collector:
        collector.traces(span(call(**{"gen_ai.prompt.0.content": "a secret"})))
        (other,) = until(lambda: collector.jaeger.spans, "the span at Jaeger")
        assert other.attributes["gen_ai.prompt.0.content"] == "a secret"


def test_names_of_spans_and_lines_of_logs_are_kept_only_where_nothing_was_said_in_them(whole):
    cases = json.loads((CONFIG.parent / "tests" / "vectors" / "talkers.json").read_text(encoding="utf-8"))
    for one in cases["spans"]:
        made = span(one["attributes"])
        made.name = one["name"]
        whole.traces(made, scope=one["scope"])
    names = [one["kept"] for one in cases["spans"]]
    spans = until(
        lambda: (all_of := whole.jaeger.spans) and len(all_of) == len(names) and all_of, "the spans at Jaeger"
    )
    assert [one.record.name for one in spans] == names
    calls = [one["kept"] for one in cases["spans"] if "gen_ai.operation.name" in one["attributes"]]
    booked = until(
        lambda: (all_of := whole.ledger.spans) and len(all_of) == len(calls) and all_of, "the calls in the ledger"
    )
    assert [one.record.name for one in booked] == calls
    for one in cases["lines"]:
        whole.log("", one["attributes"], one["line"], scope=one["scope"])
    lines = until(
        lambda: (all_of := whole.loki.logs) and len(all_of) == len(cases["lines"]) and all_of, "the lines in Loki"
    )
    expected = [one["line"] if one["kept"] else "[removed]" for one in cases["lines"]]
    assert [one.record.body.string_value for one in lines] == expected


def test_a_call_that_comes_as_a_log_alone_is_in_the_ledger_and_in_prometheus(whole):
    counts = {"model": "claude-sonnet-4-5", "input_tokens": 1_000, "output_tokens": 100, "cost_usd": 0.0045}
    whole.log("claude_code.api_request", counts, "claude_code.api_request", scope="com.anthropic.claude_code.events")
    until(lambda: whole.ledger.logs, "the call in the ledger")
    until(lambda: total(whole, "genmeter.collector.calls") == 1, "the call in Prometheus")
    assert total(whole, "genmeter.collector.cost.usd") == 0.0045


def test_the_ledger_gets_the_details_events_only_and_loki_everything(whole):
    whole.log("gen_ai.client.inference.operation.details", call())
    whole.log("something.else", {"a": 1}, "a line")
    until(lambda: len(whole.loki.logs) == 2, "both in Loki")
    booked = until(lambda: whole.ledger.logs, "the event in the ledger")
    assert [one.record.event_name for one in booked] == ["gen_ai.client.inference.operation.details"]
    assert booked[0].attributes["gen_ai.usage.cost.amount"] == USD
    assert {one.attributes["event.name"] for one in whole.loki.logs} == {booked[0].record.event_name, "something.else"}


def test_loki_gets_messages_as_the_line_and_nothing_beyond_its_limits(whole):
    said = [{"role": "user", "parts": [{"type": "text", "content": 'Say "hi"'}]}]
    whole.log("gen_ai.client.inference.operation.details", call(**{"gen_ai.input.messages": said}), scope="genmeter")
    (event,) = until(lambda: whole.loki.logs, "the event in Loki")
    assert json.loads(event.record.body.string_value) == {"gen_ai.input.messages": said}
    assert "gen_ai.input.messages" not in event.attributes
    assert event.attributes["gen_ai.usage.input_tokens"] == "1000"
    whole.loki.clear()
    many = {f"a{number:03}": "é" * 10_000 for number in range(200)}
    long = call(**many, **{"gen_ai.output.messages": "ü" * 300_000})
    whole.log("gen_ai.client.inference.operation.details", long, scope="genmeter")
    (event,) = until(lambda: whole.loki.logs, "the large event in Loki")
    line = event.record.body.string_value
    assert line.startswith('{"gen_ai.output.messages":"üü') and len(line.encode()) <= 256 * 1024
    kept = event.attributes
    assert len(kept) <= 128 and sum(len(key) + len(str(value).encode()) for key, value in kept.items()) <= 64 * 1024
    assert kept["gen_ai.request.model"] == "gpt-4o" and float(kept["gen_ai.usage.cost.amount"]) == USD


def total(collector: Collector, name: str, **labels: str) -> float:
    """The sum over the series of a derived metric with these labels (underscores for dots)."""
    points = collector.prometheus.latest(name)
    wanted = {(key.replace("__", "."), value) for key, value in labels.items()}
    return sum(point.as_double or point.as_int for series, point in points.items() if wanted <= series)


def test_each_call_is_counted_once_here_or_in_the_application(whole):
    own = {"gen_ai.usage.cost.amount": 5.0, "gen_ai.usage.cost.source": "local", "genmeter.cost.status": "priced"}
    # An amount counts with its currency alone, here as in the ledger.
    theirs = {
        "gen_ai.usage.cost.amount": 0.25,
        "gen_ai.usage.cost.currency": "USD",
        "gen_ai.usage.cost.source": "provider",
    }
    agent = call() | {"gen_ai.operation.name": "invoke_agent"}
    whole.traces(span(call()), span(call()), span(call(**theirs)), span(call("nobody-knows-it")), span(agent))
    # On the span of an official instrumentation, with a price that genmeter in the application has made and counted.
    whole.traces(span(call(**own)), scope="opentelemetry.instrumentation.openai_v2")
    whole.traces(span(call(**own)), span(call("nobody-knows-it")), scope="genmeter")
    whole.traces(span(call()), scope="genmeter")
    until(
        lambda: total(whole, "genmeter.collector.calls") == 5,
        "two, one with a price of its own, one unpriced, one whose money the application has counted",
    )
    # Priced here: three of 0.0035 USD, one of them genmeter's without a price; taken over: 0.25.
    assert pico(whole) == 3 * PRICE + 250_000_000_000
    assert total(whole, "genmeter.collector.calls.unpriced") == 1
    assert total(whole, "genmeter.collector.calls.unpriced", genmeter__cost__reason="unknown_model") == 1
    assert total(whole, "genmeter.collector.tokens", gen_ai__token__type="input") == 5000
    assert total(whole, "genmeter.collector.tokens", gen_ai__token__type="output") == 500
    (duration,) = {sum(point.count for point in whole.prometheus.latest("genmeter.collector.call.duration").values())}
    assert duration == 5


def pico(collector: Collector) -> int:
    """The money of all series in pico-USD: each is the double that is nearest to a whole number of them."""
    points = collector.prometheus.latest("genmeter.collector.cost.usd").values()
    exact = [round(point.as_double * 10**12) for point in points]
    assert [one / 10**12 for one in exact] == [point.as_double for point in points]
    return sum(exact)


def test_derived_series_are_this_collector_s_and_go_on_when_an_application_restarts(whole):
    for number, process in enumerate(("first", "second"), 1):
        whole.traces(
            span(call()), resource={"service.name": "shop", "service.instance.id": process, "process.pid": number}
        )
    name = "genmeter.collector.calls"
    until(lambda: total(whole, name) == 2, "both calls in one series")
    (series,) = whole.prometheus.latest(name)
    resource = {key: value for key, value in series if key.startswith(("service.", "process.", "collector."))}
    assert resource == {"service.name": "shop", "service.instance.id": "collector"}


def test_a_derived_series_begins_with_a_zero_and_is_sent_at_every_interval(whole):
    whole.traces(span(call()))
    until(lambda: len(points_of_calls(whole)) >= 4, "the zero, the sum, and the same sum twice")
    (zero_at, zero), (first_at, first), *later = points_of_calls(whole)
    assert (zero, first) == (0, 1) and zero_at < first_at
    assert {value for _, value in later} == {1}
    # A new interval of 200 ms each, on a machine that may be busy.
    assert all(after > before for (before, _), (after, _) in itertools.pairwise(points_of_calls(whole)))


def points_of_calls(collector: Collector) -> list[tuple[int, int]]:
    """Every point of calls that came to Prometheus: milliseconds and value."""
    return [
        (point.time_unix_nano // 10**6, point.as_int)
        for item in collector.prometheus.metrics
        if item.record.name == "genmeter.collector.calls"
        for point in item.record.sum.data_points
    ]


def test_the_last_calls_are_counted_when_the_collector_stops(tmp_path):
    rare = quick(tmp_path, "connectors: {genai_meter: {interval: 1h}}")
    with running(tmp_path, WHOLE, rare) as collector:
        collector.traces(span(call()))
        until(lambda: collector.ledger.spans, "the call in the ledger")
        assert total(collector, "genmeter.collector.calls") == 0
        assert collector.server.end() == 0
        # It is in the queue on disk, and sent now or after the start: by itself the new process knows of no call.
        collector.server.launch()
        wait([collector.server])
        until(lambda: total(collector, "genmeter.collector.calls") == 1, "the sum of the process before")


def test_a_wrong_clock_loses_its_own_points_and_no_others(whole):
    now = time.time_ns()
    hour = 3600 * 10**9
    whole.counter("requests", (now - 30 * hour, 1.0), (now + 2 * hour, 2.0), (now, 3.0))
    (metric,) = until(lambda: [one for one in whole.prometheus.metrics if one.record.name == "requests"], "the metric")
    assert [point.as_double for point in metric.record.sum.data_points] == [3.0]


def test_deltas_become_totals(whole):
    now = time.time_ns()
    for second, value in ((1, 2.0), (2, 3.0)):
        whole.counter("requests", (now - (3 - second) * 10**9, value), delta=True)
    until(lambda: [p.as_double for p in whole.prometheus.latest("requests").values()] == [5.0], "2 and 3 as 5")
    assert {
        one.record.sum.aggregation_temporality for one in whole.prometheus.metrics if one.record.name == "requests"
    } == {2}


def test_requests_of_metrics_are_never_merged_so_that_a_refusal_costs_one_only(whole):
    whole.prometheus.answer = 503
    for number in range(20):
        whole.counter(f"requests.{number}", (time.time_ns(), 1.0))
    until(lambda: whole.prometheus.refused, "a queue that waits")
    whole.prometheus.answer = 200
    until(lambda: len(whole.prometheus.taken) >= 20, "all of them")
    names = [[item.record.name for item in sent.items()] for sent in whole.prometheus.taken]
    assert [one for one in names if one[0].startswith("requests")] == [[f"requests.{number}"] for number in range(20)]


def test_a_span_of_twenty_megabytes_arrives_with_its_neighbours(whole):
    small, large = span({"a": 1}), span(call(**{"gen_ai.input.messages": "x" * (20 << 20)}))
    whole.traces(small, large, span({"b": 2}))
    until(lambda: len(whole.jaeger.spans) == 3, "all three at Jaeger", 30)
    assert [one.record.span_id for one in until(lambda: whole.ledger.spans, "the call in the ledger")] == [
        large.span_id
    ]


def test_a_body_beyond_the_door_is_refused_at_the_door(whole):
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.append(span({"a": "x" * (24 << 20)}))
    assert whole.post("traces", request.SerializeToString()) == 400
    assert whole.complaints() == []


def test_a_ledger_that_knows_another_token_loses_calls_and_the_metric_says_so(whole):
    whole.ledger.answer = 401
    whole.traces(span(call()))
    until(lambda: whole.ledger.refused, "the refusal")
    whole.ledger.answer = 200
    later = span(call())
    whole.traces(later)
    until(lambda: whole.ledger.spans, "the next one")
    assert [one.record.span_id for one in whole.ledger.spans] == [later.span_id]
    page = get(f"http://127.0.0.1:{whole.server.ports['metrics']}/metrics")[1]
    (failed,) = [
        line for line in page.splitlines() if line.startswith("otelcol_exporter_send_failed_spans") and "ledger" in line
    ]
    assert float(failed.split()[-1]) == 1


def test_each_store_and_signal_has_a_queue_of_its_own_on_disk(whole, tmp_path):
    assert {path.name for path in (tmp_path / "store").iterdir()} == {
        "exporter_otlp_grpc_jaeger_traces",
        "exporter_otlp_http_ledger_traces",
        "exporter_otlp_http_ledger_logs",
        "exporter_otlp_http_loki_logs",
        "exporter_otlp_http_prometheus_metrics",
    }


def test_all_variants_can_be_laid_over_at_once(tmp_path):
    assert validate(tmp_path, TOGETHER) == ""
    (port,) = ports.free(1)
    env = {"OTELCOL_SCRAPE": f"127.0.0.1:{port}"}
    with running(tmp_path, *TOGETHER, env=env) as collector:
        assert post_one(collector, span(call(note="ada@example.com")), "a-token") == 200
        (booked,) = until(lambda: collector.ledger.spans, "the call in the ledger")
        assert (booked.attributes["gen_ai.usage.cost.amount"], booked.attributes["note"]) == (USD, "****")
        assert until(lambda: scraped(port, "genmeter_collector_cost_usd_total{"), "the cost on the metrics page")


def test_sampling_takes_nothing_from_the_money(tmp_path):
    faster = quick(tmp_path, "processors: {tail_sampling: {decision_wait: 1s}}")
    with running(tmp_path, WHOLE, VARIANTS / "tail-sampling.yaml", faster) as collector:
        sent = [span(call()) for _ in range(198)]
        failed = span(call(), status={"code": 2})
        dear = span(call(input_tokens=40_000))  # 0.101 USD
        for start in range(0, 198, 66):
            collector.traces(*sent[start : start + 66])
        collector.traces(failed, dear)
        until(lambda: len(collector.ledger.spans) == 200, "all 200 calls in the ledger")
        assert len({one.record.span_id for one in collector.ledger.spans}) == 200
        until(lambda: total(collector, "genmeter.collector.calls") == 200, "all 200 counted")
        assert pico(collector) == 199 * PRICE + 101_000_000_000
        wanted = {failed.span_id, dear.span_id}
        until(lambda: wanted <= {one.record.span_id for one in collector.jaeger.spans}, "what is always kept", 20)
        time.sleep(2.5)
        # Of 198 with a chance of one in ten, fewer than 60 have come with a probability beyond 1 - 1e-12.
        assert 2 <= len(collector.jaeger.spans) < 62


def test_redaction_takes_content_and_personal_data_and_leaves_tokens_and_cost(tmp_path):
    content = {
        "gen_ai.input.messages": "my secret",
        "gen_ai.prompt.0.content": "my secret",
        "llm.input_messages.0.message.content": "my secret",
        "input.value": "my secret",
        "traceloop.entity.output": "my secret",
    }
    personal = {"note": "write to ada@example.com", "card": "4111 1111 1111 1111", "http.request.header.api_key": "abc"}
    with running(tmp_path, WHOLE, VARIANTS / "content-redaction.yaml") as collector:
        kept = {"gen_ai.response.id": "resp-4111111111111111", "gen_ai.usage.cache_read.input_tokens": 0}
        event = Span.Event(name="gen_ai.content.prompt", attributes=[attribute("gen_ai.prompt", "my secret")])
        collector.traces(span(call(**content, **personal, **kept), events=[event]), span({"input.value": "my secret"}))
        collector.log("gen_ai.client.inference.operation.details", call(**content, **personal, **kept))
        collector.log("gen_ai.user.message", {"gen_ai.system": "openai"}, {"content": "my secret"})
        seen, other = until(lambda: len(collector.jaeger.spans) == 2 and collector.jaeger.spans, "the spans")
        until(lambda: len(collector.loki.logs) == 2, "both events")
        for one in [
            seen,
            other,
            *collector.loki.logs,
            *until(lambda: collector.ledger.logs, "the event in the ledger"),
        ]:
            everything = f"{one.record}"
            assert not [word for word in ("my secret", "ada@example", "4111 1111", "abc") if word in everything], (
                everything
            )
        assert call(**kept).items() <= seen.attributes.items()
        assert seen.attributes["gen_ai.usage.cost.amount"] == USD
        assert seen.attributes["redaction.masked.count"] == 3
        assert collector.ledger.logs[0].attributes["gen_ai.usage.cost.amount"] == USD


def test_a_scrape_shows_money_and_the_way_to_the_trace(tmp_path):
    (port,) = ports.free(1)
    env = {"OTELCOL_SCRAPE": f"127.0.0.1:{port}"}
    with running(tmp_path, WHOLE, VARIANTS / "prometheus-scrape.yaml", quick(tmp_path), env=env) as collector:
        asked = span(call())
        collector.traces(asked, span(call(), trace_id=asked.trace_id))
        collector.counter("requests", (time.time_ns(), 7.0))
        page = until(lambda: scraped(port, "trace_id="), "an exemplar on the metrics page")
        assert f'trace_id="{asked.trace_id.hex()}"' in page
        page = until(lambda: scraped(port, "genmeter_collector_cost_usd_total{"), "the cost on the metrics page")
        lines = [line for line in page.splitlines() if not line.startswith("#")]
        shown = {line.split("{")[0] for line in lines}
        assert {
            "genmeter_collector_calls_total",
            "genmeter_collector_call_duration_seconds_bucket",
            "requests_total",
        } <= shown
        (cost,) = [line for line in lines if line.startswith("genmeter_collector_cost_usd_total{")]
        assert float(cost.split("} ")[1].split()[0]) == 2 * USD
        assert 'job="shop"' in cost and 'instance="collector"' in cost
        tokens = [line for line in lines if line.startswith("genmeter_collector_tokens_total{")]
        assert Counter(float(line.split("} ")[1].split()[0]) for line in tokens) == {2000.0: 1, 200.0: 1}


def scraped(port: int, word: str) -> str | None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/metrics", headers={"Accept": "application/openmetrics-text"}
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        page = answer.read().decode()
    return page if word in page else None


def test_an_agent_keeps_what_the_gateway_cannot_take_and_adds_nothing(tmp_path):
    with running(tmp_path, VARIANTS / "agent.yaml") as collector:
        collector.ledger.answer = 503
        sent = span(call())
        collector.traces(sent)
        until(lambda: collector.ledger.refused, "a refusal")
        collector.server.end()
        collector.ledger.answer = 200
        collector.server.launch()
        wait([collector.server])
        (arrived,) = until(lambda: collector.ledger.spans, "the span after the restart")
        assert arrived.attributes == call()
        assert collector.ledger.taken[0].headers["Authorization"] == "Bearer a-token"


def test_yaml_of_variants_changes_what_its_comment_says_and_no_more():
    for path in VARIANTS.glob("*.yaml"):
        assert set(yaml.safe_load(path.read_text())) <= {
            "receivers",
            "processors",
            "connectors",
            "exporters",
            "extensions",
            "service",
        }
