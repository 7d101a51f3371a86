"""The floor: what genmeter exports for a call, written by hand with the OpenTelemetry API around the SDK's method.

Nothing is looked up, guarded or decided here: prices, labels and the server are constants, one call fits one function.
``parity`` proves that both export the same.
"""

from __future__ import annotations

from time import perf_counter, time_ns
from typing import Any

from opentelemetry._logs import SeverityNumber
from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind, set_span_in_context

from genmeter import names
from genmeter.pricing import Catalogue

from . import scenarios
from .sinks import Sinks

CATALOGUE = Catalogue.bundled().version
OPENAI = {names.PROVIDER: "openai", names.SERVER_ADDRESS: "api.openai.com", names.SERVER_PORT: 443}
ANTHROPIC = {names.PROVIDER: "anthropic", names.SERVER_ADDRESS: "api.anthropic.com", names.SERVER_PORT: 443}
CHAT = {**OPENAI, names.OPERATION: "chat", names.REQUEST_MODEL: "gpt-4o", names.APPLICATION: "bench"}
EMBED = {
    **OPENAI,
    names.OPERATION: "embeddings",
    names.REQUEST_MODEL: "text-embedding-3-small",
    names.APPLICATION: "bench",
}
MESSAGE = {**ANTHROPIC, names.OPERATION: "chat", names.REQUEST_MODEL: "claude-sonnet-4-5", names.APPLICATION: "bench"}
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
GPT_4O, EMBEDDING_3, SONNET = (2.5e-6, 1e-5, "openai/gpt-4o"), (2e-8, 0.0, "openai/text-embedding-3-small"), (
    3e-6, 1.5e-5, "anthropic/claude-sonnet-4-5")  # fmt: skip


class Floor:
    """The instruments, made once, and the calls by scenario name."""

    def __init__(self, sinks: Sinks) -> None:
        self.tracer = sinks.tracers.get_tracer("floor")
        self.logger = sinks.loggers.get_logger("floor")
        meter = sinks.meters.get_meter("floor")

        def histogram(name: str, buckets: Any) -> Any:
            return meter.create_histogram(name, names.UNITS[name], explicit_bucket_boundaries_advisory=buckets)

        def counter(name: str) -> Any:
            return meter.create_counter(name, names.UNITS[name])

        self.duration = histogram(names.INFERENCE_DURATION, names.SECONDS_BUCKETS)
        self.first_chunk = histogram(names.INFERENCE_FIRST_CHUNK, names.SECONDS_BUCKETS)
        self.input = histogram(names.INFERENCE_OPERATION_INPUT, names.TOKEN_BUCKETS)
        self.output = histogram(names.INFERENCE_OPERATION_OUTPUT, names.TOKEN_BUCKETS)
        self.embed_duration = histogram(names.EMBEDDINGS_DURATION, names.SECONDS_BUCKETS)
        self.embed_input = histogram(names.EMBEDDINGS_INPUT, names.TOKEN_BUCKETS)
        self.input_total, self.output_total = counter(names.INFERENCE_INPUT), counter(names.INFERENCE_OUTPUT)
        self.cost = counter(names.COST_USD)
        self.active = meter.create_up_down_counter(names.CALLS_ACTIVE, names.UNITS[names.CALLS_ACTIVE])

    # --- before and after ------------------------------------------------------------------------------------------

    def begin(self, name: str, start: dict[str, Any], active: dict[str, Any]) -> tuple[Any, Any, Any, float]:
        span = self.tracer.start_span(name, kind=SpanKind.CLIENT, attributes=start)
        context = set_span_in_context(span)
        self.active.add(1, active)
        return span, context, attach(context), perf_counter()

    def points(self, labels: dict[str, Any], took: float, into: int, out: int, cost: float, context: Any) -> None:
        self.duration.record(took, labels, context)
        self.input.record(into, labels, context)
        self.output.record(out, labels, context)
        by_modality = {**labels, names.TOKEN_MODALITY: "unknown"}
        self.input_total.add(into, by_modality, context)
        self.output_total.add(out, by_modality, context)
        self.cost.add(cost, labels, context)

    def end(self, span: Any, context: Any, start: Any, known: Any, active: Any, took: float) -> None:
        span.set_attributes(known)
        self.logger.emit(
            timestamp=time_ns(),
            context=context,
            severity_number=SeverityNumber.DEBUG,
            event_name=names.EVENT_DETAILS,
            attributes={**start, **known, names.CALL_DURATION: took},
        )
        self.active.add(-1, active, context)
        span.end()

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
