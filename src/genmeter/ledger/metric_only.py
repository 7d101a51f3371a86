"""Programs whose calls come as metrics alone: a sum of tokens without a call cannot be booked, so it is told.

Metrics come beside spans and events from most programs, and then say nothing new. So a service is told only if no call
of it has come, and if its metrics have come for a while: the calls of a program that has just begun may be on their way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from genmeter import names
from genmeter.ledger.booking import LONGEST, text
from genmeter.ledger.decode import attributes
from genmeter.ledger.questions import Condition, Window
from genmeter.ledger.store import Store
from genmeter.reading import conventions

PATIENCE: Final = 300.0
"""Seconds for which the metrics of a service must have come without a call of it."""
MOST: Final = 1024
"""Services that are remembered: their names are the senders'."""
SUFFIX: Final = "in metrics alone"
"""The end of the emitter's name in the counter of unread records."""


class MetricOnly:
    """Counts in ``store`` the metrics of tokens and money of services that send no calls, by emitter and metric."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._since: dict[str | None, float] = {}

    def look(self, request: ExportMetricsServiceRequest) -> None:
        """Count what a request has. A scope's metric counts once a request. Raises ``StorageError``."""
        found: dict[str, int] = {}
        sums = conventions.bundled().sums
        for resource in request.resource_metrics:
            service = text(attributes(resource.resource.attributes).get(names.SERVICE_NAME))
            told = [
                f"{scope.scope.name or 'unnamed scope'}: {metric.name}"
                for scope in resource.scope_metrics
                if scope.scope.name != names.SCOPE
                for metric in scope.metrics
                if metric.name in sums
            ]
            if told and self._is_alone(service):
                for one in told:
                    name = f"{one[: LONGEST - len(SUFFIX) - 1]} {SUFFIX}"
                    found[name] = found.get(name, 0) + 1
        if found:
            self._store.book((), (), found)

    def _is_alone(self, service: str | None) -> bool:
        now = self._clock()
        if service not in self._since:
            if len(self._since) >= MOST:
                self._since.clear()
            self._since[service] = now
        if now - self._since[service] < PATIENCE:
            return False
        if self._store.latest(1, Window(where=(Condition("service", (service,)),))):
            # asked again in a while, so that a program that sends many metrics costs no question for each
            self._since[service] = now
            return False
        return True
