"""The clients of mistralai: Mistral's own, and those for Azure and Google, which Speakeasy generates.

A resource keeps the configuration that all resources of a client share, and its methods take an address for one call.
The asynchronous twin of a method is a method of the same class. A stream is an iterator that keeps its HTTP response.
The exception for a status keeps its HTTP response too.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from opentelemetry.trace import NoOpTracer

from ..shapes.stream import deliver
from ..spec import Dialect, Family, Kwargs, Muted, Server, Target
from . import stainless
from .plain import status


def server(resource: Any) -> Server:
    """The address in the configuration of a resource's client."""
    configuration = resource.sdk_configuration
    return Server(configuration, configuration.get_server_details()[0])


def unsent(error: BaseException) -> bool:
    """Whether the SDK refused the arguments: the exception has no response, and no frame of the HTTP library sent any."""
    return not hasattr(error, "raw_response") and stainless.unsent(error)


@dataclass(frozen=True, slots=True)
class Method(Target):
    """A method of a resource, whose argument ``server_url`` is an address for one call."""

    def server(self, instance: Any, kwargs: Kwargs, bound: Kwargs) -> Server | None:
        """The address that the app gave for this call; None where it gave none."""
        url = kwargs.get("server_url")
        return None if url is None else Server(instance.sdk_configuration, url)


Row = tuple[str, str, str, Dialect]
"""Module, class, method and dialect."""


def methods(place: str, rows: Iterable[Row], only: Container[str] | None = None) -> Iterator[Target]:
    """The methods of a package's resources, each with its asynchronous twin; of the modules ``only``, where these are named."""
    for module, owner, method, dialect in rows:
        if only is None or module in only:
            yield Method(f"{place}.{module}", f"{owner}.{method}", dialect)
            yield Method(f"{place}.{module}", f"{owner}.{method}_async", dialect, awaited=True)


def arrivals(*homes: str) -> tuple[tuple[str, str], ...]:
    """Where the SDKs whose packages are ``homes`` have the HTTP response of a call that did not fail."""
    return tuple((f"{home}._hooks.sdkhooks", "SDKHooks.after_success") for home in homes)


def tracing(home: str) -> tuple[Muted, ...]:
    """What 1.10 to 2.4 trace each call with wherever a tracer provider is set, and later ones where they are told to."""
    return (Muted(f"{home}._hooks.tracing", "get_or_create_otel_tracer", (False, NoOpTracer())),)


MISTRAL = Family(server, deliver, status, unsent=unsent, body=stainless.body)
