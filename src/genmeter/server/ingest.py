"""The OTLP/HTTP receiver: one POST per signal, answered when its calls are on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from google.protobuf.json_format import MessageToJson
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from genmeter.ledger import BadPayload, Booked, Encoding, Ledger, StorageError, TooLarge
from genmeter.ledger.decode import metrics
from genmeter.ledger.metric_only import MetricOnly
from genmeter.server.activity import Activity
from genmeter.server.http import Answer, Environ, Refused, body_of, content_type, waited_for
from genmeter.server.series import Series, count_points

RETRY_SECONDS = 5
NO_METRICS = "this ledger books calls from spans and events; send metrics to Prometheus, or leave them out"
_log = logging.getLogger(__name__)
RPC_CODES = {400: 3, 401: 16, 403: 7, 413: 8, 415: 3, 503: 14}
"""HTTP status → google.rpc.Code, for the Status message that OTLP wants in the body of a refusal."""


@dataclass(frozen=True, slots=True)
class BodySizes:
    """Bounds on one request body, in bytes, as sent and unpacked."""

    body: int = 20 << 20
    unpacked: int = 32 << 20


class _Taken(NamedTuple):
    received: int
    rejected: int = 0
    reason: str = ""
    ignored: int = 0


class Receiver:
    """Takes OTLP posts into the ledger, and metrics into ``series``; without it they are declined in the answer."""

    def __init__(self, ledger: Ledger, series: Series | None, activity: Activity, limits: BodySizes) -> None:
        self._ledger, self._series, self._activity, self.limits = ledger, series, activity, limits
        self._metric_only = MetricOnly(ledger.store)
        self._takers: dict[str, Callable[[bytes, Encoding], _Taken]] = {
            "traces": self._traces,
            "logs": self._logs,
            "metrics": self._metrics,
        }

    def take(self, signal: str, environ: Environ) -> Answer:
        """Answer one POST: 200 once it is committed, 4xx when sending it again is useless, 503 when it is not."""
        try:
            encoding = Encoding(content_type(environ))
        except ValueError:
            self._activity.add("refused", signal)
            return refusal(415, "send OTLP as application/x-protobuf or application/json", Encoding.JSON)
        try:
            with body_of(environ, self.limits.body, self.limits.unpacked) as body:
                answer = self._book(signal, body, encoding)
        except Refused as error:
            self._activity.add("deferred" if error.status == 503 else "refused", signal)
            return refusal(error.status, str(error), encoding)
        return Answer(200, encoding.value, _write(answer, encoding))

    def receive(self, signal: str, body: bytes) -> bytes:
        """The protobuf answer to one protobuf request, once it is committed. Raises ``Refused`` as ``take`` answers."""
        try:
            with waited_for(body):
                return self._book(signal, body, Encoding.PROTOBUF).SerializeToString()
        except Refused as error:
            self._activity.add("deferred" if error.status == 503 else "refused", signal)
            raise

    def _book(self, signal: str, body: bytes, encoding: Encoding) -> Message:
        try:
            taken = self._takers[signal](body, encoding)
        except BadPayload as error:
            raise Refused(413 if isinstance(error, TooLarge) else 400, str(error)) from None
        except StorageError as error:
            if self._activity.fail(str(error)):
                _log.warning("%s", error)
            raise Refused(503, str(error)) from None
        self._activity.add("batches", signal)
        self._activity.add("records", signal, taken.received)
        self._activity.add("rejected", signal, taken.rejected)
        self._activity.add("ignored", signal, taken.ignored)
        return _accepted(signal, taken)

    def _traces(self, body: bytes, encoding: Encoding) -> _Taken:
        return self._booked(self._ledger.book_traces(body, encoding))

    def _logs(self, body: bytes, encoding: Encoding) -> _Taken:
        return self._booked(self._ledger.book_logs(body, encoding))

    def _metrics(self, body: bytes, encoding: Encoding) -> _Taken:
        request = metrics(body, encoding)
        # metrics are not booked: a ledger that cannot write refuses none of them
        with suppress(StorageError):
            self._metric_only.look(request)
        if self._series is not None:
            return _Taken(self._series.take(request, encoding))
        points = count_points(request)
        return _Taken(points, reason=NO_METRICS, ignored=points)

    def _booked(self, booked: Booked) -> _Taken:
        if self._activity.succeed():
            _log.info("the ledger takes batches again")
        self._activity.booked(booked.ended_ns)
        ignored = booked.received - booked.rejected - len(booked.ended_ns)
        return _Taken(booked.received, booked.rejected, booked.reason, ignored)


def refusal(status: int, message: str, encoding: Encoding) -> Answer:
    """An OTLP error answer in the request's own encoding; a 503 says when to come back."""
    headers = (("Retry-After", str(RETRY_SECONDS)),) if status == 503 else ()
    return Answer(
        status, encoding.value, _write(Status(code=RPC_CODES.get(status, 2), message=message), encoding), headers
    )


def _accepted(signal: str, taken: _Taken) -> Message:
    if signal == "traces":
        answer: Message = (spans := ExportTraceServiceResponse())
        if taken.rejected:
            spans.partial_success.rejected_spans, spans.partial_success.error_message = taken.rejected, taken.reason
    elif signal == "logs":
        answer = logs = ExportLogsServiceResponse()
        if taken.rejected:
            logs.partial_success.rejected_log_records, logs.partial_success.error_message = taken.rejected, taken.reason
    else:
        answer = points = ExportMetricsServiceResponse()
        if taken.ignored:
            points.partial_success.rejected_data_points = taken.ignored
            points.partial_success.error_message = taken.reason
    return answer


def _write(message: Message, encoding: Encoding) -> bytes:
    return MessageToJson(message).encode() if encoding is Encoding.JSON else message.SerializeToString()
