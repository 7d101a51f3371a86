"""Contents and steps of Google's interactions in the conventions' JSON shapes; read only while content capture is on.

Source: https://ai.google.dev/api/interactions-api (read 2026-11-30 through the types of google-genai 1.75 and 3.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model import Content
from ..parts import Message, Part, function_tools, message, text_part
from .values import each, fields, items, text

ROLES = {"user_input": "user", "user": "user", "function_result": "tool"}
MEDIA = frozenset({"image", "audio", "video", "document"})


def read_content(asked: Mapping[str, Any]) -> Content:
    """``input``, ``system_instruction`` and ``tools`` of what is asked."""
    system = asked.get("system_instruction")
    given: Any = asked.get("input")
    said = items(given) if isinstance(given, (list, tuple)) else [given]
    tools = function_tools(each(asked.get("tools")))
    return Content([text_part(system)] if isinstance(system, str) else None, _messages(said), tools=tools or None)


def read_steps(result: Any) -> list[Message]:
    """The steps of an answer (contents, in 1.x) as one message."""
    found = fields(result)
    steps = items(found.get("steps")) or items(found.get("outputs"))
    parts = [part for step in steps if fields(step).get("type") != "user_input" for part in _parts(step)]
    return [message("assistant", parts, "stop" if found.get("status") == "completed" else text(found.get("status")))]


class Deltas:
    """Joins the texts and the thoughts of a stream; used only while content is captured."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._calls: list[Part] = []

    def fold(self, event: Mapping[str, Any]) -> None:
        """Take in one event."""
        delta = fields(event.get("delta"))
        if delta.get("type") == "text" and isinstance(delta.get("text"), str):
            self._texts.append(delta["text"])
        step = fields(event.get("step"))
        if step.get("type") == "function_call":
            self._calls.extend(_parts(step))

    def messages(self) -> list[Message]:
        """One message, as far as it came."""
        said = [text_part("".join(self._texts))] if self._texts else []
        return [message("assistant", [*said, *self._calls])]


def _messages(given: list[Any]) -> list[Message]:
    """Contents of one turn are one message; a turn or a step of its own is one as well."""
    made: list[Message] = []
    row = False
    for item in given:
        found = fields(item)
        role = text(found.get("role")) or text(found.get("type")) or ""
        alone = "content" in found or role in ROLES
        if alone or not row:
            made.append(message(ROLES.get(role, "assistant" if alone else "user"), _parts(item)))
        else:
            made[-1]["parts"] += _parts(item)
        row = not alone
    return made


def _parts(given: Any) -> list[Part]:
    if isinstance(given, str):
        return [text_part(given)]
    found = fields(given)
    kind, inner = text(found.get("type")) or "", found.get("content")
    if inner is not None and kind not in MEDIA:
        return [part for one in ([inner] if isinstance(inner, str) else items(inner)) for part in _parts(one)]
    if kind == "text":
        return [text_part(found.get("text"))]
    if kind in MEDIA:
        media = {"modality": kind, "mime_type": text(found.get("mime_type"))}
        if found.get("uri"):
            return [{"type": "uri", **media, "uri": found["uri"]}]
        return [{"type": "blob", **media, "content": found.get("data")}]
    if kind == "function_call":
        call = {"id": found.get("id"), "name": found.get("name"), "arguments": found.get("arguments")}
        return [{"type": "tool_call", **call}]
    if kind == "function_result":
        return [{"type": "tool_call_response", "id": found.get("call_id"), "response": found.get("result")}]
    if kind == "thought":
        return [
            {"type": "reasoning", "content": part["content"]}
            for one in items(found.get("summary"))
            for part in _parts(one)
            if "content" in part
        ]
    return [{"type": "generic", "generic_type": kind}]
