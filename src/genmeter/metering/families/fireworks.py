"""fireworks-ai before 1.0: a client that posts to addresses, and gives the JSON of the answer, or the texts of its events.

What the SDK makes of an answer lacks the fields that it does not declare, the cached tokens among them. So the client's own
methods are the ones to meter. Those for streams are generators that have sent nothing yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from ..shapes.stream import deliver
from ..spec import Dialect, Family, Kwargs, Server, Target
from .plain import status


@dataclass(frozen=True, slots=True)
class Post(Target):
    """A method of the client. Its ``dialect`` maps the end of an address to the shape that is spoken there."""

    door: ClassVar[bool] = True

    def choose(self, args: tuple[Any, ...], kwargs: Kwargs) -> tuple[Dialect, Kwargs] | None:
        """The dialect by the longest end of the address, and the body; None for an address that runs no model."""
        url, data = str(kwargs.get("url")), kwargs.get("data")
        table = cast("Mapping[str, Dialect]", self.dialect)
        found = [end for end in table if url.endswith(end)]
        return (table[max(found, key=len)], cast("Kwargs", data)) if found and isinstance(data, dict) else None


def posts(table: Mapping[str, Dialect]) -> tuple[Target, ...]:
    """The client's methods, whole and streamed, each with its asynchronous twin."""
    place, named = "fireworks.client.api_client", ("url", "data")
    return (
        Post(place, "FireworksClient.post_request_non_streaming", table, arguments=named),
        Post(place, "FireworksClient.post_request_async_non_streaming", table, arguments=named, awaited=True),
        Post(place, "FireworksClient.post_request_streaming", table, arguments=named),
        Post(place, "FireworksClient.post_request_async_streaming", table, arguments=named, awaited=True),
    )


def server(client: Any) -> Server:
    """The client's own address."""
    return Server(client, client.base_url)


FIREWORKS = Family(server, deliver, status)
