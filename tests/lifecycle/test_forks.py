"""A call in a forked worker is booked however the worker ends, and each worker ends as it does without genmeter."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from tests.lifecycle.rig import SET_UPS, Receiver, Rig

FORKS = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
def to_itself(number):
    os.kill(os.getpid(), number)
    time.sleep(60)
def asks_for_the_default():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    to_itself(signal.SIGINT)
def restores_the_default():
    # As uvicorn does: a handler of its own, an orderly shutdown, then the signal again.
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    assert before is signal.SIG_DFL and signal.signal(signal.SIGTERM, before) is not before
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    signal.raise_signal(signal.SIGTERM)
    time.sleep(60)
def has_a_handler():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
    to_itself(signal.SIGTERM)
def fails():
    sys.stderr = open(os.devnull, "w")
    raise RuntimeError("meant")
ENDS = {
    "sys.exit": lambda: sys.exit(3),
    "an exception": fails,
    "os._exit": lambda: os._exit(4),
    "os.abort": os.abort,
    "another program": lambda: os.execvp("true", ["true"]),
    "SIGTERM": lambda: to_itself(signal.SIGTERM),
    "SIGHUP": lambda: to_itself(signal.SIGHUP),
    "SIGUSR1": lambda: to_itself(signal.SIGUSR1),
    "SIGXCPU": lambda: to_itself(signal.SIGXCPU),
    "SIGINT by default": asks_for_the_default,
    "SIGTERM again": restores_the_default,
    "a handler": has_a_handler,
}
def forked(how):
    child = os.fork()
    if child == 0:
        call(how)
        ENDS[how]()
        os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
def returns(ready):
    call()
def exits(ready):
    call()
    sys.exit(5)
def waits(ready):
    call()
    ready.set()
    time.sleep(60)
if __name__ == "__main__":
    call()  # the parent has exported, so its connection would be shared
    print({how: forked(how) for how in ENDS})
    context = multiprocessing.get_context("fork")
    for target in (returns, exits, waits):
        ready = context.Event()
        process = context.Process(target=target, args=(ready,))
        process.start()
        if target is waits:
            ready.wait()
            process.terminate()
        process.join()
        print(target.__name__, process.exitcode)
    with context.Pool(2) as pool:  # leaving it terminates the workers
        pool.map(call, range(2))
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        list(pool.map(call, range(4)))
"""
MADE = 1 + 12 + 3 + 2 + 4


@pytest.mark.parametrize("set_up", SET_UPS)
def test_each_call_of_a_forked_worker_is_booked_and_each_exit_code_stays(
    rig: Rig, receiver: Receiver, set_up: str
) -> None:
    done = rig.program(set_up, receiver, FORKS)
    assert (done.code, done.answered, done.booked) == (0, MADE, MADE), done.err
    assert done.out.splitlines() == [
        str(
            {
                "sys.exit": 3,
                "an exception": 1,
                "os._exit": 4,
                "os.abort": -6,
                "another program": 0,
                "SIGTERM": -15,
                "SIGHUP": -1,
                "SIGUSR1": -10,
                "SIGXCPU": -24,
                "SIGINT by default": -2,
                "SIGTERM again": -15,
                "a handler": 7,
            }
        ),
        "returns 0",
        "exits 5",
        "waits -15",
    ]


STARTED = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    context = multiprocessing.get_context({how!r})
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        list(pool.map(call, range(2)))
    with context.Pool(1) as pool:
        pool.map(call, range(2))
"""


@pytest.mark.parametrize("set_up", ["launcher", "plain"])
@pytest.mark.parametrize("how", ["spawn", "forkserver"])
def test_each_call_of_a_worker_that_starts_anew_is_booked(rig: Rig, receiver: Receiver, how: str, set_up: str) -> None:
    done = rig.program(set_up, receiver, STARTED.format(how=how))
    assert (done.code, done.answered, done.booked) == (0, 4, 4), done.err


IDLE = """
started = time.monotonic()
child = os.fork()
if child == 0:
    os._exit(0)  # without a call, and the receiver does not answer
