"""A body inside an answer that the app reads itself, whole or in pieces: each piece is seen on its way to the app."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, cast

from .. import guard
from ..spec import OpenCall
from .proxy import Watched, dropped, ran, then

LARGEST = 8 * 2**20
"""Bytes kept of a body: a larger one is no answer with a usage object in it."""


class Taken:
    """The bytes that the app has got. With the last one the answer is read, and the call ends.

    ``whole`` makes an answer of all bytes. ``length`` is how many there are, where that is known.
    """

    def __init__(self, call: OpenCall, whole: Callable[[bytes], Any], length: int | None) -> None:
        self._call, self._whole, self._length = call, whole, length
        self._pieces: list[bytes] = []
        self._size = 0

    def take(self, piece: bytes, last: bool) -> None:
        """One piece; ``last``: the app knows that no other comes."""
        if not self._call.open:
            return
        self._size += len(piece)
        if self._size <= LARGEST:
            self._pieces.append(piece)
        else:
            self._pieces.clear()
        if last or self._size == self._length:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._call.read(self._whole(data))


class Body(Watched):
    """An open body, sync or async as the SDK made it. ``taken`` is shared by all views of one body."""

    def __init__(self, wrapped: Any, call: OpenCall, taken: Taken) -> None:
        super().__init__(wrapped, call)
        self._self_taken = taken

    def __del__(self) -> None:
        dropped(self)

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """Some bytes, or all that are left; now or when awaited."""

        def seen(piece: bytes) -> None:
            given: int | None = next(iter((*args, *kwargs.values())), None)
            amount = -1 if given is None else given
            self._self_taken.take(piece, amount < 0 or (not piece and amount > 0))

        return self._self_run(self.__wrapped__.read, seen, args, kwargs)

    def readinto(self, buffer: Any) -> Any:
        """Some bytes, into memory of the app's."""

        def seen(count: int) -> None:
            self._self_taken.take(bytes(memoryview(buffer)[:count]), count == 0 and len(buffer) > 0)

        return self._self_run(self.__wrapped__.readinto, seen, (buffer,), {})

    def readlines(self, *args: Any) -> Any:
        """All lines, with or without their ends."""

        def seen(lines: list[bytes]) -> None:
            self._self_taken.take(b"\n".join(lines), True)

        return self._self_run(self.__wrapped__.readlines, seen, args, {})

    def close(self) -> Any:
        """Close the body, now or when awaited; one that was not read to its end is a cut call."""
        return then(self.__wrapped__.close(), self._self_call.leave)

    @property
    def aclose(self) -> Callable[[], Any]:
        """Close the body when awaited."""
        inner: Callable[[], Any] = self.__wrapped__.aclose
        return lambda: then(inner(), self._self_call.leave)

    def __enter__(self) -> Any:
        return self._self_entered(self.__wrapped__.__enter__())

    def __exit__(self, *failure: object) -> Any:
        try:
            return self.__wrapped__.__exit__(*failure)
        finally:
            self._self_call.leave()

    async def __aenter__(self) -> Any:
        return self._self_entered(await self.__wrapped__.__aenter__())

    async def __aexit__(self, *failure: object) -> Any:
        try:
            return await self.__wrapped__.__aexit__(*failure)
        finally:
            self._self_call.leave()

    def __iter__(self) -> Any:
        return self._self_through("__iter__")()

    def __next__(self) -> Any:
        return self._self_through("__next__")()

    def __aiter__(self) -> Any:
        return self._self_through("__aiter__")()

    def __anext__(self) -> Any:
        return self._self_through("__anext__")()

    @property
    def next(self) -> Any:
        """The next piece."""
        return self._self_through("next")

    @property
    def iter_lines(self) -> Any:
        """The lines, one after the other."""
        return self._self_through("iter_lines")

    @property
    def iter_chunks(self) -> Any:
        """The pieces, one after the other."""
        return self._self_through("iter_chunks")

    def _self_through(self, name: str) -> Any:
        """The SDK's own method, run on this proxy: it reads by ``read``, where each piece is seen."""
        own = getattr(cast("type[Any]", type(self.__wrapped__)), name, None)
        return own.__get__(self) if isinstance(own, types.FunctionType) else getattr(self.__wrapped__, name)

    def _self_entered(self, entered: Any) -> Any:
        """What entering gives: this body, or what lies below it, as botocore does."""
        if entered is self.__wrapped__:
            return self
        made = guard.step("body", Body, entered, self._self_call, self._self_taken)
        return entered if made is None else made

    def _self_run(self, method: Callable[..., Any], seen: Callable[[Any], None], args: Any, kwargs: Any) -> Any:
        def give(result: Any) -> Any:
            guard.step("body", seen, result)
            return result

        return ran(method, self._self_call, give, args, kwargs)


def watch(body: Any, call: OpenCall, whole: Callable[[bytes], Any], length: Any) -> Any:
    """A body through which each piece is seen; ``length`` is a header's text, or None."""
    size = int(length) if isinstance(length, str) and length.isdecimal() else None
    return Body(body, call, Taken(call, whole, size))
