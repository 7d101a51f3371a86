"""genmeter: the meter between an application and the models it pays for.

Start an app with ``opentelemetry-instrument python app.py`` and nothing here is needed. Programs that set up
OpenTelemetry themselves call :func:`instrument`; :class:`attribution` says who pays for the calls made inside it.
"""

from __future__ import annotations

from typing import Any

from ._version import __version__
from .instrument.context import UnattributedCall, attribution

__all__ = ["UnattributedCall", "__version__", "attribution", "instrument", "uninstrument"]


def instrument(
    *, tracer_provider: Any = None, meter_provider: Any = None, logger_provider: Any = None, settings: Any = None
) -> None:
    """Meter every known SDK from now on. Providers default to the global ones, settings to file and environment.

    Raises:
        genmeter.settings.SettingsError, genmeter.pricing.PricesError: a setting or a price row that cannot be used.
    """
    from .instrument.instrumentor import GenmeterInstrumentor

    GenmeterInstrumentor().instrument(
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        logger_provider=logger_provider,
        settings=settings,
        strict=True,
    )


def uninstrument() -> None:
    """Give back every patched method; calls under way are still closed."""
    from .instrument.instrumentor import GenmeterInstrumentor

    GenmeterInstrumentor().uninstrument()
