"""Clients of replicate: functions that take a client and wait for a prediction, and methods that start one.

A function that waits asks for the prediction again and again; the newest state of it has what was counted.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from ..shapes import stream
from ..spec import Dialect, Family, Kwargs, OpenCall, Server, Target
from . import stainless

DEFAULT = "https://api.replicate.com"
STATE = "_json_to_prediction"
"""The function of the SDK that gets each state of a prediction; three modules have it under this name."""


@dataclass(frozen=True, slots=True)
class Function(Target):
    """A function of the SDK whose first argument is a client."""

    def server(self, instance: Any, kwargs: Kwargs, bound: Kwargs) -> Server | None:
        """The address of the client."""
        return _server(bound["client"])


def functions(name: str, value: Dialect, streamed: Dialect) -> tuple[Target, ...]:
    """The four functions that the methods of a client call: ``run`` and ``stream``, and their asynchronous twins."""
    named = ("client", "ref", "input")
    return (
        Function(name, "run", value, arguments=named),
        Function(name, "async_run", value, awaited=True, arguments=named),
        Function(name, "stream", streamed, arguments=named),
        Function(name, "async_stream", streamed, awaited=True, arguments=named),
    )


def creates(module: str, owner: str, dialect: Dialect, *arguments: str) -> tuple[Target, Target]:
    """The method of a namespace that starts a prediction, and its asynchronous twin."""
    return (
        Target(module, f"{owner}.create", dialect, arguments=arguments),
        Target(module, f"{owner}.async_create", dialect, awaited=True, arguments=arguments),
    )


def arrivals(*modules: str) -> tuple[tuple[str, str], ...]:
    """Where modules get a state of a prediction."""
    return tuple((module, STATE) for module in modules)


def server(namespace: Any) -> Server:
    """The address of the client behind a namespace."""
    return _server(namespace._client)


def _server(client: Any) -> Server:
    return Server(client, client._base_url or os.environ.get("REPLICATE_BASE_URL") or DEFAULT)


def status(error: BaseException) -> int | None:
    """The attribute ``status`` of an exception for a response."""
    found: Any = getattr(error, "status", None)
    return found if isinstance(found, int) else None


def unsent(error: BaseException) -> bool:
    """Whether no server has answered, and no frame of the HTTP library sent anything."""
    return status(error) is None and stainless.unsent(error)


def deliver(result: Any, call: OpenCall) -> Any:
    """The output itself, read through the prediction that it is of."""
    if call.streamed or call.arrived is None:
        return stream.deliver(result, call)
    call.read(call.arrived)
    return result


def body(arrived: Any) -> Any:
    """The newest state of a prediction that failed."""
    return arrived


REPLICATE = Family(server, deliver, status, unsent=unsent, body=body)
