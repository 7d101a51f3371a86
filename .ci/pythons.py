"""Prints the Pythons on this machine that genmeter supports: ``python .ci/pythons.py [--beside]``.

One line each, ``3.13 /usr/bin/python3.13``, newest first. ``--beside`` prints one line at most: the Python that the
tests run on beside the one that runs this. Beside the oldest that is the newest, and beside any other the oldest, so
that both ends are tested.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SUPPORTED = ("3.14", "3.13", "3.12", "3.11")
# A Python without venv and pip cannot make an environment, and pyenv's commands fail for versions that are switched off.
ASKED = "import ensurepip, os, sys, venv; print('%d.%d' % sys.version_info[:2], os.path.realpath(sys._base_executable))"


def at_hand() -> list[tuple[str, str]]:
    """Version and path of each, newest first; of two of one version the first on the path."""
    found: list[tuple[str, str]] = []
    for version in SUPPORTED:
        for folder in _folders():
            command = shutil.which(f"python{version}", path=folder)
            if command and (path := _path(command, version)):
                found.append((version, path))
                break
    return found


def beside(mine: str, others: list[tuple[str, str]]) -> tuple[str, str] | None:
    """The other end of what is at hand, seen from the version `mine`; None when there is no other version."""
    others = [one for one in others if one[0] != mine]
    if not others:
        return None
    return others[0] if mine == SUPPORTED[-1] else others[-1]


def _folders() -> list[str]:
    """PATH, then the versions that pyenv has installed: its own commands on PATH refuse a version that is switched off."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return [*os.get_exec_path(), *(str(folder) for folder in sorted(pyenv.glob("versions/*/bin"), reverse=True))]


def _path(command: str, version: str) -> str | None:
    """Where the interpreter lies that this command starts, None when it does not start or lacks what is needed."""
    try:
        done = subprocess.run([command, "-c", ASKED], capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    told, _, path = done.stdout.strip().partition(" ")
    return path if done.returncode == 0 and told == version else None


def main(arguments: list[str]) -> None:
    """Print all of them, or the one beside this."""
    found = at_hand()
    if arguments == ["--beside"]:
        other = beside("{}.{}".format(*sys.version_info), found)
        found = [other] if other else []
    for version, path in found:
        print(version, path)


if __name__ == "__main__":
    main(sys.argv[1:])
