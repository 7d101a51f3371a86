"""Wraps the targets of every provider's table when the SDK is imported, and gives the very same objects back."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Iterable
from types import CellType
from typing import Any, cast

import wrapt
from opentelemetry.context import get_current

from . import guard, wrappers
from .call.engine import Engine
from .coexist import Site, innermost
from .context import within
from .spec import Muted, Provider, Target

logger = logging.getLogger("genmeter")
MISSING = object()
BELOW = "__wrapped__"
"""The attribute of another instrumentor's wrapper under which the method lies that it calls."""

_current: list[Patches] = []
"""The one that is in force, if any: a post-import hook cannot be taken back, so it asks here what to do."""
_hooked: set[str] = set()


class Patches:
    """What one ``instrument()`` has put in place.

    Bound methods that are kept elsewhere (the SDKs' raw views keep some) pass straight through while nothing is instrumented, and
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
        wrappers.work(self.engine)
        for module in dict.fromkeys(module for provider in self._providers for module in _modules(provider)):
            if module not in _hooked:
                _hooked.add(module)
                wrapt.register_post_import_hook(_imported, module)
            elif module in sys.modules:
                self.apply(module)

    def apply(self, module: str) -> None:
        """Wrap the methods that the tables name in a module that is imported."""
        for provider in self._providers:
            for target in provider.targets:
                if target.module == module:
                    guard.step("patch", self._wrap, provider, target)
            for muted in provider.muted:
                if muted.module == module:
                    guard.step("mute", self._mute, provider, muted)
            for where, path in provider.watched:
                if where == module:
                    guard.step("watch", self._watch, provider, where, path)
            for where, path in provider.arrivals:
                if where == module:
                    guard.step("patch", self._put_around, where, path, wrappers.arriving())
            for where, path in provider.callbacks:
                if where == module:
                    guard.step("patch", self._put_around, where, path, wrappers.leaving)

    def restore(self) -> None:
        """Give back what was there. Where another wrapper lies around ours by now, ours stays and passes every call on."""
        if self in _current:
            _current.clear()
            wrappers.work(None)
        for holder, name, original, ours in reversed(self._replaced):
            if (holder.__wrapped__ if name == BELOW else holder.__dict__.get(name)) is ours:
                delattr(holder, name) if original is MISSING else setattr(holder, name, original)
        self._replaced.clear()

    def _wrap(self, provider: Provider, target: Target) -> None:
        found = resolve(target.module, target.path)
        if found is None:
            logger.debug("genmeter: %s has no %s.%s", provider.sdk, target.module, target.path)
            return
        holder, name = found
        present = holder.__dict__.get(name, MISSING)
        site = Site(holder, name)
        outside = innermost(present)
        if outside is not None:
            self._wrap_below(provider, target, site, outside)
            return
        original = _ours_removed(present)
        method = getattr(holder, name) if original is MISSING else original
        method = _ours_removed(method)
        entry = wrappers.Entry(provider, target, site, self._watched[provider.sdk], method)
        kind: Any = NamedWrapper if isinstance(holder, Enclosed) else wrapt.FunctionWrapper
        ours = kind(method, wrappers.wrapper(entry, method))
        self._replace(holder, name, original, ours)

    def _wrap_below(self, provider: Provider, target: Target, site: Site, outside: Any) -> None:
        """Put our wrapper between a rival's and the SDK's method: the rival's span is then the one around our call."""
        original = _ours_removed(outside.__wrapped__)
        entry = wrappers.Entry(provider, target, site, self._watched[provider.sdk], original)
        ours = wrapt.FunctionWrapper(original, wrappers.wrapper(entry, original))
        self._replace(outside, BELOW, original, ours)
        # A rival that is taken off leaves what it wrapped: ours.
        self._replaced.append((site.holder, site.name, original, ours))

    def _replace(self, holder: Any, name: str, original: Any, ours: Any) -> None:
        setattr(holder, name, ours)
        self._replaced.append((holder, name, original, ours))

    def _put_around(self, module: str, path: str, wrapper: wrappers.Wrapper) -> None:
        found = resolve(module, path)
        if found is not None:
            holder, name = found
            original = _ours_removed(holder.__dict__[name])
            self._replace(holder, name, original, wrapt.FunctionWrapper(original, wrapper))

    def _mute(self, provider: Provider, muted: Muted) -> None:
        found = resolve(muted.module, muted.path)
        if found is None:
            return
        holder, name = found
        original = holder.__dict__.get(name)
        ours = wrappers.muted(original, muted.silent, _quiet, of_module=inspect.ismodule(holder))
        if ours is None:
            logger.warning("genmeter: %s traces itself in a way that genmeter does not know; turn it off", provider.sdk)
            return
        self._replace(holder, name, original, ours)

    def _watch(self, provider: Provider, module: str, path: str) -> None:
        found = resolve(module, path)
        if found is not None:
            self._watched[provider.sdk].append(Site(*found))


def _inside() -> bool:
    """Whether this code runs inside an observed call, of the SDK itself or of one that uses it."""
    return within(get_current()) is not None


def _quiet() -> bool:
    return bool(guard.step("mute", _inside))


def _imported(module: Any) -> None:
    for patches in _current:
        guard.step("patch", patches.apply, module.__name__)


def _modules(provider: Provider) -> Iterable[str]:
    yield from (target.module for target in provider.targets)
    yield from (module for module, _ in (*provider.watched, *provider.arrivals, *provider.callbacks))
    yield from (muted.module for muted in provider.muted)


def resolve(module: str, path: str) -> tuple[Any, str] | None:
    """The object that holds the last name of ``path``, and that name; None where this version has no such thing."""
    holder: Any = sys.modules.get(module)
    *owners, name = path.split(".")
    for owner in owners:
        holder = _enclosing(getattr(holder, owner, None))
    return (holder, name) if holder is not None and hasattr(holder, name) else None


class NamedWrapper(wrapt.FunctionWrapper):  # pyright: ignore[reportMissingTypeArgument]
    """Pickled as a function is, by its name: an SDK hands a function that it encloses on to objects which the app may pickle."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        function: Any = cast(Any, self).__wrapped__
        return function.__qualname__


class Enclosed:
    """The variables that a decorator's function encloses, as attributes.

    The function calls what stands there. So every copy of the function does, also one that the app has bound before.
    """

    __slots__ = ("_cells",)
    _cells: dict[str, CellType]

    def __init__(self, cells: dict[str, CellType]) -> None:
        object.__setattr__(self, "_cells", cells)

    @property
    def __dict__(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return {name: cell.cell_contents for name, cell in self._cells.items()}

    def __getattr__(self, name: str) -> Any:
        cell = self._cells.get(name)
        if cell is None:
            raise AttributeError(name)
        return cell.cell_contents

    def __setattr__(self, name: str, value: Any) -> None:
        self._cells[name].cell_contents = value


def _enclosing(owner: Any) -> Any:
    """An owner itself; the variables that it encloses, where it is a function with any."""
    function = _ours_removed(owner)
    closure = function.__closure__ if inspect.isfunction(function) else None
    return Enclosed(dict(zip(function.__code__.co_freevars, closure, strict=True))) if closure else owner


def _ours_removed(method: Any) -> Any:
    """The method below our own wrapper: a class body may have copied a method that was already wrapped."""
    while getattr(getattr(method, "_self_wrapper", None), "__module__", None) == wrappers.__name__:
        method = method.__wrapped__
    return method
