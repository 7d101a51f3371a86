"""Importing and enabling, each in a fresh process on top of an OpenTelemetry SDK that is set up already.

Run as a program it is that process: ``python -m tests.bench.startup CONTENDER``.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter, process_time

from .results import Row
from .rounds import Figure

MILLISECONDS, MEGABYTES = 50.0, 5.0
"""Targets."""
ROOT = Path(__file__).parents[2]


def resident() -> int:
    """Bytes of this process in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def child(name: str) -> dict[str, float]:
    """Set the SDK up, then import and enable the contender, and say what that took."""
    import opentelemetry.instrumentation.instrumentor
    from opentelemetry import _logs, metrics, trace

    from .sinks import Sinks

    sinks = Sinks()
    trace.set_tracer_provider(sinks.tracers)
    metrics.set_meter_provider(sinks.meters)
    _logs.set_logger_provider(sinks.loggers)
    before, wall, cpu = resident(), perf_counter(), process_time()
    enable(name)
    took = (perf_counter() - wall) * 1e3, (process_time() - cpu) * 1e3
    return {"wall_ms": took[0], "ms": took[1], "mb": (resident() - before) / 2**20}


def enable(name: str) -> None:
    """As a user would, with the providers that are set."""
    if name == "genmeter":
        import genmeter

        genmeter.instrument()
    elif name != "bare":
        from . import peers

        peers.enable(name)


def run(name: str, python: str = sys.executable, times: int = 7) -> tuple[Figure, Figure]:
    """(CPU ms, MB) above the bare SDK, from ``times`` pairs of processes in turn."""
    taken: dict[str, list[dict[str, float]]] = {"bare": [], name: []}
    one(name, python)  # writes the bytecode
    for _ in range(times):
        for who, results in taken.items():
            results.append(one(who, python))
    pairs = list(zip(taken[name], taken["bare"], strict=True))
    return (
        Figure.of([ours["ms"] - bare["ms"] for ours, bare in pairs]),
        Figure.of([ours["mb"] - bare["mb"] for ours, bare in pairs]),
    )


def one(name: str, python: str) -> dict[str, float]:
    """One process."""
    command = [python, "-m", "tests.bench.startup", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def rows(name: str, figures: tuple[Figure, Figure]) -> list[Row]:
    """Targets are genmeter's own."""
    mine = name == "genmeter"
    time, memory = figures
    return [
        Row("import and enable", f"{name}: CPU ms", "ms, MB", time, MILLISECONDS if mine else None),
        Row("import and enable", f"{name}: MB", "ms, MB", memory, MEGABYTES if mine else None),
    ]


if __name__ == "__main__":
    print(json.dumps(child(sys.argv[1])))
