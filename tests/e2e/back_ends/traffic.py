"""A sender as applications have it: calls as spans, events and a counter; what is acknowledged is never sent again.

What is refused or broken off is sent again until it is acknowledged, as SDK exporters do, with the limit of time left
out: a test must know that whatever is missing had been acknowledged.
"""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Self
from urllib.parse import urlsplit

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.ledger.otlp import Attribute, key_values

Key = tuple[str, str]
"""Trace id and span id, in hex."""
COUNTER = "probe.calls"
EVENT = "gen_ai.client.inference.operation.details"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
RETRY_SECONDS = 0.05
WHOLE = (b"", b"\n\x00")
"""Bodies of an answer that took the whole request: no partial success, or an empty one."""
MILLISECOND = 10**6
# gpt-5.4-mini at OpenAI: $0.75 and $4.50 a million tokens, so 750,000 and 4,500,000 pico-dollars a token.
INPUT_PICO, OUTPUT_PICO = 750_000, 4_500_000


@dataclass(frozen=True)
class Post:
    """One OTLP request: where it goes and what it holds."""

    path: str
    body: bytes
    calls: int = 0


def traces(*spans: Span, resource: Resource) -> Post:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add(resource=resource)
    group.scope_spans.add().spans.extend(spans)
    return _post("/v1/traces", request, len(spans))


def logs(*records: LogRecord, resource: Resource) -> Post:
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add(resource=resource)
    group.scope_logs.add().log_records.extend(records)
    return _post("/v1/logs", request)


def metrics(*made: Metric, resource: Resource) -> Post:
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add(resource=resource)
    group.scope_metrics.add().metrics.extend(made)
    return _post("/v1/metrics", request)


def _post(path: str, request: Message, calls: int = 0) -> Post:
    return Post(path, request.SerializeToString(), calls)


def resource(service: str, instance: str = "one") -> Resource:
    return Resource(attributes=key_values({"service.name": service, "service.instance.id": instance}))


class Call(NamedTuple):
    """A call as its application reports it, and what it costs."""

    span: Span
    event: LogRecord
    key: Key
    pico: int


def call(number: int, began_ns: int, **changes: Attribute | None) -> Call:
    """The call of this number. Even ones arrive unpriced and genai_cost prices them, odd ones carry their amount."""
    trace_id, span_id = os.urandom(16), os.urandom(8)
    tokens = 1000 + number
    attributes: dict[str, Attribute | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5.4-mini",
        "gen_ai.response.model": "gpt-5.4-mini",
        "gen_ai.usage.input_tokens": tokens,
        "gen_ai.usage.output_tokens": 200,
    }
    pico = tokens * INPUT_PICO + 200 * OUTPUT_PICO
    if number % 2:
        pico = 10_000_000_000 + number * 1_000_000  # a cent and some millionths of a dollar: not the book's price
        attributes |= {
            "gen_ai.usage.cost.amount": pico / 10**12,
            "gen_ai.usage.cost.currency": "USD",
            "gen_ai.usage.cost.source": "local",
            "genmeter.cost.status": "priced",
        }
    attributes |= {name.replace("__", "."): value for name, value in changes.items()}
    written = key_values({name: value for name, value in attributes.items() if value is not None})
    # A microsecond apart: Loki takes lines of one stream that are alike in text and time for the same line.
    started, ended = began_ns + number * 1000, began_ns + 10**8 + number * 1000
    span = Span(
        trace_id=trace_id,
        span_id=span_id,
        name="chat gpt-5.4-mini",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=started,
        end_time_unix_nano=ended,
        attributes=written,
    )
    event = LogRecord(event_name=EVENT, trace_id=trace_id, span_id=span_id, time_unix_nano=ended, attributes=written)
    return Call(span, event, (trace_id.hex(), span_id.hex()), pico)


