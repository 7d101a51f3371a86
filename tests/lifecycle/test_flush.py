"""``genmeter.flush()``: what is recorded is sent before the process is frozen, and it says whether it was."""

from __future__ import annotations

import os
import signal

import pytest

import genmeter
from tests.lifecycle.rig import Receiver, Rig

FROZEN = """
import genmeter
for number in range(3):
    call(number)
    print(genmeter.flush(), flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""
UNANSWERED = """
import genmeter
call()
print(genmeter.flush(0.5), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
LAMBDA = """
from opentelemetry import metrics, trace
for number in range(3):
    call(number)
    trace.get_tracer_provider().force_flush()  # all that the instrumentation of AWS Lambda does at the end of a call
    metrics.get_meter_provider().force_flush()
    print(True, flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.mark.parametrize(
    ("set_up", "text", "sampler"),
    [
        ("launcher", FROZEN, "always_on"),
        ("plain", FROZEN, "always_off"),
        ("launcher", LAMBDA, "always_on"),
        ("launcher", LAMBDA, "always_off"),
    ],
    ids=["flush, launcher", "flush, plain, unsampled", "wrapper layer", "wrapper layer, unsampled"],
)
def test_a_process_that_is_frozen_after_each_call_has_sent_it(
    rig: Rig, receiver: Receiver, set_up: str, text: str, sampler: str
) -> None:
    """As AWS Lambda does: frozen after each answer, and killed in the end without having been woken."""
    app = rig.file(("import genmeter; genmeter.instrument()\n" if set_up == "plain" else "") + text)
    process = rig.metered(set_up, receiver, "python", app, OTEL_TRACES_SAMPLER=sampler)
    for number in range(3):
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        assert receiver.booked == number + 1
        process.send_signal(signal.SIGKILL if number == 2 else signal.SIGCONT)
    assert rig.end(set_up, receiver, process).out == "True\n" * 3


def test_flush_says_that_nothing_was_answered_in_time(rig: Rig, receiver: Receiver) -> None:
    done = rig.program("launcher", receiver, UNANSWERED, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    assert done.out == "False\n"


def test_there_is_nothing_to_flush_without_a_meter() -> None:
    assert genmeter.flush(0.1) is True
