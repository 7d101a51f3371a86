"""Forks, threads, the end of the process, and finalizers at the worst moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from genmeter import names
from genmeter.settings import Settings
from tests.stub import StubServer

from .app import CHAT, CLAUDE, Clients
from .sink import Telemetry, sellers

pytestmark = pytest.mark.any_major("forks, threads and the end of a process meet our own records and not the SDK's")


def test_eight_threads_give_exact_sums(stub: StubServer, telemetry: Telemetry) -> None:
    clients = Clients(stub)
    engine = telemetry.instrument(Settings(sellers=sellers(stub)))

    def work(_: int) -> None:
        for turn in range(200):
            if turn % 10 == 0:
                assert len(list(clients.openai.chat.completions.create(**CHAT, stream=True))) > 2
            elif turn % 10 == 1:
                with clients.openai.chat.completions.create(**CHAT, stream=True) as stream:
                    next(stream)
            else:
                clients.openai.embeddings.create(model="text-embedding-3-small", input="x")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    spans = telemetry.spans
    assert len(spans) == 1600 and len({span.context.span_id for span in spans if span.context}) == 1600
    assert not engine.streams
    # Embeddings: 8 tokens at $0.02 per million. Streams read to their end: 19 in at $2.50, 10 out at $10 per million.
    pico = 1280 * 8 * 20_000 + 160 * (19 * 2_500_000 + 10 * 10_000_000)
    assert round(sum(telemetry.metric(names.COST_USD).values()) * 10**12) == pico
    assert sum(telemetry.metric(names.CALLS_UNPRICED).values()) == 160
    assert sum(telemetry.metric(names.CALLS_ACTIVE).values()) == 0
    assert sum(telemetry.metric(names.INFERENCE_DURATION).values()) == 320


def test_a_call_in_a_pool_is_a_child_where_the_context_is_carried(stub: StubServer, telemetry: Telemetry) -> None:
    from contextvars import copy_context

    clients = Clients(stub)
    telemetry.instrument()
    tracer = telemetry.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("request") as parent, ThreadPoolExecutor(1) as pool:
        pool.submit(copy_context().run, lambda: clients.openai.chat.completions.create(**CHAT)).result()
    ours = next(span for span in telemetry.spans if span.name.startswith("chat"))
    assert ours.parent is not None and ours.parent.span_id == parent.get_span_context().span_id


FORK = """
import gc, json, os, sys, time
from tests.metering_faults.app import CHAT, CLAUDE, Clients
from tests.metering_faults.sink import Telemetry, sellers, current
from genmeter.metering import guard
from genmeter.metering.process.reaper import reaper
from genmeter.settings import Settings
import genmeter
from tests.stub import StubServer

def told(t):
    cost = t.metric("genmeter.cost.usd")
    return {
        "spans": sorted(s.name + ("" if "genmeter.stream.cut" not in s.attributes else " cut") for s in t.spans),
        "cost": round(sum(cost.values()) * 10**12),
        "active": sum(t.metric("genmeter.calls.active").values()),
        "streams": len(current().streams),
        "failures": sum(guard.failures.values()),
    }

url = sys.argv[1]
class Stub:
    url = url; openai_url = url + "/v1"; anthropic_url = url
t = Telemetry()
t.instrument(Settings(sellers=sellers(Stub)))
c = Clients(Stub)
for _ in range(3):
    c.openai.embeddings.create(model="text-embedding-3-small", input="x")
open_stream = c.openai.chat.completions.create(**CHAT, stream=True)
next(open_stream)
dropped = c.openai.chat.completions.create(**CHAT, stream=True)
next(dropped)
guard.failed("test", ValueError("of the parent's"))
children = []
for number in range(2):
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        t.clear()  # the child's copy of the exporter's memory
        del dropped, open_stream
        gc.collect()
        mine = Clients(Stub)
        mine.openai.embeddings.create(model="text-embedding-3-small", input="x")
        s = mine.openai.chat.completions.create(**CHAT, stream=True)
        next(s); del s; gc.collect()
        current().close_streams()
        os.write(w, json.dumps(told(t)).encode())
        os._exit(0)
    os.close(w)
    children.append((pid, r))
