"""Questions to the servers of a stack by their own APIs, asked until the answer is there or the time is up."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode

from genmeter.ledger import Call, Ledger
from genmeter.reports import calls
from tests.stack.loopback import get as get_text
from tests.stack.loopback import get_json
from tests.stack.stack import Stack

T = TypeVar("T")
WITHIN = 30.0
STEP = 0.1
LOOKBACK_SECONDS = 24 * 3600


class NotThere(AssertionError):
    """The time is up; the message shows the question and the last answer."""


@dataclass(frozen=True)
class Span:
    """A span as Jaeger gives it back; ids are hex, attributes have their own types."""

    name: str
    span_id: str
    parent_id: str
    kind: str | int
    scope: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    status: dict[str, Any]


@dataclass(frozen=True)
class Line:
    """A line of Loki with its labels and structured metadata together."""

    time_ns: int
    text: str
    attributes: dict[str, str]


@dataclass(frozen=True)
class Sample:
    """One series of an instant query."""

    labels: dict[str, str]
    value: float


def until(ask: Callable[[], T], enough: Callable[[T], Any] = bool, *, within: float = WITHIN, what: str = "") -> T:
    """Ask again and again until the answer is enough. A server that does not answer yet is asked again too."""
    deadline = time.monotonic() + within
    while True:
        try:
            answer = ask()
            if enough(answer):
                return answer
            last = repr(answer)
        except (OSError, ValueError) as error:
            last = repr(error)
        if time.monotonic() > deadline:
            raise NotThere(f"{what or ask} is not there after {within:.0f} s; last answer: {last[:2000]}")
        time.sleep(STEP)


def jaeger_trace(stack: Stack, trace_id: str, *, spans: int = 1, within: float = WITHIN) -> list[Span]:
    """The trace's spans, once there are at least so many."""
    url = f"{stack.jaeger.url}/api/v3/traces/{trace_id}"

    def ask() -> list[Span]:
        found = get_json(url, absent=(404,))
        return _spans(found["result"]) if found else []

    return until(ask, lambda found: len(found) >= spans, within=within, what=f"{spans} spans at {url}")


def jaeger_search(
    stack: Stack,
    service: str,
    tags: dict[str, str] | None = None,
    *,
    least: int = 1,
    limit: int = 1500,
    within: float = WITHIN,
) -> list[dict[str, Any]]:
    """Traces of a service in which a span has these attributes (as text), once there are at least so many.

    This is the older API, whose traces have traceID and spans: the newer one, at this version, ignores attributes
    without a word. With ``least=0`` it is asked once.
    """  # fmt: skip
    asked: dict[str, str | int] = {"service": service, "lookback": "24h", "limit": limit}
    url = f"{stack.jaeger.url}/api/traces?{urlencode(asked | ({'tags': json.dumps(tags)} if tags else {}))}"

    def ask() -> list[dict[str, Any]]:
        found: dict[str, list[dict[str, Any]] | None] = get_json(url, absent=(404,)) or {}
        return found.get("data") or []

    return until(ask, lambda found: len(found) >= least, within=within, what=f"{least} traces at {url}")


def loki_lines(stack: Stack, query: str, *, least: int = 1, limit: int = 5000, within: float = WITHIN) -> list[Line]:
    """The lines that a LogQL query selects in the last day, oldest first, once there are at least so many."""

    def ask() -> list[Line]:
        now = time.time_ns()
        span = {"start": now - LOOKBACK_SECONDS * 10**9, "end": now + 600 * 10**9, "direction": "forward"}
        asked = urlencode({"query": query, "limit": limit} | span)
        found = get_json(f"{stack.loki.url}/loki/api/v1/query_range?{asked}")
        lines = [
            Line(int(entry[0]), entry[1], stream["stream"])
            for stream in found["data"]["result"]
            for entry in stream["values"]
        ]
        return sorted(lines, key=lambda line: line.time_ns)

    return until(ask, lambda found: len(found) >= least, within=within, what=f"{least} lines of {query}")


