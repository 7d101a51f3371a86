"""A recording made the same on every day: ids, times, tokens of answers and measured durations are rewritten."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from tests.stub.server import FIXED_TOKEN

NOON = 1_795_176_000
"""2026-11-20T12:00:00Z, the moment at which the first recorded call begins."""
_SECOND = 10**9
_MEASURED = ("duration", "time_to", "time_per", "ttft", "tbt", "latency")
_MEASURED_AS = 0.25

Json = dict[str, Any]


class Frozen:
    """Names every trace and span by its order, and every call by its number.

    ``spans`` and ``events`` are OTLP JSON groups (``scopeSpans``, ``scopeLogs``); a call takes one second.
    """

    def __init__(self) -> None:
        self.spans: list[Json] = []
        self.events: list[Json] = []
        self._traces: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def add(self, number: int, spans: Message | None, events: Message | None) -> list[Json]:
        """Take what one call exported; returns its spans as they are kept, in the order in which they began."""
        kept: list[Json] = []
        for scope, span in _records(spans, "resourceSpans", "scopeSpans", "spans"):
            kept.append(self._span(number, span))
            self.spans.append({"scope": scope, "spans": [kept[-1]]})
        for scope, record in _records(events, "resourceLogs", "scopeLogs", "logRecords"):
            self.events.append({"scope": scope, "logRecords": [self._event(number, record)]})
        return kept

    def _span(self, number: int, span: Json) -> Json:
        start = (NOON + number) * _SECOND
        kept = {
            "traceId": self._trace(span["traceId"]),
            "spanId": self._id(span["spanId"]),
            **({"parentSpanId": self._id(span["parentSpanId"])} if "parentSpanId" in span else {}),
            "name": span["name"],
            "kind": span["kind"],
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + _SECOND // 2),
            "attributes": self._attributes(number, span.get("attributes", [])),
        }
        if "status" in span:
            kept["status"] = {key: value for key, value in span["status"].items() if key == "code"}
        return kept

    def _event(self, number: int, record: Json) -> Json:
        ended = str((NOON + number) * _SECOND + _SECOND // 2)
        return {
            "timeUnixNano": ended,
            "observedTimeUnixNano": ended,
            **{key: record[key] for key in ("eventName", "severityNumber", "severityText") if key in record},
            "attributes": self._attributes(number, record.get("attributes", [])),
            "traceId": self._trace(record["traceId"]),
            "spanId": self._id(record["spanId"]),
        }

    def _attributes(self, number: int, pairs: list[Json]) -> list[Json]:
        """Sorted, with this call's own token in the ids of its answer, without the paths of this machine."""
        told = [pair for pair in pairs if pair["key"] != "exception.stacktrace"]
        text = json.dumps(sorted(told, key=lambda pair: str(pair["key"])))
        kept: list[Json] = json.loads(text.replace(FIXED_TOKEN, f"{number:024x}"))
        for pair in kept:
            key, value = pair["key"], pair["value"]
            if "doubleValue" in value and any(word in key for word in _MEASURED):
                value["doubleValue"] = _MEASURED_AS
            if key.endswith("span_id"):
                value["stringValue"] = self._id(value["stringValue"])
        return kept

    def _trace(self, identity: str) -> str:
        return self._traces.setdefault(identity, f"{len(self._traces) + 1:032x}")

    def _id(self, identity: str) -> str:
        return self._ids.setdefault(identity, f"{len(self._ids) + 1:016x}")


def _records(message: Message | None, group: str, scopes: str, records: str) -> Iterable[tuple[Json, Json]]:
    if message is None:
        return
    found = [
        (scoped["scope"], record)
        for one in MessageToDict(message, use_integers_for_enums=True).get(group, [])
        for scoped in one.get(scopes, [])
        for record in scoped.get(records, [])
    ]
    # a parent ends, and is exported, after its children
    found.sort(key=lambda pair: int(pair[1].get("startTimeUnixNano", 0)))
    for scope, record in found:
        yield {key: scope[key] for key in ("name", "version") if key in scope}, record


def write(recording: Json) -> str:
    """One line for every span, event and expectation, so that a change shows where it is."""
    lines = ["{"]
    for key in ("emitter", "note", "source", "versions"):
        if key in recording:
            lines.append(f"{json.dumps(key)}: {json.dumps(recording[key], ensure_ascii=False)},")
    for key, inner in (("resourceSpans", "scopeSpans"), ("resourceLogs", "scopeLogs")):
        for group in recording[key]:
            scopes = ",\n".join(json.dumps(one, ensure_ascii=False) for one in group[inner])
            resource = json.dumps(group["resource"])
            lines.append(f'"{key}": [{{"resource": {resource}, "{inner}": [\n{scopes}\n]}}],')
        if not recording[key]:
            lines.append(f'"{key}": [],')
    expect = ",\n".join(
        f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in recording["expect"].items()
    )
    lines.append(f'"expect": {{\n{expect}\n}}')
    return "\n".join(lines) + "\n}\n"
