"""alertmanager.yml on the built Alertmanager and on the oldest that we support (0.25): valid, routed, worded, muted.

Messages themselves, from a call to an inbox, are in test_delivery.py and test_scene.py.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.collector.promql import rules
from tests.e2e.back_ends.conftest import oldest, post
from tests.stack import Stack
from tests.stack.asking import until
from tests.stack.loopback import get, get_json
from tests.stack.roster import CONFIG, program

WITHIN = 60.0
CONFIGURATION = CONFIG / "alertmanager" / "alertmanager.yml"
TEMPLATES = CONFIG / "alertmanager" / "templates" / "*.tmpl"
TOLD = {
    ("info", "cost"): "finance",
    ("warning", "cost"): "finance",
    ("critical", "cost"): "pagerduty,webhook,finance",
    ("info", "forecast"): "finance",
    ("warning", "forecast"): "finance",
    ("info", "data-quality"): "platform",
    ("warning", "data-quality"): "platform",
    ("critical", "data-quality"): "pagerduty,webhook,platform",
    ("info", "telemetry"): "platform",
    ("warning", "telemetry"): "platform",
    ("critical", "telemetry"): "pagerduty,webhook,platform",
    ("warning", "reliability"): "slack",
    ("critical", "reliability"): "pagerduty,webhook,slack",
    ("warning", "performance"): "slack",
    ("info", "slo"): "slack",
    ("warning", "slo"): "slack",
    ("critical", "slo"): "pagerduty,webhook,slack",
    ("warning", "security"): "security",
    ("critical", "security"): "pagerduty,webhook,security",
    ("warning", "of somebody else"): "slack",
    ("critical", "of somebody else"): "pagerduty,webhook,slack",
}
"""Who is told, in the order of the routes, by severity and category."""
SHIPPED = [rule.body | rule.body["labels"] for rule in rules() if "alert" in rule.body]


@pytest.fixture(scope="module", params=["built", "old"])
def alertmanager(request: pytest.FixtureRequest) -> Path:
    """Alertmanager's program; amtool lies beside it."""
    return program("alertmanager") if request.param == "built" else oldest("alertmanager-old")


@pytest.fixture(scope="module")
def amtool(alertmanager: Path) -> Path:
    return alertmanager.with_name("amtool")


@pytest.fixture
def server(alertmanager: Path, tmp_path: Path) -> Iterator[Stack]:
    """Alertmanager alone, telling an inbox."""
    with Stack(tmp_path, servers=["alertmanager"], programs={"alertmanager": alertmanager}) as running:
        yield running


