"""The stack as processes: up or told why, the same place again, nothing left behind. With the ledger alone: no build.

The other servers, the collector's configuration and the path through them: tests/e2e/back_ends.
"""

# pyright: basic, reportOptionalMemberAccess=false
from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.stack import Stack, StackError, ports, roster
from tests.stack.asking import NotThere, ledger_calls, ledger_metrics, until
from tests.stack.inherited import ignoring
from tests.stack.loopback import get
from tests.stack.watchdog import Watchdog

ROOT = Path(__file__).parents[2]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # A child whose parent has not waited for it is dead all the same.
    return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def closed(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) != 0


def test_a_server_is_ready_when_the_block_begins_and_gone_when_it_ends(tmp_path):
    with Stack(tmp_path, servers=["ledger"]) as stack:
        pid, port = stack.ledger.pid, stack.ledger.ports["http"]
        assert [server.name for server in stack.running] == ["ledger"]
        assert get(f"{stack.ledger.url}/readyz", stack.ledger.token)[0] == 200
        assert get(f"{stack.ledger.url}/metrics")[0] == 401
        assert ledger_metrics(stack)["genmeter_ledger_booked_total"][0].value == 0
        assert ledger_calls(stack, least=0) == []
    assert gone(pid) and closed(port)


def test_a_server_comes_back_at_the_same_place_with_the_same_data(tmp_path):
    with Stack(tmp_path, servers=["ledger"]) as stack:
        before = stack.ledger.pid, stack.ledger.url, stack.ledger.token
        assert stack.stop("ledger") == 0
        assert not stack.ledger.running and closed(stack.ledger.ports["http"])
        stack.start("ledger")
        assert stack.ledger.pid != before[0] and (stack.ledger.url, stack.ledger.token) == before[1:]
        assert stack.kill("ledger") == -signal.SIGKILL
        stack.start("ledger")
        assert get(f"{stack.ledger.url}/readyz", stack.ledger.token)[0] == 200


def test_a_halted_server_stops_all_the_same(tmp_path):
    with Stack(tmp_path, servers=["ledger"]) as stack:
        pid = stack.ledger.pid
        stack.ledger.send(signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            get(f"{stack.ledger.url}/readyz", stack.ledger.token, timeout=0.3)
    assert gone(pid)


def test_a_server_that_does_not_come_up_is_named_with_the_end_of_its_log(tmp_path):
    (tmp_path / "ledger" / "data" / "ledger.db").mkdir(parents=True)
    with pytest.raises(StackError) as failure:
        with Stack(tmp_path, servers=["ledger"]):
            pass
    assert "ledger ended with" in str(failure.value) and "ledger.db" in str(failure.value)


def test_a_port_that_was_taken_meanwhile_is_no_failure(tmp_path, monkeypatch, capfd):
    choose = roster.choose_ports
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        first = choose() | {"ledger": {"http": taken.getsockname()[1]}}
        answers = iter([first, choose()])
        monkeypatch.setattr(roster, "choose_ports", lambda: next(answers))
        with Stack(tmp_path, servers=["ledger"]) as stack:
            assert stack.ledger.ports["http"] != taken.getsockname()[1]
            assert get(f"{stack.ledger.url}/readyz", stack.ledger.token)[0] == 200
    assert "a port was taken meanwhile" in capfd.readouterr().err


def test_an_unknown_server_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(StackError, match=r"no server called jager; known: ledger, jaeger"):
        Stack(tmp_path, servers=["jager"])


def test_nothing_outlives_a_python_that_was_killed(tmp_path):
    program = f"""
        import time
        from pathlib import Path
        from tests.stack import Stack
        with Stack(Path({str(tmp_path)!r}), servers=["ledger"]) as stack:
            print(stack.ledger.pid, flush=True)
            time.sleep(60)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, stdout=subprocess.PIPE)
    pid = int(process.stdout.readline())
    assert not gone(pid)
    process.kill()
    process.communicate()
    until(lambda: gone(pid), within=60, what="the end of the ledger")


def test_the_watchdog_lets_be_what_has_ended(tmp_path):
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as bystander:
        with Watchdog() as watchdog:
            watchdog.started(bystander.pid)
            watchdog.ended(bystander.pid)
        assert bystander.poll() is None
        with Watchdog() as watchdog:
            watchdog.started(bystander.pid)
        assert bystander.wait(60) == -signal.SIGKILL


def test_what_a_background_job_ignores_its_children_do_not(tmp_path):
    """The suite's own promise too: tests/conftest.py calls the same function."""
    test = tmp_path / "test_children.py"
    test.write_text(
        "import signal, subprocess, sys\n"
        "ASK = 'import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)'\n"
        "def test_children():\n"
        "    assert subprocess.check_output([sys.executable, '-c', ASK]) == b'False\\n'\n"
        "    signal.raise_signal(signal.SIGINT)\n"
    )
    done = subprocess.run(
        ignoring([signal.SIGINT], [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "--rootdir", tmp_path, test]),
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_in_the_background_make_stack_ignores_ctrl_c_and_says_what_stops_it(tmp_path):
    process = subprocess.Popen(
        ignoring([signal.SIGINT], [sys.executable, "-m", "tests.stack", "ledger", "--folder", tmp_path]),
        cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    line = " "
    while line and not line.endswith("stops.\n"):
        line = process.stdout.readline()
    assert line.startswith("Ctrl-C is ignored") and f"kill -TERM {process.pid} stops." in line
    process.send_signal(signal.SIGINT)
    assert process.poll() is None
    process.terminate()
    assert process.communicate(timeout=60)[0] == "stopped\n" and process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_make_stack_says_where_everything_is_and_stops_when_told(tmp_path, number):
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.stack", "ledger", "--folder", tmp_path],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    lines = []
    while not lines or lines[-1] != "Ctrl-C stops.\n":
        lines.append(process.stdout.readline())
        assert lines[-1], lines
    row = next(line.split() for line in lines if line.startswith("  ledger "))
    assert get(f"{row[1]}/healthz")[0] == 200
    assert f"genmeter report --ledger {tmp_path}/ledger/data/ledger.db\n" in "".join(lines)
    assert f"Messages: {tmp_path}/messages " in "".join(lines)
    process.send_signal(number)
    assert process.communicate(timeout=60)[0] == "stopped\n" and process.returncode == 0
    assert closed(int(row[1].rpartition(":")[2]))


def test_ports_are_free_and_not_those_of_outgoing_connections():
    found = ports.free(40)
    assert len(set(found)) == 40
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(1024 < port < lowest for port in found)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", found[0]))
        assert found[0] not in ports.free(500)


def test_an_answer_that_never_comes_is_shown_with_the_question():
    started = time.monotonic()
    with pytest.raises(NotThere, match=r"the moon is not there after 0 s; last answer: \[\]"):
        until(list, within=0.3, what="the moon")
    assert time.monotonic() - started >= 0.3
