"""The floor: what genmeter exports for a call, written by hand with the OpenTelemetry API around the SDK's method.

Nothing is looked up, guarded or decided here: prices, labels and the server are constants, and only calls that succeed
and streams that are read to their end are foreseen. ``parity`` proves that both export the same.
"""

from __future__ import annotations

from time import perf_counter, time
from typing import Any

from opentelemetry.context import detach

from genmeter import names
from genmeter.model import PICO, Unpriced, Usage
from genmeter.pricing import Catalogue, Question

from . import scenarios
from .floor import Instruments

OPENAI = {names.PROVIDER: "openai", names.SERVER_ADDRESS: "api.openai.com", names.SERVER_PORT: 443}
ANTHROPIC = {names.PROVIDER: "anthropic", names.SERVER_ADDRESS: "api.anthropic.com", names.SERVER_PORT: 443}
CHAT = {**OPENAI, names.OPERATION: "chat", names.REQUEST_MODEL: "gpt-4o", names.APPLICATION: "bench"}
EMBED = {
    **OPENAI,
    names.OPERATION: "embeddings",
    names.REQUEST_MODEL: "text-embedding-3-small",
    names.APPLICATION: "bench",
}
MESSAGE = {**ANTHROPIC, names.OPERATION: "chat", names.REQUEST_MODEL: "claude-sonnet-5", names.APPLICATION: "bench"}
CHAT_ACTIVE, EMBED_ACTIVE, MESSAGE_ACTIVE = (
    {name: labels[name] for name in (names.OPERATION, names.PROVIDER, names.REQUEST_MODEL)}
    for labels in (CHAT, EMBED, MESSAGE)
)
CHAT_REQUEST = {
    names.REQUEST_TEMPERATURE: 0.5,
    names.REQUEST_MAX_TOKENS: 100,
    names.OPENAI_API_TYPE: "chat_completions",
}
EMBED_REQUEST = {names.REQUEST_ENCODING_FORMATS: ["float"]}
MESSAGE_REQUEST = {names.REQUEST_MAX_TOKENS: 100}
STREAM = {names.REQUEST_STREAM: True}
Price = tuple[float, float, str]
"""USD a token in, USD a token out, the row of the catalogue."""


def constants(seller: str, model: str, out: int = 1000) -> Price:
    """A model's price as the catalogue has it now, for the floor to know by heart."""
    cost = CATALOGUE.price(Question(seller, model, model, Usage(1000, out), time()))
    if isinstance(cost, Unpriced):
        raise LookupError(f"{model}: {cost.reason}")
    lines = dict(cost.lines)
    return lines["input"] / 1000 / PICO, lines.get("output", 0) / 1000 / PICO, cost.entry


CATALOGUE = Catalogue.bundled()
VERSION = CATALOGUE.version
GPT_4O = constants("openai", "gpt-4o")
EMBEDDING_3 = constants("openai", "text-embedding-3-small", 0)
SONNET = constants("anthropic", "claude-sonnet-5")
FINISH = {"end_turn": "stop"}


def bill(price: Price, into: int, out: int) -> dict[str, Any]:
    """The cost attributes of a text call."""
    first, second = into * price[0], out * price[1]
    known = {
        names.COST_AMOUNT: first + second,
        names.COST_CURRENCY: "USD",
        names.COST_SOURCE: "local",
        names.COST_TOTAL: first + second,
        names.COST_LINES["input"]: first,
        names.COST_STATUS: "priced",
        names.COST_CATALOGUE: VERSION,
        names.COST_ENTRY: price[2],
    }
    if out:
        known[names.COST_LINES["output"]] = second
    return known


