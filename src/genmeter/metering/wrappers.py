"""What stands in the place of an SDK's method: it opens a call, runs the method, and hands the answer to the family."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from opentelemetry.context import Context

from . import guard
from .call.engine import Engine
from .coexist import Site, rival_at
from .context import WITHIN, Within, attach, current, detach, outside
from .payers.rules import RejectedCall, UncheckedCall
from .process.reaper import reaper
from .shapes.context_manager import Manager
from .shapes.lazy import AsyncLazyStream, LazyStream, Shown
from .shapes.proxy import delivered
from .spec import Dialect, Kwargs, OpenCall, Opener, Provider, Target

Wrapper = Callable[[Callable[..., Any], Any, tuple[Any, ...], Kwargs], Any]
_working: list[Engine] = []


def working() -> Engine | None:
    """The engine of the instrumentation that is on."""
    return _working[0] if _working else None


def work(engine: Engine | None) -> None:
    """From now on all wrapped methods ask this engine; None: they pass their calls on."""
    _working[:] = [] if engine is None else [engine]


def unchecked(fault: str) -> None:
    """A call is about to be made that no rule has seen, because of a ``fault`` of ours.

    Raises:
        UncheckedCall: a rule says ``reject``: enforcement fails closed.
    """
    for engine in _working:
        if engine.telemetry.enforces:
            raise UncheckedCall("the user's rules", fault)


class Entry:
    """One wrapped method, and how its calls are opened.

    ``watched`` are further methods of the SDK: where a rival has any of them, the SDK's calls are the rival's. Where it
    has one of the methods that call this one, only the calls of this one are.
    """

    __slots__ = ("_above", "_option", "_site", "_watched", "deliver", "provider", "target", "undelivered")

    def __init__(self, provider: Provider, target: Target, site: Site, watched: list[Site], method: Any) -> None:
        self.provider, self.target = provider, target
        self.deliver, self.undelivered = provider.family.deliver, provider.family.undelivered
        self._site, self._watched = site, watched
        self._above = [Site(site.holder, name) for name in target.above]
        option = provider.usage_option
        if option is not None:
            option = target.option(option)
            option = option if _takes(method, option.argument) else None
        self._option = option

    def open(
        self, instance: Any, args: tuple[Any, ...], kwargs: Kwargs, made: Context | None = None
    ) -> OpenCall | None:
        """The call that is about to be made, or None when it is to pass; see ``Engine.open``.

        Raises:
            RejectedCall: the user's own rules forbid it: the call has no payer, or a budget is spent.
        """
        try:
            for engine in _working:
                try:
                    rival = rival_at(self._site, self._watched, self._above)  # one may have come since
                except Exception as error:  # metered all the same: a rival's call twice is better than a rule not asked
                    guard.failed("rival", error)
                    rival = None
                return engine.open(self.provider, self.target, instance, args, kwargs, self._option, made, rival)
            return None
        except RejectedCall:
            raise
        except Exception as error:
            guard.failed("open", error)
            unchecked(type(error).__name__)
            return None


def wrapper(entry: Entry, method: Any) -> Wrapper:
    """The wrapper for a method, by the options of its target and by the kind of function that it is."""
    function, target = inspect.unwrap(method), entry.target
    if target.door:
        return _door(entry, function)
    if not isinstance(target.dialect, Dialect):
        return _one_for_all(entry, target.dialect)
    if target.manager:
        return _manager(entry)
    return _by_kind(entry, function)


def _by_kind(entry: Entry, function: Any) -> Wrapper:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return _generator(entry)
    return _awaited(entry) if entry.target.awaited else _plain(entry)


def _plain(entry: Entry) -> Wrapper:
    lazily = _generator(entry) if entry.target.lazy else None

    def call(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        if lazily is not None and guard.step("deliver", entry.target.later, instance, kwargs):
            return lazily(wrapped, instance, args, kwargs)
        observation = entry.open(instance, args, kwargs)
        if observation is None:
            return wrapped(*args, **kwargs)
        while True:
            with observation:
                result = wrapped(*args, **observation.kwargs)
                return delivered(result, observation, entry.deliver, entry.undelivered)

    return call


def _awaited(entry: Entry) -> Wrapper:
    async def observed(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        if entry.target.lazy and guard.step("deliver", entry.target.later, instance, kwargs):
            return _made_lazy(entry, await wrapped(*args, **kwargs), instance, args, kwargs)
        observation = entry.open(instance, args, kwargs)
        if observation is None:
            return await wrapped(*args, **kwargs)
        guard.step("reaper", reaper.ready)  # a coroutine that is dropped is closed by a finalizer
        while True:
            with observation:
                result = await wrapped(*args, **observation.kwargs)
                return delivered(result, observation, entry.deliver, entry.undelivered)

    def call(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        if working() is None:
            return wrapped(*args, **kwargs)
        return observed(wrapped, instance, args, kwargs)

    return call


def _door(entry: Entry, function: Any) -> Wrapper:
    sdk, names = entry.provider.sdk, entry.target.arguments
    observed = _by_kind(entry, function)

    def call(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        outer: Within | None = current().get(WITHIN)  # pyright: ignore[reportAssignmentType]
        if (outer is not None and outer.sdk == sdk) or len(args) > len(names):
            return wrapped(*args, **kwargs)
        return observed(wrapped, instance, (), {**dict(zip(names, args, strict=False)), **kwargs})

    return call


def _one_for_all(entry: Entry, operations: Mapping[str, Dialect]) -> Wrapper:
    """The wrapper for the one method that makes every call of a client: also calls that run no model."""
    observed = (_awaited if entry.target.awaited else _plain)(entry)
    first = next(iter(entry.target.arguments), "")

    def call(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        # Most calls are of other services, which must not notice us.
        operation = args[0] if args else kwargs.get(first)
        if isinstance(operation, str) and operation in operations:
            return observed(wrapped, instance, args, kwargs)
        return wrapped(*args, **kwargs)

    return call


def arriving() -> Wrapper:
    """The wrapper for a method to which the SDK hands the HTTP response of each call, by name or as the last argument.

    The response also is the one of an SDK's call that calls this SDK, and may drop what the response says.
    """

    def call(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        outer: Within | None = current().get(WITHIN)  # pyright: ignore[reportAssignmentType]
        if outer is not None and not outer.over:
            outer.arrived = args[-1] if args else kwargs.get("response")
        return wrapped(*args, **kwargs)

    return call


def leaving(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
    """Stands around a method in which an SDK runs code of the app: no call of that code is a part of the SDK's call."""
    token: Any = guard.step("context", _leave)
    try:
        result = wrapped(*args, **kwargs)
    finally:
        guard.step("context", detach, token)
    return _left(result) if inspect.iscoroutine(result) else result


