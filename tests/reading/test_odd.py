"""Odd values: what is wrong costs nothing but itself, and means the same to the ledger and the collector.

The collector's processor reads the same file: ``odd_test.go``.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from genmeter.ledger import Ledger
from genmeter.reading import Recorded
from genmeter.reports import calls
from genmeter.settings import Settings
from tests.ledger.otlp import ROOT, span, traces

CASES: list[dict[str, Any]] = json.loads((ROOT / "tests/vectors/odd.json").read_text("utf-8"))["cases"]
CALL: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 10_000,
    "gen_ai.usage.output_tokens": 500,
}


def odd(sets: dict[str, Any]) -> dict[str, Any]:
    """The call with these attributes; a double that JSON has no word for stands as a map."""
    made = CALL | {name: float(value["double"]) if isinstance(value, dict) else value for name, value in sets.items()}
    return {name: value for name, value in made.items() if value is not None}


def test_each_case_has_a_name_of_its_own() -> None:
    assert [name for name, times in Counter(case["name"] for case in CASES).items() if times > 1] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_an_odd_value_costs_nothing_but_itself(case: dict[str, Any]) -> None:
    request = traces(span(1, odd(case["set"])))
    request.resource_spans[0].scope_spans[0].scope.name = "acme.sdk"
    with Ledger.open(price=Recorded(Settings()).price) as ledger:
        ledger.book_traces(request)
        (call,) = calls(ledger)
    reason = call.cost_reason if call.cost_status == "unpriced" else None
    assert [call.cost_status, reason, call.cost_pico] == case["expect"]
