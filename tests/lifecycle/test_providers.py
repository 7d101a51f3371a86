"""Money does not depend on the sampler in any set-up, and a provider that the app sets is the app's own."""

from __future__ import annotations

import pytest

from tests.lifecycle.rig import SET_UPS, Receiver, Rig

SAMPLED = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider(sampler=ALWAYS_OFF)
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter({arguments})))
trace.set_tracer_provider(provider)
{then}
for number in range(3):
    call(number)
"""
ENDPOINT = "endpoint=os.environ['MINE'] + '/v1/traces', headers={'x-key': '1'}"


@pytest.mark.parametrize("set_up", SET_UPS)
def test_calls_that_the_apps_own_sampler_leaves_out_are_booked(rig: Rig, receiver: Receiver, set_up: str) -> None:
    done = rig.program(set_up, receiver, SAMPLED.format(arguments="", then=""))
    assert (done.err, done.answered, done.booked) == ("", 3, 3)


def test_the_event_goes_where_the_apps_exporter_sends_its_spans(rig: Rig, receiver: Receiver) -> None:
    """No variable names a place. The events say of the process what the spans say, which takes no thread at the end."""
    text = SAMPLED.format(arguments=ENDPOINT, then="").replace("ALWAYS_OFF)", "ALWAYS_OFF, resource=SHOP)")
    text = "from opentelemetry.sdk.resources import Resource\nSHOP = Resource({'service.name': 'shop'})\n" + text
    done = rig.program("plain", receiver, text, OTEL_EXPORTER_OTLP_ENDPOINT="", MINE=receiver.url)
    assert (done.err, done.answered, done.booked, receiver.services) == ("", 3, 3, {"shop"})


NO_CARRIER = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_OFF))
call(); call()
"""


def test_a_call_that_nothing_carries_is_told_in_one_line(rig: Rig, receiver: Receiver) -> None:
    done = rig.program("plain", receiver, NO_CARRIER, OTEL_EXPORTER_OTLP_ENDPOINT="")
    (line,) = done.err.splitlines()
    assert "a call is missing in the ledger, because the sampler left its span out" in line
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in line


OWN = """
from opentelemetry import _logs, metrics, trace
early = trace.get_tracer("a module that is imported first")
counter = metrics.get_meter("app").create_counter("app.counter")
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans, logs, reader = InMemorySpanExporter(), InMemoryLogRecordExporter(), InMemoryMetricReader()
traces = TracerProvider()
traces.add_span_processor(SimpleSpanProcessor(spans))
events = LoggerProvider()
events.add_log_record_processor(SimpleLogRecordProcessor(logs))
trace.set_tracer_provider(traces)
_logs.set_logger_provider(events)
metrics.set_meter_provider(MeterProvider([reader]))
assert trace.get_tracer_provider() is traces
with early.start_as_current_span("early"), trace.get_tracer("late").start_as_current_span("late"):
    call()
print([span.name for span in spans.get_finished_spans()])
print([log.log_record.event_name for log in logs.get_finished_logs()])
found = reader.get_metrics_data().resource_metrics[0].scope_metrics
print([metric.name for scope in found for metric in scope.metrics if "cost" in metric.name])
"""


@pytest.mark.parametrize("set_up", SET_UPS)
def test_providers_that_the_app_sets_later_get_everything(rig: Rig, receiver: Receiver, set_up: str) -> None:
    done = rig.program(set_up, receiver, OWN)
    assert done.out.splitlines() == [
        "['chat gpt-5.4-mini', 'late', 'early']",
        "['gen_ai.client.inference.operation.details']",
        "['genmeter.cost.usd']",
    ], done.err
    assert done.err == ""
    if set_up == "run":
        assert done.booked == 1, "the receipt does not depend on what the app sets up"


TWICE = OWN + "trace.set_tracer_provider(TracerProvider())\nassert trace.get_tracer_provider() is traces\n"


def test_the_app_sets_its_provider_once_as_it_can_without_genmeter(rig: Rig, receiver: Receiver) -> None:
    done = rig.program("launcher", receiver, TWICE)
    assert done.code == 0 and done.err.count("Overriding of current TracerProvider is not allowed") == 1


