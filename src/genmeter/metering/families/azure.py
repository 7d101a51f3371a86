"""Clients that Azure's generator makes (azure-ai-inference): the address in a configuration, arguments perhaps in one body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..shapes.stream import deliver
from ..spec import Dialect, Family, Kwargs, Server, Target
from .plain import status


@dataclass(frozen=True, slots=True)
class Bodied(Target):
    """A method whose arguments may also stand in one mapping, ``body``, the first of its arguments."""

    def choose(self, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """The dialect of the method, and what the body and the arguments say."""
        body: Any = args[0] if args else kwargs.get("body")
        given: Mapping[str, Any] = cast("Mapping[str, Any]", body) if isinstance(body, Mapping) else {}
        return cast("Dialect", self.dialect), {**given, **kwargs}


def server(client: Any) -> Server:
    """The endpoint of a client."""
    configuration = client._config
    return Server(configuration, configuration.endpoint)


AZURE = Family(server, deliver, status)
