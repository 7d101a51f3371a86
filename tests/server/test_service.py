"""``genmeter serve`` as a collector and a scraper see it: what is booked once, what is told, what is counted."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import (
    InMemoryLogRecordExporter,
    LogRecordExportResult,
    SimpleLogRecordProcessor,
)
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricExportResult
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.ledger.otlp import SECOND, chat, details, span, traces
from tests.server.client import Client, Service, scraped, service


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as running:
        yield running


@pytest.fixture
def client(ledger: Service) -> Client:
    return ledger.client()


def test_spans_and_events_of_real_exporters_on_four_connections_are_booked_once(client: Client) -> None:
    spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
    tracing, logging = TracerProvider(), LoggerProvider()
    tracing.add_span_processor(SimpleSpanProcessor(spans))
    logging.add_log_record_processor(SimpleLogRecordProcessor(logs))
    for _ in range(50):
        with tracing.get_tracer("test").start_as_current_span("chat gpt-5", attributes=chat()):
            logging.get_logger("test").emit(
                LogRecord(
                    timestamp=time.time_ns(),
                    event_name="gen_ai.client.inference.operation.details",
                    severity_number=SeverityNumber.INFO,
                    attributes=chat(),
                )
            )
    finished, emitted = spans.get_finished_spans(), logs.get_finished_logs()
    results: list[object] = []

    def deliver(sender: int) -> None:
        """Everything, twice, spans or events first, plain or packed."""
        packed = Compression.Gzip if sender % 2 else Compression.NoCompression
        traced = OTLPSpanExporter(f"{client.url}/v1/traces", compression=packed)
        logged = OTLPLogExporter(f"{client.url}/v1/logs", compression=packed)
        for _ in range(2):
            steps = [lambda: traced.export(finished), lambda: logged.export(emitted)]
            for step in steps if sender < 2 else reversed(steps):
                results.append(step())
        traced.shutdown()
        logged.shutdown()

    senders = [threading.Thread(target=deliver, args=(sender,)) for sender in range(4)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    assert results.count(SpanExportResult.SUCCESS) == results.count(LogRecordExportResult.SUCCESS) == 8
    samples = scraped(client)
    assert samples["genmeter_ledger_booked_total", ()] == samples["genmeter_ledger_merged_total", ()] == 50
    # 16 deliveries of 50, of which one booked and one merged
    assert samples["genmeter_ledger_duplicates_total", ()] == 14 * 50
    assert samples["genmeter_ledger_conflicts_total", ()] == 0
    # 50 x 0.0125
    assert client.get("/api/summary").json["cost"] == {"USD": "0.625"}
    assert {call["signals"] for call in client.get("/api/calls").json["calls"]} == {3}


def test_records_that_cannot_be_booked_are_counted_and_told_and_the_others_are_booked(client: Client) -> None:
    nameless, timeless = span(2, chat()), span(3, chat())
    nameless.span_id = b""
    timeless.start_time_unix_nano = 0
    reply = client.post("/v1/traces", traces(span(1, chat()), nameless, timeless).SerializeToString())
    told = ExportTraceServiceResponse.FromString(reply.body).partial_success
    assert (reply.status, told.rejected_spans) == (200, 2)
    assert "span id" in told.error_message
    lost = details(4, chat())
    lost.resource_logs[0].scope_logs[0].log_records[0].trace_id = b""
    lost.MergeFrom(details(5, chat()))
    reply = client.post("/v1/logs", lost.SerializeToString())
    told = ExportLogsServiceResponse.FromString(reply.body).partial_success
    assert (reply.status, told.rejected_log_records) == (200, 1)
    assert "trace id" in told.error_message
    samples = scraped(client)
    assert samples["genmeter_ledger_booked_total", ()] == 2
    assert samples["genmeter_ledger_rejected_total", (("signal", "traces"),)] == 2
    assert samples["genmeter_ledger_rejected_total", (("signal", "logs"),)] == 1


def test_what_is_no_call_is_ignored_without_a_complaint(client: Client) -> None:
    other = details(1, chat())
    other.resource_logs[0].scope_logs[0].log_records[0].event_name = "app.started"
    replies = [
        client.post("/v1/logs", other.SerializeToString()),
        client.post("/v1/traces", traces(span(2, {"http.route": "/"}), span(3, chat())).SerializeToString()),
    ]
    assert [(reply.status, reply.body) for reply in replies] == [(200, b""), (200, b"")]
    samples = scraped(client)
    assert [samples["genmeter_ledger_ignored_total", (("signal", name),)] for name in ("logs", "traces")] == [1, 1]


def test_metrics_are_declined_in_words_and_no_exporter_fails_over_them(client: Client) -> None:
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader]).get_meter("test")
    meter.create_counter("jobs").add(1, {"kind": "a"})
    meter.create_counter("jobs").add(1, {"kind": "b"})
    meter.create_histogram("seconds").record(0.5)
    exporter = OTLPMetricExporter(f"{client.url}/v1/metrics")
    assert exporter.export(reader.get_metrics_data()) is MetricExportResult.SUCCESS
    exporter.shutdown()
    samples = scraped(client)
    assert samples["genmeter_ledger_ignored_total", (("signal", "metrics"),)] == 3
    assert not [name for name, _ in samples if name.startswith(("jobs", "seconds"))]
    point = {"asInt": "1", "timeUnixNano": "1"}
    document = {
        "resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "n", "gauge": {"dataPoints": [point] * 2}}]}]}]
    }
    reply = client.ask("POST", "/v1/metrics", json.dumps(document).encode(), {"Content-Type": "application/json"})
    assert (reply.status, reply.json["partialSuccess"]["rejectedDataPoints"]) == (200, "2")
    assert "send metrics to Prometheus" in reply.json["partialSuccess"]["errorMessage"]
    empty = client.post("/v1/metrics", b"")
    assert ExportMetricsServiceResponse.FromString(empty.body) == ExportMetricsServiceResponse()


def test_the_services_own_metrics_tell_how_late_how_large_and_how_it_goes(ledger: Service, client: Client) -> None:
    before = scraped(client)
    assert "genmeter_ledger_last_commit_timestamp_seconds" not in {name for name, _ in before}
    now = time.time_ns()
    # each took 2 s: one ended just now, one 100 s ago, one two hours ago
    ages = (0, 100, 7200)
    spans = [span(n, chat(), trace=n, started_ns=now - (age + 2) * SECOND) for n, age in enumerate(ages, 1)]
    sent = time.time()
    client.post("/v1/traces", traces(*spans).SerializeToString())
    samples = scraped(client)
    name = "genmeter_ledger_lag_seconds"
    within = [samples[f"{name}_bucket", (("le", upper),)] for upper in ("15", "60", "300", "3600", "21600", "+Inf")]
    assert within == [1, 1, 2, 2, 3, 3]
    assert samples[f"{name}_count", ()] == 3
    assert 7300 <= samples[f"{name}_sum", ()] < 7400
    assert sent - 1 <= samples["genmeter_ledger_last_commit_timestamp_seconds", ()] <= time.time() + 1
    on_disk = sum(Path(f"{ledger.ledger}{suffix}").stat().st_size for suffix in ("", "-wal"))
    assert samples["genmeter_ledger_file_bytes", ()] == on_disk
    names = ("booked", "merged", "duplicates", "conflicts", "suspected", "late", "trimmed_calls", "trimmed_quarantine")
    assert [samples[f"genmeter_ledger_{one}_total", ()] for one in names] == [3, *[0] * 7]
    labels = (("application", ""), ("department", ""), ("model", "gpt-5-2026"))
    assert samples["genmeter_ledger_spend_usd", labels] == 0.0375


def test_small_batches_of_many_senders_share_the_disk_and_each_is_told_its_own(client: Client) -> None:
    answers: dict[int, int] = {}

    def send(sender: int) -> None:
        mine = Client(client.server)
        for n in range(20):
            good = [span(sender * 1000 + n * 10 + k + 1, chat(), trace=sender + 1) for k in range(3)]
            bad = span(9, chat())
            bad.trace_id = b""
            batch = traces(*good, *[bad] * (sender % 3)).SerializeToString()
            told = ExportTraceServiceResponse.FromString(mine.post("/v1/traces", batch).body)
            answers[sender] = answers.get(sender, 0) + told.partial_success.rejected_spans
        mine.connection.close()

    senders = [threading.Thread(target=send, args=(sender,)) for sender in range(12)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    assert answers == {sender: 20 * (sender % 3) for sender in range(12)}
    assert scraped(client)["genmeter_ledger_booked_total", ()] == 12 * 20 * 3
