"""From a call of the real SDK to the message that somebody reads: collector, rule, Alertmanager, and four kinds of sinks.

Played with both Alertmanagers, on copies of the shipped rules and routes. A rule's wait of minutes is a second there,
its window of 15 minutes half a minute, and a group's waits are those of `make stack`; nothing else is changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.back_ends.conftest import run, service
from tests.e2e.back_ends.deliveries import CRITICAL, RESOLVED, VERSIONS, WARNING, delivering, set_budgets, told
from tests.stack import Stack
from tests.stack.inbox import Message
from tests.stack.loopback import get
from tests.stack.roster import Edit
from tests.stub import Reply, StubServer

RULES = "prometheus/rules/telemetry.yaml"
QUICK = (Edit(RULES, "for: 5m", "for: 1s"), Edit(RULES, "15m", "30s"))
BUDGETS = """
[budgets.night]
scope = {{ application = "night" }}
amount = "{night}"
period = "quarter"
owner = "ada@example.com"
thresholds = [100]

[budgets.late]
scope = {{ application = "late" }}
amount = "0.01"
period = "quarter"
thresholds = [100]
"""
APP = """
import os, openai
from genmeter import attribution
asked = [{"role": "user", "content": "Where is it?"}]
with attribution(department="support", application=os.environ["APPLICATION"]):
    for _ in range(int(os.environ["UNPRICED"])):
        openai.OpenAI().chat.completions.create(model="inhouse-large", messages=asked)
    openai.OpenAI().chat.completions.create(model="gpt-4o", messages=asked)
"""
USAGE = {"prompt_tokens": 2120, "completion_tokens": 500}
"""0.0053 + 0.0050 USD at gpt-4o's 2.50 and 10.00 USD a million: 103 % of a cent."""
ONCE = {"OTEL_METRIC_EXPORT_INTERVAL": "60000"}
"""The app exports when it ends and not before: the figure is all its calls, whatever the machine's pace."""
NIGHT, LATE = "Budget night has passed 100 %", "Budget late has passed 100 %"
UNPRICED = "inhouse-large has no price"
FAILING = "Alertmanager cannot deliver by"
EVERYBODY = ("slack", "mail", "pagerduty", "webhook")


@dataclass
class Story:
    """All that was told until the end, and what was seen on the way."""

    messages: list[Message]
    while_broken: list[Message]
    """What was told between the loss of two secrets and their return."""
    refused: list[tuple[str, str]]
    failed: dict[str, float]
    """Alertmanager's own count of failed notifications, by integration, when it had told of them."""
    restarted: bool

    def of(self, way: str, words: str) -> list[Message]:
        """What was told by this way in these words."""
        return [message for message in self.messages if message.way == way and words in str(message.body)]


