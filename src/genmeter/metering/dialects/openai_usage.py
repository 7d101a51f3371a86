"""The usage object of OpenAI's APIs and of everything that is compatible with them.

Totals are inclusive already. Source: https://platform.openai.com/docs/api-reference/chat/object (read 2026-11-21) and
the type definitions of the openai package 3.54.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ...model import PICO, Invocation, Response, Usage
from .values import NOTHING, Parts, fields, known_count, read_parts, total

INPUT_NAMES = (
    ("prompt_tokens", ("prompt_tokens_details",)),
    # A transcription writes "token" in the singular: https://platform.openai.com/docs/api-reference/audio/json-object
    ("input_tokens", ("input_tokens_details", "input_token_details")),
)
OUTPUT_NAMES = (
    ("completion_tokens", ("completion_tokens_details",)),
    ("output_tokens", ("output_tokens_details", "output_token_details")),
)
BESIDE: Parts = {
    **dict.fromkeys((name for total, details in (*INPUT_NAMES, *OUTPUT_NAMES) for name in (total, *details))),
    "total_tokens": None,
    "reasoning_tokens": "reasoning",
    # DeepSeek and Moonshot report their cache beside the details: https://api-docs.deepseek.com/api/create-chat-completion
    "prompt_cache_hit_tokens": "cache_read",
    "prompt_cache_miss_tokens": None,
    "cached_tokens": "cache_read",
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
    "text_tokens": "text_input",
    "audio_tokens": "audio_input",
    "image_tokens": "image_input",
    "video_tokens": "video_input",
    "document_tokens": "document_input",
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
PICO_PER_TICK = PICO // 10**10
Spelling = tuple[str, tuple[str, ...]]


def read_spending(raw: Any, invocation: Invocation) -> None:
    """What a call used and, where the provider states it, what it charged; the object's fields are looked up once."""
    found = fields(raw)
    invocation.usage = read_usage(found, invocation.response)
    read_reported_cost(found, invocation.response)


def read_usage(raw: Any, response: Response) -> Usage | None:
    """``usage`` of a chat completion, a response, an embedding, an image or a transcription; None if there is none.

    Counts that are not read here, and are no known part of another, are named in ``response.unpriced``.
    """
    found = fields(raw)
    if not found:
        return None
    inputs, input_details = _total(found, response, *INPUT_NAMES)
    outputs, output_details = _total(found, response, *OUTPUT_NAMES)
    if inputs is None and outputs is None:
        return _by_time(found)
    usage = Usage(inputs, outputs)
    read_parts(found, BESIDE, usage, response)
    # After what stands beside them: the details count, where both are told.
    if input_details:
        read_parts(input_details, INPUT, usage, response)
    if output_details:
        read_parts(output_details, OUTPUT, usage, response)
    _repair_reasoning(found, usage)
    return usage


def _by_time(found: Mapping[str, Any]) -> Usage | None:
    """A transcription that is billed by the time of its audio, rounded to the nearest second as on the price page."""
    seconds = found.get("seconds")
    if found.get("type") != "duration" or isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    return Usage(audio_seconds=round(seconds)) if 0 <= seconds < 2**31 else None


def _total(
    found: Mapping[str, Any], response: Response, older: Spelling, newer: Spelling
) -> tuple[int | None, Mapping[str, Any]]:
    """A total and its details, under the names of chat completions or of the newer APIs."""
    spelled, names = older if found.get(older[0]) is not None else newer
    for name in names:
        details = found.get(name)
        if details:
            return total(found, spelled, response), fields(details)
    return total(found, spelled, response), NOTHING


def _repair_reasoning(found: Mapping[str, Any], usage: Usage) -> None:
    """xAI's chat reports reasoning beside the completion; the total tells."""
    stated = known_count(found.get("total_tokens"))
    if stated is None or usage.input is None or usage.output is None or not usage.reasoning:
        return
    if stated == usage.input + usage.output + usage.reasoning:
        usage.output += usage.reasoning


def read_reported_cost(raw: Any, response: Response) -> None:
    """The amount in ``usage``, where the provider states it, in pico-USD: OpenRouter, xAI and Perplexity do.

    https://openrouter.ai/docs/use-cases/usage-accounting (with a key of one's own, ``is_byok``, the upstream provider's
    amount comes on top), https://docs.x.ai/developers/cost-tracking (10^10 ticks are one USD),
    https://docs.perplexity.ai/api-reference/chat-completions-post (an object, in USD).
    """
    found = fields(raw)
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