EXPORT = """
import genmeter
genmeter.instrument(export=os.environ["MINE"])
call()
"""


def test_an_address_in_the_code_or_in_the_environment_is_enough(rig: Rig, receiver: Receiver) -> None:
    nothing = {"OTEL_EXPORTER_OTLP_ENDPOINT": ""}
    assert rig.program("bare", receiver, EXPORT, MINE=receiver.url, **nothing).whole
    done = rig.program("plain", receiver, "call()", GENMETER_EXPORT=f"{receiver.url}/", **nothing)
    assert (done.err, done.booked) == ("", 2)


def test_what_is_given_by_arguments_counts_under_the_launcher_too(rig: Rig, receiver: Receiver) -> None:
    text = OWN.replace(
        "trace.set_tracer_provider(traces)", "import genmeter; genmeter.instrument(tracer_provider=traces)"
    )
    done = rig.program("launcher", receiver, text.split("assert")[0] + "call()\nprint(len(spans.get_finished_spans()))")
    assert (done.out, done.err) == ("1\n", "")


@pytest.mark.parametrize("set_up", ["launcher", "plain"])
def test_a_variable_that_names_no_exporter_is_a_line_and_costs_no_call(
    rig: Rig, receiver: Receiver, set_up: str
) -> None:
    done = rig.program(set_up, receiver, "call()", OTEL_TRACES_EXPORTER="no-such")
    assert done.whole and "Traceback" not in done.err
    assert "genmeter: OTEL_TRACES_EXPORTER='no-such': no such exporter is installed" in done.err.splitlines()


EMPTY = """
from opentelemetry import _logs, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.trace import TracerProvider
_logs.set_logger_provider(LoggerProvider())
trace.set_tracer_provider(TracerProvider())
call()
"""


@pytest.mark.parametrize("set_up", ["launcher", "plain"])
def test_calls_under_providers_that_export_nothing_are_booked(rig: Rig, receiver: Receiver, set_up: str) -> None:
    done = rig.program(set_up, receiver, EMPTY)
    assert (done.err, done.answered, done.booked) == ("", 1, 1)


def test_providers_that_export_nothing_where_no_place_is_named_are_told(rig: Rig, receiver: Receiver) -> None:
    (line,) = rig.program("plain", receiver, EMPTY, OTEL_EXPORTER_OTLP_ENDPOINT="").err.splitlines()
    assert "the calls of this process are recorded nowhere" in line


LATER = """
from opentelemetry import _logs
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
events, logs = LoggerProvider(), InMemoryLogRecordExporter()
_logs.set_logger_provider(events)
call()
events.add_log_record_processor(SimpleLogRecordProcessor(logs))
call()
print(len(logs.get_finished_logs()))
"""


def test_a_processor_that_the_app_adds_later_gets_the_calls_from_then_on(rig: Rig, receiver: Receiver) -> None:
    assert rig.program("plain", receiver, LATER, OTEL_EXPORTER_OTLP_ENDPOINT="").out == "1\n"


@pytest.mark.parametrize("set_up", ["launcher", "plain"])
def test_no_events_and_no_sampled_span_is_told_and_what_is_switched_off_is_not(
    rig: Rig, receiver: Receiver, set_up: str
) -> None:
    lost = rig.program(set_up, receiver, "call()", OTEL_LOGS_EXPORTER="none", OTEL_TRACES_SAMPLER="always_off")
    assert "a call is missing in the ledger" in lost.err and len(lost.err.splitlines()) == 1
    none = {"OTEL_LOGS_EXPORTER": "none", "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}
    for off in (none, {"OTEL_SDK_DISABLED": "true"}):
        assert rig.program(set_up, receiver, "call()", **off).err == ""


SHUT_DOWN = """
from opentelemetry import _logs, metrics, trace
call()
for provider in (trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()):
    provider.shutdown()
"""


def test_an_app_that_shuts_the_providers_down_itself_is_told_nothing(rig: Rig, receiver: Receiver) -> None:
    done = rig.program("launcher", receiver, SHUT_DOWN)
    assert done.whole and done.err == ""
