"""Anthropic's Messages API, on its own hosts and on Bedrock, Vertex and Foundry.

Source: https://docs.claude.com/en/api/messages and /streaming (read 2026-11-21), types of the anthropic package 2.12.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Content, Invocation, Request, Response, Usage
from ..parts import Message, Part, function_tools, message, parse_json, text_part
from ..spec import Dialect
from .values import (
    Parts,
    Reader,
    each,
    fields,
    items,
    own,
    read_parameters,
    read_parts,
    real,
    strings,
    text,
    total,
    whole,
)

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "refusal": "content_filter",
}
PARTS: Parts = {
    "input_tokens": None,
    "output_tokens": None,
    "cache_read_input_tokens": "cache_read",
    "cache_creation_input_tokens": "cache_write",
    "cache_creation": {"ephemeral_5m_input_tokens": None, "ephemeral_1h_input_tokens": "cache_write_1h"},
    "output_tokens_details": {"thinking_tokens": "reasoning"},
    # Fetching a page is free: https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-fetch-tool
    "server_tool_use": {"web_search_requests": "searches", "web_fetch_requests": None},
}


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
    fresh, output = total(found, "input_tokens", response), total(found, "output_tokens", response)
    if fresh is None and output is None:
        return None
    usage = Usage(fresh, output)
    read_parts(found, PARTS, usage, response)
    if fresh is not None:
        usage.input = fresh + usage.cache_read + usage.cache_write
    if found.get("iterations"):
        read_iterations(found, response)
    return usage


def read_iterations(found: Mapping[str, Any], response: Response) -> None:
    """Name the rounds that other models, or a compaction, worked for this message: the totals do not hold them.

    Source: the type of the beta usage object in the anthropic package 2.12.
    """
    kinds = {str(each_round.get("type")) for each_round in each(found.get("iterations"))} - {"message"}
    response.unpriced += tuple(f"iterations of {kind}" for kind in sorted(kinds))


def read_billing(found: Mapping[str, Any], response: Response) -> None:
    """What else of ``usage`` decides the price: service tier, batch, inference geography.

    Fast mode has a price of its own, so it is told as a tier and never billed as standard:
    `usage.speed` in the types of the anthropic package 2.12.
    """
    fast = found.get("speed") == "fast"
    tier = "fast" if fast else text(found.get("service_tier"))
    if tier is not None:
        response.attributes[names.SERVICE_TIER] = tier
        response.batch = tier == "batch"
        response.service_tier = None if response.batch else tier
    if found.get("inference_geo") == "us":
        response.region = "us"


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


def finish_reason(reason: Any) -> str:
    """A stop reason in the conventions' words; ``error`` where it never came."""
    return FINISH.get(reason, reason) if isinstance(reason, str) else "error"


class MessageAccumulator:
    """Folds message events. Usage in ``message_delta`` is cumulative: the last value of each field counts."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._start: Mapping[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._reason: Any = None
        self._blocks: dict[int, dict[str, Any]] | None = {} if captured else None

    def fold(self, chunk: Any) -> bool:
        """Only the first and the last events carry counts; deltas are looked at for captured content alone."""
        found: Mapping[str, Any] = own(chunk)
        kind = found.get("type")
        if kind == "message_start":
            self._start = fields(found.get("message"))
            self._take(self._start.get("usage"))
        elif kind == "message_delta":
            self._reason = fields(found.get("delta")).get("stop_reason") or self._reason
            self._take(found.get("usage"))
        elif self._blocks is not None:
            self._fold_content(kind, found)
        return False

    def _take(self, usage: Any) -> None:
        self._usage.update((name, value) for name, value in fields(usage).items() if value is not None)

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
            read_response({**self._start, "usage": self._usage, "stop_reason": self._reason}, invocation)

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
    )


ANTHROPIC_MESSAGES = _dialect("anthropic_messages", streams=False)
ANTHROPIC_STREAM = _dialect("anthropic_stream", streams=True)
