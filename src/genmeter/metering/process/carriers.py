"""Providers of genmeter's own, for the signals for which the application has set up no provider.

Money must not depend on the application's sampler, so the event of each call needs a ``LoggerProvider``. Where the
application has none, one is made here from OpenTelemetry's environment variables, or for the address that
``GENMETER_EXPORT`` and ``genmeter.instrument(export=...)`` name. These providers are private: what the application sets
globally, before or after, stays its own.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from opentelemetry.util._importlib_metadata import (
    entry_points,  # pyright: ignore[reportUnknownVariableType]
)

from .delivery import exporters, watch

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

Signal = Literal["traces", "metrics", "logs"]
DEFAULTS = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
}
"""The specification's own defaults, which the Python SDK leaves to a distribution."""
_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_PROTOCOLS = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
_SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")


class Carriers:
    """Makes a provider for each signal that is asked for. ``export`` is an address, or "" for the environment's own."""

    def __init__(self, export: str) -> None:
        self._export = "" if export and export == os.environ.get(_ENDPOINT, "").rstrip("/") else export

    def named(self) -> bool:
        """Whether the user has said where telemetry goes."""
        if self._export:
            return True
        if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
            return False
        names = (_ENDPOINT, *(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT" for signal in _SIGNALS))
        return any(
            os.environ.get(name) for name in (*names, *(f"OTEL_{signal.upper()}_EXPORTER" for signal in _SIGNALS))
        )

    @property
    def from_environment(self) -> bool:
        """Whether the providers that the launcher makes from the environment send to the same place."""
        return not self._export

    def tracers(self) -> TracerProvider | None:
        """A provider of spans with the environment's sampler; None where the environment wants no spans."""
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        made = list(self._exporters("traces"))
        if not made:
            return None
        provider = TracerProvider(shutdown_on_exit=False)
        for exporter in made:
            provider.add_span_processor(BatchSpanProcessor(exporter))
        return provider

    def loggers(self) -> LoggerProvider | None:
        """A provider of events; None where the environment wants no logs."""
        return _logger_provider(list(self._exporters("logs")))

    def meters(self) -> MeterProvider | None:
        """A provider of metrics; None where the environment wants none. A ledger makes its metrics from the events."""
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader

        made = [] if self._export else list(self._exporters("metrics"))
        if not made:
            return None
        readers = [one if isinstance(one, MetricReader) else PeriodicExportingMetricReader(one) for one in made]
        return MeterProvider(readers, shutdown_on_exit=False)

    def _exporters(self, signal: Signal) -> Iterator[Any]:
        return map(_made, self._makers(signal))

    def _makers(self, signal: Signal) -> Iterator[Callable[[], Any]]:
        if self._export:
            yield partial(_load(signal, "otlp_proto_http"), endpoint=f"{self._export}/v1/{signal}")
            return
        for name in (os.environ.get(f"OTEL_{signal.upper()}_EXPORTER") or "otlp").split(","):
            if name.strip().lower() not in ("none", ""):
                yield _load(signal, _protocol(signal) if name.strip() == "otlp" else name.strip())


def beside(tracer_provider: object) -> LoggerProvider | None:
    """A provider of events that go where the application's own OTLP exporter sends its spans; None where it has none.

    An exporter does not tell its address in public. Where its attributes have other names, there is no provider. The
    resource is the application's own: to find out one anew takes threads, which a process that ends has no more.
    """
    makers = (_events_like(exporter) for exporter in exporters(tracer_provider))
    made = [_made(make) for make in makers if make is not None]
    return _logger_provider(made, getattr(tracer_provider, "resource", None))


def _events_like(exporter: Any) -> Callable[[], Any] | None:
    module: str = type(exporter).__module__
    address: str = getattr(exporter, "_endpoint", "")
    if module.startswith("opentelemetry.exporter.otlp.proto.grpc.") and address:
        same = {name: getattr(exporter, f"_{name}") for name in ("insecure", "credentials", "headers")}
        return partial(_load("logs", "otlp_proto_grpc"), endpoint=address, **same)
    if module.startswith("opentelemetry.exporter.otlp.proto.http.") and address.endswith("/v1/traces"):
        attributes = cast("dict[str, Any]", vars(exporter))
        found = (getattr(holder, "_headers", None) for holder in (exporter, *attributes.values()))
        headers = cast("dict[str, str]", next(filter(None, found), None) or {})
        kept = {name: value for name, value in headers.items() if name.lower() != "content-encoding"}
        return partial(_load("logs", "otlp_proto_http"), endpoint=f"{address[:-6]}logs", headers=kept)
    return None


def _logger_provider(made: list[Any], resource: Resource | None = None) -> LoggerProvider | None:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    if not made:
        return None
    provider = LoggerProvider(resource, shutdown_on_exit=False)
    for exporter in made:
        provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    return provider


def _made(make: Callable[[], Any]) -> Any:
    exporter = make()
    if hasattr(exporter, "export"):
        watch(exporter, make)
    return exporter


def _protocol(signal: Signal) -> str:
    general = os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL") or DEFAULTS["OTEL_EXPORTER_OTLP_PROTOCOL"]
    named = (os.environ.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL") or general).strip()
    if named not in _PROTOCOLS:
        raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL={named!r}: write one of {', '.join(_PROTOCOLS)}")
    return _PROTOCOLS[named]


def _load(signal: Signal, name: str) -> Callable[..., Any]:
    for found in entry_points(group=f"opentelemetry_{signal}_exporter", name=name):  # pyright: ignore[reportUnknownVariableType]
        return found.load()  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    raise ValueError(f"OTEL_{signal.upper()}_EXPORTER={name!r}: no such exporter is installed")
