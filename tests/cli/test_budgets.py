"""``genmeter budgets``: what it understood, how the budgets stand, and a bad file that stops every start."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from genmeter.ledger import Ledger
from tests.ledger.otlp import SECOND, chat, span, traces

FILE = """
[budgets.support]
scope = { department = "support" }
amount = "10"
period = "month"
owner = "ada"
on_exceed = "reject"

[budgets.desk]
scope = { department = "support", application = "desk" }
amount = "0.10"
period = "day"
time_zone = "Europe/Paris"
thresholds = [80, 100]
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "genmeter.toml"
    path.write_text(FILE)
    return path


@pytest.fixture
def ledger(tmp_path):
    """Ten cents for the desk and $1.94 for support beside it, on 25 October, and 5 cents that nobody claims."""
    path = tmp_path / "l.db"
    day = round(datetime(2026, 10, 25, tzinfo=UTC).timestamp())
    desk = {"genmeter__department": "support", "genmeter__application": "desk"}
    with Ledger.open(path) as opened:
        for number, (hour, usd, who) in enumerate(
            # 22:30 UTC is 23:30 in Paris, still the 25th: it has 25 hours
            [(12, 0.04, desk), (22.5, 0.06, desk), (23, 0.5, desk), (1, 1.44, {"genmeter__department": "support"})],
            1,
        ):
            started = (day + round(hour * 3600)) * SECOND
            opened.book_traces(traces(span(number, chat(gen_ai__usage__cost__amount=usd, **who), started_ns=started)))
        opened.book_traces(traces(span(9, chat(gen_ai__usage__cost__amount=0.05), started_ns=(day + 60) * SECOND)))
    return path


def test_check_says_what_it_understood(genmeter, file):
    done = genmeter("budgets", "check", "--config", file, "--json")
    assert done.returncode == 0, done.stderr
    support, desk = json.loads(done.stdout)
    assert support == {
        "id": "support", "scope": "department=support", "owner": "ada", "amount": "10.00", "currency": "USD",
        "period": "month", "time_zone": "UTC", "thresholds": "50 75 90 100", "on_exceed": "reject",
    }  # fmt: skip
    assert (desk["scope"], desk["owner"], desk["time_zone"], desk["thresholds"], desk["on_exceed"]) == (
        *("department=support application=desk", None),
        *("Europe/Paris", "80 100", None),
    )


def test_show_has_exact_money_and_what_no_budget_covers(genmeter, file, ledger):
    asked = ("budgets", "show", "--config", file, "--ledger", ledger, "--at", "2026-10-25T23:00+01:00")
    support, desk, rest = json.loads(genmeter(*asked, "--json").stdout)
    # 22:00 UTC: 24 of the day's 25 hours are over; the call of 22:30 is still to come
    assert (desk["spent"], desk["left"], desk["reached"], desk["ends"]) == (
        *("0.04", "0.06", None),
        "2026-10-26T00:00:00+01:00",
    )
    # 4 cents in 24 hours: 4 cents a day, 4 x 25/24 = 4.1667 cents in the end, 1.5 days until 6 more are gone
    assert (desk["burn_a_day"], desk["projected"], desk["days_left"]) == ("0.04", "0.041667", "1.5")
    # 1.44 + 0.04 in 24 days and 22 hours of 31 days: 598 of 744 hours
    assert (support["spent"], support["left"], support["limit"]) == ("1.48", "8.52", "10.00")
    assert (support["burn_a_day"], support["projected"]) == ("0.059398", "1.841338")
    assert (rest["id"], rest["period"], rest["spent"], rest["limit"]) == ("(no budget)", "month", "0.05", None)


def test_the_last_hour_of_a_day_of_25_is_in_it_and_reaches_the_limit(genmeter, file, ledger):
    asked = ("budgets", "show", "--config", file, "--ledger", ledger, "--at", "2026-10-25T22:59:59Z", "--csv")
    rows = list(csv.DictReader(io.StringIO(genmeter(*asked).stdout.decode())))
    assert (rows[1]["spent"], rows[1]["left"], rows[1]["reached"], rows[1]["days_left"]) == (
        *("0.10", "0.00"),
        *("100%", "0.0"),
    )
    lines = genmeter(*asked[:-1]).stdout.decode().splitlines()
    assert lines[0].split()[:7] == ["id", "scope", "owner", "period", "ends", "limit", "spent"]
    assert lines[2].startswith("support") and lines[4].startswith("(no budget)")


@pytest.mark.parametrize(
    "command",
    [("budgets", "check"), ("budgets", "show"), ("serve", "--port", "0"), ("dev",), ("run", "--", "python", "-V")],
    ids=" ".join,
)
def test_a_bad_file_stops_the_start_by_file_line_and_reason(genmeter, file, command):
    file.write_text(FILE.replace('"0.10"', '"ten cents"'))
    done = genmeter(*command, env={"GENMETER_CONFIG": str(file)})
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"{file}:11: budgets.desk.amount: 'ten cents' is not an amount" in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_without_a_file_it_is_said_where_the_file_was_looked_for(genmeter):
    done = genmeter("budgets", "show")
    assert done.returncode == 1
    assert f"there is no file {Path.cwd() / 'genmeter.toml'}; make it" in done.stderr.decode()


def test_without_budgets_or_a_ledger_one_line_says_what_to_do(genmeter, file, tmp_path):
    missing = genmeter("budgets", "show", "--config", file, "--ledger", tmp_path / "no.db")
    assert missing.returncode == 1 and b"no ledger at" in missing.stderr
    assert not (tmp_path / "no.db").exists()
    file.write_text("")
    none = genmeter("budgets", "check", "--config", file)
    assert f"{file} has no budgets;" in none.stderr.decode()
    assert none.returncode == 1 and b"write [budgets.NAME] with amount and period" in none.stderr
