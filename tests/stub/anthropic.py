"""The Messages API: Anthropic's own, and as Bedrock and Vertex serve it.

Reference: https://docs.claude.com/en/api/messages and /en/docs/build-with-claude/streaming; AWS and Google Cloud pages
are named in bodies/README.md. Read 2026-11-21. API version 2026-10-21 (the SDK's default since 2.0) changed what a
request may say, not the shapes below.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import bodies
from .exchange import Call, Endpoint, Event, Provider, words
from .framing import AWS_CONTENT_TYPE, aws, sse
from .script import Exact, Json, Request

_ERRORS = {
    400: ("invalid_request_error", "The request is not valid."),
    401: ("authentication_error", "invalid x-api-key"),
    404: ("not_found_error", "model not found"),
    413: ("request_too_large", "Request exceeds the maximum allowed number of bytes."),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    529: ("overloaded_error", "Overloaded"),
}
_DELTA_USAGE = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens",
                "output_tokens_details", "server_tool_use")  # fmt: skip


def _error(status: int, call: Call) -> Json:
    kind, message = _ERRORS.get(status, _ERRORS[500 if status >= 500 else 400])
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": f"req_{call.token}"}


def _headers(call: Call) -> dict[str, str]:
    return {
        "request-id": f"req_{call.token}",
        "anthropic-organization-id": "00000000-0000-4000-8000-000000000000",
        "anthropic-ratelimit-requests-limit": "1000",
        "anthropic-ratelimit-requests-remaining": "999",
    }


def _failure(call: Call) -> Event:
    return Event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")


def _aws_error(status: int, call: Call) -> Json:
    return {"message": _ERRORS.get(status, _ERRORS[400])[1]}


def _aws_headers(call: Call) -> dict[str, str]:
    headers = {"x-amzn-requestid": call.token}
    kinds = {400: "ValidationException", 403: "AccessDeniedException", 429: "ThrottlingException"}
    if call.reply.status >= 400:
        return {**headers, "x-amzn-errortype": kinds.get(call.reply.status, "InternalServerException")}
    if call.request.path.endswith("-stream"):  # the counts come in the last event
        return headers
    usage = _usage(call) or {}
    return {
        **headers,
        "x-amzn-bedrock-input-token-count": str(usage.get("input_tokens", 0)),
        "x-amzn-bedrock-output-token-count": str(usage.get("output_tokens", 0)),
        "x-amzn-bedrock-invocation-latency": "7",
    }


def _vertex_headers(call: Call) -> dict[str, str]:
    return {"x-vertex-ai-request-id": call.token}


def _aws_failure(call: Call) -> Event:
    return Event({"message": "Too many requests, please wait before trying again."}, "throttlingException")


ANTHROPIC = Provider(error=_error, headers=_headers, failure=_failure, frame=sse)
VERTEX = Provider(error=_error, headers=_vertex_headers, failure=_failure, frame=sse)
BEDROCK = Provider(_aws_error, _aws_headers, _aws_failure, aws, AWS_CONTENT_TYPE)


def _is_bedrock(call: Call) -> bool:
    return call.request.path.startswith("/model/")


def _model(call: Call) -> str:
    """Bedrock and Vertex answer with Anthropic's name: no vendor, region or version around it, a dash for the @."""
    bare = re.sub(r"^(.*\.)?anthropic\.|-v\d+(:\d+)?$", "", call.asked_model).replace("@", "-")
    return call.reply.model or bodies.snapshot(bare)


def _usage(call: Call) -> Json | None:
    usage = call.usage(bodies.load("anthropic_message")["usage"])
    scripted = call.reply.usage or {}
    silent = isinstance(scripted, Exact) or "cache_creation" in scripted
    if usage and "cache_creation_input_tokens" in scripted and not silent:
        # The parts must add up to the total; five minutes is the default lifetime.
        usage["cache_creation"]["ephemeral_5m_input_tokens"] = usage["cache_creation_input_tokens"]
    return usage


def _head(call: Call) -> Json:
    origin = "bdrk_" if _is_bedrock(call) else "vrtx_" if "/publishers/anthropic/" in call.request.path else ""
    constants = bodies.load("anthropic_message")["message"]
    return {"model": _model(call), "id": f"msg_{origin}{call.token}", **constants}


def _schema(call: Call) -> Json | None:
    shape: Json = call.asked_object("output_config").get("format") or call.asked_object("output_format")
    return shape.get("schema")


