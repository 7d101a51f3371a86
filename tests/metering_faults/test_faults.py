"""An exception at every function of ours leaves the app with exactly what the bare SDK gives, and is counted."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import pytest

import genmeter
from genmeter import names
from genmeter.metering import guard
from genmeter.metering.instrumentor import GenmeterInstrumentor
from genmeter.metering.process.reaper import reaper
from tests.stub import Stream, StubServer

from . import inject
from .app import CHAT, CLAUDE, RESPONSE, WAYS, Clients, outcome, prepare
from .sink import Telemetry, current, everything

RIM = {
    # What stands between the app and the SDK itself: these call the SDK, and everything of ours that they call is
    # guarded by them and injected below. A raise here would be a raise in the guard.
    "guard.step",
    "guard.failed",
    "patch._quiet",
    "process.exits._set_handler",
    "process.exits._handler",
    "process.exits._after_a_flush.<locals>.flushed",
    "wrappers.working",
    "wrappers.Entry.open",
    "wrappers.muted.<locals>.get",
    "wrappers._plain.<locals>.call",
    "wrappers._awaited.<locals>.call",
    "wrappers._awaited.<locals>.observed",
    "wrappers._manager.<locals>.call",
    "wrappers._door.<locals>.call",
    "wrappers._one_for_all.<locals>.call",
    "wrappers.arriving.<locals>.call",
    "wrappers.leaving",
    "wrappers._left",
    "call.answer.Answer.unfolded",
    *(f"call.observation.Observation.{name}" for name in ("__enter__", "__exit__", "stop", "leave")),
    "content.Passing.__iter__",
    "content.Passing.__next__",
    "shapes.follow._follow",
    "shapes.follow._follow_async",
    "shapes.proxy.delivered",
    "shapes.proxy.then",
    "shapes.proxy.then.<locals>.wait",
    "shapes.proxy.ran",
    "shapes.proxy._awaiting",
    "shapes.proxy.closing",
    "shapes.proxy.Watched.response",
    "shapes.proxy.Closing.close",
    "shapes.proxy.Closing.aclose",
    "shapes.proxy.Closing._self_end",
    "shapes.proxy.Closing._self_end.<locals>.end",
    *(f"shapes.proxy.Proxy.{name}" for name in ("__repr__", "__copy__", "__deepcopy__", "__reduce_ex__")),
    *(f"shapes.disguise._forward.<locals>.{name}" for name in ("read", "write", "delete")),
    "shapes.stream.AsyncStream.aclose",
    "shapes.stream.AsyncStream.aclose.<locals>.aclose",
    *(
        f"shapes.stream.{kind}.{name}"
        for kind in ("Stream", "AsyncStream")
        for name in (
            "__iter__",
            "__next__",
            "__enter__",
            "__exit__",
            "close",
            "__aiter__",
            "__anext__",
            "__aenter__",
            "__aexit__",
        )
    ),
    "shapes.stream.Iteration.__iter__",
    "shapes.stream.Iteration.__next__",
    "shapes.stream.AsyncIteration.__aiter__",
    "shapes.stream.AsyncIteration.__anext__",
    # They take the next chunk from the SDK's own stream, and keep its exception for the app.
    *(f"shapes.ahead.{name}" for name in ("taken", "taken_async", "given")),
    *(
        f"shapes.stream.{kind}._look_ahead{inner}"
        for kind in ("Iteration", "AsyncIteration")
        for inner in ("", ".<locals>.later")
    ),
    *(
        f"shapes.context_manager.Manager.{name}"
        for name in ("__enter__", "__exit__", "__aenter__", "__aexit__", "_self_left")
    ),
    "families.stainless.RawResponse.__getattr__",
    "families.stainless.RawResponse.http_response",
    *(f"families.stainless.RawResponse._self_{name}" for name in ("parse", "read", "pieces", "close", "run")),
    "families.stainless.RawResponse._self_run.<locals>.<lambda>",
    "families.stainless.undelivered.<locals>.once",
    "families.stainless.undelivered.<locals>.parse_now",
    "families.stainless.undelivered.<locals>.parse_later",
}
SILENT = (
    "families.stainless.body",
    "families.stainless.RawResponse.__del__",
    *(f"shapes.follow.{name}" for name in ("parsed", "whole", "is_stream")),
    "shapes.proxy.dropped",
    "shapes.stream.Iteration.__del__",
    "shapes.stream.AsyncIteration.__del__",
    "pricing.",
)
"""Failing there is an answer (the body is no JSON, the call has no price), or the interpreter's to report."""
SHAPES = {
    "chat",
    "chat_stream",
    "chat_stream_closed",
    "chat_stream_dropped",
    "chat_helper",
    "chat_limited_stream",
    "chat_raw_stream",
    "chat_streaming_response",
    "response_stream",
    "message_stream",
    "message_helper",
    "message_raw",
    "async_chat",
    "async_chat_stream",
    "async_chat_raw_stream",
    "async_chat_streaming_response_stream",
    "async_message_helper",
}
"""One way for each shape of an answer and each kind of proxy: in these every major of the SDKs meets the faults."""
FAULTY = [
    pytest.param(name, marks=() if name in SHAPES else pytest.mark.any_major("a way in SHAPES has the same proxies"))
    for name in WAYS
]
ALL = bool(os.environ.get("GENMETER_ALL_FAULTS"))
"""Every variety at every function in every way; else every variety once and then one of them by turns."""


