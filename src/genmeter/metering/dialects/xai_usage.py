"""The usage object of xAI's own API: the reasoning is counted beside the completion, and the charge stands in the usage.

Sources: https://github.com/xai-org/xai-proto/blob/main/proto/xai/api/v1/usage.proto and
https://docs.x.ai/developers/cost-tracking (read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model import Invocation
from .counts import leave
from .openai_usage import read_spending
from .values import items

TOOL = "SERVER_SIDE_TOOL_"
SEARCHES = frozenset({"SERVER_SIDE_TOOL_WEB_SEARCH", "SERVER_SIDE_TOOL_X_SEARCH"})
"""The tools that are searches: https://docs.x.ai/developers/pricing has one price for both."""
DETAILS = {"cached_prompt_text_tokens": "cached_tokens", "prompt_image_tokens": "image_tokens"}
"""What xAI's chat completions call the same counts."""
TOLD = frozenset({*DETAILS, "prompt_text_tokens", "server_side_tools_used"})


def read_usage(found: Mapping[str, Any], invocation: Invocation) -> None:
    """The usage and the charge, read as those of chat completions; no field of a message is zero, but is missing."""
    if not found:
        return
    spent = {name: value for name, value in found.items() if name not in TOLD}
    details = {other: found.get(name) for name, other in DETAILS.items()}
    read_spending({"prompt_tokens": 0, "completion_tokens": 0, **spent, "prompt_tokens_details": details}, invocation)
    tools = items(found.get("server_side_tools_used"))
    if invocation.usage is not None:
        invocation.usage.searches = sum(tool in SEARCHES for tool in tools)
    for tool in tools:
        if tool not in SEARCHES:
            leave(f"server_side_tools_used.{str(tool).removeprefix(TOOL).lower()}", 0, invocation.response)
