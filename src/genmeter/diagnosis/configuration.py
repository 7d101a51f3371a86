"""The user's settings, the price list and the ledger: what is read, what is not, and how old it is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from genmeter.budgets import budgets_of
from genmeter.diagnosis.finding import Finding
from genmeter.errors import GenmeterError
from genmeter.pricing import catalogue_for
from genmeter.pricing.staleness import STALE, stale
from genmeter.settings import Settings, Startup, unknown_variables
from genmeter.spelling import nearest


def findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with ``genmeter.toml`` and the variables, and how old the prices are."""
    for name, advice in unknown_variables(environ):
        yield Finding("warning", "unknown_setting", f"the variable {name} is unknown and changes nothing", advice)
    yield from _unread(environ)
    try:
        settings = Settings.load(environ)
        catalogue = catalogue_for(settings.prices)
        budgets_of(settings, metered=True)
        Startup.load(environ)
    except GenmeterError as error:
        yield Finding("fault", "settings", f"{error}; with it, nothing is metered", "correct the setting that is named")
        return
    old = stale(catalogue, time.time())
    if old:
        sellers = ", ".join(f"{one.seller} ({one.as_of})" for one in old[:6])
        more = f" and {len(old) - 6} more" if len(old) > 6 else ""
        yield Finding(
            "warning",
            "stale_prices",
            f"prices older than {STALE} days: {sellers}{more}",
            "pip install --upgrade genmeter, or write the changed prices under [prices] in genmeter.toml",
        )
    if not settings.event:
        yield Finding(
            "warning",
            "no_event",
            "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT is off: a call whose span is not sampled is in no ledger",
            "unset it, or sample every span",
        )
    if settings.cost_attributes == "off":
        yield Finding(
            "warning",
            "no_amounts",
            "GENMETER_COST_ATTRIBUTES=off: spans and events carry no amount, and only a collector with genai_cost or a ledger prices them",
            "unset it where there is neither",
        )


def _unread(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Variables of OpenTelemetry that look misspelled: another variable of the SDK has nearly the same name."""
    known = _known()
    for name in sorted(environ):
        if not name.startswith("OTEL_") or name in known:
            continue
        near = nearest(name.removeprefix("OTEL_"), sorted(one.removeprefix("OTEL_") for one in known), 0.85)
        if near:
            yield Finding(
                "warning",
                "unknown_setting",
                f"the variable {name} is none that OpenTelemetry's SDK reads, and OTEL_{near} is one",
                f"did you mean OTEL_{near}?",
            )


def _known() -> set[str]:
    import opentelemetry.environment_variables as api
    import opentelemetry.sdk.environment_variables as sdk

    named = {str(value) for module in (api, sdk) for name, value in vars(module).items() if name.startswith("OTEL_")}
    return named | {
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        "OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT",
        "OTEL_PYTHON_CONFIGURATOR",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
        "OTEL_PYTHON_DISTRO",
        "OTEL_SEMCONV_STABILITY_OPT_IN",
    }
