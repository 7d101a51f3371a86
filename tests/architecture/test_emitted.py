"""What really leaves a process is in ``tests/vectors/names.json``: no other name, no other type, kind, unit or label."""

from __future__ import annotations

import contextlib
import json

import anthropic
import openai
import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import Histogram, InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import genmeter
from genmeter.settings import Settings
from tests.architecture.tree import ROOT
from tests.stub import Reply, Stream, StubServer

VECTORS = json.loads((ROOT / "tests" / "vectors" / "names.json").read_text(encoding="utf-8"))
ATTRIBUTES = {row["name"]: row["type"] for row in VECTORS["attributes"]}
METRICS = {row["name"]: row for row in VECTORS["metrics"]}
EVENTS = {row["name"] for row in VECTORS["events"]}
MESSAGES = [{"role": "user", "content": "Hello!"}]
KINDS = {str: "string", bool: "boolean", int: "int", float: "double"}


def calls(stub: StubServer) -> None:
    """One of everything that writes an attribute, a label or an event of its own."""
    client = openai.OpenAI(base_url=stub.openai_url, api_key="sk-stub", max_retries=0)
    usage = {
        "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    stub.script("/chat/completions", Reply(usage=usage), Stream(), Reply(status=429))
    options = {"temperature": 0.5, "top_p": 0.9, "seed": 7, "max_tokens": 9, "stop": ["."], "service_tier": "flex"}
    with (
        genmeter.attribution(user="ada", department="support", application="desk", session="s-1"),
        genmeter.workflow("refunds", conversation="c-1"),
        genmeter.agent("triage", id="a-1", version=3),
    ):
        client.chat.completions.create(model="gpt-5.4-mini", messages=MESSAGES, n=2, **options)
        list(client.chat.completions.create(model="gpt-5.4-mini", messages=MESSAGES, stream=True))
    with contextlib.suppress(openai.RateLimitError):
        client.chat.completions.create(model="gpt-5.4-mini", messages=MESSAGES)
    with genmeter.agent("triage"), genmeter.tool("find_order", call_id="call_1"):
        client.chat.completions.create(model="house-7b", messages=MESSAGES)
    answer = client.responses.create(model="gpt-5.4-mini", input="Hello!", reasoning={"effort": "low"})
    client.responses.retrieve(answer.id)
    client.embeddings.create(model="text-embedding-3-small", input="Hello!", dimensions=256)
    client.moderations.create(input="Hello!")
    cut = client.chat.completions.create(model="gpt-5.4-mini", messages=MESSAGES, stream=True)
    next(cut)
    cut.close()
    claude = anthropic.Anthropic(base_url=stub.anthropic_url, api_key="sk-stub")
    usage = {"cache_creation_input_tokens": 40, "cache_read_input_tokens": 50, "tokens_of_tomorrow": 1}
    stub.script("/v1/messages", Reply(usage=usage))
    claude.messages.create(model="claude-haiku-4-5", max_tokens=9, messages=MESSAGES)


@pytest.fixture(scope="module")
def emitted():
    """Spans, log records and metrics of those calls, with every profile and all content on."""
    spans, logs, reader = InMemorySpanExporter(), InMemoryLogRecordExporter(), InMemoryMetricReader()
    resource = Resource({"deployment.environment.name": "test"})
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    meters = MeterProvider([reader], resource=resource)
    with StubServer() as stub:
        address = stub.url.removeprefix("http://")
        settings = Settings(
            metrics="both",
            content="SPAN_AND_EVENT",
            chunk_times=True,
            unattributed="tag",
            raw_users=True,
            sellers={f"{address}/v1": "openai", address: "anthropic"},
        )
        genmeter.instrument(tracer_provider=tracers, meter_provider=meters, logger_provider=loggers, settings=settings)
        try:
            calls(stub)
        finally:
            genmeter.uninstrument()
    metrics = [
        metric
        for resource_metrics in reader.get_metrics_data().resource_metrics
        for scope in resource_metrics.scope_metrics
        for metric in scope.metrics
    ]
    return spans.get_finished_spans(), [one.log_record for one in logs.get_finished_logs()], metrics


def kind(value) -> str:
    if isinstance(value, list | tuple):
        return "string[]" if all(isinstance(one, str) for one in value) else "any"
    return KINDS.get(type(value), "any")


def strays(attributes) -> list[str]:
    return [
        f"{name}: {kind(value)}, not {ATTRIBUTES.get(name)}"
        for name, value in attributes.items()
        if ATTRIBUTES.get(name) not in (kind(value), "any")
    ]


def test_spans_carry_only_listed_attributes_of_the_listed_types(emitted):
    spans, _, _ = emitted
    assert len(spans) == 14
    assert [line for span in spans for line in strays(span.attributes)] == []


def test_events_are_listed_and_carry_only_listed_attributes(emitted):
    _, records, _ = emitted
    assert {record.event_name for record in records} == EVENTS
    assert [line for record in records for line in strays(record.attributes)] == []


def test_metrics_have_the_listed_kind_unit_and_labels(emitted):
    *_, metrics = emitted
    assert {metric.name for metric in metrics} - METRICS.keys() == set()
    for metric in metrics:
        row = METRICS[metric.name]
        assert metric.unit == row["unit"], metric.name
        assert isinstance(metric.data, Histogram) == (row["kind"] == "histogram"), metric.name
        assert getattr(metric.data, "is_monotonic", True) == (row["kind"] != "updowncounter"), metric.name
        labels = {label for point in metric.data.data_points for label in point.attributes}
        assert labels <= set(row["labels"]), metric.name


def test_the_calls_here_reach_nearly_every_listed_metric(emitted):
    *_, metrics = emitted
    assert METRICS.keys() - {metric.name for metric in metrics} <= {"genmeter.internal.failures"}


def test_nothing_deprecated_leaves(emitted):
    spans, records, metrics = emitted
    left = {name for span in spans for name in span.attributes}
    left |= {name for record in records for name in (*record.attributes, record.event_name)}
    left |= {metric.name for metric in metrics}
    assert left & set(VECTORS["deprecated"]) == set()
