"""One exchange seen from a provider: the call being answered, and the vocabulary in which a provider is described."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from . import bodies
from .schema import instance
from .script import Exact, Json, Reply, Request, Stream, ToolCall


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream; `data` as a str goes out as it is."""

    data: Json | str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Blob:
    """An answer that is not JSON."""

    data: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Call:
    """A request with the reply that was chosen for it; endpoints read everything they say from here."""

    request: Request
    reply: Reply
    params: Mapping[str, str]
    """The named groups of the endpoint's pattern, percent-decoded."""
    store: dict[str, Json] = field(default_factory=dict[str, Json])
    """Answers kept for retrieval by id, shared by the whole server."""
    scale: int = 1
    """Every default usage number is multiplied by this, so that sums stay true."""
    born: float = field(default_factory=time.time)
    token: str = field(default_factory=lambda: secrets.token_hex(12))
    """Makes every id of this exchange unique."""

    @property
    def created(self) -> int:
        """Unix seconds."""
        return int(self.born)

    @property
    def asked(self) -> Json:
        """The request's JSON object."""
        return self.request.fields

    def asked_object(self, name: str) -> Json:
        """A field of the request that is an object; empty if it is absent, null or something else."""
        value = self.asked.get(name)
        return cast(Json, value) if isinstance(value, dict) else {}

    def asked_list(self, name: str) -> list[Json]:
        """A field of the request that is a list of objects; empty if it is absent or null."""
        value = self.asked.get(name)
        return cast(list[Json], value) if isinstance(value, list) else []

    @property
    def asked_model(self) -> str:
        """What the request calls the model, in its body or else in its path."""
        return str(self.asked.get("model") or self.params.get("model") or "")

    @property
    def model(self) -> str:
        """What the answer calls the model."""
        return self.reply.model or bodies.snapshot(self.asked_model)

    def text(self, default: str, schema: Json | None = None) -> str:
        """The whole text: scripted, else JSON that fits `schema`, else `default`."""
        reply = self.reply
        if reply.text is not None:
            return reply.text
        if isinstance(reply, Stream) and (reply.chunks is not None or reply.n is not None):
            return "".join(self.pieces(""))
        return bodies.dumps(instance(schema)) if schema else default

    def pieces(self, text: str) -> Iterator[str]:
        """The deltas in which `text` is streamed; empty ones are never made."""
        reply = self.reply
        if isinstance(reply, Stream) and reply.chunks is not None:
            return iter(reply.chunks)
        if isinstance(reply, Stream) and reply.n is not None:
            return itertools.repeat("token ", reply.n)
        return iter(words(text))

    def usage(self, default: Json, total: tuple[str, str, str] | None = None) -> Json | None:
        """The usage to report; `total` names the sum and its two terms, recomputed unless the script gave it."""
        override = self.reply.usage
        if override is None or isinstance(override, Exact):
            return None if override is None else dict(override)
        merged = laid_over(scaled(default, self.scale), override)
        if total and total[0] not in override:
            terms = merged.get(total[1]), merged.get(total[2])
            if isinstance(terms[0], int) and isinstance(terms[1], int):
                merged[total[0]] = terms[0] + terms[1]
        return merged

    def tool_calls(self, tools: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
        """Name and arguments of each scripted call; `tools` are the name and the schema of those that were offered."""
        return [self._named(call, tools) for call in self.reply.tool_calls]

    def _named(self, call: ToolCall, tools: list[tuple[str, Json]]) -> tuple[str, Json]:
        if call.name is None and not tools:
            raise ValueError("the script asks for a tool call, but the request offers no tools")
        name = call.name or tools[0][0]
        schema = dict(tools).get(name, {})
        return name, instance(schema) if call.arguments is None else call.arguments


Body = Json | Blob


@dataclass(frozen=True, slots=True)
class Provider:
    """What all endpoints of one provider have in common."""

    error: Callable[[int, Call], Json]
    """The body of a failed answer."""
    headers: Callable[[Call], dict[str, str]]
    failure: Callable[[Call], Event]
    """The event that reports an error in the middle of a stream."""
    frame: Callable[[Event], bytes]
    content_type: str = "text/event-stream; charset=utf-8"


def asks_to_stream(request: Request) -> bool:
    """Whether the JSON body (or the form) says `stream: true`."""
    return request.fields.get("stream") in (True, "true", "True")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation: where it is served and what it answers by default."""

    method: str
    pattern: str
    """A regular expression that the whole path must match; the first endpoint that matches serves."""
    provider: Provider
    answer: Callable[[Call], Body]
    events: Callable[[Call], Iterator[Event]] | None = None
    streams: Callable[[Request], bool] = asks_to_stream

    def will_stream(self, request: Request) -> bool:
        """Whether a successful answer to the request is a stream."""
        return self.events is not None and self.streams(request)


def words(text: str) -> list[str]:
    """Split before each space, as a tokenizer does: the pieces joined are the text."""
    first, *rest = text.split(" ")
    pieces = [first, *(f" {word}" for word in rest)]
    return [piece for piece in pieces if piece]


def laid_over(base: Json, override: Mapping[str, Any]) -> Json:
    """`base` with the values of `override`, objects merged key by key."""
    merged = dict(base)
    for key, value in override.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, Mapping):
            value = laid_over(cast(Json, below), cast(Json, value))
        merged[key] = value
    return merged


def scaled(value: Any, factor: int) -> Any:
    """A deep copy with every whole number multiplied."""
    if isinstance(value, dict):
        return {key: scaled(item, factor) for key, item in cast(Json, value).items()}
    return value * factor if isinstance(value, int) and not isinstance(value, bool) else value
