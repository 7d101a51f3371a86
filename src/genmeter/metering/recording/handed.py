"""An answer that the program hands over: which wire shape it has, and what it says. SDK objects and JSON alike."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from ...model import Invocation
from ..dialects.anthropic_messages import ANTHROPIC_MESSAGES
from ..dialects.converse import CONVERSE
from ..dialects.gemini import GEMINI
from ..dialects.openai_chat import OPENAI_CHAT, OPENAI_COMPLETIONS
from ..dialects.openai_media import OPENAI_EMBEDDINGS
from ..dialects.openai_responses import OPENAI_RESPONSES
from ..dialects.values import each, fields
from ..spec import Dialect
from .bill import RecordError

OBJECTS = {
    "response": OPENAI_RESPONSES,
    "response.compaction": OPENAI_RESPONSES,
    "chat.completion": OPENAI_CHAT,
    "text_completion": OPENAI_COMPLETIONS,
}
VENDORS = {
    **dict.fromkeys((OPENAI_RESPONSES, OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_EMBEDDINGS), "openai"),
    ANTHROPIC_MESSAGES: "anthropic",
    GEMINI: "gcp.gemini",
    CONVERSE: "aws.bedrock",
}
"""Whose own shape a dialect is. A follower's answer has the shape too, and then its seller must be named."""
KNOWN = (
    "chat completions, completions, responses and embeddings of OpenAI's shape, messages of Anthropic's, "
    "GenerateContentResponse of Gemini's, and Converse of Bedrock's"
)
EARLIEST = 10**9
"""An earlier ``created`` is no time: followers of OpenAI's shapes write 0 or 1 there."""


def opened(answer: Any) -> Any:
    """The answer itself, or what it says where it is JSON text. Raises ``RecordError`` for a text that is no JSON."""
    if not isinstance(answer, (str, bytes, bytearray)):
        return answer
    try:
        return json.loads(answer)
    except ValueError as error:
        raise RecordError(
            f"the response is a text and no JSON ({error}): pass the whole answer of the server"
        ) from None


def shape(answer: Any) -> Dialect | None:
    """The dialect of a whole answer; None for one that no reader here knows.

    >>> shape({"object": "chat.completion", "usage": {}}).name
    'openai_chat'
    """
    found = fields(answer)
    kind = found.get("object")
    if kind == "list" and "usage" in found and all(one.get("object") == "embedding" for one in each(found.get("data"))):
        return OPENAI_EMBEDDINGS
    if isinstance(kind, str):
        return OBJECTS.get(kind)
    if found.get("type") == "message" and found.get("role") == "assistant":
        return ANTHROPIC_MESSAGES
    if "usageMetadata" in found or "usage_metadata" in found:
        return GEMINI
    usage = found.get("usage")
    return CONVERSE if isinstance(usage, Mapping) and "inputTokens" in usage and "stopReason" in found else None


def made(answer: Any) -> float | None:
    """When the answer says that its call began, in Unix seconds; None where it does not."""
    found = fields(answer)
    said = found.get("created_at") or found.get("created")
    if isinstance(said, (int, float)) and EARLIEST < said < time.time() + 3600:
        return float(said)
    return None


def read(answer: Any, invocation: Invocation) -> None:
    """Write what the answer says into the record; nothing for an answer of an unknown shape."""
    dialect = shape(answer)
    if dialect is not None:
        dialect.read_response(answer, invocation)


def unknown(answer: Any) -> RecordError:
    """What is said of an answer that nothing here reads."""
    found = fields(answer)
    if found.get("object") == "event":
        return RecordError(
            "this webhook names a response and does not hold it: retrieve the response by data.id and pass that"
        )
    keys = ", ".join(sorted(map(str, found))[:8]) or "no fields"
    return RecordError(
        f"the response ({type(answer).__name__} with {keys}) has no shape that is known here; known are {KNOWN}. "
        "Pass usage= instead."
    )