found = []
for pid, r in children:
    found.append(json.loads(os.read(r, 65536)))
    os.waitpid(pid, 0)
list(open_stream)
del dropped
gc.collect()
print(json.dumps({"parent": told(t), "children": found}))
"""


def run(program: str, *arguments: str, **environment: str) -> Any:
    """A program of its own; the last line that it prints, decoded."""
    made = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout.splitlines()[-1])


def test_a_forked_child_counts_its_own(stub: StubServer) -> None:
    found = run(FORK, stub.url)
    embedding = 8 * 20_000
    chat = 19 * 2_500_000 + 10 * 10_000_000
    for child in found["children"]:
        assert child == {
            "spans": ["chat gpt-4o cut", "embeddings text-embedding-3-small"],
            "cost": embedding,
            "active": 0,
            "streams": 0,
            "failures": 0,
        }
    assert found["parent"] == {
        "spans": ["chat gpt-4o", "chat gpt-4o cut", *["embeddings text-embedding-3-small"] * 3],
        "cost": 3 * embedding + chat,
        "active": 0,
        "streams": 0,
        "failures": 1,
    }


EXIT = """
import sys, json
url, order = sys.argv[1:]
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
import genmeter
from genmeter.settings import Settings

class Out(SpanExporter):
    def export(self, spans):
        for span in spans:
            print(json.dumps([span.name, span.attributes.get("genmeter.stream.cut")]), flush=True)
        return SpanExportResult.SUCCESS

def setup():
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Out()))
    trace.set_tracer_provider(provider)

if order == "before":
    setup(); genmeter.instrument(settings=Settings())
else:
    genmeter.instrument(settings=Settings()); setup()
import openai, anthropic
held = openai.OpenAI(base_url=url + "/v1", api_key="x").chat.completions.create(
    model="gpt-4o", messages=[{"role": "user", "content": "hi"}], stream=True)
next(held)
if order == "manager":
    manager = anthropic.Anthropic(base_url=url, api_key="x").messages.stream(
        model="claude-sonnet-4-5", max_tokens=5, messages=[{"role": "user", "content": "hi"}])
    helper = manager.__enter__()
    next(iter(helper))
"""


def test_a_stream_held_at_exit_is_exported_once(stub: StubServer) -> None:
    for order, expected in (("before", 1), ("after", 1), ("manager", 2)):
        made = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", EXIT, stub.url, order],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        lines = [json.loads(line) for line in made.stdout.splitlines() if line.startswith("[")]
        assert made.returncode == 0 and len(lines) == expected, (order, made.stdout, made.stderr)
        assert all(cut == "abandoned" for _, cut in lines)


DEADLOCK = """
import gc, json, sys, threading
from tests.metering_faults.app import CHAT, Clients
from tests.metering_faults.sink import Telemetry, current
from genmeter.metering.process.reaper import reaper
url, how = sys.argv[1:]
class Stub:
    url = url; openai_url = url + "/v1"; anthropic_url = url
t = Telemetry()
t.instrument()
c = Clients(Stub)
counter = t.meter_provider.get_meter("app").create_counter("app.calls")

class Ring: pass

def ring():
    # A cycle that holds a stream under way: only the collector ends it, wherever it happens to run.
    held = Ring()
    held.me = held
    if how == "generator":
        def lines():
            with c.openai.chat.completions.create(**CHAT, stream=True) as stream:
                for chunk in stream:
                    yield chunk
        held.stream = lines()
    else:
        held.stream = c.openai.chat.completions.create(**CHAT, stream=True)
    next(held.stream)

collected = []
class Collecting(str):
    # Hashed by the SDK's aggregation while it holds its lock.
    def __hash__(self):
        collected.append(gc.collect())
        return str.__hash__(self)
    def __eq__(self, other):
        collected.append(gc.collect())
        return str.__eq__(self, other)

class Meeting:
    # A span processor that is in the middle of its lock.
    lock = threading.Lock()
    def on_start(self, span, parent_context=None): pass
    def _on_ending(self, span): pass
    def on_end(self, span):
        with self.lock:
            collected.append(gc.collect())
    def shutdown(self): pass
    def force_flush(self, timeout_millis=0): return True

