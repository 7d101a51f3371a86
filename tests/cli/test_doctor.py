"""``genmeter doctor``: each trap that makes a bill wrong is found in a real program, and named with its remedy."""

from __future__ import annotations

import json
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import pytest

from genmeter.diagnosis import packages, receivers
from genmeter.ledger import Ledger
from tests.cli.conftest import Command
from tests.demo.__main__ import variables
from tests.ledger.otlp import chat, span, traces
from tests.stub import StubServer

ROOT = Path(__file__).resolve().parents[2]
CALL = """
import openai
def call(**more):
    return openai.OpenAI(max_retries=0).chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "hi"}], **more)
"""
FORKED = CALL + "\nimport multiprocessing\n"
OWN = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
"""
RIVAL = """
import wrapt, openai.resources.chat.completions as place
def wrapper(wrapped, instance, args, kwargs):
    return wrapped(*args, **kwargs)
wrapt.wrap_function_wrapper(place, "Completions.create", wrapper)
"""
PAID = {"GENMETER_DEPARTMENT": "support", "GENMETER_APPLICATION": "desk", "GENMETER_USER": "ada"}


@pytest.fixture(scope="module")
def stub() -> Iterator[StubServer]:
    with StubServer() as server:
        yield server


@pytest.fixture
def doctor(genmeter: Command, stub: StubServer, tmp_path: Path) -> Callable[..., Any]:
    """Examines a program of Python and returns the JSON; ``under`` are the words of its launcher."""

    def examine(program: str, *, under: tuple[str, ...] = (), python: tuple[str, ...] = ("python",), **env: str) -> Any:
        app = tmp_path / "app.py"
        app.write_text(program)
        done = genmeter("doctor", "--json", "--", *under, *python, app, env={**variables(stub), **PAID, **env})
        found = json.loads(done.stdout)
        assert done.returncode == int(any(one["level"] == "fault" for one in found["findings"])), done.stderr
        return found

    return examine


def faults(found: Any) -> list[str]:
    return [one["code"] for one in found["findings"] if one["level"] == "fault"]


def text(found: Any, code: str) -> str:
    return " ".join(f"{one['text']} | {one['remedy']}" for one in found["findings"] if one["code"] == code)


class TestOneProgram:
    """A program is run as it is, and each of its processes is looked into."""

    LAUNCHED = ("opentelemetry-instrument",)

    def test_a_program_that_is_metered_paid_for_and_priced_has_no_fault(self, doctor, stub):
        found = doctor(
            CALL + "call(); print('hello')", under=self.LAUNCHED, OTEL_TRACES_EXPORTER="none", OTEL_METRICS_EXPORTER="none",
            OTEL_LOGS_EXPORTER="none",
        )  # fmt: skip
        assert faults(found) == [] and found["exit_code"] == 0
        assert "meters openai" in text(found, "started") and "1 call booked, 0 of them failed" in text(found, "calls")
        assert "no_payer" not in str(found)

    def test_a_program_without_a_launcher_is_told_how_to_be_metered(self, doctor):
        found = doctor(CALL + "call()")
        assert "not_started" in faults(found)
        assert "opentelemetry-instrument" in text(found, "not_started") and "no_calls" in str(found)

    def test_a_program_that_starts_the_meter_itself_needs_no_launcher(self, doctor):
        found = doctor("import genmeter; genmeter.instrument(export='dev')\n" + CALL + "call()")
        assert faults(found) == ["receiver"] and "genmeter.instrument(export=...)" in text(found, "receiver")
        assert "1 call made, and the events of 0 came here" in text(found, "calls_elsewhere")

    @pytest.mark.parametrize(("method", "expected"), [("fork", False), ("spawn", True)])
    def test_a_worker_is_looked_into_as_well(self, doctor, method, expected):
        """A forked worker has its parent's meter. A spawned one runs the module again, but not what is below __main__."""
        program = FORKED + (
            "import genmeter\nif __name__ == '__main__':\n    genmeter.instrument()\n"
            f"    worker = multiprocessing.get_context('{method}').Process(target=call)\n    worker.start(); worker.join()"
        )
        found = doctor(program)
        assert ("not_started" in faults(found)) is expected
        assert ("no_calls" in str(found)) is expected

    def test_a_sampler_without_a_logger_provider_is_named(self, doctor):
        program = OWN + "trace.set_tracer_provider(TracerProvider(sampler=TraceIdRatioBased(0.1)))\n"
        found = doctor(program + "import genmeter; genmeter.instrument()\n" + CALL + "call()")
        assert "TraceIdRatioBased{0.1}" in text(found, "sampled_money")
        assert "the application has set up traces itself" in text(found, "own_provider")

    def test_a_program_whose_calls_go_nowhere_is_told(self, doctor):
        assert "nowhere" in faults(doctor("import genmeter; genmeter.instrument()\n" + CALL + "call()"))

    def test_another_tool_on_the_same_methods_is_named_with_its_switch(self, doctor, tmp_path):
        folder = tmp_path / "openlit"
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "sdk.py").write_text(RIVAL)
        found = doctor("import genmeter; genmeter.instrument()\nimport openlit.sdk\n" + CALL + "call()")
        assert "openlit.init(disabled_instrumentors=['openai'])" in text(found, "two_instrumentations")

    def test_calls_without_usage_price_or_payer_are_told_with_the_remedy(self, doctor):
        program = (
            "import genmeter; genmeter.instrument()\n" + CALL + "next(iter(call(stream=True)))\n"
            "import openai; openai.OpenAI().chat.completions.create(model='house-7b', messages=[])"
        )
        found = doctor(program, GENMETER_DEPARTMENT="", GENMETER_USER="")
        assert {"no_usage", "no_price"} <= set(faults(found))
        assert "house-7b" in text(found, "no_price") and "[prices]" in text(found, "no_price")
        assert "2 without department, 2 without user" in text(found, "no_payer")

    def test_an_option_that_keeps_the_meter_out_is_named(self, doctor):
        found = doctor(CALL + "call()", under=self.LAUNCHED, python=("python", "-I"))
        assert "python -I" in text(found, "python_option")

    def test_the_programs_own_sitecustomize_and_output_are_kept(self, doctor, genmeter, tmp_path):
        (tmp_path / "sitecustomize.py").write_text("print('site', flush=True)")
        done = genmeter(
            "doctor", "--", "python", "-c", "print('app'); raise SystemExit(3)", env={"PYTHONPATH": str(tmp_path)}
        )
        assert done.stderr.decode().split() == ["site", "app"]
        assert b"exit code 3" in done.stdout

    def test_a_command_that_cannot_be_started_is_one_line(self, genmeter):
        done = genmeter("doctor", "--", "no-such-command")
        assert (done.returncode, done.stdout) == (127, b"") and b"command not found: no-such-command" in done.stderr


