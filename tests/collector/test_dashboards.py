"""The dashboards as a tested product: what Grafana would swallow without a word. Their queries: ``tests/e2e/back_ends``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from copy import deepcopy
from urllib.parse import unquote

import pytest

from tests.collector import boards
from tests.collector.boards import CHECKS
from tests.collector.files import CONFIG, read

ROOT = CONFIG.parent
FOLDER = CONFIG / "grafana" / "dashboards"
GENERATOR = ROOT / ".ci" / "dashboards"
PROVISIONING = CONFIG / "grafana" / "provisioning"
BOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.iterdir())}
SOURCES = {one["uid"]: one for one in read(PROVISIONING / "datasources" / "genmeter.yaml")["datasources"]}


def panel(board, title, /):
    """The panel of that title."""
    (found,) = [one for one in board["panels"] if one["title"] == title]
    return found


def query(title, change):
    """A planted mistake: something is replaced in the first query of a panel."""
    return lambda board: panel(board, title)["targets"][0].update(
        expr=_replaced(panel(board, title)["targets"][0], *change)
    )


def _replaced(target, old, new):
    assert old in target["expr"]
    return target["expr"].replace(old, new)


def variable(name, /, **changes):
    """A planted mistake in a variable."""
    return lambda board: next(one for one in board["templating"]["list"] if one["name"] == name).update(changes)


def in_panel(title, /, **changes):
    """A planted mistake in a panel."""
    return lambda board: panel(board, title).update(changes)


def in_query(title, /, **changes):
    """A planted mistake beside the expression of a panel's first query."""
    return lambda board: panel(board, title)["targets"][0].update(changes)


def moved(title, /, **changes):
    """A planted mistake in a panel's place."""
    return lambda board: panel(board, title)["gridPos"].update(changes)


LITERAL = {"type": "prometheus", "uid": "prometheus"}
PLANTED = {
    "a title is missing": ("overview", in_panel("Spend", title=""), "panel 2 has no title"),
    "no question": ("overview", in_panel("Spend", description="The spend."), "Spend: the description is no question"),
    "a removed panel": ("overview", in_panel("Spend", type="singlestat"), "Spend: there is no singlestat"),
    "no query": ("overview", in_panel("Spend", targets=[]), "Spend: no query"),
    "an unknown unit": ("overview", in_panel("Spend", fieldConfig={"defaults": {"unit": "dollars"}, "overrides": []}), "Spend: there is no unit 'dollars'"),
    "a data source by its uid": ("overview", in_query("Spend", datasource=LITERAL), "Spend: prometheus is not chosen"),
    "a panel's too": ("overview", in_panel("Spend", datasource=LITERAL), "Spend: prometheus is not chosen"),
    "another uid": ("overview", lambda board: board.update(uid="x"), "uid is 'x'"),
    "no tag": ("overview", lambda board: board.update(tags=[]), "tags is []"),
    "editable": ("overview", lambda board: board.update(editable=True), "editable is True"),
    "no links": ("overview", lambda board: board.update(links=[]), "no links to the others"),
    "an overlap": ("overview", moved("Spend a day", x=1), "Spend a day: lies on Spend"),
    "beyond the page": ("overview", moved("Under way", x=22), "Under way: wider than the page"),
    "an id twice": ("overview", in_panel("Spend", id=1), "ids are not in order"),
    "a metric that nobody has": ("overview", query("Under way", ("model:genmeter_calls_active:sum", "genmeter_calls_running")), "Under way: nobody has genmeter_calls_running"),
    "a renamed record": ("overview", query("Burn by application", ("rate5m", "rate6m")), "Burn by application: nobody has application:genmeter_cost_usd:rate6m"),
    "a counter as a level": ("telemetry", query("Conflicts", ("increase(genmeter_ledger_conflicts_total[$__range])", "genmeter_ledger_conflicts_total")), "Conflicts: genmeter_ledger_conflicts_total outside rate"),
    "the rate of a gauge": ("telemetry", query("Size", ("genmeter_ledger_file_bytes", "rate(genmeter_ledger_file_bytes[$__range])")), "Size: rate() of genmeter_ledger_file_bytes"),
    "the rate of a record": ("performance", query("Under way", ('model:genmeter_calls_active:sum{gen_ai_request_model=~"$model"}', 'rate(model:genmeter_calls_active:sum{gen_ai_request_model=~"$model"}[$__rate_interval])')), "Under way: rate() of model:genmeter_calls_active:sum"),
    "a fixed window": ("performance", query("Types of errors", ("$__rate_interval", "5m")), "Types of errors: a rate over 5m"),
    "a range for every point": ("performance", query("Types of errors", ("$__rate_interval", "$__range")), "Types of errors: a rate over $__range"),
    "a fixed window for Loki": ("agents", query("Finish reasons", ("$__auto", "5m")), "Finish reasons: counted over 5m"),
    "a share of nothing": ("performance", query("Errors by model", (" > 0)", ")")), "Errors by model: divides by what may be nothing"),
    "no exemplars": ("overview", in_query("95 % within, by model", exemplar=False), "95 % within, by model: no exemplars"),
    "exemplars of a record": ("performance", in_query("Under way", exemplar=True), "Under way: exemplars of nothing"),
    "a variable that is not there": ("overview", query("Spend", ("$department", "$team")), "$team is not defined"),
    "a variable that nobody asks": ("overview", lambda board: board["templating"]["list"].append({"name": "x", "type": "custom"}), "$x is not used"),
    "several values as one": ("overview", query("Spend", ('=~"$department"', '="$department"')), "$department is several values, and is compared as one"),
    "old values": ("overview", variable("application", refresh=1), "$application does not follow the range"),
    "no All": ("overview", variable("application", includeAll=False), "$application has no All"),
    "an attribute that no event has": ("agents", query("Tool turns by application", ("by (genmeter_application)", "by (gen_ai_data_source_id)")), "Tool turns by application: no event has gen_ai_data_source_id"),
    "one that is misspelt": ("agents", query("Dearest traces", ("gen_ai_usage_cost_amount", "gen_ai_usage_cost")), "Dearest traces: no event has gen_ai_usage_cost"),
    "a filter that is": ("agents", query("Asked for a tool", ("finish_reasons", "finish_reason")), "Asked for a tool: no event has gen_ai_response_finish_reason"),
    "a user": ("agents", query("Dearest sessions", ("session_id, genmeter_application", "user_id")), "Dearest sessions: users belong into"),
}  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", BOARDS)
def test_what_is_shipped_has_no_fault(name, check):
    assert list(check(BOARDS[name])) == []


