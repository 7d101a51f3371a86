"""A signal that is ignored at the start stays ignored, and one that is not ignored does what the help says."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import APP
from tests.stack.inherited import ignoring

BACKGROUND = (signal.SIGINT, signal.SIGQUIT)
"""What a shell without job control lets a background job ignore (POSIX, 2.11)."""
NOHUP = (signal.SIGHUP,)
ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
ASK = "import signal, sys; print(*(n for n in map(int, sys.argv[1:]) if signal.getsignal(n) is signal.SIG_IGN))"


@pytest.fixture
def start(environment):
    """Start ``genmeter`` with these arguments and these signals ignored; what still runs at the end is killed."""
    started = []

    def one(*arguments, ignored=(), stderr=subprocess.PIPE):
        process = subprocess.Popen(
            ignoring(ignored, [sys.executable, "-m", "genmeter", *arguments]),
            env=environment, stdout=subprocess.PIPE, stderr=stderr, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield one
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
        process.wait()


def ignored_by(process):
    """The signals of ours that a process ignores, by the kernel's own account."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = int(next(line.split()[1] for line in status.splitlines() if line.startswith("SigIgn:")), 16)
    return tuple(number for number in ENDING if mask >> (number - 1) & 1)


@pytest.mark.parametrize("ignored", [(), BACKGROUND, NOHUP, ENDING], ids=["none", "background", "nohup", "all"])
def test_a_metered_command_ignores_what_it_would_ignore_without_genmeter(start, ignored):
    process = start("run", "--", "python", "-c", ASK, *map(int, ENDING), ignored=ignored)
    said, _ = process.communicate(timeout=60)
    assert said.decode().split() == [str(int(number)) for number in ENDING if number in ignored]


def test_in_the_background_ctrl_c_leaves_the_command_and_the_receipt_alone(start):
    process = start("run", "--json", "--", "python", APP, "wait", ignored=BACKGROUND)
    assert process.stdout.readline() == b"ready\n"
    os.killpg(process.pid, signal.SIGINT)
    os.killpg(process.pid, signal.SIGQUIT)
    process.terminate()
    out, err = process.communicate(timeout=60)
    assert (out, process.returncode) == (b"", 128 + signal.SIGTERM)
    assert json.loads(err.decode().strip().splitlines()[-1])["total"] == {"USD": "0.00125"}


@pytest.mark.parametrize(("ignored", "lines"), [((), 0), (BACKGROUND, 1)])
def test_in_the_background_of_a_terminal_run_says_what_stops_it(start, ignored, lines):
    terminal, end = pty.openpty()
    process = start("run", "--", "python", "-c", "", ignored=ignored, stderr=end)
    os.close(end)
    process.wait(60)
    said = os.read(terminal, 100_000).decode()
    os.close(terminal)
    words = f"genmeter: Ctrl-C is ignored, as in every background job of a script; kill -TERM {process.pid} stops."
    assert said.count(words) == lines


@pytest.mark.parametrize(
    ("ignored", "words"),
    [
        ((), "Ctrl-C stops."),
        (BACKGROUND, "Ctrl-C is ignored, as in every background job of a script; kill -TERM {pid} stops."),
        (NOHUP, "Ctrl-C stops."),
        (ENDING, "Ctrl-C is ignored, as in every background job of a script; kill -KILL {pid} stops."),
    ],
    ids=["none", "background", "nohup", "all"],
)
def test_dev_leaves_ignored_what_is_ignored_at_its_start_and_says_what_stops_it(start, ignored, words):
    process = start("dev", "--port", "0", ignored=ignored)
    assert last_line_of_the_welcome(process) == words.format(pid=process.pid)
    assert ignored_by(process) == tuple(number for number in ENDING if number in ignored)


def last_line_of_the_welcome(process):
    line = " "
    while line and not line.endswith("stops.\n"):
        line = process.stdout.readline().decode()
    return line.strip()


@pytest.mark.parametrize(("ignored", "lines"), [((), 0), (BACKGROUND, 1)])
def test_a_service_in_the_background_leaves_ctrl_c_ignored_and_drains_on_sigterm(start, ignored, lines):
    process = start("serve", "--port", "0", ignored=ignored)
    assert process.stdout.readline().startswith(b"genmeter  http://")
    assert ignored_by(process) == tuple(number for number in ENDING if number in ignored)
    process.terminate()
    said = process.stdout.read().decode()  # communicate() would pass over what readline() has read beyond its line
    assert process.wait(60) == 0 and "drained and stopped" in said
    words = f"Ctrl-C is ignored, as in every background job of a script; kill -TERM {process.pid} stops."
    assert said.count(words) == lines


def test_dev_drains_when_its_terminal_goes(start):
    process = start("dev", "--port", "0")
    assert last_line_of_the_welcome(process) == "Ctrl-C stops."
    process.send_signal(signal.SIGHUP)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0 and b"drained and stopped" in err


def test_no_signal_comes_too_early_to_be_seen():
    """Alarms around the moment in which the main thread goes to sleep. Python's own handlers miss about one in a hundred."""
    program = (
        "import random, signal; from genmeter.cli.stopping import held; stops = held(signal.SIGALRM)\n"
        "for _ in range(2000):\n"
        "    signal.setitimer(signal.ITIMER_REAL, random.uniform(2e-6, 40e-6))\n"
        "    assert signal.sigwait(stops) == signal.SIGALRM\n"
    )
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True)


COUNTS = """
import signal, sys
seen = []
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, lambda number, _: seen.append(number))
signal.signal(signal.SIGALRM, lambda *_: None)
print("ready", flush=True)
while not seen:
    signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0.5)  # a second one would come soon after the first
signal.pause()
print(*seen)
"""


@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["genmeter alone", "the whole group"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_the_command_gets_each_signal_once(start, send, number):
    process = start("run", "--json", "--", "python", "-c", COUNTS)
    assert process.stdout.readline() == b"ready\n"
    send(process.pid, number)
    said, _ = process.communicate(timeout=60)
    assert (said.decode().split(), process.returncode) == ([str(int(number))], 0)
