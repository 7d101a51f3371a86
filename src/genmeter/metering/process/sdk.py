"""Sets the SDK up where the launcher does not: without a configurator, every span is dropped.

``opentelemetry-instrument`` configures no SDK unless some package brings a configurator (``opentelemetry-distro``, a
vendor's). Ours must not be one: the launcher takes the first it finds, so two shut each other out. This runs as a
``pre_instrument`` step, after the launcher has had its chance and before any instrumentor asks for a tracer.

The application may set providers of its own later. Then these are the application's providers, as they are without
genmeter, and what was set up here carries only what the application has set up nothing for.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, cast

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.util._importlib_metadata import (
    entry_points,  # pyright: ignore[reportUnknownVariableType]
)

from ...credentials import scrub
from ...settings import SettingsError, Startup
from ...texts import bounded
from .. import guard
from .carriers import DEFAULTS
from .delivery import exporters, watch
from .ends import ends
from .following import follow, is_set
from .reaper import reaper
from .threads import setting_up

logger = logging.getLogger("genmeter")

environment: list[Any] = []
"""The providers that were set up from the environment before the application started."""
left_out: list[str] = []
"""The configurators that have set up no provider: they are in charge all the same, and genmeter sets up none."""


def configure_if_nobody_does() -> None:
    """Configure the SDK from the environment, unless a configurator is installed or a provider is already set.

    ``GENMETER_CONFIGURE_SDK=off`` turns it off, as does disabling genmeter by OTEL_PYTHON_DISABLED_INSTRUMENTATIONS.
    """
    try:
        startup = Startup.load()
        if _disabled() or not startup.configure_sdk:
            return
        ours = not _somebody_does()
        if ours:
            _configure()
        guard.step("providers", _take_over, ours)
    except SettingsError:
        # The instrumentor reads the same variables next, logs this error, and meters nothing. A word that is not
        # understood most likely meant "off", and an app that sets its SDK up itself cannot do so a second time.
        return
    except Exception as error:
        # Raising here would keep the launcher from loading any instrumentor at all.
        reason = scrub(bounded(str(error) or type(error).__name__))
        logger.error("genmeter: the OpenTelemetry SDK could not be configured from the environment: %s", reason)


def off() -> bool:
    """Whether the environment switches genmeter or all of OpenTelemetry off."""
    return _disabled() or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


def unwanted() -> bool:
    """Whether the environment says that neither spans nor events are to leave the process."""
    wanted = (os.environ.get(name, "").strip().lower() for name in ("OTEL_TRACES_EXPORTER", "OTEL_LOGS_EXPORTER"))
    return off() or all(name == "none" for name in wanted)


def _disabled() -> bool:
    named = {name.strip() for name in os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")}
    return bool(named & {"genmeter", "*"})


def _somebody_does() -> bool:
    found = any(map(is_set, (trace.get_tracer_provider(), metrics.get_meter_provider())))
    others = [one.name for one in entry_points(group="opentelemetry_configurator")]
    if not found:
        left_out.extend(others)
    return found or bool(others)


def _configure() -> None:
    # The class is private by name alone: every distribution builds on it, and there is no public way.
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator  # pyright: ignore[reportPrivateUsage]

    for variable, value in DEFAULTS.items():
        os.environ.setdefault(variable, value)
    with setting_up():
        _OTelSDKConfigurator().configure()  # pyright: ignore[reportUnknownMemberType]


def _take_over(ours: bool) -> None:
    """Bound the end of what the environment has set up, and leave the application free to set its own."""
    providers: tuple[Any, ...] = (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())
    environment.extend(provider for provider in providers if is_set(provider) and hasattr(provider, "shutdown"))
    ends.bound(*environment)
    for exporter in [one for provider in environment for one in exporters(provider)]:
        # Another distribution may have made its exporter with arguments that are not known here.
        make = cast("Callable[[], Any]", type(exporter))
        guard.step("exporter", watch, exporter, make if ours else None)
    _flush_events_with_spans()
    if ours:
        follow(providers[0])
        _allow_another()


def _flush_events_with_spans() -> None:
    """Flush the events too when a program flushes the spans: the instrumentation of AWS Lambda knows no logs."""
    spans, events = trace.get_tracer_provider(), get_logger_provider()
    if not (spans in environment and events in environment):
        return
    flush_spans, flush_events = (cast("Callable[[int], bool]", one.force_flush) for one in cast("Any", (spans, events)))

    def force_flush(timeout_millis: int = 30_000) -> bool:
        reaper.drain(timeout_millis / 1000)
        return all([flush_events(timeout_millis), flush_spans(timeout_millis)])

    cast("Any", spans).force_flush = force_flush


def _allow_another() -> None:
    """Let the application set its providers, once, as it can where no distribution is installed."""
    from opentelemetry._logs import _internal as logs
    from opentelemetry.metrics import _internal as meters
    from opentelemetry.util._once import Once

    for module, kind in ((trace, "TRACER"), (meters, "METER"), (logs, "LOGGER")):
        name = f"_{kind}_PROVIDER_SET_ONCE"
        if hasattr(module, name):
            setattr(module, name, Once())
