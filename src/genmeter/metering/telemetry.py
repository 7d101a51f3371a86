"""What the stages write with: the user's tracer, logger and instruments, the settings, the price catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from time import time
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry._logs import LoggerProvider
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider, Observation
from opentelemetry.trace import TracerProvider

from .. import names
from ..model import PICO
from ..pricing import Catalogue
from ..pricing.staleness import ages
from ..settings import Settings
from . import guard
from .endpoints import Endpoints
from .metrics.points import Points
from .payers.attributor import Attributor
from .process.routes import Routes
from .sightings import Sightings

if TYPE_CHECKING:
    from .payers.limits import Limits

LATEST_COUNTERS = {
    names.INFERENCE_INPUT: "Input tokens, cached ones included, by modality",
    names.INFERENCE_OUTPUT: "Output tokens, reasoning included, by modality",
    names.INFERENCE_CACHE_READ: "Input tokens read from the provider's cache",
    names.INFERENCE_CACHE_WRITE: "Input tokens written to the provider's cache",
    names.INFERENCE_REASONING: "Output tokens spent on reasoning",
}
LATEST_HISTOGRAMS = {
    names.INFERENCE_DURATION: names.SECONDS_BUCKETS,
    names.INFERENCE_FIRST_CHUNK: names.SECONDS_BUCKETS,
    names.INFERENCE_CHUNK_GAP: names.SECONDS_BUCKETS,
    names.INFERENCE_OPERATION_INPUT: names.TOKEN_BUCKETS,
    names.INFERENCE_OPERATION_OUTPUT: names.TOKEN_BUCKETS,
    names.EMBEDDINGS_DURATION: names.SECONDS_BUCKETS,
    names.EMBEDDINGS_INPUT: names.TOKEN_BUCKETS,
    names.OPERATION_DURATION: names.SECONDS_BUCKETS,
}
BLOCK_HISTOGRAMS = {
    names.WORKFLOW_DURATION: names.WORKFLOW_SECONDS_BUCKETS,
    names.AGENT_DURATION: names.AGENT_SECONDS_BUCKETS,
    names.AGENT_CALLS: names.COUNT_BUCKETS,
    names.AGENT_TOOL_CALLS: names.COUNT_BUCKETS,
    names.TOOL_DURATION: names.SECONDS_BUCKETS,
}
"""These have one name in every profile."""
LEGACY_HISTOGRAMS = {
    names.LEGACY_TOKEN_USAGE: names.TOKEN_BUCKETS,
    names.OPERATION_DURATION: names.SECONDS_BUCKETS,
    names.LEGACY_FIRST_CHUNK: names.SECONDS_BUCKETS,
    names.LEGACY_CHUNK_GAP: names.SECONDS_BUCKETS,
}


class Telemetry:
    """Everything that outlives a call. Made once by ``instrument()``, from the providers that the user gave or set.

    ``limits`` is None where no budget is kept inside the application. Raises ``BudgetsError``.
    """

    def __init__(
        self,
        settings: Settings,
        catalogue: Catalogue,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
        logger_provider: LoggerProvider | None = None,
    ) -> None:
        self.settings = settings
        self.catalogue = catalogue
        self.endpoints = Endpoints(settings, catalogue)
        self.sightings = Sightings()
        self.latest = settings.metrics in ("latest", "both")
        self.legacy = settings.metrics in ("legacy", "both")
        self.attributor = Attributor(settings, lambda: self.resource)
        self.limits = self._limits()
        self.enforces = self.attributor.rejects or (self.limits is not None and self.limits.rejects)
        self.points = Points(settings.max_series)
        self.routes = Routes(settings.export, tracer_provider, meter_provider, logger_provider, self._measure_with)

    def _limits(self) -> Limits | None:
        settings, keys = self.settings, self.attributor.keys
        if settings.budgets is None:
            return None
        from .payers.limits import limits_for  # time zones and decimals: not for those who have no budgets

        return limits_for(
            settings.budgets,
            lambda: self.resource,
            keys,
            settings.raw_users,
            settings.reservations,
            settings.reservations_token_file,
        )

    def close(self) -> None:
        """The process ends or the meter goes, after the last call was recorded."""
        if self.limits is not None:
            self.limits.close()

    @cached_property
    def environment(self) -> str | None:
        """The resource's ``deployment.environment.name``, known once the user's SDK is set up (first call)."""
        return self.resource.get(names.ENVIRONMENT)

    @cached_property
    def resource(self) -> dict[str, str]:
        """What the user's SDK says of this process."""
        resource = getattr(self.tracer_provider, "resource", None)
        return {key: str(value) for key, value in getattr(resource, "attributes", {}).items()}

    def exports(self, span: Any) -> bool:
        """Whether ``span`` is one of the tracer provider that our spans go to: then both take the same way out."""
        provider = self.tracer_provider
        return getattr(span, "resource", None) is getattr(provider, "resource", provider)

    @property
    def tracer_provider(self) -> TracerProvider:
        """The tracer provider that our spans go to: the one that was given, else the global one as it is now."""
        return self.routes.tracer_provider or trace.get_tracer_provider()

    def _measure_with(self, meter: Meter) -> None:
        """Make the instruments on ``meter``; those of an earlier meter give nothing from now on."""
        self.points.move(_histograms(meter, self.latest, self.legacy))
        self._observe_sums(meter)

    def _observe_sums(self, meter: Meter) -> None:
        sums = self.points
        if self.latest:
            for name, description in LATEST_COUNTERS.items():
                meter.create_observable_counter(name, [sums.callback(name)], names.UNITS[name], description)
        meter.create_observable_counter(
            names.COST_USD, [sums.callback(names.COST_USD, PICO)], names.UNITS[names.COST_USD], "List price of calls"
        )
        meter.create_observable_counter(
            names.CALLS_UNPRICED,
            [sums.callback(names.CALLS_UNPRICED)],
            names.UNITS[names.CALLS_UNPRICED],
            "Calls that have no price, by reason",
        )
        meter.create_observable_counter(
            names.TOKENS_UNACCOUNTED,
            [sums.callback(names.TOKENS_UNACCOUNTED)],
            names.UNITS[names.TOKENS_UNACCOUNTED],
            "Tokens that were reported and are in no count of a call, by who reported them and by field",
        )
        meter.create_observable_gauge(
            names.PRICES_AGE,
            [self._ages],
            names.UNITS[names.PRICES_AGE],
            "Days since the list prices of a seller were last read, for the sellers that had priced calls",
        )
        meter.create_observable_up_down_counter(
            names.CALLS_ACTIVE, [sums.callback(names.CALLS_ACTIVE)], names.UNITS[names.CALLS_ACTIVE], "Calls under way"
        )
        meter.create_observable_counter(
            names.INTERNAL_FAILURES,
            [_failures],
            names.UNITS[names.INTERNAL_FAILURES],
            "Failures of genmeter's own, by where they happened",
        )

    def _ages(self, _: CallbackOptions) -> Iterator[Observation]:
        billed = {
            value for labels in self.points.read(names.COST_USD) for name, value in labels if name == names.PROVIDER
        }
        for provider in sorted(map(str, billed)):
            for age in ages(self.catalogue, time(), [provider]):
                yield Observation(age.days, {names.PROVIDER: provider})


def _histograms(meter: Meter, latest: bool, legacy: bool) -> dict[str, Histogram]:
    wanted: dict[str, Any] = {
        **BLOCK_HISTOGRAMS,
        **(LATEST_HISTOGRAMS if latest else {}),
        **(LEGACY_HISTOGRAMS if legacy else {}),
    }
    return {
        name: meter.create_histogram(name, names.UNITS[name], explicit_bucket_boundaries_advisory=buckets)
        for name, buckets in wanted.items()
    }


def _failures(_: CallbackOptions) -> Iterator[Observation]:
    for site, count in list(guard.failures.items()):
        yield Observation(count, {names.FAILURE_SITE: site})
