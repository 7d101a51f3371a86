"""Chargeback: every amount to the pico-unit, every call in one row, every sum explained. Sums are worked out by hand."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from genmeter.ledger import Ledger
from genmeter.model import PICO, usd
from genmeter.reports import focus
from genmeter.reports.apportioning import half_up, percent, rounded, shares
from genmeter.reports.chargeback import REPORT, made
from genmeter.reports.rates import NoRate, read
from genmeter.reports.report import Sources, Unanswerable
from genmeter.reports.report import read as read_options
from genmeter.reports.terms import Term, Terms, TermsError, terms_of
from genmeter.settings import ChargebackTable, Settings
from tests.ledger.otlp import NOON, SECOND, chat, span, traces

DAY = 86_400 * SECOND
UNPRICED = {"gen_ai__usage__cost__amount": None, "genmeter__cost__status": "unpriced"}
COLUMNS = ("metered", "discount", "credit", "shared", "tax", "rounding")


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(run="r1") as opened:
        yield opened


def book(ledger: Ledger, number: int, dollars: str | None = "1.00", day: int = 0, **changes: Any) -> None:
    """A call at noon of 21 November 2026, or so many days from there."""
    money = UNPRICED if dollars is None else {"gen_ai__usage__cost__amount": dollars}
    attributes = {name.replace("department", "genmeter__department").replace("application", "genmeter__application"): value
                  for name, value in changes.items()}  # fmt: skip
    ledger.book_traces(traces(span(number, chat(**money, **attributes), started_ns=NOON + day * DAY, trace=number)))


def asked(**options: str) -> dict[str, Any]:
    return read_options(REPORT.options, {"month": "2026-11", **options})


def answer(ledger: Ledger, *terms: Term, zone: str = "", **options: str) -> dict[str, Any]:
    return REPORT.ask(Sources(ledger, terms=lambda: Terms(terms=terms)), asked(**options))


def rows(document: dict[str, Any], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in names) for row in document["rows"]]


def adds_up(document: dict[str, Any]) -> None:
    """Every column adds up to its total, and every row across, to the last digit."""
    for name in (*COLUMNS, "cost"):
        for currency, total in document["total"][name].items():
            assert sum(Decimal(row[name].get(currency, "0")) for row in document["rows"]) == Decimal(total), name
    for row in (*document["rows"], document["total"]):
        for currency, due in row["cost"].items():
            assert sum(Decimal(row[name].get(currency, "0")) for name in COLUMNS) == Decimal(due), row


def test_calls_without_a_payer_and_calls_without_a_price_are_rows_of_their_own(ledger: Ledger) -> None:
    book(ledger, 1, "1.00", department="legal", application="search")
    book(ledger, 2, "2.00")
    book(ledger, 3, None, department="legal", application="search")
    document = answer(ledger)
    assert rows(document, "department", "application", "kind", "calls", "cost") == [
        ("legal", "search", "usage", 1, {"USD": "1.00"}),
        ("legal", "search", "unpriced", 1, {}),
        (None, None, "unattributed", 1, {"USD": "2.00"}),
    ]
    assert (document["unattributed"], document["unpriced_calls"]) == ({"USD": "2.00"}, 1)
    assert document["total"]["calls"] == 3
    adds_up(document)


def test_a_month_is_that_of_its_time_zone_and_ends_before_the_next_begins(ledger: Ledger) -> None:
    # 23:30 UTC of 31 October is 00:30 of 1 November in Berlin; 23:00 UTC of 30 November is December there
    start = int(datetime(2026, 10, 31, 23, 30, tzinfo=UTC).timestamp())
    end = int(datetime(2026, 11, 30, 23, tzinfo=UTC).timestamp())
    for number, second in enumerate((start, end, end - 1), 1):
        ledger.book_traces(traces(span(number, chat(), started_ns=second * SECOND, trace=number)))
    berlin = answer(ledger, timezone="Europe/Berlin")
    assert (berlin["start"], berlin["end"]) == ("2026-11-01T00:00:00+01:00", "2026-12-01T00:00:00+01:00")
    assert [answer(ledger, month=month, timezone=zone)["total"]["calls"] for zone in ("Europe/Berlin", "UTC")
            for month in ("2026-10", "2026-11", "2026-12")] == [0, 2, 1, 1, 2, 0]  # fmt: skip


def test_terms_act_in_their_order_and_the_rows_add_up(ledger: Ledger) -> None:
    book(ledger, 1, "8.00", department="legal", application="a")
    book(ledger, 2, "2.00", department="ops", application="b", gen_ai__provider__name="anthropic")
    document = answer(
        ledger,
        Term("discount", "agreement", percent=Fraction(25), where={"provider": "openai"}),
        Term("credit", "start", amount=1 * PICO),
        Term("shared", "gateway", amount=14 * PICO),
        Term("tax", "VAT", percent=Fraction(10)),
        by="department",
    )
    # legal: 8 - 2 = 6; of the credit 6/8, so 0.75: 5.25; ops: 2 - 0.25 = 1.75; of the gateway 14: 10.50 and 3.50
    assert rows(document, "department", *COLUMNS[:-1], "cost") == [
        ("legal", *({"USD": text} for text in ("8.00", "-2.00", "-0.75", "10.50", "1.575", "17.325"))),
        ("ops", *({"USD": text} for text in ("2.00", "0.00", "-0.25", "3.50", "0.525", "5.775"))),
    ]
    adds_up(document)


@pytest.mark.parametrize(
    ("key", "parts"), [("cost", ("9.00", "1.00")), ("calls", ("2.50", "7.50")), ("even", ("5.00", "5.00")), ("tokens", ("2.50", "7.50"))]
)  # fmt: skip
def test_a_shared_cost_is_spread_by_its_key(ledger: Ledger, key: Any, parts: tuple[str, str]) -> None:
    book(ledger, 1, "9.00", department="legal")
    for number in (2, 3, 4):
        book(ledger, number, ("0.50", "0.25", "0.25")[number - 2], department="ops")
    document = answer(ledger, Term("shared", "gateway", amount=10 * PICO, key=key), by="department")
    assert [row["shared"]["USD"] for row in document["rows"]] == list(parts)
    adds_up(document)


def test_the_cost_of_a_pool_goes_to_the_others(ledger: Ledger) -> None:
    book(ledger, 1, "6.00", department="legal")
    book(ledger, 2, "2.00", department="ops")
    book(ledger, 3, "4.00", department="platform", application="gateway")
    document = answer(ledger, Term("shared", "gateway", pool={"application": "gateway"}), by="department")
    assert rows(document, "department", "shared", "cost") == [
        ("legal", {"USD": "3.00"}, {"USD": "9.00"}),
        ("ops", {"USD": "1.00"}, {"USD": "3.00"}),
        ("platform", {"USD": "-4.00"}, {"USD": "0.00"}),
    ]


def test_a_shared_cost_that_nothing_bears_is_a_row_of_its_own_and_a_credit_that_finds_nothing_is_told(
    ledger: Ledger,
) -> None:
    document = answer(ledger, Term("shared", "gateway", amount=5 * PICO), Term("credit", "start", amount=1 * PICO))
    assert rows(document, "department", "kind", "cost") == [(None, "shared", {"USD": "5.00"})]
    assert document["credits_left"] == [{"name": "start", "left": "1.00"}]
    adds_up(document)


def test_terms_hold_for_periods_that_begin_within_their_days(ledger: Ledger) -> None:
    book(ledger, 1, "10.00", department="legal")
    ended = Term("discount", "old", percent=Fraction(50), until=date(2026, 11, 1))
    begins = Term("discount", "new", percent=Fraction(10), since=date(2026, 11, 1))
    assert answer(ledger, ended, begins, by="department")["total"]["cost"] == {"USD": "9.00"}


def test_random_bills_add_up_to_the_pico_unit_with_every_term_and_rounding(ledger: Ledger) -> None:
    seeded = random.Random(17)
    metered = 0
    for number in range(1, 120):
        pico = seeded.randrange(1, 10 ** seeded.randrange(3, 14))
        metered += pico
        book(
            ledger, number, usd(pico), seeded.randrange(-15, 9), department=seeded.choice(["a", "b", "c", None]),
            application=seeded.choice(["x", "y", None]), gen_ai__provider__name=seeded.choice(["openai", "anthropic"]),
        )  # fmt: skip
    terms = (
        Term("discount", "d", percent=Fraction("33.333"), where={"provider": "openai"}),
        Term("credit", "c", amount=1_234_567_890_123),
        Term("shared", "s", amount=99_999_999_999_999, key="tokens"),
        Term("tax", "t", percent=Fraction("7.7")),
    )
    for options in ({}, {"decimals": "2"}, {"decimals": "0"}, {"decimals": "6", "by": "application,model"}):
        document = answer(ledger, *terms, **options)
        adds_up(document)
        assert document["total"]["calls"] == 119
        if not options:
            assert document["total"]["metered"] == {"USD": usd(metered)}
            assert document["total"]["shared"] == {"USD": usd(99_999_999_999_999)}
    exact = Decimal(answer(ledger, *terms)["total"]["cost"]["USD"])
    assert Decimal(answer(ledger, *terms, decimals="2")["total"]["cost"]["USD"]) == round(exact, 2)


def test_a_scope_shows_its_part_of_what_is_computed_over_all(ledger: Ledger) -> None:
    book(ledger, 1, "9.00", department="legal")
    book(ledger, 2, "1.00", department="ops")
    document = answer(ledger, Term("shared", "gateway", amount=10 * PICO), by="department", where="department=ops")
    assert rows(document, "department", "shared", "cost") == [("ops", {"USD": "1.00"}, {"USD": "2.00"})]
    assert (document["catalogues"], document["total"]["cost"]) == ([], {"USD": "2.00"})


def test_amounts_are_converted_by_the_rate_of_their_day(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_text("date,from,to,rate\n2026-11-20,USD,EUR,0.90\n2026-11-22,USD,EUR,0.80\n2026-11-30,USD,EUR,0.50\n")
    book(ledger, 1, "10.00", department="legal")  # the 21st: the rate of the 20th
    book(ledger, 2, "10.00", day=1, department="legal")
    book(ledger, 3, "3.00", department="legal", gen_ai__usage__cost__currency="EUR")
    terms = Terms(currency="EUR", rates=file, terms=(Term("shared", "gateway", amount=4 * PICO),))
    document = REPORT.ask(Sources(ledger, terms=lambda: terms), asked(by="department"))
    # 9.00 + 8.00 + 3.00; the gateway at the rate of the last day of the month, or of today where it is not over
    assert document["total"]["metered"] == {"EUR": "20.00"} and document["currency"] == "EUR"
    assert {"date": "2026-11-20", "from": "USD", "to": "EUR", "rate": "0.9"} in document["rates"]
    adds_up(document)


def test_without_a_currency_the_amounts_of_each_stay_apart(ledger: Ledger) -> None:
    book(ledger, 1, "10.00", department="legal")
    book(ledger, 2, "3.00", department="legal", gen_ai__usage__cost__currency="EUR")
    assert rows(answer(ledger, by="department"), "cost") == [({"EUR": "3.00", "USD": "10.00"},)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "date,from,to,rate\n2026-01-01,USD,EUR,0.9\n",
            "no rate from USD to EUR for 2026-11-21 or the 7 days before it",
        ),
        ("date,from,to\n", "the header has no column rate"),
        ("date,from,to,rate\nyesterday,USD,EUR,1\n", "'yesterday' is no date"),
        ("date,from,to,rate\n2026-11-20,US,EUR,1\n", "not both currencies"),
        ("date,from,to,rate\n2026-11-20,USD,EUR,0\n", "is no rate"),
        ("date,from,to,rate\n2026-11-20,USD,EUR,1\n2026-11-20,USD,EUR,2\n", "two rates"),
        ("", "the file is empty"),
    ],
)
def test_rates_that_cannot_be_used_are_refused_with_their_place(
    ledger: Ledger, tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "rates.csv"
    file.write_text(text)
    book(ledger, 1, department="legal")
    with pytest.raises(Unanswerable) as refused:
        REPORT.ask(Sources(ledger, terms=lambda: Terms(currency="EUR", rates=file)), asked())
    assert words in str(refused.value) and str(file) in str(refused.value)


def test_a_rate_file_is_read_with_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "rates.csv"
    file.write_bytes(b"\xef\xbb\xbfdate;from;to;rate\r\n2026-11-20;USD;EUR;0.9\r\n")
    assert read(file).rate("USD", "EUR", date(2026, 11, 21)).rate == Fraction("0.9")
    assert read(file).rate("EUR", "USD", date(2026, 11, 21)).rate == 1 / Fraction("0.9")
    with pytest.raises(NoRate):
        read(file).rate("USD", "EUR", date(2026, 11, 19))


TOML = """
[chargeback]
time_zone = "Europe/Berlin"
decimals = 2
[[chargeback.discount]]
name = "agreement"
percent = "12.5"
where = { provider = "openai" }
[[chargeback.shared]]
name = "gateway"
amount = "1200.00"
key = "calls"
until = 2027-01-01
"""


def loaded(tmp_path: Path, text: str) -> Terms:
    file = tmp_path / "genmeter.toml"
    file.write_text(text, "utf-8")
    return terms_of(Settings.load({}, file).chargeback)


def test_the_table_of_the_file_is_read(tmp_path: Path) -> None:
    terms = loaded(tmp_path, TOML)
    assert (terms.zone.key if terms.zone else None, terms.decimals, terms.names) == ("Europe/Berlin", 2, ("provider",))
    assert terms.terms == (
        Term("discount", "agreement", percent=Fraction("12.5"), where={"provider": "openai"}),
        Term("shared", "gateway", amount=1200 * PICO, key="calls", until=date(2027, 1, 1)),
    )
    assert isinstance(Settings.load({}, tmp_path / "genmeter.toml").chargeback, ChargebackTable)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("decimals = 2", "decimal = 2", ":4: chargeback.decimal: unknown key; did you mean 'decimals'"),
        ("decimals = 2", "decimals = 13", ":4: chargeback.decimals: 13: write a whole number from 0 to 12"),
        ('"Europe/Berlin"', '"Mars/Dome"', ":3: chargeback.time_zone: 'Mars/Dome' is not a time zone"),
        ('"12.5"', '"101"', ":7: chargeback.discount.percent: '101' is not a percentage"),
        ('"12.5"', "12.5", "chargeback.discount.percent: 12.5 is not a percentage"),
        ('provider = "openai"', 'colour = "red"', "unknown dimension"),
        ('"1200.00"', '"-5"', "'-5' is not an amount"),
        ('amount = "1200.00"', "", "chargeback.shared.amount: the amount is missing"),
        ('key = "calls"', 'key = "moon"', "'moon' is no key of allocation; write one of cost, calls, tokens, even"),
        ("until = 2027-01-01", "until = 2027-01-01\nfrom = 2027-02-01", "2027-01-01 is not after 2027-02-01"),
        ('name = "gateway"', "", "the name is missing"),
    ],
)
def test_a_term_that_cannot_be_used_names_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(TermsError) as refused:
        loaded(tmp_path, TOML.replace(old, new))
    assert words in str(refused.value) and "genmeter.toml:" in str(refused.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"month": "2026-13"}, "month: '2026-13' is no period"),
        ({"month": "November"}, "'November' is no period; write 2026-11"),
        ({"by": "colour"}, "by: invalid choice: 'colour'"),
        ({"timezone": "Mars"}, "timezone: 'Mars' is not a time zone"),
        ({"currency": "EURO"}, "currency: 'EURO' is no currency"),
        ({"decimals": "13"}, "decimals: '13' is no number from 1 to 12"),
    ],
)
def test_what_cannot_be_asked_says_what_to_write(options: dict[str, str], words: str) -> None:
    with pytest.raises(Unanswerable) as refused:
        asked(**options)
    assert words in str(refused.value)


def test_focus_rows_add_up_to_the_bill_and_each_meter_has_its_price(ledger: Ledger) -> None:
    lines = {
        "genmeter__cost__input": "0.00175",
        "genmeter__cost__cache_read": "0.000375",
        "genmeter__cost__output": "0.002",
    }
    book(ledger, 1, "0.004125", department="legal", gen_ai__usage__cache_read__input_tokens=300, **lines)
    book(ledger, 2, "5.00", day=1, department="ops")
    book(ledger, 3, None, department="ops")
    terms = Terms(terms=(
        Term("discount", "d", percent=Fraction(10)),
        Term("credit", "c", amount=PICO // 10),
        Term("shared", "s", amount=PICO),
        Term("tax", "t", percent=Fraction(19)),
    ))  # fmt: skip
    sources = Sources(ledger, terms=lambda: terms)
    names = [name for name, _ in focus.COLUMNS]
    found = [dict(zip(names, row, strict=True)) for row in REPORT.forms["focus"].rows(sources, asked(by="department"))]
    due = REPORT.ask(sources, asked(by="department"))["total"]["cost"]["USD"]
    assert sum(Decimal(row["BilledCost"]) for row in found) == Decimal(due)
    usage = {
        row["SkuMeter"]: row for row in found if row["SubAccountId"] == "legal" and row["ChargeCategory"] == "Usage"
    }
    assert {meter: (row["ListCost"], row["ListUnitPrice"], row["PricingQuantity"]) for meter, row in usage.items()} == {
        "Input": ("0.00175", "0.0000025", "700.0"),
        "Cache read": ("0.000375", "0.00000125", "300.0"),
        "Output": ("0.002", "0.00001", "200.0"),
    }
    assert sorted({row["ChargeCategory"] for row in found}) == ["Adjustment", "Credit", "Tax", "Usage"]
    (bare,) = [row for row in found if row["x_CostStatus"] == "unpriced" and row["ChargeCategory"] == "Usage"]
    assert (bare["ListCost"], bare["ConsumedQuantity"], bare["x_Calls"]) == ("0.00", "1200.0", 1)


def test_focus_has_every_column_of_1_2_and_spells_names_in_ascii(ledger: Ledger) -> None:
    book(ledger, 1, department="研究", application="工单")
    names = [name for name, _ in focus.COLUMNS]
    (row,) = [
        dict(zip(names, one, strict=True)) for one in REPORT.forms["focus"].rows(Sources(ledger, terms=Terms), asked())
    ]
    assert len(names) == len(set(names)) and {"ProviderName", "ServiceProviderName", "HostProviderName"} <= set(names)
    assert row["SubAccountId"] == "\\u7814\\u7a76" and "研究" in row["x_Payer"]
    assert all(value.isascii() for name, value in row.items() if isinstance(value, str) and not name.startswith("x_"))


def test_the_bill_has_the_versions_of_the_catalogue_and_whether_it_is_sealed(ledger: Ledger) -> None:
    book(ledger, 1, department="legal", genmeter__cost__catalogue="2026-11-12")
    book(ledger, 2, department="legal", genmeter__cost__catalogue="2026-11-20")
    book(ledger, 3, department="legal")
    document = answer(ledger)
    assert document["catalogues"] == [
        {"version": "2026-11-12", "calls": 1}, {"version": "2026-11-20", "calls": 1}, {"version": None, "calls": 1}
    ]  # fmt: skip
    assert document["seal"]["state"] == "open"
    ledger.store.seal("2026-11-25", now_ns=NOON + 40 * DAY)
    assert (answer(ledger)["seal"]["state"], answer(ledger, month="2026-11-21")["seal"]["state"]) == (
        "partly sealed",
        "sealed",
    )
    ledger.store.seal("2026-11", now_ns=NOON + 40 * DAY)
    sealed = answer(ledger)["seal"]
    assert (sealed["state"], sealed["until"]) == ("sealed", "2026-12-01T00:00:00+00:00") and len(sealed["hash"]) == 64


def test_a_call_that_comes_after_the_seal_is_an_adjustment_of_the_open_period(ledger: Ledger) -> None:
    book(ledger, 1, "1.00", department="legal")
    ledger.store.seal("2026-11", now_ns=NOON + 40 * DAY)
    before = answer(ledger, by="department")
    book(ledger, 2, "5.00", department="legal")
    assert answer(ledger, by="department")["rows"] == before["rows"]
    now = datetime.now(UTC)
    later = answer(ledger, by="department", month=f"{now:%Y-%m}" if f"{now:%Y-%m}" != "2026-11" else "2026-12")
    open_rows = [row for row in later["rows"] if row["kind"] == "adjustment"]
    assert [(row["department"], row["calls"], row["cost"]) for row in open_rows] == [("legal", 1, {"USD": "5.00"})]
    assert [one["reason"] for one in later["adjustments"]] == ["after_seal"]


def test_a_bill_of_nothing_is_an_empty_bill_and_no_error(ledger: Ledger) -> None:
    document = answer(ledger)
    assert (document["rows"], document["total"]["cost"], document["total"]["calls"]) == ([], {}, 0)
    assert list(REPORT.forms["focus"].rows(Sources(ledger, terms=Terms), asked())) == []


@pytest.mark.parametrize(
    ("amount", "weights"),
    list(itertools.product((0, 1, -1, 7, -(10**15), 10**18 + 3), ([1], [0, 0, 0], [1, 2, 3], [5, 0, 1]))),
)
def test_shares_add_up_and_are_within_a_unit_of_what_is_due(amount: int, weights: list[int]) -> None:
    parts = shares(amount, weights)
    assert sum(parts) == amount
    whole = sum(weights) or len(weights)
    for part, weight in zip(parts, weights if sum(weights) else [1] * len(weights), strict=True):
        assert abs(Fraction(amount * weight, whole) - part) < 1


def test_percentages_and_rounding_go_to_the_nearest_and_halves_away_from_zero() -> None:
    assert [half_up(Fraction(one, 2)) for one in (1, 3, -1, -3, 4)] == [1, 2, -1, -2, 2]
    assert percent(1_000_000, Fraction("0.00005")) == 1
    assert rounded([5, 5, 5], 10) == [10, 10, 0] and rounded([], 10) == []


def test_the_bill_is_controlled_against_another_sum_of_the_ledger(ledger: Ledger) -> None:
    book(ledger, 1, department="legal")
    found, wanted, _ = made(Sources(ledger, terms=Terms), asked())
    assert (wanted.by, [line.amounts["metered"] for line in found.lines]) == (("department", "application"), [PICO])


def test_money_of_a_trimmed_day_that_reaches_over_the_end_of_the_month_is_told() -> None:
    # 22:30 and 23:30 UTC of 30 November; in Berlin the second is December, and only the sum of the day is left
    with Ledger.open(max_rows=1) as ledger:
        for number, text in enumerate(("2026-11-30T22:30", "2026-11-30T23:30", "2026-12-03T12:00"), 1):
            started = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND
            ledger.book_traces(
                traces(span(number, chat(gen_ai__usage__cost__amount="1.00"), started_ns=started, trace=number))
            )
        while ledger.store.tidy():
            pass
        assert answer(ledger, timezone="Europe/Berlin")["across"] == "2.00"
        assert answer(ledger, timezone="UTC")["across"] == "0.00"
        assert answer(ledger, timezone="Europe/Berlin")["total"]["cost"] == {"USD": "2.00"}
