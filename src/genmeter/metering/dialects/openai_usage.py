"""The usage object of OpenAI's APIs and of everything that is compatible with them.

Totals are inclusive already. Source: https://platform.openai.com/docs/api-reference/chat/object (read 2026-11-21) and
the type definitions of the openai package 3.54.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from ...model import PICO, Invocation, Response, Usage
from .values import NOTHING, count, fields, known_count

INPUT_NAMES = (
    ("prompt_tokens", ("prompt_tokens_details",)),
    # A transcription writes "token" in the singular: https://platform.openai.com/docs/api-reference/audio/json-object
    ("input_tokens", ("input_tokens_details", "input_token_details")),
)
OUTPUT_NAMES = (
    ("completion_tokens", ("completion_tokens_details",)),
    ("output_tokens", ("output_tokens_details", "output_token_details")),
)
CACHED_BESIDE = ("prompt_cache_hit_tokens", "cached_tokens")
PICO_PER_TICK = PICO // 10**10
Spelling = tuple[str, tuple[str, ...]]


def read_spending(raw: Any, invocation: Invocation) -> None:
    """What a call used and, where the provider states it, what it charged; the object's fields are looked up once."""
    found = fields(raw)
    invocation.usage = read_usage(found)
    read_reported_cost(found, invocation.response)


def read_usage(raw: Any) -> Usage | None:
    """``usage`` of a chat completion, a response, an embedding, an image or a transcription; None if there is none."""
    found = fields(raw)
    if not found:
        return None
    inputs, input_details = _total(found, *INPUT_NAMES)
    outputs, output_details = _total(found, *OUTPUT_NAMES)
    if inputs is None and outputs is None:
        return _by_time(found)
    usage = Usage(inputs, outputs)
    if input_details:
        _read_input(input_details, usage)
    if output_details:
        _read_output(output_details, usage)
    # DeepSeek and Moonshot report their cache beside the details: https://api-docs.deepseek.com/api/create-chat-completion
    for name in CACHED_BESIDE:
        if not usage.cache_read and found.get(name):
            usage.cache_read = count(found[name])
    _repair_reasoning(found, usage)
    return usage


def _by_time(found: Mapping[str, Any]) -> Usage | None:
    """A transcription that is billed by the time of its audio, rounded to the nearest second as on the price page."""
    seconds = found.get("seconds")
    if found.get("type") != "duration" or isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    return Usage(audio_seconds=round(seconds)) if 0 <= seconds < 2**31 else None


def _total(found: Mapping[str, Any], older: Spelling, newer: Spelling) -> tuple[int | None, Mapping[str, Any]]:
    """A total and its details, under the names of chat completions or of the newer APIs."""
    name, names = older
    total = found.get(name)
    if total is None:
        name, names = newer
        total = found.get(name)
    for name in names:
        details = found.get(name)
        if details:
            return known_count(total), fields(details)
    return known_count(total), NOTHING


def _read_input(details: Mapping[str, Any], usage: Usage) -> None:
    usage.cache_read = count(details.get("cached_tokens"))
    usage.cache_write = count(details.get("cache_write_tokens"))
    usage.text_input = count(details.get("text_tokens"))
    usage.audio_input = count(details.get("audio_tokens"))
    usage.image_input = count(details.get("image_tokens"))
    cached = details.get("cached_tokens_details")
    if cached:
        modalities = fields(cached)
        usage.audio_cache_read = count(modalities.get("audio_tokens"))
        usage.image_cache_read = count(modalities.get("image_tokens"))
    written = details.get("cache_write_tokens_details")
    if written:
        usage.cache_write_12h = count(fields(written).get("ttl_12h_tokens"))


def _read_output(details: Mapping[str, Any], usage: Usage) -> None:
    usage.reasoning = count(details.get("reasoning_tokens"))
    usage.text_output = count(details.get("text_tokens"))
    usage.audio_output = count(details.get("audio_tokens"))
    usage.image_output = count(details.get("image_tokens"))


def _repair_reasoning(found: Mapping[str, Any], usage: Usage) -> None:
    """xAI's chat reports reasoning beside the completion; the total tells."""
    if not usage.reasoning or usage.input is None or usage.output is None:
        return
    if known_count(found.get("total_tokens")) == usage.input + usage.output + usage.reasoning:
        usage.output += usage.reasoning


def read_reported_cost(raw: Any, response: Response) -> None:
    """The charge in ``usage``, where the provider states it, in pico-USD: OpenRouter, xAI and Perplexity do.

    https://openrouter.ai/docs/use-cases/usage-accounting (with a key of one's own, ``is_byok``, the upstream provider's
    charge comes on top), https://docs.x.ai/developers/cost-tracking (10^10 ticks are one USD),
    https://docs.perplexity.ai/api-reference/chat-completions-post (an object, in USD).
    """
    found = fields(raw)
    cost, ticks = found.get("cost"), found.get("cost_in_usd_ticks")
    if cost is None and ticks is None:
        return
    if type(ticks) is int:
        total = ticks * PICO_PER_TICK
    elif isinstance(cost, (int, float, str)):
        total = _routed(found, cost)
    else:
        stated = fields(cost)
        total = _pico(stated.get("total_cost")) if stated.get("currency", "USD") == "USD" else None
    if total is not None and total >= 0:
        response.reported_cost = total


def _routed(found: Mapping[str, Any], cost: Any) -> int | None:
    total = _pico(cost)
    if not found.get("is_byok"):
        return total
    upstream = _pico(fields(found.get("cost_details")).get("upstream_inference_cost"))
    return None if total is None or upstream is None else total + upstream


def _pico(dollars: Any) -> int | None:
    if isinstance(dollars, bool) or not isinstance(dollars, (int, float, str)):
        return None
    try:
        # repr: the shortest decimal that means this double, which is what the provider wrote.
        amount = Decimal(str(dollars)) * PICO
    except InvalidOperation:
        return None
    return int(amount.to_integral_value()) if amount.is_finite() else None
