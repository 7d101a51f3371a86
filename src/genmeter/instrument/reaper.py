"""Closes what the app dropped: a stream that nobody finished reading is still one call, and somebody pays for it.

A finalizer must not run the stages itself. The garbage collector may run it anywhere, also while this very thread holds
a lock of the OpenTelemetry SDK, and recording a metric there would wait for that lock for ever. So a finalizer only
puts the closing into a queue (``SimpleQueue.put`` is safe there) and a thread does the rest.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Lock, Thread

from . import guard

Closing = Callable[[], None]


class Reaper:
    """A queue of closings and the daemon thread that runs them, started with the first stream."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Closing] = SimpleQueue()
        self._thread: Thread | None = None
        self._starting = Lock()

    def put(self, closing: Closing) -> None:
        """Have ``closing`` run soon, on another thread. Safe in a finalizer."""
        self._queue.put(closing)

    def ready(self) -> None:
        """Start the thread if there is none yet. Not for finalizers: starting a thread takes locks."""
        if self._thread is None and self._starting.acquire(blocking=False):
            try:
                self._thread = Thread(target=self._run, name="genmeter-reaper", daemon=True)
                self._thread.start()
            finally:
                self._starting.release()

    def drain(self) -> None:
        """Run what waits, here and now."""
        while True:
            try:
                closing = self._queue.get_nowait()
            except Empty:
                return
            guard.step("reaper", closing)

    def _run(self) -> None:
        while True:
            guard.step("reaper", self._queue.get())

    def forget(self) -> None:
        """Start anew in a forked child: threads do not survive a fork, and the parent closes its own streams."""
        self.__init__()


reaper = Reaper()
atexit.register(reaper.drain)
os.register_at_fork(after_in_child=reaper.forget)
