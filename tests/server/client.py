"""A served ledger and a plain HTTP client for the tests of the server."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from prometheus_client.parser import text_string_to_metric_families

from genmeter.ledger import Ledger
from genmeter.server import Application, serve
from tests.ledger.otlp import INHERITED, ROOT

PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}


class Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Listening(Protocol):
    @property
    def port(self) -> int: ...


class Client:
    """One keep-alive connection."""

    def __init__(self, server: Listening, timeout: float = 10) -> None:
        self.server = server
        self.url = f"http://127.0.0.1:{server.port}"
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Reply:
        self.connection.request(method, path, body, dict(headers or {}))
        answer = self.connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def get(self, path: str, **headers: str) -> Reply:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, body: bytes, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask("POST", path, body, {**PROTOBUF, **named})


def scraped(client: Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """(sample, labels) → value, through Prometheus' own parser; a sample that stands twice fails."""
    reply = client.get("/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
    for family in text_string_to_metric_families(reply.body.decode()):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in samples
            samples[key] = sample.value
    return samples


@contextmanager
def served(ledger: Ledger, **options: Any) -> Iterator[Client]:
    server = serve(Application(ledger, **options), "127.0.0.1", 0)
    client = Client(server)
    try:
        yield client
    finally:
        client.connection.close()
        server.close(5)
        ledger.close()


def half_sent(port: int, body: bytes, kind: str = PROTOBUF["Content-Type"]) -> socket.socket:
    """A connection that owes the server the second half of a batch, which the server has begun to read."""
    sender = socket.create_connection(("127.0.0.1", port), timeout=60)
    sender.sendall(
        b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %b\r\nContent-Length: %d\r\n"
        b"Expect: 100-continue\r\n\r\n" % (kind.encode(), len(body))
    )
    assert sender.recv(100).startswith(b"HTTP/1.1 100 ")
    sender.sendall(body[: len(body) // 2])
    return sender


def until_closed(port: int) -> None:
    """Return once nothing listens there any more."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as asked:
            if asked.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(0.01)
    raise AssertionError(f"port {port} is still open")


class Service(NamedTuple):
    """A running ``genmeter serve``."""

    process: subprocess.Popen[str]
    port: int
    ledger: Path
    first_line: str
    clients: list[Client]

    def client(self) -> Client:
        """A connection of its own, closed with the service."""
        self.clients.append(Client(self, 20))
        return self.clients[-1]

    def stop(self) -> str:
        """End it as a supervisor does; what it had still to say."""
        self.process.terminate()
        assert self.process.wait(60) == 0
        assert self.process.stdout is not None
        return self.process.stdout.read()


@contextmanager
def service(folder: Path, *arguments: object, config: Path | None = None) -> Iterator[Service]:
    """``genmeter serve`` as a process of its own on a free port, with its ledger in ``folder``.

    The calls of these tests have fixed dates, so they are kept for ever unless the arguments say how long.
    """
    ledger = folder / "ledger.db"
    kept = () if "--max-days" in arguments else ("--max-days", "off")
    command = [sys.executable, "-m", "genmeter", "serve", "--port", "0", "--ledger", ledger, *kept, *arguments]
    inherited = {name: value for name, value in INHERITED.items() if not name.startswith(("OTEL_", "GENMETER_"))}
    if config is not None:
        inherited["GENMETER_CONFIG"] = str(config)
    with subprocess.Popen(
        list(map(str, command)), cwd=ROOT, env=inherited, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        clients: list[Client] = []
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith(("genmeter  http://", "genmeter  https://")), line
            yield Service(process, int(line.strip().rpartition(":")[2]), ledger, line, clients)
        finally:
            for client in clients:
                client.connection.close()
            process.kill()
