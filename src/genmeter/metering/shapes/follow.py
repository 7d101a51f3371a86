"""A response body that the app reads itself, piece by piece: a gateway that passes bytes on is billed like any caller."""

from __future__ import annotations

import codecs
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from .. import guard
from ..spec import OpenCall

LARGEST = 8 * 2**20
"""Characters kept of a whole body, or of one event: a larger one is no answer with a usage object in it."""


class Follower:
    """Follows a body as the app takes it: events of a stream are folded and forgotten, a whole answer is kept to its end.

    ``lines`` says that the pieces are lines without their ends.
    """

    def __init__(self, call: OpenCall, *, lines: bool) -> None:
        self._call = call
        self._streamed = call.streamed
        self._end = "\n" if lines else ""
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        self._kept: list[str] = []
        self._size = 0

    def take(self, piece: Any) -> None:
        """One piece, bytes or text."""
        text = (self._decode(piece) if isinstance(piece, bytes) else str(piece)) + self._end
        if self._streamed and "\n" in text:
            first, *lines, rest = text.split("\n")
            for line in ("".join(self._kept) + first, *lines):
                self._event(line)
            self._kept, self._size, text = [], 0, rest
        self._size += len(text)
        if self._size <= LARGEST:
            self._kept.append(text)

    def _event(self, line: str) -> None:
        field, _, data = line.partition(":")
        if field == "data" and data.strip() != "[DONE]":
            self._call.chunks.fold(json.loads(data))

    def finish(self) -> None:
        """The app has read the body to its end."""
        if self._streamed:
            self._call.close()
        else:
            self._call.read(parsed("".join(self._kept)))


def parsed(text: str | bytes) -> Any:
    """A JSON body; None when it is none: audio, text."""
    try:
        return json.loads(text)
    except ValueError:
        return None


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
