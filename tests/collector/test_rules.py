"""The rules as a tested product: what promtool does not see.

``tests/e2e/back_ends/test_rules.py`` runs promtool itself.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from runpy import run_path
from types import SimpleNamespace

import pytest

from genmeter.names import SECONDS_BUCKETS
from tests.collector.emitted import emitted, recorded
from tests.collector.files import CONFIG, read
from tests.collector.promql import RULES, TESTS, Rule, of, rules, uses

ROOT = CONFIG.parent
EVERY = rules()
ALERTS = [rule for rule in EVERY if "alert" in rule.body]
KNOWN, RECORDED = emitted(), recorded()
SLO = SimpleNamespace(**run_path(str(ROOT / ".ci" / "slo.py")))
OF_ONE_LEDGER = {"genmeter_ledger_ready", "genmeter_ledger_config_last_reload_successful"}
"""Each ledger has its own."""
READS_LEVEL = {"count", "last_over_time"}
"""Where a counter may stand bare: whether it is there, and whether it was there before."""
MONEY = {"cost", "forecast"}
NO_GUARD = {
    "GenmeterUnattributedSpend": "its numerator is above one dollar",
}


def ident(rule: Rule) -> str:
    labels = rule.body.get("labels", {})
    return "-".join([rule.name, *(labels[key] for key in ("severity", "slo", "kind") if key in labels)])


def misuse(expr: str) -> list[str]:
    """A counter that is read as a level, or a gauge that is read as a counter."""
    wrong = []
    for use in uses(expr):
        around = set(use.inside)
        kind = KNOWN.get(use.name, "record")
        rated = around & {"rate", "increase", "irate"}
        if kind == "counter" and not (rated or around & READS_LEVEL or _new_born(use.name, expr)):
            wrong.append(f"{use.name} outside rate() and increase()")
        if kind != "counter" and rated:
            wrong.append(f"rate() of {use.name}, which is no counter")
    return wrong


def _new_born(name: str, expr: str) -> bool:
    """The whole of a counter that was not there before: the two forms that rules/telemetry.yaml explains."""
    pushed = f"({name} unless last_over_time({name}[6h] offset 15m))"
    scraped = f"(({name} unless {name} offset 15m) and on (job, instance) (up offset 15m == 1))"
    return pushed in expr or scraped in expr


def unguarded(expr: str) -> bool:
    """Whether something is divided by what may be zero: every divisor says `> 0`, or is a number."""
    flat = re.sub(r'"[^"]*"', '""', expr)
    for at in (found.end() for found in re.finditer(r"/", flat)):
        divisor = re.sub(r"^on \([^)]*\)( group_left \([^)]*\))?\s*(?=\()", "", flat[at:].strip())
        if re.match(r"\d", divisor):
            continue
        if not divisor.startswith("(") or not re.search(r"> \d", _bracketed(divisor)):
            return True
    return False


def _bracketed(text: str) -> str:
    depth = 0
    for at, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if not depth:
            return text[: at + 1]
    return text


def sections() -> set[str]:
    """The runbook's anchors."""
    return set(re.findall(r"^## (\S+)$", (CONFIG / "runbook.md").read_text(encoding="utf-8"), re.MULTILINE))


def test_the_rules_are_found():
    assert {rule.file.stem for rule in EVERY} == {
        "recording", "budgets", "anomalies", "reliability", "telemetry", "slo"
    }  # fmt: skip
    assert len(ALERTS) >= 30


@pytest.mark.parametrize("rule", EVERY, ids=ident)
def test_a_rule_reads_only_what_is_emitted_or_recorded(rule):
    unknown = {use.name for use in uses(rule.expr)} - KNOWN.keys() - RECORDED
    assert not unknown


@pytest.mark.parametrize("rule", EVERY, ids=ident)
def test_counters_are_rated_and_gauges_are_not(rule):
    assert misuse(rule.expr) == []


@pytest.mark.parametrize("rule", EVERY, ids=ident)
def test_a_ratio_has_a_guard_below_the_line(rule):
    assert rule.name in NO_GUARD or not unguarded(rule.expr)


@pytest.mark.parametrize("rule", [rule for rule in EVERY if "record" in rule.body], ids=ident)
def test_a_record_is_named_level_metric_operation(rule):
    assert re.fullmatch(r"[a-z_]+:[a-z0-9_]+:[a-z0-9_]+", rule.name)


