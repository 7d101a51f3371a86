"""Anthropic's Messages API, on its own hosts and on Bedrock, Vertex and Foundry.

Source: https://docs.claude.com/en/api/messages and /streaming (read 2026-11-21), types of the anthropic package 2.12.
Compaction, advisors and fallbacks stand in ``usage.iterations``: ``anthropic_rounds`` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Content, Invocation, Request, Response, Usage
from ..parts import Message, Part, function_tools, message, parse_json, text_part
from ..spec import Dialect
from .anthropic_rounds import PARTS, count_rounds, one_round
from .counts import leave, merged
from .values import Reader, each, fields, items, own, read_parameters, real, strings, text, whole

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}
FREE_TOOLS = frozenset({"web_search", "web_fetch", "advisor", "tool_search_tool_regex", "tool_search_tool_bm25"})
"""Hosted tools whose use is counted in ``usage``, or costs nothing beside its tokens.

The others run in a container, which is billed by the time that no answer reports:
https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool.
"""


PLACELESS = frozenset({None, "global", "not_available"})
"""Values of ``inference_geo`` that name no place: https://platform.claude.com/docs/en/build-with-claude/data-residency."""


def effort(value: Any) -> str | None:
    """``output_config.effort`` as it was sent."""
    return text(fields(value).get("effort"))


PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "temperature": (names.REQUEST_TEMPERATURE, real),
    "top_p": (names.REQUEST_TOP_P, real),
    "top_k": (names.REQUEST_TOP_K, whole),
    "max_tokens": (names.REQUEST_MAX_TOKENS, whole),
    "stop_sequences": (names.REQUEST_STOP_SEQUENCES, strings),
    "output_config": (names.REQUEST_REASONING_LEVEL, effort),
}


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``create``, ``parse`` and ``stream``."""
    request = Request(text(kwargs.get("model")))
    read_parameters(kwargs, PARAMETERS, request)
    if kwargs.get("stream"):
        request.stream = True
        request.attributes[names.REQUEST_STREAM] = True
    request.service_tier = text(kwargs.get("service_tier"))
    return request


def read_stream_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of the ``stream`` helper, which always streams."""
    return read_request({**kwargs, "stream": True})


def read_usage(found: Mapping[str, Any], response: Response) -> Usage | None:
    """``usage`` of a message. Anthropic counts exclusively: the total input is fresh + cache read + cache write."""
    usage = one_round(found, PARTS, response)
    rounds = found.get("iterations")
    return count_rounds(each(rounds), usage, response) if rounds and usage is not None else usage


def read_billing(found: Mapping[str, Any], response: Response) -> None:
    """What else of ``usage`` decides the price: service tier, batch, inference geography.

    Fast mode has a price of its own, so it is told as a tier and never billed as standard, and so is a speed or a place
    that this reader does not know:
    `usage.speed` in the types of the anthropic package 2.12.
    """
    speed = text(found.get("speed"))
    tier = speed if speed not in (None, "standard") else text(found.get("service_tier"))
    if tier is not None:
        response.attributes[names.SERVICE_TIER] = tier
        response.batch = tier == "batch"
        response.service_tier = None if response.batch else tier
    place = text(found.get("inference_geo"))
    if place not in PLACELESS:
        response.region = place
    if fields(fields(found.get("fallback_credit")).get("status")).get("type") == "redeemed":
        # The call is billed as if another model had held the conversation; by how much less, no answer says.
        leave("fallback_credit", 0, response)


def read_response(result: Any, invocation: Invocation) -> None:
    """A Message."""
    found = fields(result)
    response = invocation.response
    response.id, response.model = text(found.get("id")), text(found.get("model"))
    usage = fields(found.get("usage"))
    if usage:
        invocation.usage = read_usage(usage, response)
        read_billing(usage, response)
    response.finish_reasons = [finish_reason(found.get("stop_reason"))]
    blocks = each(found.get("content"))
    response.answered = response.answered or any(says(block) for block in blocks)
    for block in blocks:
        name_tool(block, response)


def says(block: Mapping[str, Any]) -> bool:
    """Whether a content block is an answer: words, or the call of a tool."""
    return bool(block.get("text") or block.get("name") or block.get("thinking"))


def name_tool(block: Mapping[str, Any], response: Response) -> None:
    """Name a hosted tool whose fee stands in no count: time in a container, or a tool that this reader does not know."""
    name = block.get("name")
    if block.get("type") != "server_tool_use" or name in FREE_TOOLS:
        return
    leave(str(name), 0, response)


def finish_reason(reason: Any) -> str:
    """A stop reason in the conventions' words; ``error`` where it never came."""
    return FINISH.get(reason, reason) if isinstance(reason, str) else "error"


