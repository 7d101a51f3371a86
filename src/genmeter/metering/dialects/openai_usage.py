"""The usage object of OpenAI's APIs and of everything that is compatible with them.

Totals are inclusive already. Source: https://platform.openai.com/docs/api-reference/chat/object (read 2026-11-21) and
the type definitions of the openai package 3.54.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ...model import MOST_TOKENS, PICO, Invocation, Response, Usage
from .counts import Parts, known_count, leave, leave_cached_audio, name_unread, read_parts, total
from .values import fields

LIFETIMES: Parts = {
    "ephemeral_5m_input_tokens": None,
    "ephemeral_30m_input_tokens": None,
    "ephemeral_1h_input_tokens": "cache_write_1h",
    "ephemeral_12h_input_tokens": "cache_write_12h",
}
INPUT: Parts = {
    "cached_tokens": "cache_read",
    "cached_tokens_details": {
        "text_tokens": None,
        "audio_tokens": "audio_cache_read",
        "image_tokens": "image_cache_read",
        "video_tokens": "video_cache_read",
        "document_tokens": "document_cache_read",
    },
    "cache_write_tokens": "cache_write",
    "cache_write_tokens_details": {"ttl_30m_tokens": None, "ttl_12h_tokens": "cache_write_12h"},
    # What gateways call a cache write: LiteLLM (its type `PromptTokensDetailsWrapper`) and Alibaba's Model Studio.
    "cache_creation_tokens": "cache_write",
    "cache_creation_input_tokens": "cache_write",
    "cache_creation_token_details": LIFETIMES,
    "cache_creation": LIFETIMES,
    "text_tokens": "text_input",
    "audio_tokens": "audio_input",
    "image_tokens": "image_input",
    "video_tokens": "video_input",
    "document_tokens": "document_input",
    "web_search_requests": "searches",
}
OUTPUT: Parts = {
    "reasoning_tokens": "reasoning",
    "text_tokens": "text_output",
    "audio_tokens": "audio_output",
    "image_tokens": "image_output",
    # Predicted tokens are in the total at its price: https://platform.openai.com/docs/guides/predicted-outputs
    "accepted_prediction_tokens": None,
    "rejected_prediction_tokens": None,
}
COUNTS: Parts = {
    "prompt_tokens": None,
    "input_tokens": None,
    "completion_tokens": None,
    "output_tokens": None,
    "total_tokens": None,
    "prompt_tokens_details": INPUT,
    "input_tokens_details": INPUT,
    # A transcription writes "token" in the singular: https://platform.openai.com/docs/api-reference/audio/json-object
    # Writer does, too.
    "input_token_details": INPUT,
    "prompt_token_details": INPUT,
    "completion_tokens_details": OUTPUT,
    "output_tokens_details": OUTPUT,
    "output_token_details": OUTPUT,
    "completion_token_details": OUTPUT,
    "reasoning_tokens": "reasoning",
    # DeepSeek and Moonshot report their cache beside the details: https://api-docs.deepseek.com/api/create-chat-completion
    "prompt_cache_hit_tokens": "cache_read",
    "prompt_cache_miss_tokens": None,
    "cached_tokens": "cache_read",
    # LiteLLM's copies of what Anthropic reports; its prompt holds them: its type `Usage`.
    "cache_read_input_tokens": "cache_read",
    "cache_creation_input_tokens": "cache_write",
    "cache_creation": LIFETIMES,
    "server_tool_use": {"web_search_requests": "searches", "web_fetch_requests": None, "tool_search_requests": None},
    # Mistral: https://docs.mistral.ai/capabilities/audio_transcription
    "prompt_audio_seconds": "audio_seconds",
    "num_cached_tokens": "cache_read",
    "request_count": None,
    # How much of Groq's cache lay in which memory: type `XGroqUsage` of the groq package.
    "dram_cached_tokens": None,
    "sram_cached_tokens": None,
}
BY_TIME: Parts = {"seconds": "audio_seconds", "prompt_audio_seconds": "audio_seconds"}
THOUGHTS_BESIDE = frozenset({"google", "vertex"})
"""Sellers whose OpenAI-shaped usage holds the thoughts in the total alone: https://ai.google.dev/gemini-api/docs/openai."""
PICO_PER_TICK = PICO // 10**10


def read_spending(raw: Any, invocation: Invocation) -> None:
    """What a call used and, where the provider states it, what it charged; the object's fields are looked up once."""
    found = fields(raw)
    invocation.usage = read_usage(found, invocation.response, invocation.seller.id in THOUGHTS_BESIDE)
    if "cost" in found or "cost_in_usd_ticks" in found:
        read_reported_cost(found, invocation.response)


