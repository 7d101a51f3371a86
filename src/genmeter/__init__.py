"""genmeter: the meter between an application and the models it pays for.

Start an app with ``opentelemetry-instrument python app.py`` and nothing here is needed. Programs that set up
OpenTelemetry themselves call :func:`instrument`; :class:`attribution` says who pays for the calls made inside it.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from genmeter._version import __version__
from genmeter.errors import GenmeterError

if TYPE_CHECKING:
    from genmeter.metering.blocks.block import agent, tool, workflow
    from genmeter.metering.blocks.caps import LimitExceeded
    from genmeter.metering.payers.attribution import attribution
    from genmeter.metering.payers.baggage import signed_baggage
    from genmeter.metering.payers.limits import BudgetExceeded
    from genmeter.metering.payers.rules import BudgetUnreachable, RejectedCall, UnattributedCall, UncheckedCall
    from genmeter.metering.recording.bill import Bill, RecordError, price
    from genmeter.metering.recording.record import cost, record
    from genmeter.metering.telemetry import LoggerProvider, MeterProvider, TracerProvider
    from genmeter.settings import Settings

__all__ = [
    "Bill",
    "BudgetExceeded",
    "BudgetUnreachable",
    "GenmeterError",
    "LimitExceeded",
    "RecordError",
    "RejectedCall",
    "UnattributedCall",
    "UncheckedCall",
    "__version__",
    "agent",
    "attribution",
    "cost",
    "flush",
    "instrument",
    "price",
    "record",
    "signed_baggage",
    "tool",
    "uninstrument",
    "workflow",
]

_LATE = {
    **dict.fromkeys(("agent", "tool", "workflow"), "genmeter.metering.blocks.block"),
    "LimitExceeded": "genmeter.metering.blocks.caps",
    "Bill": "genmeter.metering.recording.bill",
    "RecordError": "genmeter.metering.recording.bill",
    "cost": "genmeter.metering.recording.record",
    "price": "genmeter.metering.recording.bill",
    "record": "genmeter.metering.recording.record",
    "attribution": "genmeter.metering.payers.attribution",
    "signed_baggage": "genmeter.metering.payers.baggage",
    "RejectedCall": "genmeter.metering.payers.rules",
    "UnattributedCall": "genmeter.metering.payers.rules",
    "UncheckedCall": "genmeter.metering.payers.rules",
    "BudgetExceeded": "genmeter.metering.payers.limits",
    "BudgetUnreachable": "genmeter.metering.payers.rules",
}


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
    settings: Settings | None = None,
    export: str | None = None,
) -> None:
    """Meter the calls of every known SDK from now on.

    Without a provider the global one of OpenTelemetry is used, also one that the program sets later. A signal without
    any goes where OpenTelemetry's environment variables say. ``export="dev"`` sends each call to a running ``genmeter
    dev`` as well, and ``export="http://host:4318"`` to another receiver. Without ``settings`` they are read from the
    file ``genmeter.toml`` and the environment.

    >>> from genmeter.settings import Settings
    >>> instrument(settings=Settings(unattributed="warn"))
    >>> uninstrument()

    Raises:
        GenmeterError: a setting, a price or a budget of the user's that cannot be used. It is a
            ``genmeter.settings.SettingsError``, ``genmeter.pricing.PricesError`` or ``genmeter.budgets.BudgetsError``.
    """
    from genmeter.metering.instrumentor import GenmeterInstrumentor

    instrumentor = GenmeterInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        # The launcher has been here. What the program says by arguments counts more than the environment.
        if not (tracer_provider or meter_provider or logger_provider or settings or export):
            return
        instrumentor.uninstrument()
    instrumentor.instrument(
        tracer_provider=tracer_provider,
        meter_provider=meter_provider,
        logger_provider=logger_provider,
        settings=settings,
        export=export,
        strict=True,
    )


def flush(timeout: float = 2.0) -> bool:
    """Send what is recorded so far. Whether all of it went out within ``timeout`` seconds.

    Call it before the process may be frozen or killed, such as at the end of a handler of AWS Lambda. An exporter that
    the program has set up itself does not tell whether its server took the batch: it counts as sent once it has tried.

    >>> flush()
    True
    """
    from genmeter.metering.process.ends import ends

    return ends.flush(timeout)


def uninstrument() -> None:
    """Stop metering: every SDK gets its own methods back. A call that is under way is still recorded.

    >>> instrument()
    >>> uninstrument()
    """
    from genmeter.metering.instrumentor import GenmeterInstrumentor

    GenmeterInstrumentor().uninstrument()


def __getattr__(name: str) -> Any:
    # Pricing, the ledger and the command line start without OpenTelemetry, which these need.
    if name in _LATE:
        return getattr(importlib.import_module(_LATE[name]), name)
    raise AttributeError(f"module 'genmeter' has no attribute {name!r}")
