"""Budgets inside the application: what this process has spent, one warning at the amount, and calls that are not sent.

List prices in USD per million tokens: gpt-4o 2.50 in, 10.00 out; claude-sonnet-4-5 3 and 15. The stub's chat uses 19 in
and 10 out, 19 × 2.50 + 10 × 10 = 147.5 millionths of a dollar; its message 25 and 15, 25 × 3 + 15 × 15 = 300.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import pickle
import re
import subprocess
import sys
import time
import warnings
import zoneinfo
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from openai import OpenAI
from opentelemetry.context import attach, detach, set_value

import genmeter
from genmeter import names
from genmeter.budgets import Budget, BudgetsError
from genmeter.metering.coexist import SHARED_KEYS
from genmeter.metering.instrumentor import GenmeterInstrumentor
from genmeter.metering.payers.limits import KNOWN, Limits
from genmeter.model import Attribution, Cost, Invocation, Request, Response, Seller, Unpriced
from genmeter.settings import BudgetTable, Settings
from genmeter.userkeys import UserKey
from tests.stub import Reply, StubServer

from .cells import make_client
from .conftest import MeterFactory
from .sdk import CHAT, CLAUDE, HELLO, ask_async, ask_sync, resource_of

CALL = Decimal("0.0001475")
"""One chat of gpt-4o."""
PICO_CALL = 147_500_000


def budgets(**rows: dict[str, Any]) -> BudgetTable:
    """As the file has them; by the quarter, which ends four times a year, unless a row says otherwise."""
    return BudgetTable({name: {"period": "quarter", **row} for name, row in rows.items()}, "genmeter.toml", "")


def call(client: OpenAI, model: str = "gpt-4o") -> None:
    """One chat."""
    client.chat.completions.create(model=model, messages=HELLO)


def rejected(client: OpenAI, model: str = "gpt-4o") -> genmeter.BudgetExceeded:
    """The refusal of one chat."""
    with pytest.raises(genmeter.BudgetExceeded) as caught:
        call(client, model)
    return caught.value


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Warnings of ours."""
    return [record.getMessage() for record in caplog.records if record.name == "genmeter"]


