"""What a test may say about an answer: `Reply` for any answer, `Stream` for the pace and the fate of a streamed one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

Json = dict[str, Any]
"""A JSON object."""


@dataclass(frozen=True, slots=True)
class Request:
    """One recorded request, as it arrived."""

    method: str
    path: str
    """Without the query string, still percent-encoded."""
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    """The decoded JSON; for multipart forms the text fields, with a file's name in place of its bytes; else None."""
    raw: bytes = field(repr=False)

    @property
    def fields(self) -> Json:
        """`body` if it is a JSON object, else an empty one: safe to `.get` from."""
        body = self.body
        return cast(Json, body) if isinstance(body, dict) else {}


Edit = Callable[[Request, Json], object]
"""Receives the request and the body that the stub would have sent; returns the body to send instead."""


class Exact(dict[str, Any]):
    """A usage object to send as it is, instead of laying it over the default numbers."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model makes; without a name, of the request's first tool, with arguments that fit its schema."""

    name: str | None = None
    arguments: Json | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `Reply()` is the default: the shape that the request asks for, plain or streamed."""

    status: int = 200
    body: Json | str | bytes | Edit | None = None
    """None: the endpoint's own (for 400 and above its error body). Anything but None is sent whole, never streamed."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Added to the provider's own headers; an empty value removes one."""
    usage: Mapping[str, Any] | None = field(default_factory=dict[str, Any])
    """Laid over the default usage, objects in it too, totals recomputed; `Exact` replaces it; None leaves it out."""
    delay: float = 0.0
    """Seconds before the status line is sent."""
    text: str | None = None
    tool_calls: Sequence[ToolCall] = ()
    reasoning: str | None = None
    """Reasoning summary or thinking text, where the dialect has a place for it."""
    finish: str | None = None
    """The finish or stop reason in the provider's own words."""
    model: str | None = None
    """The model that the answer names; None: the dated snapshot of what was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Reply):
    """One streamed answer. Counts are of events on the wire: the first ones (a role, message_start) count too."""

    n: int | None = None
    """Send this many equal text deltas."""
    chunks: Sequence[str] | None = None
    """Send these text deltas. Neither this nor `n`: the words of the text."""
    events: Sequence[Mapping[str, Any] | str] | None = None
    """Send exactly these events (a str as bare data, such as "[DONE]") and nothing else."""
    gap: float | None = None
    """Seconds between two events; None: the server's own."""
    cut_after: int | None = None
    """Drop the connection after this many events; the chunked body stays without its end."""
    error_after: int | None = None
    """After this many events send the provider's error event, then end the body properly."""