def ask(amtool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([amtool, *arguments], capture_output=True, text=True, timeout=60)


def routed(amtool: Path, expected: str, labels: dict[str, str]) -> subprocess.CompletedProcess[str]:
    pairs = [f"{name}={value}" for name, value in labels.items()]
    options = [f"--config.file={CONFIGURATION}", f"--verify.receivers={expected}"]
    return ask(amtool, "config", "routes", "test", *options, *pairs)


def fire(server: Stack, *alerts: dict[str, str], **times: str) -> None:
    """What Prometheus sends for alerts with these labels."""
    notes = {"summary": "Something is wrong", "description": "by 7", "runbook_url": "collector-config/runbook.md#x"}
    body = json.dumps([{"labels": labels, "annotations": notes, **times} for labels in alerts]).encode()
    url = f"{server.alertmanager.url}/api/v2/alerts"
    assert post(url, body, {"Content-Type": "application/json"}) == 200


def failed(server: Stack) -> dict[str, float]:
    """Failed notifications by way; every way that we use has its series from the start."""
    page = get(f"{server.alertmanager.url}/metrics")[1]
    counts: dict[str, float] = {"slack": -1, "pagerduty": -1, "email": -1, "webhook": -1}
    for way, value in re.findall(
        r'^alertmanager_notifications_failed_total\{integration="(\w+)".*\} (\S+)$', page, re.MULTILINE
    ):
        if way in counts:
            counts[way] = max(counts[way], 0) + float(value)
    return counts


def test_the_configuration_is_valid_and_nothing_in_it_is_frowned_at(amtool):
    done = ask(amtool, "check-config", CONFIGURATION)
    said = done.stdout + done.stderr
    assert done.returncode == 0 and "SUCCESS" in said and "1 templates" in said, said
    assert "warn" not in said.lower(), said


def test_every_shipped_alert_reaches_whom_the_table_says(amtool):
    assert {(alert["severity"], alert["category"]) for alert in SHIPPED} <= set(TOLD)
    for alert in SHIPPED:
        labels = {"alertname": alert["alert"], **alert["labels"]}
        done = routed(amtool, TOLD[alert["severity"], alert["category"]], labels)
        assert done.returncode == 0, f"{labels}: {done.stdout}{done.stderr}"


@pytest.mark.parametrize(("severity", "category"), TOLD)
def test_a_severity_and_category_reach_whom_the_table_says(amtool, severity, category):
    done = routed(amtool, TOLD[severity, category], {"severity": severity, "category": category})
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_says_nothing_of_itself_is_told_to_the_default(amtool):
    assert routed(amtool, "slack", {"alertname": "Watchdog"}).returncode == 0
    assert routed(amtool, "finance", {"alertname": "Watchdog"}).returncode == 1, "a wrong table is found"


def message(*alerts: dict[str, Any], status: str = "firing") -> dict[str, Any]:
    """What templates are given for a group of alerts of one budget."""
    common = {"alertname": "GenmeterBudgetThreshold", "budget_id": "desk", "category": "cost"}
    notes = {"description": "102% of the month budget desk is spent.", "runbook_url": "runbook.md#budget-threshold"}
    told = [
        {
            "status": status,
            "startsAt": "2026-11-21T22:00:05Z",
            "endsAt": "2026-11-21T23:00:00Z",
            **alert,
            "labels": common | alert["labels"],
            "annotations": notes | {"summary": f"Budget desk has passed {alert['labels']['threshold']} %"},
        }
        for alert in alerts
    ]
    return {"status": status, "alerts": told, "groupLabels": common, "commonLabels": common, "commonAnnotations": {}}


def tier(threshold: str, severity: str, **more: str) -> dict[str, Any]:
    return {"labels": {"threshold": threshold, "severity": severity, **more}}


def rendered(amtool: Path, folder: Path, name: str, data: dict[str, Any], kind: str = "text") -> str:
    file = folder / "data.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    done = ask(
        amtool, "template", "render", f"--template.glob={TEMPLATES}", f"--template.data={file}",
        f'--template.text={{{{ template "genmeter.{name}" . }}}}', f"--template.type={kind}",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


SPENT = message(tier("100", "critical", owner="", application="<!channel>"))
WARNED = message(tier("70", "info"), tier("75", "warning"))
OVER = message(tier("100", "critical"), tier("50", "info"), status="resolved")


@pytest.mark.parametrize(
    ("data", "title", "severity", "colour"),
    [
        (SPENT, "[critical] Budget desk has passed 100 %", "critical", "#ff0000"),
        (WARNED, "[warning] Budget desk has passed 70 % (2 alerts)", "warning", "#ff9900"),
        (message(tier("50", "info")), "[info] Budget desk has passed 50 %", "info", "#ffcc00"),
        (message(tier("50", "none of ours")), "[warning] Budget desk has passed 50 %", "warning", "#ff9900"),
        (OVER, "[resolved] Budget desk has passed 100 % (2 alerts)", "info", "#36a64f"),
    ],
)
def test_a_title_says_how_bad_and_what_and_the_colour_agrees(amtool, tmp_path, data, title, severity, colour):
    shown = [rendered(amtool, tmp_path, name, data) for name in ("title", "severity", "colour")]
    assert shown == [title, severity, colour]


def test_a_text_has_the_number_the_labels_the_time_and_the_runbook(amtool, tmp_path):
    lines = rendered(amtool, tmp_path, "text", SPENT).split("\n")
    assert lines == [
        "102% of the month budget desk is spent.",
        "application: ‹!channel>",
        "budget_id: desk",
        "severity: critical",
        "threshold: 100",
        "since: 2026-11-21 22:00:05 UTC",
        "runbook: runbook.md#budget-threshold",
        "", "",
    ]  # fmt: skip


def test_of_several_alerts_each_is_named_and_what_is_over_says_so(amtool, tmp_path):
    text = rendered(amtool, tmp_path, "text", OVER)
    assert re.findall(r"^\(resolved\) Budget desk has passed (\d+) %$", text, re.MULTILINE) == ["100", "50"]


def test_a_mail_shows_a_label_and_does_not_run_it(amtool, tmp_path):
    page = rendered(amtool, tmp_path, "html", SPENT, "html")
    assert "<td>application</td><td>&lt;!channel&gt;</td>" in page and "<td>runbook.md#budget-threshold</td>" in page
    assert "<td>owner</td>" not in page, "what is empty is left out"


def budget(threshold: int, name: str = "desk") -> dict[str, str]:
    severity = "critical" if threshold >= 100 else "warning" if threshold >= 75 else "info"
    return {
        "alertname": "GenmeterBudgetThreshold", "severity": severity, "category": "cost",
        "budget_id": name, "threshold": str(threshold),
    }  # fmt: skip


def speaking(server: Stack) -> set[tuple[str, str]]:
    """Budget and threshold of the alerts that nothing mutes now."""
    alerts = get_json(f"{server.alertmanager.url}/api/v2/alerts?inhibited=false")
    return {(one["labels"].get("budget_id", ""), one["labels"].get("threshold", "")) for one in alerts}


def test_a_running_server_mutes_the_lower_thresholds_and_no_other_budgets(server):
    fire(server, *(budget(threshold) for threshold in (50, 75, 90, 100)), budget(50, "other"), budget(75, "other"))
    until(lambda: speaking(server), lambda found: found == {("desk", "100"), ("other", "75")}, within=WITHIN)


def test_a_running_server_mutes_budgets_while_the_ledger_is_down_though_no_label_is_shared(server):
    # `equal` names a label that neither has: both have it empty.
    fire(server, budget(100), {"alertname": "GenmeterLedgerDown", "severity": "critical", "category": "telemetry"})
    until(lambda: speaking(server), lambda found: found == {("", "")}, within=WITHIN)


def test_a_provider_that_is_out_is_one_incident_and_another_providers_is_another(server):
    page = {"severity": "critical", "category": "reliability"}
    out = [
        page
        | {"alertname": "GenmeterHighErrorRatio", "gen_ai_provider_name": "anthropic", "gen_ai_request_model": model}
        for model in ("claude-sonnet", "claude-haiku")
    ]
    objective = {"alertname": "GenmeterSloBurnsFast", "severity": "critical", "category": "slo", "slo": "availability"}
    burns = [
        objective | {"gen_ai_provider_name": provider, "genmeter_department": "d", "genmeter_application": name}
        for provider, name in (("anthropic", "desk"), ("anthropic", "search"), ("openai", "shop"))
    ]
    fire(server, *out, *burns)
    told = until(
        lambda: [one for one in server.inbox.messages if one.way == "pagerduty"],
        lambda found: {str(one.body).count("claude") > 0 for one in found} == {True, False},
        within=WITHIN,
    )
    texts = [str(one.body) for one in told]
    assert not [text for text in texts if "desk" in text or "search" in text], "muted by the page of their provider"
    keys = {one.body["dedup_key"] for one in told}
    assert len(keys) == 2, "one incident a provider"


def test_the_end_of_a_forecast_is_not_told_while_the_budget_is_spent(server):
    forecasts = [FORECAST | {"budget_id": name} for name in ("desk", "other")]
    fire(server, *forecasts)
    until(lambda: told(server, firing=True), lambda found: found >= {"desk", "other"}, within=WITHIN)
    fire(server, budget(100))
    until(lambda: speaking(server), lambda found: ("desk", "") not in found, within=WITHIN)
    over = datetime.now(UTC).isoformat()
    fire(server, *forecasts, endsAt=over)
    # The other's end shows that ends are told by now.
    until(lambda: told(server, firing=False), lambda found: "other" in found, within=WITHIN)
    assert told(server, firing=False) == {"other"}


FORECAST = {"alertname": "GenmeterBudgetProjectedToExceed", "severity": "warning", "category": "forecast"}


def told(server: Stack, *, firing: bool) -> set[str]:
    """Budgets whose forecast, or its end, was told by Slack."""
    texts = [str(one.body) for one in server.inbox.messages if one.way == "slack" and one.firing == firing]
    return {name for text in texts for name in re.findall(r"budget_id: (\w+)", text) if "threshold: " not in text}


def test_it_starts_without_any_secret_and_every_way_that_fails_is_counted_and_names_its_file(server):
    secrets = server.folder / "alertmanager" / "config" / "secrets"
    for file in list(secrets.iterdir()):
        file.unlink()
    server.stop("alertmanager")
    server.start("alertmanager")
    # At zero before the first failure, so that increase() sees it.
    assert failed(server) == {"slack": 0, "pagerduty": 0, "email": 0, "webhook": 0}
    fire(server, budget(100))
    until(lambda: failed(server), lambda counts: all(count >= 1 for count in counts.values()), within=WITHIN)
    log = server.alertmanager.log.read_text(encoding="utf-8")
    for name in ("slack_url", "pagerduty_key", "smtp_password", "webhook_token"):
        assert f"{secrets / name}" in log, name
