"""The signals that stop a service, and what a person is told about them.

A program that is started with a signal ignored leaves it ignored. A script starts its background jobs so (SIGINT and
SIGQUIT), and ``nohup`` starts a command so (SIGHUP): Ctrl-C or the end of the terminal is then not meant for them.
"""

from __future__ import annotations

import os
import signal


def ignored(number: signal.Signals) -> bool:
    """Whether this process ignores the signal; before a handler is set, that is what its parent has asked for."""
    return signal.getsignal(number) is signal.SIG_IGN


def held(*numbers: signal.Signals) -> set[signal.Signals]:
    """Hold these signals back until ``signal.sigwait`` takes one; returns the signals that are not ignored at the start.

    To be called in the main thread before any other is started, for a thread inherits what is held. A handler instead
    would sometimes be too late: Python runs it between two instructions, so a signal that comes while the main thread
    is about to wait wakes it never.
    """
    taken = {number for number in numbers if not ignored(number)}
    signal.pthread_sigmask(signal.SIG_BLOCK, taken)
    return taken


def how_to_stop() -> str:
    """One sentence for the person who started a service or a command: "Ctrl-C stops.", or what does so instead."""
    if not ignored(signal.SIGINT):
        return "Ctrl-C stops."
    other = "TERM" if not ignored(signal.SIGTERM) else "KILL"
    return f"Ctrl-C is ignored, as in every background job of a script; kill -{other} {os.getpid()} stops."
