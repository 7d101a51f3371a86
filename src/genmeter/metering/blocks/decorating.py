"""A function as a block. The body of a generator runs in its consumer's context, so it is entered anew for each step."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, cast

from opentelemetry.context import Context

from .. import guard
from ..context import attach, current, detach

if TYPE_CHECKING:
    from .frame import Frame


class Block(Protocol):
    """What is entered around the function."""

    def __enter__(self) -> object: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def begin(self) -> tuple[Frame | None, Context]:
        """Start a run without entering it; see ``block.Block.begin``."""
        ...

    def end(self, frame: Frame, error: BaseException | None) -> None:
        """End a run."""
        ...


F = TypeVar("F", bound=Callable[..., Any])


def decorated(block: Block, function: F) -> F:
    """``function``, each run of which is a run of ``block``; what it is for ``inspect`` stays."""
    if inspect.isasyncgenfunction(function):
        return cast(F, _asynchronous_steps(block, function))
    if inspect.isgeneratorfunction(function):
        return cast(F, _steps(block, function))
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def run_async(*args: Any, **kwargs: Any) -> Any:
            with block:
                return await function(*args, **kwargs)

        return cast(F, run_async)

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        with block:
            return function(*args, **kwargs)

    return cast(F, run)


class _Run:
    """One run of a generator's body. ``into`` and ``out`` stand around each step, and its context lasts between steps."""

    __slots__ = ("_block", "_context", "_frame", "_token")

    def __init__(self, block: Block) -> None:
        self._block = block
        self._frame: Frame | None = None
        self._context: Context | None = None
        self._token: Any = None

    def __enter__(self) -> Self:
        begun = guard.step("block", self._block.begin)
        if begun is not None and begun[0] is not None:
            self._frame, self._context = begun
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._frame is not None:
            guard.step("block", self._block.end, self._frame, error)

    def into(self) -> None:
        if self._context is not None:
            self._token = guard.step("block", attach, self._context)

    def out(self) -> None:
        if self._context is not None:
            self._context = current()
            detach(self._token)


def _steps(block: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        body = function(*args, **kwargs)
        with _Run(block) as steps:
            step: Any = body.send
            value: Any = None
            while True:
                steps.into()
                try:
                    item = step(value)
                except StopIteration as stop:
                    return stop.value
                finally:
                    steps.out()
                try:
                    value = yield item
                    step = body.send
                except GeneratorExit:
                    steps.into()
                    try:
                        body.close()
                    finally:
                        steps.out()
                    raise
                except BaseException as error:
                    step, value = body.throw, error

    return run


def _asynchronous_steps(block: Block, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    async def run(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        body = function(*args, **kwargs)
        with _Run(block) as steps:
            step: Any = body.asend
            value: Any = None
            while True:
                steps.into()
                try:
                    item = await step(value)
                except StopAsyncIteration:
                    return
                finally:
                    steps.out()
                try:
                    value = yield item
                    step = body.asend
                except GeneratorExit:
                    steps.into()
                    try:
                        await body.aclose()
                    finally:
                        steps.out()
                    raise
                except BaseException as error:
                    step, value = body.athrow, error

    return run
