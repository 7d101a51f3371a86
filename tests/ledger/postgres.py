"""A real PostgreSQL server on loopback for the tests of one process, and empty databases in it.

The programs are the ones of the machine. Where there are none, or no driver, ``absent`` says so and the tests are skipped.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_STOPPED_WITH_US = """
"$1" -D "$2" -p "$3" -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c max_connections=200 \
-c shared_buffers=32MB -c log_min_messages=fatal >"$2/log" 2>&1 &
server=$!
read ending
kill -INT $server
wait $server
"""
"""The shell reads from a pipe of ours: when this process ends, in whatever way, the server is stopped."""


@cache
def programs() -> Path | None:
    """The folder of the newest server's programs on this machine."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("postgres")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


def absent() -> str | None:
    """Why there is no PostgreSQL for tests here; None where there is."""
    if find_spec("psycopg") is None:
        return "psycopg is not in this environment (the extra genmeter[postgres])"
    return "there is no PostgreSQL server on this machine (Debian: postgresql)" if programs() is None else None


class Server:
    """One server, whose data are in a temporary folder; root starts it as another user, because it refuses root."""

    def __init__(self) -> None:
        folder = programs()
        assert folder is not None
        self.folder = Path(tempfile.mkdtemp(prefix="genmeter-postgres-"))
        self._user: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self._user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        data = self.folder / "data"
        made = [folder / "initdb", "-D", data, "-A", "trust", "-U", "genmeter", "-E", "UTF8", "--no-sync"]
        subprocess.run([*made, "--no-locale"], check=True, capture_output=True, cwd="/", **self._user)
        with closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._process = subprocess.Popen(
            ["sh", "-c", _STOPPED_WITH_US, "sh", folder / "postgres", data, str(self.port)],
            stdin=subprocess.PIPE, cwd="/", **self._user,
        )  # fmt: skip
        self._made = 0
        self._free: list[str] = []
        self._of_folder: dict[Path, str] = {}
        self._await()

    def url(self, name: str) -> str:
        return f"postgresql://genmeter@127.0.0.1:{self.port}/{name}"

    def database_of(self, folder: Path) -> str:
        """The URL of the database that stands for a test's folder; an empty one at first."""
        if folder not in self._of_folder:
            if not self._free:
                self._made += 1
                self.execute("postgres", f"CREATE DATABASE ledger{self._made} STRATEGY file_copy")
                self._free.append(f"ledger{self._made}")
            self._of_folder[folder] = self._free.pop()
        return self.url(self._of_folder[folder])

    def give_back(self) -> None:
        """Empty the databases that tests have used."""
        for name in self._of_folder.values():
            kept = self.execute(name, "SELECT tablename FROM pg_tables WHERE schemaname = 'genmeter'")
            tables = ", ".join(f"genmeter.{row[0]}" for row in kept if row[0] != "versions")
            if tables:
                self.execute(name, f"TRUNCATE {tables} RESTART IDENTITY")
                self.execute(name, "INSERT INTO genmeter.turns (holder) VALUES ('')")
                self.execute(name, "INSERT INTO genmeter.tiers VALUES ('sessions', 0), ('days', 0)")
            self._free.append(name)
        self._of_folder.clear()

    def execute(self, name: str, statement: str) -> list[Any]:
        import psycopg

        with psycopg.connect(self.url(name), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _await(self) -> None:
        import psycopg

        until = time.monotonic() + 30
        while time.monotonic() < until and self._process.poll() is None:
            with suppress(psycopg.OperationalError):
                self.execute("postgres", "SELECT 1")
                return
            time.sleep(0.05)
        raise AssertionError((self.folder / "data" / "log").read_text())


_started: list[Server] = []


def server() -> Server:
    """The server of this process, started with the first question."""
    if not _started:
        _started.append(Server())
    return _started[0]


def give_back() -> None:
    """After a test: its databases are empty again."""
    for one in _started:
        one.give_back()


def close() -> None:
    """Stop the server, where one was started."""
    while _started:
        _started.pop().close()