def read_usage(found: Mapping[str, Any], response: Response, thoughts_beside: bool = False) -> Usage | None:
    """``usage`` of a chat completion, a response, an embedding, an image or a transcription; None if there is none.

    Counts that are not read here, and are no known part of another, are named in ``response.unpriced``.
    ``thoughts_beside``: tokens of the total that are neither input nor output are thoughts, which are billed as output.
    """
    if not found:
        return None
    inputs = _total(found, response, "prompt_tokens", "input_tokens")
    outputs = _total(found, response, "completion_tokens", "output_tokens")
    if inputs is None and outputs is None:
        return _by_time(found, response)
    usage = Usage(inputs, outputs)
    read_parts(found, COUNTS, usage, response)
    if (
        usage.cache_read
        and usage.audio_input
        and not any("cached_tokens_details" in fields(value) for value in found.values())
    ):
        leave_cached_audio("cached_tokens_details.audio_tokens", usage, response)
    stated, output = found.get("total_tokens"), outputs or 0
    if usage.reasoning > output or (stated and stated != (inputs or 0) + output):
        _settle_total(found, usage, response, thoughts_beside)
    return usage


def _by_time(found: Mapping[str, Any], response: Response) -> Usage | None:
    """A transcription that is billed by the time of its audio, rounded to the nearest second as on the price page."""
    seconds = found.get("seconds") if found.get("type") == "duration" else found.get("prompt_audio_seconds")
    others = {name: value for name, value in found.items() if value and name not in BY_TIME}
    for name, value in others.items():
        name_unread(name, value, response)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    return Usage(audio_seconds=round(seconds)) if 0 <= seconds < 2**31 else None


def _total(found: Mapping[str, Any], response: Response, older: str, newer: str) -> int | None:
    """A total under the name of chat completions or of the newer APIs; gateways write both, and zero in one of them."""
    value = found.get(older)
    if type(value) is int and 0 < value <= MOST_TOKENS:
        return value
    spelled = older if found.get(older) or found.get(newer) is None else newer
    return total(found, spelled, response)


def _settle_total(found: Mapping[str, Any], usage: Usage, response: Response, thoughts_beside: bool) -> None:
    """Account for what stands in the total, or as reasoning, and not in the input and the output.

    xAI's chat reports reasoning beside the completion: the total tells. Google's reports its thoughts in the total
    alone, Mistral the tokens of sound, which is billed by its seconds. A rest without an explanation is named, and so is
    a total that is smaller than what it is the total of.
    """
    stated, known = known_count(found.get("total_tokens")), (usage.input or 0) + (usage.output or 0)
    rest = 0 if stated is None else stated - known
    beside = usage.reasoning > (usage.output or 0)
    if usage.output is not None and (rest == usage.reasoning or (beside and stated is None)):
        usage.output += usage.reasoning
    elif usage.output is not None and rest > 0 and thoughts_beside:
        usage.output, usage.reasoning = usage.output + rest, usage.reasoning + rest
    elif (rest > 0 and not usage.audio_seconds) or (rest < 0 and stated):
        leave("total_tokens", rest, response)
    elif beside and usage.output is not None:
        leave("reasoning_tokens", usage.reasoning - usage.output, response)


def read_reported_cost(found: Mapping[str, Any], response: Response) -> None:
    """The amount in ``usage``, where the provider states it, in pico-USD: OpenRouter, xAI and Perplexity do.

    https://openrouter.ai/docs/use-cases/usage-accounting (with a key of one's own, ``is_byok``, the upstream provider's
    amount comes on top), https://docs.x.ai/developers/cost-tracking (10^10 ticks are one USD),
    https://docs.perplexity.ai/api-reference/chat-completions-post (an object, in USD).
    """
    cost, ticks = found.get("cost"), found.get("cost_in_usd_ticks")
    if cost is None and ticks is None:
        return
    if type(ticks) is int:
        amount = ticks * PICO_PER_TICK
    elif isinstance(cost, (int, float, str)):
        amount = _routed(found, cost)
    else:
        stated = fields(cost)
        amount = _pico(stated.get("total_cost")) if stated.get("currency", "USD") == "USD" else None
    if amount is not None and amount >= 0:
        response.reported_cost = amount


def _routed(found: Mapping[str, Any], cost: Any) -> int | None:
    amount = _pico(cost)
    if not found.get("is_byok"):
        return amount
    upstream = _pico(fields(found.get("cost_details")).get("upstream_inference_cost"))
    return None if amount is None or upstream is None else amount + upstream


def _pico(dollars: Any) -> int | None:
    if isinstance(dollars, bool) or not isinstance(dollars, (int, float, str)):
        return None
    try:
        # repr: the shortest decimal that means this double, which is what the provider wrote.
        amount = Decimal(str(dollars)) * PICO
    except InvalidOperation:
        return None
    return int(amount.to_integral_value()) if amount.is_finite() else None
