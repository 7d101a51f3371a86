"""/api/budgets: the figures of ``genmeter budgets show``, as calls come, and the file's budgets as they change."""

from __future__ import annotations

import json
import logging
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from genmeter.budgets import Budget, budgets_of
from genmeter.ledger import Ledger
from genmeter.reports.registry import REPORTS
from genmeter.reports.report import Sources
from genmeter.server import BudgetFile
from genmeter.settings import Settings
from tests.ledger.otlp import INHERITED, ROOT, chat, span, traces
from tests.server.client import Client, scraped, served

DESK = {"genmeter__department": "support", "genmeter__application": "desk"}
SUPPORT = {"genmeter__department": "support"}
FILE = """
[budgets.all]
amount = "100"
period = "month"
owner = "ada"

[budgets.desk]
scope = { department = "support", application = "desk" }
amount = "2"
period = "month"
time_zone = "Europe/Paris"
thresholds = [50, 100, 120]

[budgets.sales]
scope = { department = "sales" }
amount = "5.50"
period = "day"
"""
NARROW = '[budgets.desk]\nscope = { application = "desk" }\namount = "1"\nperiod = "quarter"\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "genmeter.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def client(path: Path, file: Path) -> Iterator[Client]:
    """A service that follows the file."""
    with served(Ledger.open(path), budgets=BudgetFile(file, lambda: read(file))) as client:
        yield client


def read(file: Path) -> tuple[Budget, ...]:
    return budgets_of(Settings.load({}, file))


def batch(number: int, at: datetime, usd: float | None, **who: str) -> bytes:
    priced = {} if usd is not None else {"genmeter__cost__status": "unpriced"}
    attributes = chat(gen_ai__usage__cost__amount=usd, **priced, **who)
    started = round(at.timestamp() * 1_000_000) * 1000
    return traces(span(number, attributes, trace=number, started_ns=started, seconds=0.5)).SerializeToString()


def post(client: Client, number: int, usd: float, **who: str) -> None:
    assert client.post("/v1/traces", batch(number, datetime.now(UTC), usd, **who)).status == 200