class Injected:
    """How many faults there were."""

    def __init__(self) -> None:
        self.runs: Counter[str] = Counter()
        self.raised = 0


injected = Injected()


@pytest.fixture(scope="module")
def stub() -> Iterator[StubServer]:
    """A stub of few words: three pieces of a stream show what ten would, and are read ten thousand times here."""
    with StubServer(fixed=True) as server:
        prepare(server)
        for ask in (CHAT, RESPONSE, CLAUDE):
            server.for_model(ask["model"], Stream(chunks=["Hello", " to", " you"]))
        yield server


@pytest.fixture(scope="module")
def clients(stub: StubServer) -> Clients:
    """The real clients of this stub."""
    return Clients(stub)


@pytest.fixture(scope="module")
def bare(stub: StubServer, runner: asyncio.Runner) -> dict[str, Any]:
    """What the SDKs alone give; with clients of their own, since raw views keep the methods that they were made from."""
    genmeter.uninstrument()
    clients = Clients(stub)
    found = {name: outcome(way, clients, runner) for name, way in WAYS.items()}
    assert {name for name, made in found.items() if made[0] == "raised"} == {
        name
        for name in WAYS
        if any(word in name for word in ("limited", "cut", "broken", "without")) and "cancel" not in name
    }
    return found


@pytest.fixture(scope="module", autouse=True)
def told() -> Iterator[None]:
    """Say how many faults there were."""
    yield
    runs = injected.runs
    print(f"\n{runs.total()} faults at {len(runs)} functions of genmeter's: {injected.raised} exceptions raised")


def settle() -> None:
    """Close what the way has dropped."""
    gc.collect(0)
    with contextlib.suppress(Exception):  # the reaper's own functions are made to fail as well
        reaper.drain()


@pytest.mark.parametrize("name", WAYS)
def test_nothing_changes_without_faults(
    name: str, bare: dict[str, Any], clients: Clients, runner: asyncio.Runner, stub: StubServer, telemetry: Telemetry
) -> None:
    engine = telemetry.instrument(everything(stub))
    assert outcome(WAYS[name], clients, runner) == bare[name]
    settle()
    assert dict(guard.failures) == {}
    assert len(engine.streams) == 0
    assert len(telemetry.spans) == {"response": 2, "chat_without_messages": 0}.get(name, 1)


@pytest.mark.parametrize("name", FAULTY)
def test_every_function_of_ours_may_fail(
    name: str, bare: dict[str, Any], clients: Clients, runner: asyncio.Runner, stub: StubServer, telemetry: Telemetry
) -> None:
    telemetry.instrument(everything(stub))
    way, expected = WAYS[name], bare[name]
    with inject.recording() as ran:
        outcome(way, clients, runner)
        gc.collect(0)
    inject.forget()
    found: list[str] = []
    for code in sorted(ran, key=inject.label):
        if inject.label(code) not in RIM:
            found += [f"{inject.label(code)}: {fault}" for fault in faults(code, way, expected, clients, runner)]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def faults(code: CodeType, way: Any, expected: Any, clients: Clients, runner: asyncio.Runner) -> Iterator[str]:
    """What the app would have noticed of exceptions at one function."""
    where = inject.label(code)
    for variety, error in varieties(where):
        guard.reset()
        with inject.failing(code, error) as hits:
            got = outcome(way, clients, runner)
            settle()
            times = hits()
        injected.runs[where] += 1
        injected.raised += times
        if got != expected:
            yield f"{variety}: {difference(got, expected)}"
        elif times and not guard.failures and not where.startswith(SILENT) and variety != "AttributeError":
            # An AttributeError in a property of an accumulator is taken for an accumulator without it.
            yield f"{variety}: was not counted"
        reset()


