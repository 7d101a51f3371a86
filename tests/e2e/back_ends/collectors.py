"""The real collector in front of sinks: any configuration, a store of its own, what it logs and measures of itself."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.back_ends.sinks import GrpcSink, HttpSink, attribute
from tests.stack import ports
from tests.stack.roster import CONFIG, program
from tests.stack.server import Server, wait
from tests.stack.watchdog import Watchdog

VARIANTS = CONFIG / "variants"
COMPLAINTS = re.compile(r"\t(warn|error|fatal|panic)\t|deprecat", re.IGNORECASE)


@dataclass
class Collector:
    """A running collector and the sinks behind it."""

    server: Server
    jaeger: GrpcSink
    ledger: HttpSink
    loki: HttpSink
    prometheus: HttpSink

    def post(self, signal: str, body: bytes, token: str = "") -> int:
        """Send an OTLP/HTTP request; the status of the answer."""
        headers = {"Content-Type": "application/x-protobuf"} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = urllib.request.Request(f"{self.server.url}/v1/{signal}", body, headers, method="POST")
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    def traces(self, *spans: Span, scope: str = "a.library", resource: Mapping[str, Any] | None = None) -> None:
        """Send spans of one resource and scope, and see them accepted."""
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        group.resource.attributes.extend(attribute(*pair) for pair in (resource or {"service.name": "shop"}).items())
        inner = group.scope_spans.add()
        inner.scope.name = scope
        inner.spans.extend(spans)
        assert self.post("traces", request.SerializeToString()) == 200

    def log(self, event: str, attributes: Mapping[str, Any], body: Any = None, scope: str = "a.library") -> None:
        """Send one event, and see it accepted."""
        request = ExportLogsServiceRequest()
        group = request.resource_logs.add()
        group.resource.attributes.append(attribute("service.name", "shop"))
        inner = group.scope_logs.add()
        inner.scope.name = scope
        record = inner.log_records.add(time_unix_nano=time.time_ns(), event_name=event)
        record.trace_id, record.span_id = os.urandom(16), os.urandom(8)
        record.attributes.extend(attribute(*pair) for pair in attributes.items())
        if body is not None:
            record.body.CopyFrom(attribute("", body).value)
        assert self.post("logs", request.SerializeToString()) == 200

    def counter(self, name: str, *points: tuple[int, float], delta: bool = False) -> None:
        """Send the points (Unix nanoseconds, value) of one monotonic sum, and see them accepted."""
        request = ExportMetricsServiceRequest()
        group = request.resource_metrics.add()
        group.resource.attributes.append(attribute("service.name", "shop"))
        metric = group.scope_metrics.add().metrics.add(name=name)
        metric.sum.aggregation_temporality, metric.sum.is_monotonic = (1 if delta else 2), True
        for at, value in points:
            metric.sum.data_points.add(time_unix_nano=at, start_time_unix_nano=at - 10**9, as_double=value)
        assert self.post("metrics", request.SerializeToString()) == 200

    def complaints(self) -> list[str]:
        """Warnings, errors and words of deprecation in its log so far."""
        return [line for line in self.server.log.read_text().splitlines() if COMPLAINTS.search(line)]


def span(attributes: Mapping[str, Any], *, name: str = "chat", seconds: float = 1.5, **fields: Any) -> Span:
    """A finished client span, with ids of its own where none are given."""
    now = time.time_ns()
    fields = {"trace_id": os.urandom(16), "span_id": os.urandom(8), **fields}
    made = Span(name=name, kind=Span.SPAN_KIND_CLIENT, **fields)
    made.start_time_unix_nano, made.end_time_unix_nano = now - int(seconds * 10**9), now
    made.attributes.extend(attribute(*pair) for pair in attributes.items())
    return made


def call(model: str = "gpt-4o", input_tokens: int = 1000, output_tokens: int = 100, **more: Any) -> dict[str, Any]:
    """What an instrumentation that knows no prices says of a chat at OpenAI."""
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.usage.input_tokens": input_tokens,
        "gen_ai.usage.output_tokens": output_tokens,
        **more,
    }


@contextlib.contextmanager
def running(folder: Path, *configs: Path, env: Mapping[str, str] | None = None) -> Iterator[Collector]:
    """A collector with these files laid over each other, before four sinks; all gone at the end."""
    http, grpc_port, health, own = ports.free(4)
    with contextlib.ExitStack() as held:
        jaeger, ledger = held.enter_context(GrpcSink()), held.enter_context(HttpSink())
        loki, prometheus = held.enter_context(HttpSink()), held.enter_context(HttpSink())
        watchdog = held.enter_context(contextlib.closing(Watchdog()))
        token = folder / "token"
        token.write_text("a-token\n", encoding="utf-8")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL", "GENMETER_"))}
        server = Server(
            name="otelcol",
            url=f"http://127.0.0.1:{http}",
            ports={"otlp_http": http, "otlp_grpc": grpc_port, "health": health, "metrics": own},
            command=[str(program("otelcol")), *(f"--config={path}" for path in configs)],
            environment=clean
            | {
                "OTELCOL_OTLP_HTTP": f"127.0.0.1:{http}",
                "OTELCOL_OTLP_GRPC": f"127.0.0.1:{grpc_port}",
                "OTELCOL_HEALTH": f"127.0.0.1:{health}",
                "OTELCOL_METRICS_HOST": "127.0.0.1",
                "OTELCOL_METRICS_PORT": str(own),
                "OTELCOL_STORE": str(folder / "store"),
                "OTELCOL_DERIVED_INTERVAL": "1s",
                "JAEGER_OTLP": jaeger.address,
                "LEDGER_OTLP": ledger.url,
                "LOKI_OTLP": f"{loki.url}/otlp",
                "PROMETHEUS_OTLP": f"{prometheus.url}/api/v1/otlp",
                "LEDGER_TOKEN_FILE": str(token),
                "GATEWAY_TOKEN_FILE": str(token),
                "OTELCOL_GATEWAY": ledger.url,
            }
            | dict(env or {}),
            ready=f"http://127.0.0.1:{health}/",
            config=configs[0],
            data=folder / "data",
            log=folder / "log",
            watchdog=watchdog,
        )
        server.launch()
        try:
            wait([server])
            yield Collector(server, jaeger, ledger, loki, prometheus)
        finally:
            if server.process is not None:
                server.end()


def validate(folder: Path, configs: Sequence[Path]) -> str:
    """What ``validate`` has against these files; empty where nothing."""
    token = folder / "token"
    token.write_text("a-token\n", encoding="utf-8")
    places = {"OTELCOL_STORE": folder / "store", "LEDGER_TOKEN_FILE": token, "GATEWAY_TOKEN_FILE": token}
    command = [program("otelcol"), "validate", *(f"--config={path}" for path in configs)]
    done = subprocess.run(
        command, env=os.environ | {key: str(path) for key, path in places.items()}, capture_output=True, text=True
    )
    return "" if done.returncode == 0 else f"exit {done.returncode}: {done.stderr}"
