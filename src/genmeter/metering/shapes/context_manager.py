"""A context manager that makes the call when it is entered, and gives a helper around the stream."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import TracebackType
from typing import Any, cast

from .. import guard
from ..spec import OpenCall, Opener
from .proxy import Proxy, delivered
from .stream import deliver


class Manager(Proxy):
    """A context manager whose entry makes the call.

    The helper that it gives reads the stream in several ways of its own, so the proxy is put around the stream inside the
    helper, under the attribute ``inner``.
    """

    def __init__(
        self, wrapped: Any, opener: Opener, inner: str, deliver: Callable[[Any, OpenCall], Any] = deliver
    ) -> None:
        super().__init__(wrapped)
        self._self_deliver = deliver
        self._self_opener = opener
        self._self_inner = inner
        self._self_call: OpenCall | None = None

    def __enter__(self) -> Any:
        call = self._self_call = self._self_opener()
        if call is None:
            return self.__wrapped__.__enter__()
        while True:
            with call:
                return delivered(self.__wrapped__.__enter__(), call, self._self_helper)

    async def __aenter__(self) -> Any:
        try:
            call = self._self_call = self._self_opener()
        except Exception:
            guard.step("reject", _never_await, self.__wrapped__)
            raise
        if call is None:
            return await self.__wrapped__.__aenter__()
        while True:
            with call:
                return delivered(await self.__wrapped__.__aenter__(), call, self._self_helper)

    def _self_helper(self, helper: Any, call: OpenCall) -> Any:
        inner = self._self_inner
        setattr(helper, inner, self._self_deliver(getattr(helper, inner), call))
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
        if self._self_call is not None:
            self._self_call.leave()


def _never_await(manager: Any) -> None:
    """Close the coroutine that a manager holds for its entry: Python would warn that nothing awaited it."""
    for value in cast("dict[str, Any]", vars(manager)).values():
        if inspect.iscoroutine(value):
            value.close()
