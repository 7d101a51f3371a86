"""The dashboards on the running stack: Loki's and Jaeger's panels, the ways between the stores, and names that are really served."""

from __future__ import annotations

import json
import re
import textwrap
import time
import uuid
from collections import defaultdict
from urllib.parse import urlencode

import pytest

from genmeter import names
from genmeter.server.prometheus import label_name
from tests.collector.promql import rules, uses
from tests.demo import providers
from tests.e2e.back_ends.conftest import ROOT, booked, foreign_call, mark, run, send, service
from tests.e2e.back_ends.history import ALERTS, history
from tests.e2e.back_ends.panels import (
    Filling,
    ask_loki,
    dashboards,
    data_sources,
    fillings,
    missing_columns,
    targets,
    times,
    window,
    wrong,
)
from tests.stack.asking import jaeger_trace, loki_lines, prom_exemplars, until
from tests.stack.loopback import get_json
from tests.stub import Reply

# The tests of this folder that share the session's stack run on one worker.
pytestmark = pytest.mark.xdist_group("stack")

BOARDS = dashboards()
VECTORS = json.loads((ROOT / "tests" / "vectors" / "names.json").read_text(encoding="utf-8"))
LOKI = [target for name, board in BOARDS.items() for target in targets(name, board) if target.source == "loki"]
JAEGER = [target for name, board in BOARDS.items() for target in targets(name, board) if target.source == "jaeger"]
CALLS = 11 + 3
"""The demo's, and those of the session."""
SESSION = """
import openai
from opentelemetry import trace
from genmeter import attribution

asked = [{"role": "user", "content": "Where is my parcel?"}]
with attribution(department="support", application="desk", session="SESSION"):
    with trace.get_tracer("desk").start_as_current_span("turn"):
        openai.OpenAI().chat.completions.create(model="gpt-5.6", messages=asked)
        openai.OpenAI().responses.create(model="gpt-5.4-mini", input="Where is my parcel?")
# Nobody says who pays for this one, and nobody knows what it costs.
openai.OpenAI().chat.completions.create(model="house-7b", messages=asked)
"""
DEAR = 0.006
"""Of the first call of the session, cut off by the limit of its length: 1000 × 4 + 100 × 20 micro-dollars."""
CHEAP = 0.000_316_5
"""Of the second, as in the demo: 350 × 0.75 + 12 × 4.50 micro-dollars."""


@pytest.fixture(scope="module")
def told(stack, tmp_path_factory) -> str:
    """The service name under which the demo and a session of two turns have run, all of it in all stores."""
    name = service("panels")
    script = tmp_path_factory.mktemp("session") / "session.py"
    script.write_text(textwrap.dedent(SESSION).replace("SESSION", name), encoding="utf-8")
    settings = {"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test", "GENMETER_CHUNK_TIMES": "true"}
    with providers() as stub:
        run(stub, stack.otlp_http, name, ROOT / "examples" / "demo.py", **settings)
        stub.script(
            "/chat/completions", Reply(finish="length", usage={"prompt_tokens": 1000, "completion_tokens": 100})
        )
        run(stub, stack.otlp_http, name, script, **settings)
    send(stack.otlp_http, {"resourceSpans": [foreign(name, "gpt-4o"), foreign(name, "house-7b")]})
    send(stack.otlp_http, {"resourceLogs": [coding_agent(name)]})
    booked(stack, name, least=CALLS + 3)
    loki_lines(stack, f'{{service_name="{name}"}}', least=CALLS + 2)
    mark(stack)
    # The values of a dashboard's variables come from the ledger's metrics too, which the next scrape brings.
    read = {target.dashboard for target in LOKI + JAEGER}
    until(lambda: [chosen(stack, dashboard, name) for dashboard in read], what="values of the dashboards' variables")
    return name


def foreign(name, model):
    """A call that another instrumentation reports, with all that the collector makes labels of."""
    made = json.loads(json.dumps(foreign_call(name, uuid.uuid4().hex)).replace("gpt-4o", model))
    who = {names.DEPARTMENT: "support", names.APPLICATION: "crawler", names.RESPONSE_MODEL: model}
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in who.items()]
    made["scopeSpans"][0]["spans"][0]["attributes"] += attributes
    where = {"key": names.ENVIRONMENT, "value": {"stringValue": "test"}}
    made["resource"]["attributes"].append(where)
    return made


def coding_agent(name):
    """What Claude Code tells of one request (tests/vectors/emitters), with the repository that its user has named."""
    recorded = json.loads(
        (ROOT / "tests" / "vectors" / "emitters" / "claude_code_log.json").read_text(encoding="utf-8")
    )
    (made,) = recorded["resourceLogs"]
    where = {"service.name": name, "vcs.repository.name": "shop", names.ENVIRONMENT: "test"}
    made["resource"]["attributes"] = [{"key": key, "value": {"stringValue": value}} for key, value in where.items()]
    made["scopeLogs"][0]["logRecords"][0]["timeUnixNano"] = str(time.time_ns())
    return made


