"""Request bodies as they arrive: of a known length, or in chunks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final, Protocol

from genmeter.server.head import BadRequest, Head

MOST_CHUNKS: Final = 20_000
"""Chunks of one body. Real senders make them of 4 KiB and more; each costs time on the thread that serves all."""
_PIECE: Final = 1 << 16
_LONGEST_LINE, _MOST_TRAILERS = 1_024, 32
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?")


class Source(Protocol):
    """The bytes of a connection. Both methods raise ``EOFError`` when the sender went away."""

    async def some(self, most: int) -> bytes:
        """From 1 to ``most`` bytes."""
        ...

    async def line(self, longest: int) -> bytes:
        """The bytes before the next CR LF. Raises ``BadRequest`` for a longer line and for a bare line feed."""
        ...


async def pieces(source: Source, head: Head) -> AsyncIterator[bytes]:
    """The body of the request with this head, in pieces of any size. Raises ``BadRequest``, ``EOFError``."""
    if head.length is not None:
        left = head.length
        while left:
            piece = await source.some(min(left, _PIECE))
            left -= len(piece)
            yield piece
        return
    for _ in range(MOST_CHUNKS):
        size = _SIZE.fullmatch(await source.line(_LONGEST_LINE))
        if size is None:
            raise BadRequest(400, "a chunk of the body does not begin with its size")
        left = int(size[1], 16)
        if not left:
            await _end(source)
            return
        while left:
            piece = await source.some(min(left, _PIECE))
            left -= len(piece)
            yield piece
        if await source.line(_LONGEST_LINE):
            raise BadRequest(400, "a chunk of the body is longer than its size says")
    raise BadRequest(400, f"the body has more than the {MOST_CHUNKS} chunks allowed; send larger ones")


async def _end(source: Source) -> None:
    for _ in range(_MOST_TRAILERS):
        if not await source.line(_LONGEST_LINE):
            return
    raise BadRequest(431, f"more than {_MOST_TRAILERS} lines follow the last chunk")
