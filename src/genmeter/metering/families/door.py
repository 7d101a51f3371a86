"""The door of a Stainless SDK: ``request``, the public method of its clients through which every call goes.

Programs also use it, or ``post`` and ``get``, which go through it, without a method of a resource: LiteLLM for one.
The path of such a call says what is asked of the server, and so which shape its answer has.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast
from urllib.parse import unquote

from ..shapes.follow import parsed
from ..spec import Dialect, Kwargs, Server, Target, UsageOption
from . import include_usage

ARGUMENTS = ("cast_to", "options")
DEPLOYMENTS = "deployments"
"""The segment of a path after which Azure has the name of a deployment."""


@dataclass(frozen=True, slots=True)
class Door(Target):
    """The method ``request`` of a client. Its ``dialect`` maps ``post /path`` to the shape that the path speaks.

    A path counts by its last one or two segments. In ``get /responses/*`` the last segment may be anything.
    """

    door: ClassVar[bool] = True

    def choose(self, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """The dialect of a request by its path, and what its body says; None for a path that runs no model."""
        options = kwargs["options"]
        path = str(options.url).partition("?")[0].rstrip("/").split("/")
        dialect = self._speaks(str(options.method).lower(), path)
        return None if dialect is None else (dialect, _body(options, path, bool(kwargs.get("stream"))))

    def _speaks(self, method: str, path: list[str]) -> Dialect | None:
        table = cast("Mapping[str, Dialect]", self.dialect)
        *before, last = path
        names = [f"/{before[-1]}/{last}", f"/{last}", f"/{before[-1]}/*"] if before else [f"/{last}"]
        return next((found for name in names if (found := table.get(f"{method} {name}"))), None)

    def server(self, instance: Any, kwargs: Kwargs, bound: Kwargs) -> Server | None:
        """The client itself, with the address of the request where that has one of its own."""
        url = str(kwargs["options"].url)
        return Server(instance, url if url.startswith(("http://", "https://")) else instance.base_url)

    def option(self, option: UsageOption) -> UsageOption:
        """The same question, put into the body of the request."""
        return option._replace(argument="options", add=_asking(option))


def doors(module: str, paths: Mapping[str, Dialect]) -> tuple[Target, Target]:
    """The doors of an SDK's two kinds of clients."""
    return (
        Door(module, "SyncAPIClient.request", paths, arguments=ARGUMENTS),
        Door(module, "AsyncAPIClient.request", paths, awaited=True, arguments=ARGUMENTS),
    )


def arrivals(module: str) -> tuple[tuple[str, str], ...]:
    """Where an SDK makes the app's answer of an HTTP response."""
    return tuple((module, f"{kind}APIClient._process_response") for kind in ("Sync", "Async"))


def posts(paths: Iterable[str], dialect: Dialect) -> dict[str, Dialect]:
    """Rows of a door's table: paths that are posted to."""
    return dict.fromkeys((f"post {path}" for path in paths), dialect)


def headers(kwargs: Kwargs) -> Mapping[str, Any]:
    """The headers that an app gives to one request, at a resource's method or at the door."""
    found: Any = kwargs.get("extra_headers")
    if found is None and "options" in kwargs:
        found = kwargs["options"].headers
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _body(options: Any, path: list[str], streamed: bool) -> Kwargs:
    """What the body of a request says, under the names of the arguments of a resource's method."""
    found = _json(options)
    if streamed:
        found["stream"] = True
    if not found.get("model") and DEPLOYMENTS in path[:-1]:
        found["model"] = unquote(path[path.index(DEPLOYMENTS) + 1])
    if path[-2:-1] == ["responses"]:
        found["response_id"] = unquote(path[-1])
    return found


def _json(options: Any) -> Kwargs:
    body: Any = options.json_data
    if body is None:
        body = getattr(options, "content", None)
    if isinstance(body, (bytes, str)):
        body = parsed(body)
    return {**_mapping(options.params if body is None else body), **_mapping(options.extra_json)}


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def _asking(option: UsageOption) -> Any:
    def add(kwargs: Kwargs) -> Kwargs | None:
        options = kwargs["options"]
        given = _mapping(options.json_data)
        if not given or include_usage.ARGUMENT in _mapping(options.extra_json):
            return None
        asking = option.add({**given, "extra_headers": headers(kwargs)})
        if asking is None:
            return None
        asking.pop("extra_headers")
        copied = copy.copy(options)
        copied.json_data = asking
        return {**kwargs, "options": copied}

    return add
