"""How threads start beside an application that has plans of its own for signals, forks and greenlets.

Two traps lie here. The system gives a signal of the process to any thread that takes it. And the SDK of OpenTelemetry
starts its threads anew inside each fork; under gevent such a start switches to another greenlet of the parent, inside the
child that has only half forked, and `subprocess.run` of the application never returns.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
from _thread import LockType
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any

from .. import guard

Hook = Callable[[], object]
_FAULTS = {"SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP"}
"""Signals that a fault in the running code raises."""

waiting: list[Hook] = []
"""What the SDK has to do in this process because it was forked, and what has to wait under gevent."""
_in_greenlets = False
"""Whether gevent had taken the place of threads when the SDK made its providers: then their threads are greenlets."""


@contextmanager
def unsignalled() -> Generator[None, None, None]:
    """Threads that start in here receive no signal: an application may block a signal and wait for it itself."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # A handler of the application may run in this function, and raise.
        signal.pthread_sigmask(signal.SIG_BLOCK, [one for one in signal.Signals if one.name not in _FAULTS])
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def setting_up() -> Generator[None, None, None]:
    """For the time in which the SDK makes its providers: their threads get no signals, and wait for gevent in forks."""
    global _in_greenlets  # noqa: PLW0603
    _in_greenlets = green()
    register: Any = getattr(os, "register_at_fork", None)
    with unsignalled():
        if register is None:
            yield
            return

        def registered(*, after_in_child: Hook | None = None, **others: Hook) -> None:
            hooks = others if after_in_child is None else {**others, "after_in_child": _in_time(after_in_child)}
            register(**hooks)

        os.register_at_fork = registered
        try:
            yield
        finally:
            os.register_at_fork = register


def green() -> bool:
    """Whether gevent has taken the place of threads in this process."""
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))


def in_greenlets() -> bool:
    """Whether the threads of the exporters are greenlets."""
    return _in_greenlets and green()


def in_hub() -> bool:
    """Whether the loop of gevent itself runs this, as it runs handlers of signals: what waits here raises."""
    return green() and sys.modules["gevent"].getcurrent() is sys.modules["gevent"].get_hub()


def resume() -> None:
    """Do what has waited since the fork. The first call of a forked process does it."""
    while waiting:
        guard.step("fork", waiting.pop(0))


def _in_time(hook: Hook) -> Hook:
    def later() -> None:
        with of_the_system():
            hook()

    def after_fork() -> None:
        if green():
            waiting.append(later)
        else:
            hook()

    return after_fork


@contextmanager
def of_the_system() -> Generator[None, None, None]:
    """Threads that start or end in here, and locks that are made, are the system's where those of the exporters are.

    An exporter in a greenlet would hold a lock of greenlets while it sends. The end of the process waits for the
    exporter in the thread of that greenlet, so that neither would go on.
    """
    saved = _saved() if green() and not in_greenlets() else {}
    originals = [
        (sys.modules[module], name, original)
        for module in ("_thread", "threading", "queue")
        for name, original in saved.get(module, {}).items()
        if hasattr(sys.modules.get(module), name)
    ]
    patched = [(module, name, getattr(module, name)) for module, name, _ in originals]
    for place in originals:
        setattr(*place)
    try:
        yield
    finally:
        for place in patched:
            setattr(*place)


def starter() -> tuple[Callable[[Callable[..., object], tuple[Any, ...]], object], Callable[[], LockType]]:
    """``start_new_thread`` and ``allocate_lock`` of the kind that the exporters use: of the system, or of greenlets."""
    with of_the_system():
        return _thread.start_new_thread, _thread.allocate_lock


def _saved() -> dict[str, dict[str, Any]]:
    return getattr(sys.modules["gevent.monkey"], "saved", {})


def _left_to_python() -> None:
    # From Python 3.13 on gevent ends every thread that it knows in a forked child, and takes each for one of its own. A
    # thread that is older than its patches makes gevent fail there, and the child keeps another main thread than it has.
    # Python has ended such a thread in the child before gevent comes.
    hooks = getattr(sys.modules.get("gevent.threading"), "_fork_hooks", None)
    known: dict[int, Any] = getattr(hooks, "_before_fork_active", None) or {}
    for ident, thread in list(known.items()):
        if type(getattr(thread, "_handle", None)).__module__ == "_thread":
            del known[ident]


# What was registered first runs last before a fork: gevent has noted the threads by then.
# A child that was forked by a forked child does its own.
os.register_at_fork(before=partial(guard.step, "fork", _left_to_python), after_in_child=waiting.clear)
