"""Messages of xAI's own API in the conventions' JSON shapes; read only while content capture is on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model import Content
from ..parts import Message, Part, data_uri, function_tools, message, parse_json, text_part
from .values import each, fields

FINISH = {
    "REASON_STOP": "stop",
    "REASON_MAX_LEN": "length",
    "REASON_MAX_CONTEXT": "length",
    "REASON_TOOL_CALLS": "tool_call",
}
NO_REASON = "REASON_INVALID"


def finish_reasons(reasons: list[Any]) -> list[str]:
    """Finish reasons in the conventions' words; ``error`` where none came."""
    known = [str(reason) for reason in reasons if reason and reason != NO_REASON]
    return [FINISH.get(reason, reason.removeprefix("REASON_").lower()) for reason in known] or ["error"]


def says(found: Mapping[str, Any]) -> bool:
    """Whether a message, or a piece of one, has words or calls a tool."""
    return bool(found.get("content") or found.get("tool_calls") or found.get("reasoning_content"))


def read_content(found: Mapping[str, Any]) -> Content:
    """The messages and the tools of a request; the prompt of an image or a video."""
    prompt = found.get("prompt")
    said = [_message(one) for one in each(found.get("messages"))]
    if isinstance(prompt, str):
        said.append(message("user", [text_part(prompt)]))
    return Content(input=said, tools=function_tools(each(found.get("tools"))) or None)


def read_outputs(found: Mapping[str, Any]) -> list[Message]:
    """The messages of an answer."""
    return [
        message(_role(output), _parts(fields(output.get("message"))), finish_reasons([output.get("finish_reason")])[0])
        for output in each(found.get("outputs"))
    ]


class Deltas:
    """Joins the texts and the tool calls of a stream's outputs; used only while content is captured."""

    def __init__(self) -> None:
        self._said: dict[int, dict[str, Any]] = {}

    def fold(self, index: int, delta: Mapping[str, Any]) -> None:
        """Take in one piece of one output."""
        said = self._said.setdefault(index, {"content": "", "reasoning_content": "", "tool_calls": []})
        for name in ("content", "reasoning_content"):
            said[name] += delta.get(name) or ""
        said["tool_calls"] += delta.get("tool_calls") or []

    def messages(self, reasons: Mapping[int, Any]) -> list[Message]:
        """One message for each output, as far as it came."""
        return [
            message("assistant", _parts(said), finish_reasons([reasons.get(index)])[0])
            for index, said in sorted(self._said.items())
        ]


def _role(found: Mapping[str, Any]) -> str:
    return str(fields(found.get("message")).get("role") or "ROLE_ASSISTANT").removeprefix("ROLE_").lower()


def _message(found: Mapping[str, Any]) -> Message:
    role = _role({"message": found})
    if role == "tool":
        texts = "".join(str(part.get("text") or "") for part in each(found.get("content")))
        called = {"type": "tool_call_response", "id": found.get("tool_call_id"), "response": texts}
        return message(role, [called])
    return message(role, _parts(found))


def _parts(found: Mapping[str, Any]) -> list[Part]:
    thought, content = found.get("reasoning_content"), found.get("content")
    parts: list[Part] = [{"type": "reasoning", "content": thought}] if thought else []
    if isinstance(content, str):
        parts += [text_part(content)] if content else []
    else:
        parts += [_part(part) for part in each(content)]
    for call in each(found.get("tool_calls")):
        function = fields(call.get("function"))
        arguments = parse_json(function.get("arguments"))
        parts.append(
            {"type": "tool_call", "id": call.get("id"), "name": str(function.get("name") or ""), "arguments": arguments}
        )
    return parts


def _part(part: Mapping[str, Any]) -> Part:
    if "image_url" in part:
        return data_uri("image", fields(part["image_url"]).get("image_url"))
    if "file" in part:
        return {"type": "file", "modality": "document", "file_id": fields(part["file"]).get("file_id")}
    return text_part(part.get("text"))
