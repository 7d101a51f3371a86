"""What the collector, Alertmanager and Prometheus would have said of themselves in ``history``: rows of a table.

A row is (name, labels, value at the beginning, growth a minute); "seldom" is once in ten minutes, and "born" a series that
comes into being half an hour before the end, as counters of failures do with the first failure. That the names and the
labels are those of the real servers is a test of its own (test_dashboards.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Literal

Growth = int | Fraction | Literal["seldom", "born"]
Row = tuple[str, Mapping[str, str], int | Fraction, Growth]
_COLLECTOR = {"job": "collector", "instance": "otelcol:8888"}
_ALERTMANAGER = {"job": "alertmanager", "instance": "alertmanager:9093"}
_PROMETHEUS = {"job": "prometheus", "instance": "localhost:9090"}
QUEUES = (
    ("otlp_grpc/jaeger", "traces", "spans"),
    ("otlp_http/ledger", "traces", "spans"),
    ("otlp_http/ledger", "logs", "log_records"),
    ("otlp_http/loki", "logs", "log_records"),
    ("otlp_http/prometheus", "metrics", "metric_points"),
)
"""Exporter, what its queue holds, and the word in the names of its counters."""
SIGNALS = ("spans", "log_records", "metric_points")
OUTCOMES = ("priced", "partial", "unpriced", "kept", "taken_over", "failed")


def _collector() -> Iterator[Row]:
    def of(name: str, before: int | Fraction, grows: Growth = 0, **labels: str) -> Row:
        return f"otelcol_{name}", {**_COLLECTOR, **labels}, before, grows

    yield "up", _COLLECTOR, 1, 0
    for exporter, data, what in QUEUES:
        yield of("exporter_queue_capacity", 10**9, exporter=exporter, data_type=data)
        yield of("exporter_queue_size", 25 * 10**7 if "loki" in exporter else 10**6, exporter=exporter, data_type=data)
        yield of(f"exporter_sent_{what}", 0, 60, exporter=exporter)
        yield of(f"exporter_enqueue_failed_{what}", 0, 1, exporter=exporter)
        if "jaeger" in exporter:
            yield of(f"exporter_send_failed_{what}", 7, "born", exporter=exporter)
        else:
            yield of(f"exporter_send_failed_{what}", 0, 2, exporter=exporter)
    for what in SIGNALS:
        yield of(f"receiver_accepted_{what}", 0, 60, receiver="otlp", transport="http")
    for outcome in OUTCOMES:
        yield of("processor_genai_cost_spans", 0, 5, outcome=outcome)
    for result in ("ok", "failed"):
        yield of("processor_genai_cost_reloads", 0, "seldom", result=result)
    yield of("processor_genai_cost_table_age", 12)
    yield of("processor_genai_cost_table_last_good", 1_792_000_000)
    yield of("processor_genai_cost_table_models", 900)


def _others() -> Iterator[Row]:
    yield "up", {"job": "ledger", "instance": "ledger:4318"}, 1, 0
    yield "up", _ALERTMANAGER, 1, 0
    for integration in ("slack", "pagerduty", "email", "webhook"):
        by = {**_ALERTMANAGER, "integration": integration}
        yield "alertmanager_notifications_total", by, 0, 1
        yield "alertmanager_notifications_failed_total", {**by, "reason": "clientError"}, 0, "seldom"
    for job in (_COLLECTOR, _ALERTMANAGER, {"job": "ledger", "instance": "ledger:4318"}):
        yield "scrape_samples_scraped", job, 300, 0
        yield "scrape_duration_seconds", job, Fraction(2, 100), 0
    for group in ("genmeter-cost", "genmeter-calls"):
        rule_group = {"rule_group": f"/etc/prometheus/rules/recording.yaml;{group}"}
        yield "prometheus_rule_group_last_duration_seconds", {**_PROMETHEUS, **rule_group}, Fraction(1, 100), 0


COLLECTOR = tuple(_collector())
OTHERS = tuple(_others())
