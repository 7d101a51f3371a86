"""One server as a process: started, waited for, signalled, stopped, started again at the same place."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.stack.loopback import get
from tests.stack.watchdog import Watchdog

START_SECONDS = 90.0
STOP_SECONDS = 45.0  # the collector gives each exporter its timeout before it goes
STEP = 0.05
TAIL, WIDTH = 15, 400


class StackError(Exception):
    """A server that did not come up, or died; the message ends with the last lines of its log."""


@dataclass
class Server:
    """Where a server is and how to run it. Its ports, data and log stay the same over restarts."""

    name: str
    url: str
    """Base of its HTTP API."""
    ports: Mapping[str, int]
    command: list[str]
    environment: Mapping[str, str]
    ready: str
    """URL that answers 200 once it can be used."""
    config: Path | None
    data: Path
    log: Path
    watchdog: Watchdog
    token: str = ""
    """What a client must send as bearer token; empty where none is asked for."""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        """Its process id; StackError when it is not running."""
        if self.process is None:
            raise StackError(f"{self.name} is not running")
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there (ready or not)."""
        return self.process is not None and self.process.poll() is None

    def launch(self) -> None:
        """Start the process; `wait` returns when it can be used."""
        if self.running:
            raise StackError(f"{self.name} is running already")
        self.data.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=dict(self.environment),
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.watchdog.started(self.process.pid)

    def up(self) -> bool:
        """Whether it is ready; StackError when it has ended instead."""
        if self._answers():
            return True
        if not self.running:
            code = self.process.returncode if self.process else None
            self._gone()
            raise StackError(f"{self.name} ended with {code} before it was ready:\n{self.tail()}")
        return False

    def send(self, number: signal.Signals) -> None:
        """Send a signal and return at once: SIGHUP to read its files anew, SIGSTOP to hang, SIGCONT to go on."""
        os.killpg(self.pid, number)

    def end(self, number: signal.Signals = signal.SIGTERM, within: float = STOP_SECONDS) -> int:
        """Send a signal that ends it and wait for that; then SIGKILL. Gives its exit code, negative for a signal."""
        process = self.process
        if process is None:
            raise StackError(f"{self.name} is not running")
        try:
            os.killpg(process.pid, number)
            # A process that was halted with SIGSTOP would not see the signal before its timeout.
            os.killpg(process.pid, signal.SIGCONT)
        except ProcessLookupError:
            pass
        try:
            code = process.wait(within)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait(10)
        self._gone()
        return code

    def tail(self, lines: int = TAIL) -> str:
        """The last lines of its log, indented and cut."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(f"    {line[:WIDTH]}" for line in text.splitlines()[-lines:])

    def _answers(self) -> bool:
        try:
            return get(self.ready, self.token, timeout=2)[0] == 200
        except OSError:
            return False

    def _gone(self) -> None:
        if self.process is not None:
            self.watchdog.ended(self.process.pid)
            self.process = None


def wait(servers: Iterable[Server], within: float = START_SECONDS) -> None:
    """Return when all are ready; StackError as soon as one has ended, or when one takes longer."""
    waiting = list(servers)
    deadline = time.monotonic() + within
    while waiting := [server for server in waiting if not server.up()]:
        if time.monotonic() > deadline:
            slow = waiting[0]
            raise StackError(f"{slow.name} is not ready at {slow.ready} after {within:.0f} s:\n{slow.tail()}")
        time.sleep(STEP)
