"""The budgets at /metrics: exact, by budget, as calls come, and nothing where there are none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from genmeter.budgets import Budget, parse
from genmeter.ledger import Ledger
from genmeter.settings import BudgetTable
from tests.ledger.otlp import INHERITED, ROOT, SECOND, chat, span, traces
from tests.server.client import Client, scraped, served

DESK = {"amount": "0.10", "period": "month", "owner": "ada", "scope": {"application": "desk"}, "thresholds": [50, 100]}
LABELS = (("application", "desk"), ("budget_id", "desk"), ("owner", "ada"), ("period", "month"))


def budgets(**rows: dict[str, Any]) -> tuple[Budget, ...]:
    return parse(BudgetTable(rows, "genmeter.toml", ""))


def post(client: Client, number: int, usd: float, **changes: str) -> None:
    attributes = chat(gen_ai__usage__cost__amount=usd, **changes)
    batch = traces(span(number, attributes, started_ns=time.time_ns() - SECOND, seconds=0.5))
    assert client.post("/v1/traces", batch.SerializeToString()).status == 200


def gauges(client: Client) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for (name, labels), value in scraped(client).items():
        if name.startswith("genmeter_budget_"):
            found.setdefault(name.removeprefix("genmeter_budget_"), {})[labels] = value
    return found


def away_from_the_ends_of_a_month() -> datetime:
    """Now, in UTC; a month that ends during the test would begin again at nothing."""
    now = datetime.now(UTC)
    if (now + timedelta(seconds=30)).month != now.month or (now - timedelta(seconds=5)).month != now.month:
        pytest.skip("the month ends right now")
    return now


def test_spent_follows_each_call_once_and_the_rest_is_unbudgeted() -> None:
    away_from_the_ends_of_a_month()
    with served(Ledger.open(), budgets=budgets(desk=DESK)) as client:
        assert (gauges(client)["spent"], gauges(client)["unbudgeted"]) == ({LABELS: 0}, {(): 0})
        post(client, 1, 0.03, genmeter__application="desk")
        assert gauges(client)["spent"] == {LABELS: 0.03}
        post(client, 1, 0.03, genmeter__application="desk")
        post(client, 2, 0.02)
        found = gauges(client)
        assert (found["spent"], found["unbudgeted"]) == ({LABELS: 0.03}, {(): 0.02})
        assert found["limit"] == {LABELS: 0.1}
        assert found["threshold"] == {(*LABELS, ("threshold", "50")): 0.05, (*LABELS, ("threshold", "100")): 0.1}


def test_the_period_ends_with_the_calendar_month_and_the_projection_is_by_the_time_that_has_gone() -> None:
    now = away_from_the_ends_of_a_month()
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    end = (start + timedelta(days=32)).replace(day=1)
    with served(Ledger.open(), budgets=budgets(desk=DESK)) as client:
        post(client, 1, 0.03, genmeter__application="desk")
        before = datetime.now(UTC)
        found = gauges(client)
        after = datetime.now(UTC)
    assert found["period_end_seconds"] == {LABELS: end.timestamp()}
    if (after - start) * 20 < end - start:
        # the first 36 hours of a month: too early to say
        assert "projected" not in found
        return
    most, least = ((0.03 * ((end - start) / (at - start))) for at in (before, after))
    assert least - 1e-9 <= found["projected"][LABELS] <= most + 1e-9


def test_every_gauge_has_the_listed_name_and_no_label_that_is_not_listed() -> None:
    listed = json.loads((ROOT / "tests" / "vectors" / "names.json").read_text(encoding="utf-8"))["ledger_metrics"]
    scope = dict.fromkeys(("department", "application", "model", "provider", "environment"), "x")
    day = {"amount": "1", "period": "day", "owner": "ada", "scope": scope}
    with served(Ledger.open(), budgets=budgets(day=day)) as client:
        families = {one.name: one for one in text_string_to_metric_families(client.get("/metrics").body.decode())}
    ours = {name for name in families if name.startswith("genmeter_budget_")}
    named = {row["name"].replace(".", "_") + ("_seconds" if row["unit"] == "s" else ""): row for row in listed}
    assert ours == named.keys()
    for name, row in named.items():
        assert families[name].type == "gauge"
        assert all(set(sample.labels) == set(row["labels"]) for sample in families[name].samples), name


def test_no_gauge_has_a_user_for_a_label() -> None:
    row = {"amount": "1", "period": "day", "scope": {"user": "u-0123456789abcdef0123456789abcdef", "department": "x"}}
    with served(Ledger.open(), budgets=budgets(ada=row)) as client:
        families = text_string_to_metric_families(client.get("/metrics").body.decode())
        labels = [sample.labels for one in families for sample in one.samples if one.name == "genmeter_budget_limit"]
    assert labels == [{"budget_id": "ada", "period": "day", "department": "x"}]


def test_without_budgets_there_are_no_gauges_of_them() -> None:
    with served(Ledger.open()) as client:
        assert gauges(client) == {}


@pytest.mark.parametrize("command", ["serve", "dev"])
def test_the_services_read_the_budgets_of_the_file_at_their_start(tmp_path: Path, command: str) -> None:
    (tmp_path / "genmeter.toml").write_text('[budgets.all]\namount = "5"\nperiod = "week"\n')
    clean = {name: value for name, value in INHERITED.items() if not name.startswith(("OTEL_", "GENMETER_"))}
    line = [sys.executable, "-m", "genmeter", command, "--port", "0", "--ledger", str(tmp_path / "l.db")]
    clean["PATH"] = os.environ["PATH"]
    with subprocess.Popen(line, cwd=tmp_path, env=clean, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[1]
            direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            text = direct.open(f"{url}/metrics", timeout=10).read().decode()
        finally:
            process.terminate()
            process.wait(20)
    assert 'genmeter_budget_limit{budget_id="all",period="week"} 5.00\n' in text
