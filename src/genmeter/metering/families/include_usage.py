"""The option by which OpenAI-shaped streams are asked for their usage: ``stream_options={"include_usage": True}``.

Source: https://platform.openai.com/docs/api-reference/chat/create#chat-create-stream_options (read 2026-11-21).
"""

from __future__ import annotations

from typing import Any, cast

from ..spec import Kwargs, UsageOption

ARGUMENT = "stream_options"


def add(kwargs: Kwargs) -> Kwargs | None:
    """A copy of the arguments that asks for usage; None where the caller has said whether it wants it."""
    given: Any = kwargs.get(ARGUMENT)
    extra: Any = kwargs.get("extra_body")
    options = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    if "include_usage" in options or (isinstance(extra, dict) and ARGUMENT in extra):
        return None
    return {**kwargs, ARGUMENT: {**options, "include_usage": True}}


def brought(chunk: Any) -> bool:
    """Whether a chunk came only because we asked for usage; other chunks lose the ``usage: null`` that it brings.

    The last resort where the accumulator, whose job it is, has failed.
    """
    if getattr(chunk, "usage", None) is None:
        getattr(chunk, "__pydantic_fields_set__", set[str]()).discard("usage")
        return False
    return not getattr(chunk, "choices", True)


def names(text: str) -> bool:
    """Whether a server's words name the option."""
    return ARGUMENT in text or "include_usage" in text


INCLUDE_USAGE = UsageOption(ARGUMENT, add, brought, names)
