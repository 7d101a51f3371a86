"""Fetches the oldest servers that we support: Debian 12's packages, unpacked into the cache and never installed.

A package in the cache is used without a question to the network. For any other, apt is asked with the machine's own lists
of packages; where they do not know the package, with fresh lists in a folder of our own. Root is not needed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from building import alone, cache_folder
from failures import Failed, last_lines
from roster import Package

LONGEST_SECONDS = 600
WRAPPER = """#!/bin/sh
# The program finds its templates below the folder that it is started in.
cd "${{0%/*}}/../.." && exec usr/bin/{program} "$@"
"""


def fetched(package: Package) -> tuple[Path, float | None]:
    """The package's first program and the seconds that it took, None when it was there already."""
    cache = (
        cache_folder() / "packages"
    )  # not among the builds: who prunes those of prometheus would take prometheus-old
    with alone(package.name, cache):
        if found := _kept(package, cache):
            return found, None
        started = time.monotonic()
        missing = [tool for tool in ("apt-get", "dpkg-deb") if not shutil.which(tool)]
        if missing:
            raise Failed(f"{package.name}: there is no {' and no '.join(missing)} here; {_elsewhere(package)}")
        print(f"{package.name}: fetching Debian's package {package.package}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix=f".{package.name}-", suffix=".tmp", dir=cache) as scratch:
            return _unpack(package, _download(package, Path(scratch)), cache), time.monotonic() - started


def _kept(package: Package, cache: Path) -> Path | None:
    """The program of a package that was fetched before, of any revision."""
    for folder in sorted(cache.glob(f"{package.name}-{package.version}*")):
        programs = [folder / "usr" / "bin" / name for name in package.programs]
        if all(program.is_file() for program in programs):
            return programs[0]
        shutil.rmtree(folder)  # one that lost a program
    return None


def _download(package: Package, scratch: Path) -> Path:
    """The package's file; apt as it is, and once more with lists of our own."""
    asked = ["apt-get", "download", f"{package.package}={package.version}*"]
    lists = scratch / "lists"
    # As root, apt would fetch as another user, who may not write here.
    own = ["-o", "APT::Sandbox::User=root", "-o", f"Dir::State::lists={lists}", "-o", "Dir::Cache::pkgcache="]
    own += ["-o", "Dir::Cache::srcpkgcache="]
    if _run([*asked, *own[:2]], scratch).returncode:
        lists.joinpath("partial").mkdir(parents=True)
        updated = _run(["apt-get", "update", *own], scratch)
        done = _run([*asked, *own], scratch)
        if done.returncode:
            said = last_lines(updated.stdout + done.stdout if updated.returncode else done.stdout)
            raise Failed(f"{package.name}: this failed: {' '.join(asked)}\n{said}\n{_elsewhere(package)}")
    return next(scratch.glob("*.deb"))


def _unpack(package: Package, file: Path, cache: Path) -> Path:
    """The package below a folder named after its version."""
    out = file.parent / "out"
    done = _run(["dpkg-deb", "-x", str(file), str(out)], file.parent)
    if done.returncode:
        raise Failed(f"{package.name}: cannot unpack {file.name}:\n{last_lines(done.stdout)}")
    binaries = out / "usr" / "bin"
    if package.data:
        _relocate(package, binaries)
    if absent := [name for name in package.programs if not (binaries / name).is_file()]:
        raise Failed(f"{package.name}: {file.name} holds no {', '.join(absent)}")
    folder = cache / f"{package.name}-{file.name.split('_')[1]}"
    out.rename(folder)
    return folder / "usr" / "bin" / package.programs[0]


def _relocate(package: Package, binaries: Path) -> None:
    """Have the program look for its data beside itself: the same path without its root, of the same length."""
    wrapper, program = binaries / package.programs[0], binaries / package.package
    inside = package.data.encode()
    content = program.read_bytes()
    if inside not in content:
        raise Failed(f"{package.name}: {package.package} does not look for {package.data}; this script expects it to")
    first, _, rest = inside.removeprefix(b"/").partition(b"/")
    program.write_bytes(content.replace(inside, first + b"//" + rest))
    wrapper.write_text(WRAPPER.format(program=program.name), encoding="utf-8")
    wrapper.chmod(0o755)


def _elsewhere(package: Package) -> str:
    return f"{package.package} {package.version.rstrip('.')} is a package of Debian 12, where this fetches it."


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        return subprocess.run(command, cwd=folder, text=True, check=False, timeout=LONGEST_SECONDS, **streams)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)} did not end within {LONGEST_SECONDS // 60} minutes") from None
