"""Real processes: the genmeter command, the real launcher below it, and small apps that emit real telemetry."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

APP = Path(__file__).parent / "apps" / "calls.py"


Command = Callable[..., subprocess.CompletedProcess[bytes]]


def user(state: Path) -> dict[str, str]:
    """A user's environment without telemetry settings, with `state` as its state folder and this Python on PATH."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GENMETER_"))}
    clean.pop("COLUMNS", None)  # the runner sets the width of its own lines for its workers
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        clean.pop(name, None)
        clean.pop(name.upper(), None)
    path = f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"
    return clean | {"XDG_STATE_HOME": str(state), "PATH": path}


def command(environment: dict[str, str]) -> Command:
    """Runs ``python -m genmeter`` with arguments to its end; keyword ``env`` adds variables, ``stdin`` is its input."""

    def run(
        *arguments: object, env: dict[str, str] | None = None, stdin: bytes = b""
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "genmeter", *map(str, arguments)],
            env=environment | (env or {}),
            input=stdin,
            capture_output=True,
            timeout=60,
        )

    return run


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user's environment with a state folder of its own."""
    return user(tmp_path / "state")


@pytest.fixture
def genmeter(environment: dict[str, str]) -> Command:
    """The command in that environment."""
    return command(environment)
