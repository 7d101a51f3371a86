"""The gates hold what they say: the runner's groups and times, and .ci/run, which builds the servers beside its sections."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT

GROUPED = """
import os
import pytest

@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("group", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("one", "two")])
def test_says_where_it_runs(number, group):
    with open("workers.txt", "a") as told:
        told.write(f"{group} {os.environ['PYTEST_XDIST_WORKER']}\\n")
"""


def test_a_group_of_tests_stays_on_one_worker(tmp_path: Path) -> None:
    """A costly fixture is made once, because pytest and xdist of the locks agree on how a group is told."""
    (tmp_path / "test_grouped.py").write_text(GROUPED)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    runner(tmp_path, "--numprocesses=2", "--dist=loadgroup")
    ran = (tmp_path / "workers.txt").read_text().splitlines()
    assert len(ran) == 12
    assert len(set(ran)) == 2, "each group has one worker"


BUSY_ROOMS = """
import subprocess, sys, time

def test_one_computes():
    while time.process_time() < 1.5:
        pass

def test_one_waits():
    time.sleep(0.5)

def test_a_child_computes():
    subprocess.run([sys.executable, "-c", "import time\\nwhile time.process_time() < 1: pass"], check=True)
"""


@pytest.mark.parametrize("processes", [0, 2])
def test_a_run_ends_with_the_computing_of_each_room(processes: int, tmp_path: Path) -> None:
    for room, tests in (("busy", BUSY_ROOMS), ("idle", "def test_nothing(): pass")):
        (tmp_path / "tests" / room).mkdir(parents=True)
        (tmp_path / "tests" / room / f"test_{room}.py").write_text(tests)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    said = runner(tmp_path, "-p", "tests.times", f"--numprocesses={processes}")
    told = re.findall(r"^ +(\d+\.\d)  (\S+)$", said, flags=re.MULTILINE)
    rooms = {room: float(seconds) for seconds, room in told}
    assert list(rooms) == ["tests/busy", "tests/idle", "all"]
    assert 1.5 < rooms["tests/busy"] < 5
    assert rooms["tests/idle"] < 0.5
    assert rooms["all"] == pytest.approx(rooms["tests/busy"] + rooms["tests/idle"], abs=0.11)
    assert re.search(r"4 passed", said.splitlines()[-1])


def runner(folder: Path, *options: str) -> str:
    """What the runner says of the tests in a folder, all of which must pass."""
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options],
        cwd=folder,
        env=alone | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


MAKE = """#!/bin/sh
# Stands for make: notes its target, does what the test has written for the target, and says so.
echo "$1" >>asked
if [ -f "do-$1" ]; then . "./do-$1"; fi
echo "made $1"
"""
BUSY = "echo compiling; sleep 300 & echo $! >compiler; wait $!"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts a copy of .ci/run in an empty folder; a keyword is a target's name with what make does there."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    make = tmp_path / "bin" / "make"
    make.parent.mkdir()
    make.write_text(MAKE)
    make.chmod(0o755)

    def run(seconds: int = 0, **doing: str) -> subprocess.Popen[str]:
        for target, script in doing.items():
            (tmp_path / f"do-{target.replace('_', '-')}").write_text(script)
        own = {"PATH": f"{make.parent}{os.pathsep}{os.environ['PATH']}", "SECONDS": str(seconds)}
        return subprocess.Popen(
            [tmp_path / ".ci" / "run"],
            env={**os.environ, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run


def sections(said: str) -> dict[str, str]:
    """What each section of a run has printed."""
    _, *parts = re.split(r"^######## (\w+).*\n", said, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def compiler(folder: Path) -> int:
    """The process that the servers' build has started, once it runs."""
    file = folder / "compiler"
    while not file.exists() or not file.read_text().endswith("\n"):
        time.sleep(0.01)
    return int(file.read_text())


def ended(process: int) -> bool:
    """Whether a process is gone, or will be within ten seconds."""
    for _ in range(1000):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{process}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def test_the_servers_are_built_beside_the_sections_that_need_none(start: Start, tmp_path: Path) -> None:
    """The build here ends only after the last section before its own has run; its output stands in its own section."""
    beside = "while ! grep -q test-matrix asked; do sleep 0.01; done"
    run = start(servers=f"echo compiling; {beside}")
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 0, said
    found = sections(said)
    assert found["servers"] == "compiling\nmade servers\n\n"
    asked = (tmp_path / "asked").read_text().split()
    assert asked.count("servers") == 1 and asked[-2:] == ["e2e", "test-go"]
    rows = dict(line.rsplit("s", 1)[0].split() for line in found["times"].splitlines())
    assert set(rows) == {*found, "all"} - {"times"}
    assert list(found)[-2:] == ["test", "times"], "the last words of a runner are those of the whole suite"


@pytest.mark.parametrize(("seconds", "told"), [(4100, False), (4300, True)])
def test_a_run_of_more_than_70_minutes_says_so(seconds: int, told: bool, start: Start) -> None:
    said, _ = start(seconds).communicate(timeout=60)
    assert ("The run took 71 minutes. The limit is 70 minutes" in said) is told


def test_servers_that_cannot_be_built_fail_the_run(start: Start, tmp_path: Path) -> None:
    run = start(servers="echo no compiler; exit 3")
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 3
    assert sections(said)["servers"] == "no compiler\n"
    assert "e2e" not in (tmp_path / "asked").read_text()


def test_a_failed_section_ends_the_build_and_shows_its_output(start: Start, tmp_path: Path) -> None:
    run = start(servers=BUSY, lint="while [ ! -s compiler ]; do sleep 0.01; done; exit 2")
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 2
    assert "compiling" in sections(said)["servers"]
    assert ended(compiler(tmp_path))


def test_a_run_that_is_stopped_leaves_no_compiler(start: Start, tmp_path: Path) -> None:
    run = start(servers=BUSY, test_matrix="sleep 3")
    process = compiler(tmp_path)
    run.send_signal(signal.SIGTERM)
    said, _ = run.communicate(timeout=60)
    assert run.returncode in (-signal.SIGTERM, 128 + signal.SIGTERM)
    assert "compiling" in sections(said)["servers"]
    assert ended(process)