class Floor(Instruments):
    """The calls, by the names of their scenarios."""

    # --- OpenAI ----------------------------------------------------------------------------------------------------

    def chat_done(self, span: Any, context: Any, answer: Any, took: float, finish: Any, extra: Any) -> None:
        usage = answer.usage
        into, out = usage.prompt_tokens, usage.completion_tokens
        known = {
            **CHAT_REQUEST,
            **extra,
            names.RESPONSE_ID: answer.id,
            names.RESPONSE_MODEL: answer.model,
            names.FINISH_REASONS: finish,
            names.OPENAI_RESPONSE_TIER: answer.service_tier,
            names.OPENAI_FINGERPRINT: answer.system_fingerprint,
            names.INPUT_TOKENS: into,
            names.OUTPUT_TOKENS: out,
            **bill(GPT_4O, into, out),
        }
        labels = {**CHAT, names.RESPONSE_MODEL: answer.model}
        self.points(labels, took, into, out, known[names.COST_TOTAL], context)
        if extra:
            self.first_chunk.record(extra[names.TIME_TO_FIRST_CHUNK], labels, context)
        self.end(span, context, CHAT, known, CHAT_ACTIVE, took)

    def oai_chat(self, client: Any) -> Any:
        span, context, token, begun = self.begin("chat gpt-4o", CHAT, CHAT_ACTIVE)
        answer = client.chat.completions.create(**scenarios.CHAT)
        took = perf_counter() - begun
        self.chat_done(span, context, answer, took, [choice.finish_reason for choice in answer.choices], {})
        detach(token)
        return answer

    async def oai_chat_async(self, client: Any) -> Any:
        span, context, token, begun = self.begin("chat gpt-4o", CHAT, CHAT_ACTIVE)
        answer = await client.chat.completions.create(**scenarios.CHAT)
        took = perf_counter() - begun
        self.chat_done(span, context, answer, took, [choice.finish_reason for choice in answer.choices], {})
        detach(token)
        return answer

    def oai_stream(self, client: Any) -> None:
        span, context, token, begun = self.begin("chat gpt-4o", CHAT, CHAT_ACTIVE)
        stream = client.chat.completions.create(**scenarios.CHAT_STREAM)
        detach(token)
        first, chunk, finish = None, None, None
        for chunk in stream:
            if first is None:
                first = perf_counter() - begun
            for choice in chunk.choices:
                finish = choice.finish_reason
        took = perf_counter() - begun
        self.chat_done(span, context, chunk, took, [finish], {**STREAM, names.TIME_TO_FIRST_CHUNK: first})

    async def oai_stream_async(self, client: Any) -> None:
        span, context, token, begun = self.begin("chat gpt-4o", CHAT, CHAT_ACTIVE)
        stream = await client.chat.completions.create(**scenarios.CHAT_STREAM)
        detach(token)
        first, chunk, finish = None, None, None
        async for chunk in stream:
            if first is None:
                first = perf_counter() - begun
            for choice in chunk.choices:
                finish = choice.finish_reason
        took = perf_counter() - begun
        self.chat_done(span, context, chunk, took, [finish], {**STREAM, names.TIME_TO_FIRST_CHUNK: first})

    def oai_embed(self, client: Any) -> Any:
        span, context, token, begun = self.begin("embeddings text-embedding-3-small", EMBED, EMBED_ACTIVE)
        answer = client.embeddings.create(**scenarios.EMBED)
        took = perf_counter() - begun
        into = answer.usage.prompt_tokens
        known = {
            **EMBED_REQUEST,
            names.RESPONSE_MODEL: answer.model,
            names.INPUT_TOKENS: into,
            **bill(EMBEDDING_3, into, 0),
        }
        labels = {**EMBED, names.RESPONSE_MODEL: answer.model}
        self.embed_duration.record(took, labels, context)
        self.embed_input.record(into, labels, context)
        self.cost.add(known[names.COST_TOTAL], labels, context)
        self.end(span, context, EMBED, known, EMBED_ACTIVE, took)
        detach(token)
        return answer

    # --- Anthropic -------------------------------------------------------------------------------------------------

    def message_done(self, span: Any, context: Any, answer: Any, out: int, took: float, stop: str, extra: Any) -> None:
        into = answer.usage.input_tokens
        known = {
            **MESSAGE_REQUEST,
            **extra,
            names.RESPONSE_ID: answer.id,
            names.RESPONSE_MODEL: answer.model,
            names.FINISH_REASONS: [FINISH[stop]],
            names.SERVICE_TIER: answer.usage.service_tier,
            names.INPUT_TOKENS: into,
            names.OUTPUT_TOKENS: out,
            **bill(SONNET, into, out),
        }
        labels = {**MESSAGE, names.RESPONSE_MODEL: answer.model}
        self.points(labels, took, into, out, known[names.COST_TOTAL], context)
        if extra:
            self.first_chunk.record(extra[names.TIME_TO_FIRST_CHUNK], labels, context)
        self.end(span, context, MESSAGE, known, MESSAGE_ACTIVE, took)

    def ant_msg(self, client: Any) -> Any:
        span, context, token, begun = self.begin("chat claude-sonnet-5", MESSAGE, MESSAGE_ACTIVE)
        answer = client.messages.create(**scenarios.MESSAGE)
        took = perf_counter() - begun
        self.message_done(span, context, answer, answer.usage.output_tokens, took, answer.stop_reason, {})
        detach(token)
        return answer

    async def ant_msg_async(self, client: Any) -> Any:
        span, context, token, begun = self.begin("chat claude-sonnet-5", MESSAGE, MESSAGE_ACTIVE)
        answer = await client.messages.create(**scenarios.MESSAGE)
        took = perf_counter() - begun
        self.message_done(span, context, answer, answer.usage.output_tokens, took, answer.stop_reason, {})
        detach(token)
        return answer

    def ant_stream(self, client: Any) -> None:
        span, context, token, begun = self.begin("chat claude-sonnet-5", MESSAGE, MESSAGE_ACTIVE)
        stream = client.messages.create(**scenarios.MESSAGE_STREAM)
        detach(token)
        first, answer, last = None, None, None
        for event in stream:
            if first is None:
                first = perf_counter() - begun
                answer = event.message
            elif event.type == "message_delta":
                last = event
        took = perf_counter() - begun
        extra = {**STREAM, names.TIME_TO_FIRST_CHUNK: first}
        self.message_done(span, context, answer, last.usage.output_tokens, took, last.delta.stop_reason, extra)

    async def ant_stream_async(self, client: Any) -> None:
        span, context, token, begun = self.begin("chat claude-sonnet-5", MESSAGE, MESSAGE_ACTIVE)
        stream = await client.messages.create(**scenarios.MESSAGE_STREAM)
        detach(token)
        first, answer, last = None, None, None
        async for event in stream:
            if first is None:
                first = perf_counter() - begun
                answer = event.message
            elif event.type == "message_delta":
                last = event
        took = perf_counter() - begun
        extra = {**STREAM, names.TIME_TO_FIRST_CHUNK: first}
        self.message_done(span, context, answer, last.usage.output_tokens, took, last.delta.stop_reason, extra)
