"""Faults in our own code: any function of genmeter's may be made to raise, wherever it is referred to.

What is replaced is a function's code object, so that names imported elsewhere, methods bound before and readers held in
tables all raise alike; functions inside functions are reached through the constants of the outer one. The walk starts
from the interpreter's own list of functions: a reader that is added tomorrow is covered by itself.
"""

from __future__ import annotations

import gc
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import genmeter

HOME = str(Path(genmeter.__file__).parent)
ROOMS = ("metering", "pricing", "model.py", "settings.py")

hits = 0
_error: Callable[[], Exception] = ValueError


class Hostile(Exception):
    """An exception that cannot even be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


def _value() -> Exception:
    return ValueError("injected")


def _deep() -> Exception:
    return RecursionError("maximum recursion depth exceeded")


def _stop() -> Exception:
    return StopIteration("injected")


def _attribute() -> Exception:
    return AttributeError("injected")


def _hostile() -> Exception:
    return Hostile()


VARIETIES: dict[str, Callable[[], Exception]] = {
    "ValueError": _value,
    "RecursionError": _deep,
    "StopIteration": _stop,
    "AttributeError": _attribute,
    "Hostile": _hostile,
}


def boom() -> Any:
    """Called by every function that was made to fail."""
    global hits
    hits += 1
    raise _error()


def ours(code: CodeType) -> bool:
    """Whether a code object is a function of ours (not a comprehension, a class body or a generated method)."""
    if not code.co_filename.startswith(HOME) or (code.co_name.startswith("<") and code.co_name != "<lambda>"):
        return False
    return code.co_filename[len(HOME) + 1 :].startswith(ROOMS)


_frozen: list[FunctionType] = []


def freeze() -> None:
    """Spare the collector what is here already, such as the SDKs' modules; ``functions`` still finds ours among it.

    A full collection with both SDKs takes 0.3 s, and there is one after each test.
    """
    gc.unfreeze()  # what another room has set aside would be found by nobody
    gc.collect()
    _frozen[:] = _collected()
    gc.freeze()


def functions() -> dict[CodeType, list[FunctionType]]:
    """Every live function of ours by its code."""
    found: dict[CodeType, list[FunctionType]] = {}
    for function in (*_frozen, *_collected()):
        found.setdefault(function.__code__, []).append(function)
    return found


def _collected() -> list[FunctionType]:
    # type() and not isinstance(): the latter asks the SDKs' lazy proxies for their class, and they import half of the SDK.
    everything = gc.get_objects()
    return [it for it in everything if type(it) is FunctionType and it.__code__.co_filename.startswith(HOME)]


def within(code: CodeType) -> Iterator[CodeType]:
    """A code object and all that are defined inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from within(constant)


def label(code: CodeType) -> str:
    """``proxies.Stream.__next__`` and the like."""
    module = code.co_filename[len(HOME) + 1 : -3].replace("/", ".").removeprefix("metering.")
    return f"{module}.{code.co_qualname}"


@contextmanager
def failing(target: CodeType, error: Callable[[], Exception]) -> Iterator[Callable[[], int]]:
    """Every function whose code is (or contains) ``target`` raises there; gives the number of times that it did."""
    global hits, _error
    hits, _error = 0, error
    swapped: list[tuple[FunctionType, CodeType]] = []
    for code, owners in _holders().get(target, {}).items():
        broken = _broken(code, target)
        for owner in owners:
            swapped.append((owner, code))
            owner.__code__ = broken
    try:
        yield lambda: hits
    finally:
        for owner, code in swapped:
            owner.__code__ = code


_known: dict[CodeType, dict[CodeType, list[FunctionType]]] = {}


def _holders() -> dict[CodeType, dict[CodeType, list[FunctionType]]]:
    """For each code object of ours the live functions whose code is or contains it, by that code."""
    if not _known:
        for code, owners in functions().items():
            for inner in within(code):
                _known.setdefault(inner, {})[code] = owners
    return _known


def forget() -> None:
    """The set of live functions has changed."""
    _known.clear()


def _broken(code: CodeType, target: CodeType) -> CodeType:
    if code == target:
        return raising(code)
    constants = tuple(_broken(c, target) if isinstance(c, CodeType) else c for c in code.co_consts)
    return code if constants == code.co_consts else code.replace(co_consts=constants)


def _plain(*args: Any, **kwargs: Any) -> Any:
    __import__("tests.metering_faults.inject", fromlist=["boom"]).boom()


async def _coroutine(*args: Any, **kwargs: Any) -> Any:
    __import__("tests.metering_faults.inject", fromlist=["boom"]).boom()


def _generator(*args: Any, **kwargs: Any) -> Any:
    yield __import__("tests.metering_faults.inject", fromlist=["boom"]).boom()


def raising(code: CodeType) -> CodeType:
    """Code of the same kind and with the same closure that raises when it is run."""
    kind = (
        _coroutine
        if code.co_flags & inspect.CO_COROUTINE
        else _generator
        if code.co_flags & inspect.CO_GENERATOR
        else _plain
    )
    return kind.__code__.replace(
        co_freevars=code.co_freevars, co_name=code.co_name, co_qualname=code.co_qualname, co_filename=code.co_filename
    )


@contextmanager
def recording() -> Iterator[set[CodeType]]:
    """The functions of ours that run inside, on any thread."""
    seen: set[CodeType] = set()

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and ours(frame.f_code):
            seen.add(frame.f_code)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        yield seen
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # pyright: ignore[reportArgumentType]
