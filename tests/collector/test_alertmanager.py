"""Who is told: alertmanager.yml and its templates, as far as they can be judged without a server.

``tests/e2e/back_ends/test_alertmanager.py`` asks amtool and running servers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from tests.collector.files import CONFIG, leaves, read
from tests.collector.promql import rules

FOLDER = CONFIG / "alertmanager"
SHIPPED = read(FOLDER / "alertmanager.yml")
TEMPLATES = "".join(file.read_text(encoding="utf-8") for file in sorted((FOLDER / "templates").glob("*.tmpl")))
ALERTS = [rule for rule in rules() if "alert" in rule.body]
SECRETS = {
    f"/etc/alertmanager/secrets/{name}" for name in ("slack_url", "pagerduty_key", "smtp_password", "webhook_token")
}
SINCE = {"url_file", "timeout", "payload", "app_token", "app_token_file", "update_message", "force_implicit_tls"}
"""Keys of what is used here that came after 0.25; its amtool knows all others."""
WAYS = {"slack_configs", "pagerduty_configs", "email_configs", "webhook_configs"}
FUNCTIONS = {  # template/template.go of 0.25, and those of Go's text/template
    "toUpper", "toLower", "title", "join", "match", "safeHtml", "reReplaceAll", "stringSlice",
    "and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index", "print", "printf", "html",
}  # fmt: skip
WORDS = {"define", "template", "range", "if", "else", "with", "end"}


def routes(route: dict[str, Any] = SHIPPED["route"]) -> Iterator[dict[str, Any]]:
    """Every route, the root first."""
    yield route
    for child in route.get("routes", ()):
        yield from routes(child)


def matchers() -> Iterator[str]:
    """Every matcher of routes and inhibitions."""
    for route in routes():
        yield from route.get("matchers", ())
    for rule in SHIPPED["inhibit_rules"]:
        yield from rule["source_matchers"]
        yield from rule["target_matchers"]


def holds(matcher: str, labels: dict[str, str]) -> bool:
    """Whether labels fit; a label that is not there is empty, and an expression fits the whole value."""
    name, operator, value = re.fullmatch(r'(\w+)(=~|!~|!=|=)"(.*)"', matcher).groups()
    found = labels.get(name, "")
    fits = re.fullmatch(value, found) is not None if "~" in operator else found == value
    return fits != operator.startswith("!")


def told(
    labels: dict[str, str], route: dict[str, Any] = SHIPPED["route"], inherited: str = ""
) -> list[tuple[str, str]]:
    """(receiver, repeat_interval) of each that is told, as Alertmanager walks the tree."""
    repeat = route.get("repeat_interval", inherited)
    found = []
    for child in route.get("routes", ()):
        if all(holds(matcher, labels) for matcher in child.get("matchers", ())):
            found += told(labels, child, repeat)
            if not child.get("continue"):
                break
    return found or [(route["receiver"], repeat)]


def mutes(source: dict[str, str], target: dict[str, str]) -> bool:
    """Whether one alert silences the other."""
    return any(
        all(holds(matcher, source) for matcher in rule["source_matchers"])
        and all(holds(matcher, target) for matcher in rule["target_matchers"])
        and all(source.get(name, "") == target.get(name, "") for name in rule["equal"])
        for rule in SHIPPED["inhibit_rules"]
    )


def alert(name: str, **labels: str) -> dict[str, str]:
    return {"alertname": name, **labels}


def tier(threshold: int, budget: str = "desk") -> dict[str, str]:
    return alert("GenmeterBudgetThreshold", budget_id=budget, threshold=str(threshold))


def integrations() -> Iterator[tuple[str, dict[str, Any]]]:
    for receiver in SHIPPED["receivers"]:
        for way in WAYS & set(receiver):
            for one in receiver[way]:
                yield way, one


def test_secrets_come_from_files_and_from_nowhere_else():
    named = {path.rpartition("::")[2]: value for path, value in leaves(SHIPPED)}
    inline = {
        name for name in named if re.search(r"(key|password|secret|token|credentials|api_url|pagerduty_url)$", name)
    }
    assert not inline
    assert {value for name, value in named.items() if name.endswith("_file")} == SECRETS
    # One that 0.25 and 0.31 take from the working folder, another that they take from this file's: none is relative.
    assert all(value.startswith("/") for name, value in named.items() if name.endswith("_file"))


def test_the_containers_have_the_secrets_where_they_are_looked_for():
    service = read(CONFIG / "compose.yaml")["services"]["alertmanager"]
    assert {mounted["target"] for mounted in service["secrets"]} == SECRETS
    page = (CONFIG / "README.md").read_text(encoding="utf-8")
    assert not [name for name in SECRETS if name.rpartition("/")[2] not in page]


def test_addresses_are_examples_and_nobodys():
    found = [str(value) for _, value in leaves(SHIPPED) if re.search(r"@|://|\w:\d+$", str(value))]
    assert len(found) >= 6
    assert not [value for value in found if not re.search(r"\bexample\.com\b", value)]


def test_nothing_is_newer_than_the_oldest_alertmanager():
    keys = {re.sub(r"\[\d+\]", "", part) for path, _ in leaves(SHIPPED) for part in path.split("::")}
    assert {key for key in keys if key.endswith("_configs")} == WAYS
    for _, one in integrations():
        assert not SINCE & set(one)
    assert not SINCE & set(SHIPPED["global"])
    for rule in SHIPPED["inhibit_rules"]:
        assert set(rule) == {"source_matchers", "target_matchers", "equal"}
    for route in routes():
        assert not {"match", "match_re"} & set(route)


def test_every_matcher_has_its_value_in_double_quotes():
    assert not [text for text in matchers() if not re.fullmatch(r'[a-z_]+(=|!=|=~|!~)"[^"]*"', text)]


def test_every_inhibition_compares_a_label():
    assert len(SHIPPED["inhibit_rules"]) >= 5
    assert all(
        rule["equal"] and rule["source_matchers"] and rule["target_matchers"] for rule in SHIPPED["inhibit_rules"]
    )


def test_every_receiver_is_routed_to_and_every_route_has_one():
    names = [receiver["name"] for receiver in SHIPPED["receivers"]]
    assert len(names) == len(set(names))
    assert {route["receiver"] for route in routes()} == set(names)
    assert all(set(receiver) - {"name"} <= WAYS and len(receiver) > 1 for receiver in SHIPPED["receivers"])


def test_everybody_hears_of_the_end_and_slack_has_a_colour():
    for way, one in integrations():
        assert one["send_resolved"] is True
        assert way != "slack_configs" or one["color"] == '{{ template "genmeter.colour" . }}'


def test_every_template_exists_and_is_used():
    assert SHIPPED["templates"] == ["templates/*.tmpl"]
    defined = re.findall(r'\{\{-? *define "([\w.]+)"', TEMPLATES)
    text = TEMPLATES + "".join(str(value) for _, value in leaves(SHIPPED))
    assert len(defined) == len(set(defined))
    assert set(re.findall(r'\{\{-? *template "([\w.]+)"', text)) == set(defined)


def test_templates_call_only_what_the_oldest_alertmanager_has():
    text = re.sub(r"\{\{/\*.*?\*/\}\}", "", TEMPLATES, flags=re.DOTALL)
    actions = [*re.findall(r"\{\{-?(.*?)-?\}\}", text, re.DOTALL)]
    actions += [inner for _, value in leaves(SHIPPED) for inner in re.findall(r"\{\{(.*?)\}\}", str(value))]
    bare = re.sub(r'"[^"]*"', "", " ".join(actions))
    called = set(re.findall(r"(?<![\w.$])[A-Za-z]\w*", bare))
    assert {"template", "reReplaceAll"} <= called <= FUNCTIONS | WORDS


def test_every_category_of_our_rules_has_a_route_of_its_own():
    named = {
        category
        for route in routes()
        for matcher in route.get("matchers", ())
        if matcher.startswith("category=")
        for category in matcher.partition('"')[2].rstrip('"').split("|")
    }
    assert {rule.body["labels"]["category"] for rule in ALERTS} <= named
    assert "security" in named


@pytest.mark.parametrize(
    ("severity", "category", "expected"),
    [
        ("critical", "cost", [("pagerduty", "24h"), ("webhook", "4h"), ("finance", "24h")]),
        ("warning", "cost", [("finance", "24h")]),
        ("critical", "reliability", [("pagerduty", "15m"), ("webhook", "4h"), ("slack", "4h")]),
        ("warning", "telemetry", [("platform", "4h")]),
        ("critical", "of somebody else", [("pagerduty", "15m"), ("webhook", "4h"), ("slack", "4h")]),
    ],
)
def test_a_spent_budget_pages_once_a_day_and_an_outage_every_quarter_of_an_hour(severity, category, expected):
    assert told({"severity": severity, "category": category}) == expected


def test_a_budgets_higher_threshold_mutes_its_lower_ones():
    # Every ten up to 100, and 95; beyond the budget 110, 120, 150 and 200. Within one step both speak.
    steps = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100, 110, 120, 150, 200]
    for lower, higher in combinations(range(1, 1001), 2):
        # combinations() gives 499,500 pairs; one in 97 and all near the steps are enough, and quick.
        if (lower * 7 + higher) % 97 and not any(step - 1 <= lower < step <= higher <= step + 1 for step in steps):
            continue
        apart = any(lower < step <= higher for step in steps)
        assert mutes(tier(higher), tier(lower)) == apart, (higher, lower)
        assert not mutes(tier(lower), tier(higher)), (lower, higher)
    assert not any(mutes(tier(threshold), tier(threshold)) for threshold in range(1, 1001))


@pytest.mark.parametrize(
    "chosen", [(50, 75, 90, 100), (25, 50, 75, 100), (80, 90, 95, 100), (50, 80, 100, 120, 150, 200)]
)
def test_of_usual_thresholds_only_the_highest_speaks(chosen):
    assert all(mutes(tier(higher), tier(lower)) for lower, higher in combinations(chosen, 2))


COLLECTOR, LEDGER = alert("GenmeterCollectorDown", job="collector"), alert("GenmeterLedgerDown", job="ledger")
FAST, SLOW = (alert(f"GenmeterSloBurns{how}", slo="latency", genmeter_application="desk") for how in ("Fast", "Slowly"))
FAILING = alert("GenmeterHighErrorRatio", gen_ai_provider_name="anthropic", gen_ai_request_model="claude-sonnet")
PAGE = alert("GenmeterSloBurnsFast", slo="availability", gen_ai_provider_name="anthropic", genmeter_application="desk")
DESK = {"genmeter_department": "support", "genmeter_application": "desk"}
RUNAWAY = alert("GenmeterCostRunaway", **DESK)
PROJECTED = alert("GenmeterBudgetProjectedToExceed", budget_id="desk")


@pytest.mark.parametrize(
    ("source", "target", "muted"),
    [
        (tier(100), tier(50, "other"), False),
        (tier(100), PROJECTED, True),
        (tier(90), PROJECTED, False),
        (tier(100), PROJECTED | {"budget_id": "other"}, False),
        (FAST, SLOW, True),
        (SLOW, FAST, False),
        (FAST, SLOW | {"slo": "availability"}, False),
        (FAST, SLOW | {"genmeter_application": "other"}, False),
        (COLLECTOR, alert("GenmeterTrafficGone", genmeter_application="desk"), True),
        (COLLECTOR, alert("GenmeterCostAnomaly", genmeter_application="desk"), True),
        (COLLECTOR, tier(100), False),
        (COLLECTOR, LEDGER, False),
        (FAILING, PAGE, True),
        (PAGE, FAILING, False),
        (FAILING, PAGE | {"gen_ai_provider_name": "openai"}, False),
        (FAILING, FAILING | {"alertname": "GenmeterHighLatency"}, True),
        (FAILING, FAILING | {"alertname": "GenmeterErrorSpike", "gen_ai_request_model": "claude-haiku"}, False),
        (FAILING, alert("GenmeterCostOutsideBand", **DESK), False),
        (RUNAWAY, alert("GenmeterCostOutsideBand", **DESK), True),
        (RUNAWAY, alert("GenmeterTokenSpike", **DESK), True),
        (RUNAWAY, alert("GenmeterCostAnomaly", **DESK | {"genmeter_application": "other"}), False),
        (alert("GenmeterCostOutsideBand", **DESK), alert("GenmeterCostAnomaly", **DESK), True),
        (alert("GenmeterCostOutsideBand", **DESK), RUNAWAY, False),
        (alert("GenmeterTrafficGone", **DESK), alert("GenmeterUnusualTokens", **DESK), True),
        (COLLECTOR, alert("GenmeterLedgerDrift"), True),
        (LEDGER, tier(100), True),
        (alert("GenmeterLedgerLagging", instance="a"), PROJECTED, True),
        (alert("GenmeterLedgerNotReady", instance="a"), alert("GenmeterSpendWithoutBudget"), True),
        (LEDGER, alert("GenmeterTrafficGone"), False),
        (LEDGER | {"cluster": "a"}, tier(100) | {"cluster": "b"}, False),
        (LEDGER | {"cluster": "a"}, tier(100) | {"cluster": "a"}, True),
    ],
)
def test_a_cause_mutes_what_follows_from_it_and_nothing_else(source, target, muted):
    assert mutes(source, target) is muted


def test_an_inhibition_names_alerts_that_exist():
    names = {rule.name for rule in ALERTS}
    for text in matchers():
        if text.startswith("alertname"):
            for pattern in text.partition('"')[2].rstrip('"').split("|"):
                assert any(re.fullmatch(pattern, name) for name in names), pattern


def test_nothing_mutes_the_alert_of_failing_notifications():
    failing = alert("GenmeterNotificationsFailing", severity="critical", category="telemetry", integration="slack")
    assert not any(all(holds(text, failing) for text in rule["target_matchers"]) for rule in SHIPPED["inhibit_rules"])
