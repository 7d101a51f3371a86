"""A folder with the real Makefile, and an index that has moved on since the locks were written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environments.index import Index, Wheel

ROOT = Path(__file__).parents[2]

PROBE = Wheel("probe", "1.0", requires=("coverage[toml] >=1",))
COVERAGE = Wheel("coverage", "1.0", requires=("tomli; extra == 'toml'",), extras=("toml",))
TOMLI = Wheel("tomli", "1.0")
SETUPTOOLS = Wheel("setuptools", "1.0")
NEWER = [Wheel("probe", "2.0"), Wheel("coverage", "2.0", extras=("toml",)), Wheel("tomli", "2.0"), Wheel("uv", "2.0")]


class Workshop:
    """A clone reduced to its Makefile, in which `make` runs with no settings but those it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.locks = folder / ".ci" / "locks"
        self.locks.mkdir(parents=True)
        for name in ("Makefile", "pyproject.toml", "src/genmeter/_version.py", ".ci/pythons.py"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)

    def lock(self, name: str, *wheels: Wheel) -> None:
        (self.locks / f"{name}.txt").write_text("".join(wheel.pin for wheel in wheels))

    def borrow_uv(self) -> None:
        """The uv of this clone stands ready: its lock here is older than it."""
        if not (ROOT / ".venvs" / "uv" / ".ready").exists():
            pytest.skip("uv is where `make install` puts it")
        (self.folder / ".venvs").mkdir()
        (self.folder / ".venvs" / "uv").symlink_to(ROOT / ".venvs" / "uv")
        os.utime(shutil.copy(ROOT / ".ci" / "locks" / "uv.txt", self.locks), (0, 0))
        self.lock("sdists", SETUPTOOLS)

    def make(self, *arguments: str, python: str = sys.executable, **settings: str) -> subprocess.CompletedProcess[str]:
        make = shutil.which("make")
        assert make, "`make` runs the tests, so it is there"
        # Nothing of this run: the outer make's flags, its exports, or settings of pip and uv.
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "UV_CACHE_DIR": str(self.folder / "cache")}
        environment |= {"UV_NO_CONFIG": "1", "PIP_CONFIG_FILE": os.devnull}
        # Whatever is asked for beside the index on loopback fails at once.
        environment |= {
            "NO_PROXY": "127.0.0.1",
            "HTTP_PROXY": "http://127.0.0.1:9",
            "HTTPS_PROXY": "http://127.0.0.1:9",
        }
        command = [make, f"PYTHON={python}", *arguments]
        # a setting that is empty is not set
        environment = {name: value for name, value in (environment | settings).items() if value}
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=150)

    def installed(self, name: str) -> set[str]:
        """The packages of one environment, as ``name-version``."""
        found = (self.folder / ".venvs" / name).glob("lib/python*/site-packages/*.dist-info")
        return {path.name.removesuffix(".dist-info") for path in found}


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def index() -> Iterator[Index]:
    made = Index([PROBE, COVERAGE, TOMLI, SETUPTOOLS, *NEWER, Wheel("setuptools", "2.0")])
    yield made
    made.close()


def pythons(*arguments: str, **environment: str) -> list[str]:
    """The lines that ``.ci/pythons.py`` prints."""
    command = [sys.executable, str(ROOT / ".ci" / "pythons.py"), *arguments]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
