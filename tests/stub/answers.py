"""From a call to what goes out on the wire; nothing here touches a socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any

from .bodies import dumps
from .exchange import Blob, Call, Endpoint, Event, Provider
from .script import Reply, Stream

_JSON = "application/json"
_BURST = 1_000


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer sent in one piece."""

    status: int
    headers: dict[str, str]
    payload: bytes


@dataclass(frozen=True, slots=True)
class Streamed:
    """An answer sent frame by frame."""

    headers: dict[str, str]
    frames: Iterator[bytes]
    gap: float
    cut: bool
    """End with the connection dropped instead of with the end of the body."""
    burst: bool
    """So many frames that they are sent many at a time."""


def answer(endpoint: Endpoint, call: Call, gap: float = 0.0) -> Whole | Streamed:
    """What the endpoint sends for the call; `gap` is between events where the script names none."""
    reply = call.reply
    wants_stream = endpoint.will_stream(call.request)
    if isinstance(reply, Stream) and not wants_stream:
        raise ValueError(f"a Stream is scripted for {call.request.path}, but the request does not stream")
    if wants_stream and reply.status < 400 and reply.body is None:
        return _streamed(endpoint, call, gap)
    return _whole(endpoint, call)


def _headers(provider: Provider, call: Call, content_type: str) -> dict[str, str]:
    scripted = {name.lower(): value for name, value in call.reply.headers.items()}
    headers = {"content-type": content_type, **provider.headers(call), **scripted}
    return {name: value for name, value in headers.items() if value}


def _whole(endpoint: Endpoint, call: Call) -> Whole:
    payload, content_type = _encoded(_body(endpoint, call))
    return Whole(call.reply.status, _headers(endpoint.provider, call, content_type), payload)


def _body(endpoint: Endpoint, call: Call) -> object:
    scripted = call.reply.body
    if scripted is not None and not callable(scripted):
        return scripted
    failed = call.reply.status >= 400
    default = endpoint.provider.error(call.reply.status, call) if failed else endpoint.answer(call)
    if scripted is None:
        return default
    return scripted(call.request, default if isinstance(default, dict) else {})


def _encoded(body: object) -> tuple[bytes, str]:
    match body:
        case Blob():
            return body.data, body.content_type
        case bytes():
            return body, _JSON
        case str():
            return body.encode(), _JSON
        case _:
            return dumps(body).encode(), _JSON


def _streamed(endpoint: Endpoint, call: Call, gap: float) -> Streamed:
    reply = call.reply if isinstance(call.reply, Stream) else Stream(**_fields(call.reply))
    provider = endpoint.provider
    frames = _frames(_events(endpoint, call, reply), provider)
    if reply.cut_after is not None:
        frames = islice(frames, reply.cut_after)
    headers = _headers(provider, call, provider.content_type)
    pause = gap if reply.gap is None else reply.gap
    long = max(reply.n or 0, len(reply.chunks or ())) > _BURST
    return Streamed(headers, frames, pause, cut=reply.cut_after is not None, burst=long and not pause)


def plain(reply: Reply) -> Reply:
    """A Stream without its pace and fate."""
    return Reply(**_fields(reply))


def _fields(reply: Reply) -> dict[str, Any]:
    return {item.name: getattr(reply, item.name) for item in fields(Reply)}


def _events(endpoint: Endpoint, call: Call, reply: Stream) -> Iterator[Event]:
    assert endpoint.events is not None
    events = endpoint.events(call)
    if reply.events is not None:
        events = (_verbatim(data) for data in reply.events)
    if reply.error_after is None:
        return events
    return _broken(events, reply.error_after, endpoint.provider.failure(call))


def _verbatim(data: Mapping[str, Any] | str) -> Event:
    """Where the data has a type the event has its name, as in all typed streams; chat chunks have none."""
    if isinstance(data, str):
        return Event(data)
    return Event(dict(data), data.get("type"))


def _broken(events: Iterator[Event], after: int, failure: Event) -> Iterator[Event]:
    yield from islice(events, after)
    yield failure


def _frames(events: Iterator[Event], provider: Provider) -> Iterator[bytes]:
    """Endpoints repeat the same Event object for equal deltas, so that a long stream is encoded once."""
    last, frame = None, b""
    for event in events:
        if event is not last:
            last, frame = event, provider.frame(event)
        yield frame
