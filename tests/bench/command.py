"""The command line: what to run, how long, and what a missed target means."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

# The SDK's own spans would be the same for everybody but genmeter, which mutes them: everybody goes without.
os.environ["ANTHROPIC_OPEN_TELEMETRY"] = "false"

from . import calls, contenders, parity, results
from .results import Row
from .rounds import ROUNDS
from .scenarios import ALL, Scenario
from .sinks import Sinks

SECONDS = 55.0


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What genmeter costs the app.")
    parser.add_argument("--only", metavar="SCENARIO,…", default="", help=", ".join(one.name for one in ALL))
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for the calls (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds a scenario (default %(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write the rows to FILE too")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed beyond noise")
    return parser.parse_args(argv)


def chosen(only: str) -> tuple[Scenario, ...]:
    """The scenarios asked for, and the unstreamed twins that a stream's figure needs."""
    wanted = set(filter(None, only.split(",")))
    unknown = wanted - {one.name for one in ALL}
    if unknown:
        raise SystemExit(f"no scenario {', '.join(sorted(unknown))}; there are {', '.join(one.name for one in ALL)}")
    wanted |= {one.single for one in ALL if one.name in wanted and one.single}
    return tuple(one for one in ALL if not wanted or one.name in wanted)


def own(scenarios: tuple[Scenario, ...], seconds: float, rounds: int) -> list[Row]:
    """genmeter beside the floor and the bare SDK, in this process."""
    parity.check(scenarios)
    turn = [contenders.bare(), contenders.floor(Sinks()), contenders.genmeter(Sinks())]
    try:
        measured = calls.run(scenarios, turn, seconds, rounds)
    finally:
        contenders.disable_genmeter(turn[-1])
    names = ("floor", "genmeter")
    return calls.call_rows(measured, names) + calls.chunk_rows(measured, names)


def main(argv: list[str] | None = None) -> int:
    """Run, print, and say by the exit status whether a target was missed (only with ``--check``)."""
    options = arguments(argv)
    began, before = time.perf_counter(), results.load_average()
    rows = own(chosen(options.only), options.seconds, options.rounds)
    print(results.table(rows))
    facts = {"python": sys.version.split()[0], "load_before": before, "load_after": results.load_average()}
    print(f"\n{time.perf_counter() - began:.0f} s; load before {before}, after {facts['load_after']}")
    if options.json:
        Path(options.json).write_text(json.dumps(results.as_json(rows, facts), indent=1) + "\n")
    return int(options.check and any(row.verdict == "MISS" for row in rows))
