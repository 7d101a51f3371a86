"""The command line: what to run, how long, and what a missed target means."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from . import calls, contenders, micro, parity, peers, results, sampling, startup
from .contenders import Contender
from .results import Row
from .rounds import ROUNDS
from .scenarios import ALL, BY_NAME, Scenario
from .sinks import Sinks

SECONDS = 46.0
PEER_SECONDS, PEER_ROUNDS = 36.0, 14
NAMES = ", ".join(one.name for one in ALL)


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="What genmeter costs the app.")
    parser.add_argument("--only", metavar="SCENARIO,...", default="", help=f"calls to measure, of {NAMES}")
    parser.add_argument("--peers", action="store_true", help="the peers too, each in .venvs/peer-<peer>")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="time for the calls (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds a scenario (default %(default)s)")
    parser.add_argument("--quick", action="store_true", help="the calls alone: neither prices nor start-up")
    parser.add_argument("--profile", metavar="SCENARIO", choices=BY_NAME, help="where the time of a call goes")
    parser.add_argument("--json", metavar="FILE", help="write the rows to FILE too")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed by more than noise")
    return parser.parse_args(argv)


def chosen(only: str) -> tuple[Scenario, ...]:
    """The scenarios asked for, and the unstreamed twins that a stream's figure needs."""
    wanted = set(filter(None, only.split(",")))
    unknown = wanted - BY_NAME.keys()
    if unknown:
        raise SystemExit(f"no scenario {', '.join(sorted(unknown))}; there are {NAMES}")
    wanted |= {BY_NAME[name].single for name in wanted if BY_NAME[name].single}
    return tuple(one for one in ALL if not wanted or one.name in wanted)


def everything(options: argparse.Namespace, floor: Contender, metered: Contender) -> list[Row]:
    """All rows, in the order of the table."""
    scenarios = chosen(options.only)
    small = (
        []
        if options.quick
        else [
            micro.yardstick(),
            micro.price(),
            micro.payer(),
            micro.foreign(),
            *micro.blocks(),
            *micro.suppressed(metered, 2.0, options.rounds),
        ]
    )
    left = {one.name: micro.all_deferred(one, options.rounds // 2) for one in (floor, metered)}
    measured = calls.run(scenarios, [contenders.bare(), floor, metered], options.seconds, options.rounds)
    rows = [*calls.call_rows(measured, left), *calls.chunk_rows(measured), *small, *micro.deferred_rows(left)]
    if not options.quick:
        rows += [*startup.run("genmeter"), *startup.run("genmeter", warm=True, times=3)]
    return rows + (beside_peers(options, measured, [floor, metered]) if options.peers else [])


def beside_peers(options: argparse.Namespace, own: calls.Measured, mine: list[Contender]) -> list[Row]:
    """The peers' rows, each peer measured in its own environment."""
    real = [one for one in chosen(options.only) if not one.alone]
    everybody = {one.name: {scenario.name: own[scenario.name] for scenario in real} for one in mine}
    emits = {one.name: {scenario.name: parity.summary(one, scenario) for scenario in real} for one in mine}
    starts: list[Row] = []
    seconds, rounds = min(PEER_SECONDS, options.seconds), min(PEER_ROUNDS, options.rounds)
    for peer in peers.PEERS:
        python = peers.environment(peer)
        found = peers.measure(peer, python, [one.name for one in real], seconds, rounds)
        everybody[peer], emits[peer] = found["measured"], found["emits"]
        starts += startup.run(peer, python, warm=True, times=3)
    return [*calls.beside_peers(everybody, emits), *starts]


def main(argv: list[str] | None = None) -> int:
    """Run, print, and say by the exit status whether a target was missed (only with ``--check``)."""
    # The SDK's own spans would cost everybody but genmeter, which mutes them: everybody goes without.
    os.environ.update(peers.CONTENT_OFF)
    options = arguments(argv)
    began, before = time.perf_counter(), results.load_average()
    parity.check(chosen(options.profile or options.only))
    floor, metered = contenders.floor(Sinks()), contenders.genmeter(Sinks())
    try:
        if options.profile:
            print(sampling.profile(metered, BY_NAME[options.profile]))
            return 0
        rows = everything(options, floor, metered)
    finally:
        contenders.disable_genmeter(metered)
    facts = {"python": sys.version.split()[0], "load_before": before, "load_after": results.load_average()}
    publish(options, rows, {**facts, "seconds": round(time.perf_counter() - began)})
    return int(options.check and any(row.verdict == "MISS" for row in rows))


def publish(options: argparse.Namespace, rows: list[Row], facts: dict[str, Any]) -> None:
    """The table, and the file that was asked for."""
    print(results.table(rows))
    print(
        "\nCPU time of the process in µs; medians of rounds in which all take turns, with quartiles; differences are of"
        "\nthe same round; ± noise is 1.57 IQR/√rounds, and a target is missed when it is exceeded by more than that."
        f"\n{facts['seconds']} s, Python {facts['python']}, load before {facts['load_before']}, after {facts['load_after']}"
    )
    if options.json:
        Path(options.json).write_text(json.dumps(results.as_json(rows, facts), indent=1) + "\n")
