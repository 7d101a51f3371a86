"""Stand-ins for what an SDK gives: the same type and the same attributes, with an eye on how the app uses them.

Proxies are ``wrapt.ObjectProxy``: ``isinstance`` holds, every attribute is the wrapped object's. The class of a proxy
has the names of the wrapped object's class (``disguise``).
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import wrapt

from .. import guard
from ..spec import OpenCall
from .disguise import disguised

Rest = Callable[[], Callable[[], Any] | None]


class Proxy(wrapt.ObjectProxy):  # pyright: ignore[reportMissingTypeArgument]
    """Shown, copied and pickled as what it stands for."""

    if TYPE_CHECKING:
        __wrapped__: Any

        def __init__(self, wrapped: Any) -> None: ...

    else:

        def __new__(cls, wrapped, *_):  # noqa: D102
            return super().__new__(disguised(cls, type(wrapped)))

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Any:
        return copy.copy(self.__wrapped__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


class Watched(Proxy):
    """A proxy that closes its call when the app is done with the wrapped object, or drops it."""

    def __init__(self, wrapped: Any, call: OpenCall) -> None:
        super().__init__(wrapped)
        self._self_call = call

    def __copy__(self) -> Any:
        """This proxy: an SDK's copy shares the stream, and what is read from it belongs to the same call."""
        wrapped = self.__wrapped__
        # Python refuses to copy a generator, and tells the app so.
        return copy.copy(wrapped) if inspect.isgenerator(wrapped) or inspect.isasyncgen(wrapped) else self

    @property
    def response(self) -> Any:
        """The HTTP response; helpers of the SDKs close a stream through it."""
        return closing(self.__wrapped__.response, self._self_call)


class Closing(Proxy):
    """An HTTP response whose closing ends the call. ``rest`` gives what is still to be read before, see ``rest.rest``."""

    def __init__(self, wrapped: Any, call: OpenCall, rest: Rest | None) -> None:
        super().__init__(wrapped)
        self._self_call = call
        self._self_rest = rest

    def close(self) -> Any:
        """Close it, now or when awaited."""
        return self._self_end(self.__wrapped__.close)

    def aclose(self) -> Any:
        """Close it when awaited."""
        return self._self_end(self.__wrapped__.aclose)

    def _self_end(self, close: Callable[[], Any]) -> Any:
        first = guard.step("rest", self._self_rest) if self._self_rest is not None else None
        reading = guard.step("rest", first) if first is not None else None
        if not inspect.isawaitable(reading):
            return then(close(), self._self_call.leave)

        async def end() -> Any:
            await reading
            return await then(close(), self._self_call.leave)

        return end()


def closing(response: Any, call: OpenCall, rest: Rest | None = None) -> Any:
    """``response``, watched for its closing."""
    watched = guard.step("response", Closing, response, call, rest)
    return response if watched is None else watched


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


def ran(method: Callable[..., Any], call: OpenCall, give: Callable[[Any], Any], args: Any, kwargs: Any) -> Any:
    """Run a method of what a proxy stands for: what ``give`` makes of its result, now or when awaited. Its failure ends the call."""
    try:
        result = method(*args, **kwargs)
    except BaseException as error:
        call.stop(error)
        raise
    return _awaiting(result, call, give) if inspect.isawaitable(result) else give(result)


async def _awaiting(result: Awaitable[Any], call: OpenCall, give: Callable[[Any], Any]) -> Any:
    try:
        value = await result
    except BaseException as error:
        call.stop(error)
        raise
    return give(value)


def dropped(owner: Any) -> None:
    """The app let go of what it got; for finalizers."""
    try:
        owner._self_call.abandon()
    except Exception:  # half made, or in an interpreter that is going down: no place for a log's locks
        guard.failures["abandon"] += 1


def delivered(
    result: Any,
    call: OpenCall,
    deliver: Callable[[Any, OpenCall], Any],
    undelivered: Callable[[Any, OpenCall], None] | None = None,
) -> Any:
    """What ``deliver`` makes of an SDK's answer; the answer itself where that fails, with the call closed."""
    if call.passes:
        return result
    try:
        return deliver(result, call)
    except Exception as error:
        guard.failed("deliver", error)
        guard.step("close", call.close)
        if undelivered is not None:
            guard.step("deliver", undelivered, result, call)
        return result
