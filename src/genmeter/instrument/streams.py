"""What the app gets in place of a stream or a raw response: the same type, the same laziness, seen once.

Proxies are ``wrapt.ObjectProxy``: ``isinstance`` holds, every attribute is the wrapped object's. None is needed where
the SDK has already read everything.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import wrapt

from . import guard

if TYPE_CHECKING:
    from .engine import Observation

RAW_HEADER = "X-Stainless-Raw-Response"


def watch(result: Any, observation: Observation) -> Any:
    """``result`` as the app shall get it; closes the observation when there is nothing more to come."""
    if is_raw(observation.kwargs):
        return _watch_raw(result, observation)
    return watch_parsed(result, observation)


def watch_parsed(result: Any, observation: Observation) -> Any:
    """A stream as a proxy; anything else is read now."""
    if observation.invocation.request.stream:
        kind = type(result)
        if hasattr(kind, "__anext__"):
            observation.stream()
            return AsyncStream(result, observation)
        if hasattr(kind, "__next__"):
            observation.stream()
            return Stream(result, observation)
    observation.read(result)
    return result


def is_raw(kwargs: dict[str, Any]) -> bool:
    """Whether the call came through ``with_raw_response`` or ``with_streaming_response``."""
    headers = kwargs.get("extra_headers")
    return bool(headers) and RAW_HEADER in headers


def _watch_raw(result: Any, observation: Observation) -> Any:
    """Read what has already arrived; otherwise a proxy that sees it arrive."""
    response = result.http_response
    if not observation.invocation.request.stream and response.is_closed:
        observation.read(body_of(response))
        return result
    observation.stream()
    return RawResponse(result, observation)


def body_of(response: Any) -> Any:
    """The JSON body of an HTTP response that was read to its end; None when it was not, or is no JSON."""
    try:
        return json.loads(response.content)
    except Exception:  # not read, or no JSON: audio, text
        return None


class Iteration:
    """One reading of a synchronous stream. Apart from the proxy, whose attributes cost more, and outliving it: a
    ``for`` loop over a fresh stream holds its iterator alone."""

    __slots__ = ("_fold", "_self_observation", "_take")

    def __init__(self, take: Callable[[], Any], observation: Observation) -> None:
        self._take = take
        self._fold = observation.fold
        self._self_observation = observation

    def __iter__(self) -> Iteration:
        return self

    def __next__(self) -> Any:
        try:
            chunk = self._take()
            while self._fold(chunk):
                chunk = self._take()
            return chunk
        except StopIteration:
            self._self_observation.close()
            raise
        except BaseException as error:
            self._self_observation.fail(error)
            raise

    def __del__(self) -> None:
        _dropped(self)


class AsyncIteration:
    """One reading of an asynchronous stream."""

    __slots__ = ("_fold", "_self_observation", "_take")

    def __init__(self, take: Callable[[], Awaitable[Any]], observation: Observation) -> None:
        self._take = take
        self._fold = observation.fold
        self._self_observation = observation

    def __aiter__(self) -> AsyncIteration:
        return self

    async def __anext__(self) -> Any:
        try:
            chunk = await self._take()
            while self._fold(chunk):
                chunk = await self._take()
            return chunk
        except StopAsyncIteration:
            self._self_observation.close()
            raise
        except BaseException as error:
            self._self_observation.fail(error)
            raise

    def __del__(self) -> None:
        _dropped(self)


def _dropped(owner: Any) -> None:
    try:
        owner._self_observation.abandon()
    except Exception:  # noqa: S110  half made, or in an interpreter that is going down
        pass


class Watched(wrapt.ObjectProxy):
    """A proxy that closes its observation when the app is done with the wrapped object."""

    def __init__(self, wrapped: Any, observation: Observation) -> None:
        super().__init__(wrapped)
        self._self_observation = observation

    @property
    def response(self) -> Any:
        """The HTTP response; SDK helpers close a stream through it."""
        return Closing(self.__wrapped__.response, self._self_observation)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


class Closing(wrapt.ObjectProxy):
    """An HTTP response whose closing ends the call."""

    def __init__(self, wrapped: Any, observation: Observation) -> None:
        super().__init__(wrapped)
        self._self_observation = observation

    def close(self) -> Any:
        return _then(self.__wrapped__.close(), self._self_observation.closed)

    def aclose(self) -> Any:
        return _then(self.__wrapped__.aclose(), self._self_observation.closed)


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
            self._self_observation.closed()

    def close(self) -> Any:
        try:
            return self.__wrapped__.close()
        finally:
            self._self_observation.closed()


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
            self._self_observation.closed()

    async def close(self) -> Any:
        try:
            return await self.__wrapped__.close()
        finally:
            self._self_observation.closed()

    async def aclose(self) -> Any:
        try:
            return await self.__wrapped__.aclose()
        finally:
            self._self_observation.closed()


class RawResponse(Watched):
    """A raw response that the app has still to parse or to read, sync or async as the SDK made it."""

    def __init__(self, wrapped: Any, observation: Observation) -> None:
        super().__init__(wrapped, observation)
        self._self_given: tuple[Any, Any] | None = None

    def __del__(self) -> None:
        # Once parsed, what the app holds is the stream inside, and it may outlive this.
        if getattr(self, "_self_given", None) is None:
            _dropped(self)

    def parse(self, *args: Any, **kwargs: Any) -> Any:
        return self._self_call(self.__wrapped__.parse, self._self_parsed, *args, **kwargs)

    def json(self) -> Any:
        return self._self_call(self.__wrapped__.json, self._self_arrived)

    def text(self) -> Any:
        return self._self_call(self.__wrapped__.text, self._self_arrived)

    def read(self) -> Any:
        return self._self_call(self.__wrapped__.read, self._self_arrived)

    def close(self) -> Any:
        return _then(self.__wrapped__.close(), self._self_observation.closed)

    @property
    def http_response(self) -> Any:
        """The HTTP response itself; closing it ends the call."""
        return Closing(self.__wrapped__.http_response, self._self_observation)

    def _self_parsed(self, result: Any) -> Any:
        if self._self_given is not None and self._self_given[0] is result:
            return self._self_given[1]
        observation: Observation = self._self_observation
        found = guard.step("deliver", watch_parsed, result, observation) if observation.open else None
        self._self_given = (result, result if found is None else found)
        return self._self_given[1]

    def _self_arrived(self, result: Any) -> Any:
        observation: Observation = self._self_observation
        if observation.open:
            observation.read(body_of(self.__wrapped__.http_response))
        return result

    def _self_call(self, method: Callable[..., Any], seen: Callable[[Any], Any], *args: Any, **kwargs: Any) -> Any:
        try:
            result = method(*args, **kwargs)
        except BaseException as error:
            self._self_observation.fail(error)
            raise
        return self._self_await(result, seen) if inspect.isawaitable(result) else seen(result)

    async def _self_await(self, result: Awaitable[Any], seen: Callable[[Any], Any]) -> Any:
        try:
            value = await result
        except BaseException as error:
            self._self_observation.fail(error)
            raise
        return seen(value)


class Manager(wrapt.ObjectProxy):
    """A context manager whose entry makes the call and gives a helper around the raw stream.

    The helper reads the stream in several ways of its own, so what is watched is the raw stream inside it.
    """

    def __init__(self, wrapped: Any, opener: Callable[[], Observation | None], inner: str) -> None:
        super().__init__(wrapped)
        self._self_opener = opener
        self._self_inner = inner
        self._self_observation: Observation | None = None

    def __enter__(self) -> Any:
        observation = self._self_observation = self._self_opener()
        if observation is None:
            return self.__wrapped__.__enter__()
        with observation:
            helper = self.__wrapped__.__enter__()
        return self._self_inside(helper)

    async def __aenter__(self) -> Any:
        observation = self._self_observation = self._self_opener()
        if observation is None:
            return await self.__wrapped__.__aenter__()
        with observation:
            helper = await self.__wrapped__.__aenter__()
        return self._self_inside(helper)

    def _self_inside(self, helper: Any) -> Any:
        guard.step("deliver", self._self_replace, helper)
        return helper

    def _self_replace(self, helper: Any) -> None:
        observation = self._self_observation
        if observation is not None:
            setattr(helper, self._self_inner, watch(getattr(helper, self._self_inner), observation))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            return self.__wrapped__.__exit__(kind, error, trace)
        finally:
            self._self_left()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        try:
            return await self.__wrapped__.__aexit__(kind, error, trace)
        finally:
            self._self_left()

    def _self_left(self) -> None:
        if self._self_observation is not None:
            self._self_observation.closed()


def _then(result: Any, after: Callable[[], None]) -> Any:
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
