"""How budgets stand, with figures worked out by hand: scopes, periods, replays, late calls, trims, burn, projection."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from genmeter.budgets import Budget, parse
from genmeter.ledger import Ledger
from genmeter.ledger.questions import Window
from genmeter.model import PICO
from genmeter.periods import PeriodName
from genmeter.reports import spend
from genmeter.reports.budgeting import Standing, budgeting
from genmeter.settings import BudgetTable
from genmeter.userkeys import UserKey
from tests.ledger.otlp import NOON, SECOND, chat, details, span, traces

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
CENT = PICO // 100
DAY = 86_400 * SECOND


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(max_rows=None) as opened:
        yield opened


def book(ledger: Ledger, number: int, at: datetime | int = NOON, *, usd: float = 0.01, **changes: object) -> None:
    started_ns = at if isinstance(at, int) else round(at.timestamp()) * SECOND
    ledger.book_traces(traces(span(number, chat(gen_ai__usage__cost__amount=usd, **changes), started_ns=started_ns)))


def budget(
    name: str, amount: int = 100 * PICO, period: PeriodName = "month", zone: str = "UTC", **scope: str
) -> Budget:
    return Budget(name, amount, period, scope, zone, ZoneInfo(zone))


def standing(ledger: Ledger, one: Budget, at: datetime = AT) -> Standing:
    return budgeting([one], ledger, at=at).standings[0]


def test_a_scope_takes_the_calls_that_have_all_of_its_values_and_the_rest_is_shown(ledger: Ledger) -> None:
    book(ledger, 1, usd=1.0, genmeter__department="support", genmeter__application="desk")
    book(ledger, 2, usd=2.0, genmeter__department="support", gen_ai__response__model="gpt-5-mini")
    book(ledger, 3, usd=4.0, genmeter__application="desk", gen_ai__provider__name="azure.ai.openai")
    book(ledger, 4, usd=8.0)
    budgets = [
        budget("department", department="support"),
        budget("both", department="support", application="desk"),
        budget("model", model="gpt-5-mini"),
        budget("provider", provider="azure.ai.openai"),
    ]
    found = budgeting(budgets, ledger, at=AT)
    assert [one.spent // PICO for one in found.standings] == [3, 1, 2, 4]
    assert found.unbudgeted == 8 * PICO
    # a budget for everything leaves nothing without one
    everything = budgeting([*budgets, budget("all")], ledger, at=AT)
    assert (everything.standings[-1].spent, everything.unbudgeted) == (15 * PICO, 0)


def test_a_budget_of_a_user_takes_the_calls_of_every_hash_of_hers(ledger: Ledger) -> None:
    """A key that was rotated leaves two hashes; trimmed calls count too; the budget shows the newer hash alone."""
    rows = {"ada": {"amount": "100", "period": "month", "scope": {"user": "ada", "department": "support"}}}
    keys = (UserKey(1, b"0123456789abcdef"), UserKey(2, b"fedcba9876543210"))
    # HMAC-SHA-256 under each key, the first 128 bits: `openssl dgst -sha256 -hmac 0123456789abcdef`
    old, new = "u-83eeb38e004a295359bde4b0760bb271", "u2-17e9c97444bf87e4caa16248eb355ec6"
    (of_ada,) = parse(BudgetTable(rows, "genmeter.toml", ""), keys)
    assert of_ada.scope_text == f"department=support user={new}" and "ada" not in of_ada.scope_text.split("=")
    for number, (user, department) in enumerate(
        [(old, "support"), (new, "support"), ("u-other", "support"), (None, "support"), (new, "sales")], 1
    ):
        more = {} if user is None else {"user__id": user}
        book(ledger, number, usd=float(10**number) / 10**4, genmeter__department=department, **more)
    found = budgeting([of_ada], ledger, at=AT)
    assert found.standings[0].spent == 11 * PICO // 1000
    assert found.unbudgeted == (100 + 1000 + 10000) * PICO // 1000
    (plain,) = parse(BudgetTable({"b": {**rows["ada"], "scope": {"user": new}}}, "genmeter.toml", ""))
    assert standing(ledger, plain).spent == (10 + 10000) * PICO // 1000


def test_an_environment_that_only_the_second_signal_knows_moves_the_call_into_its_scope(ledger: Ledger) -> None:
    production = budget("prod", environment="production")
    ledger.book_logs(details(1, chat(gen_ai__usage__cost__amount=0.01)))
    assert standing(ledger, production).spent == 0
    both = {"service__name": "shop", "deployment__environment__name": "production"}
    ledger.book_traces(traces(span(1, chat(gen_ai__usage__cost__amount=0.01)), **both))
    assert standing(ledger, production).spent == CENT


def test_burn_and_projection_are_of_this_period_so_far(ledger: Ledger) -> None:
    # 20.5 of November's 30 days are over: $20.50 is $1 a day and $30 in the end; $79.50 last 79.5 days more
    book(ledger, 1, datetime(2026, 11, 1, tzinfo=UTC), usd=20.5)
    book(ledger, 2, datetime(2026, 10, 31, 23, 59, 59, tzinfo=UTC), usd=70.0)
    one = standing(ledger, budget("all"))
    assert (one.spent, one.left) == (20_500_000_000_000, 79_500_000_000_000)
    assert (one.burn, one.projected, one.tenths_left) == (PICO, 30 * PICO, 795)
    assert one.period == (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))


def test_a_burn_a_day_is_of_24_hours_on_a_day_of_25(ledger: Ledger) -> None:
    # Paris, 25 October: 5 of 25 hours are over at 03:00 UTC (22:00 + 5 h); 5 cents are 24 a day and 25 in the end
    book(ledger, 1, datetime(2026, 10, 24, 22, tzinfo=UTC), usd=0.05)
    one = standing(ledger, budget("all", CENT * 10, "day", "Europe/Paris"), datetime(2026, 10, 25, 3, tzinfo=UTC))
    assert (one.burn, one.projected) == (24 * CENT, 25 * CENT)
    # 5 cents are left, at 24 a day: 0.208 days
    assert one.tenths_left == 2


def test_before_a_twentieth_of_the_period_nothing_is_foretold(ledger: Ledger) -> None:
    # a twentieth of 30 days are 36 hours
    book(ledger, 1, datetime(2026, 11, 1, tzinfo=UTC), usd=1.5)
    early = standing(ledger, budget("all"), datetime(2026, 11, 2, 11, 59, 59, tzinfo=UTC))
    assert (early.spent, early.burn, early.projected, early.tenths_left) == (3 * PICO // 2, None, None, None)
    known = standing(ledger, budget("all"), datetime(2026, 11, 2, 12, tzinfo=UTC))
    assert (known.burn, known.projected) == (PICO, 30 * PICO)


def test_nothing_spent_burns_nothing_and_lasts_for_no_number_of_days(ledger: Ledger) -> None:
    one = standing(ledger, budget("all"))
    assert (one.spent, one.burn, one.projected, one.tenths_left, one.reached) == (0, 0, 0, None, None)


@pytest.mark.parametrize(
    ("cents", "reached"), [(49.99, None), (50, 50), (75, 75), (89.999999, 75), (90, 90), (100, 100), (250, 100)]
)
def test_a_threshold_is_reached_to_the_last_digit(ledger: Ledger, cents: float, reached: int | None) -> None:
    book(ledger, 1, usd=cents / 100)
    one = standing(ledger, budget("dollar", PICO))
    assert one.reached == reached
    if cents == 250:
        assert (one.left, one.tenths_left) == (-150 * CENT, 0)


@pytest.mark.parametrize(
    ("name", "zone", "first", "end"),
    [
        ("day", "Europe/Paris", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("day", "Europe/Paris", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("month", "America/New_York", "2026-11-01T04:00", "2026-12-01T05:00"),
        ("day", "Asia/Kolkata", "2026-11-20T18:30", "2026-11-21T18:30"),
        ("quarter", "UTC", "2026-10-01T00:00", "2027-01-01T00:00"),
        ("week", "UTC", "2026-11-16T00:00", "2026-11-23T00:00"),
    ],
)
def test_a_period_has_its_first_nanosecond_and_not_the_one_after_its_last(ledger, name, zone, first, end) -> None:
    start, until = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, end))
    start_ns, until_ns = (round(moment.timestamp()) * SECOND for moment in (start, until))
    for number, (at, usd) in enumerate(
        [(start_ns - 1, 1.0), (start_ns, 0.01), (until_ns - 1, 0.02), (until_ns, 2.0)], start=1
    ):
        book(ledger, number, at, usd=usd)
    one = budget("all", 100 * PICO, name, zone)
    assert standing(ledger, one, start).spent == 3 * CENT
    assert standing(ledger, one, until - timedelta(microseconds=1)).spent == 3 * CENT
    assert standing(ledger, one, until).spent == 2 * PICO


def test_a_replay_changes_nothing_and_a_late_call_exactly_its_own_amount(ledger: Ledger) -> None:
    days = [budget("today", period="day"), budget("month")]

    def spent() -> list[int]:
        return [one.spent // CENT for one in budgeting(days, ledger, at=AT).standings]

    book(ledger, 1)
    assert spent() == [1, 1]
    book(ledger, 1)
    ledger.book_logs(details(1, chat(gen_ai__usage__cost__amount=0.01)))
    assert spent() == [1, 1]
    # nine days old, and a month old: after newer calls have been counted
    book(ledger, 2, NOON - 9 * DAY, usd=0.02)
    assert spent() == [1, 3]
    book(ledger, 3, NOON - 30 * DAY, usd=0.04)
    assert spent() == [1, 3]
    # other money under the same key goes to quarantine and is in no budget
    book(ledger, 1, usd=0.5)
    assert spent() == [1, 3]


def test_calls_without_an_amount_in_dollars_are_counted_and_add_nothing(ledger: Ledger) -> None:
    book(ledger, 1)
    book(ledger, 2, gen_ai__usage__cost__currency="EUR")
    nothing = {"gen_ai.usage.cost.amount": None, "genmeter.cost.status": "unpriced"}
    attributes = {name: value for name, value in {**chat(), **nothing}.items() if value is not None}
    ledger.book_traces(traces(span(3, attributes)))
    one = standing(ledger, budget("all"))
    assert (one.spent, one.unpriced) == (CENT, 2)
    rest = budgeting([budget("none", department="x")], ledger, at=AT)
    assert (rest.unbudgeted, rest.unbudgeted_unpriced) == (CENT, 2)


def test_trimmed_calls_count_exactly_where_no_day_of_theirs_reaches_over_an_edge() -> None:
    # 18:20 UTC is 23:50 in Kolkata, 18:40 and 20:00 are the next day there; all are 21 November in UTC
    evening = datetime(2026, 11, 21, 18, tzinfo=UTC)
    times = [evening + timedelta(minutes=minutes) for minutes in (20, 40, 120)]
    utc_day, day = budget("utc", period="day"), budget("kolkata", period="day", zone="Asia/Kolkata")
    for most, before, after, across in ((None, 1, 2, 0), (1, 2, 1, 2)):
        with Ledger.open(max_rows=most) as ledger:
            for number, at in enumerate(times, 1):
                book(ledger, number, at)
                # what was added up before the trim must not outlive it: a restart would tell another sum
                second = standing(ledger, day, times[-1])
            first = standing(ledger, day, evening)
            # the sum that is left of the trimmed two counts where the first of them lies, and says so
            assert (first.spent // CENT, second.spent // CENT) == (before, after)
            assert (first.across // CENT, second.across // CENT) == (across, across)
            whole = standing(ledger, utc_day, evening)
            assert (whole.spent // CENT, whole.across) == (3, 0)


@pytest.mark.parametrize("seed", range(4))
def test_amounts_stay_exact_whatever_is_booked_late_replayed_trimmed_and_asked_in_between(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    midnight = NOON - DAY // 2
    days = [Window(midnight + n * DAY, midnight + (n + 1) * DAY) for n in range(3)]
    spent: Counter[tuple[int, str]] = Counter()
    with Ledger.open(tmp_path / "l.db", max_rows=60) as ledger, Ledger.open(tmp_path / "l.db") as reader:
        for number in range(1, 201):
            day, team, cents = chance.randrange(3), chance.choice("ab"), chance.randrange(1, 9)
            at = midnight + day * DAY + chance.randrange(DAY)
            attributes = chat(gen_ai__usage__cost__amount=cents / 100, genmeter__department=team)
            for _ in range(chance.choice((1, 1, 2))):
                booked = ledger.book_traces(traces(span(number, attributes, started_ns=at))).outcome.booked
                # what is older than the trim is not booked, and said to be late
                spent[day, team] += booked * cents * CENT
            if chance.random() < 0.2:
                asked = chance.choice((ledger, reader))
                chosen = chance.sample(range(3), chance.randrange(1, 4))
                answers = asked.store.amounts([days[n] for n in chosen])
                for n, amounts in zip(chosen, answers, strict=True):
                    by_team: Counter[str | None] = Counter()
                    for amount in amounts:
                        by_team[amount.scope[2]] += amount.pico
                    assert [by_team["a"], by_team["b"]] == [spent[n, "a"], spent[n, "b"]]
        counters = ledger.counters()
        assert counters["trimmed_calls"] > 0 and counters["duplicates"] > 0
        ours = [standing(ledger, budget("a", period="day", department="a"), AT + timedelta(days=n)) for n in range(3)]
        assert [one.spent for one in ours] == [spent[n, "a"] for n in range(3)]


def test_budgets_and_the_report_of_spend_agree(ledger: Ledger) -> None:
    for number in range(40):
        book(ledger, number + 1, NOON - number * DAY, usd=0.01 + number / 1000, genmeter__department="ab"[number % 2])
    kolkata = ZoneInfo("Asia/Kolkata")
    one = standing(ledger, budget("a", period="month", zone="Asia/Kolkata", department="a"))
    rows = spend(ledger, by="department", since=date(2026, 11, 1), until=date(2026, 12, 1), zone=kolkata)
    assert one.spent == next(row.cost["USD"] for row in rows if row.key == "a")


def test_as_of_an_instant_later_calls_are_left_out(ledger: Ledger) -> None:
    book(ledger, 1, NOON - 1)
    book(ledger, 2, NOON)
    assert budgeting([budget("all")], ledger, at=AT, until=AT).standings[0].spent == CENT
    assert budgeting([budget("all")], ledger, at=AT).standings[0].spent == 2 * CENT
