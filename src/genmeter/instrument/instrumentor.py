"""The OpenTelemetry entry point: what ``opentelemetry-instrument`` finds, and what ``genmeter.instrument()`` calls."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import (
    BaseInstrumentor,  # pyright: ignore[reportMissingTypeStubs]
)

from ..pricing import Catalogue
from ..pricing.override import parse
from ..settings import Settings, SettingsError
from .engine import Engine
from .patch import Patches
from .providers import PROVIDERS
from .telemetry import Telemetry

logger = logging.getLogger("genmeter")


class GenmeterInstrumentor(BaseInstrumentor):
    """Meters every SDK in ``providers``. Takes ``tracer_provider``, ``meter_provider``, ``logger_provider``.

    Bad settings stop the meter, not the app: they are logged in one line. ``strict=True`` raises SettingsError instead.
    """

    _patches: Patches | None = None
    _engine: Engine | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: an SDK that is not installed is never patched."""
        return []

    def _instrument(self, **kwargs: Any) -> None:
        try:
            settings: Settings = kwargs.get("settings") or Settings.load()
            catalogue = load_catalogue(settings)
        except (SettingsError, ValueError) as error:
            if kwargs.get("strict"):
                raise
            logger.error("genmeter is off, nothing is metered: %s", error)
            return
        providers = {name: kwargs.get(name) for name in ("tracer_provider", "meter_provider", "logger_provider")}
        self._engine = Engine(Telemetry(settings, catalogue, **providers))
        self._patches = Patches(self._engine, PROVIDERS)
        self._patches.arm()
        atexit.register(self._engine.close_streams)

    def _uninstrument(self, **kwargs: Any) -> None:
        if self._patches is not None:
            self._patches.restore()
        if self._engine is not None:
            atexit.unregister(self._engine.close_streams)
            self._engine.close_streams()
        self._patches = self._engine = None


def load_catalogue(settings: Settings) -> Catalogue:
    """The bundled catalogue with the user's own prices on top.

    Raises:
        ValueError: a price row that cannot be used, with its line and reason.
    """
    catalogue = Catalogue.bundled()
    if settings.prices is None:
        return catalogue
    table = settings.prices
    return catalogue.with_overrides(parse(table.rows, table.path, table.text))
