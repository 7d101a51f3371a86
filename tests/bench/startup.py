"""Importing and enabling, each in a fresh process on top of an OpenTelemetry SDK that is set up already."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .results import Row
from .rounds import Figure

MILLISECONDS, MEGABYTES = 50.0, 5.0
"""Targets."""
ROOT = Path(__file__).parents[2]


def run(name: str, python: str = sys.executable, *, warm: bool = False, times: int = 7) -> list[Row]:
    """CPU time and memory above the bare SDK, from ``times`` pairs of processes in turn."""
    one(name, python, warm)  # writes the bytecode
    pairs = [(one(name, python, warm), one("bare", python, warm)) for _ in range(times)]
    title = f"{name}, SDKs loaded" if warm else name
    group = "import and enable" if name == "genmeter" else "peers: import and enable"
    target = name == "genmeter" and not warm
    time = Figure.of([ours[0] - bare[0] for ours, bare in pairs])
    memory = Figure.of([ours[2] - bare[2] for ours, bare in pairs])
    return [
        Row(group, "CPU ms, MB", f"{title}: ms", time, MILLISECONDS if target else None),
        Row(group, "CPU ms, MB", f"{title}: MB", memory, MEGABYTES if target else None),
    ]


def one(name: str, python: str, warm: bool) -> list[float]:
    """CPU ms, wall ms, MB of one process."""
    command = [python, "-m", "tests.bench.fresh", name, *(["warm"] if warm else [])]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"{name} could not be enabled: {(done.stderr.splitlines() or ['?'])[-1]}")
    return [float(value) for value in done.stdout.splitlines()[-1].split()]
