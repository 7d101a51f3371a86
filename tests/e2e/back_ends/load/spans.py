"""OTLP requests of many spans at nearly no cost: encoded once, then only ids and times are written over.

A sender that built each span would need a core of its own for 10,000 a second, and be what is measured.
"""

from __future__ import annotations

import itertools
import os
import struct
import time

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from genmeter.pricing.catalogue import Catalogue
from tests.e2e.back_ends.traffic import resource
from tests.ledger.otlp import Attribute, key_values

LASTED_NS = 1_500_000_000
"""How long each call says it took; it has ended when it is sent."""
SCOPE = "tests.load"
"""No instrumentation that anybody knows, so the collector counts these calls in its own metrics, priced here or not."""

# $0.75 and $4.50 a million tokens: 1,200 × 750,000 + 300 × 4,500,000 pico-dollars.
OPENAI_PICO = 2_250_000_000
# $3.00, $0.30 for what the cache had, $15.00: 1,000 × 3,000,000 + 2,000 × 300,000 + 150 × 15,000,000.
ANTHROPIC_PICO = 5_850_000_000
PAIR_PICO = OPENAI_PICO + ANTHROPIC_PICO
"""What two calls in a row cost: every batch is such pairs."""

_COMMON: dict[str, Attribute] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.conversation.id": "conv-5f1c7a52d8",
    "gen_ai.output.type": "text",
    "gen_ai.request.max_tokens": 1024,
    "gen_ai.request.temperature": 0.2,
    "gen_ai.request.top_p": 0.95,
    "gen_ai.request.stream": True,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.response.time_to_first_chunk": 0.312,
    "server.port": 443,
    "genmeter.department": "support",
    "genmeter.application": "desk",
    "deployment.environment.name": "production",
    "genmeter.response.service_tier": "standard",
    "user.id": "u-1e43a6d6b2c9a5e1a97298a7d2e6e48f",
    "session.id": "s-20261121-0042",
}
_OPENAI: dict[str, Attribute] = {
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-5.4-mini",
    "gen_ai.response.model": "gpt-5.4-mini",
    "gen_ai.usage.input_tokens": 1200,
    "gen_ai.usage.output_tokens": 300,
    "gen_ai.usage.reasoning.output_tokens": 120,
    "server.address": "api.openai.com",
    "openai.api.type": "chat_completions",
}
_ANTHROPIC: dict[str, Attribute] = {
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.response.model": "claude-sonnet-4-5-20250929",
    "gen_ai.usage.input_tokens": 3000,
    "gen_ai.usage.output_tokens": 150,
    "gen_ai.usage.cache_read.input_tokens": 2000,
    "server.address": "api.anthropic.com",
    "gen_ai.request.top_k": 40,
}
_COSTS: tuple[dict[str, Attribute], ...] = (
    {"total": 0.00225, "input": 0.0009, "output": 0.00135, "entry": "openai/gpt-5.4-mini"},
    {"total": 0.00585, "input": 0.003, "cache_read": 0.0006, "output": 0.00225, "entry": "anthropic/claude-sonnet-4-5"},
)


def call(number: int, priced: bool) -> dict[str, Attribute]:
    """The attributes of the call of this number; ``priced``: with those that genai_cost would add."""
    turn = number % 2
    made = _COMMON | (_ANTHROPIC if turn else _OPENAI)
    if priced:
        cost = _COSTS[turn]
        made |= {
            "gen_ai.usage.cost.amount": cost["total"],
            "gen_ai.usage.cost.currency": "USD",
            "gen_ai.usage.cost.source": "collector",
            "genmeter.cost.status": "priced",
            "genmeter.cost.catalogue": Catalogue.bundled().version,
        }
        made |= {f"genmeter.cost.{name}": value for name, value in cost.items()}
        if "cache_read" in cost:
            # The table of emitters does not know this sender, so nothing says that its input holds the cache.
            made["genmeter.usage.assumed"] = True
    return made


class Batch:
    """One request of ``size`` calls, each the one span of its trace; ``renewed`` makes it one that was never sent."""

    def __init__(self, service: str, size: int, *, priced: bool = False) -> None:
        if size % 2:
            raise ValueError(f"{size} calls are no pairs")
        self.size = size
        self._ids = [os.urandom(24) for _ in range(size)]
        self._times = [os.urandom(16) for _ in range(size)]
        self._bytes = bytearray(self._encode(service, priced))
        self._places = [self._places_of(number) for number in range(size)]

    def renewed(self) -> bytes:
        """The request with new ids, whose calls end now."""
        data, ids = self._bytes, os.urandom(24 * self.size)
        ended = time.time_ns()
        began, ended = struct.pack("<Q", ended - LASTED_NS), struct.pack("<Q", ended)
        for first, (trace, span, start, end, response) in zip(itertools.count(0, 24), self._places, strict=False):
            one = ids[first : first + 24]
            data[trace : trace + 16] = one[:16]
            data[span : span + 8] = one[16:]
            data[start : start + 8] = began
            data[end : end + 8] = ended
            data[response : response + 48] = one.hex().encode()
        return bytes(data)

    def _encode(self, service: str, priced: bool) -> bytes:
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add(resource=resource(service))
        inner = group.scope_spans.add(scope=InstrumentationScope(name=SCOPE, version="1"))
        for number, (ids, times) in enumerate(zip(self._ids, self._times, strict=True)):
            attributes = call(number, priced) | {"gen_ai.response.id": ids.hex()}
            began, ended = struct.unpack("<QQ", times)
            inner.spans.add(
                trace_id=ids[:16],
                span_id=ids[16:],
                name=f"chat {attributes['gen_ai.request.model']}",
                kind=Span.SPAN_KIND_CLIENT,
                start_time_unix_nano=began,
                end_time_unix_nano=ended,
                attributes=key_values(attributes),
            )
        return request.SerializeToString()

    def _places_of(self, number: int) -> list[int]:
        ids, times = self._ids[number], self._times[number]
        trace, span, began, ended, response = ids[:16], ids[16:], times[:8], times[8:], ids.hex().encode()
        places = [self._bytes.find(part) for part in (trace, span, began, ended, response)]
        if -1 in places:
            raise ValueError("an id or a time is not found in the encoded request")
        return places