@dataclass
class Traffic:
    """The requests of one service: every call as a span and as its event, and a counter of the calls so far."""

    service: str
    calls: int
    together: int = 5
    posts: list[Post] = field(default_factory=list)
    pico: dict[Key, int] = field(default_factory=dict)
    """What each call costs."""

    def __post_init__(self) -> None:
        source = resource(self.service)
        began = time.time_ns() - self.calls * MILLISECOND
        for first in range(0, self.calls, self.together):
            made = [call(number, began) for number in range(first, min(first + self.together, self.calls))]
            self.pico |= {one.key: one.pico for one in made}
            self.posts.append(traces(*(one.span for one in made), resource=source))
            self.posts.append(logs(*(one.event for one in made), resource=source))
            # Prometheus counts in milliseconds: two values within one are a conflict, and cost both requests.
            at = began + (first + 1) * MILLISECOND
            self.posts.append(metrics(counter(len(self.pico), began, at), resource=source))


def counter(value: int, since_ns: int, at_ns: int, name: str = COUNTER) -> Metric:
    """A cumulative counter at one moment."""
    metric = Metric(name=name, unit="{call}")
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    metric.sum.data_points.add(as_int=value, start_time_unix_nano=since_ns, time_unix_nano=at_ns)
    return metric


def post(url: str, request: Post, timeout: float = 10.0, token: str = "") -> tuple[int, bytes]:
    """Send once: status and body. OSError or HTTPException when the answer does not come."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=timeout)
    try:
        headers = PROTOBUF | ({"Authorization": f"Bearer {token}"} if token else {})
        connection.request("POST", request.path, request.body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Sender:
    """Sends requests from several threads in the background, each until it is acknowledged.

    ``pause`` spreads them in time; ``timeout`` is how long a thread waits for an answer before it tries again.
    """

    def __init__(
        self, url: str, posts: Iterable[Post], *, threads: int = 4, pause: float = 0.0, timeout: float = 10.0
    ) -> None:
        self._url, self._pause, self._timeout = url, pause, timeout
        self._waiting = deque(posts)
        self._left = len(self._waiting)
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]
        self.acknowledged = 0
        """Calls whose span was acknowledged."""
        self.again: dict[str, int] = {}
        """Attempts that brought no acknowledgement, by what came instead."""
        self.refused: list[tuple[int, bytes]] = []
        """Answers that say that sending again is useless."""

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stopped = True
        for thread in self._threads:
            thread.join()

    def wait_for(self, calls: int, within: float = 30.0) -> None:
        """Return when so many calls are acknowledged."""
        self._wait(lambda: self.acknowledged >= calls or self.refused, within)

    def wait_for_all(self, within: float = 60.0) -> None:
        """Return when every request has been acknowledged or refused for good."""
        self._wait(lambda: self._left == 0, within)

    def _wait(self, done, within: float) -> None:
        with self._changed:
            if not self._changed.wait_for(done, within):
                raise TimeoutError(f"{self._left} requests are not acknowledged after {within:.0f} s; {self.again}")

    def _run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        address = urlsplit(self._url)
        while not self._stopped:
            with self._changed:
                request = self._waiting.popleft() if self._waiting else None
                if request is None and self._left == 0:
                    break
            if request is None:
                time.sleep(RETRY_SECONDS)
                continue
            if connection is None:
                connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=self._timeout)
            try:
                connection.request("POST", request.path, request.body, PROTOBUF)
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                status, body = 0, type(error).__name__.encode()
                connection.close()
                connection = None
            self._settle(request, status, body)
            time.sleep(self._pause if status == 200 else RETRY_SECONDS)
        if connection is not None:
            connection.close()

    def _settle(self, request: Post, status: int, body: bytes) -> None:
        with self._changed:
            if status == 200 and body in WHOLE:
                self.acknowledged += request.calls
                self._left -= 1
            elif status in (0, 429, 502, 503, 504):
                what = body.decode() if status == 0 else str(status)
                self.again[what] = self.again.get(what, 0) + 1
                self._waiting.appendleft(request)
            else:
                self.refused.append((status, body))
                self._left -= 1
            self._changed.notify_all()