os.waitpid(child, 0)
print(time.monotonic() - started < 1.5)
os._exit(0)
"""


def test_a_process_without_a_call_ends_at_once(rig: Rig, receiver: Receiver) -> None:
    assert rig.program("launcher", receiver, IDLE, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9").out == "True\n"


ENDING = """
how = sys.argv[1]
def to_itself(number):
    os.kill(os.getpid(), number)
    time.sleep(60)
call()
{"normal": lambda: None, "sys.exit": lambda: sys.exit(3), "exception": lambda: 1 / 0, "SIGTERM": lambda: to_itself(15),
 "SIGINT": lambda: to_itself(2), "SIGHUP": lambda: to_itself(1), "os._exit": lambda: os._exit(4),
 "stream": lambda: (globals().update(held=OpenAI().responses.create(model="gpt-5.4-mini", input="x", stream=True)), next(held), to_itself(15))}[how]()
"""
CODES = {"normal": 0, "sys.exit": 3, "exception": 1, "SIGTERM": -15, "SIGINT": -2, "SIGHUP": -1, "os._exit": 4}


@pytest.mark.parametrize("how", [*CODES, "stream"])
def test_each_call_is_booked_however_the_program_ends(rig: Rig, receiver: Receiver, how: str) -> None:
    app = rig.file("import genmeter\ngenmeter.instrument()\n" + ENDING)
    done = rig.end("plain", receiver, rig.metered("plain", receiver, "python", app, how))
    assert done.code == CODES.get(how, -15)
    assert done.answered == done.booked == (2 if how == "stream" else 1), done.err


DISTRIBUTION = """
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
class Configurator(_OTelSDKConfigurator):
    pass
"""


@pytest.mark.parametrize("set_up", ["run", "launcher"])
def test_a_signal_flushes_also_what_another_distribution_has_set_up(rig: Rig, receiver: Receiver, set_up: str) -> None:
    """As ``opentelemetry-distro`` does."""
    info = rig.folder / "another-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[opentelemetry_configurator]\nconfigurator = another:Configurator\n")
    (rig.folder / "another.py").write_text(DISTRIBUTION)
    names = {f"OTEL_{signal}_EXPORTER": "otlp" for signal in ("TRACES", "METRICS", "LOGS")}
    text = "call()\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(60)"
    done = rig.program(set_up, receiver, text, PYTHONPATH=str(rig.folder), **names)
    assert (done.answered, done.booked, done.code) == (1, 1, 143 if set_up == "run" else -15), done.err


STOPPED_WHILE_IT_ENDS = """
from genmeter.metering.process import ends
from opentelemetry import trace
ends.SECONDS = 3600.0
provider = trace.get_tracer_provider()
flush = provider.force_flush
def stopped(*arguments):
    os.kill(os.getpid(), signal.SIGTERM)  # as a pool does with its workers, some of which are ending already
    return flush(*arguments)
provider.force_flush = stopped
call()
os._exit(0)
"""


def test_a_signal_that_meets_the_end_of_a_process_does_not_prolong_it(rig: Rig, receiver: Receiver) -> None:
    done = rig.program("launcher", receiver, STOPPED_WHILE_IT_ENDS)
    assert (done.code, done.err, done.booked) == (-15, "", 1)


ITS_OWN_SIGNALS = """
import faulthandler
faulthandler.register(signal.SIGUSR1)
import genmeter
genmeter.instrument()
call()
OpenAI().responses.create(model="gpt-5.4-mini", input="x", stream=True).close()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
os.kill(os.getpid(), signal.SIGTERM)
print(signal.sigwait([signal.SIGTERM]))
os.kill(os.getpid(), signal.SIGUSR1)
print("goes on")
"""


@pytest.mark.parametrize("set_up", ["launcher", "plain"])
def test_a_signal_that_the_app_waits_for_or_handles_in_c_is_the_apps(rig: Rig, receiver: Receiver, set_up: str) -> None:
    done = rig.program(set_up, receiver, ITS_OWN_SIGNALS)
    assert (done.code, done.out) == (0, "15\ngoes on\n")
    assert "Current thread" in done.err and done.whole


GREEN = """
import gevent, sys
if sys.argv[1] == "before":
    import genmeter
    genmeter.instrument()
