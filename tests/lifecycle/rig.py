"""A loopback provider that counts what it answered, a receiver with a ledger that counts what was booked, and real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from genmeter.ledger import Ledger
from genmeter.reports import receipt
from genmeter.server import Application, serve
from tests.stub import StubServer

CALL = """
import os, sys, time, signal
from openai import OpenAI
client = OpenAI()
def call(n=0):
    return client.responses.create(model="gpt-5.4-mini", input=str(n)).output_text
"""
"""The head of each program: ``call()`` is one call to the provider."""
LAUNCHER = (sys.executable, "-c", "from opentelemetry.instrumentation.auto_instrumentation import run; run()")


class Receiver:
    """What ``genmeter dev`` is, in this process, with a ledger of its own."""

    def __init__(self) -> None:
        self._ledger = Ledger.open(":memory:")
        self._server = serve(Application(self._ledger), "127.0.0.1", 0)
        self.url = self._server.url

    def calls(self) -> int:
        """The calls that are booked."""
        return receipt(self._ledger).calls

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


class Rig:
    """Starts programs that call the provider ``stub``. ``answered`` counts since the rig was made."""

    def __init__(self, stub: StubServer, folder: Path) -> None:
        self.stub, self.folder = stub, folder
        self._before = len(stub.requests)
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "GENMETER_"))}
        for name in ("PYTHONPATH", "http_proxy", "https_proxy", "all_proxy"):
            clean.pop(name, None)
            clean.pop(name.upper(), None)
        self.environment = clean | {
            "OPENAI_BASE_URL": stub.openai_url,
            "OPENAI_API_KEY": "x",
            "GENMETER_SELLERS": f"{stub.url.removeprefix('http://')}=openai",
            "XDG_STATE_HOME": str(folder / "state"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}",
        }

    @property
    def answered(self) -> int:
        return len(self.stub.requests) - self._before

    def file(self, text: str, name: str = "app.py") -> str:
        path = self.folder / name
        path.write_text(CALL + text)
        return str(path)

    def start(self, *command: str, env: dict[str, str] | None = None, **more: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            env=self.environment | (env or {}),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **more,
        )
