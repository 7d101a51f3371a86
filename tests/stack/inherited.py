"""Signals that are ignored at the start, as SIGINT and SIGQUIT in a background job of a script: all its children inherit it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Collection, Sequence
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
"""Without SIGHUP: what ``nohup`` has started is to outlive its terminal, children included."""


def restore_for_children() -> None:
    """Let processes that are started from here have the default back; to this process nothing changes.

    To be called in the main thread. A Python function that does nothing stands in place of SIG_IGN: exec keeps what is
    ignored and turns what is handled into the default.
    """
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _outlive)


def _outlive(number: int, frame: FrameType | None) -> None:
    """Stands in place of SIG_IGN."""


def ignoring(numbers: Collection[signal.Signals], command: Sequence[object]) -> list[str]:
    """The command line that starts a command with these signals ignored, and SIGHUP and `ENDING` else at their default."""
    return [sys.executable, "-c", _DISPOSE, ",".join(str(int(number)) for number in numbers), *map(str, command)]


_DISPOSE = """
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN if str(int(number)) in sys.argv[1].split(",") else signal.SIG_DFL)
os.execvp(sys.argv[2], sys.argv[2:])
"""
