"""What is taken from an SDK's stream before the app asks for it: all but the chunk that we asked for waits for the app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..spec import Chunks


class Failed:
    """What the SDK raised, to be raised when the app asks for the next chunk."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error = error


def taken(take: Callable[[], Any]) -> Any:
    """The next chunk, or ``Failed``; the end of the stream is raised."""
    # A function of its own: the exception keeps this frame, and must not keep the iteration, which keeps the exception.
    try:
        return take()
    except StopIteration:
        raise
    except Exception as error:
        return Failed(error)


async def taken_async(take: Callable[[], Awaitable[Any]]) -> Any:
    """The asynchronous twin of ``taken``."""
    try:
        return await take()
    except StopAsyncIteration:
        raise
    except Exception as error:
        return Failed(error)


def given(following: Any) -> Any:
    """What was taken, now that the app asks for it."""
    if isinstance(following, Failed):
        raise following.error
    return following


def taken_in(chunks: Chunks, following: Any) -> bool:
    """Fold the chunk that came because we asked. False: it is none, and is not folded yet."""
    return not isinstance(following, Failed) and bool(chunks.hides(following)) and bool(chunks.fold(following))
