"""The signals that stop a service, and what a person is told about them.

A program that is started with a signal ignored leaves it ignored. A script starts its background jobs so (SIGINT and
SIGQUIT), and ``nohup`` starts a command so (SIGHUP): Ctrl-C or the end of the terminal is then not meant for them.
"""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType


def ignored(number: signal.Signals) -> bool:
    """Whether this process ignores the signal; before a handler is set, that is what its parent has asked for."""
    return signal.getsignal(number) is signal.SIG_IGN


def stopped_by(*numbers: signal.Signals) -> threading.Event:
    """The event that the first of these signals sets. A signal that is ignored at the start stays ignored."""
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    for number in numbers:
        if not ignored(number):
            signal.signal(number, stop)
    return stopped


def how_to_stop() -> str:
    """One sentence for the person who started a service or a command: "Ctrl-C stops.", or what does so instead."""
    if not ignored(signal.SIGINT):
        return "Ctrl-C stops."
    other = "TERM" if not ignored(signal.SIGTERM) else "KILL"
    return f"Ctrl-C is ignored, as in every background job of a script; kill -{other} {os.getpid()} stops."
