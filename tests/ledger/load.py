"""A realistic mix of calls, and what a ledger needs for each: bytes on disk, processor time, time of reports.

``python -m tests.ledger.load --calls 1000000`` prints the figures. Applications, users, sessions, models, cache counts
and ids are drawn from a seed, so two versions of the code can be given the same calls.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from genmeter import names
from genmeter.ledger import Ledger
from genmeter.reports import calls, receipt, spend
from tests.ledger.otlp import NOON, SECOND, Attribute, key_values

BATCH = 500
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Model(NamedTuple):
    """A model with its prices of one token in pico-USD: input, cache read, cache write (0 for none), output."""

    provider: str
    name: str
    answered: str
    prices: tuple[int, int, int, int]
    response: str


MODELS = (
    Model("openai", "gpt-5", "gpt-5-2025-08-07", (1_250_000, 125_000, 0, 10_000_000), "resp_"),
    Model("openai", "gpt-5-mini", "gpt-5-mini-2025-08-07", (250_000, 25_000, 0, 2_000_000), "chatcmpl-"),
    Model("openai", "gpt-4.1", "gpt-4.1-2025-04-14", (2_000_000, 500_000, 0, 8_000_000), "chatcmpl-"),
    Model("openai", "text-embedding-3-small", "text-embedding-3-small", (20_000, 0, 0, 0), ""),
    Model("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5-20250929", (3_000_000, 300_000, 3_750_000, 15_000_000), "msg_01"),
    Model("anthropic", "claude-haiku-4-5", "claude-haiku-4-5-20251001", (1_000_000, 100_000, 1_250_000, 5_000_000), "msg_01"),
    Model("gcp.gemini", "gemini-2.5-flash", "gemini-2.5-flash", (300_000, 30_000, 0, 2_500_000), "gemini"),
    Model("mistral_ai", "mistral-large-latest", "mistral-large-2411", (2_000_000, 0, 0, 6_000_000), "hex"),
    Model("aws.bedrock", "anthropic.claude-sonnet-4-5-v1:0", "", (3_000_000, 300_000, 3_750_000, 15_000_000), ""),
)  # fmt: skip


class Sent(NamedTuple):
    """One call as both of its signals tell it."""

    trace: bytes
    span: bytes
    parent: bytes
    started_ns: int
    duration_ns: int
    attributes: dict[str, Attribute]
    application: int


def response_id(dice: random.Random, kind: str) -> str:
    """A response id in the form that the sellers of that kind give."""
    match kind:
        case "chatcmpl-" | "msg_01":
            return kind + "".join(dice.choices(ALPHABET, k=29 if kind == "chatcmpl-" else 22))
        case "resp_":
            return f"resp_{dice.randbytes(24).hex()}"
        case "hex":
            return dice.randbytes(16).hex()
        case "gemini":
            return "".join(dice.choices(ALPHABET, k=22))
        case _:
            return ""


def drawn(seed: int, number: int) -> Iterator[Sent]:
    """That many calls, in the order of their time: up to six of a session, up to four of a trace, 20 a second."""
    dice = random.Random(seed)
    users = [f"u-{dice.randbytes(16).hex()}" for _ in range(max(number // 100, 10))]
    sessions: list[tuple[str, str, int]] = []
    trace, parent, left = b"", b"", 0
    for n in range(number):
        if not left:
            trace, parent, left = dice.randbytes(16), dice.randbytes(8), dice.choice((1, 1, 2, 3, 4))
            if len(sessions) < 200 or dice.randrange(3) == 0:
                sessions = sessions[-200:]
                sessions.append(
                    (dice.choice(users), str(uuid.UUID(int=dice.getrandbits(128), version=4)), dice.randrange(12))
                )
            user, session, application = dice.choice(sessions)
        left -= 1
        yield Sent(
            *(trace, dice.randbytes(8), parent if dice.randrange(3) else b""),
            NOON + n * SECOND // 20,
            dice.randrange(300 * 10**6, 20 * SECOND),
            _attributes(dice, dice.choice(MODELS), user, session, application),
            application,
        )


def _attributes(dice: random.Random, model: Model, user: str, session: str, application: int) -> dict[str, Attribute]:
    embedding = model.prices[3] == 0
    read = dice.randrange(1_000, 20_000) if model.prices[1] and dice.randrange(5) < 3 else 0
    written = dice.randrange(1_000, 5_000) if model.prices[2] and dice.randrange(5) == 0 else 0
    counts = {"input": dice.randrange(50, 8_000) + read + written}
    if model.prices[1]:
        counts["cache_read"] = read
    if model.prices[2]:
        counts["cache_write"] = written
    if not embedding:
        counts["output"] = dice.randrange(5, 1_500)
    if model.name.startswith("gpt-5"):
        counts["reasoning"] = dice.randrange(0, counts["output"])
    billed = (counts["input"] - read - written, read, written, counts.get("output", 0))
    lines = {
        kind: count * price
        for kind, count, price in zip(
            ("input", "cache_read", "cache_write", "output"), billed, model.prices, strict=True
        )
        if price and count
    }
    answer = response_id(dice, model.response)
    said: dict[str, Attribute | None] = {
        names.OPERATION: "embeddings" if embedding else "chat",
        names.PROVIDER: model.provider,
        names.REQUEST_MODEL: model.name,
        names.RESPONSE_MODEL: model.answered or None,
        names.RESPONSE_ID: answer or None,
        names.SERVER_ADDRESS: f"api.{model.provider.split('.')[0]}.com" if model.provider != "aws.bedrock" else None,
        names.FINISH_REASONS: None if embedding else [dice.choice(("stop", "stop", "stop", "tool_calls", "length"))],
        names.TIME_TO_FIRST_CHUNK: dice.randrange(200, 3_000) / 1_000 if not embedding and dice.randrange(2) else None,
        names.USER_ID: user,
        names.SESSION_ID: session,
        names.DEPARTMENT: f"department-{application % 5}",
        names.APPLICATION: f"application-{application}",
        names.ERROR_TYPE: "RateLimitError" if dice.randrange(100) == 0 else None,
        names.COST_AMOUNT: sum(lines.values()) / 10**12,
        names.COST_CURRENCY: "USD",
        names.COST_SOURCE: "local",
        names.COST_STATUS: "priced",
        names.COST_CATALOGUE: "2026-11-20",
        names.COST_ENTRY: f"{model.provider}/{model.name}",
        **{names.USAGE_TOKENS[field]: count for field, count in counts.items()},
        **{names.COST_LINES[kind]: pico / 10**12 for kind, pico in lines.items()},
    }  # fmt: skip
    return {name: value for name, value in said.items() if value is not None}


def resource(application: int) -> dict[str, Attribute]:
    return {
        names.SERVICE_NAME: f"service-{application}",
        names.ENVIRONMENT: ("production", "staging")[application % 4 == 0],
    }


def by_application(batch: Sequence[Sent]) -> Iterator[tuple[int, list[Sent]]]:
    for application in sorted({call.application for call in batch}):
        yield application, [call for call in batch if call.application == application]


def as_events(batch: Sequence[Sent]) -> bytes:
    """The calls as genmeter's own events."""
    request = ExportLogsServiceRequest()
    for application, sent in by_application(batch):
        group = request.resource_logs.add()
        group.resource.attributes.extend(key_values(resource(application)))
        scope = group.scope_logs.add()
        scope.scope.name = names.SCOPE
        for call in sent:
            more: dict[str, Attribute] = {names.CALL_DURATION: call.duration_ns / SECOND}
            if call.parent:
                more[names.PARENT_SPAN] = call.parent.hex()
            record = scope.log_records.add(
                event_name=names.EVENT_DETAILS, trace_id=call.trace, span_id=call.span, time_unix_nano=call.started_ns + call.duration_ns
            )  # fmt: skip
            record.attributes.extend(key_values({**call.attributes, **more}))
    return request.SerializeToString()


