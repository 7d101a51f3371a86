"""The same figures in the report, on the page and on the dashboards, to the pico-dollar.

List prices in USD per million tokens, that is in micro-dollars (10⁶ pico-dollars) per token: gpt-5.4-mini 0.75 in and
4.50 out, claude-haiku-4-5 1 and 5, text-embedding-3-small 0.02, gpt-4o 2.50 and 10.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import urlencode

import pytest

from genmeter import names
from tests.e2e.back_ends.conftest import PICO, booked, foreign_call, mark, pico, run, send, service
from tests.e2e.back_ends.panels import Filling, Moment, ask_prometheus, dashboards, targets
from tests.stack.asking import ledger_metrics, prom_query, until
from tests.stack.loopback import get_json
from tests.stub import Reply, StubServer

# The tests of this folder that share the session's stack run on one worker.
pytestmark = pytest.mark.xdist_group("stack")

BOARDS = dashboards()
WITHIN = 60.0
BEGINNING = datetime.fromtimestamp(int(time.time()) - 24 * 3600, UTC)
"""A day ago: nothing of the stack was there."""
APP = """
import anthropic, openai
from genmeter import attribution

asked = [{{"role": "user", "content": "Where?"}}]
with attribution(department="{north}", application="{desk}"):
    for _ in range(3):
        openai.OpenAI().chat.completions.create(model="gpt-5.4-mini", messages=asked)
with attribution(department="{north}", application="search"):
    openai.OpenAI().embeddings.create(model="text-embedding-3-small", input="Where?")
with attribution(department="{south}", application="{desk}"):
    anthropic.Anthropic().messages.create(model="claude-haiku-4-5", max_tokens=9, messages=asked)
    openai.OpenAI().chat.completions.create(model="house-7b", messages=asked)
# Nobody says who pays for this.
openai.OpenAI().chat.completions.create(model="gpt-5.4-mini", messages=asked)
"""
MINI = 18_750_000
"""7 × 0.75 + 3 × 4.50 micro-dollars."""
EMBEDDING = 220_000
"""11 × 0.02."""
HAIKU = 18_000_000
"""13 × 1 + 1 × 5."""
FOREIGN = 3_500_000_000
"""1000 × 2.50 + 100 × 10: a span of another instrumentation, priced by the collector."""


def answers() -> StubServer:
    """Providers whose calls cost fractions of a cent."""
    stub = StubServer()
    stub.for_model("gpt-5.4-mini", Reply(usage={"prompt_tokens": 7, "completion_tokens": 3}))
    stub.for_model("text-embedding-3-small", Reply(usage={"prompt_tokens": 11, "total_tokens": 11}))
    stub.for_model("claude-haiku-4-5", Reply(usage={"input_tokens": 13, "output_tokens": 1}))
    return stub


def spend(stack, folder, who):
    """Run the app for these departments, and report the foreign call; return when everything is booked."""
    name = service("figures")
    script = folder / f"{name}.py"
    script.write_text(APP.format(**who), encoding="utf-8")
    with answers() as stub:
        run(stub, stack.otlp_http, name, script)
    foreign = json.loads(json.dumps(foreign_call(name, uuid.uuid4().hex)))
    (span,) = foreign["scopeSpans"][0]["spans"]
    span["startTimeUnixNano"] = span["endTimeUnixNano"] = str(time.time_ns())
    for key, value in ((names.DEPARTMENT, who["south"]), (names.APPLICATION, "crawler")):
        span["attributes"].append({"key": key, "value": {"stringValue": value}})
    send(stack.otlp_http, {"resourceSpans": [foreign]})
    booked(stack, name, least=8)


def of_report(stack, by, since=None):
    """`genmeter report`: key → pico-dollars, of everybody who has cost anything."""
    command = [sys.executable, "-m", "genmeter", "report", "--json", "--by", by]
    command += ["--ledger", stack.ledger.data / "ledger.db"]
    command += ["--since", since.isoformat()] if since else []
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)
    return whole({row[by] or "": int(Decimal(row["cost"]) * PICO) for row in rows if row["cost"] is not None})


def page(stack, by, since=None):
    """What the page asks for its table."""
    query = urlencode({"by": by} | ({"since": since.isoformat()} if since else {}))
    return get_json(f"{stack.ledger.url}/api/spend?{query}", stack.ledger.token)


def of_page(stack, by, since=None):
    """The page's table: key → pico-dollars."""
    rows = page(stack, by, since)["rows"]
    return whole({row["key"] or "": int(Decimal(row["cost"].get("USD", "0")) * PICO) for row in rows})


