"""Coding agents: their logs are booked by agent, repository and user, and each call once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from genmeter.ledger import Ledger
from genmeter.ledger.decode import Encoding
from genmeter.reading import Recorded
from genmeter.reports.registry import REPORTS
from genmeter.reports.report import Sources, read
from genmeter.settings import Settings
from tests.ledger.otlp import ROOT, chat, span, traces

BODIES = ROOT / "tests/vectors/emitters"
RESOURCE = {"key": "vcs.repository.name", "value": {"stringValue": "shop"}}


def body(name: str, *, repository: bool = True, **more: str) -> bytes:
    told: dict[str, Any] = json.loads((BODIES / f"{name}.json").read_text("utf-8"))
    group = told["resourceLogs"][0]
    if repository:
        group["resource"]["attributes"].append(RESOURCE)
    own = group["scopeLogs"][0]["logRecords"][0]["attributes"]
    own += [{"key": key.replace("__", "."), "value": {"stringValue": value}} for key, value in more.items()]
    return json.dumps({"resourceLogs": told["resourceLogs"]}).encode()


def rows(ledger: Ledger) -> list[tuple[Any, ...]]:
    report = REPORTS["coding"]
    found = report.answer(Sources(ledger), read(report.options, {}))["rows"]
    return [(row["agent"], row["repository"], row["user"], row["calls"], row["cost"]) for row in found]


@pytest.mark.parametrize("times", [1, 2])
def test_spend_of_coding_agents_by_repository_and_user(times: int) -> None:
    with Ledger.open(price=Recorded(Settings()).price) as ledger:
        for _ in range(times):  # a replay books nothing
            ledger.book_logs(body("claude_code_log", user__id="ada"), Encoding.JSON)
            ledger.book_logs(body("codex_bridge", user__account_id="grace"), Encoding.JSON)
            ledger.book_logs(body("codex_bridge", repository=False, turn="2"), Encoding.JSON)
        ledger.book_traces(traces(span(1, chat(genmeter__application="shop"))))
        assert rows(ledger) == [
            ("Claude Code", "shop", "ada", 1, {"USD": "0.0228"}),
            ("Codex CLI", None, None, 1, {"USD": "0.01075"}),
            ("Codex CLI", "shop", "grace", 1, {"USD": "0.01075"}),
        ]


def test_calls_that_were_folded_into_days_are_still_their_agents() -> None:
    with Ledger.open(price=Recorded(Settings()).price, max_rows=1) as ledger:
        for turn in range(4):
            told = json.loads(body("codex_bridge", user__account_id="grace"))
            record = told["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
            record["timeUnixNano"] = str(int(record["timeUnixNano"]) + turn * 10**9)
            ledger.book_logs(json.dumps(told).encode(), Encoding.JSON)
        assert ledger.counters()["trimmed_calls"] == 3
        # four calls of $0.01075
        assert rows(ledger) == [("Codex CLI", "shop", "grace", 4, {"USD": "0.043"})]


def test_the_log_and_the_span_of_one_call_are_one_call() -> None:
    spans = json.loads((BODIES / "claude_code_span.json").read_text("utf-8"))["resourceSpans"]
    for first in ("log", "span"):
        with Ledger.open(price=Recorded(Settings()).price) as ledger:
            send = [
                lambda ledger=ledger: ledger.book_logs(body("claude_code_log"), Encoding.JSON),
                lambda ledger=ledger: ledger.book_traces(json.dumps({"resourceSpans": spans}).encode(), Encoding.JSON),
            ]
            for one in send if first == "log" else reversed(send):
                one()
            assert [row[3:] for row in rows(ledger)] == [(1, {"USD": "0.0228"})]


def test_a_log_that_codex_writes_inside_the_span_of_its_request_is_that_call() -> None:
    spans = json.loads((BODIES / "codex_span.json").read_text("utf-8"))["resourceSpans"]
    inside = spans[0]["scopeSpans"][0]["spans"][0]
    told = json.loads(body("codex_bridge"))
    record = told["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    record |= {"traceId": inside["traceId"], "spanId": inside["spanId"]}
    with Ledger.open(price=Recorded(Settings()).price) as ledger:
        ledger.book_logs(json.dumps(told).encode(), Encoding.JSON)
        ledger.book_traces(json.dumps({"resourceSpans": spans}).encode(), Encoding.JSON)
        assert [row[3:] for row in rows(ledger)] == [(1, {"USD": "0.01075"})]
