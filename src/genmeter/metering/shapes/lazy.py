"""Generators that have sent nothing yet: the call is made when the app asks for the first item.

From then on such a generator runs in a ``contextvars.Context`` of its own. A generator of an SDK that makes a span
current gives back, at its end, the context that it found at its start. That would be the context inside our call, and
every later call of the thread would be taken for a part of this one and not be metered.
"""

from __future__ import annotations

import contextvars
from collections.abc import Awaitable, Callable, Generator
from functools import partial
from typing import Any

from .. import guard
from ..spec import OpenCall, Opener
from .proxy import Proxy
from .stream import AsyncIteration, Iteration


class _Lazy(Proxy):
    """What both kinds have in common. ``opener`` is called once, at the first item; a generator never asked has no call."""

    def __init__(self, wrapped: Any, opener: Opener) -> None:
        super().__init__(wrapped)
        self._self_opener: Opener | None = opener
        self._self_context: contextvars.Context | None = None
        self._self_call: OpenCall | None = None
        self._self_take: Callable[[], Any] | None = None
        self._self_asked: list[Callable[[], Any]] = []
        """What the app asks of the generator instead of its next item; taken by the step that does it."""

    def _self_open(self) -> tuple[OpenCall, contextvars.Context] | None:
        """Open the call and enter its context; None where the call passes. Raises RejectedCall."""
        opener, self._self_opener = self._self_opener, None
        call = opener() if opener is not None else None
        if call is None:
            return None
        guard.step("stream", call.begin, sent=False)
        context = contextvars.copy_context()
        context.run(call.__enter__)
        self._self_call, self._self_context = call, context
        return call, context

    def _self_left(self) -> None:
        if self._self_call is not None:
            self._self_call.leave()


class LazyStream(_Lazy):
    """A generator that sends its request at the first ``next``."""

    def _self_first(self) -> Callable[[], Any]:
        # The step must not hold this proxy: the call ends when the app drops it.
        take, asked, opened = self.__wrapped__.__next__, self._self_asked, self._self_open()
        if opened is None:
            return lambda: asked.pop()() if asked else take()
        call, context = opened

        def step() -> Any:
            return context.run(asked.pop() if asked else take)

        seen = _seen(Iteration, step, call)
        return step if seen is None else seen.__next__

    def _self_run(self, method: Callable[..., Any], *args: Any) -> Any:
        """Run a method of the generator's where the generator runs."""
        return method(*args) if self._self_context is None else self._self_context.run(method, *args)

    def __iter__(self) -> LazyStream:
        return self

    def __next__(self) -> Any:
        take = self._self_take
        if take is None:
            take = self._self_take = self._self_first()
        return take()

    def send(self, value: Any) -> Any:
        """The next item, after the generator has received ``value``."""
        if value is not None:
            if self._self_take is None:  # refused by Python: the generator has not started, and no call is made
                return self.__wrapped__.send(value)
            self._self_asked.append(partial(self.__wrapped__.send, value))
        return self.__next__()

    def throw(self, *error: Any) -> Any:
        """Raise an error where the generator waits. One that was never asked for an item has made no call."""
        if self._self_take is None:
            self._self_opener = None
            return self.__wrapped__.throw(*error)
        self._self_asked.append(partial(self.__wrapped__.throw, *error))
        return self.__next__()

    def close(self) -> Any:
        """Close it. One that was never asked for an item has made no call."""
        self._self_opener = None
        try:
            return self._self_run(self.__wrapped__.close)
        finally:
            self._self_left()


class Shown(Proxy):
    """A watched generator, of whose items the app gets a ``part`` alone."""

    def __init__(self, wrapped: Any, part: Callable[[Any], Any]) -> None:
        super().__init__(wrapped)
        self._self_part = part

    def __iter__(self) -> Shown:
        return self

    def __next__(self) -> Any:
        return self._self_part(self.__wrapped__.__next__())

    def send(self, value: Any) -> Any:
        """The part of the next item, after the generator has received ``value``."""
        return self._self_part(self.__wrapped__.send(value))

    def throw(self, *error: Any) -> Any:
        """The part of the next item, after an error was raised where the generator waits."""
        return self._self_part(self.__wrapped__.throw(*error))


class AsyncLazyStream(_Lazy):
    """The asynchronous twin of ``LazyStream``."""

    def _self_first(self) -> Callable[[], Awaitable[Any]]:
        take, asked, opened = self.__wrapped__.__anext__, self._self_asked, self._self_open()
        if opened is None:
            return lambda: asked.pop()() if asked else take()
        call, context = opened

        def step() -> Awaitable[Any]:
            return Stepping(context, asked.pop()() if asked else take())

        seen = _seen(AsyncIteration, step, call)
        return step if seen is None else seen.__anext__

    def __aiter__(self) -> AsyncLazyStream:
        return self

    def __anext__(self) -> Awaitable[Any]:
        take = self._self_take
        if take is None:
            take = self._self_take = self._self_first()
        return take()

    async def asend(self, value: Any) -> Any:
        """The next item, after the generator has received ``value``."""
        if value is not None:
            if self._self_take is None:  # refused by Python: the generator has not started, and no call is made
                return await self.__wrapped__.asend(value)
            self._self_asked.append(partial(self.__wrapped__.asend, value))
        return await self.__anext__()

    async def athrow(self, *error: Any) -> Any:
        """Raise an error where the generator waits. One that was never asked for an item has made no call."""
        if self._self_take is None:
            self._self_opener = None
            return await self.__wrapped__.athrow(*error)
        self._self_asked.append(partial(self.__wrapped__.athrow, *error))
        return await self.__anext__()

    async def aclose(self) -> Any:
        """Close it. One that was never asked for an item has made no call."""
        self._self_opener = None
        try:
            closing = self.__wrapped__.aclose()
            return await (closing if self._self_context is None else Stepping(self._self_context, closing))
        finally:
            self._self_left()


def _seen(kind: Callable[[Callable[[], Any], OpenCall], Any], take: Callable[[], Any], call: OpenCall) -> Any:
    """The reading of a generator through which each item is seen; None where that fails, with the call closed."""
    made = guard.step("deliver", kind, take, call)
    if made is None:
        guard.step("close", call.close)
    return made


class Stepping:
    """An awaitable whose steps run in a context of their own."""

    __slots__ = ("_awaitable", "_run")

    def __init__(self, context: contextvars.Context, awaitable: Awaitable[Any]) -> None:
        self._awaitable = awaitable
        self._run = context.run

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._run(self._awaitable.__await__)
        take, given = steps.send, None
        while True:
            try:
                asked = self._run(take, given)
            except StopIteration as done:
                return done.value
            try:
                take, given = steps.send, (yield asked)
            except BaseException as error:
                take, given = steps.throw, error
