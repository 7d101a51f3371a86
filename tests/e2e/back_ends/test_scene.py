"""The scene: a budget of ten cents on one application is spent call by call, and somebody is told at each threshold.

Played with both Alertmanagers. The amounts: gpt-4o's list price is 2.50 and 10.00 USD per million tokens, so a call with
2,120 tokens in and 500 out costs 0.0053 + 0.0050 = 0.0103 USD, and ten of them are 103 % of ten cents. The period is a
quarter and not a day, so that no midnight comes between.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.back_ends.conftest import run, service
from tests.e2e.back_ends.deliveries import (
    CRITICAL,
    INFO,
    RESOLVED,
    VERSIONS,
    WARNING,
    WITHIN,
    alerts,
    delivering,
    set_budgets,
    spent,
    told,
)
from tests.stack import Stack
from tests.stack.asking import prom_query, until
from tests.stack.inbox import Message
from tests.stub import Reply, StubServer

BUDGETS = """
[budgets.desk]
scope = {{ application = "desk" }}
amount = "{amount}"
period = "quarter"
owner = "ada@example.com"

[budgets.shop]
scope = {{ application = "shop" }}
amount = "0.01"
period = "quarter"
"""
APP = """
import os, openai
from genmeter import attribution
with attribution(department="support", application=os.environ["APPLICATION"]):
    for _ in range(int(os.environ["CALLS"])):
        openai.OpenAI().chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Where is it?"}])
"""
USAGE = {"prompt_tokens": 2120, "completion_tokens": 500}
CALL = 10_300_000_000
"""0.0103 USD in pico-USD."""
LIMIT = 100_000_000_000
"""Ten cents."""


@dataclass(frozen=True)
class Step:
    """A threshold, the further calls that reach it, and what is told then."""

    threshold: int
    calls: int
    severity: str
    colour: str
    figure: str
    """All calls so far × 0.0103 / 0.10, in percent."""

    @property
    def title(self) -> str:
        return f"[{self.severity}] Budget desk has passed {self.threshold} %"


STEPS = (
    Step(50, 5, "info", INFO, "51.5%"),
    Step(75, 3, "warning", WARNING, "82.4%"),
    Step(90, 1, "warning", WARNING, "92.7%"),
    Step(100, 1, "critical", CRITICAL, "103%"),
)


@dataclass
class Scene:
    """What Alertmanager held and the ledger had booked at each threshold, and all that was told until the end."""

    messages: list[Message]
    held: list[dict[str, str]]
    """State of the alert of each threshold."""
    booked: list[int]

    def of(self, way: str) -> list[Message]:
        """What was told by this way about the desk."""
        return [message for message in self.messages if message.way == way and "Budget desk" in str(message.body)]


@pytest.fixture(scope="module", params=VERSIONS)
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Spend until every threshold is passed, start the ledger again, raise the budget, and let another be told of."""
    folder: Path = tmp_path_factory.mktemp("scene")
    app = folder / "app.py"
    app.write_text(APP, encoding="utf-8")
    with delivering(folder, request.param, BUDGETS.format(amount="0.10")) as stack, StubServer() as stub:
        stub.for_model("gpt-4o", Reply(usage=USAGE))

        def spend(application: str, calls: int) -> None:
            run(stub, stack.otlp_http, service(application), app, APPLICATION=application, CALLS=str(calls))

        held: list[dict[str, str]] = []
        booked: list[int] = []
        for step in STEPS:
            spend("desk", step.calls)
            told(stack, "slack", step.title)
            told(stack, "mail", step.title)
            held.append(until(lambda: states(stack), settled))
            booked.append(spent(stack, "desk"))
        told(stack, "pagerduty", "Budget desk")
        told(stack, "webhook", "Budget desk")
        be_missed(stack, "ledger")
        set_budgets(stack, BUDGETS.format(amount="10"))
        for way in ("slack", "mail", "pagerduty", "webhook"):
            told(stack, way, "Budget desk", firing=False)
        spend("shop", 1)
        told(stack, "slack", "Budget shop has passed 100 %")
        return Scene(stack.inbox.messages, held, booked)


def be_missed(stack: Stack, name: str) -> None:
    """Stop a server until Prometheus has asked it three times in vain, and start it again."""
    stack.stop(name)
    prom_query(stack, f'sum_over_time((1 - up{{job="{name}"}})[20s:1s]) >= 3', within=WITHIN)
    stack.start(name)
    prom_query(stack, f'sum_over_time(up{{job="{name}"}}[5s]) >= 3', within=WITHIN)


def states(stack: Stack) -> dict[str, str]:
    return {
        alert["labels"]["threshold"]: alert["status"]["state"] for alert in alerts(stack, "GenmeterBudgetThreshold")
    }


def settled(states: dict[str, str]) -> bool:
    """Whether Alertmanager has decided about every alert: its inhibitor hears of a new alert a moment after the sender does."""
    return "unprocessed" not in states.values() and list(states.values()).count("active") == 1


def test_each_threshold_is_told_once_and_alone(scene):
    told = [message.body["attachments"][0] for message in scene.of("slack") if message.firing]
    assert [(one["title"], one["color"]) for one in told] == [(step.title, step.colour) for step in STEPS]
    for one, step in zip(told, STEPS, strict=True):
        assert f"{step.figure} of the quarter budget desk (owner ada@example.com) is spent." in one["text"]
        assert "runbook.md#budget-threshold" in one["text"]
        assert re.findall("threshold: ([0-9]+)", one["text"]) == [str(step.threshold)]
    assert [message.body["subject"] for message in scene.of("mail") if message.firing] == [step.title for step in STEPS]


def test_lower_thresholds_are_inhibited_while_a_higher_one_fires(scene):
    assert scene.held == [
        {"50": "active"},
        {"50": "suppressed", "75": "active"},
        {"50": "suppressed", "75": "suppressed", "90": "active"},
        {"50": "suppressed", "75": "suppressed", "90": "suppressed", "100": "active"},
    ]


def test_the_figure_that_is_told_is_the_ledgers(scene):
    assert scene.booked == [5 * CALL, 8 * CALL, 9 * CALL, 10 * CALL]
    assert [f"{pico / LIMIT * 100:.4g}%" for pico in scene.booked] == [step.figure for step in STEPS]


def test_only_the_whole_budget_wakes_somebody(scene):
    trigger, resolve = (message.body for message in scene.of("pagerduty"))
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"]
    assert (trigger["payload"]["summary"], trigger["payload"]["severity"]) == (STEPS[-1].title, "critical")
    assert "103% of the quarter budget desk" in str(trigger["payload"]["custom_details"])
    firing, resolved = (message.body for message in scene.of("webhook"))
    assert (firing["status"], resolved["status"]) == ("firing", "resolved")
    assert [alert["labels"]["threshold"] for alert in firing["alerts"]] == ["100"]


def test_a_ledger_that_starts_again_tells_nobody_and_a_raised_budget_resolves_all_in_one_message(scene):
    for way in ("slack", "mail"):
        assert [message.firing for message in scene.of(way)] == [True, True, True, True, False]
    last = scene.of("slack")[-1].body["attachments"][0]
    assert (last["title"], last["color"]) == ("[resolved] Budget desk has passed 100 % (4 alerts)", RESOLVED)
    assert sorted(re.findall("threshold: ([0-9]+)", last["text"])) == ["100", "50", "75", "90"]
