"""A tracer that follows the application: its spans go to the provider that the application sets, whenever that is.

OpenTelemetry lets a program set a provider once. Where genmeter has set one up from the environment before the
application's first line has run, the application's own must still come to its right: a span that starts after the
application has set its provider goes there, from every instrumentation that asked for its tracer before.
"""

from __future__ import annotations

from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, Tracer, TracerProvider


def is_set(provider: object) -> bool:
    """Whether a global provider is a real one. OpenTelemetry gives a proxy until a provider is set."""
    return "Proxy" not in type(provider).__name__


def carries(provider: object) -> bool:
    """Whether records that are given to a provider go on. One of the SDK's has processors for that, or drops all.

    The attributes are private; a provider without them is taken at its word.
    """
    if not is_set(provider) or type(provider).__name__.startswith("NoOp"):
        return False
    for several, each in (
        ("_active_span_processor", "_span_processors"),
        ("_multi_log_record_processor", "_log_record_processors"),
    ):
        found: object = getattr(getattr(provider, several, None), each, None)
        if found is not None:
            return bool(found)
    return True


class Following(Tracer):
    """Starts spans with ``own`` until the application has set a provider, and with a tracer of that provider from then on.

    ``stands_in`` is the provider that genmeter may have set in the application's place. ``scope`` is what ``get_tracer``
    was asked for: name, version, address of the schema, attributes.
    """

    def __init__(self, own: Tracer, stands_in: TracerProvider | None, scope: tuple[Any, ...]) -> None:
        self._own, self._stands_in, self._scope = own, stands_in, scope
        self._seen: TracerProvider | None = stands_in
        self._now = own

    def _tracer(self) -> Tracer:
        provider = trace.get_tracer_provider()
        if provider is not self._seen:
            follows = provider is not self._stands_in and is_set(provider)
            self._now = provider.get_tracer(*self._scope) if follows else self._own
            self._seen = provider
        return self._now

    def start_span(self, *args: Any, **kwargs: Any) -> Span:
        """As OpenTelemetry has it."""
        return self._tracer().start_span(*args, **kwargs)

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        """As OpenTelemetry has it."""
        return self._tracer().start_as_current_span(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)  # copy and pickle ask before anything is there
        return getattr(self._tracer(), name)


def follow(provider: TracerProvider) -> None:
    """Have every tracer that ``provider`` gives from now on follow the application."""
    get_tracer = provider.get_tracer

    def followed(
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Any = None,
    ) -> Tracer:
        scope = (instrumenting_module_name, instrumenting_library_version, schema_url, attributes)
        return Following(get_tracer(*scope), provider, scope)

    provider.get_tracer = followed