class TestTheEnvironment:
    def examine(self, genmeter: Command, *options: str, **env: str) -> tuple[int, Any]:
        done = genmeter("doctor", "--json", *options, env=env)
        return done.returncode, json.loads(done.stdout)

    def test_the_sdks_are_listed_as_they_are_installed(self, genmeter):
        _, found = self.examine(genmeter)
        listed = {one["name"]: (one["version"], one["metered"]) for one in found["sdks"]}
        for name in ("openai", "anthropic", "groq"):
            asked = f"from importlib.metadata import version; print(version({name!r}), end='')"
            version = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout
            assert listed[name] == (version, True)

    def test_settings_that_nobody_reads_are_named_with_the_nearest(self, genmeter):
        code, found = self.examine(
            genmeter, GENMETER_LEGER="x", OTEL_TRACES_SAMPLR="always_on", OTEL_EXPORTER_OTLP_ENDPOINTS="x"
        )
        said = text(found, "unknown_setting")
        assert code == 0
        for name in ("GENMETER_LEDGER?", "OTEL_TRACES_SAMPLER?", "OTEL_EXPORTER_OTLP_ENDPOINT?"):
            assert f"did you mean {name}" in said
        code, _ = self.examine(genmeter, "--strict", GENMETER_LEGER="x")
        assert code == 1

    @pytest.mark.parametrize(
        ("variables", "code"),
        [
            ({"GENMETER_UNATTRIBUTED": "refuse"}, "settings"),
            ({"GENMETER_CONFIG": "no-such.toml"}, "settings"),
            ({"OTEL_SDK_DISABLED": "true"}, "sdk_disabled"),
            ({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "flask, genmeter"}, "instrumentation_disabled"),
            ({"OTEL_TRACES_SAMPLER": "traceidratio"}, "sampled_money"),
        ],
        ids=lambda one: "" if isinstance(one, dict) else one,
    )
    def test_what_switches_the_meter_off_is_a_fault(self, genmeter, variables, code):
        exit_code, found = self.examine(genmeter, **variables)
        assert exit_code == 1 and code in faults(found)

    def test_text_shows_each_finding_with_its_remedy_within_the_page(self, genmeter):
        done = genmeter("doctor", env={"GENMETER_LEGER": "x"})
        shown = done.stdout.decode()
        assert "warning  the variable GENMETER_LEGER is unknown" in shown and "→ did you mean GENMETER_LEDGER?" in shown
        assert max(map(len, shown.splitlines())) <= 100