@pytest.fixture(scope="module", params=VERSIONS)
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Calls without a price and a spent budget; the budget is raised; two secrets are lost and come back."""
    folder: Path = tmp_path_factory.mktemp("delivery")
    app = folder / "app.py"
    app.write_text(APP, encoding="utf-8")
    with delivering(folder, request.param, BUDGETS.format(night="0.01"), QUICK) as stack, StubServer() as stub:
        stub.for_model("gpt-4o", Reply(usage=USAGE))
        pid = stack.alertmanager.pid

        run(stub, stack.otlp_http, service("night"), app, APPLICATION="night", UNPRICED="3", **ONCE)
        told(stack, "slack", UNPRICED)
        for way in EVERYBODY:
            told(stack, way, NIGHT)
        set_budgets(stack, BUDGETS.format(night="10"))
        for way in EVERYBODY:
            told(stack, way, NIGHT, firing=False)

        before = len(stack.inbox.messages)
        lose_secrets(stack)
        run(stub, stack.otlp_http, service("late"), app, APPLICATION="late", UNPRICED="0", **ONCE)
        for way in ("pagerduty", "mail"):
            told(stack, way, LATE)
        for integration in ("slack", "webhook"):
            told(stack, "pagerduty", f"{FAILING} {integration}")
        broken = stack.inbox.messages[before:]
        failed = failures(stack)
        restore_secrets(stack)
        for way in ("slack", "webhook"):
            told(stack, way, LATE)
            told(stack, way, FAILING)
        told(stack, "slack", UNPRICED, firing=False)
        return Story(stack.inbox.messages, broken, stack.inbox.refused, failed, stack.alertmanager.pid != pid)


def secrets(stack: Stack) -> Path:
    return stack.alertmanager.config.parent / "secrets"


def lose_secrets(stack: Stack) -> None:
    """One file is gone, another holds what nobody knows."""
    (secrets(stack) / "slack_url").unlink()
    (secrets(stack) / "webhook_token").write_text("of last year", encoding="utf-8")


def restore_secrets(stack: Stack) -> None:
    for name in ("slack_url", "webhook_token"):
        (secrets(stack) / name).write_text(stack.inbox.secrets[name], encoding="utf-8")


def failures(stack: Stack) -> dict[str, float]:
    """Failed notifications by integration, as Alertmanager counts them."""
    found: dict[str, float] = {}
    pattern = r'^alertmanager_notifications_failed_total\{.*integration="(\w+)".*\} (\S+)$'
    for integration, count in re.findall(pattern, get(f"{stack.alertmanager.url}/metrics")[1], re.MULTILINE):
        found[integration] = found.get(integration, 0) + float(count)
    return found


def attachment(message: Message) -> dict[str, str]:
    return message.body["attachments"][0]


def test_calls_without_a_price_are_told_to_the_platform_once_and_resolved(story):
    firing, resolved = story.of("slack", UNPRICED)
    assert firing.body["channel"] == resolved.body["channel"] == "#genmeter-platform"
    told, over = attachment(firing), attachment(resolved)
    assert (told["title"], told["color"]) == (f"[warning] {UNPRICED}", WARNING)
    assert "3 calls to inhouse-large (openai) in 15 minutes have no cost: unknown_model." in told["text"]
    assert "runbook.md#unpriced-calls" in told["text"]
    assert (over["title"], over["color"]) == (f"[resolved] {UNPRICED}", RESOLVED)
    for way in ("mail", "pagerduty", "webhook"):
        assert story.of(way, UNPRICED) == []


def test_a_spent_budget_is_told_to_everybody_concerned_once_and_resolved(story):
    sentence = "103% of the quarter budget night (owner ada@example.com) is spent."
    for way in EVERYBODY:
        firing, resolved = story.of(way, NIGHT)
        assert (firing.firing, resolved.firing) == (True, False)
        assert sentence in str(firing.body) and "runbook.md#budget-threshold" in str(firing.body)
    chat, mail, page, hook = (story.of(way, NIGHT)[0].body for way in EVERYBODY)
    assert chat["channel"] == "#genmeter-finance"
    assert (chat["attachments"][0]["title"], chat["attachments"][0]["color"]) == (f"[critical] {NIGHT}", CRITICAL)
    assert (mail["to"], mail["subject"]) == ("finance@example.com", f"[critical] {NIGHT}")
    assert sentence in mail["text"] and sentence in mail["html"]
    assert (page["event_action"], page["payload"]["severity"]) == ("trigger", "critical")
    assert hook["alerts"][0]["labels"] | {"budget_id": "night", "severity": "critical"} == hook["alerts"][0]["labels"]
    assert story.of("pagerduty", NIGHT)[1].body["dedup_key"] == page["dedup_key"]


def test_a_lost_secret_keeps_nobody_else_from_being_told(story):
    told = {message.way for message in story.while_broken if LATE in str(message.body)}
    assert told == {"pagerduty", "mail"}
    assert set(story.refused) == {("webhook", "no token, or a wrong one")}


def test_a_way_that_fails_is_told_by_one_that_works_with_the_figure(story):
    for integration in ("slack", "webhook"):
        text = "\n".join(
            message.body["payload"]["custom_details"]["firing"]
            for message in story.while_broken
            if message.way == "pagerduty" and f"{FAILING} {integration}" in str(message.body)
        )
        figures = [int(figure) for figure in re.findall(rf"(\d+) notifications by {integration} failed", text)]
        # One more at most: increase() extrapolates to the ends of its window.
        assert figures and all(1 <= figure <= story.failed[integration] + 1 for figure in figures)
        assert "A wrong or missing secret file looks like this." in text and "#notifications-failing" in text
    assert not story.failed.get("pagerduty") and not story.failed.get("email")


def test_a_secret_that_is_back_is_used_without_a_restart(story):
    assert not story.restarted
    for way in EVERYBODY:
        assert [message.firing for message in story.of(way, LATE)] == [True]
    assert attachment(story.of("slack", FAILING)[0])["color"] == CRITICAL