gc.disable()
ring()
counter.add(1, {"k": Collecting("v")})
ring()
counter.add(1, {"k": Collecting("v")})
t.metric("app.calls")
ring()
t.tracer_provider.add_span_processor(Meeting())
with t.tracer_provider.get_tracer("app").start_as_current_span("app"):
    pass
ring()
def collect_in_reader(_):
    collected.append(gc.collect())
    return []
t.meter_provider.get_meter("app").create_observable_gauge("app.gauge", [collect_in_reader])
t.metric("app.gauge")
assert collected
gc.collect()
reaper.drain()
ours = [s for s in t.spans if s.name.startswith("chat")]
print(json.dumps([len(ours), len(current().streams)]))
"""


def test_a_finalizer_inside_the_sdks_locks_cannot_deadlock(stub: StubServer) -> None:
    for how in ("stream", "generator"):
        assert run(DEADLOCK, stub.url, how) == [4, 0]


DROPPED = """
import asyncio, gc, json, sys
from tests.metering_faults.app import CHAT, Clients
from tests.metering_faults.sink import Telemetry, current
url = sys.argv[1]
class Stub:
    url = url; openai_url = url + "/v1"; anthropic_url = url
t = Telemetry()
t.instrument()
c = Clients(Stub)
threads = []
close = type(t.tracer_provider.get_tracer("x").start_span("x")).end

async def main():
    # A coroutine that is started and then thrown away, as a loop does when it is torn down.
    call = c.async_openai.chat.completions.create(model="slow-answer", messages=CHAT["messages"])
    step = call.__await__() if hasattr(call, "__await__") else call
    step.send(None)
    del step, call
    gc.collect()

asyncio.run(main())
print(json.dumps([[s.name, s.attributes.get("genmeter.stream.cut")] for s in t.spans if s.name != "x"]))
"""


def test_a_coroutine_that_is_thrown_away_is_one_call(stub: StubServer) -> None:
    assert run(DROPPED, stub.url) == [["chat slow-answer", "abandoned"]]


PREFORK = """
import json, os, sys
from tests.metering_faults.sink import Telemetry, sellers
from genmeter.settings import Settings
url, workers = sys.argv[1], int(sys.argv[2])
class Stub:
    url = url; openai_url = url + "/v1"; anthropic_url = url
import genmeter
from opentelemetry import trace, metrics, _logs
genmeter.instrument(settings=Settings(sellers=sellers(Stub)))  # in the master, as `gunicorn --preload` does
import openai
pipes = []
for _ in range(workers):
    r, w = os.pipe()
    if os.fork() == 0:
        t = Telemetry()  # each worker sets its SDK up after the fork
        trace.set_tracer_provider(t.tracer_provider)
        metrics.set_meter_provider(t.meter_provider)
        _logs.set_logger_provider(t.logger_provider)
        c = openai.OpenAI(base_url=url + "/v1", api_key="x")
        for _ in range(5):
            c.embeddings.create(model="text-embedding-3-small", input="x")
        list(c.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "x"}], stream=True))
        pico = round(sum(t.metric("genmeter.cost.usd").values()) * 10**12)
        os.write(w, json.dumps([len(t.spans), len(t.logs), pico]).encode())
        os._exit(0)
    os.close(w)
    pipes.append(r)
print(json.dumps([json.loads(os.read(r, 4096)) for r in pipes]))
"""


def test_preforked_workers_each_report_their_own(stub: StubServer) -> None:
    assert run(PREFORK, stub.url, "3") == [[6, 6, 5 * 8 * 20_000 + 19 * 2_500_000 + 10 * 10_000_000]] * 3


def test_claude_in_threads_is_exact_too(stub: StubServer, telemetry: Telemetry) -> None:
    clients = Clients(stub)
    telemetry.instrument(Settings(sellers=sellers(stub)))

    def work(_: int) -> None:
        with clients.anthropic.messages.stream(**CLAUDE) as helper:
            helper.get_final_message()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(80)))
    # 25 tokens in at $3, 15 out at $15 per million.
    assert round(sum(telemetry.metric(names.COST_USD).values()) * 10**12) == 80 * (25 * 3_000_000 + 15 * 15_000_000)
