"""Wraps the targets of every provider's table when the SDK is imported, and gives the very same objects back."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import wrapt
from opentelemetry.context import get_value

from . import guard
from .coexist import Site
from .context import WITHIN, RejectedCall
from .engine import Engine
from .reaper import reaper
from .spec import Kwargs, Provider, Target
from .streams import Manager

logger = logging.getLogger("genmeter")
Wrapper = Callable[[Callable[..., Any], Any, tuple[Any, ...], Kwargs], Any]
MISSING = object()

_current: list[Patches] = []
"""The one that is in force, if any: a post-import hook cannot be taken back, so it asks here what to do."""
_hooked: set[str] = set()


class Patches:
    """What one ``instrument()`` has put in place.

    Bound methods that somebody kept (the SDKs' raw views do) pass straight through while nothing is instrumented, and
    are metered again by the next ``instrument()``.
    """

    def __init__(self, engine: Engine, providers: Iterable[Provider]) -> None:
        self.engine = engine
        self._providers = tuple(providers)
        self._replaced: list[tuple[Any, str, Any, Any]] = []
        self._watched: dict[str, list[Site]] = {provider.sdk: [] for provider in self._providers}

    def arm(self) -> None:
        """Wait for the modules of every table; those already imported are patched now. Imports nothing."""
        _current[:] = [self]
        for module in dict.fromkeys(module for provider in self._providers for module in _modules(provider)):
            if module not in _hooked:
                _hooked.add(module)
                wrapt.register_post_import_hook(_imported, module)
            elif module in sys.modules:
                self.apply(module)

    def apply(self, module: str) -> None:
        """Wrap what the tables name in a module that is imported."""
        for provider in self._providers:
            for target in provider.targets:
                if target.module == module:
                    guard.step("patch", self._wrap, provider, target)
            for where, path in provider.muted:
                if where == module:
                    guard.step("mute", self._mute, provider, where, path)
            for where, path in provider.watched:
                if where == module:
                    guard.step("watch", self._watch, provider, where, path)

    def restore(self) -> None:
        """Give back what was there, unless somebody has wrapped it since: then our part passes everything through."""
        if self in _current:
            _current.clear()
        for holder, name, original, ours in reversed(self._replaced):
            if holder.__dict__.get(name) is ours:
                delattr(holder, name) if original is MISSING else setattr(holder, name, original)
        self._replaced.clear()

    def _wrap(self, provider: Provider, target: Target) -> None:
        found = _resolve(target.module, target.path)
        if found is None:
            logger.debug("genmeter: %s has no %s.%s", provider.sdk, target.module, target.path)
            return
        holder, name = found
        present = holder.__dict__.get(name, MISSING)
        site = Site(holder, name)
        if site.rival() is not None:
            return
        original = _ours_removed(present)
        method = getattr(holder, name) if original is MISSING else original
        ours = wrapt.FunctionWrapper(_ours_removed(method), self._wrapper(provider, target, site))
        self._replace(holder, name, original, ours)

    def _replace(self, holder: Any, name: str, original: Any, ours: Any) -> None:
        setattr(holder, name, ours)
        self._replaced.append((holder, name, original, ours))

    def _mute(self, provider: Provider, module: str, path: str) -> None:
        found = _resolve(module, path)
        if found is None:
            return
        holder, name = found
        original = holder.__dict__.get(name)
        if not isinstance(original, property) or original.fget is None:
            logger.warning("genmeter: %s traces itself in a way that genmeter does not know; turn it off", provider.sdk)
            return
        read = original.fget

        def tracer(client: Any) -> Any:
            return None if guard.step("mute", within, provider) else read(client)

        self._replace(holder, name, original, property(tracer))

    def _watch(self, provider: Provider, module: str, path: str) -> None:
        found = _resolve(module, path)
        if found is not None:
            self._watched[provider.sdk].append(Site(*found))

    def _taken(self, provider: Provider, site: Site) -> bool:
        """Whether a rival has come since: at the method itself, or deeper in the SDK."""
        return site.rival() is not None or any(other.rival() is not None for other in self._watched[provider.sdk])

    def _wrapper(self, provider: Provider, target: Target, site: Site) -> Wrapper:
        make = _manager if target.manager else _awaited if target.awaited else _plain
        return make(self, provider, target, site)

    def opener(
        self, provider: Provider, target: Target, site: Site, instance: Any, args: tuple[Any, ...], kwargs: Kwargs
    ) -> Any:
        """An Observation for this call, or None when it is to pass.

        Raises:
            RejectedCall: the user's own rules forbid it: nobody can be charged for it, or a budget is spent.
        """
        try:
            engine = working()
            if engine is None or self._taken(provider, site):
                return None
            return engine.open(provider, target, instance, args, kwargs)
        except RejectedCall:
            raise
        except Exception as error:
            guard.failed("open", error)
            return None


def _plain(patches: Patches, provider: Provider, target: Target, site: Site) -> Wrapper:
    def call(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        observation = patches.opener(provider, target, site, instance, args, kwargs)
        if observation is None:
            return wrapped(*args, **kwargs)
        while True:
            with observation:
                return observation.deliver(wrapped(*args, **observation.kwargs))

    return call


def _awaited(patches: Patches, provider: Provider, target: Target, site: Site) -> Wrapper:
    async def observed(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        observation = patches.opener(provider, target, site, instance, args, kwargs)
        if observation is None:
            return await wrapped(*args, **kwargs)
        guard.step("reaper", reaper.ready)  # a coroutine that is dropped is closed by a finalizer
        while True:
            with observation:
                return observation.deliver(await wrapped(*args, **observation.kwargs))

    def call(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        if working() is None:
            return wrapped(*args, **kwargs)
        return observed(wrapped, instance, args, kwargs)

    return call


def _manager(patches: Patches, provider: Provider, target: Target, site: Site) -> Wrapper:
    def call(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Kwargs) -> Any:
        manager = wrapped(*args, **kwargs)
        if working() is None:
            return manager
        opener = partial(patches.opener, provider, target, site, instance, args, kwargs)
        return Manager(manager, opener, target.inner)

    return call


def working() -> Engine | None:
    """The engine of the instrumentation that is on."""
    return _current[0].engine if _current else None


def within(provider: Provider) -> bool:
    """Whether this code runs inside an observed call of the provider's SDK."""
    found: Any = get_value(WITHIN)
    return found is not None and found[0] == provider.sdk


def _imported(module: Any) -> None:
    for patches in _current:
        guard.step("patch", patches.apply, module.__name__)


def _modules(provider: Provider) -> Iterable[str]:
    yield from (target.module for target in provider.targets)
    yield from (module for module, _ in (*provider.watched, *provider.muted))


def _resolve(module: str, path: str) -> tuple[Any, str] | None:
    """The object that holds the last name of ``path``, and that name; None where this version has no such thing."""
    holder: Any = sys.modules.get(module)
    *owners, name = path.split(".")
    for owner in owners:
        holder = getattr(holder, owner, None)
    return (holder, name) if holder is not None and hasattr(holder, name) else None


def _ours_removed(method: Any) -> Any:
    """The method below our own wrapper: a class body may have copied a method that was already wrapped."""
    while getattr(getattr(method, "_self_wrapper", None), "__module__", None) == __name__:
        method = method.__wrapped__
    return method
