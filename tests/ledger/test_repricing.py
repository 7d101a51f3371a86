"""Prices that came later: what another catalogue says of booked calls, and what it must leave alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genmeter.ledger.questions import EVERYTHING, Window
from genmeter.ledger.repricing import Change, Repricing, summary
from genmeter.ledger.sqlite import Caps
from genmeter.ledger.sqlite.store import Booker
from genmeter.pricing import Addresses, Catalogue
from genmeter.pricing.override import parse
from tests.ledger.otlp import NOON, SECOND
from tests.ledger.stores import APART, STORES
from tests.ledger.test_record import CLOSING, call


@pytest.fixture(params=APART)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Booker]:
    opened = STORES[request.param](tmp_path, Caps())
    yield opened
    opened.close()


def repricing(price: str = "2.00") -> Repricing:
    """A catalogue in which openai's house-7b costs so many dollars for a million tokens of input, and nothing for output."""
    rows = {"openai": {"house-7b": {"input": price, "output": "0"}}}
    catalogue = Catalogue.bundled().with_overrides(parse(rows, "genmeter.toml", ""))
    return Repricing(catalogue, Addresses({}, catalogue))


def house(number: int, **more: Any):
    """A call of 100 tokens to openai's house-7b."""
    return call(number, **({"request_model": "house-7b", "dollars": None, "usage": (100, 0, *(None,) * 25)} | more))


def apply(store: Booker, asked: Repricing, batch: str, window: Window = EVERYTHING) -> int:
    return sum(store.revise(page, batch) for page in asked.pages(store, window))


def cost(store: Booker) -> int:
    return sum(group.cost for group in store.groups([], EVERYTHING))


def test_an_unpriced_call_gets_its_price_later_and_a_second_run_changes_nothing(store: Booker) -> None:
    store.book([house(1), house(2), house(3, request_model="other-9b")], ())
    asked = repricing()
    # 100 tokens at 2,000,000 pico-dollars each, for two calls
    assert (apply(store, asked, "a"), cost(store)) == (2, 2 * 100 * 2_000_000)
    assert (asked.seen, asked.left) == (3, 1)
    assert apply(store, repricing(), "b") == 0
    (first, *_) = (found for _, found in store.walk(EVERYTHING))
    assert (first.cost_status, first.cost_reason, first.cost_source) == ("priced", None, "local")
    assert store.verify().differences == []


def test_a_list_price_is_replaced_and_what_another_party_stated_is_not(store: Booker) -> None:
    stated = [house(n, dollars=1, cost_source=source) for n, source in enumerate(("provider", "emitter", None), 1)]
    listed = [house(n, dollars=1, cost_source=source) for n, source in enumerate(("local", "collector"), 4)]
    store.book([*stated, *listed], ())
    assert (apply(store, repricing(), "a"), cost(store)) == (2, 3 * 10**12 + 2 * 100 * 2_000_000)
    # a price that has fallen, and one that has risen
    assert (apply(store, repricing("1.00"), "b"), cost(store)) == (2, 3 * 10**12 + 2 * 100 * 1_000_000)
    assert (apply(store, repricing("3.00"), "c"), cost(store)) == (2, 3 * 10**12 + 2 * 100 * 3_000_000)
    assert store.verify().differences == []


def test_a_catalogue_that_lacks_a_price_takes_none_away(store: Booker) -> None:
    store.book([house(1, dollars=1, cost_source="local", request_model="forgotten-1")], ())
    assert apply(store, repricing(), "a") == 0


@pytest.mark.parametrize("reason", ["no_usage", "invalid_usage", "invalid_cost", "no_currency"])
def test_what_the_record_lacks_no_catalogue_mends(store: Booker, reason: str) -> None:
    store.book([house(1, cost_reason=reason)], ())
    assert apply(store, repricing(), "a") == 0


def test_a_bill_of_several_rounds_and_a_failed_call_stay_as_they_are(store: Booker) -> None:
    rounds = house(1, dollars=1, cost_source="local", cost_entry="openai/house-7b + openai/gpt-5")
    store.book([rounds, house(2, cost_status=None, cost_reason=None, usage=(None,) * 27, error_type="timeout")], ())
    assert apply(store, repricing(), "a") == 0


def test_a_call_of_a_batch_is_not_priced_as_one_by_itself(store: Booker) -> None:
    store.book([house(1, cost_detail="openai/house-7b;batch has no price before 2026-12-01")], ())
    verdict = repricing().ask(store.walk(EVERYTHING)[0][1])
    # the house's own table has one price, for calls that are no batch
    assert "batch" in str(verdict)


def test_a_part_of_a_price_stays_a_part(store: Booker) -> None:
    store.book([house(1, dollars=1, cost_source="local", cost_status="partial", cost_reason="unpriced_dimension")], ())
    apply(store, repricing(), "a")
    (found,) = (one for _, one in store.walk(EVERYTHING))
    assert (found.cost_pico, found.cost_status, found.cost_reason) == (
        *(100 * 2_000_000, "partial"),
        "unpriced_dimension",
    )


def test_a_window_and_a_sealed_period_decide_where_a_new_price_counts(store: Booker) -> None:
    store.book([house(1), house(2, day=1)], ())
    store.seal("2026-11-21", CLOSING)
    second = Window(NOON + 43_200 * SECOND, NOON + 129_600 * SECOND)
    assert apply(store, repricing(), "a", second) == 1
    assert apply(store, repricing(), "b") == 1
    by_day = {(g.key, g.calls): g.cost for g in store.groups(["day"], EVERYTHING) if g.cost}
    assert len(by_day) == 2 and ((20778,), 1) not in by_day
    assert by_day[(20779,), 1] == 100 * 2_000_000
    assert store.seals()[0].cost == {} and store.verify().differences == []


def test_the_summary_says_what_changes_and_why_by_model(store: Booker) -> None:
    store.book(
        [house(1), house(2), house(3, dollars=1, cost_source="local", cost_entry="openai/x", cost_catalogue="c1")], ()
    )
    found: dict[tuple[str, str | None, str], Change] = {}
    for page in repricing().pages(store, EVERYTHING):
        summary(found, page)
    told = {one.why.partition(";")[0]: (one.model, one.calls, one.before, one.after) for one in found.values()}
    assert told == {
        "no price (unknown_model)": ("house-7b", 2, {}, {"USD": 400_000_000}),
        "openai/x of c1": ("house-7b", 1, {"USD": 10**12}, {"USD": 200_000_000}),
    }
    assert cost(store) == 10**12
