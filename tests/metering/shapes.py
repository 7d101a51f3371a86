"""The ways in which an app can make one call and take its answer; each returns all that it saw, comparable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import reduce
from typing import Any

from .sdk import dump, settled

Way = Callable[[Any, str, dict[str, Any]], Any]
AsyncWay = Callable[[Any, str, dict[str, Any]], Awaitable[Any]]


def method(client: Any, path: str, within: str = "") -> Any:
    """``client.chat.completions.create`` by its path; ``within`` is the raw view of the resource that holds it."""
    *resource, name = path.split(".")
    holder = reduce(getattr, [*resource, within] if within else resource, client)
    return getattr(holder, name)


def whole(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """The answer in one piece."""
    return dump(method(client, path)(**ask))


async def whole_async(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """The answer in one piece."""
    return dump(await method(client, path)(**ask))


def stream(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """A stream, read to its end."""
    return [dump(chunk) for chunk in method(client, path)(**ask, stream=True)]


async def stream_async(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """A stream, read to its end."""
    return [dump(chunk) async for chunk in await method(client, path)(**ask, stream=True)]


def stream_with(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """A stream as a context manager."""
    with method(client, path)(**ask, stream=True) as chunks:
        return [dump(chunk) for chunk in chunks]


async def stream_with_async(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """A stream as a context manager."""
    async with await method(client, path)(**ask, stream=True) as chunks:
        return [dump(chunk) async for chunk in chunks]


def raw(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """``with_raw_response``: headers first, then the parsed answer."""
    response = method(client, path, "with_raw_response")(**ask)
    return [type(response).__name__, response.status_code, response.headers["content-type"], dump(response.parse())]


async def raw_async(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """``with_raw_response``: headers first, then the parsed answer."""
    response = await method(client, path, "with_raw_response")(**ask)
    parsed = await settled(response.parse())
    return [type(response).__name__, response.status_code, response.headers["content-type"], dump(parsed)]


def raw_stream(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """``with_raw_response`` of a stream."""
    response = method(client, path, "with_raw_response")(**ask, stream=True)
    return [response.status_code, *(dump(chunk) for chunk in response.parse())]


async def raw_stream_async(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """``with_raw_response`` of a stream."""
    response = await method(client, path, "with_raw_response")(**ask, stream=True)
    return [response.status_code, *[dump(chunk) async for chunk in await settled(response.parse())]]


def _streaming(take: str) -> Way:
    def run(client: Any, path: str, ask: dict[str, Any]) -> Any:
        with method(client, path, "with_streaming_response")(**ask) as response:
            return [response.status_code, dump(getattr(response, take)())]

    run.__name__ = f"streaming_{take}"
    return run


def _streaming_async(take: str) -> AsyncWay:
    async def run(client: Any, path: str, ask: dict[str, Any]) -> Any:
        async with method(client, path, "with_streaming_response")(**ask) as response:
            return [response.status_code, dump(await settled(getattr(response, take)()))]

    run.__name__ = f"streaming_{take}"
    return run


def streaming_lines(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """``with_streaming_response``, read by lines."""
    with method(client, path, "with_streaming_response")(**ask) as response:
        return list(response.iter_lines())


async def streaming_lines_async(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """``with_streaming_response``, read by lines."""
    async with method(client, path, "with_streaming_response")(**ask) as response:
        return [line async for line in response.iter_lines()]


def streaming_stream(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """``with_streaming_response`` of a stream, parsed."""
    with method(client, path, "with_streaming_response")(**ask, stream=True) as response:
        return [dump(chunk) for chunk in response.parse()]


async def streaming_stream_async(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """``with_streaming_response`` of a stream, parsed."""
    async with method(client, path, "with_streaming_response")(**ask, stream=True) as response:
        return [dump(chunk) async for chunk in await settled(response.parse())]


def helper(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """The SDK's own ``stream`` helper: its events."""
    with method(client, path)(**ask) as events:
        return [dump(event) for event in events]


async def helper_async(client: Any, path: str, ask: dict[str, Any]) -> Any:
    """The SDK's own ``stream`` helper: its events."""
    async with method(client, path)(**ask) as events:
        return [dump(event) async for event in events]


WHOLE: dict[str, tuple[Way, AsyncWay]] = {
    "whole": (whole, whole_async),
    "raw": (raw, raw_async),
    "streaming_parse": (_streaming("parse"), _streaming_async("parse")),
    "streaming_json": (_streaming("json"), _streaming_async("json")),
    "streaming_read": (_streaming("read"), _streaming_async("read")),
    "streaming_text": (_streaming("text"), _streaming_async("text")),
}
"""Answers in one piece."""
PARSED = {name: WHOLE[name] for name in ("whole", "raw", "streaming_parse")}
STREAMED: dict[str, tuple[Way, AsyncWay]] = {
    "stream": (stream, stream_async),
    "stream_with": (stream_with, stream_with_async),
    "raw_stream": (raw_stream, raw_stream_async),
    "streaming_stream": (streaming_stream, streaming_stream_async),
}
"""Answers in pieces."""
HELPED: dict[str, tuple[Way, AsyncWay]] = {"helper": (helper, helper_async)}
"""Answers through the SDK's own helper."""