def chosen(stack, name, told):
    """The range that ends a little after now, and the variables: everything, and the service alone."""
    at = window(BOARDS[name], int(time.time()) + 120)
    urls = {"prometheus": stack.prometheus.url, "loki": stack.loki.url}
    everything, _ = fillings(BOARDS[name], urls, at, {})
    one = Filling(everything.values | {"service": [told]})
    return at, {"everything": everything, "one service": one}


def test_lokis_panels_are_found():
    assert len(LOKI) > 10 and JAEGER


@pytest.mark.parametrize("which", ["everything", "one service"])
@pytest.mark.parametrize("target", LOKI, ids=str)
def test_every_panel_of_lokis_answers_with_numbers_and_the_labels_that_it_names(stack, told, target, which):
    at, filled = chosen(stack, target.dashboard, told)
    logs = target.panel["type"] == "logs"

    def faults():
        answers = ask_loki(target, filled[which], stack.loki.url, at)
        fields = re.findall(r"\{\{\.(\w+)\}\}", target.expr)
        absent = [field for field in fields if not any(one.labels.get(field) for one in answers)]
        columns = missing_columns(target.panel, {"A": answers}, "loki") if target.panel["type"] == "table" else []
        return wrong(target, answers, lines=logs) + absent + columns

    until(
        lambda: faults() or ["none"],
        lambda found: found == ["none"],
        within=60,
        what=f"a sound answer to {target.expr}",
    )


DEMO_TOOL_TURN = 0.01644
"""(180 × 3 + 4000 × 3.75 + 60 × 15) micro-dollars, as in test_path.py."""
EXPECTED = {
    "Calls": {"": CALLS},
    "Asked for a tool": {"": 1},
    "Tool turns": {"": 1 / CALLS},
    "Cost of tool turns": {"": DEMO_TOOL_TURN},
    "Cut short": {"": 1},
    "Ran out of room": {"": 1},
    "Errors": {"rate_limit_exceeded": 1},
    "Dearest sessions": {"desk SESSION": DEAR + CHEAP},
    "Longest sessions": {"desk SESSION": 2},
}
"""Of the demo and the session, by hand. The other calls have a trace each; the session's two share one."""


@pytest.mark.parametrize("title", EXPECTED)
def test_a_panel_of_lokis_shows_what_a_person_works_out(stack, told, title):
    (target,) = [one for one in LOKI if one.title == title]
    at, filled = chosen(stack, target.dashboard, told)
    answers = ask_loki(target, filled["one service"], stack.loki.url, at)
    shown = {_who(one.labels): float(one.values[-1]) for one in answers}
    assert shown == pytest.approx({key.replace("SESSION", told): value for key, value in EXPECTED[title].items()})


def _who(labels):
    return " ".join(value for _, value in sorted(labels.items()))


def test_the_trace_with_most_calls_is_the_sessions_and_a_click_on_it_finds_it(stack, told):
    (target,) = [one for one in LOKI if one.title == "Traces with most calls"]
    at, filled = chosen(stack, target.dashboard, told)
    most = max(ask_loki(target, filled["one service"], stack.loki.url, at), key=lambda one: float(one.values[-1]))
    assert float(most.values[-1]) == 2
    spans = jaeger_trace(stack, most.labels["trace_id"], spans=3)
    assert {span.name for span in spans} == {"turn", "chat gpt-5.6", "chat gpt-5.4-mini"}


@pytest.mark.parametrize("target", JAEGER, ids=str)
def test_every_panel_of_jaegers_finds_traces(stack, told, target):
    _, filled = chosen(stack, target.dashboard, told)
    values = filled["one service"].values
    (variable,) = re.findall(r"^\$(\w+)$", target.body["service"])
    filling = Filling(values | {variable: told, "operation": "chat"})
    key, _, value = filling.fill(target.body["tags"]).partition("=")
    asked = {"service": filling.fill(target.body["service"]), "tags": json.dumps({key: value}), "lookback": "1h"}
    url = f"{stack.jaeger.url}/api/traces?{urlencode(asked | {'limit': target.body['limit']})}"
    found = until(lambda: get_json(url)["data"], lambda traces: len(traces) >= CALLS - 2, within=60, what=url)
    operations = [
        tag["value"] for trace in found for span in trace["spans"] for tag in span["tags"] if tag["key"] == key
    ]
    assert set(operations) >= {"chat"}


