"""Tokens that come as metrics alone are in no sum: they are counted by emitter, and said with what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from genmeter.diagnosis.calls import findings
from genmeter.ledger import Ledger
from genmeter.ledger.metric_only import MOST, PATIENCE, MetricOnly
from tests.ledger.otlp import chat, key_values, span, traces

TOLD = "acme.meter: gen_ai.client.token.usage in metrics alone"


class Clock:
    """Seconds that pass when the test says so."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def request(service: str, *metrics: str, scope: str = "acme.meter") -> ExportMetricsServiceRequest:
    made = ExportMetricsServiceRequest()
    resource = made.resource_metrics.add()
    resource.resource.attributes.extend(key_values({"service.name": service}))
    group = resource.scope_metrics.add()
    group.scope.name = scope
    for name in metrics:
        group.metrics.add(name=name)
    return made


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open() as opened:
        yield opened


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize(
    "metric",
    ["gen_ai.client.token.usage", "gen_ai.usage.cost", "claude_code.cost.usage", "gemini_cli.token.usage"],
)
def test_sums_of_tokens_or_money_without_a_call_are_counted_and_said(ledger: Ledger, clock: Clock, metric: str) -> None:
    alone = MetricOnly(ledger.store, clock)
    for clock.now in (0, PATIENCE, PATIENCE + 60):
        alone.look(request("shop", metric, "gen_ai.client.operation.duration"))
    assert ledger.store.unread() == {f"acme.meter: {metric} in metrics alone": 2}
    (said,) = (finding for finding in findings(ledger) if finding.code == "unread")
    assert metric in said.text and "traces" in said.remedy


def test_metrics_beside_calls_say_nothing_new(ledger: Ledger, clock: Clock) -> None:
    sent = traces(span(1, chat()))
    sent.resource_spans[0].resource.attributes.extend(key_values({"service.name": "shop"}))
    ledger.book_traces(sent)
    alone = MetricOnly(ledger.store, clock)
    for clock.now in (0, PATIENCE, 3 * PATIENCE):
        alone.look(request("shop", "gen_ai.client.token.usage"))
        alone.look(request("other", "gen_ai.client.token.usage"))
    assert ledger.store.unread() == {TOLD: 2}


def test_a_program_that_has_just_begun_is_waited_for(ledger: Ledger, clock: Clock) -> None:
    alone = MetricOnly(ledger.store, clock)
    for clock.now in (0, PATIENCE - 1):
        alone.look(request("shop", "gen_ai.client.token.usage"))
    assert ledger.store.unread() == {}


def test_other_metrics_and_our_own_are_none(ledger: Ledger, clock: Clock) -> None:
    alone = MetricOnly(ledger.store, clock)
    others = (
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_per_output_token",
        "http.tokens",
        "llm.x",
    )
    for clock.now in (0, 2 * PATIENCE):
        alone.look(request("shop", *others))
        alone.look(request("ours", "gen_ai.client.token.usage", scope="genmeter"))
    assert ledger.store.unread() == {}


def test_services_without_number_take_no_memory_without_end(ledger: Ledger, clock: Clock) -> None:
    alone = MetricOnly(ledger.store, clock)
    for number in range(2 * MOST + 5):
        alone.look(request(f"shop-{number}", "gen_ai.client.token.usage"))
    assert len(alone._since) <= MOST