def shown(file: Path, ledger: Path, at: str) -> list[dict[str, Any]]:
    """What ``genmeter budgets show --json`` says of that instant."""
    command = [sys.executable, "-m", "genmeter", "budgets", "show", "--json", "--at", at]
    inherited = {name: value for name, value in INHERITED.items() if not name.startswith(("OTEL_", "GENMETER_"))}
    done = subprocess.run(
        [*command, "--config", str(file), "--ledger", str(ledger)],
        cwd=ROOT, env=inherited, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    return json.loads(done.stdout)


def agree(document: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """Every figure of the command is in the document; the command rounds what is estimated to a millionth."""
    assert [one["id"] for one in document["budgets"]] == [row["id"] for row in rows[:-1]]
    for one, row in zip(document["budgets"], rows, strict=False):
        assert (one["period"], one["owner"], one["end"], one["unpriced"], one["currency"]) == (
            *(row["period"], row["owner"], row["ends"], row["unpriced"], row["currency"]),
        )
        exact = (one["amount"], one["spent"], one["left"])
        assert [Decimal(text) for text in exact] == [Decimal(row[key]) for key in ("limit", "spent", "left")]
        for ours, theirs in (("burn_a_day", "burn_a_day"), ("projected", "projected")):
            assert (one[ours] is None) == (row[theirs] is None)
            assert one[ours] is None or abs(Decimal(one[ours]) - Decimal(row[theirs])) <= Decimal("0.0000005")
        assert (None if one["days_left"] is None else str(one["days_left"])) == row["days_left"]
        reached = [level["percent"] for level in one["thresholds"] if level["reached"]]
        assert row["reached"] == (f"{reached[-1]}%" if reached else None)
    rest = document["unbudgeted"]
    assert (Decimal(rest["spent"]), rest["unpriced"], rest["end"]) == (
        *(Decimal(rows[-1]["spent"]), rows[-1]["unpriced"], rows[-1]["ends"]),
    )


def test_the_figures_are_the_hand_computed_ones_and_those_of_budgets_show(path: Path, file: Path) -> None:
    # 20.5 of November's 30 days (UTC) are over
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    with Ledger.open(path) as ledger:
        ledger.book_traces(batch(1, datetime(2026, 11, 2, tzinfo=UTC), 18.04, **SUPPORT))
        ledger.book_traces(batch(2, datetime(2026, 11, 21, 11, tzinfo=UTC), 2.46, **DESK))
        # the last hour of October in UTC, the first of November in Paris
        ledger.book_traces(batch(3, datetime(2026, 10, 31, 23, 30, tzinfo=UTC), 0.000000000001, **DESK))
        ledger.book_traces(batch(4, datetime(2026, 11, 3, tzinfo=UTC), None, **DESK))
        document = REPORTS["budgets"].ask(Sources(ledger, read(file)), {"at": at})
    everything, desk, sales = document["budgets"]
    # $20.50 in 20.5 days is $1 a day and $30 in the end; the $79.50 that are left last 79.5 days more
    assert everything == {
        "id": "all", "scope": {}, "owner": "ada", "period": "month", "time_zone": "UTC", "currency": "USD",
        "start": "2026-11-01T00:00:00+00:00", "end": "2026-12-01T00:00:00+00:00",
        "amount": "100.00", "spent": "20.50", "spent_percent": 20, "left": "79.50", "reached": None,
        "burn_a_day": "1.00", "projected": "30.00", "days_left": 79.5, "unpriced": 1, "across": "0.00",
        "thresholds": [
            {"percent": percent, "amount": f"{percent}.00", "reached": False} for percent in (50, 75, 90, 100)
        ],
    }  # fmt: skip
    assert (desk["start"], desk["end"]) == ("2026-11-01T00:00:00+01:00", "2026-12-01T00:00:00+01:00")
    assert (desk["spent"], desk["left"], desk["spent_percent"]) == ("2.460000000001", "-0.460000000001", 123)
    assert desk["scope"] == {"department": "support", "application": "desk"} and desk["owner"] is None
    assert desk["thresholds"] == [
        {"percent": 50, "amount": "1.00", "reached": True},
        {"percent": 100, "amount": "2.00", "reached": True},
        {"percent": 120, "amount": "2.40", "reached": True},
    ]
    assert desk["days_left"] == 0.0
    # half of the day is over and nothing spent: it will stay at nothing, and lasts for ever
    assert (sales["spent"], sales["burn_a_day"], sales["projected"], sales["days_left"]) == (
        "0.00",
        "0.00",
        "0.00",
        None,
    )
    assert document["unbudgeted"]["spent"] == "0.00" and "hint" not in document
    agree(document, shown(file, path, document["at"]))


def test_before_a_twentieth_of_the_period_what_is_foretold_is_null(path: Path, file: Path) -> None:
    # a twentieth of 30 days are 36 hours
    at = datetime(2026, 11, 2, 11, 59, 59, tzinfo=UTC)
    with Ledger.open(path) as ledger:
        ledger.book_traces(batch(1, datetime(2026, 11, 1, tzinfo=UTC), 1.5, **SUPPORT))
        document = REPORTS["budgets"].ask(Sources(ledger, read(file)), {"at": at})
    one = document["budgets"][0]
    assert (one["spent"], one["burn_a_day"], one["projected"], one["days_left"]) == ("1.50", None, None, None)
    agree(document, shown(file, path, document["at"]))


def day_of(hour: int, now: datetime) -> tuple[str, timedelta]:
    """A time zone in which it is between ``hour`` and the next now, and its offset."""
    offset = hour - now.hour
    offset += 24 if offset < -12 else -24 if offset > 12 else 0
    # the sign of these names is the other way round
    return f"Etc/GMT{-offset:+d}", timedelta(hours=offset)


def test_over_http_now_is_as_budgets_show_has_it_of_that_instant(client: Client, path: Path, file: Path) -> None:
    """One day that has just begun and one at noon, so that both kinds of answer are seen at any time."""
    now = datetime.now(UTC)
    zones = {"young": day_of(0, now), "noon": day_of(12, now)}
    file.write_text("".join(
        f'[budgets.{name}]\nscope = {{ application = "desk" }}\namount = "0.10"\nperiod = "day"\n'
        f'time_zone = "{zone}"\n'
        for name, (zone, _) in zones.items()
    ))  # fmt: skip
    calls = [(now - timedelta(hours=3), 0.5), (now - timedelta(hours=2), 0.02), (now, 0.072)]
    for number, (started, usd) in enumerate(calls, 1):
        assert client.post("/v1/traces", batch(number, started, usd, **DESK)).status == 200
    post(client, 9, 0.01)
    document = client.get("/api/budgets").json
    agree(document, shown(file, path, document["at"]))
    at = datetime.fromisoformat(document["at"])
    for one, (_, offset) in zip(document["budgets"], zones.values(), strict=True):
        local = (at + offset).replace(tzinfo=None)
        start = datetime(local.year, local.month, local.day, tzinfo=UTC) - offset
        assert datetime.fromisoformat(one["start"]) == start
        assert datetime.fromisoformat(one["end"]) == start + timedelta(days=1)
        spent = sum((Decimal(str(usd)) for started, usd in calls if start <= started), Decimal())
        assert (Decimal(one["spent"]), Decimal(one["left"])) == (spent, Decimal("0.1") - spent)
        assert one["spent_percent"] == spent * 1000 // 1
        assert [level["reached"] for level in one["thresholds"]] == [spent * 1000 >= p for p in (50, 75, 90, 100)]
    young, noon = document["budgets"]
    assert young["projected"] is None
    gone = Decimal((at - datetime.fromisoformat(noon["start"])) // timedelta(microseconds=1))
    projected = Decimal(noon["spent"]) * 86_400_000_000 / gone
    assert Decimal(noon["projected"]) == projected.quantize(Decimal("1e-12"), ROUND_DOWN)


def test_each_call_is_in_the_next_answer_and_what_no_budget_covers_is_told(client: Client, file: Path) -> None:
    file.write_text(NARROW)
    assert client.get("/api/budgets").json["budgets"][0]["spent"] == "0.00"
    post(client, 1, 0.25, **DESK)
    post(client, 1, 0.25, **DESK)
    post(client, 2, 0.125)
    document = client.get("/api/budgets").json
    assert (document["budgets"][0]["spent"], document["unbudgeted"]["spent"]) == ("0.25", "0.125")


def test_without_budgets_the_list_is_empty_and_a_hint_says_how_to_have_one() -> None:
    with served(Ledger.open()) as client:
        reply = client.get("/api/budgets")
    assert (reply.status, reply.json["budgets"], reply.json["unbudgeted"]) == (200, [], None)
    assert "[budgets.NAME]" in reply.json["hint"]


def test_a_scrape_and_the_page_read_the_ledger_once_while_nothing_comes(path: Path, file: Path) -> None:
    with served(Ledger.open(path), budgets=read(file)) as client:
        post(client, 1, 0.25, **DESK)
        client.get("/metrics")
        # a row that was read is not read again, or this would be seen
        raw = sqlite3.connect(path)
        with raw:
            raw.execute("UPDATE entries SET cost_pico = 0")
        raw.close()
        for _ in range(5):
            assert client.get("/api/budgets").json["budgets"][1]["spent"] == "0.25"
        post(client, 2, 0.5, **DESK)
        assert client.get("/api/budgets").json["budgets"][1]["spent"] == "0.75"


def test_a_changed_file_is_in_force_at_the_next_reading(client: Client, file: Path) -> None:
    post(client, 1, 0.25, **DESK)
    assert [one["id"] for one in client.get("/api/budgets").json["budgets"]] == ["all", "desk", "sales"]
    file.write_text(NARROW)
    limit = ("genmeter_budget_limit", (("application", "desk"), ("budget_id", "desk"), ("period", "quarter")))
    samples = scraped(client)
    assert {key: value for key, value in samples.items() if key[0] == limit[0]} == {limit: 1.0}
    # as editors save and secrets are mounted: another file takes the name
    other = file.with_name("next")
    other.write_text(NARROW.replace('"1"', '"2.50"'))
    other.rename(file)
    (raised,) = client.get("/api/budgets").json["budgets"]
    assert (raised["amount"], raised["spent"], raised["left"]) == ("2.50", "0.25", "2.25")
    file.write_text("")
    assert client.get("/api/budgets").json["budgets"] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('[budgets.all]\namount = "ten"\nperiod = "month"\n', ":2: budgets.all.amount: 'ten' is not an amount"),
        ('[budgets.all]\namount = "1', "not valid TOML"),
        ("[budgts]\n", "unknown table"),
        (b"\xff\xfe", "not valid TOML"),
        (None, "is gone"),
    ],
)
def test_a_broken_file_keeps_the_last_good_budgets_says_so_once_and_is_read_again_when_mended(
    client: Client, file: Path, caplog: pytest.LogCaptureFixture, content: str | bytes | None, reason: str
) -> None:
    caplog.set_level(logging.INFO, "genmeter")
    good = ("genmeter_ledger_config_last_reload_successful", ())
    assert scraped(client)[good] == 1
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    for _ in range(3):
        assert [one["id"] for one in client.get("/api/budgets").json["budgets"]] == ["all", "desk", "sales"]
        assert scraped(client)[good] == 0
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert str(file) in said and reason in said and said.endswith("the last good budgets stay in force")
    file.write_text(NARROW)
    assert scraped(client)[good] == 1
    assert [one["amount"] for one in client.get("/api/budgets").json["budgets"]] == ["1.00"]
    assert any("read anew" in record.getMessage() for record in caplog.records)


def test_the_page_reads_nothing_that_the_answer_does_not_have(client: Client) -> None:
    script = files("genmeter.server.page").joinpath("budgets.js").read_text()
    document = client.get("/api/budgets").json
    assert set(re.findall(r"\bbudget\.(\w+)", script)) <= document["budgets"][0].keys()
    assert set(re.findall(r"\blevel\.(\w+)", script)) <= document["budgets"][0]["thresholds"][0].keys()
    assert set(re.findall(r"\bunbudgeted\.(\w+)", script)) <= document["unbudgeted"].keys()
    assert len(set(re.findall(r"\bbudget\.(\w+)", script))) > 10