async def _left(result: Any) -> Any:
    token: Any = guard.step("context", _leave)
    try:
        return await result
    finally:
        guard.step("context", detach, token)


def _leave() -> Any:
    return attach(outside(current()))


def _manager(entry: Entry) -> Wrapper:
    def call(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        manager = wrapped(*args, **kwargs)
        if working() is None:
            return manager
        opener = partial(entry.open, instance, args, kwargs)
        made = guard.step("deliver", Manager, manager, opener, entry.target.inner, entry.deliver)
        return manager if made is None else made

    return call


def _generator(entry: Entry) -> Wrapper:
    def call(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        if working() is None:
            return wrapped(*args, **kwargs)
        parts = guard.step("deliver", entry.target.parts, instance, args, kwargs)
        if parts is None:
            return _made_lazy(entry, wrapped(*args, **kwargs), instance, args, kwargs)
        asked, part = parts
        items = _made_lazy(entry, wrapped(**asked), instance, args, kwargs)
        made = guard.step("deliver", Shown, items, part)
        return map(part, items) if made is None else made

    return call


def _made_lazy(entry: Entry, generator: Any, instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
    """A generator as one that opens its call at its first item; itself where that cannot be done."""
    made = guard.step("deliver", _lazy, entry, generator, instance, args, kwargs)
    if made is None:
        unchecked("the stream was not observed")
        return generator
    return made


def _lazy(entry: Entry, generator: Any, instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
    opener: Opener = partial(entry.open, instance, args, kwargs, current())
    return (AsyncLazyStream if hasattr(generator, "__anext__") else LazyStream)(generator, opener)


def _takes(method: Any, argument: str) -> bool:
    """Whether a method has a parameter; False where its signature cannot be read."""
    try:
        return argument in inspect.signature(method).parameters
    except (TypeError, ValueError):
        return False


def muted(original: Any, silent: Any, quiet: Callable[[], bool | None], *, of_module: bool) -> Any:
    """Stands for something that an SDK traces with: gives ``silent`` where ``quiet`` says so.

    A property, a function, or an object ``of_module``; None for anything else, which cannot be replaced without harm.
    """
    if isinstance(original, property) and original.fget is not None:
        read: Callable[[Any], Any] = original.fget

        def get(owner: Any) -> Any:
            return silent if quiet() else read(owner)

        return property(get)
    if inspect.isfunction(original):

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            return silent if quiet() else original(*args, **kwargs)

        return call
    return Muting(original, silent, quiet) if of_module else None


class Muting:
    """An object in a module, or a silent one in its place."""

    def __init__(self, original: Any, silent: Any, quiet: Callable[[], bool | None]) -> None:
        self._original, self._silent, self._quiet = original, silent, quiet

    def __getattr__(self, name: str) -> Any:
        return getattr(self._silent if self._quiet() else self._original, name)
