"""Messages of OpenAI's APIs in the conventions' JSON shapes; read only while content capture is on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...model import Content
from ..parts import Message, Part, data_uri, function_tools, message, parse_json, text_part
from .values import each, fields, items

FINISH = {"tool_calls": "tool_call", "function_call": "tool_call"}
REASONING = ("reasoning_content", "reasoning")
"""Where servers that reason in the open put it: DeepSeek, xAI, Moonshot and vLLM; OpenRouter and Groq."""


def finish_reason(choice: Mapping[str, Any]) -> str:
    """A choice's finish reason in the conventions' words; ``error`` where it never came."""
    reason = choice.get("finish_reason")
    return FINISH.get(reason, reason) if isinstance(reason, str) and reason else "error"


def reasoning(found: Mapping[str, Any]) -> str:
    """The open reasoning of a message or of a delta."""
    return next((text for name in REASONING if isinstance(text := found.get(name), str)), "")


def read_chat(kwargs: Mapping[str, Any]) -> Content:
    """``messages`` and ``tools`` of a chat completion."""
    return Content(input=[_chat_message(fields(m)) for m in kwargs.get("messages") or ()], tools=_tools(kwargs))


def read_prompt(kwargs: Mapping[str, Any]) -> Content:
    """``prompt`` of a text completion: a string or a list of them (token arrays are not text)."""
    prompt = kwargs.get("prompt")
    prompts = [prompt] if isinstance(prompt, str) else items(prompt)
    return Content(input=[message("user", [text_part(one)]) for one in prompts if isinstance(one, str)])


def read_input_items(kwargs: Mapping[str, Any]) -> Content:
    """``instructions``, ``input`` and ``tools`` of a response."""
    given = kwargs.get("input")
    if isinstance(given, str):
        messages = [message("user", [text_part(given)])]
    else:
        messages = [_item(fields(item)) for item in given or ()]
    instructions = kwargs.get("instructions")
    system = [text_part(instructions)] if isinstance(instructions, str) else None
    return Content(system, messages, tools=_tools(kwargs))


def read_choices(result: Any) -> list[Message]:
    """The choices of a whole completion: one message each."""
    found: list[Message] = []
    for choice in each(fields(result).get("choices")):
        reason = finish_reason(choice)
        if "text" in choice:
            found.append(message("assistant", [text_part(choice["text"])], reason))
        else:
            found.append({**_chat_message(fields(choice.get("message"))), "finish_reason": reason})
    return found


def read_output_items(result: Any, reason: str | None) -> list[Message]:
    """The output of a whole response: one assistant message with every item as a part."""
    parts = [part for item in fields(result).get("output") or () for part in _item_parts(fields(item))]
    return [message("assistant", parts, reason)]


class Deltas:
    """Joins the text and tool-call deltas of a stream's choices; used only while content is captured."""

    def __init__(self) -> None:
        self._text: dict[int, list[str]] = {}
        self._reasoning: dict[int, list[str]] = {}
        self._calls: dict[int, dict[int, dict[str, Any]]] = {}
        self._reasons: dict[int, str] = {}

    def fold(self, choice: Mapping[str, Any]) -> None:
        """Take in one choice of one chunk."""
        index = choice.get("index") or 0
        delta = fields(choice.get("delta"))
        text = delta.get("content") or choice.get("text")
        texts = self._text.setdefault(index, [])
        if isinstance(text, str):
            texts.append(text)
        self._reasoning.setdefault(index, []).append(reasoning(delta))
        if choice.get("finish_reason"):
            self._reasons[index] = finish_reason(choice)
        for call in each(delta.get("tool_calls")):
            calls = self._calls.setdefault(index, {})
            known = calls.setdefault(call.get("index", 0), {"id": None, "name": "", "arguments": []})
            function = fields(call.get("function"))
            known["id"] = call.get("id") or known["id"]
            known["name"] += function.get("name") or ""
            known["arguments"].append(function.get("arguments") or "")

    def messages(self) -> list[Message]:
        """One message for each choice, as far as it came."""
        return [
            message("assistant", [*self._parts(index)], self._reasons.get(index, "error"))
            for index in sorted(self._text)
        ]

    def _parts(self, index: int) -> Iterable[Part]:
        thought, text = "".join(self._reasoning[index]), "".join(self._text[index])
        if thought:
            yield {"type": "reasoning", "content": thought}
        if text:
            yield text_part(text)
        for call in self._calls.get(index, {}).values():
            yield _tool_call(call["id"], call["name"], "".join(call["arguments"]))


def _chat_message(found: Mapping[str, Any]) -> Message:
    role = str(found.get("role") or "user")
    content = found.get("content")
    if role == "tool":
        return message(role, [{"type": "tool_call_response", "id": found.get("tool_call_id"), "response": content}])
    thought = reasoning(found)
    parts: list[Part] = [{"type": "reasoning", "content": thought}] if thought else []
    parts += _content_parts(content)
    refusal = found.get("refusal")
    if isinstance(refusal, str):
        parts.append(text_part(refusal))
    for call in each(found.get("tool_calls")):
        function = fields(call.get("function"))
        parts.append(_tool_call(call.get("id"), str(function.get("name") or ""), function.get("arguments")))
    return message(role, parts)


def _content_parts(content: Any) -> list[Part]:
    if isinstance(content, str):
        return [text_part(content)]
    return [_content_part(fields(part)) for part in items(content)]


def _content_part(part: Mapping[str, Any]) -> Part:
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text"):
        return text_part(part.get("text"))
    if kind == "image_url":
        return data_uri("image", fields(part.get("image_url")).get("url"))
    if kind == "input_image":
        return data_uri("image", part.get("image_url"))
    if kind == "input_audio":
        audio, blob = fields(part.get("input_audio")), {"type": "blob", "modality": "audio"}
        return {**blob, "mime_type": f"audio/{audio.get('format')}", "content": audio.get("data")}
    if kind in ("file", "input_file"):
        file = fields(part.get("file")) or part
        return {"type": "file", "modality": "document", "file_id": file.get("file_id")}
    if kind == "refusal":
        return text_part(part.get("refusal"))
    return {"type": "generic", "generic_type": str(kind)}


def _item(item: Mapping[str, Any]) -> Message:
    role = str(item.get("role") or ("tool" if item.get("type") == "function_call_output" else "assistant"))
    return message(role, list(_item_parts(item)))


def _item_parts(item: Mapping[str, Any]) -> Iterable[Part]:
    kind = item.get("type") or "message"
    if kind == "message":
        yield from _content_parts(item.get("content"))
    elif kind == "function_call":
        yield _tool_call(item.get("call_id"), str(item.get("name") or ""), item.get("arguments"))
    elif kind == "function_call_output":
        yield {"type": "tool_call_response", "id": item.get("call_id"), "response": item.get("output")}
    elif kind == "reasoning":
        for summary in each(item.get("summary")):
            yield {"type": "reasoning", "content": summary.get("text")}
    else:
        yield {"type": "server_tool_call", "name": str(kind), "server_tool_call": {"type": str(kind)}}


def _tool_call(call_id: Any, name: str, arguments: Any) -> Part:
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": parse_json(arguments)}


def _tools(kwargs: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    return function_tools(each(kwargs.get("tools"))) or None
