"""The golden bills: every price, tier, date, window, region and name rule, worked out by hand beside each case.

The Go twin reads the same files. Expected amounts were computed from published prices (the arithmetic stands in each
case), never by the engine.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from genmeter.model import Cost, Unpriced, Usage
from genmeter.pricing import Catalogue, Question

FOLDER = Path(__file__).parents[1] / "vectors" / "pricing"
CASES = [(path.stem, case) for path in sorted(FOLDER.glob("*.json")) for case in json.loads(path.read_text("utf-8"))]


def ask(call: dict[str, Any]) -> Cost | Unpriced:
    arguments = dict(call)
    usage = arguments.pop("usage")
    at = datetime.fromisoformat(arguments.pop("at")).timestamp()
    return Catalogue.bundled().price(Question(usage=None if usage is None else Usage(**usage), at=at, **arguments))


@pytest.mark.parametrize(("topic", "case"), CASES, ids=[f"{topic}: {case['name']}" for topic, case in CASES])
def test_the_bill_is_the_one_worked_out_by_hand(topic: str, case: dict[str, Any]) -> None:
    expected, result = case["expect"], ask(case["call"])
    if "reason" in expected:
        assert isinstance(result, Unpriced), result
        assert result.reason == expected["reason"], result.detail
        return
    assert isinstance(result, Cost), result
    assert result.lines == tuple((kind, amount) for kind, amount in expected["lines"])
    assert result.total == expected["total"] == sum(amount for _, amount in result.lines)
    assert result.entry == expected.get("entry", result.entry)


@pytest.mark.parametrize(("topic", "case"), CASES, ids=[f"{topic}: {case['name']}" for topic, case in CASES])
def test_the_terms_shown_to_people_add_up_to_the_bill(topic: str, case: dict[str, Any]) -> None:
    arguments = dict(case["call"])
    usage = arguments.pop("usage")
    at = datetime.fromisoformat(arguments.pop("at")).timestamp()
    catalogue = Catalogue.bundled()
    explained = catalogue.explain(Question(usage=None if usage is None else Usage(**usage), at=at, **arguments))
    assert explained.result == ask(case["call"])
    total = explained.result.total if isinstance(explained.result, Cost) else 0
    assert sum(term.amount for term in explained.terms) == total
