"""The read API and /metrics: exact money, well-formed text, OpenTelemetry's metrics under Prometheus' names."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from genmeter.ledger import Ledger
from genmeter.reports.registry import REPORTS
from genmeter.reports.report import SINCE
from genmeter.server.prometheus import bound, metric_name
from tests.ledger.otlp import NOON, SECOND, chat, key_values, span, traces
from tests.server.client import Client, scraped, served

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE


@pytest.fixture
def client() -> Iterator[Client]:
    with served(Ledger.open(), max_series=50) as client:
        yield client


def metrics_request(*metrics: Metric, **resource: str) -> bytes:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    group.resource.attributes.extend(key_values({name.replace("__", "."): value for name, value in resource.items()}))
    group.scope_metrics.add().metrics.extend(metrics)
    return request.SerializeToString()


def summed(
    value: int, at: int, temporality: AggregationTemporality.ValueType, name: str = "jobs.done", **labels: str
) -> Metric:
    metric = Metric(name=name, unit="{job}")
    metric.sum.is_monotonic, metric.sum.aggregation_temporality = True, temporality
    metric.sum.data_points.add(as_int=value, time_unix_nano=at, attributes=key_values(labels))
    return metric


def test_calls_and_traces_are_read_back_with_exact_money(client: Client) -> None:
    root = span(1, {"http.route": "/ask"}, name="POST /ask", seconds=5)
    lines = chat(genmeter__cost__input=0.01, genmeter__cost__output=0.0025, gen_ai__response__finish_reasons=["stop"])
    client.post(
        "/v1/traces", traces(root, span(2, lines, parent=1), span(3, {}, parent=2, name="POST")).SerializeToString()
    )
    (call,) = client.get("/api/calls").json["calls"]
    assert (call["cost"], call["lines"], call["finish_reasons"]) == (
        "0.0125",
        {"input": "0.01", "output": "0.0025"},
        ["stop"],
    )
    tree = client.get(f"/api/trace/{call['trace_id']}").json["spans"]
    assert [(node["name"], node["depth"], node["call"] is not None) for node in tree] == [
        ("POST /ask", 0, False),
        ("chat gpt-5", 1, True),
        ("POST", 2, False),
    ]
    assert client.get("/api/trace/ffff").status == 404


def test_spend_is_grouped_and_windowed(client: Client) -> None:
    client.post("/v1/traces", traces(span(1, chat(genmeter__department="legal")), span(2, chat())).SerializeToString())
    rows = client.get("/api/spend?by=department").json["rows"]
    assert [(row["key"], row["cost"]) for row in rows] == [("legal", {"USD": "0.0125"}), (None, {"USD": "0.0125"})]
    assert client.get("/api/spend?by=department&since=2026-11-21T12:00:01Z").json["rows"] == []
    assert client.get("/api/summary?until=2026-11-21T12:00:00Z").json["calls"] == 0
    assert client.get("/api/summary?until=2026-11-21T12:00:00.000001Z").json["calls"] == 2


def test_how_long_ago_is_counted_from_each_asking(client: Client) -> None:
    client.post("/v1/traces", traces(span(1, chat(), started_ns=time.time_ns() - 2 * SECOND)).SerializeToString())
    assert client.get("/api/summary?since=5s").json["calls"] == 1
    deadline = time.monotonic() + 30
    while client.get("/api/spend?since=5s").json["total"]["calls"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert client.get("/api/summary?since=5s").json["calls"] == 0


@pytest.mark.parametrize("edge", ["since=0001-01-01", "until=9999-12-31", "since=0001-01-01&until=9999-12-31"])
@pytest.mark.parametrize("name", ["summary", *(name for name, one in REPORTS.items() if SINCE in one.options)])
def test_a_window_may_reach_to_the_ends_of_the_calendar(client: Client, name: str, edge: str) -> None:
    client.post("/v1/traces", traces(span(1, chat())).SerializeToString())
    assert client.get(f"/api/{name}?{edge}").status == 200
    assert client.get(f"/api/spend?{edge}").json["total"]["calls"] == 1


@pytest.mark.parametrize("path", ["reports", "summary", "trace/1", *REPORTS])
@pytest.mark.parametrize("query", ["foo=1", "foo=", "since=1d&Since=1d", "&".join(f"p{n}=1" for n in range(30))])
def test_an_option_that_is_unknown_is_refused_by_every_route(client: Client, path: str, query: str) -> None:
    reply = client.get(f"/api/{path}?{query}")
    assert reply.status == 400 and reply.json["error"]


def test_an_unknown_option_is_told_with_the_nearest_and_one_that_stands_twice_by_its_name(client: Client) -> None:
    assert client.get("/api/spend?sinse=1d").json["error"].startswith("sinse: unknown option; did you mean 'since'?")
    assert client.get("/api/errors?by=model").status == 400
    for query in ("by=model&by=day", "by=model&by=model", "since=&since=1d"):
        reply = client.get(f"/api/spend?{query}")
        assert (reply.status, "stands twice" in reply.json["error"]) == (400, True)
    assert client.get("/api/spend?since=&run=").status == 200


def test_probes_and_the_page_take_any_query(client: Client) -> None:
    assert [client.get(f"{path}?probe=1").status for path in ("/healthz", "/readyz", "/metrics", "/")] == [200] * 4


@pytest.mark.parametrize(
    "path", ["/api/spend?by=colour", "/api/calls?limit=0", "/api/calls?limit=many", "/api/summary?since=soon"]
)
def test_a_question_that_makes_no_sense_is_told_why(client: Client, path: str) -> None:
    reply = client.get(path)
    assert reply.status == 400
    assert reply.json["error"]


def test_unpriced_calls_come_with_what_to_do(client: Client) -> None:
    unpriced = chat(
        gen_ai__usage__cost__amount=None, genmeter__cost__status="unpriced", genmeter__cost__reason="unknown_model",
        genmeter__cost__detail="openai lists no price for 'gpt-5-2026'",
    )  # fmt: skip
    client.post("/v1/traces", traces(span(1, unpriced), span(2, unpriced)).SerializeToString())
    (gap,) = client.get("/api/unpriced").json["rows"]
    assert (gap["reason"], gap["provider"], gap["model"], gap["calls"], gap["tokens"]) == (
        "unknown_model",
        "openai",
        "gpt-5-2026",
        2,
        2400,
    )
    assert "genmeter.toml" in gap["remedy"]
    words = "The price catalogue has no price for this model."
    assert (gap["words"], gap["detail"]) == (words, "openai lists no price for 'gpt-5-2026'")
    call = client.get("/api/calls").json["calls"][0]
    assert (call["cost_words"], call["cost_detail"]) == (words, "openai lists no price for 'gpt-5-2026'")


def test_head_has_the_headers_and_no_body(client: Client) -> None:
    reply = client.ask("HEAD", "/healthz")
    assert (reply.status, reply.headers["content-length"], reply.body) == (200, "3", b"")


def test_metrics_tell_what_was_received_booked_and_spent(client: Client) -> None:
    batch = traces(span(1, chat(genmeter__application='a "b"\\\n')), span(2, chat(gen_ai__usage__cost__amount=1e-12)))
    for _ in range(2):
        client.post("/v1/traces", batch.SerializeToString())
    client.post("/v1/logs", b"\xff")
    samples = scraped(client)
    assert samples["genmeter_ledger_records_total", (("signal", "traces"),)] == 4
    assert samples["genmeter_ledger_refused_total", (("signal", "logs"),)] == 1
    assert samples["genmeter_ledger_booked_total", ()] == 2
    assert samples["genmeter_ledger_duplicates_total", ()] == 2
    assert samples["genmeter_ledger_rows", (("table", "calls"),)] == 2
    labels = (("application", 'a "b"\\\n'), ("department", ""), ("model", "gpt-5-2026"))
    assert samples["genmeter_ledger_spend_usd", labels] == 0.0125
    assert b" 0.000000000001\n" in client.get("/metrics").body


def test_the_sdks_metrics_are_scraped_as_from_the_collector(client: Client) -> None:
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{client.url}/v1/metrics"))
    resource = Resource.create({"service.name": "shop", "service.instance.id": "one"})
    provider = MeterProvider([reader], resource=resource)
    meter = provider.get_meter("test")
    meter.create_counter("genmeter.cost.usd", unit="{USD}").add(1.5, {"gen_ai.request.model": "gpt-5"})
    meter.create_up_down_counter("genmeter.calls.active", unit="{call}").add(3)
    duration = meter.create_histogram(
        "gen_ai.client.inference.duration", unit="s", explicit_bucket_boundaries_advisory=[0.01, 10.24]
    )
    duration.record(0.005)
    duration.record(2.5)
    provider.shutdown()
    samples = scraped(client)
    source = (("instance", "one"), ("job", "shop"))
    assert samples["genmeter_cost_usd_total", (("gen_ai_request_model", "gpt-5"), *source)] == 1.5
    assert samples["genmeter_calls_active", source] == 3
    histogram = "gen_ai_client_inference_duration_seconds"
    buckets = [samples[f"{histogram}_bucket", (*source, ("le", upper))] for upper in ("0.01", "10.24", "+Inf")]
    assert buckets == [1, 2, 2]
    assert (samples[f"{histogram}_count", source], samples[f"{histogram}_sum", source]) == (2, 2.505)


def test_delta_points_are_added_up_and_replays_of_them_are_not(client: Client) -> None:
    for value, at in ((2, NOON), (3, NOON + SECOND), (3, NOON + SECOND)):
        client.post("/v1/metrics", metrics_request(summed(value, at, DELTA)))
    assert scraped(client)["jobs_done_total", ()] == 5


def test_of_cumulative_points_the_latest_counts(client: Client) -> None:
    for value, at in ((2, NOON), (7, NOON + SECOND)):
        client.post("/v1/metrics", metrics_request(summed(value, at, CUMULATIVE)))
    assert scraped(client)["jobs_done_total", ()] == 7


def test_the_same_metric_of_two_services_stays_apart(client: Client) -> None:
    for name in ("one", "two"):
        client.post("/v1/metrics", metrics_request(summed(1, NOON, CUMULATIVE), service__name=name))
    samples = scraped(client)
    assert [samples["jobs_done_total", (("job", name),)] for name in ("one", "two")] == [1, 1]


def test_series_beyond_the_limit_are_counted_and_left_out(client: Client) -> None:
    client.post("/v1/metrics", metrics_request(*(summed(1, NOON, CUMULATIVE, user=str(n)) for n in range(80))))
    samples = scraped(client)
    assert sum(name == "jobs_done_total" for name, _ in samples) == 50
    assert samples["genmeter_ledger_points_skipped_total", ()] == 30
    assert samples["genmeter_ledger_series", ()] == 50


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("gen_ai.client.inference.duration", "s", "histogram", "gen_ai_client_inference_duration_seconds"),
        ("genmeter.cost.usd", "{USD}", "counter", "genmeter_cost_usd_total"),
        ("genmeter.calls.unpriced", "{call}", "counter", "genmeter_calls_unpriced_total"),
        ("http.server.request.body.size", "By", "histogram", "http_server_request_body_size_bytes"),
        ("disk.io.total", "By", "counter", "disk_io_bytes_total"),
        ("cpu.utilization", "1", "gauge", "cpu_utilization_ratio"),
        ("speed", "m/s", "gauge", "speed_meters_per_second"),
        ("2xx..answers", "", "gauge", "_2xx_answers"),
        ("wait_seconds", "s", "gauge", "wait_seconds"),
    ],
)
def test_names_follow_the_rules_of_the_collector(name: str, unit: str, kind: str, expected: str) -> None:
    assert metric_name(name, unit, kind) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.01, "0.01"),
        (10.0, "10"),
        (0.0, "0"),
        (16384.0, "16384"),
        (1048576.0, "1.048576e+06"),
        (1e6, "1e+06"),
        (1e-05, "1e-05"),
        (-2.5, "-2.5"),
    ],
)
def test_bounds_are_written_as_go_writes_them(value: float, expected: str) -> None:
    assert bound(value) == expected
