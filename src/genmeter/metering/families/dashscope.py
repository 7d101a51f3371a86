"""dashscope: class methods make a request, which keeps what it asks and its address, and then sends itself.

The request's own methods are the ones to meter: every class of the SDK goes through them, also by a method that the app has
kept. A stream is a generator that has sent nothing yet.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from ..shapes.stream import deliver
from ..spec import Dialect, Family, Kwargs, Server, Target
from .plain import status

PACKAGE = "dashscope"


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


def server(instance: Any) -> Server:
    """The address of a request, or the one that the package has for the compatible API."""
    url = getattr(instance, "url", None)
    package = sys.modules[PACKAGE]
    return Server(package, package.base_compatible_api_url if url is None else url)


DASHSCOPE = Family(server, deliver, status)
