"""An exporter whose server does not answer costs one line and two seconds."""

from __future__ import annotations

import time

import pytest

from tests.lifecycle.rig import Receiver, Rig

APP = """
call(); call()
print(time.time(), flush=True)
"""
ATEXIT = """
import atexit
atexit.register(lambda: call("a program may call a model in an exit function"))
"""


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("set_up", ["launcher", "plain"])
def test_one_line_and_two_seconds(rig: Rig, receiver: Receiver, set_up: str, protocol: str) -> None:
    nowhere = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    done = rig.program(set_up, receiver, APP, **nowhere)
    took = time.time() - float(done.out)
    (line,) = done.err.splitlines()
    assert "127.0.0.1:9" in line and "the events of 2 calls have not gone out" in line
    # The SDK alone waits for 20 to 30 seconds here. A busy machine adds to our two.
    assert took < 12


def test_a_call_in_an_exit_function_is_booked(rig: Rig, receiver: Receiver) -> None:
    done = rig.program("launcher", receiver, ATEXIT)
    assert (done.err, done.answered, done.booked) == ("", 1, 1)


OWN_EXPORTER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
class Exporter(SpanExporter):
    def export(self, spans):
        raise RuntimeError("the app's own")
    def shutdown(self):
        time.sleep(3)
        print("shut down", flush=True)
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(Exporter()))
trace.set_tracer_provider(provider)
call()
"""


def test_the_apps_own_exporter_speaks_and_ends_as_it_does_alone(rig: Rig, receiver: Receiver) -> None:
    done = rig.program("launcher", receiver, OWN_EXPORTER)
    assert done.out == "shut down\n" and "RuntimeError: the app's own" in done.err
    assert done.booked == 1
