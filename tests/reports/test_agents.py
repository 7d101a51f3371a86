"""Spend by agent, workflow and conversation: own spend adds up to the total, and spend with inner agents stands beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genmeter.ledger import Ledger
from genmeter.ledger.questions import Window
from genmeter.ledger.sqlite.store import SqliteStore
from genmeter.ledger.sqlite.trim import Caps
from genmeter.reports.registry import REPORTS
from genmeter.reports.report import Sources, read
from tests.ledger.otlp import NOON, SECOND, chat, details, span, traces

CALLS: tuple[tuple[float, dict[str, Any]], ...] = (
    (1.0, {"agent": "triage", "path": "triage", "workflow": "refunds", "conversation": "c-1"}),
    (2.0, {"agent": "billing", "path": "triage/billing", "workflow": "refunds", "conversation": "c-1"}),
    (4.0, {"agent": "billing", "path": "billing", "workflow": "invoices", "conversation": "c-2"}),
    (8.0, {"workflow": "refunds"}),
    (16.0, {"agent": "a/b", "path": "router/a%2Fb/a%2Fb"}),
    (32.0, {"agent": "framework's"}),
    (64.0, {}),
)
"""Dollars, and who made the call. The last but one is of an instrumentation that knows no paths."""


def said(who: dict[str, Any]) -> dict[str, Any]:
    names = {"agent": "gen_ai__agent__name", "path": "genmeter__agent__path", "workflow": "gen_ai__workflow__name"}
    names["conversation"] = "gen_ai__conversation__id"
    return {names[key]: value for key, value in who.items()}


def fill(ledger: Ledger) -> None:
    for number, (dollars, who) in enumerate(CALLS, 1):
        attributes = chat(gen_ai__usage__cost__amount=dollars, **said(who))
        ledger.book_traces(traces(span(number, attributes, trace=number, started_ns=NOON + number * SECOND)))


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with Ledger.open(run="r1") as opened:
        fill(opened)
        yield opened


def ask(ledger: Ledger, **texts: str) -> dict[str, Any]:
    report = REPORTS["spend"]
    return report.answer(Sources(ledger), read(report.options, texts))


def cost(row: dict[str, Any], name: str = "cost") -> float:
    return float(row[name].get("USD", "0"))


def test_own_spend_of_agents_adds_up_and_spend_with_inner_agents_stands_beside_it(ledger: Ledger):
    found = ask(ledger, by="agent")
    assert {row["agent"]: (row["calls"], cost(row), cost(row, "with_inside")) for row in found["rows"]} == {
        "triage": (1, 1, 3),  # its own dollar, and two of billing inside it
        "billing": (2, 6, 6),
        "a/b": (1, 16, 16),  # which called itself: the call counts once
        "router": (0, 0, 16),  # has made no call itself
        "framework's": (1, 32, 32),
        None: (2, 72, 72),
    }
    assert sum(cost(row) for row in found["rows"]) == cost(found["total"]) == 127
    assert "with_inside" not in found["total"]


def test_spend_by_workflow_and_by_conversation_adds_up(ledger: Ledger):
    for by, expected in {
        "workflow": {"refunds": 11, "invoices": 4, None: 112},
        "conversation": {"c-1": 3, "c-2": 4, None: 120},
    }.items():
        found = ask(ledger, by=by)
        assert {row[by]: cost(row) for row in found["rows"]} == expected
        assert cost(found["total"]) == 127
    both = ask(ledger, by="workflow,agent")["rows"]
    rows = {(row["workflow"], row["agent"]): (cost(row), cost(row, "with_inside")) for row in both}
    assert rows["refunds", "triage"] == (1, 3)
    assert rows["invoices", "billing"] == (4, 4)
    assert sum(own for own, _ in rows.values()) == 127


def test_calls_are_chosen_by_agent_workflow_and_conversation(ledger: Ledger):
    for where, expected in {"agent=billing": 6, "workflow=refunds": 11, "conversation=c-1": 3, "agent=": 72}.items():
        assert cost(ask(ledger, by="model", where=where)["total"]) == expected


def test_a_calls_event_tells_who_made_it_as_its_span_does():
    with Ledger.open() as ledger:
        ledger.book_logs(details(1, chat(**said(CALLS[1][1]))))
        (call,) = ledger.store.latest(9, Window())
    assert (call.agent, call.workflow, call.agent_path, call.conversation) == (
        "billing", "refunds", "triage/billing", "c-1",
    )  # fmt: skip


@pytest.mark.parametrize("session_days", [None, 36_500.0])
def test_trimmed_calls_keep_their_agents_and_with_sums_by_session_their_conversations(
    tmp_path: Path, session_days: float | None
):
    store = SqliteStore(str(tmp_path / "l.db"), Caps(calls=1, session_days=session_days))
    with Ledger(store) as ledger:
        fill(ledger)
        assert ledger.counters()["trimmed_calls"] == len(CALLS) - 1
        agents = {row["agent"]: (cost(row), cost(row, "with_inside")) for row in ask(ledger, by="agent")["rows"]}
        assert agents["triage"] == (1, 3)
        assert agents["a/b"] == (16, 16)
        talks = {row["conversation"]: cost(row) for row in ask(ledger, by="conversation")["rows"]}
        assert talks == ({None: 127} if session_days is None else {"c-1": 3, "c-2": 4, None: 120})
