"""OTLP requests built by hand, field by field, for the tests of ledger, reports and server."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

ROOT = Path(__file__).parents[2]
INHERITED = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)])}
"""Environment of a Python process that finds what this one finds; run it in ``ROOT``."""

NOON = 1_795_262_400_000_000_000
"""2026-11-21T12:00:00Z in Unix ns."""
SECOND = 10**9
Attribute = str | bool | int | float | list[str]


def any_value(value: Attribute) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    made = AnyValue()
    made.array_value.values.extend(any_value(item) for item in value)
    return made


def key_values(attributes: Mapping[str, Attribute]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def chat(**changes: Attribute | None) -> dict[str, Attribute]:
    """Attributes of a priced chat call: 1,000 tokens in, 200 out, $0.0125. Dots are written as two underscores."""
    attributes: dict[str, Attribute | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.model": "gpt-5-2026",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 200,
        "gen_ai.usage.cost.amount": 0.0125,
        "gen_ai.usage.cost.currency": "USD",
        "gen_ai.usage.cost.source": "local",
        "genmeter.cost.status": "priced",
        **{name.replace("__", "."): value for name, value in changes.items()},
    }
    return {name: value for name, value in attributes.items() if value is not None}


def span(
    number: int,
    attributes: Mapping[str, Attribute],
    *,
    trace: int = 1,
    parent: int = 0,
    started_ns: int = NOON,
    seconds: float = 2,
    failed: bool = False,
    name: str = "chat gpt-5",
) -> Span:
    return Span(
        trace_id=trace.to_bytes(16, "big"),
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name,
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=started_ns,
        end_time_unix_nano=started_ns + round(seconds * SECOND),
        attributes=key_values(attributes),
        status=Status(code=Status.STATUS_CODE_ERROR, message="it failed") if failed else None,
    )


def traces(*spans: Span, **resource: Attribute) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    group = request.resource_spans.add()
    names = {name.replace("__", "."): value for name, value in resource.items()} or {"service.name": "shop"}
    group.resource.attributes.extend(key_values(names))
    group.scope_spans.add().spans.extend(spans)
    return request


def details(
    number: int, attributes: Mapping[str, Attribute], *, trace: int = 1, ended_ns: int = NOON + 2 * SECOND
) -> ExportLogsServiceRequest:
    """The usage event of the call whose span has this number."""
    request = ExportLogsServiceRequest()
    group = request.resource_logs.add()
    group.resource.attributes.extend(key_values({"service.name": "shop"}))
    record = group.scope_logs.add().log_records.add()
    record.event_name = "gen_ai.client.inference.operation.details"
    record.trace_id, record.span_id = trace.to_bytes(16, "big"), number.to_bytes(8, "big")
    record.time_unix_nano = ended_ns
    record.attributes.extend(key_values(attributes))
    return request
