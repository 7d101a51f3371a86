"""``opentelemetry-instrument python app.py`` with nothing but the base install, and what may be in its way."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import genmeter
from tests.stub import StubServer

pytestmark = [pytest.mark.launcher, pytest.mark.any_major("the launcher starts the meter before any SDK is imported")]

APP = """
import os, sys, time
import openai
url = sys.argv[1]
answer = openai.OpenAI(base_url=url, api_key="x", max_retries=0).chat.completions.create(
    model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
print(answer.choices[0].message.content)
"""
USER_MADE = """
from opentelemetry import trace, metrics
from opentelemetry.sdk.trace import TracerProvider
mine = TracerProvider()
trace.set_tracer_provider(mine)
from genmeter.metering.process.sdk import configure_if_nobody_does
configure_if_nobody_does()
assert trace.get_tracer_provider() is mine
assert "Proxy" in type(metrics.get_meter_provider()).__name__
print("kept")
"""
REQUESTS: dict[str, type[Any]] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


class Sink:
    """An OTLP/HTTP receiver on loopback that decodes what comes."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any]] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                sink.received.append((self.path, REQUESTS[self.path].FromString(body)))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def of(self, path: str) -> list[Any]:
        return [request for where, request in self.received if where == path]

    @property
    def spans(self) -> list[Any]:
        return [s for r in self.of("/v1/traces") for rs in r.resource_spans for ss in rs.scope_spans for s in ss.spans]

    @property
    def metrics(self) -> set[str]:
        found = [
            m
            for r in self.of("/v1/metrics")
            for rm in r.resource_metrics
            for sm in rm.scope_metrics
            for m in sm.metrics
        ]
        return {metric.name for metric in found}

    @property
    def logs(self) -> list[Any]:
        return [
            x for r in self.of("/v1/logs") for rl in r.resource_logs for sl in rl.scope_logs for x in sl.log_records
        ]


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An interpreter in whose environment genmeter is installed: this one, or one made for it, kept for the next time.

    Made without network: the new environment sees the packages of this one, and genmeter as an editable install would
    leave it there: its folder on the path and its entry points.
    """
    try:
        distribution("genmeter")
        return sys.executable
    except PackageNotFoundError:
        pass
    home = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True, timeout=60)
    site = next((home / "lib").glob("python*")) / "site-packages"
    source = Path(genmeter.__file__).parents[1]
    (site / "genmeter.pth").write_text(f"{source}\n{Path(pytest.__file__).parents[1]}\n")
    info = site / "genmeter-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: genmeter\nVersion: 0.1.0\n")
    (info / "RECORD").write_text("")
    (info / "entry_points.txt").write_text(
        "[opentelemetry_instrumentor]\ngenmeter = genmeter.metering.instrumentor:GenmeterInstrumentor\n"
        "[opentelemetry_pre_instrument]\ngenmeter = genmeter.metering.process.sdk:configure_if_nobody_does\n"
    )
    return str(home / "bin" / "python")


class Launched:
    """A program that has run under the launcher."""

    def __init__(self, python: str, folder: Path, stub: StubServer, app: str = APP, **environment: str) -> None:
        file = folder / "app.py"
        file.write_text(app)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("OTEL_", "GENMETER_", "PYTHONPATH"))}
        launcher = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"
        self.done = subprocess.run(
            [python, "-c", launcher, python, str(file), stub.openai_url],
            env={**inherited, "OTEL_METRIC_EXPORT_INTERVAL": "600000", **environment},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def well(self) -> bool:
        """The app has run as it does alone."""
        return self.done.returncode == 0 and self.done.stdout == "Hello! How can I assist you today?\n"

    @property
    def errors(self) -> str:
        return self.done.stderr


def test_one_call_is_one_span_metrics_and_one_record(python: str, tmp_path: Path, stub: StubServer, sink: Sink) -> None:
    ran = Launched(
        python,
        tmp_path,
        stub,
        OTEL_EXPORTER_OTLP_ENDPOINT=sink.url,
        OTEL_SERVICE_NAME="shop",
        GENMETER_SELLERS=f"{stub.url[7:]}=openai",
    )
    assert ran.well(), ran.errors
    (span,) = sink.spans
    attributes = {a.key: a.value for a in span.attributes}
    assert span.name == "chat gpt-4o" and attributes["gen_ai.usage.cost.amount"].double_value == pytest.approx(
        0.0001475
    )
    (record,) = sink.logs
    assert record.event_name == "gen_ai.client.inference.operation.details"
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert {"gen_ai.client.inference.duration", "genmeter.cost.usd"} <= sink.metrics
    assert ran.errors == ""


@pytest.mark.parametrize("switch", ["off", "false", "0"])
def test_the_switch_turns_it_off(switch: str, python: str, tmp_path: Path, stub: StubServer, sink: Sink) -> None:
    ran = Launched(python, tmp_path, stub, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, GENMETER_CONFIGURE_SDK=switch)
    assert ran.well() and sink.received == []


@pytest.mark.parametrize("name", ["GENMETER_CONFIGURE_SDK", "GENMETER_FLUSH_ON_TERM"])
def test_a_switch_that_is_misspelled_leaves_the_sdk_alone_in_one_line(
    name: str, python: str, tmp_path: Path, stub: StubServer, sink: Sink
) -> None:
    ran = Launched(python, tmp_path, stub, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **{name: "offf"})
    assert ran.well() and sink.received == [], ran.errors
    (line,) = ran.errors.splitlines()
    assert f"genmeter is off, nothing is metered: {name}='offf': write on or off" in line


def test_an_unknown_variable_of_ours_is_one_warning_and_the_meter_runs(
    python: str, tmp_path: Path, stub: StubServer, sink: Sink
) -> None:
    ran = Launched(python, tmp_path, stub, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, GENMETER_UNATRIBUTED="reject")
    assert ran.well() and len(sink.spans) == 1, ran.errors
    (line,) = [line for line in ran.errors.splitlines() if "GENMETER_UNATRIBUTED" in line]
    assert "is unknown and changes nothing" in line and "did you mean GENMETER_UNATTRIBUTED?" in line


@pytest.mark.parametrize(
    "off",
    [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "genmeter"}],
    ids=["sdk", "genmeter"],
)
def test_what_is_disabled_stays_off(
    off: dict[str, str], python: str, tmp_path: Path, stub: StubServer, sink: Sink
) -> None:
    ran = Launched(python, tmp_path, stub, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **off)
    assert ran.well(), ran.errors
    assert sink.spans == [] and sink.logs == []


def test_an_exporter_that_is_down_does_not_touch_the_app(python: str, tmp_path: Path, stub: StubServer) -> None:
    ran = Launched(
        python, tmp_path, stub, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TIMEOUT="1"
    )
    assert ran.well(), ran.errors


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[prices\n", "not valid TOML"),
        ("[metrics]\nnames = 'x'\n", "write one of latest, legacy, both"),
        ("[price]\n", "genmeter.toml:1: price: unknown table; did you mean 'prices'?"),
        ("[metrics]\nlabel = []\n", "genmeter.toml:2: metrics.label: unknown key; did you mean 'labels'?"),
        (
            '[budgets.a]\namount = "1"\nperiod = "day"\non_exceed = "stop"\n',
            "genmeter.toml:4: budgets.a.on_exceed: 'stop'",
        ),
    ],
)
def test_bad_settings_stop_the_meter_and_not_the_app(
    text: str, said: str, python: str, tmp_path: Path, stub: StubServer, sink: Sink
) -> None:
    (tmp_path / "genmeter.toml").write_text(text)
    ran = Launched(python, tmp_path, stub, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert ran.well(), ran.errors
    lines = [line for line in ran.errors.splitlines() if line]
    assert len(lines) == 1 and "genmeter is off, nothing is metered" in lines[0] and said in lines[0], ran.errors
    assert sink.spans == []


def test_a_provider_that_is_set_already_is_kept(python: str, tmp_path: Path) -> None:
    made = subprocess.run(
        [python, "-c", USER_MADE], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert made.stdout == "kept\n", made.stderr


CONFIGURATOR = """
class Configurator:
    def configure(self, **kwargs):
        print("configured by another", flush=True)
"""


def test_an_installed_configurator_stays_in_charge(python: str, tmp_path: Path, stub: StubServer, sink: Sink) -> None:
    """As ``opentelemetry-distro`` and the vendors' packages bring one."""
    distro = find_spec("opentelemetry.distro") is not None
    if not distro:
        info = tmp_path / "another-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: another\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[opentelemetry_configurator]\nconfigurator = another:Configurator\n")
        (tmp_path / "another.py").write_text(CONFIGURATOR)
    ran = Launched(python, tmp_path, stub, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, PYTHONPATH=str(tmp_path))
    assert ran.done.returncode == 0, ran.errors
    if not distro:
        assert ran.done.stdout.startswith("configured by another\n")
        assert sink.received == [], "we have configured nothing"
    assert ran.errors.count("Overriding") == 0


NEXT = """
import json, sys
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
class Next(BaseInstrumentor):
    def instrumentation_dependencies(self): return []
    def _instrument(self, **kwargs): print("next loaded", flush=True)
    def _uninstrument(self, **kwargs): pass
"""


def test_other_instrumentors_still_load(python: str, tmp_path: Path, stub: StubServer) -> None:
    info = tmp_path / "zzz-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zzz\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[opentelemetry_instrumentor]\nnext = zzz:Next\n")
    (tmp_path / "zzz.py").write_text(NEXT)
    (tmp_path / "genmeter.toml").write_text("[prices\n")
    ran = Launched(
        python,
        tmp_path,
        stub,
        PYTHONPATH=str(tmp_path),
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )
    assert ran.done.stdout == "next loaded\nHello! How can I assist you today?\n", ran.errors


def test_the_environment_is_read_as_json_free_lines(python: str, tmp_path: Path, stub: StubServer) -> None:
    """A bad value of our own variable is one line, too."""
    ran = Launched(
        python,
        tmp_path,
        stub,
        GENMETER_METRICS="everything",
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )
    assert ran.well() and len(ran.errors.splitlines()) == 1, json.dumps(ran.errors)
