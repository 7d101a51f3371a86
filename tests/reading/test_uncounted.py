"""Records of others: a count that no field reads leaves the bill partial by its name, in Python and Go alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from genmeter.ledger import Ledger
from genmeter.ledger.questions import Window
from genmeter.metering.dialects.counts import MEASURED
from genmeter.model import Cost
from genmeter.reading import Recorded
from genmeter.reading.conventions import bundled
from genmeter.reading.uncounted import LONGEST, MOST, uncounted
from genmeter.settings import Settings
from tests.ledger.otlp import NOON, chat, span, traces

CASES = json.loads((Path(__file__).parents[1] / "vectors" / "uncounted.json").read_text("utf-8"))
CALL = {
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_counts_that_no_field_reads_are_named(case: dict[str, Any]) -> None:
    assert [name for name, _ in uncounted(case["attributes"], bundled())] == case["uncounted"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_price_without_such_a_count_is_a_part_of_the_price(case: dict[str, Any]) -> None:
    """gpt-4o: 1,000 × 2.50 + 100 × 10 = 3,500 millionths, or more with the counts that are read; partial by the rule."""
    recorded = Recorded(Settings())
    verdict = recorded.price({**CALL, **case["attributes"]}, at=NOON / 10**9)
    assert not isinstance(verdict, Cost) or verdict.partial == bool(case["uncounted"])
    if case["uncounted"]:
        assert isinstance(verdict, Cost) and verdict.total == 3_500_000_000


def test_the_ledger_books_the_name() -> None:
    call = chat(gen_ai__usage__cost__amount=None, genmeter__cost__status=None, gen_ai__response__model=None)
    with Ledger.open(price=Recorded(Settings()).price) as ledger:
        ledger.book_traces(traces(span(1, {**call, "gen_ai.usage.zebra_tokens": 7})))
        (booked,) = ledger.store.latest(9, Window())
        assert (booked.cost_status, booked.cost_reason) == ("partial", "unpriced_dimension")
        assert booked.cost_detail == "not in this price: gen_ai.usage.zebra_tokens"


def test_the_names_of_a_sender_are_bounded() -> None:
    found = uncounted({f"gen_ai.usage.{number:0100}_tokens": 1 for number in range(50)}, bundled())
    assert len(found) == MOST and all(len(name) <= LONGEST for name, _ in found)


def test_the_application_and_the_reader_of_records_agree_on_what_counts_nothing() -> None:
    assert bundled().measured == MEASURED
