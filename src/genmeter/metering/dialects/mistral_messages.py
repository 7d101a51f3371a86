"""Messages of Mistral's APIs in the conventions' JSON shapes; read only while content capture is on.

A message is OpenAI's, whose content may be a list of chunks: text, thinking, images, documents, sound, references.
Source: https://docs.mistral.ai/api (read 2026-11-30) and the types of the mistralai package 1.12 and 3.7.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model import Content
from ..parts import Message, Part, data_uri, function_tools, message, parse_json, text_part
from . import openai_messages
from .openai_messages import finish_reason
from .values import each, fields, items

LENGTH = {"model_length": "length"}


def read_messages(kwargs: Mapping[str, Any]) -> Content:
    """``messages`` and ``tools`` of a chat or of an agent."""
    tools = function_tools(each(kwargs.get("tools")))
    return Content(input=[_message(fields(one)) for one in kwargs.get("messages") or ()], tools=tools or None)


def read_prompt(kwargs: Mapping[str, Any]) -> Content:
    """``prompt`` and ``suffix``, between which a fill-in-the-middle model writes."""
    given = [kwargs.get(name) for name in ("prompt", "suffix")]
    return Content(input=[message("user", [text_part(one) for one in given if isinstance(one, str)])])


def read_choices(result: Any) -> list[Message]:
    """The choices of a whole answer: one message each, with all that was said where tools ran at the provider."""
    found: list[Message] = []
    for choice in each(fields(result).get("choices")):
        messages = [fields(one) for one in items(choice.get("messages"))] or [fields(choice.get("message"))]
        parts = [part for one in messages for part in _message(one)["parts"]]
        reason = finish_reason(choice)
        found.append(message("assistant", parts, LENGTH.get(reason, reason)))
    return found


def read_inputs(kwargs: Mapping[str, Any]) -> Content:
    """``instructions``, ``inputs`` and ``tools`` of a conversation."""
    given, instructions = kwargs.get("inputs"), kwargs.get("instructions")
    if isinstance(given, str):
        messages = [message("user", [text_part(given)])]
    else:
        messages = [_entry(fields(one)) for one in given or ()]
    system = [text_part(instructions)] if isinstance(instructions, str) else None
    return Content(system, messages, tools=function_tools(each(kwargs.get("tools"))) or None)


def read_entries(entries: list[Mapping[str, Any]], reason: str | None) -> list[Message]:
    """The entries that a conversation added, as one assistant message."""
    return [message("assistant", [part for entry in entries for part in _entry(entry)["parts"]], reason)]


def parts_of(content: Any) -> list[Part]:
    """The content of a message or of a piece of one: a text, a chunk or a list of chunks."""
    if isinstance(content, str):
        return [text_part(content)]
    return [_part(fields(chunk)) for chunk in (items(content) or ([content] if fields(content) else []))]


class Deltas(openai_messages.Deltas):
    """Joins the pieces of a stream's choices, whose content may be chunks of text and thinking."""

    def fold(self, choice: Mapping[str, Any]) -> None:
        """Take in one choice of one chunk."""
        delta = dict(fields(choice.get("delta")))
        chunks = parts_of(delta.get("content"))
        for name, kind in (("content", "text"), ("reasoning_content", "reasoning")):
            delta[name] = "".join(str(chunk["content"]) for chunk in chunks if chunk["type"] == kind)
        reason = choice.get("finish_reason")
        super().fold({**choice, "delta": delta, "finish_reason": LENGTH.get(reason, reason) if reason else None})


class Entries:
    """Joins the pieces of what a conversation adds while it streams."""

    def __init__(self) -> None:
        self._parts: list[Part] = []

    def add(self, piece: Mapping[str, Any]) -> None:
        """Take in the data of one event: a piece of a message, or of the call of a function."""
        last = self._parts[-1] if self._parts else {}
        if piece.get("type") == "function.call.delta":
            call, said = piece.get("tool_call_id"), str(piece.get("arguments") or "")
            if last.get("id") == call:
                last["arguments"] += said
            else:
                self._parts.append({**_call(call, piece.get("name"), ""), "arguments": said})
            return
        for part in parts_of(piece.get("content")):
            if part["type"] == "text" == last.get("type"):
                last["content"] += str(part["content"])
            else:
                self._parts.append(last := part)

    def messages(self) -> list[Message]:
        """One message, as far as it came."""
        parts = [
            {**one, "arguments": parse_json(one["arguments"])} if "arguments" in one else one for one in self._parts
        ]
        return [message("assistant", parts)]


def _message(found: Mapping[str, Any]) -> Message:
    role = str(found.get("role") or "assistant")
    content = found.get("content")
    if role == "tool":
        return message(role, [{"type": "tool_call_response", "id": found.get("tool_call_id"), "response": content}])
    parts = parts_of(content)
    for call in each(found.get("tool_calls")):
        function = fields(call.get("function"))
        parts.append(_call(call.get("id"), function.get("name"), function.get("arguments")))
    return message(role, parts)


def _entry(found: Mapping[str, Any]) -> Message:
    kind = str(found.get("type") or "message.input")
    if kind.startswith("message."):
        role = str(found.get("role") or ("user" if kind == "message.input" else "assistant"))
        return message(role, parts_of(found.get("content")))
    if kind == "function.result":
        answer = {"type": "tool_call_response", "id": found.get("tool_call_id"), "response": found.get("result")}
        return message("tool", [answer])
    if kind == "function.call":
        return message("assistant", [_call(found.get("tool_call_id"), found.get("name"), found.get("arguments"))])
    name = str(found.get("name") or kind)
    ran = {"type": name, "arguments": parse_json(found.get("arguments"))}
    return message("assistant", [{"type": "server_tool_call", "name": name, "server_tool_call": ran}])


def _call(call_id: Any, name: Any, arguments: Any) -> Part:
    return {"type": "tool_call", "id": call_id, "name": str(name or ""), "arguments": parse_json(arguments)}


def _part(chunk: Mapping[str, Any]) -> Part:
    kind = chunk.get("type")
    if kind == "text":
        return text_part(chunk.get("text"))
    if kind == "thinking":
        thought = [fields(one).get("text") for one in items(chunk.get("thinking"))]
        return {"type": "reasoning", "content": "".join(one for one in thought if isinstance(one, str))}
    if kind in ("image_url", "document_url"):
        link = chunk.get(kind)
        link = link if isinstance(link, str) else fields(link).get("url")
        return data_uri("image" if kind == "image_url" else "document", link)
    if kind == "input_audio":
        return {"type": "blob", "modality": "audio", "content": chunk.get("input_audio")}
    if kind in ("file", "tool_file"):
        return {"type": "file", "modality": "document", "file_id": chunk.get("file_id")}
    return {"type": "generic", "generic_type": str(kind)}
