"""How old prices are is said of each seller, wherever a price is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from genmeter.cli.main import main
from genmeter.cli.receipt import render
from genmeter.cli.slip import Slip
from genmeter.ledger import Ledger
from genmeter.pricing import Catalogue
from genmeter.pricing.staleness import STALE, Age, ages, stale
from genmeter.reports import receipts
from tests.ledger.otlp import SECOND, chat, span, traces

BOOK = Catalogue.bundled()
READ = datetime.fromisoformat(BOOK.dates["openai"]).replace(tzinfo=UTC)


def test_the_date_of_the_list_is_that_of_its_newest_source() -> None:
    assert BOOK.as_of == max(BOOK.dates.values())
    assert set(BOOK.dates) >= {"openai", "anthropic", "google", "vertex", "aws", "azure"}


def test_a_seller_is_stale_by_the_day_of_its_own_source() -> None:
    """Groq was read before OpenAI: there are days on which the one is stale and the other is not."""
    older = datetime.fromisoformat(BOOK.dates["groq"]).replace(tzinfo=UTC)
    assert older < READ
    at = (older + timedelta(days=STALE + 1)).timestamp()
    assert stale(BOOK, at, ["openai", "groq"]) == [Age("groq", BOOK.dates["groq"], STALE + 1)]
    assert stale(BOOK, older.timestamp(), ["groq"]) == []
    assert len(stale(BOOK, (READ + timedelta(days=400)).timestamp())) == len(BOOK.dates)


def test_any_word_for_a_seller_finds_its_date_and_a_stranger_has_none() -> None:
    assert [age.seller for age in ages(BOOK, READ.timestamp(), ["aws.bedrock", "acme"])] == ["aws"]


@pytest.mark.parametrize(
    "arguments",
    [["price", "groq", "llama-3.1-8b-instant", "--input", "9"], ["models", "llama-3.1-8b", "--seller", "groq"]],
)
def test_the_commands_say_the_day_of_the_prices(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 0
    assert BOOK.dates["groq" if arguments[0] == "price" else "openai"] in capsys.readouterr().out


def test_the_receipt_of_a_run_names_a_seller_whose_prices_were_old() -> None:
    """A call on the day after the limit: the text and the JSON say it; a call on the day of the prices says nothing."""
    late = int((READ + timedelta(days=STALE + 1)).timestamp()) * SECOND
    with Ledger.open() as ledger:
        ledger.book_traces(traces(span(1, chat(), started_ns=late)))
        slip = receipts.receipt(ledger)
        assert slip.stale == [Age("openai", BOOK.dates["openai"], STALE + 1)]
        assert receipts.plain(slip)["stale_prices"] == [slip.stale[0]._asdict()]
        text = render(Slip(("python", "app.py"), 0, 1.0, slip))
        assert f"the prices of openai are those of {BOOK.dates['openai']}" in text and "old prices" in text
    with Ledger.open() as ledger:
        ledger.book_traces(traces(span(1, chat(), started_ns=int(READ.timestamp()) * SECOND)))
        assert receipts.receipt(ledger).stale == []
