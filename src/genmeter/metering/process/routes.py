"""Where the signals of a call go: to the application's providers, and where it has none, to our own.

The providers that ``instrument()`` was given come first, then the global ones, whenever the application sets them, then
those of ``carriers``. Where none carries a call to a ledger, the application's log says so once.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry._logs import Logger, LoggerProvider, LogRecord, get_logger_provider
from opentelemetry.context import Context
from opentelemetry.metrics import Meter, MeterProvider
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Tracer,
    TracerProvider,
    get_current_span,
)

from ... import names
from ..._version import __version__
from ...credentials import scrub
from ...model import AttributeValue
from ...settings import Startup
from ...texts import bounded
from .. import guard
from ..notices import notices
from . import sdk
from .carriers import Carriers, beside
from .delivery import delivery
from .ends import ends
from .following import Following, carries, is_set
from .reaper import reaper
from .threads import resume, setting_up, waiting

logger = logging.getLogger("genmeter")

SCOPE = (names.SCOPE, __version__, names.SCHEMA_URL)
MOST_WAITING = 1000
"""Events that may wait for a provider, which is made in less than a second."""
NOWHERE = (
    "genmeter: the calls of this process are recorded nowhere, because no OpenTelemetry provider is set up that exports them. Write "
    'genmeter.instrument(export="dev") beside a running `genmeter dev`, or set OTEL_EXPORTER_OTLP_ENDPOINT, or start the '
    "app with `genmeter run --` or opentelemetry-instrument."
)
NOT_SAMPLED = (
    "genmeter: a call is missing in the ledger, because the sampler left its span out and no LoggerProvider carries its "
    "event. Set OTEL_EXPORTER_OTLP_ENDPOINT or GENMETER_EXPORT to the address that takes the events, or give "
    "genmeter.instrument() a logger_provider."
)


class Routes:
    """Chooses the provider of each signal, starts the spans of calls and sends their events.

    ``measure_with`` makes the instruments on a meter, each time the meter changes.
    """

    def __init__(
        self,
        export: str,
        tracer_provider: TracerProvider | None,
        meter_provider: MeterProvider | None,
        logger_provider: LoggerProvider | None,
        measure_with: Callable[[Meter], None],
    ) -> None:
        self.tracer_provider, self._meter_provider, self._logger_provider = (
            tracer_provider,
            meter_provider,
            logger_provider,
        )
        self._measure_with = measure_with
        self._own: dict[str, Any] = {}
        self._said: set[str] = set()
        self._copies = bool(export)
        self._given = meter_provider is not None and logger_provider is not None
        carriers = Carriers(export)
        self._configures = Startup.load().configure_sdk and not sdk.left_out
        if self._configures and carriers.named():
            with setting_up():
                self._make(carriers)
        self._tracer = self._choose_tracer()
        self._meters: object = None
        self._measured: MeterProvider | None = None
        self._loggers: object = None
        self._told = sdk.unwanted()
        self._waiting: deque[dict[str, Any]] = deque(maxlen=MOST_WAITING)
        self._turn()

    def _make(self, carriers: Carriers) -> None:
        """Make what the application has not set up so far. What it sets up later wins all the same."""
        launched: LoggerProvider | None = next((one for one in sdk.environment if hasattr(one, "get_logger")), None)
        if carriers.from_environment and launched is not None:
            self._own["logs"] = launched
        elif self._copies or not (self._logger_provider or is_set(get_logger_provider())):
            self._own["logs"] = self._provider(carriers.loggers)
        if not (self.tracer_provider or is_set(trace.get_tracer_provider())):
            self._own["traces"] = self._provider(carriers.tracers)
        if not (self._meter_provider or is_set(metrics.get_meter_provider())):
            self._own["metrics"] = self._provider(carriers.meters)
        ends.bound(*(one for one in self._own.values() if one is not None and one is not launched))

    def _provider(self, make: Callable[[], Any]) -> Any:
        """A provider; None where the environment asks for one that cannot be made. The other signals do not suffer."""
        try:
            return make()
        except Exception as error:
            reason = scrub(bounded(str(error) or type(error).__name__))
            if reason not in self._said:
                self._said.add(reason)
                logger.error("genmeter: %s", reason)
            return None

    def _choose_tracer(self) -> Tracer:
        if self.tracer_provider is not None:
            return self.tracer_provider.get_tracer(*SCOPE)
        own: TracerProvider | None = self._own.get("traces")
        if own is not None:
            return Following(own.get_tracer(*SCOPE), None, SCOPE)
        return trace.get_tracer(names.SCOPE, __version__, schema_url=names.SCHEMA_URL)

    def _settle(self) -> None:
        """Follow the application, which may have set a provider since the last call."""
        if get_logger_provider() is not self._loggers or metrics.get_meter_provider() is not self._meters:
            guard.step("providers", self._turn)

    def _turn(self) -> None:
        loggers, meters = get_logger_provider(), metrics.get_meter_provider()
        carrier: LoggerProvider | None = self._own.get("logs")
        offered = (self._logger_provider, loggers, carrier)
        chosen = next((one for one in offered if one is not None and carries(one)), self._logger_provider or loggers)
        self._chosen, self._carried = chosen, carries(chosen)
        self._counted = chosen is carrier or chosen in sdk.environment
        self._logger: Logger = chosen.get_logger(*SCOPE)
        copied = carrier is not None and self._copies and chosen is not carrier
        self._copy: Logger | None = carrier.get_logger(*SCOPE) if carrier is not None and copied else None
        self._loggers = loggers
        if meters is not self._meters:
            self._meters = meters
            self._turn_meters(meters)

    def _turn_meters(self, meters: MeterProvider) -> None:
        chosen = self._meter_provider or (meters if is_set(meters) else self._own.get("metrics")) or meters
        if self._measured is None or (chosen is not self._measured and is_set(self._measured)):
            # OpenTelemetry itself moves instruments that were made before any provider was set.
            self._measure_with(chosen.get_meter(*SCOPE))
        self._measured = chosen

    def start_block(
        self, name: str, context: Context, attributes: dict[str, AttributeValue], started: int
    ) -> Span | None:
        """Start the span of a block of the program; None where no provider is set up that gives it ids of its own.

        A span without ids, or with those of the span around it, would be no parent for the spans inside.
        """
        ends.waiting = True
        if waiting:
            resume()
        notices.nested = True
        span = self._tracer.start_span(name, context, SpanKind.INTERNAL, attributes, start_time=started)
        made = span.get_span_context()
        same = made.span_id == get_current_span(context).get_span_context().span_id
        return None if same or not made.is_valid else span

    def start_span(self, name: str, context: Context, attributes: dict[str, AttributeValue], started: int) -> Span:
        """Start a span of a call, ``started`` nanoseconds after 1970.

        It has ids of its own, also where there is no provider: the ledger's key is made of them.
        """
        ends.waiting = True
        if waiting:
            resume()
        if not context:
            notices.empty_context()
        elif not notices.nested:
            notices.nested = get_current_span(context).get_span_context().is_valid
        span = self._tracer.start_span(name, context, SpanKind.CLIENT, attributes, start_time=started)
        return span if span.is_recording() else _identified(span, context)

    def emit(self, event: dict[str, Any]) -> None:
        """Send a log event: the arguments of ``LogRecord``. Each provider changes the record that it gets."""
        ends.waiting = True
        if not self._given:
            self._settle()
        if not self._carried:
            self._uncarried(event)
            return
        self._logger.emit(LogRecord(**event))
        if self._copy is not None:
            self._copy.emit(LogRecord(**event))
        if self._counted or self._copy is not None:
            delivery.calls += event["event_name"] == names.EVENT_DETAILS

    def _uncarried(self, event: dict[str, Any]) -> None:
        """No provider takes the events on. A span that is sampled carries the call all the same."""
        if carries(self._chosen):  # the application has given its provider a processor since
            self._turn()
            self.emit(event)
            return
        span = get_current_span(event["context"])
        sampled = span.is_recording() and span.get_span_context().trace_flags.sampled
        if sampled and self._traced():
            return
        if sampled or not (self.tracer_provider or is_set(trace.get_tracer_provider()) or self._traced()):
            self.tell_at_end()
        elif not self._told:
            self._waiting.append(event)
            reaper.ready()
            reaper.put(self._carry)

    def _carry(self) -> None:
        """Make a provider for the events that wait, on another thread: the SDK is imported for it."""
        if not self._carried and self._configures and "logs" not in self._own:
            with setting_up():
                self._own["logs"] = beside(self.tracer_provider or trace.get_tracer_provider())
            ends.bound(self._own["logs"])
            self._turn()
        if not self._carried and not self._told:
            self._told = True
            logger.warning(NOT_SAMPLED)
        while self._carried and self._waiting:
            self.emit(self._waiting.popleft())

    def _traced(self) -> bool:
        return carries(self.tracer_provider or trace.get_tracer_provider()) or self._own.get("traces") is not None

    def tell_at_end(self) -> None:
        """Tell once that this process has no provider at all."""
        nothing = not (self._carried or self._traced() or self._meter_provider or is_set(metrics.get_meter_provider()))
        if nothing and not self._told:
            self._told = True
            logger.warning(NOWHERE)

    def providers(self) -> Iterator[Any]:
        """The providers that the calls go to now."""
        yield from (self.tracer_provider, self._meter_provider, self._logger_provider)
        yield from (trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())
        yield from self._own.values()


def _identified(span: Span, context: Context) -> Span:
    """A span that is not recorded, with ids of its own: a provider's no-op tracer gives those of the span around it."""
    made, around = span.get_span_context(), get_current_span(context).get_span_context()
    if made.is_valid and made.span_id != around.span_id:
        return span
    trace_id = around.trace_id if around.is_valid else random.getrandbits(128) or 1
    return NonRecordingSpan(SpanContext(trace_id, random.getrandbits(64) or 1, False, around.trace_flags))
