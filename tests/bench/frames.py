"""How many Python functions a metered call runs: a measure of its cost that no load of the machine changes.

A function counts if it is genmeter's, or if a function of genmeter's calls it. What OpenTelemetry and the SDK call by
themselves does not count, because it changes with their versions.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import genmeter

from .contenders import Contender
from .scenarios import Scenario

HOME = str(Path(genmeter.__file__).parent)
SEVERAL = 20
"""Calls of which each leaves its part to one collection."""


class Frames:
    """Counts the functions that run while it is entered."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Frames:
        gc.disable()  # finalizers of what other tests have left would count
        sys.setprofile(self._profile)
        return self

    def __exit__(self, *raised: object) -> None:
        sys.setprofile(None)
        gc.enable()

    def _profile(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (_ours(frame) or _ours(frame.f_back)):
            self.count += 1


def steps(run: Callable[[], object]) -> int:
    """The steps of Python's interpreter in one run of a function; a step in C, as a comparison of tuples, is one."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes = True
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return count


def _ours(frame: FrameType | None) -> bool:
    return frame is not None and frame.f_code.co_filename.startswith(HOME)


def of_a_call(scenario: Scenario, metered: Contender) -> int:
    """The functions of one call, after a few that have made what is made once."""
    call = metered.call(scenario)
    with scenario.session() as client, metered:
        for _ in range(3):
            _run(scenario, call, client)
        metered.collect()
        frames = Frames()
        if not scenario.awaited:
            with frames:
                call(client)
        else:
            asyncio.run(_awaited(call, client, frames))
        metered.collect()
        return frames.count


def of_a_chunk(scenario: Scenario, single: Scenario, metered: Contender) -> float:
    """The functions of one chunk: what a stream has more than the same call unstreamed, by its chunks."""
    return (of_a_call(scenario, metered) - of_a_call(single, metered)) / scenario.chunks


def of_a_collection(scenario: Scenario, metered: Contender) -> float:
    """The functions that a call leaves to the next collection."""
    call = metered.call(scenario)
    with scenario.session() as client, metered:
        call(client)
        metered.collect()
        with Frames() as idle:
            metered.collect()
        for _ in range(SEVERAL):
            call(client)
        with Frames() as full:
            metered.collect()
    return (full.count - idle.count) / SEVERAL


def _run(scenario: Scenario, call: Callable[[Any], Any], client: Any) -> None:
    result = call(client)
    if scenario.awaited:
        asyncio.run(result)


async def _awaited(call: Callable[[Any], Any], client: Any, frames: Frames) -> None:
    with frames:
        await call(client)
