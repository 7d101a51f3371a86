"""Each report of the registry is a command, a route of the read API and a view of the page, with the same figures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import get_args
from urllib.parse import urlencode

import pytest

from genmeter.cli.main import COMMANDS
from genmeter.ledger import Ledger
from genmeter.reports import document
from genmeter.reports.dimensions import DIMENSIONS
from genmeter.reports.registry import REPORTS
from genmeter.reports.report import Kind
from tests.ledger.otlp import NOON, SECOND, chat, span, traces
from tests.server.client import Client, served

DRAWN = {name: report.command or name for name, report in REPORTS.items() if name not in ("budgets", "chargeback")}
"""Report → its command. The two others read a file too: tests/server/test_budgets_api.py and test_readers.py compare them."""
NOTHING = {"gen_ai__usage__cost__amount": None}
FAILED = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two calls of the search, one in euros; one without a price; two that failed in the same way and one that did not."""
    path = tmp_path / "l.db"
    with Ledger.open(path, run="r1") as ledger:
        shop = {"genmeter__application": "search", "genmeter__department": "shop"}
        euros = {"gen_ai__usage__cost__currency": "EUR", "gen_ai__usage__cost__amount": 2.0}
        unpriced = {"genmeter__cost__status": "unpriced", "genmeter__cost__reason": "unknown_model"}
        ledger.book_traces(traces(span(1, chat(**shop)), span(2, chat(**shop, **euros))))
        ledger.book_traces(traces(span(3, chat(**NOTHING, **unpriced, gen_ai__response__model="house-7b"))))
        ledger.book_traces(
            traces(
                span(4, {**FAILED, "error.type": "RateLimitError"}, failed=True),
                span(5, {**FAILED, "error.type": "RateLimitError"}, failed=True, started_ns=NOON + 60 * SECOND),
                span(6, {**FAILED, "error.type": "timeout", "gen_ai.usage.cost.amount": 0.5,
                         "gen_ai.usage.cost.currency": "USD", "gen_ai.usage.input_tokens": 5}, failed=True),
            )
        )  # fmt: skip
    return path


@pytest.fixture
def client(path: Path):
    with served(Ledger.open(path)) as client:
        yield client


def drawn(answer: dict, rows: str) -> list[dict]:
    """The rows of an answer as a page draws them: each column's value by its path."""
    found = []
    for row in answer[rows]:
        line = {}
        for column in answer["columns"]:
            value = row
            for level in (column["path"] or column["name"]).split("."):
                value = value.get(level) if isinstance(value, dict) else None
            line[column["name"]] = value
        found.append(line)
    return found


@pytest.mark.parametrize("name", DRAWN)
def test_the_command_and_the_route_of_a_report_have_the_same_figures(genmeter, client: Client, path: Path, name: str):
    if name == "coding":
        by_an_agent = traces(span(7, chat(user__id="ada")))
        by_an_agent.resource_spans[0].scope_spans[0].scope.name = "com.anthropic.claude_code.tracing"
        with Ledger.open(path) as ledger:
            ledger.book_traces(by_an_agent)
    answer = client.get(f"/api/{name}").json
    done = genmeter(DRAWN[name], "--ledger", path, "--json")
    assert done.returncode == 0, done.stderr
    lines, rows = json.loads(done.stdout), drawn(answer, REPORTS[name].rows)
    assert rows
    for column in answer["columns"]:
        theirs, ours = ([row[column["name"]] for row in found] for found in (lines, rows))
        if column["kind"] in ("key", "text"):
            assert set(theirs) == set(ours), column
        elif column["kind"] == "count":
            # a row has a line of the command for each of its currencies, and its counts in the first of them
            assert [count for count in theirs if count is not None] == [count for count in ours if count is not None]
        elif column["kind"] == "cost":
            amounts = [(line["currency"], line["cost"]) for line in lines if line["cost"] is not None]
            assert amounts == [amount for cost in ours for amount in cost.items()]


def test_the_page_is_told_of_every_report_and_of_every_dimension(client: Client):
    listed = {report["name"]: report for report in client.get("/api/reports").json["reports"]}
    assert list(listed) == list(REPORTS)
    for name, report in listed.items():
        assert report["question"] and report["columns"], name
        assert report["command"] in COMMANDS, name
        assert client.get(f"/api/{name}").status == 200
    (by,) = [option for option in listed["spend"]["options"] if option["name"] == "by"]
    assert by["choices"] == list(DIMENSIONS) and len(DIMENSIONS) == 21
    assert set(DRAWN.values()) <= set(COMMANDS)


@pytest.mark.parametrize("by", DIMENSIONS)
def test_every_dimension_is_known_to_command_and_route(genmeter, client: Client, path: Path, by: str):
    rows = client.get(f"/api/spend?by={by}").json["rows"]
    lines = json.loads(genmeter("report", "--by", by, "--ledger", path, "--json").stdout)
    assert sum(row["calls"] for row in rows) == sum(line["calls"] or 0 for line in lines) == 6
    assert {row["key"] for row in rows} == {line[by] for line in lines}


