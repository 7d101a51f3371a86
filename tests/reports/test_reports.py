"""Every question put to the ledger, with answers worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from genmeter.ledger import Ledger
from genmeter.reports import calls, receipt, spend, total, trace, unpriced
from genmeter.reports.document import add, table
from genmeter.reports.registry import REPORTS
from genmeter.reports.report import Column, Sources, read
from tests.ledger.otlp import NOON, SECOND, chat, details, span, traces


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(run="r1") as opened:
        yield opened


def book(
    ledger: Ledger, number: int, *, seconds: float = 2, started_ns: int = NOON, scope: str = "", **changes: object
) -> None:
    request = traces(span(number, chat(**changes), seconds=seconds, started_ns=started_ns))
    request.resource_spans[0].scope_spans[0].scope.name = scope
    ledger.book_traces(request)


def test_spend_by_each_dimension_is_dearest_first_and_unknown_stays_none(ledger: Ledger) -> None:
    book(ledger, 1, genmeter__department="legal", genmeter__application="search", user__id="u1", session__id="s1")
    book(ledger, 2, genmeter__department="legal", gen_ai__usage__cost__amount=1.0)
    book(ledger, 3, gen_ai__response__model=None, gen_ai__usage__cost__amount=0.5)
    found = {
        by: [(row.key, row.calls, row.cost["USD"]) for row in spend(ledger, by=by)]
        for by in ("department", "application", "user", "session", "model")
    }
    assert found["department"] == [("legal", 2, 1_012_500_000_000), (None, 1, 500_000_000_000)]
    assert found["application"] == [(None, 2, 1_500_000_000_000), ("search", 1, 12_500_000_000)]
    assert found["user"] == [(None, 2, 1_500_000_000_000), ("u1", 1, 12_500_000_000)]
    assert found["session"] == [(None, 2, 1_500_000_000_000), ("s1", 1, 12_500_000_000)]
    assert found["model"] == [("gpt-5-2026", 2, 1_012_500_000_000), ("gpt-5", 1, 500_000_000_000)]


def test_currencies_are_never_added_to_each_other(ledger: Ledger) -> None:
    book(ledger, 1)
    book(ledger, 2, gen_ai__usage__cost__currency="eur", gen_ai__usage__cost__amount=2.0)
    (row,) = spend(ledger)
    assert row.cost == {"USD": 12_500_000_000, "EUR": 2_000_000_000_000}
    assert total([row, row]).cost == {"USD": 25_000_000_000, "EUR": 4_000_000_000_000}


def test_an_amount_is_added_to_the_amount_that_a_row_has_already() -> None:
    cost: dict[str, int] = {}
    for currency, pico in (("USD", 5), ("EUR", 1), (None, 0), ("USD", 7)):
        add(cost, currency, pico)
    assert cost == {"USD": 12, "EUR": 1}


@pytest.mark.parametrize("name", [name for name, one in REPORTS.items() if "run" in {o.name for o in one.options}])
def test_the_costs_of_every_report_add_up_over_quarters_of_an_hour_and_currencies(ledger: Ledger, name: str) -> None:
    failed: dict[str, object] = {"error__type": "timeout", "gen_ai__usage__cost__amount": 1.0}
    scope = "com.anthropic.claude_code.tracing"
    for number, minutes in enumerate((0, 1, 20, 40), 1):
        book(ledger, number, started_ns=NOON + minutes * 60 * SECOND, scope=scope, **failed)
    book(ledger, 5, gen_ai__usage__cost__currency="eur", scope=scope, **failed)
    document = REPORTS[name].answer(Sources(ledger), read(REPORTS[name].options, {}))
    headers, lines = table([Column(**one) for one in document["columns"]], document[REPORTS[name].rows])
    if "cost" not in headers:
        assert not lines
        return
    sums: dict[object, Decimal] = {}
    for line in lines:
        currency, amount = line[headers.index("currency")], line[headers.index("cost")]
        sums[currency] = sums.get(currency, Decimal(0)) + Decimal(str(amount))
    assert sums == {"USD": 4, "EUR": 1}


def test_a_window_holds_its_beginning_and_not_its_end(ledger: Ledger) -> None:
    noon = datetime(2026, 11, 21, 12, tzinfo=UTC)
    later = datetime(2026, 11, 21, 12, 0, 1, tzinfo=UTC)
    book(ledger, 1)
    book(ledger, 2, started_ns=NOON + SECOND)
    assert [
        len(calls(ledger, since=since, until=until)) for since, until in ((noon, later), (later, None), (None, noon))
    ] == [1, 1, 0]


def test_days_are_days_of_the_zone_that_is_asked_for(ledger: Ledger) -> None:
    # 18:20 UTC is 23:50 in Kolkata, 18:40 UTC is the next day there; both are the 21st in UTC
    book(ledger, 1, started_ns=NOON + (6 * 3600 + 20 * 60) * SECOND)
    book(ledger, 2, started_ns=NOON + (6 * 3600 + 40 * 60) * SECOND)
    kolkata = ZoneInfo("Asia/Kolkata")
    assert [(row.key, row.calls) for row in spend(ledger, by="day")] == [("2026-11-21", 2)]
    assert [(row.key, row.calls) for row in spend(ledger, by="day", zone=kolkata)] == [
        ("2026-11-21", 1),
        ("2026-11-22", 1),
    ]
    assert spend(ledger, since=date(2026, 11, 22), zone=kolkata)[0].calls == 1


def test_an_unknown_grouping_names_the_known_ones(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="model, department"):
        spend(ledger, by="colour")  # type: ignore[arg-type]


def test_unpriced_calls_are_grouped_with_their_remedy_and_kept_out_of_cost(ledger: Ledger) -> None:
    nothing = {"gen_ai__usage__cost__amount": None, "genmeter__cost__status": "unpriced"}
    book(ledger, 1)
    book(ledger, 2, **nothing, genmeter__cost__reason="unknown_model", gen_ai__response__model="llama")
    said = "openai lists no price for 'llama'"
    book(ledger, 3, **nothing, genmeter__cost__reason="unknown_model", gen_ai__response__model="llama",
         genmeter__cost__detail=said)  # fmt: skip
    book(ledger, 4, **nothing, genmeter__cost__reason="a_reason_of_next_year")
    first, second = unpriced(ledger)
    assert (first.reason, first.provider, first.model, first.calls, first.tokens) == (
        "unknown_model",
        "openai",
        "llama",
        2,
        2400,
    )
    assert "genmeter.toml" in first.remedy
    assert (first.words, first.detail) == ("The price catalogue has no price for this model.", said)
    assert (second.reason, second.calls) == ("a_reason_of_next_year", 1)
    assert "Upgrade genmeter" in second.remedy and "does not know" in second.words
    assert second.detail is None
    assert total(spend(ledger)).cost == {"USD": 12_500_000_000}
    assert total(spend(ledger)).unpriced == 3


def test_quantiles_are_nearest_rank(ledger: Ledger) -> None:
    # 20 calls of 1 to 20 s: rank ceil(0.50 x 20) = 10 and ceil(0.95 x 20) = 19
    for number in range(1, 21):
        book(ledger, number, seconds=21 - number)
    slip = receipt(ledger)
    assert (slip.timed, slip.p50_ns, slip.p95_ns) == (20, 10 * SECOND, 19 * SECOND)


@pytest.mark.parametrize(("count", "p50", "p95"), [(1, 1, 1), (2, 1, 2), (3, 2, 3), (101, 51, 96)])
def test_quantiles_of_few_and_odd_numbers_of_calls(ledger: Ledger, count: int, p50: int, p95: int) -> None:
    for number in range(1, count + 1):
        book(ledger, number, seconds=number)
    slip = receipt(ledger)
    assert (slip.p50_ns, slip.p95_ns) == (p50 * SECOND, p95 * SECOND)


def test_a_receipt_tells_everything_about_its_run(ledger: Ledger) -> None:
    book(ledger, 1, gen_ai__response__id="resp-1", gen_ai__usage__cache_read__input_tokens=300)
    book(ledger, 2, started_ns=NOON + 10 * SECOND, genmeter__stream__cut="abandoned", genmeter__cost__status="partial")
    book(ledger, 3, gen_ai__response__id="resp-1")
    book(ledger, 2, started_ns=NOON + 10 * SECOND, gen_ai__usage__cost__amount=7.0)
    failed = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "error.type": "RateLimitError"}
    ledger.book_traces(traces(span(4, failed, failed=True), span(5, failed, failed=True)))
    ledger.book_traces(traces(span(6, {**failed, "error.type": "timeout"}, failed=True)))
    slip = receipt(ledger, run="r1")
    assert (slip.calls, slip.failed, slip.errors) == (5, 3, {"RateLimitError": 2, "timeout": 1})
    assert (slip.tokens["input"], slip.tokens["output"], slip.tokens["cache_read"]) == (2000, 400, 300)
    assert slip.total == {"USD": 25_000_000_000}
    assert [(row.key, row.calls) for row in slip.by_model] == [("gpt-5-2026", 2), (None, 3)]
    assert (slip.cut_streams, slip.suspected_duplicates, slip.conflicts, slip.unpriced_calls) == (1, 1, 1, 0)
    assert slip.started == datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert slip.wall_seconds == 12.0


def test_a_receipt_of_another_run_or_of_nothing_is_empty(ledger: Ledger) -> None:
    book(ledger, 1)
    slip = receipt(ledger, run="r2")
    assert (slip.calls, slip.total, slip.p50_ns, slip.started, slip.wall_seconds) == (0, {}, None, None, 0.0)


def test_a_trace_is_a_tree_and_a_call_known_from_its_event_alone_is_in_it(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, {}, name="POST /ask"), span(2, chat(), parent=1, started_ns=NOON + 1)))
    ledger.book_logs(details(3, chat(genmeter__call__parent_span_id="0000000000000001")))
    found = trace(ledger, "0" * 31 + "1")
    assert found is not None
    (root,) = found.roots
    assert (root.name, found.spans) == ("POST /ask", 3)
    assert [(child.name, child.call is not None) for child in root.children] == [
        ("chat gpt-5", True),
        ("chat gpt-5", True),
    ]
    assert trace(ledger, "f" * 32) is None


def test_spans_whose_parents_form_a_ring_are_all_shown(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, {}, parent=2), span(2, {}, parent=1), span(3, {}, parent=99)))
    found = trace(ledger, "0" * 31 + "1")
    assert found is not None
    assert sorted(node.span_id[-1] for node in found.roots) == ["1", "2", "3"]


def test_latest_calls_are_newest_first_and_limited(ledger: Ledger) -> None:
    for number in (2, 3, 1):
        book(ledger, number, started_ns=NOON + number * SECOND)
    assert [call.span_id[-1] for call in calls(ledger, limit=2)] == ["3", "2"]
