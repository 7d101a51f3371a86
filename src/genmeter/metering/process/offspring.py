"""The end of a process that a thread has forked: it ends when the thread's function returns, as it does without us.

In such a child the thread that forked is the only one. When its function returns, nothing is left to run, and the system
ends the process with status 0 and without exit functions. The threads of OpenTelemetry's exporters, which start anew
inside each fork, and those of genmeter would keep this child for ever, and its calls would stay in the memory.
"""

from __future__ import annotations

import os
import threading
from _thread import LockType, allocate_lock, get_ident, start_new_thread
from functools import cache

from .. import guard
from .ends import ends
from .threads import green, unsignalled

_BACKGROUND = ("Otel", "genmeter-")
"""How the names of the exporters' threads and of ours begin."""
_main = threading.main_thread().ident
"""The thread whose end ends the interpreter. In a forked child ``threading.main_thread`` is the thread that forked."""
_here = threading.local()


class _Mark:
    """Lies in the memory of a thread, which goes when the thread ends."""

    __slots__ = ("_ended",)

    def __init__(self, ended: LockType) -> None:
        self._ended = ended

    def __del__(self) -> None:
        self._ended.release()


@cache
def arm() -> None:
    """From now on, a child that a thread forks ends with that thread. Fork hooks stay for ever, so once is enough."""
    os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    if get_ident() != _main and ends.armed and not green():
        guard.step("fork", _watch)


def _watch() -> None:
    ended = allocate_lock()
    ended.acquire()
    _here.mark = _Mark(ended)
    with unsignalled():
        start_new_thread(_end_after, (ended,))


def _end_after(ended: LockType) -> None:
    """Wait for the thread that forked and for the threads of the application; then send what is left, and end."""
    ended.acquire()
    while others := [one for one in threading.enumerate() if _keeps(one)]:
        others[0].join()
    guard.step("exit", ends.last_words)
    os._exit(0)


def _keeps(thread: threading.Thread) -> bool:
    mine = thread is threading.main_thread() or isinstance(thread, threading._DummyThread)  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownArgumentType]
    return not mine and thread.is_alive() and not thread.name.startswith(_BACKGROUND)
