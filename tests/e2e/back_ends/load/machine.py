"""The machine: which cores for whom, and what a process has used of it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Self

TICK = os.sysconf("SC_CLK_TCK")
LOOK_SECONDS = 0.2


class Cores(NamedTuple):
    """The collector's two, and those of everybody else: the same two where there are fewer than four."""

    collector: frozenset[int]
    others: frozenset[int]

    @property
    def apart(self) -> bool:
        """Whether the collector has its cores for itself."""
        return not self.collector & self.others

    def __str__(self) -> str:
        shown = [",".join(map(str, sorted(some))) for some in self]
        return f"collector on {shown[0]}, all else on {shown[1]}"


def cores() -> Cores:
    """How this machine's cores are given out."""
    all_of_them = sorted(os.sched_getaffinity(0))
    first = frozenset(all_of_them[:2])
    return Cores(first, frozenset(all_of_them[2:]) if len(all_of_them) >= 4 else first)


@contextmanager
def on(chosen: frozenset[int]) -> Iterator[None]:
    """This thread, and every process that it starts meanwhile, on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def busy_seconds(chosen: frozenset[int]) -> float:
    """What these cores have worked so far, for anybody, and what the host has kept from them."""
    wanted = {f"cpu{number}" for number in chosen}
    busy = 0
    for line in Path("/proc/stat").read_text(encoding="utf-8").splitlines():
        name, *ticks = line.split()
        if name in wanted:
            user, nice, system, _idle, _waiting, *interrupts = map(int, ticks[:8])
            busy += user + nice + system + sum(interrupts)
    return busy / TICK


def peak_mib(pid: int) -> float:
    """The most memory that a process had resident, mapped files included."""
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{pid}/status has no {name}")


class OwnMemory:
    """Looks at a process's own memory, without the pages of its files, which the system can take back at any time."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = 0.0
        """MiB, at most."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(LOOK_SECONDS):
            self.most = max(self.most, _status(self._pid, "RssAnon"))
