"""A program that is not metered, or whose calls go nowhere, is told so in one line."""

from __future__ import annotations

import pytest

from tests.lifecycle.rig import Receiver, Rig

NOWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}
TEN_LINES = """
import genmeter
@genmeter.attribution(department="support", application="desk")
def answer(question):
    with genmeter.attribution(session="s"):
        return call(question)
answer("Where is my parcel?")
answer("And now?")
"""
THREADS = """
import genmeter
from concurrent.futures import ThreadPoolExecutor
with genmeter.attribution(department="support"), ThreadPoolExecutor(2) as pool:
    call()
    list(pool.map(call, range(3)))
"""


def test_the_ten_lines_without_a_launcher_say_what_is_missing(rig: Rig, receiver: Receiver) -> None:
    (line,) = rig.program("bare", receiver, TEN_LINES, **NOWHERE).err.splitlines()
    assert "nothing is metered in this process" in line and 'genmeter.instrument(export="dev")' in line
    assert rig.program("bare", receiver, TEN_LINES, OTEL_SDK_DISABLED="true").err == ""


@pytest.mark.parametrize("text", ["call(); call()", ""], ids=["calls", "no call"])
def test_instrument_without_a_provider_says_what_is_missing(rig: Rig, receiver: Receiver, text: str) -> None:
    (line,) = rig.program("plain", receiver, text, **NOWHERE).err.splitlines()
    assert "no OpenTelemetry provider is set up" in line
    for way in ('genmeter.instrument(export="dev")', "OTEL_EXPORTER_OTLP_ENDPOINT", "genmeter run --"):
        assert way in line


def test_a_call_that_lost_its_context_in_a_thread_is_told_once(rig: Rig, receiver: Receiver) -> None:
    done = rig.program("launcher", receiver, THREADS)
    (line,) = done.err.splitlines()
    assert "'ThreadPoolExecutor-" in line and "opentelemetry-instrumentation-threading" in line
    assert done.whole


def test_a_context_that_is_handed_over_is_no_matter(rig: Rig, receiver: Receiver) -> None:
    handed = THREADS.replace(
        "pool.map(call, range(3))", "pool.map(__import__('contextvars').copy_context().run, [call])"
    )
    assert rig.program("launcher", receiver, handed).err == ""
