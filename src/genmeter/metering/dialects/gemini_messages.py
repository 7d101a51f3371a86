"""Contents of Gemini's APIs in the conventions' JSON shapes; read only while content capture is on.

Source: https://ai.google.dev/api/caching#Content (read 2026-11-30 through the types of google-genai 1.75 and 3.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model import Content
from ..parts import Message, Part, message
from .gemini_parts import found_in, part_of, parts_of
from .gemini_usage import snake
from .values import each, fields, items, text

FINISH = {"STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "length"}
FILTERED = frozenset(
    {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "MODEL_ARMOR", "IMAGE_SAFETY"}
    | {"IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"}
)
ROLES = {"model": "assistant"}


def finish_reason(reason: Any) -> str:
    """A candidate's finish reason in the conventions' words; ``error`` where it never came."""
    found = text(reason) or ""
    return "content_filter" if found in FILTERED else FINISH.get(found, found) or "error"


def read_content(kwargs: Mapping[str, Any]) -> Content:
    """``contents``, and of ``config`` the system instruction and the tools."""
    config = {snake(name): value for name, value in fields(kwargs.get("config")).items()}
    system = [part for one in _messages(config.get("system_instruction")) for part in one["parts"]]
    tools = [made for tool in items(config.get("tools")) for made in _tools(tool)]
    return Content(system or None, _messages(kwargs.get("contents")), tools=tools or None)


def read_candidates(found: Mapping[str, Any]) -> list[Message]:
    """The candidates of a whole answer: one message each."""
    return [
        message("assistant", parts_of(candidate.get("content")), finish_reason(candidate.get("finish_reason")))
        for candidate in each(found.get("candidates"))
    ]


class Deltas:
    """Joins the pieces of a stream's candidates; used only while content is captured."""

    def __init__(self) -> None:
        self._parts: dict[int, list[Part]] = {}
        self._reasons: dict[int, Any] = {}

    def fold(self, index: int, candidate: Mapping[str, Any]) -> None:
        """Take in one candidate of one chunk. Text that goes on is joined at the end, once."""
        self._parts.setdefault(index, []).extend(parts_of(candidate.get("content")))
        if candidate.get("finish_reason") is not None:
            self._reasons[index] = candidate["finish_reason"]

    def messages(self) -> list[Message]:
        """One message for each candidate, as far as it came."""
        return [
            message("assistant", _joined(parts), finish_reason(self._reasons.get(index)))
            for index, parts in sorted(self._parts.items())
        ]


def _joined(parts: list[Part]) -> list[Part]:
    made: list[tuple[Part, list[str]]] = []
    for part in parts:
        words = part["content"] if part["type"] in ("text", "reasoning") and isinstance(part["content"], str) else None
        if words is not None and made and made[-1][0]["type"] == part["type"]:
            made[-1][1].append(words)
        else:
            made.append((part, [] if words is None else [words]))
    return [{**part, "content": "".join(words)} if words else part for part, words in made]


def _messages(contents: Any) -> list[Message]:
    """What the SDK takes as contents: texts, parts, files, contents, or a list of these. Parts in a row are one message."""
    made: list[Message] = []
    row = False
    for item in items(contents) if isinstance(contents, (list, tuple)) else [] if contents is None else [contents]:
        found = found_in(item)
        if "parts" in found:
            made.append(message(ROLES.get(str(found.get("role")), str(found.get("role") or "user")), parts_of(found)))
        elif row:
            made[-1]["parts"].append(part_of(item))
        else:
            made.append(message("user", [part_of(item)]))
        row = "parts" not in found
    return made


def _tools(tool: Any) -> list[dict[str, Any]]:
    if callable(tool) and not isinstance(tool, type):
        return [{"type": "function", "name": getattr(tool, "__name__", "function")}]
    found = found_in(tool)
    made = [
        {"type": "function", **{name: one[name] for name in ("name", "description", "parameters") if one.get(name)}}
        for one in each(found.get("function_declarations"))
    ]
    return made + [
        {"type": name, "name": name}
        for name, value in found.items()
        if value is not None and name != "function_declarations"
    ]
