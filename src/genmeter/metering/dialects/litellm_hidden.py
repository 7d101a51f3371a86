"""What LiteLLM tells of a call beside the answer: its hidden parameters, and fields that it hands on in the usage.

The hidden parameters hold the address, the provider, whether a cache answered, and the price that LiteLLM works out, which
stands beside ours for comparison and is never booked. Source: https://docs.litellm.ai/docs/completion/output and
https://docs.litellm.ai/docs/caching/all_caches (read 2026-11-30), types of the litellm package 1.75 and 1.110.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Invocation, Response
from .litellm_names import named, served
from .values import fields, own

HIDDEN = "_hidden_params"
CACHE = "cached_response"
"""What a stream names as its provider where a cache of LiteLLM's answers."""
OWN = frozenset({"cost"})
"""Counts of a usage object that LiteLLM adds: its own price."""


def read_terms(usage: Mapping[str, Any], response: Response) -> None:
    """What else of a usage object decides the price: LiteLLM hands on Anthropic's speed and place of inference."""
    if usage.get("speed") == "fast":
        response.service_tier = "fast"
    if usage.get("inference_geo") == "us":
        response.region = "us"


def read_hidden(result: Any, invocation: Invocation) -> None:
    """Who served the call, LiteLLM's own price of it, and whether it was a call at all."""
    hidden = fields(getattr(result, HIDDEN, None) or own(result).get(HIDDEN))
    response = invocation.response
    provider = hidden.get("custom_llm_provider") or getattr(result, "custom_llm_provider", None)
    if hidden.get("cache_hit") is True or provider == CACHE:
        # Nothing was asked of a model: the tokens are those of an earlier call, which was billed.
        invocation.usage, response.reported_cost, response.unpriced = None, 0, ()
        return
    chosen, _ = named(hidden.get("litellm_model_name"), provider)
    found = served(chosen, hidden)
    if any(found):
        response.served = found
    estimate = hidden.get("response_cost")
    if isinstance(estimate, (int, float)) and estimate > 0:
        response.attributes[names.COST_COMPARED] = float(estimate)
