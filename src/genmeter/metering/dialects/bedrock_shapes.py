"""Which shape a body of Bedrock's InvokeModel has: a vendor's own API, whose readers exist, or one of Bedrock alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...model import Content
from ..spec import Dialect
from .anthropic_messages import ANTHROPIC_MESSAGES
from .bedrock_bodies import BODIES
from .converse_stream import CONVERSE_STREAM
from .openai_chat import OPENAI_CHAT
from .values import fields


def speaks(found: Mapping[str, Any]) -> Dialect:
    """The shape that a body, or an event of a stream, has: a vendor's own API, or one of Bedrock alone."""
    kind = found.get("type")
    if kind == "message" or (isinstance(kind, str) and kind.startswith(("message_", "content_block_"))):
        return ANTHROPIC_MESSAGES
    if "choices" in found:
        return OPENAI_CHAT
    if "messageStart" in found or ("output" in found and "stopReason" in found):
        return CONVERSE_STREAM
    return BODIES


def parsed(body: Any) -> Mapping[str, Any]:
    """A body of JSON as an object; empty for one that the app has still to read, and for anything else."""
    if not isinstance(body, (bytes, bytearray, str)):
        return {}
    try:
        return fields(json.loads(body))
    except ValueError:
        return {}


def read_content(kwargs: Mapping[str, Any]) -> Content:
    """The messages or the prompt in the body of a request, in the vendor's shape."""
    body = parsed(kwargs.get("body"))
    shape = BODIES if "messages" not in body else OPENAI_CHAT
    if "anthropic_version" in body:
        shape = ANTHROPIC_MESSAGES
    elif "inferenceConfig" in body or "schemaVersion" in body:
        shape = CONVERSE_STREAM
    return shape.read_content(body) if shape.read_content is not None else Content()


def read_output(result: Any) -> list[dict[str, Any]]:
    """The answer as messages, where the app has read the body."""
    body = parsed(fields(result).get("body"))
    output = speaks(body).read_output if body else None
    return [] if output is None else output(body)
