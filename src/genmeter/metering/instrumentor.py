"""The OpenTelemetry entry point: what ``opentelemetry-instrument`` finds, and what ``genmeter.instrument()`` calls."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import replace
from typing import Any, ClassVar

from opentelemetry.instrumentation.instrumentor import (
    BaseInstrumentor,  # pyright: ignore[reportMissingTypeStubs]
)

from ..errors import GenmeterError
from ..pricing import catalogue_for
from ..settings import Settings, Startup, export_address
from . import guard
from .blocks.meter import meter
from .call.engine import Engine
from .notices import notices
from .patch import Patches
from .process import exits, offspring
from .process.ends import ends
from .process.reaper import reaper
from .providers import PROVIDERS
from .telemetry import Telemetry

logger = logging.getLogger("genmeter")


class GenmeterInstrumentor(BaseInstrumentor):
    """Meters every SDK in ``providers``. Takes ``tracer_provider``, ``meter_provider``, ``logger_provider``, ``export``.

    Bad settings stop the meter, not the app: they are logged in one line. ``strict=True`` raises them instead,
    as ``GenmeterError``.
    """

    _patches: Patches | None = None
    _engine: Engine | None = None
    why_off: ClassVar[str] = ""
    """Why nothing is metered, although the meter was started."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: an SDK that is not installed is never patched."""
        return []

    @classmethod
    def engine(cls) -> Engine | None:
        """The engine that is at work; None where nothing is metered."""
        return getattr(cls._instance, "_engine", None)

    def _instrument(self, **kwargs: Any) -> None:
        notices.metered = True
        type(self).why_off = ""
        try:
            self._start(**kwargs)
        except Exception as error:
            known = isinstance(error, GenmeterError)
            if kwargs.get("strict") and known:
                raise
            # Raising here would keep the launcher from loading the other instrumentors.
            reason = error if known else type(error).__name__
            type(self).why_off = str(reason)
            logger.error("genmeter is off, nothing is metered: %s", reason, exc_info=not known)

    def _start(self, **kwargs: Any) -> None:
        settings: Settings = kwargs.get("settings") or Settings.load()
        if export := kwargs.get("export"):
            settings = replace(settings, export=export_address(export))
        providers = {name: kwargs.get(name) for name in ("tracer_provider", "meter_provider", "logger_provider")}
        engine = Engine(Telemetry(settings, catalogue_for(settings.prices), **providers))
        self._engine, self._patches = engine, Patches(engine, PROVIDERS)
        reaper.endings += [engine.close_streams, engine.telemetry.close]
        reaper.end_first()
        self._patches.arm()
        meter.telemetry = engine.telemetry
        ends.attach(engine.telemetry.routes, engine.streams)
        guard.step("fork", offspring.arm)
        if Startup.load().flush_on_term:
            guard.step("exits", exits.arm)

    def _uninstrument(self, **kwargs: Any) -> None:
        meter.telemetry = None
        if self._patches is not None:
            guard.step("restore", self._patches.restore)
        if self._engine is not None:
            for ending in (self._engine.close_streams, self._engine.telemetry.close):
                guard.step("end", reaper.endings.remove, ending)
                guard.step("end", ending)
            guard.step("exits", exits.disarm)
            guard.step("exits", ends.detach)
        self._patches = self._engine = None
