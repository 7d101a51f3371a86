"""Who is measured: the bare SDK, the floor, genmeter, and the peers; and how they take turns in one process."""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from types import ModuleType
from typing import Any

from opentelemetry.context import attach, detach, set_value

from .scenarios import REAL, Scenario
from .sinks import Sinks

SDKS = ("openai", "anthropic")
MISSING = object()
Call = Callable[[Any], Any]


@dataclass(slots=True)
class Contender:
    """``call`` gives what to run for a scenario; ``patches`` is what has to be in the SDK's classes meanwhile."""

    name: str
    sinks: Sinks | None = None
    call: Callable[[Scenario], Call] = lambda scenario: scenario.call
    patches: list[tuple[Any, str, Any, Any]] = field(default_factory=list)
    suppressed: bool = False
    _token: Any = None

    def __enter__(self) -> Contender:
        """Put the patches in place, and suppress instrumentation where that is what is measured."""
        if self.suppressed:
            self._token = attach(set_value("suppress_instrumentation", True))
        for holder, name, _, ours in self.patches:
            setattr(holder, name, ours)
        return self

    def __exit__(self, *raised: object) -> None:
        """Give the SDK back as it was."""
        for holder, name, original, _ in reversed(self.patches):
            if original is MISSING:
                delattr(holder, name)
            else:
                setattr(holder, name, original)
        if self._token is not None:
            detach(self._token)
            self._token = None

    def collect(self) -> None:
        """What the export interval does."""
        if self.sinks is not None:
            self.sinks.collect()


def holders() -> Iterable[Any]:
    """Every class and module of the SDKs that is loaded: all that an instrumentor may patch."""
    seen: dict[int, Any] = {}
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] not in SDKS or not isinstance(module, ModuleType):
            continue
        seen[id(module)] = module
        for value in list(vars(module).values()):
            if inspect.isclass(value) and value.__module__.partition(".")[0] in SDKS:
                seen[id(value)] = value
    return seen.values()


@cache
def load() -> None:
    """Make every call once, unmetered: SDKs import their resources late, and what is to be patched must be there."""
    for scenario in REAL:
        result = scenario.call(scenario.connect())
        if scenario.awaited:
            asyncio.run(result)


def patched(name: str, sinks: Sinks, enable: Callable[[Sinks], object]) -> Contender:
    """The contender that ``enable`` makes: its patches are found by looking, and taken out again."""
    load()
    before = {id(holder): (holder, dict(vars(holder))) for holder in holders()}
    enable(sinks)
    contender = Contender(name, sinks)
    for holder, attributes in before.values():
        for key, value in list(vars(holder).items()):
            original = attributes.get(key, MISSING)
            if original is not value and not key.startswith("__") and not inspect.isclass(value):
                contender.patches.append((holder, key, original, value))
    contender.__exit__()
    return contender


def bare() -> Contender:
    """The SDK alone."""
    return Contender("bare")


def floor(sinks: Sinks) -> Contender:
    """The same telemetry by hand."""
    from .floor_calls import Floor

    made = Floor(sinks)
    return Contender("floor", sinks, lambda scenario: getattr(made, scenario.method))


def genmeter(sinks: Sinks) -> Contender:
    """genmeter with its defaults: span, metrics, event, cost; no message content."""
    import genmeter
    from genmeter.settings import Settings

    return patched("genmeter", sinks, lambda sinks: genmeter.instrument(**sinks.providers(), settings=Settings()))


def suppressed(metered: Contender) -> Contender:
    """genmeter in place, and told to keep out."""
    return replace(metered, name="suppressed", suppressed=True)


def disable_genmeter(contender: Contender) -> None:
    """Uninstrument: its own patches must be in place for it to give the originals back."""
    import genmeter

    contender.__enter__()
    genmeter.uninstrument()