class Refusing(socketserver.BaseRequestHandler):
    """An HTTP server that answers one status to each request."""

    answer = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"

    def handle(self) -> None:
        self.request.recv(65536)
        self.request.sendall(self.answer)


@pytest.fixture
def http_port(request: pytest.FixtureRequest) -> Iterator[int]:
    kind = type("Kind", (Refusing,), {"answer": f"HTTP/1.1 {request.param}\r\nContent-Length: 0\r\n\r\n".encode()})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def grpc_port() -> Iterator[int]:
    grpc = pytest.importorskip("grpc")
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


def asked(**variables: str) -> list[tuple[str, str]]:
    found = receivers.findings(receivers.from_environment(variables), variables)
    return [(one.level, f"{one.text} | {one.remedy}") for one in found]


class TestWhereTelemetryGoes:
    @pytest.mark.parametrize(
        ("http_port", "level", "words"),
        [
            ("200 OK", "fine", "takes it"),
            ("401 Unauthorized", "fault", "OTEL_EXPORTER_OTLP_HEADERS"),
            ("404 Not Found", "fault", "no such path"),
            ("500 Oh", "fault", "HTTP 500"),
        ],
        indirect=["http_port"],
    )
    def test_a_receiver_is_asked_and_its_answer_is_told(self, http_port, level, words):
        for found, said in asked(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{http_port}"):
            assert found == level and words in said

    @pytest.mark.parametrize("http_port", ["200 OK"], indirect=True)
    def test_http_is_not_taken_for_grpc(self, http_port):
        ((level, said),) = asked(
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{http_port}", OTEL_EXPORTER_OTLP_PROTOCOL="grpc"
        )
        assert level == "fault" and "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in said

    def test_grpc_is_not_taken_for_http(self, grpc_port):
        address = f"http://127.0.0.1:{grpc_port}"
        ((level, said),) = asked(OTEL_EXPORTER_OTLP_ENDPOINT=address, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
        assert level == "fine" and "takes it" in said
        ((level, said),) = asked(OTEL_EXPORTER_OTLP_ENDPOINT=address)
        assert level == "fault" and "OTEL_EXPORTER_OTLP_PROTOCOL=grpc" in said

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("http://127.0.0.1:1", "no answer"),
            ("http://no-such-host.invalid:4318", "no answer"),
            ("collector:99999", "Port out of range"),
            ("ftp://127.0.0.1", "that is no address"),
        ],
    )
    def test_an_address_that_does_not_answer_is_a_fault(self, address, words):
        ((level, said),) = asked(OTEL_EXPORTER_OTLP_ENDPOINT=address)
        assert level == "fault" and words in said

    def test_a_password_in_an_address_is_not_shown(self):
        assert "hunter2" not in str(asked(OTEL_EXPORTER_OTLP_ENDPOINT="http://ada:hunter2@127.0.0.1:1"))


def test_every_metered_sdk_is_known_and_the_tested_versions_are_those_of_the_locks():
    subprocess.run([sys.executable, ROOT / ".ci" / "tested.py", "--check"], check=True)
    from genmeter.metering.providers import PROVIDERS

    modules = {target.module for provider in PROVIDERS for target in provider.targets}
    known = {packages._WITHIN.get(one, one) for one in packages.SDKS.values()}
    # further modules of packages that are known
    known |= {"mistralai_azure", "mistralai_gcp", "google.cloud.aiplatform_v1beta1"}
    assert [one for one in modules if not any(f"{one}.".startswith(f"{root}.") for root in known)] == []


def test_records_with_money_that_are_no_call_are_told_with_their_emitter(genmeter, tmp_path):
    with Ledger.open(tmp_path / "ledger.db") as ledger:
        ledger.book_traces(traces(span(1, chat(gen_ai__operation__name="frobnicate"))))
    told = json.loads(genmeter("doctor", "--json", "--ledger", str(tmp_path / "ledger.db")).stdout)
    (found,) = [one for one in told["findings"] if one["code"] == "unread"]
    assert found["level"] == "warning" and "1 record of unnamed scope: frobnicate" in found["text"]
    assert "operation names of the GenAI conventions" in found["remedy"]
