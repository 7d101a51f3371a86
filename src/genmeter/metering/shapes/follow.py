"""A response body that the app reads itself, piece by piece: a gateway that passes bytes on is billed like any caller."""

from __future__ import annotations

import codecs
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from .. import guard
from ..spec import Events, OpenCall

LARGEST = 8 * 2**20
"""Characters kept of a whole body, or of one event: a larger one is no answer with a usage object in it."""


FIELDS = ("data", "event", "id", "retry", "")
"""The fields of a stream of events; the empty one is a comment. JSON begins with none of these and a colon.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation (read 2026-11-30).
"""


class Lines:
    """The events in the lines of a stream: JSON in ``data`` fields, which an empty line ends.

    An event is given as soon as its JSON is whole: an app may stop reading before the empty line. A reader of lines may
    have split a text at separators that are no ends of lines here (U+2028 inside a string of the model's), so a line after
    JSON that is not whole belongs to that JSON.
    """

    def __init__(self) -> None:
        self._data = ""

    def take(self, line: str) -> Any:
        """One line without its end. The event that it completes, else None."""
        line = line.removesuffix("\r")
        field, colon, value = line.partition(":")
        if not line:
            self._data = ""
        elif field == "data" and colon:
            return self._join(value) if value.strip() != "[DONE]" else None
        elif self._data:
            return self._join(line)
        return None

    def _join(self, value: str) -> Any:
        event = parsed(self._data + value)
        if event is None and self._data:
            event = parsed(value)  # the event before was broken, and no empty line ended it
        self._data = self._data + value if event is None else ""
        return event


class Follower:
    """Follows a body as the app takes it: events of a stream are folded and forgotten, a whole answer is kept to its end.

    ``lines`` says that the pieces are lines without their ends.
    """

    def __init__(self, call: OpenCall, *, lines: bool) -> None:
        self._call = call
        self._streamed: bool | None = True if call.streamed else None
        """Whether the body is a stream of events; None: not known yet, because its first characters tell."""
        self._end = "\n" if lines else ""
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._events = Lines()
        self._kept: list[str] = []
        self._size = 0

    def take(self, piece: Any) -> None:
        """One piece, bytes or text."""
        text = (self._decode(piece) if isinstance(piece, bytes) else str(piece)) + self._end
        if self._streamed is None and text.strip():
            self._streamed = is_stream(text)
        if self._streamed and "\n" in text:
            first, *lines, rest = text.split("\n")
            for line in ("".join(self._kept) + first, *lines):
                self._event(self._events.take(line))
            self._kept, self._size, text = [], 0, rest
        self._size += len(text)
        if self._size <= LARGEST:
            self._kept.append(text)

    def _event(self, event: Any) -> None:
        if event is not None:
            guard.step("fold", self._call.chunks.fold, event)

    def finish(self) -> None:
        """The app has read the body to its end."""
        if self._streamed:
            self._event(self._events.take("".join(self._kept)))
            self._call.close()
        else:
            self._call.read(parsed("".join(self._kept)))


def is_stream(text: str) -> bool:
    """Whether a body that begins so is a stream of events."""
    field, colon, _ = text.lstrip("\ufeff \n\r").partition(":")
    return bool(colon) and field in FIELDS


def parsed(text: str | bytes) -> Any:
    """A JSON body; None when it is none: audio, text."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def whole(text: str) -> Any:
    """A body that has arrived as a whole: its JSON, or the ``Events`` in it; None where it is neither."""
    if not is_stream(text):
        return parsed(text)
    lines = Lines()
    found = [lines.take(line) for line in text.split("\n")]
    return Events(event for event in found if event is not None)


def follow(pieces: Any, call: OpenCall, *, lines: bool) -> Any:
    """The very pieces of a body, sync or async, each seen on its way to the app."""
    followed = _follow_async if hasattr(pieces, "__anext__") else _follow
    return followed(pieces, Follower(call, lines=lines), call)


def _follow(pieces: Iterator[Any], follower: Follower, call: OpenCall) -> Iterator[Any]:
    try:
        for piece in pieces:
            guard.step("body", follower.take, piece)
            yield piece
    except BaseException as error:
        call.stop(error)
        raise
    guard.step("body", follower.finish)


async def _follow_async(pieces: AsyncIterator[Any], follower: Follower, call: OpenCall) -> AsyncIterator[Any]:
    try:
        async for piece in pieces:
            guard.step("body", follower.take, piece)
            yield piece
    except BaseException as error:
        call.stop(error)
        raise
    guard.step("body", follower.finish)
