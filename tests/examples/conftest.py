"""Loopback providers, and an environment that points the SDKs at them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.demo.__main__ import variables
from tests.stub import StubServer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def stub() -> Iterator[StubServer]:
    """A running stub with its default answers."""
    with StubServer() as server:
        yield server


@pytest.fixture
def environment(stub: StubServer, tmp_path: Path) -> dict[str, str]:
    """A user's environment without telemetry settings, pointed at the stub."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GENMETER_"))}
    return clean | variables(stub) | {"GENMETER_LEDGER": str(tmp_path / "ledger.db"), "GENMETER_USER_IDS": "raw"}


def command(*arguments: str) -> list[str]:
    """``genmeter`` with arguments, by the Python that runs the tests."""
    return [sys.executable, "-m", "genmeter", *arguments]


@pytest.fixture
def receipt(environment: dict[str, str]) -> Callable[..., tuple[dict[str, Any], str]]:
    """Run an example under ``genmeter run --json``: its receipt and its output."""

    def run(example: str | Path) -> tuple[dict[str, Any], str]:
        done = subprocess.run(
            command("run", "--json", "--", sys.executable, str(ROOT / "examples" / example)),
            env=environment,
            capture_output=True,
            text=True,
            timeout=90,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stderr.strip().splitlines()[-1]), done.stdout

    return run