def _content(call: Call) -> list[Json]:
    tools = [(tool["name"], tool.get("input_schema", {})) for tool in call.asked_list("tools") if "name" in tool]
    blocks: list[Json] = []
    if call.reply.reasoning is not None:
        blocks.append({"type": "thinking", "thinking": call.reply.reasoning, "signature": "EqQBCgIYAhIM"})
    if call.reply.text is not None or not call.reply.tool_calls:
        blocks.append({"type": "text", "text": call.text(bodies.load("anthropic_message")["text"], _schema(call))})
    for index, (name, arguments) in enumerate(call.tool_calls(tools)):
        blocks.append({"type": "tool_use", "id": f"toolu_{call.token}{index}", "name": name, "input": arguments})
    return blocks


def _stop_reason(call: Call) -> str:
    return call.reply.finish or ("tool_use" if call.reply.tool_calls else "end_turn")


def _with_usage(body: Json, usage: Json | None) -> Json:
    return body if usage is None else {**body, "usage": usage}


def message(call: Call) -> Json:
    """The whole `message`."""
    body = {**_head(call), "content": _content(call), "stop_reason": _stop_reason(call)}
    return _with_usage(body, _usage(call))


def events(call: Call) -> Iterator[Event]:
    """message_start, the blocks and a ping among them, message_delta with cumulative usage, message_stop."""
    for data in _event_data(call):
        yield data if isinstance(data, Event) else Event(data, data["type"])


def _event_data(call: Call) -> Iterator[Any]:
    usage = _usage(call)
    at_start = None if usage is None else {**usage, "output_tokens": 1}
    yield {"type": "message_start", "message": _with_usage(_head(call), at_start)}
    for index, block in enumerate(_content(call)):
        yield {"type": "content_block_start", "index": index, "content_block": _opened(block)}
        if index == 0:
            yield {"type": "ping"}
        yield from _delta_events(call, index, block)
        yield {"type": "content_block_stop", "index": index}
    cumulative = None if usage is None else {key: usage[key] for key in _DELTA_USAGE if key in usage}
    ended = {"type": "message_delta", "delta": {"stop_reason": _stop_reason(call), "stop_sequence": None}}
    yield _with_usage(ended, cumulative)
    yield {"type": "message_stop", **_invocation_metrics(call, usage or {})}


def _opened(block: Json) -> Json:
    empty: Json = {"text": "", "thinking": "", "signature": "", "input": {}}
    return {key: empty.get(key, value) for key, value in block.items()}


def _delta_events(call: Call, index: int, block: Json) -> Iterator[Event]:
    last, event = None, Event("")
    for delta in _deltas(call, block):
        if delta != last:
            data = {"type": "content_block_delta", "index": index, "delta": delta}
            last, event = delta, Event(data, "content_block_delta")
        yield event


def _deltas(call: Call, block: Json) -> Iterator[Json]:
    if block["type"] == "text":
        yield from ({"type": "text_delta", "text": piece} for piece in call.pieces(block["text"]))
    elif block["type"] == "thinking":
        yield from ({"type": "thinking_delta", "thinking": piece} for piece in words(block["thinking"]))
        yield {"type": "signature_delta", "signature": block["signature"]}
    else:
        yield {"type": "input_json_delta", "partial_json": ""}
        yield {"type": "input_json_delta", "partial_json": bodies.dumps(block["input"])}


def _invocation_metrics(call: Call, usage: Json) -> Json:
    if not _is_bedrock(call):
        return {}
    counts = {"inputTokenCount": usage.get("input_tokens", 0), "outputTokenCount": usage.get("output_tokens", 0)}
    return {"amazon-bedrock-invocationMetrics": {**counts, "invocationLatency": 7, "firstByteLatency": 3}}


def count_tokens(call: Call) -> Json:
    """What the request would cost in input tokens."""
    return {"input_tokens": 25 * call.scale}


def _never(request: Request) -> bool:
    return False


def _always(request: Request) -> bool:
    return True


_VERTEX_MODELS = r"(/.*)?/projects/[^/]+/locations/[^/]+/publishers/anthropic/models"
_BEDROCK_MODEL = r"/model/(?P<model>[^/]+)"

ENDPOINTS = [
    Endpoint("POST", r"(/.*)?/v1/messages", ANTHROPIC, message, events),
    Endpoint("POST", r"(/.*)?/v1/messages/count_tokens", ANTHROPIC, count_tokens),
    Endpoint("POST", _VERTEX_MODELS + r"/count-tokens:rawPredict", VERTEX, count_tokens, None, _never),
    Endpoint("POST", _VERTEX_MODELS + r"/(?P<model>[^/:]+):rawPredict", VERTEX, message, None, _never),
    Endpoint("POST", _VERTEX_MODELS + r"/(?P<model>[^/:]+):streamRawPredict", VERTEX, message, events, _always),
    Endpoint("POST", _BEDROCK_MODEL + r"/invoke", BEDROCK, message, None, _never),
    Endpoint("POST", _BEDROCK_MODEL + r"/invoke-with-response-stream", BEDROCK, message, events, _always),
]
