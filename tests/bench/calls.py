"""Rows of a run from its blocks: what each contender adds to a call, and to a chunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
    weights = [(2 if scenario.chunks else 1) * (1 if scenario.alone else 3) for scenario in scenarios]
    each = seconds / sum(weights)
    return {
        scenario.name: measure(scenario, contenders, each * weight, rounds)
        for scenario, weight in zip(scenarios, weights, strict=True)
    }


def call_rows(measured: Measured, deferred: Mapping[str, Mapping[str, Figure]]) -> list[Row]:
    """What a call costs more than with the bare SDK, and genmeter beside the floor.

    ``deferred`` is what a call leaves to the next collection, by contender and call: beside the floor it counts too.
    """
    rows: list[Row] = []
    for name, blocks in measured.items():
        group = f"{name}, bare {median(blocks['bare']):,.0f}"
        for who in ("floor", "genmeter"):
            rows.append(Row(group, "µs/call more", who, Figure.of(differences(blocks, who, "bare"))))
        beside = Figure.of(differences(blocks, "genmeter", "floor"))
        target = None if BY_NAME[name].chunks else 0.0
        rows.append(Row(group, "µs/call more", "genmeter - floor, in the call", beside, target))
        kind = BY_NAME[name].method.removesuffix("_async")
        if kind in deferred["floor"]:
            later = deferred["genmeter"][kind].median - deferred["floor"][kind].median
            rows.append(Row(group, "µs/call more", "genmeter - floor, and at collection", beside.plus(later), target))
    return rows


def chunk_rows(measured: Measured, names: Iterable[str] = ("floor", "genmeter")) -> list[Row]:
    """(stream - bare stream - what the same call adds unstreamed) / chunks."""
    rows: list[Row] = []
    for name, blocks in measured.items():
        shape = BY_NAME[name]
        if not shape.chunks or shape.single not in measured:
            continue
        for who in names:
            once = median(differences(measured[shape.single], who, "bare"))
            figure = Figure.of(differences(blocks, who, "bare")).plus(-once).over(shape.chunks)
            target = PER_CHUNK if who == "genmeter" else None
            rows.append(Row("a chunk of a stream", "µs/chunk more", f"{name}: {who}", figure, target))
    return rows


def beside_peers(everybody: Mapping[str, Measured], emits: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """Everybody's addition to the bare SDK of their own process, scenario by scenario; then the chunks."""
    rows: list[Row] = []
    for name in everybody["genmeter"]:
        for who, measured in everybody.items():
            blocks = measured[name]
            more = differences(blocks, who, "bare")
            note = f"x{1 + median(more) / median(blocks['bare']):.2f}; {emits[who][name]}"
            rows.append(Row(f"peers: {name}", "µs/call more", who, Figure.of(more), note=note))
    for who, measured in everybody.items():
        for row in chunk_rows(measured, [who]):
            rows.append(Row("peers: a chunk of a stream", row.unit, row.name, row.figure))
    return rows
