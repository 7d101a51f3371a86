"""Ends the servers of a stack whose Python has gone, however it went: ``python watchdog.py``, fed through its stdin.

A line is ``+PID`` for a process group that has been started or ``-PID`` for one that has ended. The end of the input
means that the parent is no more, killed or crashed, and what is still in the list is killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Self


class Watchdog:
    """A child that outlives us long enough to clean up."""

    def __init__(self) -> None:
        # A session of its own: Ctrl-C in the terminal must not end it before the servers.
        self._child = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, start_new_session=True)
        assert self._child.stdin is not None
        self._list = self._child.stdin

    def started(self, group: int) -> None:
        """Take a process group under watch."""
        self._tell(f"+{group}\n")

    def ended(self, group: int) -> None:
        """It has been waited for: its number may come to belong to somebody else."""
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """Let it kill what is left in its list and end."""
        self._list.close()
        self._child.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def _tell(self, line: str) -> None:
        self._list.write(line.encode())
        self._list.flush()


def main() -> None:
    """Follow the list until the input ends, then kill."""
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        groups.add(group) if line[0] == "+" else groups.discard(group)
    for group in groups:
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass


if __name__ == "__main__":
    main()
