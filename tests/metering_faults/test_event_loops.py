"""Greenlets, trio, anyio and uvloop: no loop is blocked, each call is one span, and a cancelled stream is no failed one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from genmeter import names
from genmeter.metering.process.reaper import reaper
from genmeter.settings import Settings
from tests.stub import Stream, StubServer

from .app import CHAT, CLAUDE
from .sink import Telemetry, sellers

pytestmark = pytest.mark.any_major("the loops meet our own code and not the SDK's")

GREEN = """
import sys
when = sys.argv[1]
if when == "before genmeter":
    from gevent import monkey; monkey.patch_all()
import genmeter
from genmeter.metering.process.reaper import reaper
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
provider.add_span_processor(SimpleSpanProcessor(spans))
genmeter.instrument(tracer_provider=provider)
if when == "after genmeter":
    from gevent import monkey; monkey.patch_all()
if when == "without its queue":
    from gevent import monkey; monkey.patch_all(queue=False)
import json, os, gevent, openai

client = openai.OpenAI(base_url=os.environ["MODEL_URL"], api_key="x")
ASK = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
beats = []

def read():
    return len(list(client.chat.completions.create(**ASK, stream=True)))

def drop():
    next(iter(client.chat.completions.create(**ASK, stream=True)))

def killed():
    with client.chat.completions.create(**{**ASK, "model": "slow-stream"}, stream=True) as stream:
        for _ in stream:
            started.set()

def beat():
    while True:
        beats.append(1)
        gevent.sleep(0.005)

started = gevent.event.Event()
heart = gevent.spawn(beat)
gevent.joinall([gevent.spawn(read), gevent.spawn(read), gevent.spawn(drop)], raise_error=True)
last = gevent.spawn(killed)
started.wait()
last.kill()
before = len(beats)
reaper.drain()
gevent.sleep(0.05)
found = sorted(str((s.attributes or {}).get("genmeter.stream.cut")) for s in spans.get_finished_spans())
errors = [s.attributes["error.type"] for s in spans.get_finished_spans() if "error.type" in s.attributes]
print(json.dumps({"cuts": found, "errors": errors, "beats": len(beats) > before}), flush=True)
"""


@pytest.mark.skipif(importlib.util.find_spec("gevent") is None, reason="needs gevent")
@pytest.mark.parametrize("when", ["before genmeter", "after genmeter", "without its queue"])
def test_a_greenlet_is_never_blocked(when: str, stub: StubServer) -> None:
    """Whenever the app patches the standard library: all streams are read, closed and booked, and the app ends."""
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", GREEN, when],
        env={**os.environ, "MODEL_URL": stub.openai_url, "GENMETER_SELLERS": f"{stub.url.removeprefix('http://')}=openai"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    found = json.loads(made.stdout)
    assert found["cuts"] == ["None", "None", "abandoned", "cancelled"]
    assert found["errors"] == [] and found["beats"]


Run = Callable[[Callable[[], Awaitable[None]]], None]


def in_trio(work: Callable[[], Awaitable[None]]) -> None:
    """trio itself."""
    import trio

    trio.run(work)


def in_anyio(work: Callable[[], Awaitable[None]]) -> None:
    """anyio on asyncio."""
    import anyio

    anyio.run(work)


def in_uvloop(work: Callable[[], Awaitable[None]]) -> None:
    """asyncio on uvloop."""
    import uvloop

    async def run() -> None:
        await work()

    uvloop.run(run())


LOOPS: dict[str, Run] = {"trio": in_trio, "anyio": in_anyio, "uvloop": in_uvloop}


def asking(kind: str, stub: StubServer) -> tuple[Any, Callable[[], Any]]:
    """A client of its own for each loop, and one streamed call of it."""
    import anthropic
    import openai

    if kind == "anthropic":
        claude = anthropic.AsyncAnthropic(base_url=stub.anthropic_url, api_key="x")
        return claude, lambda: claude.messages.create(**CLAUDE, stream=True)
    client = openai.AsyncOpenAI(base_url=stub.openai_url, api_key="x")
    return client, lambda: client.chat.completions.create(**CHAT, stream=True)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_stream_is_read_in_every_loop(loop: str, kind: str, stub: StubServer, telemetry: Telemetry) -> None:
    """Read to its end and priced."""
    pytest.importorskip(loop)
    telemetry.instrument(Settings(sellers=sellers(stub)))

    async def work() -> None:
        client, ask = asking(kind, stub)
        async with client:
            assert len([chunk async for chunk in await ask()]) > 2

    LOOPS[loop](work)
    (span,) = telemetry.spans
    found = dict(span.attributes or {})
    assert names.ERROR_TYPE not in found and names.STREAM_CUT not in found
    assert found[names.OUTPUT_TOKENS] in (10, 15)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
@pytest.mark.parametrize("loop", LOOPS)
def test_a_stream_whose_reader_is_cancelled_is_no_failed_one(
    loop: str, kind: str, stub: StubServer, telemetry: Telemetry
) -> None:
    """A cancel scope, in whatever loop: ``cancelled``, and no error that an error ratio counts."""
    pytest.importorskip(loop)
    anyio = pytest.importorskip("anyio")
    telemetry.instrument()
    stub.script("/messages" if kind == "anthropic" else "/chat/completions", Stream(n=50, gap=0.2))

    async def work() -> None:
        client, ask = asking(kind, stub)
        async with client:
            with anyio.CancelScope() as scope:
                async for _ in await ask():
                    scope.cancel()
            assert scope.cancelled_caught

    LOOPS[loop](work)
    reaper.drain()
    (span,) = telemetry.spans
    found = dict(span.attributes or {})
    assert found[names.STREAM_CUT] == "cancelled"
    assert names.ERROR_TYPE not in found and span.status.is_unset
    assert sum(telemetry.metric(names.CALLS_ACTIVE).values()) == 0
