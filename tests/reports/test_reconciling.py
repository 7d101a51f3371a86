"""The bill beside the ledger: every export is read to the token and the pico-unit, and each difference has its cause."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest

from genmeter.ledger import Ledger
from genmeter.reports.bills.known import FORMATS, read
from genmeter.reports.bills.reading import Unreadable
from genmeter.reports.rates import NoRate, Rates
from genmeter.reports.reconciling import Compared, adjustments, compare, document
from tests.ledger.otlp import NOON, SECOND, chat, span, traces

BILLS = Path(__file__).with_name("bills")
SOURCES = json.loads((BILLS / "sources.json").read_text("utf-8"))
FILES = sorted(name for name in SOURCES if name != "about")
DAY = 86_400 * SECOND

# Two calls of each, 1,000 tokens in and 200 out; of OpenAI and Anthropic, 300 of the input were read from the cache.
CALLS = {
    "openai": ("gpt-4o-2024-08-06", "0.004125", {"input": "0.00175", "cache_read": "0.000375", "output": "0.002"}),
    "anthropic": (
        "claude-sonnet-4-5-20250929",
        "0.00519",
        {"input": "0.0021", "cache_read": "0.00009", "output": "0.003"},
    ),
    "aws.bedrock": ("anthropic.claude-3-haiku-20240307-v1:0", "0.0005", {}),
    "azure.ai.openai": ("gpt-4o-2024-08-06", "0.0045", {}),
    "gcp.gemini": ("gemini-2.5-flash", "0.0008", {}),
    "openrouter": ("openai/gpt-4.1", "0.0036", {}),
}


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open() as opened:
        for number, provider in enumerate(CALLS):
            book(opened, provider, 2 * number + 1)
            book(opened, provider, 2 * number + 2)
        yield opened


def book(ledger: Ledger, provider: str, number: int, started_ns: int = NOON, **changes: object) -> None:
    model, cost, lines = CALLS[provider]
    attributes: dict[str, object] = {
        "gen_ai__provider__name": provider,
        "gen_ai__request__model": model,
        "gen_ai__response__model": model,
        "gen_ai__usage__cost__amount": cost,
        **({"gen_ai__usage__cache_read__input_tokens": 300} if lines else {}),
        **{f"genmeter__cost__{line}": amount for line, amount in lines.items()},
        **changes,
    }
    ledger.book_traces(traces(span(number, chat(**attributes), started_ns=started_ns)))


def compared(ledger: Ledger, *names: str | Path) -> Compared:
    return compare(ledger, [read(BILLS / name) for name in names])


def causes(found: Compared) -> list[str]:
    return [pair.cause for pair in found.pairs]


@pytest.mark.parametrize("name", FILES)
def test_every_export_agrees_with_the_calls_that_it_bills(ledger: Ledger, name: str) -> None:
    found = compared(ledger, name)
    (pair,) = found.pairs
    assert (pair.day, pair.cause, pair.difference if found.priced else 0) == (date(2026, 11, 21), "agrees", 0)
    assert (pair.ledger.whole, pair.ledger.calls) == (2400, 2)
    if pair.bill.told:
        assert pair.bill.whole == 2400
    if found.priced:
        assert found.captured == 1


def test_every_export_has_a_test_file_with_the_page_that_describes_it() -> None:
    assert {read(BILLS / name).format.name for name in FILES} == {one.name for one in FORMATS}
    assert all(SOURCES[name]["page"] and SOURCES[name]["read"] >= "2026-11-30" for name in FILES)
    assert {path.name for path in BILLS.iterdir()} == {*FILES, "sources.json"}


def test_tokens_and_money_of_two_files_are_put_together(ledger: Ledger) -> None:
    found = compared(ledger, "openai_usage.csv", "openai_costs.csv")
    (pair,) = found.pairs
    assert (pair.bill.whole, pair.bill.pico, pair.cause) == (2400, 8_250_000_000, "agrees")
    assert pair.bill.tokens == {"input": 1400, "cache_read": 600, "cache_write": 0, "output": 400}


def test_taxes_credits_and_other_services_are_in_no_row_and_are_told(ledger: Ledger) -> None:
    assert compared(ledger, "aws_cur.csv").aside == {
        "tax": {"USD": 200_000_000},
        "service": {"USD": 10_400_000_000},
    }
    assert compared(ledger, "google.jsonl").aside == {"credit": {"USD": -100_000_000}}


def edited(tmp_path: Path, name: str, *changes: tuple[str, str]) -> Path:
    text = (BILLS / name).read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / name).write_text(text, "utf-8")
    return tmp_path / name


def test_calls_that_the_ledger_lacks_are_missing_calls_with_the_share(ledger: Ledger, tmp_path: Path) -> None:
    # the bill has twice the tokens and twice the money
    file = edited(tmp_path, "aws_cur.csv", ("2.0000000000", "4.0"), ("0.4000000000", "0.8"), ("0.0005000000", "0.001"))
    (pair,) = compared(ledger, file).pairs
    assert (pair.cause, pair.difference) == ("missing calls", 1_000_000_000)
    assert pair.why == "the ledger has 50.0% of the billed tokens"
    assert compared(ledger, file).captured == Fraction(1, 2)


def test_a_model_that_the_ledger_has_never_seen_is_missing_and_one_that_is_not_billed_is_told(
    ledger: Ledger, tmp_path: Path
) -> None:
    file = edited(tmp_path, "openai_usage.csv", ("gpt-4o-2024-08-06", "o9-mini"))
    assert [(pair.model, pair.cause) for pair in compared(ledger, file).pairs] == [
        ("gpt-4o-2024-08-06", "not on the bill"),
        ("o9-mini", "missing calls"),
    ]


def test_the_same_tokens_cached_in_another_way_are_cached_tokens(ledger: Ledger, tmp_path: Path) -> None:
    file = edited(tmp_path, "openai_usage.csv", ("2000,400,600,1400", "2000,400,0,2000"))
    (pair,) = compared(ledger, file).pairs
    assert pair.cause == "cached tokens" and "cache read 600 of 0" in pair.why
    # a bill of money alone: the output costs the same, and cached input does not
    file = edited(tmp_path, "openai_costs.csv", ("0.00075", "0.0015"))
    assert causes(compared(ledger, file)) == ["cached tokens"]


def test_the_same_tokens_at_the_batch_tier_are_the_tier(ledger: Ledger, tmp_path: Path) -> None:
    file = edited(tmp_path, "aws_cur.csv", ("-tokens,Invoke", "-tokens-batch,Invoke"), ("0.0005000000", "0.00025"))
    (pair,) = compared(ledger, file).pairs
    assert pair.cause == "tier" and "batch" in pair.why


def test_the_same_tokens_at_another_price_are_the_price(ledger: Ledger, tmp_path: Path) -> None:
    file = edited(tmp_path, "aws_cur.csv", ("0.0005000000", "5.0"))
    (pair,) = compared(ledger, file).pairs
    assert pair.cause == "price" and pair.difference == 10 * 10**12 - 1_000_000_000


def test_calls_without_a_price_are_named_as_the_cause(ledger: Ledger, tmp_path: Path) -> None:
    nothing = {"gen_ai__usage__cost__amount": None, "genmeter__cost__status": "unpriced"}
    book(ledger, "aws.bedrock", 50, **nothing)
    file = edited(tmp_path, "aws_cur.csv", ("2.0000000000", "3"), ("0.4000000000", "0.6"), ("0.0005000000", "5.00"))
    (pair,) = compared(ledger, file).pairs
    assert (pair.cause, pair.why) == ("unpriced calls", "1 calls have no price in the ledger")


def test_more_tokens_in_the_ledger_than_on_the_bill_are_told(ledger: Ledger) -> None:
    book(ledger, "openrouter", 60)
    (pair,) = compared(ledger, "openrouter.json").pairs
    assert pair.cause == "more than billed" and "150.0%" in pair.why


def test_a_bill_in_another_currency_needs_rates_and_is_compared_in_its_own(ledger: Ledger, tmp_path: Path) -> None:
    file = edited(tmp_path, "azure.csv", ("123,USD", "123,EUR"), ("0.005,", "0.0046,"), ("0.004,", "0.00368,"))
    with pytest.raises(NoRate, match="the bill is in EUR and the ledger has USD; name a file of rates"):
        compared(ledger, file)
    rates = Rates({("USD", "EUR"): {date(2026, 11, 20): Fraction("0.92")}})
    found = compare(ledger, [read(file)], rates)
    assert (found.currency, found.captured, causes(found)) == ("EUR", 1, ["agrees"])


def test_a_bill_of_two_currencies_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    file = edited(
        tmp_path,
        "azure.csv",
        ("0806-Outp", "0806-Outp"),
        (
            "123,USD,11/21/2026,Cognitive Services,Azure OpenAI,gpt-4o-0806-Outp",
            "123,EUR,11/21/2026,Cognitive Services,Azure OpenAI,gpt-4o-0806-Outp",
        ),
    )
    with pytest.raises(Unreadable, match="EUR, USD; give one file for each currency"):
        compared(ledger, file)


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".csv")])
@pytest.mark.parametrize("form", ["bom", "crlf", "utf-16", "gzip", "semicolon", "blank lines"])
def test_a_file_is_read_alike_in_every_encoding_and_with_any_line_ends(
    ledger: Ledger, tmp_path: Path, name: str, form: str
) -> None:
    text = (BILLS / name).read_text("utf-8")
    data = {
        "bom": lambda: b"\xef\xbb\xbf" + text.encode(),
        "crlf": lambda: text.replace("\n", "\r\n").encode(),
        "utf-16": lambda: text.encode("utf-16"),
        "gzip": lambda: gzip.compress(text.encode()),
        "semicolon": lambda: as_semicolons(text).encode(),
        "blank lines": ("\n" + text.replace("\n", "\n\n")).encode,
    }[form]()
    file = tmp_path / name
    file.write_bytes(data)
    assert read(file).entries == read(BILLS / name).entries


def as_semicolons(text: str) -> str:
    import csv
    import io

    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="\n").writerows(csv.reader(io.StringIO(text)))
    return out.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_refused_or_reads_only_whole_lines(tmp_path: Path, name: str) -> None:
    data = (BILLS / name).read_bytes()
    whole = read(BILLS / name).entries
    file = tmp_path / name
    for end in range(0, len(data) - 1, 37):
        file.write_bytes(data[:end])
        try:
            entries = read(file).entries
        except Unreadable:
            continue
        # a cut behind a whole row cannot be seen; a cut within the last cell is told
        if entries != whole[: len(entries)]:
            assert read(file).open_end and entries[: len(entries) - 1] == whole[: len(entries) - 1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("a,b\n1,2\n", "are of no export that genmeter knows"),
        ("start_time,amount_value,line_item\n", "no line of a bill"),
        ("start_time,amount_value,line_item\n1795219200,abc,x\n", "2: 'abc' is no number"),
        ("start_time,amount_value,line_item\nyesterday,1,x\n", "2: 'yesterday' is no day"),
        ("start_time,amount_value,line_item\n1795219200,1\n", "2: the row has 2 cells and the header 3"),
        ('start_time,amount_value,line_item\n1795219200,1,"x', "cut off"),
        ("start_time,amount_value,line_item\n1795219200,1e30,x\n", "no amount of a bill"),
        ("date,model_permaslug,usage,prompt_tokens\n2026-11-21,m,1,1.5\n", "no whole number"),
        ('{"data": [{"results": [], "has_more": true}], "has_more": true}', "one page of several"),
        ('{"data": [', "no JSON"),
        ("[1, 2]", "is no row of a bill"),
        ("\0\1\2", "no text"),
    ],
)
def test_what_is_no_bill_is_refused_with_its_place_and_what_to_do(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "bill.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(Unreadable) as refused:
        read(file)
    assert words in str(refused.value) and str(file) in str(refused.value)


def test_thousands_and_signs_of_currencies_are_read_and_tokens_are_whole(tmp_path: Path) -> None:
    file = tmp_path / "bill.csv"
    file.write_text(
        'start_time,amount_value,line_item\n1795219200,"$1,234.50","m, input"\n1795219200,"(0.50)","m, input"\n'
    )
    assert [entry.pico for entry in read(file).entries] == [1_234_500_000_000_000, -500_000_000_000]


def test_differences_become_adjustments_of_no_call_that_are_written_once(ledger: Ledger, tmp_path: Path) -> None:
    file = edited(tmp_path, "aws_cur.csv", ("0.0005000000", "5.0"))
    bills = [read(file)]
    (one,) = adjustments(compare(ledger, bills), bills)
    assert (one.sign, one.call.cost_pico, one.call.currency, one.is_call) == (1, 9_999_000_000_000, "USD", False)
    assert (one.call.provider, one.call.request_model) == ("aws.bedrock", "anthropic.claude-3-haiku-20240307-v1:0")
    assert one.call.department is None and one.reason == "reconciled" and one.why.startswith("The bill of 2026-11-21")
    assert adjustments(compare(ledger, bills), bills) == [one]
    agreed = [read(BILLS / "aws_cur.csv")]
    assert adjustments(compare(ledger, agreed), agreed) == []


def test_the_document_has_rows_a_total_and_the_captured_share(ledger: Ledger, tmp_path: Path) -> None:
    shutil.copy(BILLS / "openrouter.json", tmp_path)
    bills = [read(tmp_path / "openrouter.json")]
    found = document(compare(ledger, bills), bills)
    assert found["captured"] == "1.000000" and found["total"]["billed"] == {"USD": "0.0072"}
    (row,) = found["rows"]
    assert (row["day"], row["model"], row["billed_tokens"], row["cause"]) == (
        "2026-11-21",
        "openai/gpt-4.1",
        2400,
        "agrees",
    )
