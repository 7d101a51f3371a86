"""The ways in which a process ends without running its exit functions, each with a flush before it.

* ``os._exit`` and ``os.abort``: workers that are forked end so (multiprocessing, concurrent.futures, celery).
* ``os.execv`` and ``os.execve``, below all of ``os.exec...``: another program takes the place of this one.
* SIGTERM and SIGHUP where the application has no handler, and SIGINT where it has asked for the default action. Servers
  such as uvicorn shut down in order, restore the default action, and send themselves the signal again. SIGUSR1, SIGUSR2
  and SIGXCPU where they have no handler: the schedulers of batch jobs tell a job with them that its time is up.

For the application the default action of a signal stays the default action: ``signal.getsignal`` answers ``SIG_DFL``,
the process dies of the signal, and a handler of the application takes the place of ours. Nothing helps against SIGKILL.
"""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import Any

from .. import guard
from .ends import ends
from .threads import in_hub, starter

DOORS = ("_exit", "abort", "execv", "execve")
"""Functions of ``os`` after which no line of this program runs."""
_NAMES = ("SIGTERM", "SIGHUP", "SIGINT", "SIGUSR1", "SIGUSR2", "SIGXCPU")
FATAL = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
"""Without SIGQUIT and SIGALRM: they are to end a process also where it hangs in C code, and there no handler of ours runs."""
_STATUS = Path("/proc/self/status")

_signal, _getsignal = signal.signal, signal.getsignal
_replaced: list[tuple[Any, str, Callable[..., Any], Callable[..., Any]]] = []


def arm() -> None:
    """From now on, flush before each way out. Once is enough."""
    if _replaced:
        return
    for name in DOORS:
        if hasattr(os, name):
            _replace(os, name, _after_a_flush(getattr(os, name)))
    _replace(signal, "signal", _set_handler)
    _replace(signal, "getsignal", _handler)
    if current_thread() is main_thread():
        caught = _caught()
        for number in FATAL:
            if _getsignal(number) is signal.SIG_DFL and not caught >> (number - 1) & 1:
                _signal(number, _die)


def _caught() -> int:
    """The signals that have a handler, as bits. Python does not know handlers of C code, such as faulthandler's and uWSGI's."""
    try:
        status = _STATUS.read_text()
    except OSError:  # not Linux
        return 0
    return next((int(line.split()[1], 16) for line in status.splitlines() if line.startswith("SigCgt:")), 0)


def disarm() -> None:
    """Take the flushes away, unless another has put its own function in the place of ours."""
    for owner, name, before, ours in _replaced:
        if getattr(owner, name) is ours:
            setattr(owner, name, before)
    _replaced.clear()
    if current_thread() is main_thread():
        for number in FATAL:
            if _getsignal(number) is _die:
                _signal(number, signal.SIG_DFL)


def _replace(owner: Any, name: str, ours: Callable[..., Any]) -> None:
    _replaced.append((owner, name, getattr(owner, name), ours))
    setattr(owner, name, ours)


def _after_a_flush(leave: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(leave)
    def flushed(*args: Any, **kwargs: Any) -> Any:
        guard.step("exit", ends.last_words)
        return leave(*args, **kwargs)

    return flushed


@functools.wraps(_signal)
def _set_handler(signalnum: Any, handler: Any) -> Any:
    # Here and in the next function nothing of ours is called: these stand between the application and its signals.
    ours = (handler is signal.SIG_DFL or (type(handler) is int and handler == 0)) and signalnum in FATAL
    previous = _signal(signalnum, _die if ours else handler)
    return signal.SIG_DFL if previous is _die else previous


@functools.wraps(_getsignal)
def _handler(signalnum: Any) -> Any:
    handler = _getsignal(signalnum)
    return signal.SIG_DFL if handler is _die else handler


def _die(number: int, _: FrameType | None) -> None:
    # A second signal does not wait.
    _signal(number, signal.SIG_DFL)
    if in_hub():
        starter()[0](_leave, (number,))
    else:
        _leave(number)


def _leave(number: int) -> None:
    guard.step("exit", ends.last_words, other=True)
    os.kill(os.getpid(), number)
