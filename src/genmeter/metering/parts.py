"""The conventions' message shapes: parts of a message, and how they are clipped before they are serialised."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from ..texts import bounded

Part = dict[str, Any]
Message = dict[str, Any]


def message(role: str, parts: list[Part], finish_reason: Any = None) -> Message:
    """One message; the finish reason only where there is one."""
    made: Message = {"role": role, "parts": parts}
    if finish_reason is not None:
        made["finish_reason"] = finish_reason
    return made


def text_part(text: Any) -> Part:
    """A text part."""
    return {"type": "text", "content": text}


def data_uri(modality: str, uri: Any) -> Part:
    """A link as a ``uri`` part; a ``data:`` link as a ``blob``."""
    text = uri if isinstance(uri, str) else ""
    if text.startswith("data:"):
        head, _, data = text.partition(",")
        return {"type": "blob", "modality": modality, "mime_type": head[5:].partition(";")[0], "content": data}
    return {"type": "uri", "modality": modality, "uri": text}


def parse_json(text: Any) -> Any:
    """Tool-call arguments as an object; the text itself where it is no JSON (a cut stream)."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return text


def function_tools(tools: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Tool definitions by type and name, with what describes them."""
    found: list[dict[str, Any]] = []
    for tool in tools:
        inner: Any = tool.get("function") or tool
        function: Mapping[str, Any] = getattr(inner, "__dict__", inner)
        made = {
            "type": str(tool.get("type") or "function"),
            "name": function.get("name") or tool.get("name") or str(tool.get("type")),
            "description": function.get("description"),
            "parameters": function.get("parameters") or function.get("input_schema"),
        }
        found.append({key: value for key, value in made.items() if value is not None})
    return found


def clip(value: Any, limit: int) -> Any:
    """``value`` with every string in it at most ``limit`` characters and every foreign object as its fields or text.

    Clipping comes before serialising: a JSON text that is cut afterwards is no JSON any more.
    """
    if isinstance(value, str):
        whole = bounded(value, limit)
        return whole if len(value) <= limit else whole + "…"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        known = cast("Mapping[Any, Any]", value)
        return {str(key): clip(item, limit) for key, item in known.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return [clip(item, limit) for item in cast("list[Any]", value)]
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    own = getattr(value, "__dict__", None)
    return clip(own, limit) if own else clip(str(value), limit)
