"""What a call to Amazon Bedrock used, and the terms that decide its price: tier, latency, guardrail.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html and API_runtime_CacheDetail.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/{prompt-caching,latency-optimized-inference,service-tiers-inference}.html
(read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Invocation, Request, Response, Usage
from .counts import Parts, known_count, leave, name_unread, read_parts, total
from .values import each, text

COUNTS: Parts = {
    "inputTokens": None,
    "outputTokens": None,
    "totalTokens": None,
    "cacheReadInputTokens": "cache_read",
    "cacheWriteInputTokens": "cache_write",
    # The wire repeats both counts under the names that the metrics of a stream have.
    "cacheReadInputTokenCount": "cache_read",
    "cacheWriteInputTokenCount": "cache_write",
    "cacheDetails": None,
}
LIFETIMES = {"5m": None, "1h": "cache_write_1h"}
METRICS: Mapping[str, str] = {
    "inputTokenCount": "inputTokens",
    "outputTokenCount": "outputTokens",
    "cacheReadInputTokenCount": "cacheReadInputTokens",
    "cacheWriteInputTokenCount": "cacheWriteInputTokens",
}
"""``amazon-bedrock-invocationMetrics``, the last chunk's own counts → the names of `TokenUsage`."""
HEADERS: Mapping[str, str] = {
    "x-amzn-bedrock-input-token-count": "inputTokens",
    "x-amzn-bedrock-output-token-count": "outputTokens",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokens",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokens",
}
"""The headers of an answer of InvokeModel → the names of `TokenUsage`."""
PREFIX = "x-amzn-bedrock-"
OPTIMIZED = "optimized"
"""Latency-optimised inference has prices of its own, so it is told as a tier and never billed as standard."""


def read_conditions(request: Request, tier: Any, latency: Any, guardrail: Any) -> None:
    """What the app asked for beside the model."""
    request.service_tier = OPTIMIZED if latency == OPTIMIZED else text(tier)
    identity = text(guardrail)
    if identity is not None:
        request.attributes[names.GUARDRAIL_ID] = identity


def read_billing(invocation: Invocation, tier: Any, latency: Any) -> None:
    """On which terms the call was served: those of the answer, or where it does not say, those of the request.

    A guardrail is billed by units of text, which no price of a model holds.
    """
    request, response = invocation.request, invocation.response
    asked = request.service_tier
    served = text(tier)
    if latency == OPTIMIZED or (latency is None and asked == OPTIMIZED):
        served = OPTIMIZED
    elif served is None and asked != OPTIMIZED:
        served = asked
    if served is not None:
        response.attributes[names.SERVICE_TIER] = response.service_tier = served
    if names.GUARDRAIL_ID in request.attributes:
        leave("guardrail", 0, response)


def read_usage(found: Mapping[str, Any], response: Response, *, gross: bool = False) -> Usage | None:
    """A `TokenUsage`; None where it reports neither total. The cache stands beside the input, which gets it here.

    Where the stated total is input and output alone, the input holds the cache already. ``gross``: an input that is as
    large as the cache holds it too. Streams of OpenAI's models report so and count the cache twice in their total,
    while the same call without a stream reports the rest alone: https://github.com/maximhq/bifrost/pull/6942,
    https://github.com/earendil-works/pi/issues/8752 (measured on openai.gpt-5.6, 2026-08).
    """
    fresh, output = total(found, "inputTokens", response), total(found, "outputTokens", response)
    if fresh is None and output is None:
        for name, value in found.items():
            if name not in COUNTS:
                name_unread(name, value, response)
        return None
    usage = Usage(fresh, output)
    read_parts(found, COUNTS, usage, response)
    _read_lifetimes(found, usage, response)
    cached, stated = usage.cache_read + usage.cache_write, known_count(found.get("totalTokens"))
    inside = (fresh or 0) >= cached > 0 and (gross or stated == (fresh or 0) + (output or 0))
    if fresh is not None and not inside:
        usage.input = fresh + cached
    # A stream of OpenAI's models counts the cache twice in its total: what is left over there is no count.
    rest = 0 if stated is None or (gross and inside) else stated - (usage.input or 0) - (output or 0)
    if rest > 0:
        leave("totalTokens", rest, response)
    return usage


def _read_lifetimes(found: Mapping[str, Any], usage: Usage, response: Response) -> None:
    """How long each part of the cache writes is kept. Those of an hour have a price of their own."""
    written = 0
    for entry in each(found.get("cacheDetails")):
        count, lifetime = total(entry, "inputTokens", response) or 0, text(entry.get("ttl"))
        if lifetime not in LIFETIMES:
            leave(f"cacheDetails of {lifetime}", 0, response)
        elif LIFETIMES[lifetime]:
            usage.cache_write_1h += count
        written += count
        for name, value in entry.items():
            if value and name not in ("ttl", "inputTokens"):
                name_unread(f"cacheDetails.{name}", value, response)
    usage.cache_write = max(usage.cache_write, written)


def own_counts(found: Mapping[str, Any], spelled: Mapping[str, str], response: Response) -> Usage | None:
    """Bedrock's own counts of a call, of any vendor's model: headers, or the metrics of a stream's last chunk."""
    counts: dict[str, Any] = {}
    for name, value in found.items():
        known = spelled.get(name)
        if known is not None:
            counts[known] = value
        elif spelled is METRICS or name.startswith(PREFIX):
            name_unread(name, value, response)
    return read_usage(counts, response) if counts else None


def settled(own: Usage | None, told: Usage | None) -> Usage | None:
    """One usage of two: Bedrock's own counts are what is billed, and the vendor's body may say more of their parts.

    Where Bedrock counts no cache and the body does, the input is the body's, which holds the cache.
    """
    if own is None or told is None:
        return told if own is None else own
    known = own.cache_read + own.cache_write
    if known:
        told.cache_read, told.cache_write = own.cache_read, own.cache_write
        told.cache_write_1h = min(told.cache_write_1h, own.cache_write)
    inside = told.cache_read + told.cache_write and not known
    if own.input is not None:
        told.input = max(own.input, told.input or 0) if inside else own.input
    told.output = told.output if own.output is None else own.output
    return told
