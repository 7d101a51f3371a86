"""Workers of celery, and threads with the instrumentation that hands the context over: ``make test-coexist`` has both."""

from __future__ import annotations

import importlib.util
import json
import sys

import pytest

from tests.lifecycle.rig import SET_UPS, Receiver, Rig

pytestmark = pytest.mark.peer

CELERY = """
import threading
from celery import Celery
app = Celery("tasks", broker="memory://", task_ignore_result=True)
TASKS = 8
@app.task(name="ask")
def ask(number):
    call(number)
    os.write(1, b"x")
for number in range(TASKS):
    ask.delay(number)
worker = app.Worker(
    pool="prefork", concurrency=2, max_tasks_per_child=2, loglevel="ERROR", quiet=True,
    without_gossip=True, without_mingle=True, without_heartbeat=True,
)
def stop():
    while sum(worker.state.total_count.values()) < TASKS or worker.state.active_requests:
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=stop, daemon=True).start()
worker.start()
sys.exit(worker.exitcode)
"""


@pytest.mark.skipif(importlib.util.find_spec("celery") is None, reason="needs celery")
@pytest.mark.parametrize("set_up", SET_UPS)
def test_each_call_of_a_worker_of_celery_is_booked(rig: Rig, receiver: Receiver, set_up: str) -> None:
    """Children that end after two tasks, and those that a warm shutdown ends."""
    done = rig.program(set_up, receiver, CELERY)
    assert (done.code, done.out.count("x")) == (0, 8), done.err
    assert done.answered == done.booked == 8, done.err


THREADS = """
import genmeter, json, threading
from concurrent.futures import ThreadPoolExecutor
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans = InMemorySpanExporter()
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
with trace.get_tracer("app").start_as_current_span("request"), genmeter.attribution(department="support"):
    one = threading.Thread(target=call)
    one.start()
    one.join()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(call, range(2)))
    timer = threading.Timer(0, call)
    timer.start()
    timer.join()
found = [one for one in spans.get_finished_spans() if one.name != "request"]
print(json.dumps([len(found), len({one.context.trace_id for one in spans.get_finished_spans()}),
                  sorted({str(one.attributes.get("genmeter.department")) for one in found})]))
"""


@pytest.mark.skipif(importlib.util.find_spec("opentelemetry.instrumentation.threading") is None, reason="needs it")
@pytest.mark.parametrize("set_up", ["run", "launcher"])
def test_calls_in_threads_have_the_trace_and_the_payer_of_the_code_that_started_them(
    rig: Rig, receiver: Receiver, set_up: str
) -> None:
    done = rig.end(set_up, receiver, rig.metered(set_up, receiver, sys.executable, rig.file(THREADS)))
    assert json.loads(done.out) == [4, 1, ["support"]], done.err
    assert done.err == "" and done.answered == done.booked == 4