class TestWarn:
    """``on_exceed = "warn"``: told once, and calls go on."""

    def test_it_is_said_once_with_budget_scope_spent_amount_and_end(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI, caplog: pytest.LogCaptureFixture
    ) -> None:
        scope = {"department": "support"}
        meters(budgets=budgets(desk={"amount": "0.0003", "scope": scope, "on_exceed": "warn", "owner": "ada"}))
        with genmeter.attribution(department="support"), caplog.at_level(logging.WARNING, logger="genmeter"):
            call(client)
            call(client)
            assert said(caplog) == []
            for _ in range(3):
                call(client)
        now = datetime.now(UTC)
        month = {1: 4, 2: 7, 3: 10, 4: 1}[(now.month + 2) // 3]
        end = datetime(now.year + (month == 1), month, 1, tzinfo=UTC)
        # 3 × 147.5 millionths
        (line,) = said(caplog)
        assert line == (
            "genmeter: the budget 'desk' (department=support) is spent: this process has used 0.0004425 of 0.0003 USD "
            f"in the quarter that ends at {end.isoformat()}; calls go on, as its on_exceed is warn"
        )
        assert len(stub.requests) == 5

    def test_the_very_amount_is_spent(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI, caplog: pytest.LogCaptureFixture
    ) -> None:
        meters(
            budgets=budgets(
                even={"amount": "0.000295", "on_exceed": "warn"}, more={"amount": "0.000295000001", "on_exceed": "warn"}
            )
        )
        with caplog.at_level(logging.WARNING, logger="genmeter"):
            call(client)
            call(client)
        assert len(said(caplog)) == 1 and "'even' (everything)" in said(caplog)[0]

    def test_without_on_exceed_nothing_happens_in_the_application(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI, caplog: pytest.LogCaptureFixture
    ) -> None:
        meters(budgets=budgets(quiet={"amount": "0.0001"}))
        with caplog.at_level(logging.WARNING, logger="genmeter"):
            call(client)
            call(client)
        assert said(caplog) == [] and len(stub.requests) == 2


class TestUsers:
    """``scope = { user = ... }``: the user as the application gives it, however the records have it."""

    KEY = b"0123456789abcdef"
    ADA: ClassVar[dict[str, Any]] = {"amount": "0.0001", "scope": {"user": "ada"}, "on_exceed": "reject"}

    @pytest.mark.parametrize(
        "settings", [{"user_key": KEY}, {"raw_users": True}, {}], ids=["key", "raw", "state folder"]
    )
    def test_one_user_is_stopped_and_the_others_go_on(
        self, settings: dict[str, Any], stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        """And a call without a user."""
        meters(budgets=budgets(hers=self.ADA), **settings)
        with genmeter.attribution(user="ada"):
            call(client)
            refusal = rejected(client)
        for user in ("bob", "adam", None):
            with genmeter.attribution(user=user):
                call(client)
        assert len(stub.requests) == 4
        if "raw_users" not in settings:
            # a hash may hold the letters "ada", so the name is looked for as a word
            assert refusal.scope.startswith("user=u-") and not re.search(r"\bada\b", str(refusal))

    def test_the_budget_may_name_the_hash(self, stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
        """As ``genmeter users match`` shows it."""
        row = {**self.ADA, "scope": {"user": "u-83eeb38e004a295359bde4b0760bb271"}}
        meters(budgets=budgets(ada=row), user_key=self.KEY)
        with genmeter.attribution(user="ada"):
            call(client)
            rejected(client)

    def test_after_a_rotation_the_budget_is_the_users_still(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        """The newest version is the one that this process hashes with."""
        meters(budgets=budgets(hers=self.ADA), user_keys=(UserKey(1, self.KEY), UserKey(2, b"fedcba9876543210")))
        with genmeter.attribution(user="ada"):
            call(client)
            rejected(client)

    def test_many_users_do_not_grow_the_process(self, meters: MeterFactory) -> None:
        """Remembered payers are bounded, and each user has the budgets that are hers."""
        row = Budget("ada", 1, "quarter", {"user": "u"}, on_exceed="reject", users=frozenset({"u"}))
        limits = Limits([row])
        for number in range(3 * KNOWN):
            limits.admit(
                Invocation("chat", Seller("openai", "openai"), Request("m"), attribution=Attribution(f"{number}"))
            )
        assert len(limits._covering) <= KNOWN


class TestReject:
    """``on_exceed = "reject"``: what comes after the amount is not sent."""

    @pytest.mark.parametrize("kind", ["openai", "anthropic"])
    @pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
    @pytest.mark.parametrize("way", ["whole", "stream", "raw", "streaming", "helper"])
    def test_a_spent_budget_rejects_before_any_request(
        self, way: str, asynchronous: bool, kind: str, stub: StubServer, meters: MeterFactory
    ) -> None:
        """The first call spends it; the second, made in whatever way, makes no request, span or event."""
        meter = meters(budgets=budgets(all={"amount": "0.0001", "on_exceed": "reject"}))

        async def run() -> None:
            async with make_client(kind, stub, asynchronous=True) as client:
                resource, ask = resource_of(kind, client)
                await resource.create(**ask)
                assert len(stub.requests) == 1
                await ask_async(way, resource, ask)

        def refused() -> Decimal:
            with pytest.raises(genmeter.BudgetExceeded) as caught:
                if asynchronous:
                    asyncio.run(run())
                else:
                    with make_client(kind, stub, asynchronous=False) as client:
                        resource, ask = resource_of(kind, client)
                        resource.create(**ask)
                        assert len(stub.requests) == 1
                        ask_sync(way, resource, ask)
            return caught.value.spent

        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            assert refused() == (CALL if kind == "openai" else Decimal("0.0003"))
            gc.collect()
        assert [str(one.message) for one in warned if "never awaited" in str(one.message)] == []
        assert len(stub.requests) == len(meter.spans) == len(meter.logs) == 1
        assert meter.total(names.CALLS_ACTIVE) == 0

    def test_the_exception_says_what_happened_where_and_what_to_do(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        scope = {"provider": "openai", "department": "support"}
        row = {"amount": "0.000100", "scope": scope, "on_exceed": "reject", "time_zone": "Asia/Kolkata"}
        meters(budgets=budgets(desk=row))
        with genmeter.attribution(department="support"):
            call(client)
            error = rejected(client)
        assert (error.budget_id, error.spent, error.amount) == ("desk", Decimal("0.0001475"), Decimal("0.0001"))
        assert (error.period_end.utcoffset(), error.period_end.hour) == (timedelta(hours=5, minutes=30), 0)
        assert error.period_end > datetime.now(UTC) and error.period_end.month in (1, 4, 7, 10)
        words = str(error)
        assert (
            "'desk' (provider=openai department=support) is spent: this process has used 0.0001475 of 0.0001" in words
        )
        assert "no request was sent" in words and error.period_end.isoformat() in words
        assert "raise the amount of [budgets.desk] in genmeter.toml" in words and "\n" not in words
        # As when a worker process hands it to its parent.
        copied = pickle.loads(pickle.dumps(error))
        assert type(copied) is genmeter.BudgetExceeded and (str(copied), copied.spent) == (words, error.spent)
        assert isinstance(error, RuntimeError)

    def test_the_sdk_does_not_try_again_and_the_app_gets_it_as_it_is(
        self, stub: StubServer, meters: MeterFactory
    ) -> None:
        meters(budgets=budgets(all={"amount": "0.0001", "on_exceed": "reject"}))
        with OpenAI(base_url=stub.openai_url, api_key="sk-stub", max_retries=9) as client:
            call(client)
            error = rejected(client)
        assert len(stub.requests) == 1
        assert error.__cause__ is None and error.__context__ is None

    def test_a_retried_call_is_admitted_and_booked_once(self, stub: StubServer, meters: MeterFactory) -> None:
        meters(budgets=budgets(all={"amount": "0.0002", "on_exceed": "reject"}))
        busy = Reply(429, headers={"retry-after-ms": "1"})
        stub.script("/v1/chat/completions", busy, busy)
        with OpenAI(base_url=stub.openai_url, api_key="sk-stub", max_retries=3) as client:
            call(client)
            call(client)
            assert rejected(client).spent == 2 * CALL
        assert len(stub.requests) == 4

    def test_it_is_said_in_the_log_too_once(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI, caplog: pytest.LogCaptureFixture
    ) -> None:
        """An app may swallow the exception."""
        meters(budgets=budgets(all={"amount": "0.0001", "on_exceed": "reject"}))
        with caplog.at_level(logging.WARNING, logger="genmeter"):
            call(client)
            rejected(client)
            rejected(client)
        assert len(said(caplog)) == 1 and said(caplog)[0].endswith("until then its calls are rejected")

    def test_a_call_under_way_is_neither_stopped_nor_undone(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        meters(budgets=budgets(all={"amount": "0.0001", "on_exceed": "reject"}))
        stream = client.chat.completions.create(**CHAT, stream=True)
        next(stream)
        call(client)
        assert rejected(client).spent == CALL
        assert len(list(stream)) > 2
        assert rejected(client).spent == 2 * CALL

    def test_what_is_never_billed_goes_on(self, stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
        """Fetching an answer that is paid for, and moderation."""
        meters(budgets=budgets(all={"amount": "0.0001", "on_exceed": "reject"}))
        answer = client.responses.create(model="gpt-5.6-sol", input="Hello!")
        rejected(client)
        client.responses.retrieve(answer.id)
        client.moderations.create(input="Hello!")
        assert len(stub.requests) == 3

    def test_suppressed_calls_are_neither_counted_nor_stopped(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        meters(budgets=budgets(all={"amount": "0.0001", "on_exceed": "reject"}))
        token = attach(set_value("suppress_instrumentation", True))
        try:
            call(client)
            detach(token)
            call(client)
            rejected(client)
            token = attach(set_value("suppress_instrumentation", True))
            call(client)
        finally:
            detach(token)


class TestBooked:
    """What a call adds, and when."""

    def test_a_stream_adds_what_it_cost_when_it_ends(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        meters(budgets=budgets(all={"amount": "0.0001", "on_exceed": "reject"}))
        list(client.chat.completions.create(**CHAT, stream=True))
        assert rejected(client).spent == CALL

    def test_a_cut_stream_adds_what_was_seen(self, stub: StubServer, meters: MeterFactory, claude: Any) -> None:
        """Anthropic tells the input at the start, with one output token: 25 × 3 + 1 × 15 = 90 millionths."""
        meters(budgets=budgets(all={"amount": "0.00009", "on_exceed": "reject"}))
        with claude.messages.create(**CLAUDE, stream=True) as stream:
            next(stream)
        with pytest.raises(genmeter.BudgetExceeded) as caught:
            claude.messages.create(**CLAUDE)
        assert caught.value.spent == Decimal("0.00009")

    def test_a_failed_call_adds_nothing(self, stub: StubServer, meters: MeterFactory) -> None:
        meters(budgets=budgets(all={"amount": "0.000001", "on_exceed": "reject"}))
        with OpenAI(base_url=stub.openai_url, api_key="sk-stub", max_retries=0) as client:
            for _ in range(2):
                with pytest.raises(Exception, match="429"):
                    call(client, "always-rate-limited")
            call(client)
            assert rejected(client).spent == CALL

    def test_calls_without_a_price_add_nothing(self, stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
        """An unknown model, and an answer without usage: a limit of such budgets that the documents name."""
        meters(budgets=budgets(all={"amount": "0.0001", "on_exceed": "reject"}))
        for model in ("house-7b", "without-usage", "house-7b"):
            call(client, model)
        call(client)
        assert rejected(client, "house-7b").spent == CALL

    def test_what_the_provider_says_it_charged_counts(self, stub: StubServer, meters: MeterFactory) -> None:
        """OpenRouter's usage.cost of the stub's answer is 0.00095 USD."""
        address = stub.flavour_url("openrouter").removeprefix("http://")
        meters(
            sellers={address: "openrouter"},
            budgets=budgets(all={"amount": "0.00095", "on_exceed": "reject"}),
        )
        with OpenAI(base_url=stub.flavour_url("openrouter"), api_key="sk-stub") as client:
            call(client, "openai/gpt-5.4-mini")
            assert rejected(client).spent == Decimal("0.00095")

    def test_a_call_within_an_official_instrumentations_counts_too(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        meters(budgets=budgets(all={"amount": "0.0003", "on_exceed": "reject"}))
        token = attach(set_value(SHARED_KEYS[names.CHAT][0], SimpleNamespace(attributes={})))
        try:
            for _ in range(3):
                call(client)
            # Each its own, although the first alone is shown on the outer call.
            assert rejected(client).spent == 3 * CALL
        finally:
            detach(token)

    def test_eight_threads_add_up_to_the_last_digit(self, stub: StubServer, meters: MeterFactory) -> None:
        """The amount is that of all the calls, so one lost would let another through."""
        meters(budgets=budgets(all={"amount": str(8 * 12 * CALL), "on_exceed": "reject"}))
        with OpenAI(base_url=stub.openai_url, api_key="sk-stub") as client:

            def work(number: int) -> None:
                for turn in range(12):
                    if (number + turn) % 3:
                        call(client)
                    else:
                        list(client.chat.completions.create(**CHAT, stream=True))

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(work, range(8)))
            assert rejected(client).spent == 96 * CALL
        assert len(stub.requests) == 96

    def test_no_amount_is_lost_where_threads_change_in_the_middle_of_everything(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        """8 × 3,000 odd amounts, while others look; one warning in all."""
        limits = Limits(
            [Budget("all", 10**15, "quarter", on_exceed="reject"), Budget("low", 1, "day", on_exceed="warn")]
        )
        now = time.time()

        def work(number: int) -> None:
            for turn in range(3_000):
                one = invocation(cost=10_000 * number + turn, started=now)
                limits.admit(one)
                limits.book(one)

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with caplog.at_level(logging.WARNING, logger="genmeter"), ThreadPoolExecutor(8) as pool:
                list(pool.map(work, range(8)))
        finally:
            sys.setswitchinterval(interval)
        assert len(said(caplog)) == 1
        # 3,000 × 10,000 × (0 + 1 + ... + 7) + 8 × (0 + 1 + ... + 2,999) = 840,000,000 + 35,988,000 pico
        limits.book(invocation(cost=10**15 - 875_988_000 - 1, started=now))
        limits.admit(invocation())
        limits.book(invocation(cost=1, started=now))
        with pytest.raises(genmeter.BudgetExceeded) as caught:
            limits.admit(invocation())
        assert caught.value.spent == caught.value.amount == 1000


class TestScope:
    """A budget is for the calls that have all of its values, as the ledger will see them."""

    def test_one_departments_budget_does_not_stop_another(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        rows = {name: {"amount": "0.0001", "scope": {"department": name}, "on_exceed": "reject"} for name in "ab"}
        meters(budgets=budgets(**rows, rest={"amount": "0.0001", "scope": {"department": "c"}, "on_exceed": "warn"}))
        for name in "ab":
            with genmeter.attribution(department=name):
                call(client)
                assert rejected(client).budget_id == name
        call(client)
        with genmeter.attribution(department="c"):
            call(client)
            call(client)

    @pytest.mark.parametrize(
        ("scope", "stopped"),
        [
            ({"provider": "openai"}, True),
            ({"provider": "anthropic"}, False),
            ({"application": "shop"}, True),
            ({"application": "desk"}, False),
            ({"environment": "prod"}, True),
            ({"environment": "test"}, False),
            ({"department": "support"}, True),
            ({"model": "gpt-4o-2024-08-06", "environment": "prod", "application": "shop"}, True),
            ({"model": "gpt-4o-2024-08-06", "environment": "test"}, False),
            ({}, True),
        ],
    )
    def test_every_dimension_is_what_the_ledger_books(
        self, scope: dict[str, str], stopped: bool, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        """Environment and application are the resource's; so is the department that nobody says."""
        resource = {names.SERVICE_NAME: "shop", names.ENVIRONMENT: "prod", names.DEPARTMENT: "support"}
        meters(resource=resource, budgets=budgets(one={"amount": "0.0001", "scope": scope, "on_exceed": "reject"}))
        call(client)
        if stopped:
            rejected(client)
        else:
            call(client)

    def test_the_first_spent_budget_of_the_file_is_named(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        row = {"amount": "0.0001", "on_exceed": "reject"}
        meters(budgets=budgets(large={**row, "amount": "9"}, warns={**row, "on_exceed": "warn"}, first=row, second=row))
        call(client)
        assert rejected(client).budget_id == "first"

    def test_a_name_is_admitted_as_the_model_that_last_answered_to_it(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        """gpt-4o is answered by gpt-4o-2024-08-06: its budget stops both names, and no other model."""
        meters(
            budgets=budgets(dated={"amount": "0.0001", "scope": {"model": "gpt-4o-2024-08-06"}, "on_exceed": "reject"})
        )
        call(client)
        rejected(client)
        rejected(client, "gpt-4o-2024-08-06")
        call(client, "gpt-4o-mini")

    def test_a_budget_for_a_name_that_never_answers_counts_nothing(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        """As in the ledger, whose model is the one that answered."""
        meters(budgets=budgets(alias={"amount": "0.0001", "scope": {"model": "gpt-4o"}, "on_exceed": "reject"}))
        call(client)
        call(client)
        # An answer that names the alias itself is counted, and its name stopped from then on.
        stub.script("/v1/chat/completions", Reply(model="gpt-4o"))
        call(client)
        assert rejected(client).spent == CALL

    def test_names_that_an_app_invents_are_not_kept_for_ever(self) -> None:
        limits = Limits([Budget("all", 10**18, "quarter", {"model": "m"}, on_exceed="reject")])
        for number in range(3 * KNOWN):
            one = invocation(f"asked-{number}", cost=1, answered=f"m-{number}", department=f"d-{number}")
            limits.admit(one)
            limits.book(one)
        assert len(limits._answered) <= KNOWN
        assert len(limits._covering) <= KNOWN


class TestPeriod:
    """Calendar periods, half-open, by the time at which a call begins."""

    def test_the_end_of_the_period_lets_calls_through_again(self) -> None:
        """A day in Paris when clocks go back: 25 hours, from 22:00 UTC to 23:00 UTC."""
        paris = zoneinfo.ZoneInfo("Europe/Paris")
        day = Budget("day", 100, "day", {}, "Europe/Paris", paris, on_exceed="reject")
        now = [datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp()]
        limits = Limits([day], clock=lambda: now[0])
        limits.book(invocation(cost=100, started=now[0] - 0.001))
        limits.admit(invocation())
        limits.book(invocation(cost=99, started=now[0]))
        limits.admit(invocation())
        now[0] += 25 * 3600 - 0.001
        limits.book(invocation(cost=1, started=now[0]))
        with pytest.raises(genmeter.BudgetExceeded) as caught:
            limits.admit(invocation())
        assert caught.value.period_end.isoformat() == "2026-10-26T00:00:00+01:00"
        now[0] += 0.001
        limits.admit(invocation())

    def test_a_call_counts_in_the_period_in_which_it_began(self, caplog: pytest.LogCaptureFixture) -> None:
        """A stream over midnight is yesterday's; each day has a warning of its own."""
        midnight = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
        now = [midnight - 10]
        limits = Limits([Budget("day", 100, "day", on_exceed="reject")], clock=lambda: now[0])
        with caplog.at_level(logging.WARNING, logger="genmeter"):
            limits.book(invocation(cost=60, started=now[0]))
            now[0] = midnight + 10
            limits.book(invocation(cost=50, started=now[0]))
            limits.book(invocation(cost=40, started=midnight - 5))
            limits.admit(invocation())
            limits.book(invocation(cost=50, started=now[0]))
        with pytest.raises(genmeter.BudgetExceeded):
            limits.admit(invocation())
        assert ["ends at 2026-11-21" in line for line in said(caplog)] == [True, False]
        # A clock that is set back is in yesterday again, which is spent as well.
        now[0] = midnight - 1
        with pytest.raises(genmeter.BudgetExceeded) as caught:
            limits.admit(invocation())
        assert caught.value.spent == Decimal("0.000000000100")

    def test_a_real_call_goes_through_when_a_real_period_has_ended(
        self, tmp_path: Path, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        """In a time zone of its own, whose day ends in three seconds. A machine too slow for that tries another zone."""
        for attempt in range(20):
            ends = int(time.time()) + 3
            zone = f"Test/Zone{attempt}"
            write_zone(tmp_path / zone, -ends % 86400)
            zoneinfo.reset_tzpath(to=[str(tmp_path), *zoneinfo.TZPATH])
            try:
                row = {"amount": "0.0001", "period": "day", "time_zone": zone, "on_exceed": "reject"}
                meters(budgets=budgets(day=row))
                call(client)
                if until_it_goes_through(client) == ends:
                    assert time.time() >= ends
                    return
            finally:
                zoneinfo.reset_tzpath()
                genmeter.uninstrument()
        pytest.fail("twenty times, two calls took longer than three seconds")


def until_it_goes_through(client: OpenAI) -> float | None:
    """Calls until one is sent; the end of the period that the first refusal named."""
    named = None
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            call(client)
        except genmeter.BudgetExceeded as error:
            named = named or error.period_end.timestamp()
            time.sleep(0.02)
        else:
            return named
    pytest.fail(f"still rejected at {time.time()}, and the period ended at {named}")


class TestProcess:
    """Each process counts its own, from its start."""

    def test_a_forked_child_begins_at_nothing_and_the_parent_goes_on(self, stub: StubServer) -> None:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", FORK, stub.openai_url],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout.splitlines()[-1])
        # The parent had spent two calls of two; the child makes its own two, the parent's stream is the parent's.
        assert found == {"child": ["sent", "sent", "0.000295"], "parent": ["0.000295", "0.0004425"]}

    def test_uninstrumented_nothing_is_stopped_and_a_second_start_begins_anew(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        for _ in range(2):
            meters(budgets=budgets(all={"amount": "0.0001", "on_exceed": "reject"}))
            call(client)
            assert rejected(client).spent == CALL
            genmeter.uninstrument()
            call(client)
        assert len(stub.requests) == 4

    def test_a_bad_row_stops_instrument_with_file_line_and_reason(self, tmp_path: Path) -> None:
        file = tmp_path / "genmeter.toml"
        file.write_text('[budgets.a]\namount = "1"\nperiod = "day"\non_exceed = "stop"\n')
        with pytest.raises(BudgetsError) as caught:
            genmeter.instrument(settings=Settings.load({}, file))
        assert str(caught.value).startswith(f'{file}:4: budgets.a.on_exceed: \'stop\': write "warn" or "reject"')

    def test_a_bad_row_turns_the_meter_off_under_the_launcher_and_leaves_the_app_alone(
        self, stub: StubServer, client: OpenAI, caplog: pytest.LogCaptureFixture
    ) -> None:
        """As every other bad setting: one line of log, and calls as without genmeter."""
        settings = Settings(budgets=budgets(a={"amount": "1", "period": "year", "on_exceed": "reject"}))
        with caplog.at_level(logging.ERROR, logger="genmeter"):
            GenmeterInstrumentor().instrument(settings=settings)
        try:
            assert len(said(caplog)) == 1
            assert said(caplog)[0].startswith(
                "genmeter is off, nothing is metered: genmeter.toml:1: budgets.a.period: "
            )
            call(client)
        finally:
            GenmeterInstrumentor().uninstrument()
        assert len(stub.requests) == 1


FORK = """
import json, os, sys
import genmeter, openai
from genmeter.settings import BudgetTable, Settings
from genmeter.userkeys import UserKey
url = sys.argv[1]
row = {"amount": "0.000295", "period": "quarter", "on_exceed": "reject"}
sellers = {url.removeprefix("http://"): "openai"}
genmeter.instrument(settings=Settings(sellers=sellers, budgets=BudgetTable({"all": row}, "genmeter.toml", "")))
ask = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello!"}]}

def call(client):
    try:
        client.chat.completions.create(**ask)
        return "sent"
    except genmeter.BudgetExceeded as error:
        return str(error.spent)

client = openai.OpenAI(base_url=url, api_key="x")
stream = client.chat.completions.create(**ask, stream=True)
next(stream)
call(client)
call(client)
r, w = os.pipe()
if os.fork() == 0:
    mine = openai.OpenAI(base_url=url, api_key="x")
    del stream
    os.write(w, json.dumps([call(mine) for _ in range(3)]).encode())
    os._exit(0)
os.close(w)
child = json.loads(os.read(r, 65536))
os.wait()
before = call(client)
list(stream)
print(json.dumps({"child": child, "parent": [before, call(client)]}))
"""


def invocation(
    model: str = "gpt-4o",
    *,
    cost: int | None = None,
    started: float | None = None,
    answered: str | None = None,
    department: str | None = None,
) -> Invocation:
    """The record of one call as the stages see it; ``cost`` is pico-USD."""
    made = Invocation(names.CHAT, Seller("openai", "openai"), Request(model=model))
    made.attribution = Attribution(department=department)
    made.started = time.time() if started is None else started
    made.response = Response(model=answered)
    made.cost = Unpriced("no_usage") if cost is None else Cost(cost, (), "local", "", "")
    return made


def write_zone(path: Path, offset: int) -> None:
    """A zone file (RFC 8536, version 1) of one local time, ``offset`` seconds east of UTC."""
    path.parent.mkdir(parents=True, exist_ok=True)
    counts = b"".join(number.to_bytes(4, "big") for number in (0, 0, 0, 0, 1, 4))
    path.write_bytes(b"TZif" + bytes(16) + counts + offset.to_bytes(4, "big", signed=True) + bytes(2) + b"TST\0")
