"""Rows of a run from its blocks: what each contender adds to a call, and to a chunk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from .contenders import Contender
from .results import Row
from .rounds import Blocks, Figure, differences, measure
from .scenarios import BY_NAME, Scenario

PER_CHUNK = 2.0
"""Target: µs a chunk."""
Measured = dict[str, Blocks]


def run(scenarios: Sequence[Scenario], contenders: Sequence[Contender], seconds: float, rounds: int) -> Measured:
    """Every scenario in ``seconds`` altogether; streams are longer calls and get twice the time of the others."""
    weights = [2 if scenario.chunks else 1 for scenario in scenarios]
    each = seconds / sum(weights)
    return {
        scenario.name: measure(scenario, contenders, each * weight, rounds)
        for scenario, weight in zip(scenarios, weights, strict=True)
    }


def call_rows(measured: Measured, names: Iterable[str], deferred: dict[str, float] | None = None) -> list[Row]:
    """What a call costs more than with the bare SDK, and genmeter beside the floor."""
    later = deferred or {}
    rows: list[Row] = []
    for scenario, blocks in measured.items():
        group = f"{scenario}: added to the bare SDK's {median(blocks['bare']):,.0f}"
        for name in names:
            added = Figure.of(differences(blocks, name, "bare")).plus(later.get(name, 0.0))
            rows.append(Row(group, name, "µs/call", added))
        if {"genmeter", "floor"} <= blocks.keys():
            beside = Figure.of(differences(blocks, "genmeter", "floor"))
            beside = beside.plus(later.get("genmeter", 0.0) - later.get("floor", 0.0))
            rows.append(Row(group, "genmeter − floor", "µs/call", beside, 0.0 if counts(scenario) else None))
    return rows


def counts(scenario: str) -> bool:
    """Whether the floor is this scenario's target: per call. A stream's chunks have a target of their own."""
    return not BY_NAME[scenario].chunks


def chunk_rows(measured: Measured, names: Iterable[str]) -> list[Row]:
    """(stream − bare stream − what the same call adds unstreamed) / chunks."""
    rows: list[Row] = []
    for scenario, blocks in measured.items():
        shape = BY_NAME[scenario]
        if not shape.chunks or shape.single not in measured:
            continue
        for name in names:
            once = median(differences(measured[shape.single], name, "bare"))
            figure = Figure.of(differences(blocks, name, "bare")).plus(-once).over(shape.chunks)
            target = PER_CHUNK if name == "genmeter" else None
            rows.append(Row("a stream's chunk, in a real call", f"{scenario} {name}", "µs/chunk", figure, target))
    return rows
