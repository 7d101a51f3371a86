"""The messages of Bedrock's Converse in the conventions' shapes, and the units that its guardrails count.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html and
API_runtime_GuardrailUsage.html (read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...model import Content, Response
from ..parts import Message, Part, message, parse_json, text_part
from .counts import name_unread
from .values import each, fields, items

MEDIA = {"image": "image", "video": "video", "audio": "audio", "document": "document"}


def blocks(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The content blocks of an answer."""
    return each(fields(fields(found.get("output")).get("message")).get("content"))


def says(block: Mapping[str, Any]) -> bool:
    """Whether a content block is an answer: words, the call of a tool, thoughts, a picture."""
    return any(block.values())


def assessments(trace: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What each guardrail found in the input and in the outputs."""
    yield from (fields(found) for found in fields(trace.get("inputAssessment")).values())
    for found in fields(trace.get("outputAssessments")).values():
        yield from each(found)


def name_units(assessment: Mapping[str, Any], response: Response) -> None:
    """Name the units that a guardrail is billed by. Its free units cost nothing."""
    for name, value in fields(fields(assessment.get("invocationMetrics")).get("usage")).items():
        if value and "Free" not in name:
            name_unread(f"guardrail.{name}", value, response)


def read_content(kwargs: Mapping[str, Any]) -> Content:
    """``system``, ``messages`` and ``toolConfig``."""
    return Content(
        system=[_part(block) for block in each(kwargs.get("system"))] or None,
        input=[message(str(one.get("role")), _parts(one.get("content"))) for one in each(kwargs.get("messages"))],
        tools=_tools(fields(kwargs.get("toolConfig"))) or None,
    )


def answer(found: list[Mapping[str, Any]], reason: str) -> list[Message]:
    """Content blocks as one message of the assistant."""
    return [message("assistant", [_part(block) for block in found], reason)]


def _tools(config: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for tool in each(config.get("tools")):
        spec = fields(tool.get("toolSpec")) or fields(tool.get("systemTool"))
        if spec:
            made = {"type": "function", "name": spec.get("name"), "description": spec.get("description")}
            made["parameters"] = fields(spec.get("inputSchema")).get("json")
            found.append({key: value for key, value in made.items() if value is not None})
    return found


def _parts(content: Any) -> list[Part]:
    return [text_part(content)] if isinstance(content, str) else [_part(fields(block)) for block in items(content)]


def _part(block: Mapping[str, Any]) -> Part:
    """A content block is an object with one field, whose name is its kind."""
    kind = next((name for name in block if block[name] is not None), "unknown")
    value = block.get(kind)
    if kind == "text":
        return text_part(value)
    found = fields(value)
    if kind == "reasoningContent":
        return {"type": "reasoning", "content": fields(found.get("reasoningText")).get("text")}
    if kind == "toolUse":
        called = {"id": found.get("toolUseId"), "name": found.get("name"), "arguments": found.get("input")}
        return {"type": "tool_call", **called}
    if kind == "toolResult":
        return {"type": "tool_call_response", "id": found.get("toolUseId"), "response": found.get("content")}
    if kind in MEDIA:
        return _media(MEDIA[kind], found)
    return {"type": "generic", "generic_type": kind}


def _media(modality: str, found: Mapping[str, Any]) -> Part:
    source = fields(found.get("source"))
    uri = fields(source.get("s3Location")).get("uri")
    if uri is not None:
        return {"type": "uri", "modality": modality, "uri": uri}
    return {"type": "blob", "modality": modality, "mime_type": found.get("format"), "content": source.get("bytes")}


class Blocks:
    """The content blocks of a stream, put together from its events."""

    def __init__(self) -> None:
        self._blocks: dict[Any, dict[str, Any]] = {}

    def take(self, event: Mapping[str, Any]) -> None:
        """One event. An event without content changes nothing."""
        opened, delta = fields(event.get("contentBlockStart")), fields(event.get("contentBlockDelta"))
        if not opened and not delta:
            return
        index = (opened or delta).get("contentBlockIndex")
        block = self._blocks.setdefault(index, {"tool": {}, "text": [], "thought": []})
        block["tool"] = fields(fields(opened.get("start")).get("toolUse")) or block["tool"]
        piece = fields(delta.get("delta"))
        block["text"].append(piece.get("text") or fields(piece.get("toolUse")).get("input") or "")
        block["thought"].append(fields(piece.get("reasoningContent")).get("text") or "")

    def message(self, reason: str) -> list[Message]:
        """The message of the assistant so far."""
        return answer([_joined(block) for block in self._blocks.values()], reason)


def _joined(block: Mapping[str, Any]) -> Mapping[str, Any]:
    words, thought = "".join(block["text"]), "".join(block["thought"])
    if block["tool"]:
        return {"toolUse": {**block["tool"], "input": parse_json(words)}}
    return {"reasoningContent": {"reasoningText": {"text": thought}}} if thought else {"text": words}