def as_spans(batch: Sequence[Sent]) -> bytes:
    """The calls as genmeter's own spans."""
    request = ExportTraceServiceRequest()
    for application, sent in by_application(batch):
        group = request.resource_spans.add()
        group.resource.attributes.extend(key_values(resource(application)))
        scope = group.scope_spans.add()
        scope.scope.name = names.SCOPE
        for call in sent:
            span = scope.spans.add(
                trace_id=call.trace, span_id=call.span, parent_span_id=call.parent,
                name=f"{call.attributes[names.OPERATION]} {call.attributes[names.REQUEST_MODEL]}",
                kind=Span.SPAN_KIND_CLIENT, start_time_unix_nano=call.started_ns, end_time_unix_nano=call.started_ns + call.duration_ns,
            )  # fmt: skip
            span.attributes.extend(key_values(call.attributes))
    return request.SerializeToString()


def batches(seed: int, number: int) -> Iterator[list[Sent]]:
    batch: list[Sent] = []
    for call in drawn(seed, number):
        batch.append(call)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def fill(ledger: Ledger, seed: int, number: int, signals: str) -> tuple[float, float]:
    """Book that many calls by their ``signals`` (events, spans, both); processor and wall seconds of the booking alone."""
    cpu = wall = 0.0
    for batch in batches(seed, number):
        events = as_events(batch) if signals != "spans" else b""
        spans = as_spans(batch) if signals != "events" else b""
        began, began_wall = time.process_time(), time.perf_counter()
        if events:
            ledger.book_logs(events)
        if spans:
            ledger.book_traces(spans)
        cpu, wall = cpu + time.process_time() - began, wall + time.perf_counter() - began_wall
    return cpu, wall


