"""The options of `genmeter report` and `genmeter calls`: conditions, periods, zones, orders, pages, percentiles, trend."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from genmeter.ledger import Ledger
from genmeter.reports.registry import REPORTS
from genmeter.reports.report import Sources, Unanswerable, read
from tests.ledger.otlp import NOON, SECOND, chat, span, traces

DAY = 86_400 * SECOND


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(run="r1") as opened:
        yield opened


def book(
    ledger: Ledger, number: int, dollars: float = 1.0, *, days: float = 0, seconds: float = 2, **changes: Any
) -> None:
    attributes = chat(gen_ai__usage__cost__amount=dollars, **changes)
    started_ns = NOON + round(days * DAY)
    ledger.book_traces(traces(span(number, attributes, started_ns=started_ns, seconds=seconds, trace=number)))


def ask(ledger: Ledger, name: str, most: int | None = None, **texts: str) -> dict[str, Any]:
    report = REPORTS[name]
    return report.answer(Sources(ledger, most=most), read(report.options, texts))


def spend(ledger: Ledger, *values: str, **texts: str) -> list[Any]:
    found = ask(ledger, "spend", **texts)["rows"]
    return [tuple(row[name] for name in values) if values else (row["key"], row["calls"]) for row in found]


def test_rows_are_of_the_calls_that_hold_the_conditions(ledger: Ledger) -> None:
    book(ledger, 1, genmeter__department="desk", genmeter__application="a, b")
    book(ledger, 2, genmeter__department="ops", user__id="u1")
    book(ledger, 3, gen_ai__response__model="o9")
    assert spend(ledger, by="department", where="department=desk") == [("desk", 1)]
    assert spend(ledger, by="department", where="department=desk|ops") == [("desk", 1), ("ops", 1)]
    assert spend(ledger, by="department", where="department!=desk") == [("ops", 1), (None, 1)]
    assert spend(ledger, by="department", where="department=") == [(None, 1)]
    assert spend(ledger, by="department", where="application=a, b,department=desk") == [("desk", 1)]
    assert spend(ledger, by="model", where="user=u1") == [("gpt-5-2026", 1)]
    assert spend(ledger, where="model=o9,user=u1") == []


@pytest.mark.parametrize("name", ["errors", "unpriced", "coding", "calls", "spend"])
def test_every_report_of_calls_takes_conditions_and_periods(ledger: Ledger, name: str) -> None:
    failed: dict[str, Any] = {
        "error__type": "timeout",
        "genmeter__cost__status": "unpriced",
        "gen_ai__usage__cost__amount": None,
    }
    for number, department in enumerate(("desk", "ops"), 1):
        request = traces(span(number, chat(**failed, genmeter__department=department)))
        request.resource_spans[0].scope_spans[0].scope.name = "com.anthropic.claude_code.tracing"
        ledger.book_traces(request)

    def calls(**texts: str) -> int:
        rows = ask(ledger, name, **texts)[REPORTS[name].rows]
        return sum(row.get("calls", 1) for row in rows)

    assert [calls(), calls(where="department=desk"), calls(where="department=legal")] == [2, 1, 0]
    assert [calls(period="2026-11"), calls(period="2026-W47"), calls(period="2026-10")] == [2, 2, 0]


def test_weeks_months_and_quarters_are_of_the_time_zone(ledger: Ledger) -> None:
    moments = ("2026-12-31T23:30", "2027-01-03T23:30", "2026-06-30T21:59", "2026-06-30T22:00")
    for number, text in enumerate(moments, 1):
        started = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        ledger.book_traces(traces(span(number, chat(), started_ns=int(started) * SECOND, trace=number)))
    assert spend(ledger, by="week", timezone="UTC") == [("2026-W27", 2), ("2026-W53", 2)]
    assert spend(ledger, by="week", timezone="Europe/Berlin") == [("2026-W27", 2), ("2026-W53", 1), ("2027-W01", 1)]
    assert spend(ledger, by="month", timezone="Europe/Berlin") == [("2026-06", 1), ("2026-07", 1), ("2027-01", 2)]
    assert spend(ledger, by="quarter", timezone="Europe/Berlin") == [("2026-Q2", 1), ("2026-Q3", 1), ("2027-Q1", 2)]
    assert spend(ledger, by="model", period="2026-Q2", timezone="Europe/Berlin") == [("gpt-5-2026", 1)]
    assert [calls for _, calls in spend(ledger, by="model", period="2026-06-30")] == [2]


def test_a_time_without_an_offset_is_of_the_zone(ledger: Ledger) -> None:
    book(ledger, 1)  # 12:00 UTC is 13:00 in Berlin
    assert spend(ledger, since="2026-11-21T12:30", timezone="Europe/Berlin") == [("gpt-5-2026", 1)]
    assert spend(ledger, since="2026-11-21T12:30") == []
    assert spend(ledger, since="2026-11-21T12:30+01:00") == [("gpt-5-2026", 1)]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("calls", ["b", "c", "a"]), ("cost:asc", ["b", "c", "a"]), ("cost", ["a", "c", "b"]), ("names", ["a", "b", "c"]),
        ("names:desc", ["c", "b", "a"]), ("errors", ["c", "a", "b"]), ("output:asc", ["a", "c", "b"]),
    ],
)  # fmt: skip
def test_rows_come_in_the_order_that_is_asked_for(ledger: Ledger, sort: str, order: list[str]) -> None:
    book(ledger, 1, 9, genmeter__application="a")
    for number in (2, 3, 4):
        book(ledger, number, 0.5, genmeter__application="b")
    for number in (5, 6):
        book(ledger, number, 2, genmeter__application="c", **({"error__type": "timeout"} if number == 5 else {}))
    assert [row[0] for row in spend(ledger, by="application", sort=sort)] == order


def test_a_limit_leaves_rows_out_and_the_total_is_of_all(ledger: Ledger) -> None:
    for number in range(1, 6):
        book(ledger, number, number, genmeter__application=f"a{number}")
    found = ask(ledger, "spend", by="application", limit="2")
    assert ([row["key"] for row in found["rows"]], found["rows_left_out"]) == (["a5", "a4"], 3)
    assert found["total"]["cost"] == {"USD": "15.00"} and found["total"]["calls"] == 5


def test_percentiles_stand_in_each_row_and_are_of_its_own_calls(ledger: Ledger) -> None:
    for number, seconds in enumerate((1, 2, 3, 4), 1):
        book(ledger, number, seconds=seconds, days=number, genmeter__application="ab"[number % 2])
    assert spend(ledger, "key", "p50", "p95", by="application", percentiles="50,p95", sort="names") == [
        ("a", 2 * SECOND, 4 * SECOND),
        ("b", 1 * SECOND, 3 * SECOND),
    ]
    assert spend(ledger, "key", "p50", by="week", percentiles="50") == [
        ("2026-W47", 1 * SECOND),
        ("2026-W48", 3 * SECOND),
    ]
    assert spend(ledger, "week", "application", "p100", by="week,application", percentiles="100", sort="names") == [
        ("2026-W47", "b", 1 * SECOND),
        ("2026-W48", "a", 4 * SECOND),
        ("2026-W48", "b", 3 * SECOND),
    ]


def test_the_trend_is_against_the_calendar_period_before(ledger: Ledger) -> None:
    book(ledger, 1, 2, days=-25, genmeter__application="a")  # 27 October
    book(ledger, 2, 3, genmeter__application="a")
    book(ledger, 3, 5, genmeter__application="new")
    book(ledger, 4, 1, days=-22, genmeter__application="gone")
    found = spend(
        ledger, "key", "cost", "before", "change_percent", by="application", period="2026-11", trend="yes", sort="names"
    )
    assert found == [
        ("a", {"USD": "3.00"}, {"USD": "2.00"}, {"USD": "50.0"}),
        ("gone", {}, {"USD": "1.00"}, {"USD": "-100.0"}),
        ("new", {"USD": "5.00"}, {"USD": "0.00"}, {"USD": "new"}),
    ]
    total = ask(ledger, "spend", by="application", period="2026-11", trend="yes")["total"]
    assert (total["cost"], total["before"], total["change_percent"]) == (
        {"USD": "8.00"},
        {"USD": "3.00"},
        {"USD": "166.7"},
    )


def test_the_trend_of_a_free_window_is_against_one_as_long(ledger: Ledger) -> None:
    for number, days in enumerate((-3, -2, -1, 0), 1):
        book(ledger, number, number, days=days)
    (row,) = spend(ledger, "cost", "before", since="2026-11-20", until="2026-11-22", trend="yes")
    assert row == ({"USD": "7.00"}, {"USD": "3.00"})


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"where": "colour=red"}, "where: 'colour=red' is no condition; write NAME=VALUE"),
        ({"where": "department"}, "where: 'department' is no condition"),
        ({"where": "day=2026-11-21"}, "is no condition"),
        ({"period": "2026-W54"}, "period: '2026-W54' is no period"),
        ({"period": "2026-Q5"}, "period: '2026-Q5' is no period; write 2026-11 (a month)"),
        ({"period": "2026-11", "since": "2026-11-02"}, "period is a whole window; leave since and until out"),
        ({"timezone": "Mars/Dome"}, "timezone: 'Mars/Dome' is not a time zone"),
        ({"sort": "colour"}, "sort: invalid choice: 'colour'"),
        ({"sort": "cost:up"}, "sort: 'cost:up' has no order"),
        ({"limit": "0"}, "limit: '0' is no number from 1"),
        ({"percentiles": "0"}, "percentiles: '0' is no number from 1 to 100"),
        ({"percentiles": "50,x"}, "percentiles: 'x' is no number"),
        ({"trend": "yes"}, "trend needs a beginning"),
        ({"trend": "yes", "period": "2026-11", "by": "day"}, "trend compares two periods, so leave day"),
        ({"by": "day,week", "percentiles": "50"}, "percentiles go with one of day"),
        ({"period": "9999-12"}, "outside the calendar"),
    ],
)
def test_what_cannot_be_asked_says_what_to_write(ledger: Ledger, texts: dict[str, str], words: str) -> None:
    book(ledger, 1)
    with pytest.raises(Unanswerable) as refused:
        ask(ledger, "spend", **texts)
    assert words in str(refused.value)


def test_where_not_all_sessions_are_held_the_order_is_by_cost_alone(ledger: Ledger) -> None:
    for number in range(1, 4):
        book(ledger, number, number, session__id=f"s{number}")
    found = ask(ledger, "spend", most=2, by="session", where="session!=s3")
    assert [row["key"] for row in found["rows"]] == ["s2", "s1"] and found["total"]["calls"] == 2
    for texts in ({"sort": "calls"}, {"percentiles": "50"}, {"trend": "yes", "period": "2026-11"}):
        with pytest.raises(Unanswerable, match="too many"):
            ask(ledger, "spend", most=2, by="session", **texts)


def test_calls_are_paged_searched_and_sorted(ledger: Ledger) -> None:
    for number in range(1, 6):
        book(ledger, number, number % 3, days=number / 10, genmeter__application=f"工单{number}")

    def page(**texts: str) -> list[str]:
        return [call["span_id"][-1] for call in ask(ledger, "calls", **texts)["calls"]]

    assert [page(limit="2", page=str(number)) for number in (1, 2, 3, 4)] == [["5", "4"], ["3", "2"], ["1"], []]
    assert [ask(ledger, "calls", limit="2", page=str(number))["more"] for number in (1, 2, 3)] == [True, True, False]
    assert page(sort="cost") == ["5", "2", "4", "1", "3"] and page(sort="started:asc") == ["1", "2", "3", "4", "5"]
    assert page(search="工单4") == ["4"] and page(where="application=工单1|工单2") == ["2", "1"]
    with pytest.raises(Unanswerable, match="aside goes with limit and run alone"):
        ask(ledger, "calls", aside="yes", search="工单")
    with pytest.raises(Unanswerable, match="search: 'x' has no text"):
        ask(ledger, "calls", search="x")
