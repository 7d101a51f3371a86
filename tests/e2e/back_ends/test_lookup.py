"""``genmeter collector lookup`` on the real collector: without our processor, the same money as ``genmeter price``."""

from __future__ import annotations

import json

import pytest

from genmeter.cli.main import main
from tests.e2e.back_ends.collectors import call, running, span
from tests.e2e.back_ends.sinks import until

PIPELINE = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTELCOL_OTLP_HTTP}"}}}}
exporters: {otlp_http: {endpoint: "${env:LEDGER_OTLP}", compression: none}}
extensions: {health_check: {endpoint: "${env:OTELCOL_HEALTH}"}}
service:
  extensions: [health_check]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], processors: [transform/prices], exporters: [otlp_http]}}
"""
PRICED = [
    ("openai", "gpt-4o", 1000, 100, 0, 0),
    ("openai", "gpt-4o-2024-05-13", 7, 3, 0, 0),
    ("openai", "gpt-4o-mini", 123_457, 8_191, 61_441, 0),
    ("openai", "gpt-4.1-nano", 999_999, 1, 999_998, 0),
    ("openai", "gpt-5", 1, 1, 0, 0),
    ("openai", "gpt-5-mini", 31_337, 42, 31_337, 0),
    ("openai", "o1", 500, 2_000, 250, 0),
    ("openai", "o4-mini", 11, 13, 5, 0),
    ("anthropic", "claude-3-haiku", 10_007, 307, 0, 9_001),
    ("anthropic", "claude-haiku-4-5", 54_321, 999, 50_000, 4_000),
    ("anthropic", "claude-opus-4-8", 199_999, 12_345, 100_000, 99_999),
    ("anthropic", "claude-sonnet-4-6", 3, 0, 1, 1),
    ("anthropic", "claude-opus-4-1", 2_048, 4_096, 0, 0),
]
UNPRICED = {
    "an unknown model": call("nobody-knows-it"),
    "another seller's model": call("claude-opus-4-1"),
    "no output count": {key: value for key, value in call().items() if key != "gen_ai.usage.output_tokens"},
    "audio": call("gpt-4o-audio-preview", **{"gen_ai.usage.audio.input_tokens": 10}),
    "cached tokens without a price for them": call("gpt-4-turbo", **{"gen_ai.usage.cache_read.input_tokens": 10}),
    "parts larger than their total": call(**{"gen_ai.usage.cache_read.input_tokens": 1001}),
    "another service tier": call(**{"openai.response.service_tier": "priority"}),
    "a region": call(**{"genmeter.response.region": "eu"}),
    "an agent's sum of its calls": call() | {"gen_ai.operation.name": "invoke_agent"},
    "no model at all": {"gen_ai.operation.name": "chat"},
    "not GenAI": {"http.request.method": "GET"},
}


@pytest.fixture
def collector(tmp_path, capsys):
    assert main(["collector", "lookup", "openai", "anthropic"]) == 0
    prices, pipeline = tmp_path / "prices.yaml", tmp_path / "pipeline.yaml"
    prices.write_text(capsys.readouterr().out, encoding="utf-8")
    pipeline.write_text(PIPELINE, encoding="utf-8")
    with running(tmp_path, prices, pipeline) as running_collector:
        yield running_collector


def priced(capsys, seller, model, into, out, read, write) -> float:
    counts = {"input": into, "output": out, "cached": read, "cache-write": write}
    arguments = [word for name, count in counts.items() if count or name in ("input", "output")
                 for word in (f"--{name}", str(count))]  # fmt: skip
    assert main(["price", seller, model, "--json", *arguments]) == 0
    return float(json.loads(capsys.readouterr().out)["amount"])


def test_a_dozen_models_cost_the_same_as_by_genmeter_price(collector, capsys):
    for seller, model, into, out, read, write in PRICED:
        more = {"gen_ai.provider.name": seller, "gen_ai.usage.cache_read.input_tokens": read}
        collector.traces(span(call(model, into, out) | more | {"gen_ai.usage.cache_write.input_tokens": write}))
    until(lambda: len(collector.ledger.spans) == len(PRICED), "every span")
    found = {one.attributes["gen_ai.response.model"]: one for one in collector.ledger.spans}
    for question in PRICED:
        attributes = found[question[1]].attributes
        assert attributes["gen_ai.usage.cost.amount"] == pytest.approx(priced(capsys, *question), rel=0, abs=1e-12)
        assert (attributes["gen_ai.usage.cost.currency"], attributes["gen_ai.usage.cost.source"]) == (
            "USD",
            "collector",
        )
        assert found[question[1]].resource == {"service.name": "shop"}
    # By hand, for one that no reader of a catalogue worked out: 1000 * 2.50 + 100 * 10.00 USD a million.
    assert found["gpt-4o"].attributes["gen_ai.usage.cost.amount"] == 0.0035


def test_the_request_s_model_counts_where_the_response_names_none(collector):
    asked = call()
    del asked["gen_ai.response.model"]
    collector.traces(span(asked))
    (one,) = until(lambda: collector.ledger.spans, "the span")
    assert one.attributes["gen_ai.usage.cost.amount"] == 0.0035


def test_what_the_table_cannot_price_gets_no_cost_and_a_cost_that_is_there_stays(collector):
    priced_already = call(**{"gen_ai.usage.cost.amount": 7.0, "gen_ai.usage.cost.source": "provider"})
    collector.traces(*map(span, UNPRICED.values()), span(priced_already))
    until(lambda: len(collector.ledger.spans) == len(UNPRICED) + 1, "every span")
    *without, kept = collector.ledger.spans
    assert [one.attributes for one in without] == list(UNPRICED.values())
    assert (kept.attributes["gen_ai.usage.cost.amount"], kept.attributes["gen_ai.usage.cost.source"]) == (
        7.0,
        "provider",
    )
    assert collector.complaints() == []