class MessageAccumulator:
    """Folds message events. Usage in ``message_delta`` is cumulative: the last value of each field that is not zero counts."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._start: Mapping[str, Any] = {}
        self._usage: Any = None
        self._reason: Any = None
        self._tools: list[Mapping[str, Any]] = []
        self._answered = False
        self._blocks: dict[int, dict[str, Any]] | None = {} if captured else None

    def fold(self, chunk: Any) -> bool:
        """Only the first and the last events carry counts; deltas are looked at for captured content alone."""
        found: Mapping[str, Any] = getattr(chunk, "__dict__", None) or own(chunk)
        kind = found.get("type")
        if kind == "content_block_delta":
            self._answered = True
        elif kind == "content_block_start":
            block = fields(found.get("content_block"))
            if block.get("name"):
                self._answered = True
                self._tools.append({"type": block.get("type"), "name": block.get("name")})
        elif kind == "message_start":
            self._start = fields(found.get("message"))
            self._take(self._start.get("usage"))
        elif kind == "message_delta":
            self._reason = fields(found.get("delta")).get("stop_reason") or self._reason
            self._take(found.get("usage"))
        if self._blocks is not None:
            self._fold_content(kind, found)
        return False

    def _take(self, usage: Any) -> None:
        self._usage = merged(self._usage, usage)

    def _fold_content(self, kind: Any, found: Mapping[str, Any]) -> None:
        blocks = self._blocks
        if blocks is None:
            return
        if kind == "content_block_start":
            blocks[found["index"]] = {**fields(found["content_block"]), "pieces": []}
        elif kind == "content_block_delta":
            delta = fields(found["delta"])
            piece = delta.get("text") or delta.get("partial_json") or delta.get("thinking")
            if isinstance(piece, str):
                blocks[found["index"]]["pieces"].append(piece)

    def finish(self, invocation: Invocation) -> None:
        """Write the usage seen so far; the input of a cut stream is known from its first event."""
        if self._start:
            invocation.response.answered = self._answered
            seen = {"usage": self._usage, "stop_reason": self._reason, "content": self._tools}
            read_response({**self._start, **seen}, invocation)

    @property
    def messages(self) -> list[Message] | None:
        """The answer in the conventions' shapes, when content is captured."""
        if self._blocks is None:
            return None
        parts = [_joined(block) for _, block in sorted(self._blocks.items())]
        return [message("assistant", parts, finish_reason(self._reason))]


def read_content(kwargs: Mapping[str, Any]) -> Content:
    """``system``, ``messages`` and ``tools``."""
    system, tools = kwargs.get("system"), kwargs.get("tools")
    instructions = [text_part(system)] if isinstance(system, str) else [_part(fields(s)) for s in items(system)]
    return Content(
        system=instructions or None,
        input=[message(str(m.get("role")), _parts(m.get("content"))) for m in each(kwargs["messages"])],
        tools=function_tools(each(tools)) or None,
    )


def read_output(result: Any) -> list[Message]:
    """The answer as one assistant message."""
    found = fields(result)
    return [message("assistant", _parts(found.get("content")), finish_reason(found.get("stop_reason")))]


def _parts(content: Any) -> list[Part]:
    return [text_part(content)] if isinstance(content, str) else [_part(fields(block)) for block in items(content)]


def _part(block: Mapping[str, Any]) -> Part:
    kind = block.get("type")
    if kind == "text":
        return text_part(block.get("text"))
    if kind == "thinking":
        return {"type": "reasoning", "content": block.get("thinking")}
    if kind == "tool_use":
        return {"type": "tool_call", "id": block.get("id"), "name": block.get("name"), "arguments": block.get("input")}
    if kind == "tool_result":
        return {"type": "tool_call_response", "id": block.get("tool_use_id"), "response": block.get("content")}
    if kind in ("image", "document"):
        return _media("image" if kind == "image" else "document", fields(block.get("source")))
    if kind == "server_tool_use":
        called = {"type": block.get("name"), "input": block.get("input")}
        return {
            "type": "server_tool_call",
            "id": block.get("id"),
            "name": block.get("name"),
            "server_tool_call": called,
        }
    return {"type": "generic", "generic_type": str(kind)}


def _media(modality: str, source: Mapping[str, Any]) -> Part:
    if source.get("type") == "url":
        return {"type": "uri", "modality": modality, "uri": source.get("url")}
    if source.get("type") == "file":
        return {"type": "file", "modality": modality, "file_id": source.get("file_id")}
    return {"type": "blob", "modality": modality, "mime_type": source.get("media_type"), "content": source.get("data")}


def _joined(block: Mapping[str, Any]) -> Part:
    text = "".join(block["pieces"])
    field = {"text": "text", "thinking": "thinking", "tool_use": "input", "server_tool_use": "input"}.get(block["type"])
    if field is None:
        return _part(block)
    return _part({**block, field: parse_json(text) if field == "input" else text})


def ends(event: Any) -> bool:
    """Whether an event ends a block or the message; the usage stands in the last but one."""
    return fields(event).get("type") in ("content_block_stop", "message_delta", "message_stop")


def _dialect(name: str, streams: bool) -> Dialect:
    return Dialect(
        name,
        names.CHAT,
        read_stream_request if streams else read_request,
        read_response,
        MessageAccumulator,
        content_arguments=("messages",),
        read_content=read_content,
        read_output=read_output,
        tail=ends,
    )


ANTHROPIC_MESSAGES = _dialect("anthropic_messages", streams=False)
ANTHROPIC_STREAM = _dialect("anthropic_stream", streams=True)
