"""The second Python that the tests run on is the other end of what this machine has."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.environments.conftest import Workshop, pythons

MINE = "{}.{}".format(*sys.version_info)


def machine(folder: Path, *versions: str, works: bool = True) -> dict[str, str]:
    """Settings under which only these versions are on the machine, as commands on PATH."""
    for version in versions:
        command = folder / f"python{version}"
        command.write_text(f"#!/bin/sh\n{f'echo {version} {command}' if works else 'exit 127'}\n")
        command.chmod(0o755)
    return {"PATH": str(folder), "PYENV_ROOT": str(folder / "none")}


@pytest.mark.skipif(MINE != "3.11", reason="seen from the oldest")
@pytest.mark.parametrize(("others", "second"), [(("3.12", "3.13"), "3.13"), (("3.14", "3.12", "3.11"), "3.14")])
def test_beside_the_oldest_python_the_newest_is_tested(tmp_path, others, second):
    assert pythons("--beside", **machine(tmp_path, *others)) == [f"{second} {tmp_path}/python{second}"]


@pytest.mark.skipif(MINE == "3.11", reason="seen from a newer one")
def test_beside_a_newer_python_the_oldest_is_tested(tmp_path):
    assert pythons("--beside", **machine(tmp_path, "3.11", "3.12")) == [f"3.11 {tmp_path}/python3.11"]


def test_older_and_broken_pythons_are_not_counted(tmp_path):
    settings = machine(tmp_path, "3.9", "3.10")
    assert pythons(**settings) == []
    assert pythons(**(settings | machine(tmp_path, "3.12", works=False))) == []


def test_versions_of_pyenv_count_though_its_commands_refuse_them(tmp_path):
    shims, version = tmp_path / "shims", tmp_path / "pyenv" / "versions" / "3.13.0" / "bin"
    shims.mkdir()
    version.mkdir(parents=True)
    machine(version, "3.13")
    settings = machine(shims, "3.13", works=False) | {"PYENV_ROOT": str(tmp_path / "pyenv")}
    assert pythons(**settings) == [f"3.13 {version}/python3.13"]


def test_make_says_so_where_there_is_no_second_python(workshop: Workshop):
    workshop.borrow_uv()
    done = workshop.make("test-python", **machine(workshop.folder))
    assert done.returncode == 0, done.stderr
    assert "no second Python (3.11, 3.12, 3.13; 3.14 where it is) is on this machine" in done.stdout
