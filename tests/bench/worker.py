"""A peer's own process, in the peer's own environment: ``python -m tests.bench.worker PEER SCENARIOS SECONDS ROUNDS``.

Prints the blocks, and what a call exports, as one line of JSON. Nothing here may import genmeter: it is not installed there.
"""

from __future__ import annotations

import json
import logging
import sys

from opentelemetry import _logs, metrics, trace

from . import calls, contenders, parity, peers
from .scenarios import BY_NAME
from .sinks import Sinks


def main(name: str, scenarios: str, seconds: str, rounds: str) -> None:
    """Enable the peer on the global providers and let it take turns with the bare SDK."""
    logging.disable(logging.CRITICAL)
    sinks = Sinks()
    trace.set_tracer_provider(sinks.tracers)
    metrics.set_meter_provider(sinks.meters)
    _logs.set_logger_provider(sinks.loggers)
    peer = contenders.patched(name, sinks, lambda _: peers.enable(name))
    wanted = [BY_NAME[scenario] for scenario in scenarios.split(",")]
    emits = {scenario.name: parity.summary(peer, scenario) for scenario in wanted}
    measured = calls.run(wanted, [contenders.bare(), peer], float(seconds), int(rounds))
    print(json.dumps({"measured": measured, "emits": emits}))


if __name__ == "__main__":
    main(*sys.argv[1:])
