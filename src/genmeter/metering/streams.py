"""What the app gets for what the SDK gave: a value as it is, a stream, a raw response or a manager as a proxy."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, cast

import wrapt

from . import guard
from .bodies import Body, followed, followed_async, parsed
from .context import RejectedCall
from .proxies import AsyncStream, Proxy, Stream, Watched, closing, dropped, leave, stop, strip, then, unasked

if TYPE_CHECKING:
    from .engine import Observation

RAW_HEADER = "X-Stainless-Raw-Response"


def watch(result: Any, observation: Observation) -> Any:
    """``result`` as the app shall get it; closes the observation when there is nothing more to come."""
    return watch_raw(result, observation) if is_raw(observation.kwargs) else watch_parsed(result, observation)


def begin(observation: Observation) -> None:
    """The app is about to hold a stream; what we asked for is hidden from it even if that goes wrong."""
    try:
        observation.stream()
    except Exception as error:
        guard.failed("stream", error)
        if observation.asked:
            observation.fold = unasked


def is_raw(kwargs: dict[str, Any]) -> bool:
    """Whether the call came through ``with_raw_response`` or ``with_streaming_response``."""
    headers = kwargs.get("extra_headers")
    return bool(headers) and RAW_HEADER in headers


def watch_raw(result: Any, observation: Observation) -> Any:
    """Read what has already arrived; otherwise a proxy that sees it arrive."""
    response = result.http_response
    if not observation.invocation.request.stream and response.is_closed:
        observation.read(body_of(response))
        return result
    begin(observation)
    return RawResponse(result, observation)


def watch_parsed(result: Any, observation: Observation) -> Any:
    """A stream as a proxy; anything else is read now."""
    if observation.invocation.request.stream:
        kind: Any = type(result)  # pyright: ignore[reportUnknownVariableType]
        proxy = AsyncStream if hasattr(kind, "__anext__") else Stream if hasattr(kind, "__next__") else None
        if proxy is not None:
            begin(observation)
            return proxy(result, observation)
    observation.read(result)
    return result


def body_of(response: Any) -> Any:
    """The JSON body of an HTTP response that was read to its end; None when it was not, or is no JSON."""
    try:
        return parsed(response.content)
    except Exception:  # not read: the HTTP libraries' own kinds of exception, which must not be imported for this
        return None


def deliver_unasked(result: Any, observation: Observation) -> None:
    """Keep the usage chunk that we asked for from the app where nothing could be watched; see ``proxies.strip``."""
    if not observation.asked:
        return
    if not hasattr(result, "http_response"):
        strip(result)
        return
    parse, stripped = result.parse, list[Any]()

    def once(stream: Any) -> Any:
        if not stripped and hasattr(stream, "_iterator"):
            stripped.append(strip(stream))
        return stream

    async def parse_later(*args: Any, **kwargs: Any) -> Any:
        return once(await parse(*args, **kwargs))

    def parse_now(*args: Any, **kwargs: Any) -> Any:
        return once(parse(*args, **kwargs))

    result.parse = parse_later if inspect.iscoroutinefunction(parse) else parse_now


class RawResponse(Watched):
    """A raw response that the app has still to parse or to read, sync or async as the SDK made it."""

    def __init__(self, wrapped: Any, observation: Observation) -> None:
        super().__init__(wrapped, observation)
        self._self_stream: tuple[Any, Any] = (None, None)

    def __del__(self) -> None:
        # Once parsed, the stream inside is what the app holds, and it may outlive this.
        if getattr(self, "_self_stream", (None,))[0] is None:
            dropped(self)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.__wrapped__, name)
        # The older raw responses have `text` as a property and no `json`, `read` and `close` at all.
        seen = self._self_seen.get(name) if callable(found) else None
        if seen is None:
            return found
        wrapped = guard.step("raw", wrapt.FunctionWrapper, found, partial(seen, self))
        return found if wrapped is None else wrapped

    @property
    def http_response(self) -> Any:
        """The HTTP response itself; closing it ends the call."""
        return closing(self.__wrapped__.http_response, self._self_observation)

    def _self_parse(self, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        return self._self_call(wrapped, self._self_parsed, args, kwargs)

    def _self_read(self, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        return self._self_call(wrapped, self._self_arrived, args, kwargs)

    def _self_pieces(self, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any, *, lines: bool = False) -> Any:
        pieces, observation = wrapped(*args, **kwargs), self._self_observation
        follow = followed_async if hasattr(pieces, "__anext__") else followed
        seen = guard.step("body", lambda: follow(pieces, Body(observation, lines=lines), observation))
        if seen is None:
            return pieces
        self._self_stream = (seen, seen)
        return seen

    def _self_close(self, wrapped: Callable[..., Any], _: Any, args: Any, kwargs: Any) -> Any:
        # Read to its end by the app itself, an HTTP response is closed before: such a call was not cut.
        ended = guard.step("close", lambda: self.__wrapped__.http_response.is_closed)
        observation: Observation = self._self_observation
        after = partial(guard.step, "close", observation.close) if ended else partial(leave, observation)
        return then(wrapped(*args, **kwargs), after)

    def _self_parsed(self, result: Any) -> Any:
        if isinstance(result, Watched):
            return result
        observation: Observation = self._self_observation
        # The SDK gives the same stream for every `parse`; so must we.
        inner, outer = self._self_stream
        if inner is not result or inner is None:
            outer = watch_parsed(result, observation) if observation.open else result
            self._self_stream = (result, outer)
        return outer

    def _self_arrived(self, result: Any) -> Any:
        observation: Observation = self._self_observation
        if observation.open:
            observation.read(body_of(self.__wrapped__.http_response))
        return result

    def _self_call(self, method: Callable[..., Any], seen: Callable[[Any], Any], args: Any, kwargs: Any) -> Any:
        try:
            result = method(*args, **kwargs)
        except BaseException as error:
            stop(self._self_observation, error)
            raise
        return self._self_await(result, seen) if inspect.isawaitable(result) else self._self_given(result, seen)

    async def _self_await(self, result: Awaitable[Any], seen: Callable[[Any], Any]) -> Any:
        try:
            value = await result
        except BaseException as error:
            stop(self._self_observation, error)
            raise
        return self._self_given(value, seen)

    def _self_given(self, result: Any, seen: Callable[[Any], Any]) -> Any:
        try:
            return seen(result)
        except Exception as error:
            guard.failed("deliver", error)
            observation: Observation = self._self_observation
            guard.step("close", observation.close)
            guard.step("deliver", deliver_unasked, result, observation)
            return result

    _self_seen: ClassVar[dict[str, Callable[..., Any]]] = {
        "parse": _self_parse,
        "json": _self_read,
        "text": _self_read,
        "read": _self_read,
        "close": _self_close,
        "iter_bytes": _self_pieces,
        "iter_text": _self_pieces,
        "iter_lines": partial(_self_pieces, lines=True),
    }


class Manager(Proxy):
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
        while True:
            with observation:
                return self._self_watched(self.__wrapped__.__enter__(), observation)

    async def __aenter__(self) -> Any:
        try:
            observation = self._self_observation = self._self_opener()
        except RejectedCall:
            guard.step("reject", _never_await, self.__wrapped__)
            raise
        if observation is None:
            return await self.__wrapped__.__aenter__()
        while True:
            with observation:
                return self._self_watched(await self.__wrapped__.__aenter__(), observation)

    def _self_watched(self, helper: Any, observation: Observation) -> Any:
        try:
            setattr(helper, self._self_inner, watch_parsed(getattr(helper, self._self_inner), observation))
        except Exception as error:
            guard.failed("deliver", error)
            guard.step("close", observation.close)
        return helper

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
            leave(self._self_observation)


def _never_await(manager: Any) -> None:
    """Close the coroutine that a manager holds for its entry: Python would warn that nobody awaited it."""
    for value in cast("dict[str, Any]", vars(manager)).values():
        if inspect.iscoroutine(value):
            value.close()
