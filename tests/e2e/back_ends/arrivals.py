"""What has arrived in each of the four stores, asked by their own APIs."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from genmeter.ledger.call import EVENT, SPAN
from tests.e2e.back_ends.traffic import Key
from tests.stack import Stack
from tests.stack.loopback import get_json

PICO = 10**12
T = TypeVar("T")


class Booked(NamedTuple):
    """A call in the ledger: its cost, and whether both its span and its event have reported it."""

    pico: int | None
    both: bool


def booked(stack: Stack, service: str) -> dict[Key, Booked]:
    """The ledger's calls of a service, from its file: its own API shows the newest 500 only."""
    file = stack.ledger.data / "ledger.db"
    connection = sqlite3.connect(f"file:{quote(str(file))}?mode=ro", uri=True)
    try:
        question = "SELECT trace_id, span_id, cost_pico, signals FROM calls WHERE service = ?"
        rows = connection.execute(question, (service,)).fetchall()
    finally:
        connection.close()
    return {(trace_id, span_id): Booked(pico, signals == SPAN | EVENT) for trace_id, span_id, pico, signals in rows}


def money(stack: Stack) -> tuple[int, dict[str, int]]:
    """All that the ledger says it has booked, in pico-dollars, and its counters."""
    summary = get_json(f"{stack.ledger.url}/api/summary", stack.ledger.token)
    return int(Decimal(summary["cost"].get("USD", "0")) * PICO), summary["counters"]


def spans(stack: Stack, service: str, limit: int = 5000) -> list[dict[str, Any]]:
    """Jaeger's spans of a service as it stored them, so with what was delivered twice."""
    query = urlencode({"service": service, "limit": limit, "lookback": "2h", "raw": "true"})
    found = get_json(f"{stack.jaeger.url}/api/traces?{query}", absent=(404,))
    return [span for trace in (found or {}).get("data") or [] for span in trace["spans"]]


def span_keys(stack: Stack, service: str) -> list[Key]:
    return [(span["traceID"].zfill(32), span["spanID"].zfill(16)) for span in spans(stack, service)]


def lines(stack: Stack, service: str, hours: float = 2) -> list[tuple[dict[str, str], str]]:
    """Loki's lines of a service: the labels with the structured metadata, and the text."""
    began = time.time_ns() - int(hours * 3600 * 10**9)
    until = time.time_ns() + 10**12
    query = urlencode({"query": f'{{service_name="{service}"}}', "limit": 5000, "start": began, "end": until})
    found = get_json(f"{stack.loki.url}/loki/api/v1/query_range?{query}")
    return [(stream["stream"], line) for stream in found["data"]["result"] for _, line in stream["values"]]


def line_keys(stack: Stack, service: str) -> list[Key]:
    return [(labels["trace_id"], labels["span_id"]) for labels, _ in lines(stack, service)]


def sample(stack: Stack, series: str) -> float | None:
    """Prometheus' value of a series now, None when it has none."""
    found = get_json(f"{stack.prometheus.url}/api/v1/query?{urlencode({'query': series})}")
    results = found["data"]["result"]
    if len(results) > 1:
        raise ValueError(f"{series} are {len(results)} series")
    return float(results[0]["value"][1]) if results else None


def wait(ask: Callable[[], T], arrived: Callable[[T], bool], within: float = 30.0) -> T:
    """Ask until all has arrived or the time is over; the last answer either way, for the test to judge."""
    deadline = time.monotonic() + within
    while True:
        try:
            answer = ask()
            if arrived(answer) or time.monotonic() > deadline:
                return answer
        except (OSError, ValueError, sqlite3.OperationalError):
            # a server that has just been started
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)
