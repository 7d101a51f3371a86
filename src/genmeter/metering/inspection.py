"""What the meter of this process does, as plain data: ``genmeter doctor`` asks for it from inside the application.

Nothing is changed, and no SDK is imported. The answer is made of what is there, so it may be asked for at any time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, TypedDict, cast

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider

from .._version import __version__
from ..credentials import scrub
from ..settings import Settings
from . import coexist, guard
from .instrumentor import GenmeterInstrumentor
from .patch import resolve
from .process import sdk
from .process.carriers import Carriers
from .process.delivery import delivery, exporters
from .process.following import is_set
from .providers import PROVIDERS
from .spec import Provider


class Patched(TypedDict):
    """One SDK of the process: methods that are wrapped by genmeter, and the other tools that wrap the same methods.

    ``others`` maps a tool's package to the words that tell how to turn it off.
    """

    sdk: str
    ours: int
    others: dict[str, str]


class Signal(TypedDict):
    """Where one signal goes: who has set the provider, its sampler, and its exporters.

    ``set_by`` is ``application``, ``environment`` or ``unset``. An exporter is its address, or its class where it has
    none, and ``grpc`` or ``http/protobuf``, or "" for any other.
    """

    set_by: str
    sampler: str
    exporters: list[tuple[str, str]]


class Meter(TypedDict):
    """The meter of a process. ``why_off`` says why it is off. ``carried``: some signal of a call leaves the process.

    ``export`` is the address that the program itself gave to ``instrument()``. ``calls`` were made, the events of ``sent`` have gone out through a watched exporter; ``heard`` is the last refusal.
    ``failures`` counts failures of genmeter's own by site.
    """

    version: str
    on: bool
    why_off: str
    sdks: list[Patched]
    signals: dict[str, Signal]
    carried: bool
    export: str
    calls: int
    sent: int
    undelivered: int
    heard: str
    failures: dict[str, int]


def inspect() -> Meter:
    """Describe the meter of this process.

    >>> inspect()["on"]
    False
    """
    signals = {
        "traces": _signal(trace.get_tracer_provider()),
        "metrics": _signal(metrics.get_meter_provider()),
        "logs": _signal(get_logger_provider()),
    }
    export = _export()
    return {
        "version": __version__,
        "on": GenmeterInstrumentor().is_instrumented_by_opentelemetry and not GenmeterInstrumentor.why_off,
        "why_off": GenmeterInstrumentor.why_off,
        "sdks": [found for provider in PROVIDERS if (found := _patched(provider))],
        "signals": signals,
        "carried": any(one["set_by"] != "unset" for one in signals.values()) or Carriers(export).named(),
        "export": export,
        "calls": delivery.calls,
        "sent": delivery.sent,
        "undelivered": delivery.failures,
        "heard": scrub(delivery.heard),
        "failures": dict(guard.failures),
    }


def _export() -> str:
    """Where the program itself sends the events; what a variable says is not the program's word."""
    engine = GenmeterInstrumentor.engine()
    named = engine.telemetry.settings.export if engine is not None else ""
    return "" if named == Settings.load().export else named


def _patched(provider: Provider) -> Patched | None:
    methods = list(_methods(provider))
    if not methods:
        return None
    others: dict[str, str] = {}
    ours = 0
    for method in methods:
        ours += any(coexist.is_ours(one) for one in coexist.wrappers_of(method))
        rival = coexist.rival_of(method)
        if rival is not None:
            others[rival.package] = rival.tool.off.format(sdk=provider.sdk)
    return {"sdk": provider.sdk, "ours": ours, "others": others}


def _methods(provider: Provider) -> Iterator[Any]:
    """The methods of the SDK's tables, as they are now; none of a module that is not imported."""
    for module, path in (*((one.module, one.path) for one in provider.targets), *provider.watched):
        if module in sys.modules and (found := resolve(module, path)) is not None:
            yield found[0].__dict__.get(found[1])


def _signal(provider: Any) -> Signal:
    by = "unset" if not is_set(provider) else "environment" if provider in sdk.environment else "application"
    describe = getattr(getattr(provider, "sampler", None), "get_description", str)
    return {
        "set_by": by,
        "sampler": describe(),
        "exporters": [_exporter(exporter) for exporter in exporters(provider)],
    }


def _exporter(exporter: Any) -> tuple[str, str]:
    kind = cast("type[Any]", type(exporter))
    spoken = {
        "opentelemetry.exporter.otlp.proto.grpc.": "grpc",
        "opentelemetry.exporter.otlp.proto.http.": "http/protobuf",
    }
    protocol = next((name for prefix, name in spoken.items() if kind.__module__.startswith(prefix)), "")
    return scrub(str(getattr(exporter, "_endpoint", None) or kind.__name__)), protocol
