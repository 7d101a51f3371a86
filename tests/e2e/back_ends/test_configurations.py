"""The servers' own checkers accept what we ship for them, with the defaults that compose runs on; what is built says
which version it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.stack.roster import CONFIG, program

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("JAEGER_", "LOKI_", "OTEL_"))}


def run(*command):
    return subprocess.run(command, env=CLEAN, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)


def test_jaeger_accepts_its_configuration():
    done = run(program("jaeger"), "validate", "--config", CONFIG / "jaeger" / "jaeger.yaml")
    assert done.returncode == 0, done.stdout


def test_loki_accepts_its_configuration():
    config = f"-config.file={CONFIG / 'loki' / 'loki.yaml'}"
    done = run(program("loki"), config, "-config.expand-env=true", "-verify-config")
    assert done.returncode == 0, done.stdout


def test_prometheus_accepts_its_configuration(tmp_path):
    folder = shutil.copytree(CONFIG / "prometheus", tmp_path / "prometheus")
    (folder / "ledger_token").write_text("a token\n")
    done = run(program("prometheus").with_name("promtool"), "check", "config", folder / "prometheus.yml")
    assert done.returncode == 0 and "FAILED" not in done.stdout, done.stdout
    # It reads its targets from the files beside it, which name compose's services.
    found = run(
        program("prometheus").with_name("promtool"),
        "check",
        "service-discovery",
        "--timeout=3s",
        folder / "prometheus.yml",
        "ledger",
    )
    assert found.returncode == 0 and "ledger:4318" in found.stdout, found.stdout


def test_alertmanager_accepts_its_configuration():
    config = CONFIG / "alertmanager" / "alertmanager.yml"
    done = run(program("alertmanager").with_name("amtool"), "check-config", config)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("server", "asked", "version"),
    [
        ("otelcol", "--version", "0.155.0-genmeter.1"),
        ("prometheus", "--version", "3.15.0"),
        ("alertmanager", "--version", "0.31.1"),
        ("jaeger", "version", "v2.13.0"),
        ("loki", "--version", "3.7.8"),
    ],
)
def test_a_built_server_says_its_version(server, asked, version):
    assert version in run(program(server), asked).stdout