@pytest.mark.parametrize("planted", PLANTED)
def test_a_mistake_is_found(planted):
    name, plant, words = PLANTED[planted]
    board = deepcopy(BOARDS[name])
    plant(board)
    assert [fault for check in CHECKS for fault in check(board) if fault.startswith(words)]


def test_the_dashboards_are_the_six_and_no_two_have_a_uid():
    assert set(BOARDS) == {"overview", "cost", "performance", "tokens", "agents", "telemetry"}
    assert [board["uid"] for board in BOARDS.values()] == [f"genmeter-{name}" for name in BOARDS]


def test_the_files_are_what_the_generator_writes():
    done = subprocess.run([sys.executable, GENERATOR, "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "no change\n"), done.stdout + done.stderr


def test_an_edited_a_missing_and_a_stray_file_are_found_and_mended(tmp_path):
    shutil.copytree(GENERATOR, tmp_path / ".ci" / "dashboards", ignore=shutil.ignore_patterns("__pycache__"))
    folder = tmp_path / "collector-config" / "grafana" / "dashboards"
    shutil.copytree(FOLDER, folder)
    (folder / "cost.json").write_text((folder / "cost.json").read_text().replace("Spend", "Spent"))
    (folder / "tokens.json").unlink()
    (folder / "mine.json").write_text("{}")

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, tmp_path / ".ci" / "dashboards", *arguments], capture_output=True, text=True
        )
        return done.returncode, done.stdout

    assert run("--check") == (1, "cost.json, mine.json, tokens.json: stale; run `make dashboards`\n")
    assert (folder / "mine.json").exists(), "--check writes nothing"
    assert run() == (0, "cost.json, mine.json, tokens.json: written\n")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        path.name: path.read_bytes() for path in FOLDER.iterdir()
    }


def test_grafana_finds_the_dashboards_where_compose_mounts_them():
    (provider,) = read(PROVISIONING / "dashboards" / "genmeter.yaml")["providers"]
    volumes = read(CONFIG / "compose.yaml")["services"]["grafana"]["volumes"]
    assert f"./grafana/dashboards:{provider['options']['path']}:ro" in volumes
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)


@pytest.mark.parametrize("name", BOARDS)
def test_the_first_choice_of_a_data_source_is_the_provisioned_one(name):
    for one in BOARDS[name]["templating"]["list"]:
        if one["type"] == "datasource":
            assert SOURCES[one["current"]["value"]]["type"] == one["query"] == one["name"]


def test_a_point_leads_to_its_trace_a_trace_to_its_lines_and_a_line_to_its_trace():
    prometheus, jaeger, loki = (SOURCES[uid]["jsonData"] for uid in ("prometheus", "jaeger", "loki"))
    assert prometheus["exemplarTraceIdDestinations"] == [{"name": "trace_id", "datasourceUid": "jaeger"}]
    assert jaeger["tracesToLogsV2"]["datasourceUid"] == "loki"
    (field,) = loki["derivedFields"]
    assert (field["matcherType"], field["matcherRegex"], field["datasourceUid"]) == ("label", "trace_id", "jaeger")


def test_a_rate_spans_several_exports_of_an_application():
    # The SDK exports once a minute: with Grafana's default of 15 s a rate would span one of its points, and be empty.
    assert SOURCES["prometheus"]["jsonData"]["timeInterval"] == "1m"
    over_time = [
        target for board in BOARDS.values() for _, target in boards.targets(board, "prometheus") if target.get("range")
    ]
    assert len(over_time) > 50 and {target["interval"] for target in over_time} == {"1m"}


def test_an_id_of_a_trace_in_a_table_opens_it_in_jaeger():
    links = [
        link["url"]
        for one in BOARDS["agents"]["panels"]
        for override in one.get("fieldConfig", {}).get("overrides", ())
        for change in override["properties"]
        if change["id"] == "links"
        for link in change["value"]
    ]
    assert len(links) == 3 and len(set(links)) == 1
    page, _, panes = links[0].partition("&panes=")
    assert page == "/explore?schemaVersion=1"
    # As Grafana does it: its variables are filled in, then the address is read.
    for name, value in {"jaeger": "jaeger", "__value.raw": "4bf9", "__from": "1", "__to": "2"}.items():
        panes = panes.replace(f"${{{name}}}", value)
    assert json.loads(unquote(panes)) == {
        "genmeter": {
            "datasource": "jaeger",
            "queries": [{"refId": "A", "query": "4bf9"}],
            "range": {"from": "1", "to": "2"},
        }
    }