def tables(path: Path) -> dict[str, int]:
    """Bytes of each table and index of the file, the largest first."""
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC").fetchall()
    connection.close()
    return dict(found)


def main() -> None:
    """The figures of a ledger."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=13)
    parser.add_argument("--signals", choices=("events", "spans", "both"), default="events")
    parser.add_argument("--keep", type=Path, help="leave the ledger in this file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = args.keep or Path(folder) / "ledger.db"
        with Ledger.open(path, max_rows=None) as ledger:
            cpu, wall = fill(ledger, args.seed, args.calls, args.signals)
            began = time.process_time()
            while ledger.upkeep() or ledger.tidy():
                pass
            kept = time.process_time() - began
        print(f"{args.calls:,} calls as {args.signals}: {path.stat().st_size / args.calls:.0f} bytes a call, ", end="")
        print(f"{cpu / args.calls * 10**6:.1f} µs of a processor and {wall / args.calls * 10**6:.1f} µs of time a call")
        print(
            f"sums by day and session, and the check of all sums: {kept / args.calls * 10**6:.1f} µs of a processor a call"
        )
        for name, size in list(tables(path).items())[:12]:
            print(f"  {name:24} {size / args.calls:6.1f} bytes a call")
        with Ledger.open(path, max_rows=None) as ledger:
            for name, ask in {
                "spend by model": lambda: spend(ledger),
                "spend by user": lambda: spend(ledger, by="user"),
                "spend by session": lambda: spend(ledger, by="session"),
                "spend by day": lambda: spend(ledger, by="day"),
                "spend by department, model": lambda: spend(ledger, by=("department", "model")),
                "spend of an hour": lambda: spend(
                    ledger, since=datetime(2026, 11, 21, 13, tzinfo=UTC), until=datetime(2026, 11, 21, 14, tzinfo=UTC)
                ),
                "receipt": lambda: receipt(ledger),
                "totals": ledger.store.totals,
                "newest calls": lambda: calls(ledger, limit=100),
            }.items():
                began = time.perf_counter()
                ask()
                print(f"  {name:28} {time.perf_counter() - began:6.3f} s")


if __name__ == "__main__":
    main()
