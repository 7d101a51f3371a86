"""Where the time of a call goes, by looking at the stack a thousand times a second.

A tracing profiler adds its own cost to every function call, so it shows small functions too large. Samples do not; but
a C function's time falls to the Python line that called it.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections import Counter
from time import process_time
from types import FrameType
from typing import Any

from .contenders import Contender
from .scenarios import Scenario

EVERY = 0.001
SEVERAL = 100
MARKS = (("/genmeter/", ""), ("/opentelemetry/", "otel:"), ("/wrapt/", "wrapt:"), ("/tests/bench/", "bench:"))


class Sampler:
    """Counts functions and lines on the stack at every tick."""

    def __init__(self) -> None:
        self.looking = False
        self.samples = 0
        self.inclusive: Counter[str] = Counter()
        self.own: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        if not self.looking:
            return
        self.samples += 1
        seen: set[str] = set()
        line = None
        top = frame
        while frame is not None:
            code = frame.f_code
            where = _short(code.co_filename)
            if where is not None:
                seen.add(f"{where}:{code.co_firstlineno} {code.co_qualname}")
                if line is None and not where.startswith(("otel:", "bench:", "wrapt:")):
                    line = f"{where}:{frame.f_lineno} {code.co_qualname}"
            frame = frame.f_back
        self.inclusive.update(seen)
        if line is not None:
            self.lines[line] += 1
        if top is not None:
            where = _short(top.f_code.co_filename) or "sdk and library"
            self.own[f"{where}:{top.f_code.co_firstlineno} {top.f_code.co_qualname}" if ":" in where or "/" in where
                     else where] += 1  # fmt: skip


def _short(filename: str) -> str | None:
    for mark, prefix in MARKS:
        _, found, rest = filename.rpartition(mark)
        if found:
            return prefix + mark.strip("/").rpartition("/")[2] + "/" + rest
    return None


def profile(contender: Contender, scenario: Scenario, seconds: float = 8.0) -> str:
    """Tables of the functions and lines of ours (and of OpenTelemetry) that a call spends its time in."""
    sampler, call, taken, calls = Sampler(), contender.call(scenario), 0.0, 0
    loop = asyncio.new_event_loop() if scenario.awaited else None
    previous = signal.signal(signal.SIGALRM, sampler)
    try:
        with scenario.session() as client, contender:
            gc.collect()
            gc.freeze()
            signal.setitimer(signal.ITIMER_REAL, EVERY, EVERY)
            while taken < seconds:
                gc.collect()
                sampler.looking, begun = calls > 0, process_time()
                _several(call, client, loop)
                taken += process_time() - begun if calls else 0.0
                sampler.looking = False
                calls += SEVERAL
                contender.collect()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        gc.unfreeze()
    return _tables(sampler, scenario, taken / (calls - SEVERAL) * 1e6, calls - SEVERAL)


def _several(call: Any, client: Any, loop: asyncio.AbstractEventLoop | None) -> None:
    async def awaited() -> None:
        for _ in range(SEVERAL):
            await call(client)

    if loop is not None:
        loop.run_until_complete(awaited())
        return
    for _ in range(SEVERAL):
        call(client)


def _tables(sampler: Sampler, scenario: Scenario, each: float, calls: int) -> str:
    head = f"{scenario.name}: {each:,.1f} µs a call, {calls:,} calls, {sampler.samples:,} samples (± {_error(sampler)})"
    return "\n\n".join(
        [
            head,
            _table("with all that they call (µs/call)", sampler.inclusive, sampler, each, 45),
            _table("by themselves (µs/call)", sampler.own, sampler, each, 25),
            _table("lines of genmeter, with what they call outside it (µs/call)", sampler.lines, sampler, each, 40),
        ]
    )


def _error(sampler: Sampler) -> str:
    return f"{100 / max(1, sampler.samples) ** 0.5:.1f} % of the whole"


def _table(title: str, counted: Counter[str], sampler: Sampler, each: float, count: int) -> str:
    lines = [f"{found / sampler.samples * each:9.2f}  {name}" for name, found in counted.most_common(count)]
    return "\n".join([title, *lines])
