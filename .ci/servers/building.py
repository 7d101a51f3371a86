"""Builds a server once for each content of its lock, flags and sources, and keeps it outside the tree.

A build works on a copy of what its key was taken from, so an edit meanwhile cannot end up under the wrong key, and
goes to its place by one rename. Two builds of one server wait for each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import toolchain
from failures import Failed, failed
from roster import BUILDER, ROOT, Server
from toolchain import Toolchain

FORMAT = "1"  # a change of how this script builds gets the next number
KEPT = 2
IN_USE_SECONDS = 3600
LONGEST_SECONDS = 3600
LOCKED = ("go.mod", "go.sum")


@dataclass(frozen=True)
class Snapshot:
    """The files of a build as they were when its key was taken; paths as in the repository."""

    files: dict[str, bytes]

    @classmethod
    def of(cls, server: Server) -> Snapshot:
        """Read every file that the result depends on; Failed names a missing one."""
        try:
            return cls({str(path.relative_to(ROOT)): path.read_bytes() for path in server.files()})
        except FileNotFoundError as missing:
            raise Failed(f"{server.name}: {missing.filename} is missing; is this a whole clone?") from None

    def write(self, folder: Path) -> None:
        """The same tree below `folder`, so that relative paths between modules hold there too."""
        for name, content in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def cache_folder() -> Path:
    """Where builds live: $GENMETER_CACHE, else genmeter in the user's cache folder."""
    own = os.environ.get("GENMETER_CACHE")
    if own:
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "genmeter"


def key(server: Server, go: Toolchain, snapshot: Snapshot) -> str:
    """A name for the result of a build: the same for the same files, flags and compiler, in any clone."""
    hashed = hashlib.sha256(
        json.dumps([FORMAT, server.programs, server.flags, server.package, go.version, go.target]).encode()
    )
    if server.manifest:
        hashed.update(key(BUILDER, go, Snapshot.of(BUILDER)).encode())
    for name, content in snapshot.files.items():
        hashed.update(f"\n{name} {hashlib.sha256(content).hexdigest()}".encode())
    return hashed.hexdigest()[:16]


def built(server: Server) -> tuple[Path, float | None]:
    """The server's program and the seconds that its build took, None when it was there already."""
    cache = cache_folder()
    snapshot = Snapshot.of(server)
    go = toolchain.find(toolchain.least([*server.modules(), *(BUILDER.modules() if server.manifest else [])]), cache)
    folder = cache / "servers" / f"{server.name}-{key(server, go, snapshot)}"
    if not _whole(folder, server):
        # Before the clock starts and outside our own lock: it is a server of its own, with a lock of its own.
        builder = built(BUILDER)[0] if server.manifest else None
        with alone(server.name, folder.parent):
            if not _whole(folder, server):
                started = time.monotonic()
                _build(server, go, snapshot, folder, builder)
                return folder / server.programs[0], time.monotonic() - started
    os.utime(folder)  # pruning goes by last use
    return folder / server.programs[0], None


def renew_lock(server: Server) -> list[Path]:
    """Resolve the manifest's pins and the local modules' needs anew into go.mod and go.sum; returns the changed files."""
    snapshot = Snapshot({name: data for name, data in Snapshot.of(server).files.items() if not _is_lock(name, server)})
    go = toolchain.find(
        toolchain.least([BUILDER.lock / "go.mod", *(part / "go.mod" for part in server.local)]), cache_folder()
    )
    builder, _ = built(BUILDER)
    with tempfile.TemporaryDirectory(prefix="genmeter-lock-") as scratch:
        snapshot.write(Path(scratch))
        work = Path(scratch) / server.lock.relative_to(ROOT)
        # It ends with `go mod tidy`, which also asks for what only the tests of other modules import. Not all of that
        # can be had everywhere, and none of it is needed: resolving the imports below completes what it has written.
        generated = _ran([str(builder), "--config", server.manifest, "--skip-compilation"], work, go)
        if not (work / "go.mod").exists():
            raise failed(server.name, generated.args, generated.stdout)
        _run(server.name, ["go", "list", "-mod=mod", "-deps", server.package], work, go)
        changed = [name for name in LOCKED if _bytes(server.lock / name) != (work / name).read_bytes()]
        for name in changed:
            shutil.copyfile(work / name, server.lock / name)
    return [server.lock / name for name in changed]


def _build(server: Server, go: Toolchain, snapshot: Snapshot, folder: Path, builder: Path | None) -> None:
    print(f"{server.name}: building with {go.version}", file=sys.stderr, flush=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{server.name}-", suffix=".tmp", dir=folder.parent))
    try:
        snapshot.write(scratch / "tree")
        work = scratch / "tree" / server.lock.relative_to(ROOT)
        if builder:
            generate = [str(builder), "--config", server.manifest, "--skip-get-modules", "--skip-compilation"]
            _run(server.name, generate, work, go)
        (scratch / "out").mkdir()
        _run(server.name, _compile(server, scratch / "out", "-mod=readonly"), work, go)
        for name in LOCKED:
            if (work / name).read_bytes() != snapshot.files[str((server.lock / name).relative_to(ROOT))]:
                raise Failed(
                    f"{server.name}: the build changed its {name}, so the lock is no lock; make lock-collector"
                )
        if missing := [name for name in server.programs if not (scratch / "out" / name).is_file()]:
            raise Failed(f"{server.name}: the build gave no {', '.join(missing)}")
        shutil.rmtree(folder, ignore_errors=True)  # one that lost a program
        (scratch / "out").rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    _prune(server, folder)


def _compile(server: Server, out: Path, mode: str) -> list[str]:
    # A folder as the output takes each program's name from its module; the collector's module is not named so.
    target = out / server.programs[0] if server.package == "." else f"{out}{os.sep}"
    return ["go", "build", mode, "-trimpath", *server.flags, "-o", str(target), server.package]


def _run(name: str, command: list[str], folder: Path, go: Toolchain) -> None:
    done = _ran(command, folder, go)
    if done.returncode:
        raise failed(name, command, done.stdout)


def _ran(command: list[str], folder: Path, go: Toolchain) -> subprocess.CompletedProcess[str]:
    # One stream, so that a failure ends in the same lines as on a terminal.
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        return subprocess.run(
            command, cwd=folder, env=go.environment(), text=True, check=False, timeout=LONGEST_SECONDS, **streams
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"{shlex.join(command)} did not end within {LONGEST_SECONDS // 60} minutes") from None


def _whole(folder: Path, server: Server) -> bool:
    return all((folder / name).is_file() for name in server.programs)


def _is_lock(name: str, server: Server) -> bool:
    return Path(name).name in LOCKED and Path(name).parent == server.lock.relative_to(ROOT)


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


@contextlib.contextmanager
def alone(name: str, folder: Path) -> Iterator[None]:
    """Hold the server's lock file; the system lets go of it even when we are killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{name}.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{name}: another build of it is running; waiting for that", file=sys.stderr, flush=True)
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _prune(server: Server, current: Path) -> None:
    """Keep the builds used last, and any that a stack may still start again. No other process builds while we hold the lock."""
    for left in current.parent.glob(f".{server.name}-*.tmp"):  # of a build that was killed
        shutil.rmtree(left, ignore_errors=True)
    others = {path: path.stat().st_mtime for path in current.parent.glob(f"{server.name}-*") if path != current}
    for old in sorted(others, key=others.__getitem__, reverse=True)[KEPT - 1 :]:
        if time.time() - others[old] > IN_USE_SECONDS:
            shutil.rmtree(old, ignore_errors=True)