def test_from_an_exemplar_to_the_trace_and_from_the_trace_to_its_log_line(stack, told):
    """The way of the provisioned data sources: each step asks what Grafana would ask."""
    sources = data_sources()
    (to_trace,) = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert to_trace["datasourceUid"] == sources["jaeger"]["uid"]
    model = "claude-haiku-4-5"
    series = f'gen_ai_client_inference_duration_seconds_bucket{{job="{told}",gen_ai_request_model="{model}"}}'
    exemplar = prom_exemplars(stack, series, within=60)[0]
    (span,) = jaeger_trace(stack, exemplar["labels"][to_trace["name"]])
    to_logs = sources["jaeger"]["jsonData"]["tracesToLogsV2"]
    assert to_logs["datasourceUid"] == sources["loki"]["uid"]
    tags = ",".join(f'{tag["value"]}="{span.resource[tag["key"]]}"' for tag in to_logs["tags"])
    known = {"${__tags}": tags, "${__trace.traceId}": exemplar["labels"]["trace_id"]}
    query = to_logs["query"].replace("$$", "$")  # as Grafana's provisioning reads it
    for name, value in known.items():
        query = query.replace(name, value)
    lines = loki_lines(stack, query, within=60)
    details = [line for line in lines if line.attributes["event_name"] == names.EVENT_DETAILS]
    assert [line.attributes["gen_ai_request_model"] for line in details] == [model]
    # And back: the field of a line that leads to its trace.
    (back,) = sources["loki"]["jsonData"]["derivedFields"]
    assert back["datasourceUid"] == sources["jaeger"]["uid"] and back["matcherType"] == "label"
    assert details[0].attributes[back["matcherRegex"]] == exemplar["labels"]["trace_id"]


SELDOM = {
    "otelcol_exporter_send_failed_spans": "born with the first failure; otelcol exporterhelper/metadata.yaml",
    "otelcol_exporter_send_failed_log_records": "as above",
    "otelcol_exporter_send_failed_metric_points": "as above",
    "otelcol_exporter_enqueue_failed_spans": "as above",
    "otelcol_exporter_enqueue_failed_log_records": "as above",
    "otelcol_exporter_enqueue_failed_metric_points": "as above",
    "otelcol_processor_genai_cost_reloads": "born with the first change of a price file; test_reload.py",
    "genmeter_internal_failures_total": "born with the first failure of genmeter; tests/metering_faults",
    "genmeter_budget_limit": "needs budgets; tests/server/test_budget_gauges.py",
    "genmeter_budget_spent": "as above",
    "genmeter_budget_threshold": "as above",
    "genmeter_budget_projected": "as above",
    "genmeter_budget_period_end_seconds": "as above",
    "genmeter_budget_unbudgeted": "as above",
}
"""Names that a healthy stack without budgets does not have, and where they are proven instead."""


def served(stack):
    """Name → labels, of every series that the stack's Prometheus has."""
    found = defaultdict(set)
    for one in get_json(f"{stack.prometheus.url}/api/v1/series?{urlencode({'match[]': '{__name__!=``}'})}")["data"]:
        found[one["__name__"]] |= one.keys() - {"__name__"}
    return found


def test_every_name_that_a_panel_reads_is_recorded_or_served(stack, told):
    known = {rule.name for rule in rules()} | SELDOM.keys()
    read = defaultdict(set)
    for name, board in BOARDS.items():
        for target in targets(name, board):
            if target.source == "prometheus":
                at = window(board, int(time.time()))
                everything = Filling(defaultdict(lambda: ".*"))
                everything.values.update(dict.fromkeys(re.findall(r"\$(\w+)", target.expr), ".*"))
                for use in uses(everything.fill(target.expr, times(target, at))):
                    read[use.name].add(str(target))
    until(
        lambda: {name: panels for name, panels in read.items() if name not in known | served(stack).keys()},
        lambda missing: not missing,
        within=60,
        what="names that panels read and nobody serves",
    )


OVERFLOW = "otel_metric_overflow"
"""On a series of the collector's beyond its limit alone; src/genaicostprocessor tests it."""


def test_the_history_of_the_tests_has_the_names_and_labels_of_the_stack(stack, told):
    past = defaultdict(lambda: {OVERFLOW})
    for series in history():
        past[series.name] |= series.labels.keys()
    del past["ALERTS"]  # the next test
    # A label may be missing here when nothing of the kind has happened: test_emitted.py has it from the SDK itself.
    listed = {label_name(label) for row in VECTORS["metrics"] for label in row["labels"]}

    def strange():
        now = served(stack)
        missing = {
            name: sorted(labels - now[name] - listed - {OVERFLOW}) for name, labels in past.items() if name in now
        }
        return {name: labels for name, labels in missing.items() if labels}

    until(lambda: [strange()], lambda found: found == [{}], within=60, what="no label that only the tests' history has")
    assert past.keys() - served(stack).keys() - SELDOM.keys() == set()


def test_the_alerts_of_the_history_are_alerts_of_the_rules():
    shipped = {
        (rule.name, *(rule.body["labels"][key] for key in ("severity", "category")))
        for rule in rules()
        if "alert" in rule.body
    }
    assert {alert[:3] for alert in ALERTS} <= shipped
