"""OTLP receivers on loopback that remember what they took, and refuse or hang when a test says so.

``HttpSink`` plays the ledger, Loki and Prometheus (OTLP/HTTP, protobuf, any path ending in v1/traces, v1/logs,
v1/metrics); ``GrpcSink`` plays Jaeger. Only what was answered with success counts as taken.
"""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

import grpc
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

REQUESTS: dict[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
FIELDS = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
}
HANG_SECONDS = 60.0


class Item(NamedTuple):
    """One span, log record or metric, with the attributes of its resource and the name of its scope."""

    resource: dict[str, Any]
    scope: str
    record: Any

    @property
    def attributes(self) -> dict[str, Any]:
        """The record's own attributes as plain values."""
        return plain(self.record.attributes)


class Taken(NamedTuple):
    """One request that was answered with success."""

    signal: str
    path: str
    headers: Mapping[str, str]
    message: Any
    at: float

    def items(self) -> Iterator[Item]:
        """Its spans, log records or metrics."""
        resources, scopes, records = FIELDS[self.signal]
        for one in getattr(self.message, resources):
            resource = plain(one.resource.attributes)
            for scope in getattr(one, scopes):
                yield from (Item(resource, scope.scope.name, record) for record in getattr(scope, records))


def plain(pairs: Any) -> dict[str, Any]:
    """OTLP attributes as a dict of plain values."""
    return {pair.key: _value(pair.value) for pair in pairs}


def attribute(key: str, value: Any) -> KeyValue:
    """One OTLP attribute from a plain value: str, bool, int, float, or a list or dict of these."""
    return KeyValue(key=key, value=_any(value))


def until(condition: Callable[[], Any], what: str, seconds: float = 15) -> Any:
    """Wait for a condition and give its value; AssertionError with ``what`` was awaited."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)
    return value


class _Memory:
    """What came in, and how to look at it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: list[Taken] = []
        self.refused = 0
        """Requests that were answered with an error, or with nothing."""
        self.awake = threading.Event()
        """Set at the end: a hanging answer is let go."""

    @property
    def taken(self) -> list[Taken]:
        """Every request taken so far."""
        with self._lock:
            return list(self._taken)

    def take(self, signal: str, path: str, headers: Mapping[str, str], message: Any) -> None:
        """Remember a request."""
        with self._lock:
            self._taken.append(Taken(signal, path, headers, message, time.time()))

    def refuse(self) -> None:
        """Count a request that was not taken."""
        with self._lock:
            self.refused += 1

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._taken.clear()
            self.refused = 0

    @property
    def spans(self) -> list[Item]:
        """Every span, as often as it came."""
        return self._items("traces")

    @property
    def logs(self) -> list[Item]:
        """Every log record."""
        return self._items("logs")

    @property
    def metrics(self) -> list[Item]:
        """Every metric of every request, in the order of arrival."""
        return self._items("metrics")

    def latest(self, name: str) -> dict[frozenset[tuple[str, Any]], Any]:
        """The last point of each series of a metric, by the attributes of point and resource."""
        points: dict[frozenset[tuple[str, Any]], Any] = {}
        for item in self.metrics:
            if item.record.name == name:
                data = getattr(item.record, item.record.WhichOneof("data"))
                for point in data.data_points:
                    points[frozenset({**item.resource, **plain(point.attributes)}.items())] = point
        return points

    def _items(self, signal: str) -> list[Item]:
        return [item for request in self.taken if request.signal == signal for item in request.items()]


class HttpSink(_Memory):
    """An OTLP/HTTP receiver. ``answer`` is the status that it gives from now on; ``hang`` keeps senders waiting."""

    def __init__(self, port: int = 0) -> None:
        super().__init__()
        self.answer = 200
        self.hang = False
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = _body(self)
                if sink.hang:
                    sink.refuse()
                    sink.awake.wait(HANG_SECONDS)
                    self.close_connection = True
                    return
                self._answer(sink.answer if sink.answer != 200 else self._take(body))

            def _take(self, body: bytes) -> int:
                signal = self.path.rpartition("/")[2]
                if signal not in REQUESTS:
                    return 404
                message = REQUESTS[signal]()
                message.ParseFromString(body)
                sink.take(signal, self.path, dict(self.headers.items()), message)
                return 200

            def _answer(self, status: int) -> None:
                if status != 200:
                    sink.refuse()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.awake.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


class GrpcSink(_Memory):
    """An OTLP/gRPC receiver of traces. ``answer`` is the status code that it gives from now on; None is success."""

    def __init__(self) -> None:
        super().__init__()
        self.answer: grpc.StatusCode | None = None
        self.hang = False
        self._server = grpc.server(
            ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 32 << 20), ("grpc.so_reuseport", 0)]
        )
        export = grpc.unary_unary_rpc_method_handler(
            self._export,
            request_deserializer=ExportTraceServiceRequest.FromString,
            response_serializer=ExportTraceServiceResponse.SerializeToString,
        )
        service = "opentelemetry.proto.collector.trace.v1.TraceService"
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": export}),))
        self._port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.awake.set()
        self._server.stop(grace=1).wait()

    def _export(self, message: Any, context: grpc.ServicerContext) -> ExportTraceServiceResponse:
        if self.hang:
            self.refuse()
            self.awake.wait(HANG_SECONDS)
        elif self.answer is not None:
            self.refuse()
            context.abort(self.answer, "as the test wants it")
        else:
            self.take("traces", "/Export", {}, message)
        return ExportTraceServiceResponse()


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding", "").lower() == "chunked":
        parts: list[bytes] = []
        while size := int(handler.rfile.readline(), 16):
            parts.append(handler.rfile.read(size))
            handler.rfile.readline()
        handler.rfile.readline()
        body = b"".join(parts)
    else:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
    return gzip.decompress(body) if handler.headers.get("Content-Encoding") == "gzip" else body


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    if kind == "kvlist_value":
        return plain(value.kvlist_value.values)
    return getattr(value, kind) if kind else None


def _any(value: Any) -> AnyValue:
    made = AnyValue()
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, str):
        made.string_value = value
    elif isinstance(value, int):
        made.int_value = value
    elif isinstance(value, float):
        made.double_value = value
    elif isinstance(value, list):
        made.array_value.values.extend(_any(one) for one in value)
        made.array_value.SetInParent()
    else:
        made.kvlist_value.values.extend(attribute(key, one) for key, one in value.items())
        made.kvlist_value.SetInParent()
    return made
