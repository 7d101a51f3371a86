"""Taking turns: blocks of calls, A B C … C B A …, so that whatever slows the machine slows everybody.

The clock is the process's CPU time: the transport never waits, and other programs' turns on the core are not ours. A
block stands for its lower quartile, because what disturbs a call only ever adds to it.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time_ns
from typing import Any

from .contenders import Contender
from .scenarios import Scenario

ROUNDS = 24
Blocks = dict[str, list[float]]
"""Contender → µs a call, one value a round."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A median with its quartiles. ``allowance`` is the notch of a box plot: 1.57 × IQR / √n, about two standard errors."""

    median: float
    first: float
    third: float
    allowance: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """Median and quartiles of at least one value."""
        if len(values) < 2:
            return cls(values[0], values[0], values[0], 0.0)
        first, middle, third = statistics.quantiles(values, n=4, method="inclusive")
        return cls(middle, first, third, 1.57 * (third - first) / len(values) ** 0.5)

    def plus(self, more: float) -> Figure:
        """Shifted by a constant."""
        return Figure(self.median + more, self.first + more, self.third + more, self.allowance)

    def over(self, count: int) -> Figure:
        """Divided by a count."""
        return Figure(*(value / count for value in (self.median, self.first, self.third, self.allowance)))


def differences(blocks: Blocks, name: str, base: str) -> list[float]:
    """``name`` minus ``base``, round by round."""
    return [ours - theirs for ours, theirs in zip(blocks[name], blocks[base], strict=True)]


def timed(scenario: Scenario, call: Callable[[Any], Any], client: Any, count: int) -> list[int]:
    """CPU nanoseconds of each of ``count`` calls; the cyclic collector rests meanwhile."""
    gc.collect()
    gc.disable()
    try:
        if not scenario.chunks:  # the first call after a change of contender finds the interpreter's caches empty
            call(client) if not scenario.awaited else asyncio.run(call(client))
        return asyncio.run(_timed_async(call, client, count)) if scenario.awaited else _timed(call, client, count)
    finally:
        gc.enable()


def _timed(call: Callable[[Any], Any], client: Any, count: int) -> list[int]:
    taken: list[int] = []
    for _ in range(count):
        begun = process_time_ns()
        call(client)
        taken.append(process_time_ns() - begun)
    return taken


async def _timed_async(call: Callable[[Any], Any], client: Any, count: int) -> list[int]:
    taken: list[int] = []
    for _ in range(count):
        begun = process_time_ns()
        await call(client)
        taken.append(process_time_ns() - begun)
        await asyncio.sleep(0)  # the loop closes what the SDK has dropped
    return taken


def block(scenario: Scenario, contender: Contender, client: Any, count: int) -> float:
    """µs a call: the lower quartile of a block."""
    with contender:
        taken = timed(scenario, contender.call(scenario), client, count)
    contender.collect()
    return sorted(taken)[len(taken) // 4] / 1e3


def measure(scenario: Scenario, contenders: Sequence[Contender], seconds: float, rounds: int = ROUNDS) -> Blocks:
    """Blocks of every contender for one scenario: ``rounds`` rounds that take about ``seconds`` together.

    Streams are long calls: they get three times the rounds, each as much shorter.
    """
    if scenario.chunks and not scenario.alone:
        rounds *= 3
    with scenario.session() as client:
        gc.collect()
        gc.freeze()  # or each block would begin by walking everything that the SDKs have loaded
        for contender in contenders:
            block(scenario, contender, client, 2)
        begun = perf_counter()
        for contender in contenders:
            block(scenario, contender, client, 4)
        single = (perf_counter() - begun) / (4 if scenario.chunks else 5)
        count = max(1, round(seconds / rounds / single))
        blocks: Blocks = {contender.name: [] for contender in contenders}
        for number in range(rounds):
            for contender in contenders if number % 2 == 0 else contenders[::-1]:
                blocks[contender.name].append(block(scenario, contender, client, count))
        gc.unfreeze()
        return blocks
