"""POST /v1/reservations: processes that share a budget, over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from genmeter.budgets import Budget, parse
from genmeter.ledger import Ledger
from genmeter.settings import OwnTable
from tests.ledger.otlp import chat, span, traces
from tests.server.client import Client, Reply, served

HOLDER = "0123456789abcdef" * 2
ROW = {"amount": "1.00", "period": "month", "on_exceed": "reject", "shared": True, "reserve": "0.01"}


def budgets(**rows: dict[str, Any]) -> tuple[Budget, ...]:
    return parse(OwnTable(rows or {"team": ROW}, "genmeter.toml", ""))


def month() -> int:
    now = datetime.now(UTC)
    return round(datetime(now.year, now.month, 1, tzinfo=UTC).timestamp())


def wish(**more: Any) -> dict[str, Any]:
    report = {"start": month(), "used": "0.25", "keep": "0", "largest": "0.01"}
    return {"periods": [report], "waiting": 1, "ahead": 0, **more}


def ask(client: Client, *, turn: int = 1, holder: str = HOLDER, **wishes: Any) -> Reply:
    body = json.dumps({"holder": holder, "turn": turn, "budgets": wishes or {"team": wish()}})
    return client.post("/v1/reservations", body.encode(), Content_Type="application/json")


@pytest.fixture
def client() -> Iterator[Client]:
    with served(Ledger.open(), budgets=budgets()) as made:
        yield made


class TestRequest:
    """One request and its answer."""

    def test_it_is_told_what_all_have_used_and_granted_a_slot(self, client: Client) -> None:
        assert ask(client).json == {
            "lease": 30,
            "budgets": {
                "team": {
                    "start": month(),
                    "slots": 1,
                    "slot": "0.01",
                    "amount": "1.00",
                    "spent": "0.25",
                    "held": "0.01",
                }
            },
        }

    def test_booked_calls_count_too(self, client: Client) -> None:
        call = span(1, chat(gen_ai__usage__cost__amount=0.9), started_ns=time.time_ns() - 10**9)
        assert client.post("/v1/traces", traces(call).SerializeToString()).status == 200
        assert ask(client).json["budgets"]["team"]["spent"] == "0.90"

    @pytest.mark.parametrize(
        ("name", "row", "words"),
        [
            ("other", None, "no budget of this name"),
            ("alone", {"amount": "1", "period": "day"}, "is not shared"),
            (
                "daily",
                {**ROW, "period": "day", "time_zone": "Pacific/Kiritimati"},
                "no period of this budget begins at",
            ),
        ],
    )
    def test_a_budget_that_cannot_be_reserved_says_why_and_the_others_are_answered(
        self, name: str, row: dict[str, Any] | None, words: str
    ) -> None:
        rows = {"team": ROW, **({} if row is None else {name: row})}
        with served(Ledger.open(), budgets=budgets(**rows)) as client:
            answers = ask(client, **{name: wish(), "team": wish()}).json["budgets"]
        assert words in answers[name]["error"] and answers["team"]["slots"] == 1

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"{",
            b"[" * 60_000,
            b'{"holder": "x", "turn": 1, "budgets": {}}',
            *(
                json.dumps({"holder": HOLDER, "turn": 1, "budgets": {"team": wish(**odd)}}).encode()
                for odd in (
                    {"periods": []},
                    {"periods": "x"},
                    {"periods": [{"start": "now"}]},
                    {"waiting": -1},
                    {"waiting": 1.5},
                    {"waiting": True},
                    {"ahead": 10**30},
                    *({"periods": [{"start": 0, "used": used}]} for used in (1, "-1", "1e9", "NaN", "9" * 5_000)),
                )
            ),
        ],
    )
    def test_a_body_that_is_no_such_request_is_a_400_that_says_what_to_write(self, client: Client, body: bytes) -> None:
        reply = client.post("/v1/reservations", body, Content_Type="application/json")
        assert reply.status == 400 and reply.json["error"]
        assert ask(client).status == 200

    def test_other_methods_are_told_to_post(self, client: Client) -> None:
        assert client.get("/v1/reservations").status == 405

    def test_it_takes_the_token_of_senders(self) -> None:
        from genmeter.server.access import Keys

        with served(Ledger.open(), budgets=budgets(), token=Keys(write="w", read="r")) as client:
            body = json.dumps({"holder": HOLDER, "turn": 1, "budgets": {}}).encode()
            status = {
                token: client.post("/v1/reservations", body, Authorization=f"Bearer {token}").status for token in "wrx"
            }
        assert status == {"w": 200, "r": 401, "x": 401}

    def test_reports_outlive_the_service(self, tmp_path: Path) -> None:
        for turn in (1, 2):
            with served(Ledger.open(tmp_path / "ledger.db"), budgets=budgets()) as client:
                spent = ask(client, turn=turn).json["budgets"]["team"]["spent"]
        assert spent == "0.25"


PROCESS = """
import random, sys, time
from genmeter import names
from genmeter.metering.payers.limits import BudgetExceeded, limits_for
from genmeter.model import Cost, Invocation, Request, Seller
from genmeter.settings import OwnTable