def of_panel(stack, title, by, since, board="cost", ref="A", **chosen):
    """What the dashboard's panel shows at this moment: a row for each key, in units of 1e-12."""
    target = next(one for one in targets(board, BOARDS[board]) if (one.title, one.body["refId"]) == (title, ref))
    everything = Filling({one["name"]: ".*" for one in BOARDS[board]["templating"]["list"]} | chosen)
    at = Moment(int(since.timestamp()), int(time.time()))
    found = ask_prometheus(target, everything, stack.prometheus.url, at)
    sums: dict[str, int] = {}
    for one in found:
        key = one.labels.get(by, "")
        sums[key] = sums.get(key, 0) + pico(float(one.values[-1]))
    return whole(sums)


def whole(sums):
    """Without those who cost nothing: a panel has a bar for them, a report of a later window no row."""
    return {key: value for key, value in sums.items() if value}


PANELS = {"model": "By model", "department": "By department", "application": "By application"}


def agree(stack, by, since, range_from):
    """The three answers, once they are the same; the test fails with the last ones where they never are."""

    def ask():
        return of_report(stack, by, since), of_page(stack, by, since), of_panel(stack, PANELS[by], by, range_from)

    report, _, _ = until(ask, lambda found: found[0] == found[1] == found[2], within=WITHIN, what=f"one answer by {by}")
    return report


@pytest.fixture(scope="module")
def figures(stack, tmp_path_factory):
    """Departments that have spent twice, a moment between the two, and a department that came into being after it."""
    folder = tmp_path_factory.mktemp("figures")
    old = {key: service(key) for key in ("north", "south", "desk")}
    new = {**old, "south": service("south")}
    mark(stack)  # what other tests have sent is there
    spend(stack, folder, old)
    # Prometheus has all of it before the moment that parts the two.
    money = f'sum(genmeter_ledger_spend_usd{{department="{old["south"]}"}})'
    prom_query(stack, money, lambda found: found and pico(found[0].value) == HAIKU + FOREIGN, within=WITHIN)
    between = datetime.fromtimestamp(int(time.time()) + 1, UTC)
    until(lambda: time.time() > between.timestamp() + 1, within=WITHIN)
    spend(stack, folder, new)
    return old, new, between


def test_report_page_and_dashboard_agree_on_everything_ever_spent(stack, figures):
    old, new, _ = figures
    by_department = agree(stack, "department", None, BEGINNING)
    assert by_department[old["north"]] == 2 * (3 * MINI + EMBEDDING)
    assert by_department[old["south"]] == HAIKU + FOREIGN
    assert by_department[new["south"]] == HAIKU + FOREIGN
    assert agree(stack, "application", None, BEGINNING)[old["desk"]] == 2 * (3 * MINI + HAIKU)
    by_model = agree(stack, "model", None, BEGINNING)
    assert sum(by_model.values()) == sum(by_department.values())


def test_the_total_is_the_sum_of_the_rows_wherever_it_stands(stack, figures):
    rows = sum(agree(stack, "department", None, BEGINNING).values())
    summary = get_json(f"{stack.ledger.url}/api/summary", stack.ledger.token)
    assert int(Decimal(summary["cost"]["USD"]) * PICO) == rows
    for board in ("overview", "cost"):
        assert of_panel(stack, "Spend", "", BEGINNING, board) == {"": rows}
        one = of_panel(stack, "Spend", "", BEGINNING, board, department=[figures[0]["north"]])
        assert one == {"": 2 * (3 * MINI + EMBEDDING)}


def test_calls_without_a_price_are_counted_and_cost_nothing(stack, figures):
    old, _, _ = figures
    agree(stack, "department", None, BEGINNING)
    calls = of_panel(stack, "By department", "department", BEGINNING, ref="B")
    # haiku, the one that nobody can price, and the foreign one
    assert calls[old["south"]] == 3 * PICO
    (row,) = [row for row in page(stack, "department")["rows"] if row["key"] == old["south"]]
    assert (row["calls"], row["unpriced"]) == (3, 1)


def test_a_range_counts_what_was_spent_in_it_and_an_application_that_was_born_in_it(stack, figures):
    old, new, between = figures
    by_department = agree(stack, "department", between, between)
    assert by_department[old["north"]] == 3 * MINI + EMBEDDING
    # Its series is born with all of its money; increase() would have seen nothing of it.
    assert by_department[new["south"]] == HAIKU + FOREIGN
    assert old["south"] not in by_department
    assert agree(stack, "application", between, between)[old["desk"]] == 3 * MINI + HAIKU


def test_a_restart_of_the_ledger_changes_no_figure(stack, figures):
    _, _, between = figures
    before = {by: (agree(stack, by, None, BEGINNING), agree(stack, by, between, between)) for by in PANELS}
    stack.stop("ledger")
    until(lambda: prom_query(stack, 'up{job="ledger"} == 0'), within=WITHIN)
    stack.start("ledger")
    uptime = ledger_metrics(stack)["genmeter_ledger_uptime_seconds"][0].value
    prom_query(stack, f"genmeter_ledger_uptime_seconds < {uptime + 30}", within=WITHIN)
    assert before == {by: (agree(stack, by, None, BEGINNING), agree(stack, by, between, between)) for by in PANELS}
