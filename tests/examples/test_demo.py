"""`make demo` prints a receipt whose every number can be worked out by hand from published prices.

Usage is that of ``tests/demo``. List prices in USD per million tokens (input, cached, cache write, output):

| model                  |  input | cached | write | output |
|------------------------|-------:|-------:|------:|-------:|
| text-embedding-3-small |   0.02 |        |       |        |
| gpt-5.4-mini           |   0.75 |        |       |   4.50 |
| gpt-5.6                |   4.00 |   0.40 |       |  20.00 |
| claude-haiku-4-5       |   1.00 |        |       |   5.00 |
| claude-sonnet-4-5      |   3.00 |   0.30 |  3.75 |  15.00 |
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys

import pytest

from tests.examples.conftest import ROOT, command

# One worker runs the demo once for all of these.
pytestmark = pytest.mark.xdist_group("demo")


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The demo's own command with the receipt as JSON in one file and as text in another."""
    folder = tmp_path_factory.mktemp("demo")
    key = folder / "user.key"
    key.write_bytes(bytes(32))

    def run(*options):
        metered = command("run", *options, "--ledger", str(folder / "ledger.db"), "--", sys.executable)
        done = subprocess.run(
            [sys.executable, "-m", "tests.demo", "--", *metered, "examples/demo.py"],
            cwd=ROOT,
            env={**os.environ, "GENMETER_USER_KEY_FILE": str(key)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done

    found = json.loads(run("--json").stderr.strip().splitlines()[-1])
    return found, run(), folder / "ledger.db"


def test_every_model_costs_what_its_tokens_cost(demo):
    receipt, *_ = demo
    assert {row["model"]: (row["calls"], row["cost"].get("USD")) for row in receipt["models"]} == {
        # 412 × 0.02 = 8.24 millionths
        "text-embedding-3-small": (1, "0.00000824"),
        # 4 × (350 × 0.75 + 12 × 4.50) = 4 × (262.5 + 54) = 1266
        "gpt-5.4-mini-2026-03-17": (4, "0.001266"),
        # (3200 - 2816) × 4 + 2816 × 0.40 + 240 × 20 = 1536 + 1126.4 + 4800 = 7462.4; the cut stream reported nothing
        "gpt-5.6": (2, "0.0074624"),
        # 180 × 3 + 4000 × 3.75 + 60 × 15 = 16440; 260 × 3 + 4000 × 0.30 + 95 × 15 = 3405; together 19845
        "claude-sonnet-4-5-20250929": (2, "0.019845"),
        # 90 × 1 + 36 × 5 = 270
        "claude-haiku-4-5-20251001": (1, "0.00027"),
        "gpt-5.5-pro": (1, None),
    }


def test_the_totals_are_the_sums(demo):
    receipt, *_ = demo
    # 8.24 + 1266 + 7462.4 + 19845 + 270 = 28851.64 millionths
    assert receipt["total"] == {"USD": "0.02885164"}
    assert receipt["calls"] == 1 + 4 + 2 + 2 + 1 + 1
    # Anthropic counts cached tokens beside its input: 180 + 4000 and 260 + 4000
    assert receipt["tokens"]["input"] == 412 + 4 * 350 + 3200 + 4180 + 4260 + 90
    assert receipt["tokens"]["output"] == 4 * 12 + 240 + 60 + 95 + 36
    assert receipt["tokens"]["cache_read"] == 2816 + 4000
    assert receipt["tokens"]["cache_write"] == 4000
    assert receipt["tokens"]["reasoning"] == 128


def test_bad_luck_is_on_the_receipt(demo):
    receipt, *_ = demo
    assert sum(receipt["errors"].values()) == 1
    assert receipt["cut_streams"] == 1
    assert [(gap["model"], gap["reason"], gap["calls"]) for gap in receipt["unpriced"]] == [("gpt-5.6", "no_usage", 1)]


def test_departments_and_users_pay_their_part(demo):
    *_, ledger = demo
    spent = {}
    for by in ("department", "user"):
        arguments = ["report", "--by", by, "--json", "--ledger", str(ledger)]
        done = subprocess.run(command(*arguments), capture_output=True, text=True, check=True, timeout=60)
        spent[by] = {row[by]: row["cost"] for row in json.loads(done.stdout)}
    # The demo ran twice into this ledger. Marketing: 2 × 270; support: 2 × (28851.64 - 270)
    assert spent["department"] == {"marketing": "0.00054", "support": "0.05716328"}
    # ada: 2 × (7462.4 + 19845); nobody named: 2 × (8.24 + 1266)
    # The users by HMAC-SHA-256 under 32 zero bytes, the first 128 bits: `openssl dgst -sha256 -mac HMAC -macopt hexkey:…`
    ada, grace = "u-f511103a4f5f11256c03bfd575892ebb", "u-931fc7c9d80c2b9ce8bf0ee9906a8bd9"
    assert spent["user"] == {ada: "0.0546148", grace: "0.00054", None: "0.00254848"}


def test_the_readme_shows_what_the_commands_print(demo):
    """``make readme`` renews the page; durations and paths are left out of the comparison."""
    _, printed, _ = demo
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^```text\n\$ (genmeter [^\n]+)\n(.*?)^```", readme, re.MULTILINE | re.DOTALL))
    assert next(iter(shown)) == "genmeter run -- python examples/demo.py", "the README opens with the receipt"
    for line, text in shown.items():
        if line.startswith("genmeter price"):
            done = subprocess.run(command(*shlex.split(line)[1:]), capture_output=True, text=True, check=True)
            assert lines(text) == lines(done.stdout)
        elif line.startswith("genmeter run"):
            assert lines(text) == lines(printed.stderr)


def lines(receipt):
    """Line by line without what differs from run to run: the command's path, durations, the ledger's path."""
    kept = [" ".join(line.split()) for line in receipt.splitlines() if line.strip()]
    return [line for line in kept if not line.startswith(("genmeter ·", "latency", "See more", "genmeter dev"))]
