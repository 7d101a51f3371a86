"""One call that two instrumentations have recorded is one bill in the ledger and in the sums of Prometheus."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.e2e.back_ends.conftest import booked, foreign_call, send, service
from tests.stack import Stack
from tests.stack.asking import prom_query, until

pytestmark = pytest.mark.xdist_group("stack")

LANGCHAIN = "openinference.instrumentation.langchain"
SDK = "opentelemetry.instrumentation.openai_v2"


def recorded(name: str, trace_id: str, scope: str) -> dict[str, Any]:
    """The foreign call of $0.0035, as this scope records it."""
    sent = foreign_call(name, trace_id)
    sent["scopeSpans"][0]["scope"]["name"] = scope
    return sent


@pytest.mark.parametrize("order", [1, -1])
def test_a_framework_and_an_sdks_instrumentation_are_counted_and_booked_once(stack: Stack, order: int) -> None:
    name, trace_id = service("doubled"), uuid.uuid4().hex
    for scope in (LANGCHAIN, SDK)[::order]:
        send(stack.otlp_http, {"resourceSpans": [recorded(name, trace_id, scope)]})
    # a call that is no double, and waits as long as the framework's: what is there then is all that comes
    last = service("waited")
    send(stack.otlp_http, {"resourceSpans": [recorded(last, uuid.uuid4().hex, LANGCHAIN)]})
    prom_query(stack, f'genmeter_collector_calls_total{{job="{last}"}}')
    for metric, due in (("calls_total", 1), ("cost_usd_total", 0.0035)):
        found = prom_query(stack, f'genmeter_collector_{metric}{{job="{name}"}}')
        assert sum(sample.value for sample in found) == due
    until(
        lambda: [call.scope for call in booked(stack, name, least=1)],
        lambda scopes: scopes == [SDK],
        what=f"the one call of {name} in the ledger",
    )


def test_the_collector_tells_how_many_spans_it_has_set_aside(stack: Stack) -> None:
    name, trace_id = service("told"), uuid.uuid4().hex
    for scope in (LANGCHAIN, SDK):
        send(stack.otlp_http, {"resourceSpans": [recorded(name, trace_id, scope)]})
    counted = 'otelcol_connector_genai_meter_doubles{result="set_aside"}'
    until(
        lambda: sum(sample.value for sample in prom_query(stack, counted)),
        lambda found: found >= 1,
        what="spans set aside",
    )
