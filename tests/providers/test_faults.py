"""A fault in any reader or stage of ours leaves the app with what the bare SDK gives, and is counted."""

from __future__ import annotations

import asyncio
import gc
import re
from collections.abc import Callable
from types import CodeType
from typing import Any

import pytest

from genmeter.metering import guard, wrappers
from genmeter.metering.process.reaper import reaper
from tests.metering_faults import inject
from tests.stub import StubServer

from .acting import failure, opened, opened_async, took, took_async, way_of
from .conftest import Metering
from .listed import Case, each, plain_cases

READERS = re.compile(
    r"(dialects|stages|providers|pricing|endpoints|call\.answer|call\.signals)\.|content\.(?!Passing)|families\.\w+\.[a-z_]+$"
)
"""Readers, stages, tables and prices. What stands between the app and the SDK is tests/metering_faults'."""


@each(which=plain_cases)
def test_a_fault_of_ours_is_not_the_apps(case: Case, stub: StubServer, metering: Metering) -> None:
    with asyncio.Runner() as runner:
        if case.asynchronous:
            stack = opened_async(case, stub.url)
            client = runner.run(stack.__aenter__())
            try:
                _try_all(case, metering, lambda: runner.run(took_async(client, way_of(case), case.streamed)))
            finally:
                runner.run(stack.__aexit__(None, None, None))
        else:
            with opened(case, stub.url) as client:
                _try_all(case, metering, lambda: took(client, way_of(case), case.streamed))


def _try_all(case: Case, metering: Metering, call: Callable[[], Any]) -> None:
    bare = call()
    metering(case.sdk, content="SPAN_AND_EVENT")
    with inject.recording() as ran:
        assert call() == bare
        _settle()
    inject.forget()
    broken = [code for code in sorted(ran, key=inject.label) if READERS.match(inject.label(code))]
    assert len(broken) > 20, "the readers of this SDK were not seen"
    found = [f"{inject.label(code)}: {said}" for code in broken if (said := _fault(code, call, bare))]
    guard.reset()
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def _fault(code: CodeType, call: Callable[[], Any], bare: Any) -> str:
    """What the app notices of an exception at one function; empty where it notices nothing."""
    engine = wrappers.working()
    assert engine is not None
    guard.reset()
    with inject.failing(code, inject.VARIETIES["ValueError"]):
        try:
            got = call()
        except Exception as error:
            got = failure(error)
        _settle()
    engine.__init__(engine.telemetry)  # the next fault meets an engine that knows nothing yet
    return "" if got == bare else f"{str(got)[:200]} instead of {str(bare)[:200]}"


def _settle() -> None:
    gc.collect(0)
    reaper.drain()
