"""Each example runs as it is, and the meter says what the stub's usage costs at list price.

The stub's default usage: Responses 36 in, 87 out; chat 19 in, 10 out; Messages 25 in, 15 out. List prices per million
tokens: gpt-5.4-mini 0.75 in, 4.50 out; gpt-5.4 2.50 and 15.00; claude-haiku-4-5 1.00 and 5.00.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from tests.examples.conftest import ROOT, command


def costs(receipt):
    return {row["model"]: row["cost"] for row in receipt["models"]}


def rows(environment, by):
    done = subprocess.run(
        command("report", "--by", by, "--json"), env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return {row[by]: row for row in json.loads(done.stdout)}


def test_plain(receipt):
    found, out = receipt("plain.py")
    assert out.startswith("gpt-5.4-mini:     In a peaceful grove") and "Hi! My name is Claude." in out
    # 36 × 0.75 + 87 × 4.50 = 27 + 391.5 = 418.5 millionths; 25 × 1 + 15 × 5 = 100
    assert costs(found) == {
        "gpt-5.4-mini-2026-03-17": {"USD": "0.0004185"},
        "claude-haiku-4-5-20251001": {"USD": "0.0001"},
    }
    assert (found["calls"], found["total"], found["errors"]) == (2, {"USD": "0.0005185"}, {})


def test_async_streaming_keeps_the_payers_apart(receipt, environment):
    found, _ = receipt("async_streaming.py")
    assert found["cut_streams"] == 0 and found["unpriced"] == []
    spent = {department: row["cost"] for department, row in rows(environment, "department").items()}
    # press: 19 × 0.75 + 10 × 4.50 = 59.25; legal: 36 × 2.50 + 87 × 15 = 1395; marketing: 25 + 75 = 100
    assert spent == {
        "press": "0.00005925",
        "legal": "0.001395",
        "marketing": "0.0001",
    }


def test_openrouter_is_billed_what_it_reports(receipt, environment, stub):
    address = stub.url.removeprefix("http://")
    environment["OPENAI_BASE_URL"] = stub.flavour_url("openrouter")
    environment["GENMETER_SELLERS"] = f"{address}/openrouter/api/v1=openrouter"
    found, _ = receipt("openrouter.py")
    # usage.cost of the answer; its tokens at the list price would be 194 × 0.75 + 2 × 4.50 = 154.5 millionths
    assert found["total"] == {"USD": "0.00095"}


def test_a_spent_budget_answers_without_a_call(receipt, environment, stub, tmp_path):
    text = re.search(r"\[budgets\..*?reject\"\n", (ROOT / "examples" / "budget.py").read_text(), re.DOTALL)[0]
    # By the quarter, whose end is not likely to come while this runs; the second call spends it.
    text = text.replace('"5.00"', '"0.0008"').replace('"day"', '"quarter"')
    (tmp_path / "genmeter.toml").write_text(text)
    environment["GENMETER_CONFIG"] = str(tmp_path / "genmeter.toml")
    found, out = receipt("budget.py")
    # 36 × 0.75 + 87 × 4.50 = 418.5 millionths, twice
    assert (found["calls"], found["total"], found["errors"]) == (2, {"USD": "0.000837"}, {})
    assert out.count("In a peaceful grove") == 2 and len(stub.requests) == 2
    assert re.search(r"open\? Our assistant is back on 01 \w+\. \(0\.000837 of 0\.0008 USD are spent\.\)\n", out)


def test_agents_have_their_own_spend_and_that_of_the_agents_inside(receipt, environment):
    found, _ = receipt("agents.py")
    # 36 × 0.75 + 87 × 4.50 = 418.5 millionths, by triage and by the workflow; 36 × 2.50 + 87 × 15 = 1395, by billing
    assert (found["calls"], found["total"]) == (3, {"USD": "0.002232"})
    spent = {agent: (row["cost"], row["with_inside"]) for agent, row in rows(environment, "agent").items()}
    assert spent == {
        "triage": ("0.0004185", "0.0018135"),
        "billing": ("0.001395", "0.001395"),
        None: ("0.0004185", "0.0004185"),
    }
    assert {name: row["cost"] for name, row in rows(environment, "workflow").items()} == {"refunds": "0.002232"}
    assert {name: row["cost"] for name, row in rows(environment, "conversation").items()} == {"letter-7": "0.002232"}


def test_manual_setup_prints_its_own_span_and_metrics(environment):
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "manual_setup.py"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "chat gpt-5.4-mini" in done.stdout
    assert "  gen_ai.usage.cost.amount = 0.0004185" in done.stdout
    assert "  genmeter.department = research" in done.stdout
    assert "genmeter.cost.usd {USD}" in done.stdout


def test_fastapi_attributes_each_request_at_the_edge(environment):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    served = [sys.executable, "-m", "uvicorn", "--app-dir", str(ROOT / "examples"), "fastapi_app:app", "--port", port]
    process = subprocess.Popen(
        command("run", "--json", "--", *served),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        for user, department in (("ada", "support"), ("grace", "marketing"), ("ada", "support")):
            answer = ask(f"http://127.0.0.1:{port}/ask?question=Why", {"X-User": user, "X-Department": department})
            assert answer["answer"].startswith("In a peaceful grove")
    finally:
        # Ctrl-C, as a terminal sends it: to the whole group. (On SIGTERM uvicorn ends by the signal itself, and the
        # last quarter of a second of telemetry with it.)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert json.loads(err.strip().splitlines()[-1])["calls"] == 3
    # Two of three calls at 418.5 millionths each
    assert {key: row["cost"] for key, row in rows(environment, "user").items()} == {
        "ada": "0.000837",
        "grace": "0.0004185",
    }
    assert {key: row["calls"] for key, row in rows(environment, "department").items()} == {"support": 2, "marketing": 1}
    assert set(rows(environment, "application")) == {"assistant"}


def ask(url, headers):
    deadline = time.monotonic() + 40
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_the_program_in_the_readme_runs(receipt, environment, tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    program = tmp_path / "readme.py"
    program.write_text(re.search(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)[1], encoding="utf-8")
    found, out = receipt(program)
    assert out.startswith("In a peaceful grove")
    # 36 × 0.75 + 87 × 4.50 = 418.5 millionths
    assert found["total"] == {"USD": "0.0004185"}
    assert set(rows(environment, "user")) == {"ada"}
    assert set(rows(environment, "department")) == {"support"}


def test_own_http_is_recorded_and_told_its_cost(receipt):
    found, out = receipt("own_http.py")
    # 19 × 0.75 + 10 × 4.50 = 14.25 + 45 = 59.25 millionths
    assert "It cost 0.00005925 USD\n" in out
    assert (found["calls"], found["total"], found["errors"]) == (1, {"USD": "0.00005925"}, {})