def varieties(where: str) -> list[tuple[str, Callable[[], Exception]]]:
    """What is thrown at a function this time."""
    every, turn = list(inject.VARIETIES.items()), injected.runs[where]
    return every if ALL or turn < len(every) else [every[turn % len(every)]]


def reset() -> None:
    """Each fault meets an engine that knows nothing yet."""
    engine = current()
    engine.__init__(engine.telemetry)


def difference(got: Any, expected: Any) -> str:
    """In short."""
    if got[0] == "raised":
        return f"raised {got[1].__name__}: {got[2]}"
    if isinstance(got[1], list) and isinstance(expected[1], list) and len(got[1]) != len(expected[1]):
        return f"{len(got[1])} items instead of {len(expected[1])}"
    return f"{str(got)[:300]} instead of {str(expected)[:300]}"


@pytest.mark.any_major("the guard's log knows no SDK")
def test_a_failure_is_logged_once_a_minute(
    clients: Clients, stub: StubServer, telemetry: Telemetry, caplog: pytest.LogCaptureFixture, monkeypatch: Any
) -> None:
    telemetry.instrument(everything(stub))
    clock = [1000.0]
    monkeypatch.setattr(guard.time, "monotonic", lambda: clock[0])
    code = next(code for code in inject.functions() if inject.label(code) == "stages.price.price")
    with caplog.at_level(logging.WARNING, "genmeter"), inject.failing(code, inject.VARIETIES["ValueError"]):
        for after in (0, 1, 58.9, 60.1, 61):
            clock[0] = 1000.0 + after
            WAYS["chat"](clients)
    assert guard.failures["price"] == 5
    said = [record.getMessage() for record in caplog.records if "price failed" in record.getMessage()]
    shown = re.compile(
        r"genmeter: price failed, the call itself is not affected: ValueError in inject\.py:\d+ \(the level .*\)"
    )
    assert len(said) == 2 and all(map(shown.fullmatch, said))


@pytest.mark.any_major("points are made of our own record")
def test_a_fault_in_the_points_of_one_call_is_counted_and_costs_no_other_its_own(
    clients: Clients, stub: StubServer, telemetry: Telemetry
) -> None:
    """The points of a call are made when a reader collects, in the reader's thread."""
    telemetry.instrument(everything(stub))
    WAYS["chat"](clients)
    with inject.recording() as ran:
        telemetry.metric(names.COST_USD)
    inject.forget()
    makers = [code for code in ran if inject.label(code).startswith("stages.measure.")]
    assert {"stages.measure.measure", "stages.measure._labels"} <= set(map(inject.label, makers))
    for code in makers:
        guard.reset()
        WAYS["chat"](clients)
        with inject.failing(code, inject.VARIETIES["Hostile"]):
            before = sum(telemetry.metric(names.COST_USD).values())
        assert guard.failures == {"measure": 1}, inject.label(code)
        WAYS["chat"](clients)
        assert sum(telemetry.metric(names.COST_USD).values()) > before


def test_shapes_name_ways() -> None:
    assert set(WAYS) >= SHAPES


def test_instrument_and_uninstrument_may_fail(
    bare: dict[str, Any], clients: Clients, runner: asyncio.Runner, stub: StubServer, telemetry: Telemetry
) -> None:
    instrumentor = GenmeterInstrumentor()
    settings = everything(stub)
    with inject.recording() as ran:
        instrumentor.instrument(**telemetry.providers, settings=settings)
        instrumentor.uninstrument()
    inject.forget()
    rim = {
        "instrumentor.GenmeterInstrumentor._instrument",
        "instrumentor.GenmeterInstrumentor._uninstrument",
        "instrumentor.GenmeterInstrumentor.instrumentation_dependencies",
        "guard.step",
        "guard.failed",
    }
    failed: list[str] = []
    for code in sorted((c for c in ran if inject.label(c) not in rim), key=inject.label):
        where = inject.label(code)
        for variety, error in inject.VARIETIES.items():
            try:
                with inject.failing(code, error):
                    instrumentor.instrument(**telemetry.providers, settings=settings)
                    got = outcome(WAYS["chat_stream"], clients, runner)
                    instrumentor.uninstrument()
                if got != bare["chat_stream"]:
                    failed.append(f"{where}: {variety}: {difference(got, bare['chat_stream'])}")
            except Exception as raised:
                failed.append(f"{where}: {variety}: raised {type(raised).__name__}")
            finally:
                with_all_well(instrumentor)
            injected.runs[where] += 1
    if failed:
        pytest.fail("\n".join(failed), pytrace=False)


def with_all_well(instrumentor: GenmeterInstrumentor) -> None:
    """Back to nothing."""
    instrumentor.instrument()
    instrumentor.uninstrument()
