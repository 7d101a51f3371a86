"""Threads that answer requests, in lanes: slow questions do not hold up the senders, nor senders the probes."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable

Job = Callable[[], None]


class Lane:
    """Up to ``workers`` threads, made when they are needed. The peers that wait take turns.

    A peer with a hundred requests in the queue delays a peer with one by one request. The queue has no bound of its own:
    each connection waits for its answer, and the connections and the bytes of their requests are bounded.
    """

    def __init__(self, name: str, workers: int) -> None:
        self._name, self._most = name, workers
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[Job]] = OrderedDict()
        self._queued = self._idle = self._made = 0
        self._ended = False

    def submit(self, peer: str, job: Job) -> None:
        """Let a thread of the lane run ``job``, which raises nothing."""
        with self._changed:
            self._waiting.setdefault(peer, deque()).append(job)
            self._queued += 1
            if self._queued <= self._idle or self._made == self._most:
                self._changed.notify()
                return
            self._made += 1
        threading.Thread(target=self._work, name=f"genmeter-{self._name}", daemon=True).start()

    def end(self) -> None:
        """Let the threads end when nothing waits any more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job()

    def _next(self) -> Job | None:
        with self._changed:
            self._idle += 1
            while not self._waiting and not self._ended:
                self._changed.wait()
            self._idle -= 1
            if not self._waiting:
                return None
            peer, jobs = self._waiting.popitem(last=False)
            job = jobs.popleft()
            self._queued -= 1
            if jobs:
                self._waiting[peer] = jobs
            return job