url, seed, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
row = {"amount": "1.00", "period": "month", "on_exceed": "reject", "shared": True}
limits = limits_for(OwnTable({"team": row}, "genmeter.toml", ""), dict, service=url)
chance, spent, waits = random.Random(seed), 0, []
for _ in range(most):
    call = Invocation(names.CHAT, Seller("openai", "openai"), Request(model="m"), started=time.time())
    before = time.perf_counter()
    try:
        limits.admit(call)
    except BudgetExceeded as refusal:
        if refusal.spent >= refusal.amount:
            break
        continue  # others hold the rest
    waits.append(time.perf_counter() - before)
    time.sleep(0.002)
    call.cost = Cost(chance.randrange(10**9, 3 * 10**9), (), "local", "", "")
    spent += call.cost.total
    limits.book(call)
    if spent and seed < 0:
        print("under way", flush=True)
        limits.admit(call)
        time.sleep(600)
print(spent, sorted(waits)[len(waits) // 2] if waits else 0.0, flush=True)
"""


def start(client: Client, seed: int, most: int = 10_000) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROCESS, client.url, str(seed), str(most)], stdout=subprocess.PIPE, text=True
    )


class TestManyProcesses:
    """Each call of each process reserves first."""

    def test_fifty_processes_on_one_budget_are_over_by_less_than_one_call(self, tmp_path: Path) -> None:
        """A call costs at most 0.003 USD, three times what a call reserves before the first is known."""
        with served(Ledger.open(tmp_path / "ledger.db"), budgets=budgets(team={**ROW, "reserve": "0.003"})) as client:
            processes = [start(client, seed) for seed in range(50)]
            ends = [one.communicate(timeout=170)[0].split() for one in processes]
            known = ask(client).json["budgets"]["team"]
        spent = sum(int(end[0]) for end in ends)
        assert 10**12 - 3 * 10**9 < spent <= 10**12 + 3 * 10**9
        # ours above says that it used 0.25, and all that the fifty have used was told by the time they ended
        assert Decimal(known["spent"]) == Decimal(spent) / 10**12 + Decimal("0.25")

    def test_a_slot_at_hand_costs_the_call_less_than_fifty_microseconds(self, client: Client) -> None:
        out, _ = start(client, 1, most=90).communicate(timeout=60)
        assert float(out.split()[1]) < 50e-6

    def test_what_a_killed_process_held_is_free_when_its_lease_ends(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("genmeter.server.reservations.LEASE_NS", 3 * 10**9)
        monkeypatch.setattr("genmeter.ledger.reserving.LEASE_NS", 3 * 10**9)
        killed = start(client, -1)
        assert killed.stdout is not None and killed.stdout.readline() == "under way\n"
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
        killed.stdout.close()
        assert Decimal(ask(client, turn=1).json["budgets"]["team"]["held"]) > Decimal("0.01")
        time.sleep(3)
        assert ask(client, turn=2).json["budgets"]["team"]["held"] == "0.01"
