"""The usage object of Google's interactions.

Source: https://docs.cloud.google.com/gemini-enterprise-agent-platform/reference/rest/v1beta1/Usage (read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model import Response, Usage
from .counts import Parts, known_count, leave, leave_cached_audio, name_unread, read_parts, total
from .gemini_grounding import searches
from .gemini_usage import CACHED, INPUT, OUTPUT, Modalities, read_modalities, settle
from .values import each, text

LISTS: Modalities = {
    "input_tokens_by_modality": INPUT,
    "tool_use_tokens_by_modality": INPUT,
    "cached_tokens_by_modality": CACHED,
    "output_tokens_by_modality": OUTPUT,
}
COUNTS: Parts = {
    **dict.fromkeys(LISTS),
    "total_input_tokens": None,
    "total_output_tokens": None,
    "total_tool_use_tokens": None,
    "total_tokens": None,
    "total_cached_tokens": "cache_read",
    "total_thought_tokens": "reasoning",
    "grounding_tool_count": None,
    # The input of the first turn is in the input.
    "initial_input_tokens": None,
}


def read_usage(found: Mapping[str, Any], model: str | None, response: Response) -> Usage | None:
    """``usage``: what tools put into the prompt, and thoughts, stand beside the other counts and in the total."""
    prompt, said = total(found, "total_input_tokens", response), total(found, "total_output_tokens", response)
    if prompt is None and said is None:
        settle(known_count(found.get("total_tokens")), "total_tokens", Usage(), response)
        return None
    tools = total(found, "total_tool_use_tokens", response) or 0
    usage = Usage(None if prompt is None else prompt + tools)
    read_parts(found, COUNTS, usage, response)
    usage.output = (said or 0) + usage.reasoning
    read_modalities(found, LISTS, usage, response, "tokens")
    if not found.get("cached_tokens_by_modality"):
        leave_cached_audio("cached_tokens_by_modality.audio", usage, response)
    for tool in each(found.get("grounding_tool_count")):
        kind, count = text(tool.get("type")) or "grounding_tool_count", known_count(tool.get("count")) or 0
        if kind == "google_search":
            usage.searches += searches(count, model)
        elif tool.get("count"):
            leave(kind, 0, response)
        for name, value in tool.items():
            if value and name not in ("type", "count"):
                name_unread(f"grounding_tool_count.{name}", value, response)
    settle(known_count(found.get("total_tokens")), "total_tokens", usage, response)
    return usage
