"""Budgets that several applications share: each call reserves its money at the ledger service before it is sent.

One chat of the stub costs 147.5 millionths of a dollar (see ``test_budgets.py``).
"""

from __future__ import annotations

import asyncio
import calendar
import gc
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError, OpenAI

import genmeter
from genmeter.budgets import BudgetsError, parse
from genmeter.ledger import Ledger
from genmeter.settings import OwnTable, Settings
from tests.stub import Reply, StubServer

from .conftest import MeterFactory
from .sdk import HELLO

pytest.importorskip("prometheus_client", reason="the service is run beside the newest SDKs alone")
from tests.server.client import Client, served

CALL = Decimal("0.0001475")
ROW: dict[str, Any] = {"amount": "0.000295", "period": "quarter", "on_exceed": "reject", "shared": True}
"""Two calls."""


def table(**changes: Any) -> OwnTable:
    row = {name: value for name, value in {**ROW, **changes}.items() if value is not None}
    return OwnTable({"team": row}, "genmeter.toml", "")


def call(client: OpenAI) -> None:
    client.chat.completions.create(model="gpt-4o", messages=HELLO)


def held(service: Client) -> str:
    """What is held now, as a process that holds nothing is told."""
    body = {"holder": os.urandom(16).hex(), "turn": 1, "budgets": {"team": {"periods": [quarter()]}}}
    reply = service.post("/v1/reservations", json.dumps(body).encode(), Content_Type="application/json")
    return reply.json["budgets"]["team"]["held"]


