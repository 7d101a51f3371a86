"""How threads start beside an application that has plans of its own for signals, forks and greenlets.

Two traps lie here. The system gives a signal of the process to any thread that takes it. And the SDK of OpenTelemetry
starts its threads anew inside each fork; under gevent such a start switches to another greenlet of the parent, inside the
child that has only half forked, and `subprocess.run` of the application never returns.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from .. import guard

Hook = Callable[[], object]
_FAULTS = {"SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV", "SIGSYS", "SIGTRAP"}
"""Signals that a fault in the running code raises."""

waiting: list[Hook] = []
"""What the SDK has to do in this process because it was forked, and what has to wait under gevent."""


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


def resume() -> None:
    """Do what has waited since the fork. The first call of a forked process does it."""
    while waiting:
        guard.step("fork", waiting.pop(0))


def _in_time(hook: Hook) -> Hook:
    def after_fork() -> None:
        if green():
            waiting.append(hook)
        else:
            hook()

    return after_fork


# A child that was forked by a forked child does its own.
os.register_at_fork(after_in_child=waiting.clear)
