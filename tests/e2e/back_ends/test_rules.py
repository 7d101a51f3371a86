"""The rules on promtool, the built one and the oldest that we support (2.42), and on a running Prometheus."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.collector.promql import RULES, TESTS, rules
from tests.e2e.back_ends.conftest import oldest, run, service
from tests.stack import Stack
from tests.stack.asking import prom_query, until
from tests.stack.loopback import get
from tests.stack.roster import ROOT, program
from tests.stub import StubServer


@pytest.fixture(params=["built", "old"])
def promtool(request: pytest.FixtureRequest) -> Path:
    """promtool: the one beside the built Prometheus, and the oldest where it can be had."""
    server = program("prometheus") if request.param == "built" else oldest("prometheus-old")
    return server.with_name("promtool")


def promtool_run(promtool: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What promtool says; its findings are on both of its outputs."""
    return subprocess.run([promtool, *arguments], capture_output=True, text=True, timeout=300)


def test_every_rule_is_valid_and_none_is_there_twice(promtool):
    done = promtool_run(promtool, "check", "rules", "--lint=all", "--lint-fatal", *sorted(RULES.glob("*.yaml")))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", sorted(TESTS.glob("*_test.yaml")), ids=lambda file: file.stem)
def test_alerts_fire_where_they_should_and_are_silent_where_they_must(promtool, file):
    done = promtool_run(promtool, "test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "test", "right", "wrong"),
    [
        # The traps of the rules that people copy: a share without a bound for chance, a first week without history, a few failures.
        ("reliability", "reliability", "ratio_rate5m > 0.05 + 3 * sqrt", "ratio_rate5m > 0.5 + 3 * sqrt"),
        ("reliability", "reliability", "ratio_rate5m > 0.05 + 3 * sqrt", "ratio_rate5m > 0.05 + 0 * sqrt"),
        ("telemetry", "telemetry", "[6h] offset 15m", "[1m] offset 15m"),
        ("anomalies", "anomalies", "[1d:1h] offset 3d) > 0", "[1d:1h] offset 1h) > 0"),
        ("anomalies", "runaway", "rate30m > application:genmeter_calls:band_rate1h", "rate30m > 0"),
        ("anomalies", "anomalies", "+ 3 * stddev_over_time(application:genmeter_cost_usd_per_1k", "+ 0 * stddev_over_time(application:genmeter_cost_usd_per_1k"),
        ("reliability", "messages", "topk(1, sum by", "topk(2, sum by (job) "),
        ("budgets", "budgets", "group_left () max by (budget_id) (last_over_time(", "group_left () 2 * max by (budget_id) (last_over_time("),
    ],
)  # fmt: skip
def test_a_broken_rule_is_found_by_its_test(tmp_path, file, test, right, wrong):
    shutil.copytree(RULES, tmp_path / "rules")
    shutil.copytree(TESTS, tmp_path / "tests")
    broken = tmp_path / "rules" / f"{file}.yaml"
    text = broken.read_text()
    assert right in text
    broken.write_text(text.replace(right, wrong))
    built = program("prometheus").with_name("promtool")
    assert promtool_run(built, "test", "rules", tmp_path / "tests" / f"{test}_test.yaml").returncode == 1


def test_a_running_prometheus_evaluates_every_rule_without_an_error(stack: Stack, tmp_path):
    name = service("rules")
    with StubServer() as stub:
        script = tmp_path / "app.py"
        script.write_text(
            "import time, openai\n"
            "from genmeter import attribution\n"
            "client = openai.OpenAI()\n"
            "for _ in range(4):\n"
            f"    with attribution(department='rules', application='{name}'):\n"
            "        client.chat.completions.create(model='gpt-4o', messages=[{'role': 'user', 'content': 'hi'}])\n"
            "    time.sleep(1)\n"
        )
        run(stub, stack.otlp_http, name, script)
    (calls,) = prom_query(stack, f'application:genmeter_calls:rate5m{{genmeter_application="{name}"}} > 0')
    assert calls.labels["genmeter_department"] == "rules"

    def evaluated() -> list[dict[str, str]]:
        groups = json.loads(get(f"{stack.prometheus.url}/api/v1/rules")[1])["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    found = until(evaluated)
    assert len(found) == len(rules())
    assert [rule for rule in found if rule.get("lastError")] == []


def test_the_generator_refuses_an_objective_that_no_histogram_can_judge(tmp_path):
    for name in (".ci", "collector-config/prometheus/rules"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "slo.py", tmp_path / ".ci")
    config = tmp_path / "collector-config" / "slo.yaml"
    config.write_text("slos: [{name: quick, kind: latency, seconds: 10, objective: 0.9, minimum_calls: 50}]\n")
    done = subprocess.run([sys.executable, tmp_path / ".ci" / "slo.py"], capture_output=True, text=True)
    assert done.returncode == 1 and "'quick': 10 seconds is no bound of the histogram" in done.stderr
