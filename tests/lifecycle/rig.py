"""A loopback provider that counts what it answered, a receiver that counts what was booked, and real processes between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from genmeter.ledger import Ledger
from genmeter.ledger.questions import EVERYTHING
from genmeter.reports import receipt
from genmeter.server import Application, serve
from tests.stack.inherited import ignoring
from tests.stub import StubServer

CALL = """
import os, signal, sys, time
from openai import OpenAI
def call(n=0):
    # A client of its own: processes that share a connection spoil it for each other.
    return OpenAI(max_retries=0).responses.create(model="gpt-5.4-mini", input=str(n)).output_text
"""
"""The head of each program: ``call()`` is one call to the provider."""
SET_UPS = ("run", "launcher", "plain")
LAUNCHER = (sys.executable, "-c", "from opentelemetry.instrumentation.auto_instrumentation import run; run()")
RUN = (sys.executable, "-m", "genmeter", "run", "--json", "--")
PLAIN = "import genmeter\ngenmeter.instrument()\n"


class Receiver:
    """What ``genmeter dev`` is, in this process, with a ledger of its own."""

    def __init__(self) -> None:
        self._ledger = Ledger.open(":memory:")
        self._server = serve(Application(self._ledger), "127.0.0.1", 0)
        self.url = self._server.url

    @property
    def booked(self) -> int:
        """The calls in the ledger."""
        return receipt(self._ledger).calls

    @property
    def services(self) -> set[str | None]:
        """``service.name`` of the calls in the ledger."""
        return {call.service for call in self._ledger.store.latest(100, EVERYTHING)}

    def close(self) -> None:
        """Stop."""
        self._server.close(5.0)
        self._ledger.close()


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()


@dataclass
class Done:
    """A program that has ended: its own output, and the calls that were answered and booked."""

    code: int
    out: str
    err: str
    answered: int
    booked: int

    @property
    def whole(self) -> bool:
        """Whether each call that was answered is booked."""
        return self.answered == self.booked


class Rig:
    """Starts programs that call the provider ``stub``."""

    def __init__(self, stub: StubServer, folder: Path) -> None:
        self.stub, self.folder = stub, folder
        self._started: list[subprocess.Popen[str]] = []
        self._before = len(stub.requests)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GENMETER_"))}
        for name in ("PYTHONPATH", "http_proxy", "https_proxy", "all_proxy"):
            clean.pop(name, None)
            clean.pop(name.upper(), None)
        self.environment = clean | {
            "OPENAI_BASE_URL": stub.openai_url,
            "OPENAI_API_KEY": "x",
            "GENMETER_SELLERS": f"{stub.url.removeprefix('http://')}=openai",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "XDG_STATE_HOME": str(folder / "state"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}",
        }

    @property
    def answered(self) -> int:
        """The calls that the provider has answered since this rig was made."""
        return len(self.stub.requests) - self._before

    def file(self, text: str, name: str = "app.py") -> str:
        """Write a program; gives its path."""
        path = self.folder / name
        path.write_text(CALL + text)
        return str(path)

    def start(self, *command: str, **env: str) -> subprocess.Popen[str]:
        """Start a command as the leader of a group of its own, with no signal ignored: `nohup` may run the suite."""
        process = subprocess.Popen(
            ignoring((), command),
            env=self.environment | env,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """End what still runs, such as a server whose test has failed."""
        for process in self._started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def metered(self, set_up: str, receiver: Receiver, *command: str, **env: str) -> subprocess.Popen[str]:
        """Start a command with the meter in one of the set-ups. For ``plain`` the program calls ``instrument()`` itself."""
        prefix = {"run": RUN, "launcher": LAUNCHER, "plain": (), "bare": ()}[set_up]
        return self.start(*prefix, *command, **{"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **env})

    def end(self, set_up: str, receiver: Receiver, process: subprocess.Popen[str]) -> Done:
        """Wait for the end of a command."""
        out, err = process.communicate(timeout=60)
        booked = receiver.booked
        if set_up == "run":
            *lines, last = err.strip().splitlines()
            booked, err = json.loads(last)["calls"], "\n".join(lines)
        return Done(process.returncode, out, err, self.answered, booked)

    def program(self, set_up: str, receiver: Receiver, text: str, **env: str) -> Done:
        """Run a program to its end."""
        app = self.file((PLAIN if set_up == "plain" else "") + text)
        return self.end(set_up, receiver, self.metered(set_up, receiver, sys.executable, app, **env))
