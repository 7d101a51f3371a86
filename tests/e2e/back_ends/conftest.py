"""One stack of real servers for all tests of a session, real apps that send to it, and the servers' logs on failure.

Tests share the stores, so each sends under a service name of its own and asks only for that.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Generator, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from genmeter import names
from genmeter.ledger import Call
from tests.demo.__main__ import variables
from tests.stack import Stack
from tests.stack.asking import jaeger_trace, ledger_calls, prom_query, until
from tests.stub import StubServer

ROOT = Path(__file__).parents[3]
LAUNCHER = Path(sys.executable).parent / "opentelemetry-instrument"
PICO = 10**12


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the ends of the servers' logs with a failure."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(stack, Stack):
        report.sections += [(f"end of the log of {server.name}", server.tail()) for server in stack.running]
    return report


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """All servers with the shipped configuration, started once."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


def oldest(name: str) -> Path:
    """The program of Debian 12's package ("prometheus-old"): the oldest that we support; promtool, amtool lie beside it.

    On Debian 12 it must be there. Elsewhere a test that asks for what cannot be fetched is skipped, with the reason.
    """
    code, said = _fetched(name)
    if code == 0:
        return Path(said)
    if _system() == "bookworm":
        pytest.fail(said)
    pytest.skip(said)


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    except OSError:  # not one of those systems
        return ""


@cache
def _fetched(name: str) -> tuple[int, str]:
    command = [sys.executable, ROOT / ".ci" / "servers", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.strip() if done.returncode else done.stdout.split("  ")[-1].strip()


def service(name: str) -> str:
    """A service name that nobody else uses."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


def run(stub: StubServer, endpoint: str, name: str, script: Path, **settings: str) -> None:
    """Run an app under OpenTelemetry's launcher, as a user would, with OTLP to `endpoint`."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "GENMETER_"))}
    exporting = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_SERVICE_NAME": name,
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
    }
    done = subprocess.run(
        [LAUNCHER, sys.executable, script],
        env=clean | variables(stub) | exporting | settings,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "export" not in done.stderr.lower(), done.stderr


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """POST past any proxy; the status of an answer that is no error."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, data=body, headers=headers), timeout=20) as answer:
        return answer.status


def send(url: str, recording: dict[str, Any]) -> None:
    """Send recorded spans and log records as OTLP/JSON."""
    for key, path in (("resourceSpans", "/v1/traces"), ("resourceLogs", "/v1/logs")):
        if recording.get(key):
            body = json.dumps({key: recording[key]}).encode()
            assert post(url + path, body, {"Content-Type": "application/json"}) == 200


def mark(stack: Stack) -> None:
    """Send a call that no app has metered and wait until it is everywhere: what was sent before it then is as well.

    To Prometheus leads one queue with one consumer, so a series that is not there now will not come.
    """
    name, trace_id = service("marker"), uuid.uuid4().hex
    send(stack.otlp_http, {"resourceSpans": [foreign_call(name, trace_id)]})
    prom_query(stack, f'genmeter_collector_calls_total{{job="{name}"}}')
    jaeger_trace(stack, trace_id)
    booked(stack, name, least=1)


def foreign_call(name: str, trace_id: str) -> dict[str, Any]:
    """A span with tokens and without a cost, as any instrumentation in any language might send it."""
    times = {"startTimeUnixNano": "1795176001000000000", "endTimeUnixNano": "1795176001500000000"}
    span = {
        "traceId": trace_id,
        "spanId": uuid.uuid4().hex[:16],
        "name": "chat gpt-4o",
        "kind": 3,
        **times,
        **_THOUSAND,
    }
    return {**_resource(name), "scopeSpans": [{"scope": {"name": "elsewhere"}, "spans": [span]}]}


def foreign_event(name: str, trace_id: str) -> dict[str, Any]:
    """The same call as an event that has just been written."""
    ids = {"traceId": trace_id, "spanId": uuid.uuid4().hex[:16], "timeUnixNano": str(time.time_ns())}
    record = {**ids, "eventName": names.EVENT_DETAILS, **_THOUSAND}
    return {**_resource(name), "scopeLogs": [{"scope": {"name": "elsewhere"}, "logRecords": [record]}]}


_THOUSAND = {
    "attributes": [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.provider.name", "value": {"stringValue": "openai"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
        {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1000"}},
        {"key": "gen_ai.usage.output_tokens", "value": {"intValue": "100"}},
    ]
}
"""A thousand tokens in and a hundred out; gpt-4o's list price is 2.50 and 10.00 USD per million."""


def _resource(name: str) -> dict[str, Any]:
    return {"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": name}}]}}


def booked(stack: Stack, name: str, *, least: int) -> list[Call]:
    """The ledger's calls of a service, once there are so many."""
    return until(
        lambda: [call for call in ledger_calls(stack) if call.service == name],
        lambda found: len(found) >= least,
        what=f"{least} calls of {name} in the ledger",
    )


def pico(dollars: float) -> int:
    """Pico-USD of a double, rounded once and exactly."""
    return round(Fraction(dollars) * PICO)