def prom_query(
    stack: Stack,
    promql: str,
    enough: Callable[[list[Sample]], Any] = bool,
    *,
    within: float = WITHIN,
) -> list[Sample]:
    """The series of an instant query, once they are enough; at first: any."""

    def ask() -> list[Sample]:
        found = get_json(f"{stack.prometheus.url}/api/v1/query?{urlencode({'query': promql})}")
        return [Sample(series["metric"], float(series["value"][1])) for series in found["data"]["result"]]

    return until(ask, enough, within=within, what=promql)


def prom_exemplars(stack: Stack, promql: str, *, least: int = 1, within: float = WITHIN) -> list[dict[str, Any]]:
    """The exemplars of the selected series of the last day (labels with trace_id and span_id, value, timestamp)."""

    def ask() -> list[dict[str, Any]]:
        now = time.time()
        asked = urlencode({"query": promql, "start": now - LOOKBACK_SECONDS, "end": now + 600})
        found = get_json(f"{stack.prometheus.url}/api/v1/query_exemplars?{asked}")
        return [exemplar for series in found["data"] for exemplar in series["exemplars"]]

    return until(ask, lambda found: len(found) >= least, within=within, what=f"{least} exemplars of {promql}")


def ledger_calls(stack: Stack, *, least: int = 1, limit: int = 1_000_000, within: float = WITHIN) -> list[Call]:
    """The booked calls, newest first, once there are at least so many.

    Read from the ledger's file beside the service, because its API gives out 500 at most; money is exact.
    """
    with Ledger.open(stack.ledger.data / "ledger.db") as ledger:
        return until(
            lambda: calls(ledger, limit=limit),
            lambda found: len(found) >= least,
            within=within,
            what=f"{least} calls in the ledger",
        )


def collector_metrics(stack: Stack) -> dict[str, list[Sample]]:
    """The collector's own metrics by name; a counter's ends in _total, whether or not it is written so."""
    status, text = get_text(f"http://127.0.0.1:{stack.otelcol.ports['metrics']}/metrics")
    if status != 200:
        raise ValueError(f"the collector's metrics answer {status}: {text[:500]}")
    return _exposition(text)


def ledger_metrics(stack: Stack) -> dict[str, list[Sample]]:
    """The ledger's /metrics, by name."""
    status, text = get_text(f"{stack.ledger.url}/metrics", stack.ledger.token)
    if status != 200:
        raise ValueError(f"the ledger's metrics answer {status}: {text[:500]}")
    return _exposition(text)


def _spans(document: dict[str, Any]) -> list[Span]:
    found: list[Span] = []
    for part in document.get("resourceSpans", []):
        resource = _attributes(part.get("resource", {}))
        # A span that was sent twice is given once, beside a scope that has none: hence .get.
        for scoped in part.get("scopeSpans", []):
            for span in scoped.get("spans", []):
                found.append(
                    Span(
                        name=span["name"],
                        span_id=span["spanId"],
                        parent_id=span.get("parentSpanId", ""),
                        kind=span.get("kind", 0),
                        scope=scoped.get("scope", {}).get("name", ""),
                        attributes=_attributes(span),
                        resource=resource,
                        status=span.get("status", {}),
                    )
                )
    return found


def _attributes(holder: dict[str, Any]) -> dict[str, Any]:
    return {entry["key"]: _value(entry.get("value", {})) for entry in holder.get("attributes", [])}


def _value(value: dict[str, Any]) -> Any:
    for kind, content in value.items():
        if kind == "intValue":
            return int(content)
        if kind == "doubleValue":
            return float(content)
        if kind == "arrayValue":
            return [_value(item) for item in content.get("values", [])]
        if kind == "kvlistValue":
            return {entry["key"]: _value(entry.get("value", {})) for entry in content.get("values", [])}
        return content
    return None


def _exposition(text: str) -> dict[str, list[Sample]]:
    from prometheus_client.parser import text_string_to_metric_families

    found: dict[str, list[Sample]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(Sample(dict(sample.labels), sample.value))
    return found
