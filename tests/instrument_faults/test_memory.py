"""Long streams are not held, and dropped ones leave nothing."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator

import pytest

from genmeter.instrument.proxies import Stream as Proxy
from genmeter.instrument.reaper import reaper
from genmeter.settings import Settings
from tests.stub import Stream, StubServer

from .app import CHAT, HELLO, Clients
from .sink import Telemetry, sellers

MIB = 2**20


@pytest.fixture
def traced() -> Iterator[None]:
    """Only what is allocated from here on counts."""
    gc.collect()
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_200_000_chunks_are_not_held(stub: StubServer, telemetry: Telemetry, traced: None) -> None:
    clients = Clients(stub)
    engine = telemetry.instrument(Settings(sellers=sellers(stub), chunk_times=False))
    stub.for_model("long", Stream(n=100_000))
    stream = clients.openai.chat.completions.create(model="long", messages=HELLO, stream=True)
    for _ in range(1000):
        next(stream)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    count = sum(1 for _ in stream) + 1000
    gc.collect()
    after, peak = tracemalloc.get_traced_memory()
    assert count >= 100_000
    assert after - before < MIB, after - before
    assert peak - before < 32 * MIB, "the stub's and the client's buffers, not the chunks"
    assert not engine.streams and len(telemetry.spans) == 1


def test_200_000_anthropic_events_are_not_held(stub: StubServer, telemetry: Telemetry) -> None:
    clients = Clients(stub)
    engine = telemetry.instrument(Settings(sellers=sellers(stub)))
    stub.for_model("long", Stream(n=100_000))
    stream = clients.anthropic.messages.create(model="long", max_tokens=5, messages=HELLO, stream=True)
    event = next(stream)
    count = 1
    for event in stream:
        count += 1
    assert count >= 100_000
    kept = sum(1 for thing in gc.get_objects() if type(thing) is type(event))
    assert kept < 50, "events are gone"
    assert not engine.streams


def test_10_000_abandoned_streams_leave_nothing(stub: StubServer, telemetry: Telemetry) -> None:
    from genmeter.instrument.engine import Observation

    clients = Clients(stub)
    engine = telemetry.instrument(Settings(sellers=sellers(stub)))

    def abandon(count: int) -> None:
        for _ in range(count):
            clients.openai.chat.completions.create(**CHAT, stream=True)

    def settled() -> int:
        gc.collect()
        reaper.drain()
        telemetry.clear()
        telemetry.metric("genmeter.cost.usd")
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    abandon(200)
    tracemalloc.start()
    abandon(200)
    before = settled()
    abandon(ABANDONED)
    after = settled()
    tracemalloc.stop()
    assert not engine.streams
    assert after - before < MIB, after - before
    kept = [thing for thing in gc.get_objects() if type(thing) in (Observation, Proxy)]
    assert len(kept) < 5


ABANDONED = 10_000
