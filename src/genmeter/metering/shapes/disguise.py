"""The classes of proxies: a program that asks a proxy for its type finds the names and the base of what it stands for.

``isinstance`` asks the proxy, which answers as the object behind it. But programs also read the module and the name of
``type(x)`` (Streamlit finds the streams of openai so), or ask ``issubclass(type(x), ...)``: for these programs each
proxied class has a class of proxies of its own.
"""

from __future__ import annotations

import types
from abc import ABCMeta
from typing import Any

import wrapt

MOST_CLASSES = 256
"""Programs may make classes without end; then the disguises are made anew."""

PROTOCOLS = (
    *("__enter__", "__exit__", "__aenter__", "__aexit__", "__iter__", "__next__", "__aiter__", "__anext__"),
    *("__await__", "__call__", "__len__", "__contains__", "__getitem__", "__setitem__", "__delitem__", "__reversed__"),
    *("__int__", "__float__", "__index__", "__complex__", "__bytes__"),
)
"""What an object can do. A proxy's class offers all of it; None in a class says that its objects cannot."""

_disguises: dict[tuple[Any, Any], Any] = {}


def disguised(kind: Any, of: Any) -> Any:
    """The subclass of the proxy class ``kind`` for objects of the class ``of``."""
    found = _disguises.get((kind, of))
    if found is None:
        if len(_disguises) >= MOST_CLASSES:
            _disguises.clear()
        found = _disguises[kind, of] = _made(kind, of)
    return found


def _made(kind: Any, of: Any) -> Any:
    names: dict[str, Any] = {"__module__": of.__module__, "__qualname__": of.__qualname__, "__doc__": of.__doc__}
    names |= {name: None for name in PROTOCOLS if hasattr(kind, name) and getattr(of, name, None) is None}
    if _may_be_a_base(of):
        try:
            space = {name: _forward(name) for name in _names(of) - set(dir(kind))} | names
            return types.new_class(of.__name__, (kind, of), {}, lambda made: made.update(space))
        except TypeError:  # generators and other classes that are written in C cannot be a base
            pass
    return types.new_class(of.__name__, (kind,), {}, lambda made: made.update(names))


def _may_be_a_base(of: Any) -> bool:
    """Whether making a subclass runs no code of the SDK's, which would take the subclass for one of its own.

    A proxy of the SDK's own (the bodies of aiobotocore 2) would come between our proxy and its base.
    """
    if issubclass(of, wrapt.ObjectProxy):
        return False
    hooked = any(
        "__init_subclass__" in vars(base) for base in of.__mro__ if base.__module__ not in ("builtins", "typing")
    )
    return type(of) in (type, ABCMeta) and not hooked


def _names(of: Any) -> set[str]:
    """What ``of`` defines: without a forward, a method of it would run with the proxy as ``self``."""
    bases: tuple[type[Any], ...] = of.__mro__
    found = {name: value for base in bases if base is not object for name, value in vars(base).items()}
    return {name for name, value in found.items() if not _special(name) or isinstance(value, types.FunctionType)}


def _special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _forward(name: str) -> Any:
    def read(self: Any) -> Any:
        return self.__getattr__(name)  # the proxy's own, as for a name that no class has

    def write(self: Any, value: Any) -> None:
        setattr(self.__wrapped__, name, value)

    def delete(self: Any) -> None:
        delattr(self.__wrapped__, name)

    return property(read, write, delete)
