"""Tells a signal that was sent to this process alone from one that was sent to its whole process group.

The terminal sends Ctrl-C to the whole group, so the command that we run gets it too, and to pass it on would be a second
Ctrl-C. A supervisor sends SIGINT to our process alone, and not to pass it on would swallow it. The kernel does not say
which of the two it was. So a second process of our group, which does nothing else, is asked whether it got the signal.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable
from types import FrameType

_SPREADS_SECONDS = 0.02
"""The kernel gives a signal to the processes of a group one after the other."""
_ANSWERS_SECONDS = 2.0


class Witness:
    """The second process. It ends with this one."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = tuple(numbers)
        question, self._ask = os.pipe()
        self._hear, answer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._ask)
                os.close(self._hear)
                _watch(self._numbers, question, answer)
            finally:
                os._exit(0)
        os.close(question)
        os.close(answer)

    def saw(self, number: int) -> bool | None:
        """Whether the whole group got the signal since the last question about it; None where the witness is gone."""
        time.sleep(_SPREADS_SECONDS)
        try:
            os.write(self._ask, bytes([number]))
            ready, _, _ = select.select([self._hear], [], [], _ANSWERS_SECONDS)
            answer = os.read(self._hear, 1) if ready else b""
        except OSError:
            return None
        return answer == b"\1" if answer else None

    def close(self) -> None:
        """End the second process."""
        os.close(self._ask)
        os.close(self._hear)
        os.waitpid(self._pid, 0)


def _watch(numbers: tuple[int, ...], question: int, answer: int) -> None:
    """Note each signal; answer each question with 1 or 0, until the other end is closed."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)  # a reader of our output must not wait for this process
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in numbers:
        signal.signal(number, _note)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
    seen: set[int] = set()
    while True:
        select.select([question], [], [])
        asked = os.read(question, 1)
        if not asked:
            return
        # What was sent before the question has been delivered by now: signals are, before a system call returns.
        try:
            seen |= set(os.read(woken, 4096))
        except BlockingIOError:
            pass
        os.write(answer, b"\1" if asked[0] in seen else b"\0")
        seen.discard(asked[0])


def _note(number: int, _: FrameType | None) -> None:
    """Do nothing: the number is in the pipe."""