def quarter() -> dict[str, Any]:
    now = time.gmtime()
    return {"start": calendar.timegm((now.tm_year, (now.tm_mon - 1) // 3 * 3 + 1, 1, 0, 0, 0))}


def until_held(service: Client, amount: str) -> None:
    """Return once this much is held; a process tells it within a second or two."""
    deadline = time.monotonic() + 30
    while (found := held(service)) != amount:
        assert time.monotonic() < deadline, f"{found} is held, and not {amount}"
        time.sleep(0.05)


@pytest.fixture
def service() -> Iterator[Client]:
    with served(Ledger.open(), budgets=parse(table())) as made:
        yield made


def nobody() -> str:
    """An address where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


ELSEWHERE = """
import sys, openai, genmeter
from genmeter.settings import OwnTable, Settings
url, service, amount = sys.argv[1:]
row = {"amount": amount, "period": "quarter", "on_exceed": "reject", "shared": True}
sellers = {url.removeprefix("http://"): "openai"}
table = OwnTable({"team": row}, "genmeter.toml", "")
genmeter.instrument(settings=Settings(sellers=sellers, budgets=table, reservations=service))
client = openai.OpenAI(base_url=url, api_key="x")
client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello!"}])
"""


FORK = """
import os
child = os.fork()
if child == 0:
    client = openai.OpenAI(base_url=url, api_key="x")
    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello!"}])
    try:
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Hello!"}])
    except genmeter.BudgetExceeded as error:
        print(error.spent)
    sys.stdout.flush()
    os._exit(0)
os.waitpid(child, 0)
"""


class TestOneBudgetOfTwoProcesses:
    """What one has spent, the other has not."""

    def test_the_calls_of_another_process_stop_this_one(
        self, service: Client, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        meters(budgets=table(), reservations=service.url)
        call(client)
        subprocess.run(
            [sys.executable, "-c", ELSEWHERE, stub.openai_url, service.url, "0.000295"], check=True, timeout=60
        )
        sent = len(stub.requests)
        with pytest.raises(genmeter.BudgetExceeded) as caught:
            call(client)
        error = caught.value
        assert (error.spent, error.amount, error.reserved) == (2 * CALL, 2 * CALL, 0) and len(stub.requests) == sent
        assert "all applications together have used 0.000295 of 0.000295 USD" in str(error)

    def test_warn_tells_once_that_all_together_have_spent_it_and_calls_go_on(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI, caplog: pytest.LogCaptureFixture
    ) -> None:
        warns = table(on_exceed="warn")
        with served(Ledger.open(), budgets=parse(warns)) as service:
            subprocess.run(
                [sys.executable, "-c", ELSEWHERE, stub.openai_url, service.url, "0.000295"], check=True, timeout=60
            )
            meters(budgets=warns, reservations=service.url)
            with caplog.at_level(logging.WARNING, logger="genmeter"):
                call(client)
                call(client)
                deadline = time.monotonic() + 30
                while not caplog.records and time.monotonic() < deadline:
                    time.sleep(0.05)
        (record,) = caplog.records
        assert "all applications together have used 0.000" in record.getMessage()
        assert "calls go on, as its on_exceed is warn" in record.getMessage()


class TestRelease:
    """What is held for a call is free again when the call ends, however it ends."""

    def test_a_refused_call_gives_its_money_back(
        self, service: Client, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        meters(budgets=table(), reservations=service.url)
        stub.script("/chat/completions", *[Reply(400)] * 6)
        for _ in range(6):
            with pytest.raises(BadRequestError):
                call(client)
        until_held(service, "0.00")

    def test_a_stream_that_is_never_read_gives_its_money_back_when_it_goes(
        self, service: Client, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        meters(budgets=table(), reservations=service.url)
        stream = client.chat.completions.create(model="gpt-4o", messages=HELLO, stream=True)
        assert Decimal(held(service)) > 0
        del stream
        gc.collect()
        until_held(service, "0.00")

    def test_a_process_that_ends_gives_all_back_at_once(self, service: Client, stub: StubServer) -> None:
        subprocess.run(
            [sys.executable, "-c", ELSEWHERE, stub.openai_url, service.url, "0.000295"], check=True, timeout=60
        )
        assert held(service) == "0.00"


class TestUnreachable:
    """The service does not answer: what each application does is its own setting."""

    def test_local_keeps_to_the_amount_by_itself_and_says_so_once(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI, caplog: pytest.LogCaptureFixture
    ) -> None:
        meters(budgets=table(), reservations=nobody())
        with caplog.at_level(logging.WARNING, logger="genmeter"):
            call(client)
            call(client)
            with pytest.raises(genmeter.BudgetExceeded) as caught:
                call(client)
        assert caught.value.reserved is None and caught.value.spent == 2 * CALL
        unreachable = [one for one in caplog.records if "says nothing about the budget 'team'" in one.getMessage()]
        assert len(unreachable) == 1 and len(stub.requests) == 2

    def test_reject_sends_nothing(self, stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
        meters(budgets=table(unreachable="reject"), reservations=nobody())
        with pytest.raises(genmeter.BudgetUnreachable, match="'team' .*Connection refused.*unreachable is reject"):
            call(client)
        assert stub.requests == []

    def test_an_event_loop_is_held_up_for_a_tenth_of_a_second_at_most(
        self, stub: StubServer, meters: MeterFactory
    ) -> None:
        """The service takes the connection and never answers."""
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            meters(budgets=table(), reservations=f"http://127.0.0.1:{silent.getsockname()[1]}")
            gaps: list[float] = []

            async def main() -> None:
                async def tick() -> None:
                    while True:
                        before = time.perf_counter()
                        await asyncio.sleep(0)
                        gaps.append(time.perf_counter() - before)

                ticking = asyncio.ensure_future(tick())
                await asyncio.sleep(0)
                async with AsyncOpenAI(base_url=stub.openai_url, api_key="x") as made:
                    await made.chat.completions.create(model="gpt-4o", messages=HELLO)
                ticking.cancel()

            asyncio.run(main())
        # the patience is 0.1; beyond a second the loop would have waited for the service's time-out of 5
        assert 0.09 < max(gaps) < 1

    def test_a_service_without_the_budget_counts_as_unreachable_and_the_reason_is_told(
        self, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        with served(Ledger.open()) as service:
            meters(budgets=table(unreachable="reject"), reservations=service.url)
            with pytest.raises(genmeter.BudgetUnreachable, match="no budget of this name"):
                call(client)


class TestSettings:
    """What the file says, and what is wrong in it."""

    def test_the_file_names_the_service_and_its_token(self, tmp_path: Path) -> None:
        file = tmp_path / "genmeter.toml"
        file.write_text('[reservations]\nurl = "http://ledger:4318/"\ntoken_file = "/run/token"\n')
        settings = Settings.load({}, file)
        assert (settings.reservations, settings.reservations_token_file) == ("http://ledger:4318", "/run/token")

    def test_an_address_with_a_password_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(genmeter.GenmeterError, match="without a password"):
            Settings.load({"GENMETER_RESERVATIONS": "http://me:secret@ledger:4318"})

    def test_a_shared_budget_without_a_service_stops_instrument_and_says_what_to_write(self) -> None:
        with pytest.raises(BudgetsError, match=r"budgets.team.shared: .* write url = .* below \[reservations\]"):
            genmeter.instrument(settings=Settings(budgets=table()))

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"shared": "yes"}, "write true or false"),
            ({"on_exceed": None}, "a shared budget needs on_exceed"),
            ({"shared": None, "reserve": "1"}, "reserve is for a shared budget"),
            ({"shared": False, "unreachable": "local"}, "unreachable is for a shared budget"),
            ({"reserve": "0"}, "the reserve must be above zero"),
            ({"reserve": 1}, "1 is not an amount"),
            ({"unreachable": "allow"}, 'write "local"'),
        ],
    )
    def test_a_wrong_row_says_what_to_write(self, changes: dict[str, Any], words: str) -> None:
        with pytest.raises(BudgetsError, match=words):
            parse(table(**changes))

    def test_the_token_is_sent_and_read_again_when_it_changes(
        self, tmp_path: Path, stub: StubServer, meters: MeterFactory, client: OpenAI
    ) -> None:
        token = tmp_path / "token"
        token.write_text("one\n")
        with served(Ledger.open(), budgets=parse(table()), token="two") as service:
            meters(budgets=table(unreachable="reject"), reservations=service.url, reservations_token_file=str(token))
            with pytest.raises(genmeter.BudgetUnreachable, match="HTTP 401"):
                call(client)
            token.write_text("two\n")
            time.sleep(0.1)
            call(client)


def test_a_forked_child_holds_nothing_of_its_parent_and_reserves_under_a_name_of_its_own(
    service: Client, stub: StubServer
) -> None:
    run = subprocess.run(
        [sys.executable, "-c", ELSEWHERE + FORK, stub.openai_url, service.url, "0.000295"],
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert run.stdout.strip() == "0.000295"
