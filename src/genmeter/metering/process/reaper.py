"""Closes what the app dropped: a stream that was not read to its end is still one call, and it is billed.

A finalizer must not run the stages itself. The garbage collector may run it anywhere, also while this very thread holds
a lock of the OpenTelemetry SDK, and recording a metric there would wait for that lock for ever. So a finalizer only
puts the closing into a queue (``SimpleQueue.put`` is safe there) and a thread does the rest.
"""

from __future__ import annotations

import atexit
import os
import queue
from collections.abc import Callable
from importlib import import_module
from threading import Event, Lock, Thread, current_thread
from typing import Any

from .. import guard
from .threads import green, unsignalled

Closing = Callable[[], None]
LAST_SECONDS = 2.0
"""How long the process's end, or ``uninstrument``, waits for closings that are under way."""


class Reaper:
    """A queue of closings and the daemon thread that runs them, started with the first stream."""

    def __init__(self) -> None:
        self.endings: list[Closing] = []
        """Run when the process ends, before the SDK's providers shut down."""
        self._queue: Any = queue.SimpleQueue()
        self._thread: Thread | None = None
        self._green = False
        self._starting = Lock()

    def put(self, closing: Closing) -> None:
        """Have ``closing`` run soon, on another thread. Safe in a finalizer."""
        self._queue.put(closing)

    def ready(self) -> None:
        """Start the thread if there is none yet. Not for finalizers: starting a thread takes locks."""
        if self._thread is None and self._starting.acquire(blocking=False):
            try:
                self._green = green()
                self._queue, before = _queue(self._green), self._queue
                _move(before, self._queue)
                thread = Thread(target=self._run, name="genmeter-reaper", daemon=True)
                with unsignalled():
                    thread.start()
                self._thread = thread
                self.end_first()
            finally:
                self._starting.release()

    def run(self, closing: Closing) -> None:
        """Run ``closing`` on the reaper's thread, or here where there is none or this is it."""
        if self._runs_elsewhere():
            self._queue.put(closing)
        else:
            closing()

    def _runs_elsewhere(self) -> bool:
        thread = self._thread
        return thread is not None and thread.is_alive() and thread is not current_thread()

    def drain(self, seconds: float = LAST_SECONDS) -> None:
        """Return when all that waits has run, here or on the reaper's thread; there after ``seconds`` at the latest."""
        # A greenlet is not waited for: it belongs to a thread which itself may be waiting for this one to return.
        if not self._green and self._runs_elsewhere():
            done = Event()
            self._queue.put(done.set)
            done.wait(seconds)
        while True:
            try:
                closing = self._queue.get_nowait()
            except queue.Empty:
                return
            guard.step("reaper", closing)

    def end_first(self) -> None:
        """Register ``end`` with ``atexit`` anew, so that it runs before every handler that is registered already.

        A provider of OpenTelemetry shuts down in such a handler, and a stream that is closed after it is lost.
        """
        atexit.unregister(self.end)
        atexit.register(self.end)

    def end(self) -> None:
        """The process ends: close what is open."""
        for ending in (self.drain, *self.endings):
            guard.step("end", ending)

    def _run(self) -> None:
        waiting = self._queue
        while True:
            guard.step("reaper", waiting.get())

    def forget(self) -> None:
        """Start anew in a forked child: threads do not survive a fork, and the parent closes its own streams."""
        self._queue = queue.SimpleQueue()
        self._thread, self._green = None, False
        self._starting = Lock()


def _queue(green: bool) -> Any:
    """A queue on which the thread that starts now can wait.

    Once gevent has patched the standard library, this thread is a greenlet. The C queue would block the whole process
    there, and an app that patches after genmeter was imported has left the C queue in this module.
    """
    if not green:
        plain: queue.SimpleQueue[Closing] = queue.SimpleQueue()
        return plain
    return import_module("gevent.queue").Queue()


def _move(source: Any, target: Any) -> None:
    """Closings that came before the thread wait for it too."""
    while True:
        try:
            target.put(source.get_nowait())
        except queue.Empty:
            return


reaper = Reaper()
reaper.end_first()
os.register_at_fork(after_in_child=reaper.forget)
