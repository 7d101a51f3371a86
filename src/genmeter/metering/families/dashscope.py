"""dashscope: class methods make a request, which keeps what it asks and its address, and then sends itself.

The request's own methods are the ones to meter: every class of the SDK goes through them, also by a method that the app has
kept. A stream is a generator that has sent nothing yet.

The clients of ``v2`` have a transport, which gives HTTP responses. A response of a refused call is given, too, and the SDK
raises later.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from .. import guard
from ..shapes.follow import follow
from ..shapes.proxy import Watched, dropped, then
from ..shapes.stream import deliver
from ..spec import Dialect, Family, Kwargs, OpenCall, Server, Target
from .plain import no_server, status
from .stainless import body

PACKAGE = "dashscope"
TRANSPORT = "dashscope.v2.transport.http"
JOB = "X-DashScope-Async"
"""The header that asks for a job, which goes on after the call."""
REFUSAL = 400
"""The least HTTP status of a refusal."""


@dataclass(frozen=True, slots=True)
class Sending(Target):
    """The method by which a request sends itself. Its ``dialect`` maps a task's group and name to what it speaks."""

    door: ClassVar[bool] = True

    def of(self, instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """What the request keeps; None for a job that goes on after the call, and for a question about a job."""
        data = getattr(instance, "data", None)
        if data is None or instance.async_request or instance.query:
            return None
        dialect = cast("Mapping[str, Dialect]", self.dialect).get(f"{data.task_group}/{data.task}")
        if dialect is None:
            return None
        given = data._input
        asked = cast("Kwargs", given) if isinstance(given, dict) else {}
        return dialect, {**asked, **data.parameters, "model": data.model, "stream": instance.stream}

    def later(self, instance: Any, kwargs: Kwargs) -> bool:
        """A request knows whether it streams."""
        return bool(instance.stream)


def sendings(table: Mapping[str, Dialect]) -> tuple[Target, Target]:
    """The synchronous and the asynchronous method."""
    module = "dashscope.api_entities.http_request"
    return (
        Sending(module, "HttpRequest.call", table, lazy=True),
        Sending(module, "HttpRequest.aio_call", table, lazy=True, awaited=True),
    )


@dataclass(frozen=True, slots=True)
class Transport(Target):
    """A method of a transport. Its ``dialect`` maps the end of a path to what is spoken there. ``streams``: events come."""

    streams: bool = False
    door: ClassVar[bool] = True

    def choose(self, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """The dialect by the end of the path, and the body; None for a path that runs no model, and for a job."""
        path, sent = str(kwargs.get("path")), kwargs.get("json")
        table = cast("Mapping[str, Dialect]", self.dialect)
        dialect = next((found for end, found in table.items() if path.endswith(end)), None)
        if dialect is None or not isinstance(sent, dict) or JOB in (kwargs.get("headers") or ()):
            return None
        data = cast("Kwargs", sent)
        parts: Kwargs = {**(data.get("input") or {}), **(data.get("parameters") or {})} if "parameters" in data else {}
        return dialect, {**data, **parts, "stream": self.streams}

    def server(self, instance: Any, kwargs: Kwargs, bound: Kwargs) -> Server | None:
        """The address of the call, or the one of the HTTP client."""
        return Server(instance, kwargs.get("base_url") or instance.http_client.base_url)


class Events(Watched):
    """The HTTP response of a stream, which the SDK reads in pieces."""

    def __init__(self, wrapped: Any, call: OpenCall) -> None:
        super().__init__(wrapped, call)
        self._self_read = False

    def __del__(self) -> None:
        # Once it is read, what reads it knows when the stream ends.
        if not getattr(self, "_self_read", True):
            dropped(self)

    def iter_text(self, *args: Any) -> Any:
        """The texts, each seen on its way to the app."""
        return self._self_seen(self.__wrapped__.iter_text(*args))

    def aiter_text(self, *args: Any) -> Any:
        """The texts, each seen on its way to the app."""
        return self._self_seen(self.__wrapped__.aiter_text(*args))

    def _self_seen(self, pieces: Any) -> Any:
        seen = guard.step("body", follow, pieces, self._self_call, lines=False)
        self._self_read = seen is not None
        return pieces if seen is None else seen

    def close(self) -> Any:
        """Close it, now."""
        return then(self.__wrapped__.close(), self._self_call.leave)

    def aclose(self) -> Any:
        """Close it when awaited."""
        return then(self.__wrapped__.aclose(), self._self_call.leave)


def deliver_response(result: Any, call: OpenCall) -> Any:
    """The HTTP response itself; one with events as a proxy of it."""
    if result.status_code >= REFUSAL:
        call.read({"status_code": result.status_code})
        return result
    if call.streamed:
        call.begin()
        return Events(result, call)
    call.read(body(result))
    return result


def transports(table: Mapping[str, Dialect]) -> Iterator[Target]:
    """The methods of both transports, for whole answers and for streams."""
    named = ("method", "path")
    for owner, awaited in (("SyncTransport", False), ("AsyncTransport", True)):
        for name, streams in (("request", False), ("open_stream", True)):
            place = f"{owner}.{name}"
            yield Transport(TRANSPORT, place, table, awaited=awaited, arguments=named, streams=streams)


def server(instance: Any) -> Server:
    """The address of a request, or the one that the package has for the compatible API."""
    url = getattr(instance, "url", None)
    package = sys.modules[PACKAGE]
    return Server(package, package.base_compatible_api_url if url is None else url)


DASHSCOPE = Family(server, deliver, status)
DASHSCOPE_V2 = Family(no_server, deliver_response, status)
