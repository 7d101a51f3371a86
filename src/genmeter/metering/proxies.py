"""Stand-ins for an SDK's streams: the same type, the same laziness, every chunk seen once.

Proxies are ``wrapt.ObjectProxy``: ``isinstance`` holds, every attribute is the wrapped object's. None is needed where
the SDK has already read everything.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any

import wrapt

from . import guard
from .reaper import reaper

if TYPE_CHECKING:
    from .engine import Observation


def unasked(chunk: Any) -> bool:
    """Whether a chunk came only because we asked for usage; other chunks lose the ``usage: null`` that it brings.

    The last resort where the accumulator, whose job it is, has failed.
    """
    if getattr(chunk, "usage", None) is None:
        getattr(chunk, "__pydantic_fields_set__", set[str]()).discard("usage")
        return False
    return not getattr(chunk, "choices", True)


def strip(stream: Any) -> Any:
    """An SDK's own stream without the chunk that we asked for, where no proxy could be made around it."""
    inner = stream._iterator
    if hasattr(inner, "__anext__"):
        stream._iterator = (chunk async for chunk in inner if not unasked(chunk))
    else:
        stream._iterator = (chunk for chunk in inner if not unasked(chunk))
    return stream


def fold(observation: Observation, chunk: Any, error: Exception) -> bool:
    """What to do with a chunk that could not be folded: True hides it from the app."""
    guard.failed("fold", error)
    return bool(guard.step("fold", lambda: observation.asked and unasked(chunk)))


def leave(observation: Observation) -> None:
    """The app is done with what it got.

    A generator of the app's that is thrown away closes its stream in a finalizer, perhaps in the middle of the
    OpenTelemetry SDK with a lock held: the stages then run elsewhere.
    """
    if sys.exc_info()[0] is GeneratorExit:
        reaper.put(partial(observation.close, cut="closed", ended=perf_counter()))
    else:
        guard.step("close", observation.close, cut="closed")


def stop(observation: Observation, error: BaseException) -> None:
    """The SDK raised what the app is about to get: the end of a stream, or a failure; for GeneratorExit see ``leave``."""
    if isinstance(error, (StopIteration, StopAsyncIteration)):
        guard.step("close", observation.close)
    elif isinstance(error, GeneratorExit):
        leave(observation)
    else:
        guard.step("close", observation.fail, error)


def then(result: Any, after: Callable[[], None]) -> Any:
    """Run ``after`` once ``result`` is done, now or when it is awaited."""
    if not inspect.isawaitable(result):
        after()
        return result

    async def wait() -> Any:
        try:
            return await result
        finally:
            after()

    return wait()


class Proxy(wrapt.ObjectProxy):  # pyright: ignore[reportMissingTypeArgument]
    """Copied and pickled as what it stands for."""

    if TYPE_CHECKING:
        __wrapped__: Any

        def __init__(self, wrapped: Any) -> None: ...

    def __copy__(self) -> Any:
        return copy.copy(self.__wrapped__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


class Watched(Proxy):
    """A proxy that closes its observation when the app is done with the wrapped object, or drops it."""

    def __init__(self, wrapped: Any, observation: Observation) -> None:
        super().__init__(wrapped)
        self._self_observation = observation

    @property
    def response(self) -> Any:
        """The HTTP response; SDK helpers close a stream through it."""
        return closing(self.__wrapped__.response, self._self_observation)


class Iteration:
    """The reading of a synchronous stream: what a ``for`` loop over a fresh stream holds, and all that it holds.

    Apart from the proxy because attributes of a proxy cost more, once for every chunk.
    """

    __slots__ = ("_self_observation", "_take")

    def __init__(self, take: Callable[[], Any], observation: Observation) -> None:
        self._take = take
        self._self_observation = observation

    def __iter__(self) -> Iteration:
        return self

    def __next__(self) -> Any:
        while True:
            try:
                chunk = self._take()
            except BaseException as error:
                stop(self._self_observation, error)
                raise
            try:
                if not self._self_observation.fold(chunk):
                    return chunk
            except Exception as error:
                if not fold(self._self_observation, chunk, error):
                    return chunk

    def __del__(self) -> None:
        dropped(self)


class AsyncIteration:
    """The reading of an asynchronous stream."""

    __slots__ = ("_self_observation", "_take")

    def __init__(self, take: Callable[[], Awaitable[Any]], observation: Observation) -> None:
        self._take = take
        self._self_observation = observation

    def __aiter__(self) -> AsyncIteration:
        return self

    async def __anext__(self) -> Any:
        while True:
            try:
                chunk = await self._take()
            except BaseException as error:
                stop(self._self_observation, error)
                raise
            try:
                if not self._self_observation.fold(chunk):
                    return chunk
            except Exception as error:
                if not fold(self._self_observation, chunk, error):
                    return chunk

    def __del__(self) -> None:
        dropped(self)


def dropped(owner: Any) -> None:
    """The app let go of what it got; for finalizers."""
    try:
        owner._self_observation.abandon()
    except Exception:  # half made, or in an interpreter that is going down: no place for a log's locks
        guard.failures["abandon"] += 1


class Closing(Proxy):
    """An HTTP response whose closing ends the call."""

    def __init__(self, wrapped: Any, observation: Observation) -> None:
        super().__init__(wrapped)
        self._self_observation = observation

    def close(self) -> Any:
        """Close it, now or when awaited."""
        return then(self.__wrapped__.close(), partial(leave, self._self_observation))

    def aclose(self) -> Any:
        """Close it when awaited."""
        return then(self.__wrapped__.aclose(), partial(leave, self._self_observation))


def closing(response: Any, observation: Observation) -> Any:
    """``response``, watched for its closing."""
    watched = guard.step("response", Closing, response, observation)
    return response if watched is None else watched


class Stream(Watched):
    """A synchronous stream: iterator and context manager."""

    def __init__(self, wrapped: Any, observation: Observation) -> None:
        super().__init__(wrapped, observation)
        self._self_iteration = Iteration(wrapped.__next__, observation)

    def __iter__(self) -> Iteration:
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
            leave(self._self_observation)

    def close(self) -> Any:
        """Close the stream; the call is marked as cut."""
        try:
            return self.__wrapped__.close()
        finally:
            leave(self._self_observation)


class AsyncStream(Watched):
    """An asynchronous stream: iterator and context manager."""

    def __init__(self, wrapped: Any, observation: Observation) -> None:
        super().__init__(wrapped, observation)
        self._self_iteration = AsyncIteration(wrapped.__anext__, observation)

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
            leave(self._self_observation)

    async def close(self) -> Any:
        """Close the stream; the call is marked as cut."""
        try:
            return await self.__wrapped__.close()
        finally:
            leave(self._self_observation)

    @property
    def aclose(self) -> Callable[[], Awaitable[Any]]:
        """``close`` under the name that ``contextlib.aclosing`` wants, in the SDKs that have it."""
        inner: Callable[[], Awaitable[Any]] = self.__wrapped__.aclose

        async def aclose() -> Any:
            try:
                return await inner()
            finally:
                leave(self._self_observation)

        return aclose
