"""Long streams are not held, and dropped ones leave nothing."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from genmeter.metering.process.reaper import reaper
from genmeter.settings import Settings
from tests.stub import Stream, StubServer

from .app import CHAT, HELLO, Clients
from .sink import Telemetry, sellers

pytestmark = pytest.mark.any_major("what a proxy holds is decided by the proxy; that it closes is tested on each major")

MIB = 2**20
LONG, WARM, DROPPED = 100_000, 300, 1_700


@pytest.fixture
def far() -> Iterator[Any]:
    """The stub as a process of its own: its memory and its time are not ours."""
    program = subprocess.Popen([sys.executable, "-m", "tests.stub"], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    url = program.stdout.readline().strip()
    yield SimpleNamespace(url=url, openai_url=f"{url}/v1", anthropic_url=url)
    program.terminate()
    program.wait()
    program.stdout.close()


def resident() -> int:
    """Bytes of this process in memory."""
    status = Path("/proc/self/statm")
    if not status.exists():
        pytest.skip("needs /proc")
    return int(status.read_text().split()[1]) * 4096


def alive() -> Counter[str]:
    """What the collector knows, by type."""
    gc.collect()
    return Counter(f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in gc.get_objects())


def openai_stream(clients: Clients) -> Any:
    return clients.openai.chat.completions.create(model="long", messages=HELLO, stream=True)


def anthropic_stream(clients: Clients) -> Any:
    return clients.anthropic.messages.create(model="long", max_tokens=5, messages=HELLO, stream=True)


@pytest.mark.parametrize("make", [openai_stream, anthropic_stream])
def test_100_000_chunks_are_not_held(make: Any, stub: StubServer, telemetry: Telemetry) -> None:
    """Of each SDK: 200,000 together."""
    clients = Clients(stub)
    engine = telemetry.instrument(Settings(sellers=sellers(stub)))
    stub.for_model("long", Stream(n=LONG))
    stream = make(clients)
    for _ in range(2000):
        chunk = next(stream)
    kind = type(chunk)
    before, memory, count = alive(), resident(), 2000
    for count, _ in enumerate(stream, count + 1):  # noqa: B020
        if count == LONG - 1000:
            grown = alive() - before
    assert count >= LONG
    assert grown[f"{kind.__module__}.{kind.__qualname__}"] < 20 and grown.total() < 1000, grown.most_common(5)
    assert resident() - memory < 24 * MIB, "the stub's and the client's buffers, not the chunks"
    assert not engine.streams and len(telemetry.spans) == 1


def test_2_000_abandoned_streams_leave_nothing(far: Any, telemetry: Telemetry) -> None:
    clients = Clients(far)
    engine = telemetry.instrument(Settings(sellers=sellers(far)))

    def abandon(count: int) -> None:
        for number in range(count):
            # A stream of which nothing was read would keep its connection, with or without us.
            next(clients.openai.chat.completions.create(**CHAT, stream=True))
            if number % 100 == 99:
                gc.collect()
            if number % 200 == 199:
                settle()
        reaper.drain()
        assert not engine.streams

    def settle() -> None:
        reaper.drain()
        telemetry.metric("genmeter.cost.usd")
        telemetry.clear()

    abandon(WARM)
    before, memory = alive(), resident()
    abandon(DROPPED)
    settle()
    grown = alive() - before
    assert grown.total() < DROPPED / 10, grown.most_common(8)
    assert resident() - memory < DROPPED * 2_500, "far less than a stream and its first chunk take"
