"""The parts of Gemini's contents in the conventions' JSON shapes; read only while content capture is on.

Source: https://ai.google.dev/api/caching#Part (read 2026-11-30 through the types of google-genai 1.75 and 3.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..parts import Part, text_part
from .gemini_usage import snaked
from .values import fields, items, text

FILES = {"image": "image", "video": "video", "audio": "audio"}
"""The first word of a MIME type → the modality; all others are documents."""


def found_in(value: Any) -> Mapping[str, Any]:
    """The fields of an object of the SDK or of a dictionary, whose names may be those of the API."""
    return fields(snaked(value) if isinstance(value, dict) else value)


def parts_of(content: Any) -> list[Part]:
    """The parts of one content."""
    return [part_of(part) for part in items(found_in(content).get("parts"))]


def part_of(given: Any) -> Part:
    """One part: a text, a part of the API, or a file."""
    if isinstance(given, str):
        return text_part(given)
    found = found_in(given)
    kind = next((name for name, value in found.items() if name in KINDS and value is not None), None)
    if kind is None:
        return {"type": "generic", "generic_type": type(given).__name__.lower()}
    return KINDS[kind](found, fields(found[kind]))


def _text(part: Mapping[str, Any], _: Mapping[str, Any]) -> Part:
    return {"type": "reasoning", "content": part["text"]} if part.get("thought") else text_part(part["text"])


def _blob(_: Mapping[str, Any], data: Mapping[str, Any]) -> Part:
    return {"type": "blob", **_media(data), "content": data.get("data")}


def _file(part: Mapping[str, Any], data: Mapping[str, Any]) -> Part:
    return {"type": "uri", **_media(data or part), "uri": data.get("file_uri") or part.get("uri")}


def _call(_: Mapping[str, Any], call: Mapping[str, Any]) -> Part:
    return {"type": "tool_call", "id": call.get("id"), "name": call.get("name"), "arguments": call.get("args")}


def _response(_: Mapping[str, Any], found: Mapping[str, Any]) -> Part:
    return {"type": "tool_call_response", "id": found.get("id"), "response": found.get("response")}


def _code(_: Mapping[str, Any], code: Mapping[str, Any]) -> Part:
    return {"type": "server_tool_call", "name": "code_execution", "server_tool_call": {"type": "code", **code}}


def _ran(_: Mapping[str, Any], result: Mapping[str, Any]) -> Part:
    return {"type": "server_tool_call_response", "server_tool_call_response": {"type": "code", **result}}


def _media(found: Mapping[str, Any]) -> Part:
    mime = text(found.get("mime_type")) or ""
    return {"modality": FILES.get(mime.partition("/")[0], "document"), "mime_type": mime or None}


KINDS = {
    "text": _text,
    "inline_data": _blob,
    "file_data": _file,
    "uri": _file,
    "function_call": _call,
    "function_response": _response,
    "executable_code": _code,
    "code_execution_result": _ran,
}
