"""Stand-ins for an SDK's streams: the same type, the same laziness, every chunk seen once."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from types import CodeType, TracebackType
from typing import Any

from opentelemetry.context import Context, attach

from .. import guard
from ..context import detach
from ..spec import AHEAD, OpenCall
from .ahead import given, taken, taken_async, taken_in
from .proxy import Watched, dropped, then


class Iteration:
    """Reads a synchronous stream. A ``for`` loop over a fresh stream keeps this object and drops the stream's proxy.

    Apart from the proxy because attributes of a proxy cost more, once for every chunk.
    """

    __slots__ = ("__weakref__", "_chunks", "_self_call", "_take")

    def __init__(self, take: Callable[[], Any], call: OpenCall) -> None:
        self._take = take
        self._self_call = call
        self._chunks = call.chunks

    def __iter__(self) -> Iteration:
        return self

    def through(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """``send`` or ``throw`` of a generator, whose item is seen like any other."""

        def ask(*args: Any) -> Any:
            take = self._take

            def once() -> Any:
                self._take = take
                return method(*args)

            self._take = once
            return self.__next__()

        return ask

    def __next__(self) -> Any:
        while True:
            try:
                chunk = self._take()
            except BaseException as error:
                self._self_call.stop(error)
                raise
            try:
                told = self._chunks.fold(chunk)
                if not told:
                    return chunk
            except Exception as error:
                if not self._chunks.unfolded(chunk, error):
                    return chunk
                continue
            if told == AHEAD:
                self._look_ahead()
                return chunk

    def _look_ahead(self) -> None:
        """Take the next chunk before the app asks for it. All but the chunk that we asked for waits for the app."""
        take = self._take
        try:
            following = taken(take)
        except BaseException as error:
            self._self_call.stop(error)
            if not isinstance(error, StopIteration):  # which the SDK's stream says again
                raise
        else:
            if not guard.step("fold", taken_in, self._chunks, following):
                waiting = [following]

                def later() -> Any:
                    return given(waiting.pop()) if waiting else take()

                self._take = later

    def __del__(self) -> None:
        dropped(self)


class AsyncIteration:
    """Reads an asynchronous stream; the twin of ``Iteration``."""

    __slots__ = ("__weakref__", "_chunks", "_self_call", "_take")

    def __init__(self, take: Callable[[], Awaitable[Any]], call: OpenCall) -> None:
        self._take = take
        self._self_call = call
        self._chunks = call.chunks

    def __aiter__(self) -> AsyncIteration:
        return self

    def through(self, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """``asend`` or ``athrow`` of an asynchronous generator, whose item is seen like any other."""

        async def ask(*args: Any) -> Any:
            take = self._take

            def once() -> Awaitable[Any]:
                self._take = take
                return method(*args)

            self._take = once
            return await self.__anext__()

        return ask

    async def __anext__(self) -> Any:
        while True:
            try:
                chunk = await self._take()
            except BaseException as error:
                self._self_call.stop(error)
                raise
            try:
                told = self._chunks.fold(chunk)
                if not told:
                    return chunk
            except Exception as error:
                if not self._chunks.unfolded(chunk, error):
                    return chunk
                continue
            if told == AHEAD:
                await self._look_ahead()
                return chunk

    async def _look_ahead(self) -> None:
        """Take the next chunk before the app asks for it. All but the chunk that we asked for waits for the app."""
        take = self._take
        try:
            following = await taken_async(take)
        except BaseException as error:
            self._self_call.stop(error)
            if not isinstance(error, StopAsyncIteration):  # which the SDK's stream says again
                raise
        else:
            if not guard.step("fold", taken_in, self._chunks, following):
                waiting = [following]

                async def later() -> Any:
                    return given(waiting.pop()) if waiting else await take()

                self._take = later

    def __del__(self) -> None:
        dropped(self)


class Stream(Watched):
    """A synchronous stream: iterator and context manager."""

    def __init__(self, wrapped: Any, call: OpenCall, inside: Context | None = None) -> None:
        super().__init__(wrapped, call)
        self._self_iteration = Iteration(reader(wrapped, inside), call)

    def __iter__(self) -> Any:
        return self._self_iteration

    def __next__(self) -> Any:
        return self._self_iteration.__next__()

    def __enter__(self) -> Stream:
        self.__wrapped__.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            return self.__wrapped__.__exit__(kind, error, trace)
        finally:
            self._self_call.leave()

    @property
    def close(self) -> Callable[[], Any]:
        """Close the stream, in the SDKs whose streams can be closed; the call is marked as cut."""
        inner: Callable[[], Any] = self.__wrapped__.close

        def close() -> Any:
            try:
                return inner()
            finally:
                self._self_call.leave()

        return close

    @property
    def send(self) -> Callable[..., Any]:
        """The next item, after the generator has received a value; for streams that are generators."""
        return self._self_iteration.through(self.__wrapped__.send)

    @property
    def throw(self) -> Callable[..., Any]:
        """Raise an error where the generator waits; for streams that are generators."""
        return self._self_iteration.through(self.__wrapped__.throw)


class AsyncStream(Watched):
    """An asynchronous stream: iterator and context manager."""

    def __init__(self, wrapped: Any, call: OpenCall, inside: Context | None = None) -> None:
        super().__init__(wrapped, call)
        self._self_iteration = AsyncIteration(async_reader(wrapped, inside), call)

    def __aiter__(self) -> AsyncIteration:
        return self._self_iteration

    def __anext__(self) -> Awaitable[Any]:
        return self._self_iteration.__anext__()

    async def __aenter__(self) -> AsyncStream:
        await self.__wrapped__.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            return await self.__wrapped__.__aexit__(kind, error, trace)
        finally:
            self._self_call.leave()

    @property
    def close(self) -> Callable[[], Any]:
        """Close the stream, when awaited or, as aiobotocore does, now; the call is marked as cut."""
        inner: Callable[[], Any] = self.__wrapped__.close
        return lambda: then(inner(), self._self_call.leave)

    @property
    def aclose(self) -> Callable[[], Awaitable[Any]]:
        """``close`` under the name that ``contextlib.aclosing`` wants, in the SDKs that have it."""
        inner: Callable[[], Awaitable[Any]] = self.__wrapped__.aclose

        async def aclose() -> Any:
            try:
                return await inner()
            finally:
                self._self_call.leave()

        return aclose

    @property
    def asend(self) -> Callable[..., Awaitable[Any]]:
        """The next item, after the generator has received a value; for streams that are generators."""
        return self._self_iteration.through(self.__wrapped__.asend)

    @property
    def athrow(self) -> Callable[..., Awaitable[Any]]:
        """Raise an error where the generator waits; for streams that are generators."""
        return self._self_iteration.through(self.__wrapped__.athrow)


class EitherStream(Watched):
    """A stream that is iterated with ``for`` or with ``async for``, as the app likes: each way sees its chunks.

    It is its own iterator, so that neither reading is dropped while the app uses the other.
    """

    def __init__(self, wrapped: Any, call: OpenCall, inside: Context | None = None) -> None:
        super().__init__(wrapped, call)
        self._self_sync = Iteration(reader(wrapped, inside), call)
        self._self_async = AsyncIteration(async_reader(wrapped, inside), call)

    def __iter__(self) -> EitherStream:
        return self

    def __next__(self) -> Any:
        return self._self_sync.__next__()

    def __aiter__(self) -> EitherStream:
        return self

    def __anext__(self) -> Awaitable[Any]:
        return self._self_async.__anext__()

    @property
    def close(self) -> Callable[[], Any]:
        """Close the stream, now or when awaited; the call is marked as cut."""
        inner: Callable[[], Any] = self.__wrapped__.close
        return lambda: then(inner(), self._self_call.leave)

    @property
    def aclose(self) -> Callable[[], Any]:
        """Close the stream when awaited; the call is marked as cut."""
        inner: Callable[[], Any] = self.__wrapped__.aclose
        return lambda: then(inner(), self._self_call.leave)


def reader(stream: Any, inside: Context | None = None) -> Callable[[], Any]:
    """The function that gives a stream's next chunk. Some streams, botocore's for one, are iterables only.

    ``inside`` is the OpenTelemetry context of the call, for a stream that calls another SDK while it is read.
    """
    kind: Any = type(stream)  # pyright: ignore[reportUnknownVariableType]
    take: Callable[[], Any] = stream.__next__ if hasattr(kind, "__next__") else iter(stream).__next__
    if inside is None:
        return take

    def within() -> Any:
        token = attach(inside)
        try:
            return take()
        finally:
            detach(token)

    return within


def async_reader(stream: Any, inside: Context | None = None) -> Callable[[], Awaitable[Any]]:
    """The asynchronous twin of ``reader``.

    The ``__anext__`` of some streams (aiobotocore's) is itself an asynchronous generator and cannot be awaited.
    """
    kind: Any = type(stream)  # pyright: ignore[reportUnknownVariableType]
    own = getattr(kind, "__anext__", None)
    code: CodeType | None = getattr(own, "__code__", None)
    iterates = own is not None and not (code is not None and code.co_flags & inspect.CO_ASYNC_GENERATOR)
    take: Callable[[], Awaitable[Any]] = stream.__anext__ if iterates else stream.__aiter__().__anext__
    if inside is None:
        return take

    async def within() -> Any:
        token = attach(inside)
        try:
            return await take()
        finally:
            detach(token)

    return within


def watched(stream: Any, call: OpenCall, inside: Context | None = None) -> Any:
    """A proxy of a stream, sync, async or both; None for an object that is no stream. For ``inside`` see ``reader``."""
    kind: Any = type(stream)  # pyright: ignore[reportUnknownVariableType]
    now, later = hasattr(kind, "__next__"), hasattr(kind, "__anext__")
    proxy = EitherStream if now and later else AsyncStream if later else Stream if now else None
    if proxy is None:
        return None
    call.begin()
    return proxy(stream, call, inside)


def deliver(result: Any, call: OpenCall) -> Any:
    """A stream as a proxy of it; any other answer is whole, and read now."""
    if call.streamed:
        proxy = watched(result, call)
        if proxy is not None:
            return proxy
    call.read(result)
    return result
