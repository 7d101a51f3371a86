"""Sends what is left before the process ends, and ``flush`` for a process that may be stopped at any time.

A batch waits for seconds in the process before it goes out. Every wait here has a bound, because an exporter whose
server does not answer would else hold the end of the process for half a minute.
"""

from __future__ import annotations

import atexit
import os
import sys
import time
from _thread import LockType
from collections.abc import Callable, Collection, Iterable, Sequence
from threading import Event
from typing import Any, Protocol

from .. import guard
from .delivery import delivery
from .reaper import reaper
from .threads import in_greenlets, of_the_system, starter, unsignalled

SECONDS = 2.0
"""How long the end of a process waits for the exporters."""

NO_THREAD_AT_EXIT = sys.version_info[:3] in ((3, 12, 0), (3, 12, 1))
"""These Pythons start no thread any more in exit functions: the reaper's must be there before."""

Job = Callable[[], object]


class Routes(Protocol):
    """What the end of a process asks of ``routes``, which imports this module."""

    def providers(self) -> Iterable[Any]:
        """The providers that the calls go to now."""
        ...

    def tell_at_end(self) -> None:
        """Tell once that this process has no provider at all."""
        ...


class Ends:
    """The providers in use, and those whose end is ours to bound."""

    def __init__(self) -> None:
        self.waiting = False
        """Whether a call was recorded since the last flush. A process without one ends at once."""
        self._routes: Routes | None = None
        self._streams: Collection[object] = ()
        self._ours: list[Any] = []
        self._closed = False
        self._under_way: Event | None = None

    def attach(self, routes: Routes, streams: Collection[object]) -> None:
        """From now on flush the providers of ``routes``. ``streams`` are those under way: each is a call to be sent."""
        self._routes, self._streams = routes, streams

    @property
    def armed(self) -> bool:
        """Whether there is a provider whose threads this process has, or whose records it must send."""
        return self._routes is not None or bool(self._ours)

    def detach(self) -> None:
        """The meter is off."""
        self._routes, self._streams, self.waiting = None, (), False

    def bound(self, *providers: Any) -> None:
        """Shut these providers down within ``SECONDS`` when the process ends, all at once: ours and the environment's."""
        for provider in providers:
            if provider is not None and not any(provider is known for known in self._ours):
                # The SDK's own exit function waits for each provider in turn, up to 30 s for each.
                atexit.unregister(provider.shutdown)
                self._ours.append(provider)
        if NO_THREAD_AT_EXIT:
            reaper.ready()

    def flush(self, seconds: float = SECONDS) -> bool:
        """Send what is recorded. Whether all of it went out within ``seconds``, as far as the exporters tell."""
        deadline = time.monotonic() + seconds
        before = delivery.failures
        self.waiting = False
        reaper.drain(seconds)
        done = together([provider.force_flush for provider in self._all()], deadline - time.monotonic())
        return done and delivery.failures == before

    def last_words(self, other: bool = False) -> None:
        """The process is about to end without its exit functions: close what is open and send it, within ``SECONDS``.

        ``other``: also where no call was recorded, for the sake of other telemetry. A signal may come while an end is
        under way already, as from a pool that terminates its workers. Then wait for it.
        """
        if self._under_way is not None:
            # The handler of a signal runs on top of the code that waits for this end, so only the end's thread can tell it.
            self._under_way.wait(SECONDS)
        elif not self._closed and (self.waiting or self._streams or (other and self._ours)):
            self._end(self._send)

    def close(self) -> None:
        """The process ends in order: close what is open, and shut down the providers that are ours."""
        if not self._closed:
            self._closed = True
            self._end(self._shut_down)

    def _end(self, how: Job) -> None:
        ended = self._under_way = Event()

        def run() -> object:
            try:
                return how()
            finally:
                ended.set()

        try:
            # On a thread of its own: this one may be inside the SDK with a lock held that the flush needs.
            if not together([run], SECONDS):
                delivery.missed()
        finally:
            self._under_way = None

    def _send(self) -> bool:
        deadline = time.monotonic() + SECONDS
        reaper.end()
        return self.flush(deadline - time.monotonic())

    def _shut_down(self) -> bool:
        deadline = time.monotonic() + SECONDS
        reaper.end()
        if self._routes is not None:
            guard.step("end", self._routes.tell_at_end)
        # An application may have shut one down itself; the SDK would warn of a second time.
        left = [provider for provider in self._ours if not getattr(provider, "_shutdown", False)]
        if in_greenlets():  # in a forked child they cannot end without a traceback
            return together([provider.force_flush for provider in left], deadline - time.monotonic())
        with of_the_system():  # a thread that is older than gevent's patches would print a traceback, too
            return together([provider.shutdown for provider in left], deadline - time.monotonic())

    def _all(self) -> list[Any]:
        found: list[Any] = []
        for provider in (*(self._routes.providers() if self._routes is not None else ()), *self._ours):
            if hasattr(provider, "force_flush") and not any(provider is known for known in found):
                found.append(provider)
        return found

    def forget(self) -> None:
        """Start anew in a forked child: what the parent recorded is the parent's to send."""
        self.waiting = self._closed = False
        self._under_way = None


def together(jobs: Sequence[Job], seconds: float) -> bool:
    """Run the jobs at the same time. Whether all of them ended within ``seconds``, and none failed or returned False."""
    deadline = time.monotonic() + seconds
    results: list[object] = []
    ended = [_start(job, results) for job in jobs]
    in_time = [one.acquire(timeout=max(0.0, deadline - time.monotonic())) for one in ended]
    return all(in_time) and all(result is not False for result in results)


def _start(job: Job, results: list[object]) -> LockType:
    """Start a job on a thread of its own; the lock is free once it has ended."""
    start, lock = starter()
    ended = lock()
    ended.acquire()

    def run() -> None:
        try:
            results.append(job())
        except Exception:
            results.append(False)
        finally:
            ended.release()

    try:
        with unsignalled():
            start(run, ())
    except RuntimeError:
        reaper.run(run)
    return ended


ends = Ends()
# Registered early, hence run late: after the exit functions of the application, which may call a model.
atexit.register(ends.close)
os.register_at_fork(after_in_child=ends.forget)
