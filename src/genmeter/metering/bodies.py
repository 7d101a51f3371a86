"""A response body that the app reads itself, piece by piece: a gateway that passes bytes on is billed like any caller."""

from __future__ import annotations

import codecs
import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from . import guard
from .proxies import stop

if TYPE_CHECKING:
    from .engine import Observation

LARGEST = 8 * 2**20
"""Characters kept of a whole body, or of one event: what is larger is no answer with a usage object in it."""


class Body:
    """Follows a body as the app takes it: events of a stream are folded and forgotten, a whole answer is kept to its end.

    ``lines`` says that the pieces are lines without their ends.
    """

    def __init__(self, observation: Observation, *, lines: bool) -> None:
        self._observation = observation
        self._streamed = observation.invocation.request.stream
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
            self._observation.fold(json.loads(data))

    def finish(self) -> None:
        """The app has read the body to its end."""
        if self._streamed:
            self._observation.close()
        else:
            self._observation.read(parsed("".join(self._kept)))


def parsed(text: str | bytes) -> Any:
    """A JSON body; None when it is none: audio, text."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def followed(pieces: Iterator[Any], body: Body, observation: Observation) -> Iterator[Any]:
    """The very pieces, each seen by ``body`` on its way to the app."""
    try:
        for piece in pieces:
            guard.step("body", body.take, piece)
            yield piece
    except BaseException as error:
        stop(observation, error)
        raise
    guard.step("body", body.finish)


async def followed_async(pieces: AsyncIterator[Any], body: Body, observation: Observation) -> AsyncIterator[Any]:
    """The asynchronous twin of ``followed``."""
    try:
        async for piece in pieces:
            guard.step("body", body.take, piece)
            yield piece
    except BaseException as error:
        stop(observation, error)
        raise
    guard.step("body", body.finish)