from gevent import monkey; monkey.patch_all()
if sys.argv[1] == "after":
    import genmeter
    genmeter.instrument()
import os, subprocess
from openai import OpenAI
def read():
    stream = OpenAI().responses.create(model="gpt-5.4-mini", input="x", stream=True)
    return len(list(stream)) > 2
print([job.value for job in gevent.joinall([gevent.spawn(read), gevent.spawn(read)])])
print(subprocess.run(["true"]).returncode, flush=True)
def forked(end):
    child = os.fork()
    if child == 0:
        print(read(), read(), flush=True)
        end()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
for end in (lambda: os._exit(3), lambda: sys.exit(4), lambda: os.kill(os.getpid(), 15)):
    forked(end)
if os.fork() == 0:
    monkey.get_original("time", "sleep")(0.3)  # by then the parent waits in the loop of gevent
    os.kill(os.getppid(), 15)
    os.kill(os.getpid(), 9)
gevent.sleep(60)
"""


@pytest.mark.skipif(importlib.util.find_spec("gevent") is None, reason="needs gevent")
@pytest.mark.parametrize("set_up", ["run", "launcher", "before", "after"])
def test_an_app_of_greenlets_starts_programs_forks_and_ends_as_it_does_alone(
    rig: Rig, receiver: Receiver, set_up: str
) -> None:
    """Whenever it patches the standard library, and though the exporters are at work when a process ends."""
    app = rig.folder / "green.py"
    app.write_text(GREEN)
    how = set_up if set_up in SET_UPS else "plain"
    busy = dict.fromkeys(("OTEL_BLRP_SCHEDULE_DELAY", "OTEL_BSP_SCHEDULE_DELAY"), "20")
    started = rig.metered(how, receiver, sys.executable, "-W", "ignore", str(app), set_up, **busy)
    done = rig.end(how, receiver, started)
    assert done.out == "[True, True]\n0\nTrue True\n3\nTrue True\n4\nTrue True\n-15\n", done.err
    assert done.code == (143 if set_up == "run" else -15) and "Traceback" not in done.err, done.err
    assert done.answered == done.booked == 8, done.err


IN_A_THREAD = """
import threading
from _thread import start_new_thread
def later():
    call()
    os.write(1, b"later ")
def fails():
    sys.stderr = open(os.devnull, "w")
    raise RuntimeError("meant")
def forks():
    if child := os.fork():
        os.waitpid(child, 0)
ENDS = {
    "returns": lambda: None,
    "sys.exit": lambda: sys.exit(3),
    "an exception": fails,
    "a thread goes on": lambda: threading.Thread(target=later).start(),
    "a daemon goes on": lambda: threading.Thread(target=later, daemon=True).start(),
    "forks again": forks,
}
def forked(how, start):
    children = []
    def work():
        child = os.fork()
        if child == 0:
            call()
            return ENDS[how]()
        children.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        done.release()
    done = threading.Semaphore(0)
    start(work)
    done.acquire()
    print(how, *children, flush=True)
call()
for how in ENDS:
    forked(how, lambda work: threading.Thread(target=work).start())
forked("returns", lambda work: start_new_thread(work, ()))
"""


@pytest.mark.parametrize("set_up", ["bare", "launcher", "plain"])
def test_a_child_that_a_thread_forked_ends_with_that_thread(rig: Rig, receiver: Receiver, set_up: str) -> None:
    """The threads that genmeter and its exporters have in the child do not keep it, and those of the application do."""
    done = rig.program(set_up, receiver, IN_A_THREAD)
    assert done.code == 0, done.err
    assert done.out.splitlines() == [
        "returns 0", "sys.exit 0", "an exception 0", "later a thread goes on 0", "later a daemon goes on 0",
        "forks again 0", "returns 0",
    ]  # fmt: skip
    assert done.answered == 1 + 7 + 2 and done.booked == (0 if set_up == "bare" else done.answered)
