"""``genmeter whatif``: booked tokens at the prices of another model, exact, and what cannot be compared is counted."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from genmeter.ledger import Ledger
from tests.cli.conftest import Command
from tests.ledger.otlp import NOON, chat, span, traces

PRICES = """
[prices.openai."small-1"]
input = "2.00"
output = "5.00"
[prices.openai."text-only"]
input = "2.00"
output = "5.00"
[prices.anthropic."other-1"]
input = "1.00"
output = "1.00"
"""


Ask = Callable[..., "CompletedProcess[bytes]"]


@pytest.fixture
def ask(genmeter: Command, tmp_path: Path) -> Ask:
    """Ask about a ledger with two priced calls of the shop, one of the desk, and one of the shop without a price."""
    path, config = tmp_path / "l.db", tmp_path / "genmeter.toml"
    config.write_text(PRICES)
    money = dict.fromkeys(f"gen_ai__usage__cost__{name}" for name in ("amount", "currency", "source"))
    verdict = {"genmeter__cost__status": "unpriced", "genmeter__cost__reason": "unknown_model"}
    calls = (
        chat(genmeter__application="shop"),
        chat(genmeter__application="shop"),
        chat(genmeter__application="desk", gen_ai__usage__output_tokens=0),
        chat(genmeter__application="shop", **money, **verdict),
        chat(gen_ai__request__model="gpt-4o", gen_ai__response__model="gpt-4o", genmeter__application="shop"),
    )
    with Ledger.open(path) as ledger:
        ledger.book_traces(traces(*(span(n, one, trace=n, started_ns=NOON) for n, one in enumerate(calls, 1))))

    def answer(*more: str, since: str = "2020-01-01") -> CompletedProcess[bytes]:
        return genmeter("whatif", "--since", since, "--config", config, "--ledger", path, *more)

    return answer


def test_booked_tokens_are_priced_as_the_other_model_by_application(ask: Ask) -> None:
    shop, desk = json.loads(ask("--model", "gpt-5=small-1", "--json").stdout)
    # two calls of $0.0125; each has 1,000 tokens at $2 and 200 at $5 for a million, $0.003
    assert (shop["application"], shop["calls"], shop["before"], shop["after"], shop["difference"]) == (
        *("shop", 2, "0.025"),
        *("0.006", "-0.019"),
    )
    # the call that has no price as it was booked is in neither sum
    assert (shop["not_compared"], shop["why"]) == (1, "not_priced_as_booked (1)")
    assert (desk["application"], desk["before"], desk["after"], desk["not_compared"]) == ("desk", "0.0125", "0.002", 0)


def test_a_model_of_another_seller_is_named_with_its_seller(ask: Ask) -> None:
    shop = json.loads(ask("--model", "gpt-5-2026=anthropic/other-1", "--json").stdout)[0]
    # 1,200 tokens at $1 for a million, twice
    assert (shop["calls"], shop["after"]) == (2, "0.0024")


def test_what_the_other_model_cannot_price_is_counted_and_never_zero(ask: Ask) -> None:
    done = ask("--model", "gpt-5=no-such-model-9", "--csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert [(row["calls"], row["before"], row["after"], row["not_compared"]) for row in rows] == [
        ("0", "", "", "1"),
        ("0", "", "", "3"),
    ]
    assert rows[1]["why"] == "not_priced_as_booked (1), unknown_model (2)"


def test_cached_tokens_are_priced_by_their_own_price_and_a_model_without_one_is_counted(
    genmeter: Command, tmp_path: Path
) -> None:
    path, config = tmp_path / "cached.db", tmp_path / "cached.toml"
    config.write_text(PRICES + '[prices.openai."cached-1"]\ninput = "2.00"\noutput = "5.00"\ncache_read = "0.20"\n')
    with Ledger.open(path) as ledger:
        ledger.book_traces(traces(span(1, chat(gen_ai__usage__cache_read__input_tokens=600), started_ns=NOON)))

    def one(model: str) -> tuple[object, ...]:
        ask = ("whatif", "--model", f"gpt-5={model}", "--since", "2020-01-01", "--config", config, "--ledger", path)
        (row,) = json.loads(genmeter(*ask, "--json").stdout)
        return row["calls"], row["after"], row["not_compared"]

    # 400 tokens at $2, 600 at $0.20, 200 at $5 for a million
    assert one("cached-1") == (1, "0.00192", 0)
    assert one("text-only") == (0, None, 1)


def test_calls_before_the_window_are_left_out_and_a_person_is_told(ask: Ask) -> None:
    done = ask("--model", "gpt-5=small-1", since="2030-01-01")
    assert (done.returncode, done.stdout) == (0, b"") and b"no call of gpt-5 in that time" in done.stderr


@pytest.mark.parametrize("models", [("gpt-5",), ("=small-1",), ("gpt-5=small-1", "--model", "gpt-5=text-only")])
def test_a_pair_that_is_none_and_a_model_twice_are_refused_in_one_line(ask: Ask, models: tuple[str, ...]) -> None:
    done = ask("--model", *models)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
