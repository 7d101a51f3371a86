"""The shipped pipeline under load: its variants, what it counts of itself, and what has come out of it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import yaml

from tests.e2e.back_ends.load.sender import Sent
from tests.stack import Stack
from tests.stack.asking import Sample, collector_metrics
from tests.stack.roster import CONFIG

PROCESSOR = "genai_cost"
DOOR, JAEGER, LEDGER = "otlp", "otlp_grpc/jaeger", "otlp_http/ledger"
STEP = 0.25


def shipped() -> dict[str, Any]:
    """otelcol.yaml as it is."""
    return yaml.safe_load((CONFIG / "otelcol.yaml").read_text(encoding="utf-8"))


def without_processor() -> dict[str, Any]:
    """otelcol.yaml without genai_cost, and nothing else changed."""
    config = shipped()
    del config["processors"][PROCESSOR]
    for pipeline in config["service"]["pipelines"].values():
        if PROCESSOR in pipeline.get("processors", ()):
            pipeline["processors"].remove(PROCESSOR)
    return config


def written(config: dict[str, Any], file: Path) -> Path:
    """The configuration as a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return file


class Counts(NamedTuple):
    """What the collector says of the spans that went through it."""

    accepted: int
    refused: int
    to_jaeger: int
    to_ledger: int
    failed: int
    """Spans that the receiver, a queue or an exporter has failed with."""
    queued: int
    """What waits in the queues, in bytes."""


def counts(stack: Stack) -> Counts:
    """The collector's counters now."""
    found = collector_metrics(stack)

    def total(name: str, **labels: str) -> int:
        return round(sum(one.value for one in found.get(name, ()) if labels.items() <= one.labels.items()))

    return Counts(
        accepted=total("otelcol_receiver_accepted_spans_total", receiver=DOOR),
        refused=total("otelcol_receiver_refused_spans_total", receiver=DOOR),
        to_jaeger=total("otelcol_exporter_sent_spans_total", exporter=JAEGER),
        to_ledger=total("otelcol_exporter_sent_spans_total", exporter=LEDGER),
        failed=_failed(found, "spans"),
        queued=total("otelcol_exporter_queue_size"),
    )


def failed_points(stack: Stack) -> int:
    """Metric points that a queue or an exporter has failed with."""
    return _failed(collector_metrics(stack), "metric_points")


def _failed(found: Mapping[str, list[Sample]], items: str) -> int:
    names = [name for name in found if "_failed_" in name and name.endswith(f"{items}_total")]
    return round(sum(one.value for name in names for one in found[name]))


def until_drained(stack: Stack, spans: int, within: float) -> Counts:
    """The counters once so many spans have left for Jaeger and the ledger and no queue holds anything."""
    deadline = time.monotonic() + within
    while True:
        now = counts(stack)
        if (now.to_jaeger >= spans and now.to_ledger >= spans and now.queued == 0) or time.monotonic() > deadline:
            return now
        time.sleep(STEP)


def own(stack: Stack, name: str, **labels: str) -> float | None:
    """One of genai_cost's own metrics, added up over what these labels leave open; None when it is not there."""
    found = collector_metrics(stack)
    name = f"otelcol_processor_genai_cost_{name}"
    series: list[Sample] = found.get(name) or found.get(f"{name}_total") or []
    values = [one.value for one in series if labels.items() <= one.labels.items()]
    return sum(values) if values else None


class Row(NamedTuple):
    """A booked call."""

    ended_ns: int
    pico: int | None
    entry: str | None
    catalogue: str | None


def rows(stack: Stack, service: str) -> list[Row]:
    """The ledger's calls of a service, in the order of their ends."""
    question = "SELECT started_ns + duration_ns, cost_pico, cost_entry, cost_catalogue FROM calls WHERE service = ?"
    return sorted(Row(*found) for found in _asked(stack, question, service))


class Booked(NamedTuple):
    """All calls of a service together."""

    calls: int
    traces: int
    pico: int
    sources: Mapping[str, int]


def booked(stack: Stack, service: str) -> Booked:
    """How many calls of a service the ledger has, of how many traces, for how much, and who had priced them."""
    question = "SELECT count(*), count(DISTINCT trace_id), coalesce(sum(cost_pico), 0) FROM calls WHERE service = ?"
    ((calls, traces, pico),) = _asked(stack, question, service)
    by_source = "SELECT coalesce(cost_source, ''), count(*) FROM calls WHERE service = ? GROUP BY 1"
    return Booked(calls, traces, pico, dict(_asked(stack, by_source, service)))


def assert_whole(spans: int, sent: Sent, counted: Counts, found: Booked) -> None:
    """Sent = accepted = delivered = booked, once each."""
    assert sent.refused == []
    assert sent.again == {}
    assert sent.acknowledged == spans
    assert counted == Counts(spans, refused=0, to_jaeger=spans, to_ledger=spans, failed=0, queued=0)
    assert (found.calls, found.traces) == (spans, spans)


def latest_trace(stack: Stack, service: str, model: str) -> str:
    """The trace of the call of a service to a model that has ended last."""
    question = "SELECT trace_id, max(started_ns) FROM calls WHERE service = ? AND request_model = ?"
    return _asked(stack, question, service, model)[0][0]


def _asked(stack: Stack, question: str, *values: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"file:{quote(str(stack.ledger.data / 'ledger.db'))}?mode=ro", uri=True)
    try:
        return connection.execute(question, values).fetchall()
    finally:
        connection.close()