def test_every_kind_of_column_can_be_drawn_as_text_and_on_the_page():
    # a cost has two cells of text, and an amount beside it has one; the page shows a key or a text as it is
    assert set(get_args(Kind)) == {*document._CELLS, "cost", "of_currency"}
    script = files("genmeter.server.page").joinpath("reports.js").read_text()
    drawn = set(re.findall(r'case "(\w+)"', script))
    assert set(get_args(Kind)) == drawn | {"key", "text", "number"}


def test_two_dimensions_say_which_application_used_which_model(genmeter, client: Client, path: Path):
    lines = json.loads(genmeter("report", "--by", "application,model", "--ledger", path, "--json").stdout)
    assert [(line["application"], line["model"], line["calls"], line["cost"], line["currency"]) for line in lines] == [
        (None, "gpt-5", 3, "0.50", "USD"),
        ("search", "gpt-5-2026", 2, "2.00", "EUR"),
        ("search", "gpt-5-2026", None, "0.0125", "USD"),
        (None, "house-7b", 1, None, None),
    ]
    answer = client.get("/api/spend?" + urlencode({"by": "application,model"})).json
    assert [(row["key"], row["application"], row["model"]) for row in answer["rows"]][1] == (
        *("search", "search"),
        "gpt-5-2026",
    )
    assert answer["total"]["cost"] == {"EUR": "2.00", "USD": "0.5125"}


def test_failed_calls_are_summed_by_error_and_say_when_the_last_one_was(genmeter, path: Path):
    lines = json.loads(genmeter("errors", "--ledger", path, "--json").stdout)
    # the last of the two began at 12:01 and took 2 s
    assert [(line["error"], line["calls"], line["last"], line["cost"]) for line in lines] == [
        ("RateLimitError", 2, "2026-11-21T12:01:02.000Z", None),
        ("timeout", 1, "2026-11-21T12:00:02.000Z", "0.50"),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--run", "nosuch"], " of the run nosuch"),
        (["--until", "2020-01-01"], " in that time"),
        (["--run", "r1", "--since", "2030-01-01"], " of the run r1 in that time"),
    ],
)
def test_an_empty_answer_names_the_limits_that_were_given(genmeter, path: Path, arguments, words):
    done = genmeter("calls", "--ledger", path, *arguments)
    assert done.stderr.decode() == f"genmeter: no calls to show from {path}{words}\n"


def test_the_calls_say_who_pays_and_why_a_call_has_no_price(genmeter, tmp_path: Path):
    path = tmp_path / "l.db"
    with Ledger.open(path) as ledger:
        payer = {"genmeter__department": "shop", "genmeter__application": "search", "user__id": "u1"}
        unpriced = {"genmeter__cost__status": "unpriced", "genmeter__cost__reason": "unknown_model"}
        ledger.book_traces(traces(span(1, chat(**payer, **NOTHING, **unpriced))))
    (line,) = json.loads(genmeter("calls", "--ledger", path, "--json").stdout)
    assert [line[name] for name in ("department", "application", "user")] == ["shop", "search", "u1"]
    assert (line["status"], line["reason"]) == ("unpriced", "unknown_model")


def test_a_run_and_a_limit_are_asked_alike(genmeter, client: Client, path: Path):
    assert len(json.loads(genmeter("calls", "--limit", "2", "--ledger", path, "--json").stdout)) == 2
    assert len(client.get("/api/calls?limit=2").json["calls"]) == 2
    for run, calls in (("r1", 6), ("r2", 0)):
        assert len(json.loads(genmeter("calls", "--run", run, "--ledger", path, "--json").stdout)) == calls
        assert len(client.get(f"/api/calls?run={run}").json["calls"]) == calls


@pytest.mark.parametrize(
    ("option", "text", "words"),
    [
        ("since", "20261121", "write 2026-11-20"),
        ("since", "soon", "'soon' is no date or time"),
        ("limit", "501", "'501' is no number from 1 to 500"),
    ],
)
def test_what_cannot_be_read_is_told_in_the_same_words(genmeter, client: Client, path: Path, option, text, words):
    done = genmeter("calls", f"--{option}", text, "--ledger", path)
    reply = client.get(f"/api/calls?{option}={text}")
    assert (done.returncode, reply.status) == (2, 400)
    assert words in done.stderr.decode() and words in reply.json["error"]


def test_a_window_that_ends_before_it_begins_is_refused_by_the_route_too(client: Client):
    reply = client.get("/api/spend?since=1d&until=2d")
    assert reply.status == 400 and "is not before until" in reply.json["error"]


def test_how_long_ago_is_measured_at_each_asking(client: Client):
    assert client.get("/api/spend?since=1h").json["rows"] == []
    client.post("/v1/traces", traces(span(7, chat(), started_ns=time.time_ns() + 2 * SECOND)).SerializeToString())
    assert [row["calls"] for row in client.get("/api/spend?since=1s").json["rows"]] == [1]
    # nothing comes, and what began a second ago leaves the window all the same
    deadline = time.monotonic() + 30
    while client.get("/api/spend?since=1s").json["rows"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_list_of_reports_loads_no_ledger():
    code = (
        "import sys; before = set(sys.modules); import genmeter.reports.registry; "
        "heavy = ('opentelemetry.proto', 'sqlite3', 'google', 'genmeter.ledger'); "
        "print([m for m in set(sys.modules) - before if m.startswith(heavy)])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout.strip() == b"[]"
