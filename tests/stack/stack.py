"""A stack: the servers together, up when the `with` block begins and gone when it ends."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.stack import roster
from tests.stack.inbox import Inbox
from tests.stack.roster import ALL, CONFIG, LEDGER, Edit, Plan
from tests.stack.server import STOP_SECONDS, Server, StackError, wait
from tests.stack.watchdog import Watchdog

ATTEMPTS = 3
TAKEN = ("address already in use", "is in use")  # Go's words, and the ledger's


class Stack:
    """The named servers on free ports of 127.0.0.1, with all their files below `folder`.

    A server that is not named has its ports all the same, at which nothing listens until `start` starts it.
    `env` reaches every server and wins over what the stack sets; `edits` change the copies of configuration that
    Prometheus and Alertmanager run on; `programs` are run in place of those that are built. Alertmanager tells an inbox of the
    stack: see `inbox`.
    """

    def __init__(
        self,
        folder: Path,
        collector_config: Path | None = None,
        servers: Sequence[str] = ALL,
        env: Mapping[str, str] | None = None,
        edits: Sequence[Edit] = (),
        programs: Mapping[str, Path] | None = None,
    ) -> None:
        if unknown := [name for name in servers if name not in ALL]:
            raise StackError(f"there is no server called {unknown[0]}; known: {', '.join(ALL)}")
        self.folder = folder.absolute()
        self._config = (collector_config or CONFIG / "otelcol.yaml").absolute()
        self._wanted = [name for name in ALL if name in servers]
        self._env = dict(env or {})
        self._edits, self._programs = tuple(edits), dict(programs or {})
        self._servers: dict[str, Server] = {}
        self._watchdog: Watchdog | None = None
        self._inbox: Inbox | None = None

    def __enter__(self) -> Self:
        self._watchdog = Watchdog()
        self._inbox = Inbox(self.folder / "messages")
        try:
            for attempt in range(1, ATTEMPTS + 1):
                self._plan = Plan(
                    folder=self.folder,
                    collector_config=self._config,
                    ports=roster.choose_ports(),
                    variables=self._env,
                    watchdog=self._watchdog,
                    inbox=self._inbox,
                    edits=self._edits,
                    programs=self._programs,
                )
                self._servers = {}
                if self._up(last=attempt == ATTEMPTS):
                    break
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def __getitem__(self, name: str) -> Server:
        """A server by its name, running or not."""
        if name not in self._servers:
            self._servers[name] = roster.MADE[name](self._plan)
        return self._servers[name]

    @property
    def running(self) -> list[Server]:
        """The servers whose process is there."""
        return [server for server in self._servers.values() if server.running]

    @property
    def otlp_http(self) -> str:
        """The collector's OTLP/HTTP endpoint."""
        return self.otelcol.url

    @property
    def otlp_grpc(self) -> str:
        """The collector's OTLP/gRPC endpoint, host:port."""
        return f"{roster.HOST}:{self.otelcol.ports['otlp_grpc']}"

    @property
    def otelcol(self) -> Server:
        """The collector."""
        return self["otelcol"]

    @property
    def jaeger(self) -> Server:
        """Jaeger."""
        return self["jaeger"]

    @property
    def loki(self) -> Server:
        """Loki."""
        return self["loki"]

    @property
    def prometheus(self) -> Server:
        """Prometheus."""
        return self["prometheus"]

    @property
    def alertmanager(self) -> Server:
        """Alertmanager."""
        return self["alertmanager"]

    @property
    def ledger(self) -> Server:
        """The ledger service; `token` is what it asks for."""
        return self[LEDGER]

    @property
    def inbox(self) -> Inbox:
        """What Alertmanager has told: kept after the end too."""
        return self._plan.inbox

    @property
    def prices(self) -> Path:
        """The user's genmeter.toml: read again when it changes, but for the ledger's prices, which are read at its start."""
        return self._plan.prices

    def start(self, name: str) -> None:
        """Start a server again, or for the first time, at the same place; return when it is ready."""
        self[name].launch()
        wait([self[name]])

    def stop(self, name: str, within: float = STOP_SECONDS) -> int:
        """SIGTERM, and SIGKILL when it takes longer than `within` seconds; gives the exit code."""
        return self[name].end(signal.SIGTERM, within)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL, within: float = STOP_SECONDS) -> int:
        """End a server by this signal; gives the exit code, negative for a signal."""
        return self[name].end(number, within)

    def close(self) -> None:
        """Stop everything, the sender before who is sent to; at the end nothing is left running."""
        try:
            for name in reversed(ALL):
                if name in self._servers and self._servers[name].process is not None:
                    self._servers[name].end()
        finally:
            if self._inbox:
                self._inbox.close()
            if self._watchdog:
                self._watchdog.close()
                self._watchdog = None

    def _up(self, *, last: bool) -> bool:
        """Whether all that is wanted came up. A port that somebody took meanwhile is no failure until the last time."""
        servers = [self[name] for name in self._wanted]  # all of them built before the first one runs
        for server in servers:
            server.launch()
        try:
            wait(servers)
        except StackError as error:
            if last or not any(words in str(error) for words in TAKEN):
                raise
            print(f"{error}\na port was taken meanwhile; all again with others", file=sys.stderr)
            for server in self.running:
                server.end()
            return False
        return True