@pytest.mark.parametrize("rule", ALERTS, ids=ident)
def test_an_alert_says_how_bad_of_what_kind_and_where_to_read_on(rule):
    assert re.fullmatch(r"Genmeter[A-Za-z]+", rule.name)
    assert rule.body["labels"]["severity"] in {"info", "warning", "critical"}
    assert rule.body["labels"]["category"] in {
        "cost", "forecast", "reliability", "performance", "data-quality", "telemetry", "slo", "security"
    }  # fmt: skip
    notes = rule.body["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert "$value" in notes["description"], "the number"
    page, _, section = notes["runbook_url"].partition("#")
    assert page == read(CONFIG / "slo.yaml")["runbook"] and section in sections()


@pytest.mark.parametrize("rule", ALERTS, ids=ident)
def test_a_message_reads_no_label_that_only_the_alert_adds(rule):
    # A template sees the labels of the expression, not those of the rule: `threshold` would be empty.
    asked = {name for text in rule.body["annotations"].values() for name in re.findall(r"\$labels\.(\w+)", text)}
    assert not asked & set(rule.body["labels"])


@pytest.mark.parametrize("rule", ALERTS, ids=ident)
def test_an_alert_waits_or_says_why_not(rule):
    assert "for" in rule.body or "No `for`" in rule.comment or "no `for`" in rule.comment


@pytest.mark.parametrize("rule", ALERTS, ids=ident)
def test_an_alert_on_a_share_or_a_quantile_asks_for_traffic_or_money_too(rule):
    judged = [use.name for use in uses(rule.expr) if re.search(r":(ratio\w*|p\d+_\w+|zscore_\w+)$", use.name)]
    assert not judged or re.search(r"\band\b.*> [\d.]+", rule.expr, re.DOTALL)


@pytest.mark.parametrize("rule", EVERY, ids=ident)
def test_what_several_ledgers_of_one_store_say_alike_counts_once(rule):
    for use in uses(rule.expr):
        if use.name.startswith(("genmeter_budget_", "genmeter_ledger_")) and use.name not in OF_ONE_LEDGER:
            assert "max" in use.inside or f"and on (budget_id) last_over_time({use.name}" in rule.expr, use.name


def section(rule: Rule) -> str:
    """The runbook's text for an alert."""
    name = rule.body["annotations"]["runbook_url"].partition("#")[2]
    text = (CONFIG / "runbook.md").read_text(encoding="utf-8")
    return text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("rule", ALERTS, ids=ident)
def test_a_section_of_the_runbook_gives_the_query_and_what_to_do(rule):
    text = section(rule)
    asked = re.search(r"Query:?\s+(`[^`]+`.*?)\.(?:\s|$)", text, re.DOTALL)
    assert asked, "the query"
    queries = re.findall(r"`([^`]+)`", asked[1])
    names = {use.name for query in queries for use in uses(query) if re.search("[a-z]", query) and query[0] != ":"}
    assert names & (KNOWN.keys() | RECORDED), "a query of something that is there"
    assert re.search(r"\b[Dd]o: |\bdo as for \[", text), "what to do"


@pytest.mark.parametrize("rule", [rule for rule in ALERTS if rule.body["labels"]["category"] in MONEY], ids=ident)
def test_a_section_about_money_says_who_spends_and_how_to_stop_it(rule):
    text = section(rule)
    assert "topk(5, application_model:genmeter_cost_usd:increase1h)" in text, "who"
    assert "(#stop-spending)" in text, "how to stop it"


def test_every_section_of_the_runbook_is_some_alerts():
    assert sections() == {rule.body["annotations"]["runbook_url"].partition("#")[2] for rule in ALERTS}


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not():
    fires, silent = set(), set()
    for file in TESTS.glob("*_test.yaml"):
        for test in read(file)["tests"]:
            for asked in test.get("promql_expr_test", ()):
                if found := re.search(r'ALERTS\{alertname="(\w+)"', asked["expr"]):
                    (fires if asked["exp_samples"] else silent).add(found[1])
    names = {rule.name for rule in ALERTS}
    assert fires == names
    # A tier that stays silent for one application while it fires for another counts: the answer lists who.
    assert silent == names


def test_every_file_of_rules_is_under_test_and_loaded():
    tested = {name for file in TESTS.glob("*_test.yaml") for name in read(file)["rule_files"]}
    assert tested == {f"../rules/{file.name}" for file in RULES.glob("*.yaml")} | {"../aliases/llm.yaml"}
    assert read(CONFIG / "prometheus" / "prometheus.yml")["rule_files"] == ["rules/*.yaml"]
    mounts = read(CONFIG / "compose.yaml")["services"]["prometheus"]["volumes"]
    assert "./prometheus/rules:/etc/prometheus/rules:ro" in mounts


def test_the_old_names_are_made_of_what_is_emitted_and_add_nothing_up():
    for rule in of(RULES.parent / "aliases" / "llm.yaml"):
        assert not {use.name for use in uses(rule.expr)} - KNOWN.keys() - RECORDED
        assert not re.search(r"\b(sum|max|avg|rate|increase)\b", rule.expr), rule.name


def test_both_meters_have_the_same_bounds():
    # recording.yaml adds their buckets up. The collector's are pico-seconds.
    meter = (ROOT / "src" / "genaicostprocessor" / "genaimeterconnector" / "meter.go").read_text(encoding="utf-8")
    (written,) = re.findall(r"var bounds = \[\.\.\.\]int64\{(.*?)\}", meter, re.DOTALL)
    bounds = [int(mantissa) * 10 ** int(zeros) for mantissa, zeros in re.findall(r"(\d+)e(\d+)", written)]
    assert bounds == [round(seconds * 10**12) for seconds in SECONDS_BUCKETS]


def test_the_objectives_rules_are_in_step_with_slo_yaml():
    done = subprocess.run([sys.executable, ROOT / ".ci" / "slo.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "Desk"}, "write a name of small letters"),
        ({"objectiv": 0.9}, "there is no key 'objectiv'"),
        ({"kind": "speed"}, "kind is 'speed'; write one of availability, latency, first_chunk"),
        ({"objective": 99}, "objective is 99; write a share between 0 and 1"),
        ({"minimum_calls": 0}, "minimum_calls is 0; write a whole number above 0"),
        ({"kind": "first_chunk", "seconds": 2}, "2 seconds is no bound of the histogram"),
        ({"application": 'a"b'}, "write one application's name, without quotes in it"),
    ],
)
def test_an_objective_that_cannot_be_computed_is_refused_with_what_to_write(change, said):
    sound = {"name": "desk", "kind": "availability", "objective": 0.99, "minimum_calls": 50}
    with pytest.raises(SLO.SloError, match=re.escape(said)):
        SLO.made(json.dumps({"slos": [sound | change]}))


def test_an_objective_of_one_application_judges_no_other():
    desk = {"name": "desk", "kind": "first_chunk", "objective": 0.9, "minimum_calls": 5, "seconds": 1.28}
    text = SLO.made(json.dumps({"slos": [desk | {"application": "desk"}]}))
    raw = re.findall(r"gen_ai_client_inference_time_to_first_chunk_seconds_\w+(?:\{.*?\})?", text)
    assert len(raw) == 3 and all('genmeter_application="desk"' in selector for selector in raw)


def test_two_objectives_of_one_name_are_refused():
    one = {"name": "desk", "kind": "availability", "objective": 0.99, "minimum_calls": 50}
    with pytest.raises(SLO.SloError, match="two objectives have one name"):
        SLO.made(json.dumps({"slos": [one, one]}))


@pytest.mark.parametrize(
    ("expr", "what"),
    [
        ("sum(genmeter_cost_usd_total)", ["genmeter_cost_usd_total outside rate() and increase()"]),
        ("topk(3, sum by (job) (genmeter_cost_usd_total))", ["genmeter_cost_usd_total outside rate() and increase()"]),
        ("rate(genmeter_calls_active[5m])", ["rate() of genmeter_calls_active, which is no counter"]),
        ("sum by (job) (rate(genmeter_cost_usd_total[5m]))", []),
        ("count by (job) (genmeter_cost_usd_total)", []),
        ("rate(application:genmeter_cost_usd:rate5m[1h])", ["rate() of application:genmeter_cost_usd:rate5m, which is no counter"]),
    ],
)  # fmt: skip
def test_the_lint_sees_a_counter_as_a_level_and_the_rate_of_a_gauge(expr, what):
    assert misuse(expr) == what


@pytest.mark.parametrize(
    ("expr", "bad"),
    [
        ("a / b", True),
        ("sum(a) / sum(b)", True),
        ("a / (b)", True),
        ("a / (sum by (x) (b) > 0)", False),
        ("a / on (x) group_left () (b > 0)", False),
        ("a / on (x) group_left () (b)", True),
        ("a / on (x) sum(b)", True),
        ("a / 1000", False),
        ('a{path="x/y"}', False),
    ],
)
def test_the_lint_sees_a_ratio_without_a_guard(expr, bad):
    assert unguarded(expr) == bad


def test_the_lint_finds_names_and_nothing_else():
    expr = (
        'sum by (job) (rate(a_total{x="b_total"}[5m])) / on (job) group_left (y) (c:d:e offset 1w > 0) unless on () f'
    )
    assert [(use.name, use.inside) for use in uses(expr)] == [("a_total", ("rate", "sum")), ("c:d:e", ("",)), ("f", ())]


@pytest.mark.parametrize("file", sorted(TESTS.glob("*_test.yaml")), ids=lambda file: file.stem)
def test_a_test_of_several_groups_says_their_order(file):
    # promtool runs the groups of a test in an order of chance; a rule that reads another group then sees it a step late.
    body = read(file)
    groups = [group["name"] for rules in body["rule_files"] for group in read(TESTS / rules)["groups"]]
    assert body.get("group_eval_order", groups[:1]) == groups


def test_what_is_recorded_has_no_gaps():
    # A sample is gone five minutes after it was written: a group that runs every five leaves nothing to read while it runs.
    groups = [group for file in RULES.glob("*.yaml") for group in read(file)["groups"]]
    assert {
        group["name"]: group["interval"] for group in groups if group.get("interval", "15s") not in {"15s", "1m", "2m"}
    } == {}
