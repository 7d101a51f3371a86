"""An app that knows nothing, started by OpenTelemetry's own launcher, ends up as money in ``genmeter dev``.

Here the app exports straight to the receiver; ``back_ends`` puts the collector and its stores between the two.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.demo.__main__ import variables
from tests.stub import StubServer

ROOT = Path(__file__).parents[2]
LAUNCHER = Path(sys.executable).parent / "opentelemetry-instrument"


@pytest.fixture
def dev(tmp_path):
    """A running ``genmeter dev``: its URL and its ledger."""
    ledger = tmp_path / "ledger.db"
    process = subprocess.Popen(
        [sys.executable, "-m", "genmeter", "dev", "--port", "0", "--ledger", str(ledger)],
        stdout=subprocess.PIPE,
        text=True,
    )
    url = process.stdout.readline().split()[-1]
    yield url, ledger
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


def read(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def test_from_the_sdk_to_the_ledger(dev):
    url, ledger = dev
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GENMETER_"))}
    exporting = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_SERVICE_NAME": "plain"}
    with StubServer() as stub:
        subprocess.run(
            [LAUNCHER, sys.executable, ROOT / "examples" / "plain.py"],
            env=clean | variables(stub) | exporting,
            check=True,
            timeout=60,
            capture_output=True,
        )
    assert read(f"{url}/readyz")
    reported = subprocess.run(
        [sys.executable, "-m", "genmeter", "report", "--json", "--ledger", str(ledger)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    # 36 × 0.75 + 87 × 4.50 = 418.5 millionths of a dollar; 25 × 1.00 + 15 × 5.00 = 100
    assert {row["model"]: row["cost"] for row in json.loads(reported.stdout)} == {
        "gpt-5.4-mini-2026-03-17": "0.0004185",
        "claude-haiku-4-5-20251001": "0.0001",
    }
    metrics = read(f"{url}/metrics")
    assert "genmeter_cost_usd" in metrics
    assert 'gen_ai_provider_name="anthropic"' in metrics
