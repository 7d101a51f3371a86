"""Sets the SDK up where the launcher does not: without a configurator, every span is dropped.

``opentelemetry-instrument`` configures no SDK unless some package brings a configurator (``opentelemetry-distro``, a
vendor's). Ours must not be one: the launcher takes the first it finds, so two shut each other out. This runs as a
``pre_instrument`` step, after the launcher has had its chance and before any instrumentor asks for a tracer.
"""

from __future__ import annotations

import logging
import os
import signal
from threading import Thread, current_thread, main_thread
from types import FrameType

from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider
from opentelemetry.util._importlib_metadata import (
    entry_points,  # pyright: ignore[reportUnknownVariableType]
)

from ..settings import SettingsError, Startup
from . import guard
from .reaper import reaper

logger = logging.getLogger("genmeter")

FLUSH_SECONDS = 3.0
DEFAULTS = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
}
"""The specification's own defaults, which the Python SDK leaves to a distribution."""


def configure_if_nobody_does() -> None:
    """Configure the SDK from the environment, unless a configurator is installed or a provider is already set.

    ``GENMETER_CONFIGURE_SDK=off`` turns it off, as does disabling genmeter by OTEL_PYTHON_DISABLED_INSTRUMENTATIONS.
    """
    try:
        startup = Startup.load()
        if startup.configure_sdk and not _disabled() and not _somebody_does():
            _configure()
            if startup.flush_on_term:
                _flush_on_term()
    except SettingsError:
        # The instrumentor reads the same variables next, logs this error, and meters nothing. A word that is not
        # understood most likely meant "off", and an app that sets its SDK up itself cannot do so a second time.
        return
    except Exception:
        # Raising here would keep the launcher from loading any instrumentor at all.
        logger.exception("genmeter: the OpenTelemetry SDK could not be configured from the environment")


def _disabled() -> bool:
    named = {name.strip() for name in os.environ.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").split(",")}
    return bool(named & {"genmeter", "*"})


def _somebody_does() -> bool:
    if any(True for _ in entry_points(group="opentelemetry_configurator")):
        return True
    set_already = (trace.get_tracer_provider(), metrics.get_meter_provider())
    return any("Proxy" not in type(provider).__name__ for provider in set_already)


def _configure() -> None:
    # The class is private by name alone: every distribution builds on it, and there is no public way.
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator  # pyright: ignore[reportPrivateUsage]

    for variable, value in DEFAULTS.items():
        os.environ.setdefault(variable, value)
    _OTelSDKConfigurator().configure()  # pyright: ignore[reportUnknownMemberType]


def _flush_on_term() -> None:
    """Let a process that is told to stop send what it has first; for ``genmeter run``, whose receipt would lack it.

    Python dies of an unhandled SIGTERM without its exit functions, also where a server (uvicorn) has shut down in
    order and then raises the signal again. An app's own handler is left alone.
    """
    if current_thread() is main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _last_words)


def _last_words(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    # On a thread of its own: this one may be inside the SDK with a lock held that the flush needs.
    flush = Thread(target=_flush, name="genmeter-flush", daemon=True)
    flush.start()
    flush.join(FLUSH_SECONDS)
    os.kill(os.getpid(), number)


def _flush() -> None:
    reaper.end()
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider()):
        shutdown = getattr(provider, "shutdown", None)
        if shutdown is not None:
            guard.step("flush", shutdown)
