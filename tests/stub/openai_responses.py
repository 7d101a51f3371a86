"""The Responses API, streamed and stored.

Reference: https://platform.openai.com/docs/api-reference/responses and /responses-streaming, read 2026-11-21.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from . import bodies
from .exchange import Call, Endpoint, Event, words
from .openai_provider import RESPONSES
from .script import Json, Request

_ECHOED = (
    "background", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls",
    "previous_response_id", "prompt_cache_key", "reasoning", "safety_identifier", "store", "temperature", "text",
    "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
)  # fmt: skip


def _head(call: Call) -> Json:
    constants = bodies.load("openai_response")["response"]
    echoed = {name: call.asked[name] for name in _ECHOED if call.asked.get(name) is not None}
    head = {"id": f"resp_{call.token}", "created_at": call.created, "model": call.model}
    text = {**constants["text"], **echoed.pop("text", {})}
    return {**constants, **head, **echoed, "text": text, "usage": None}


def _text(call: Call) -> str:
    shape: Json = call.asked_object("text").get("format") or {}
    return call.text(bodies.load("openai_response")["text"], shape.get("schema"))


def _items(call: Call) -> list[Json]:
    tools: list[tuple[str, Json]] = [
        (tool["name"], tool.get("parameters") or {})
        for tool in call.asked_list("tools")
        if tool.get("type") == "function"
    ]
    items: list[Json] = []
    if call.reply.reasoning is not None:
        summary = [{"type": "summary_text", "text": call.reply.reasoning}]
        items.append({"id": f"rs_{call.token}", "type": "reasoning", "summary": summary})
    for index, (name, arguments) in enumerate(call.tool_calls(tools)):
        ids = {"id": f"fc_{call.token}{index}", "call_id": f"call_{call.token}{index}"}
        rest = {"type": "function_call", "status": "completed", "name": name, "arguments": bodies.dumps(arguments)}
        items.append({**ids, **rest})
    if not call.reply.tool_calls:
        part: Json = {"type": "output_text", "text": _text(call), "annotations": [], "logprobs": []}
        message: Json = {"type": "message", "status": "completed", "role": "assistant", "content": [part]}
        items.append({"id": f"msg_{call.token}", **message})
    return items


def _completed(call: Call) -> Json:
    usage = call.usage(bodies.load("openai_response")["usage"], ("total_tokens", "input_tokens", "output_tokens"))
    ended: Json = {"status": "completed", "completed_at": call.created + 1, "output": _items(call), "usage": usage}
    if call.reply.finish:
        ended |= {"status": "incomplete", "incomplete_details": {"reason": call.reply.finish}}
    body = {**_head(call), **ended}
    call.store[body["id"]] = body
    return body


def respond(call: Call) -> Json:
    """The whole `response`; a background one starts as queued, without usage, and is complete when retrieved."""
    body = _completed(call)
    if not call.asked.get("background"):
        return body
    return {**_head(call), "status": "queued", "output": [], "usage": None}


def events(call: Call) -> Iterator[Event]:
    """The typed events in their order, numbered from 0."""
    numbers = itertools.count()
    for data in _event_data(call):
        yield Event({**data, "sequence_number": next(numbers)}, data["type"])


def _event_data(call: Call) -> Iterator[Json]:
    started = {**_head(call), "status": "in_progress"}
    yield {"type": "response.created", "response": started}
    yield {"type": "response.in_progress", "response": started}
    for index, item in enumerate(_items(call)):
        yield from _item_events(call, index, item)
    body = _completed(call)
    yield {"type": f"response.{body['status']}", "response": body}


def _item_events(call: Call, index: int, item: Json) -> Iterator[Json]:
    at = {"item_id": item["id"], "output_index": index}
    opened: Json = {"message": {"content": []}, "function_call": {"arguments": ""}, "reasoning": {"summary": []}}
    status = {} if item["type"] == "reasoning" else {"status": "in_progress"}
    added = {**item, **status, **opened[item["type"]]}
    yield {"type": "response.output_item.added", "output_index": index, "item": added}
    if item["type"] == "message":
        yield from _message_events({**at, "content_index": 0}, item["content"][0], call)
    elif item["type"] == "reasoning":
        yield from _reasoning_events({**at, "summary_index": 0}, item["summary"][0])
    else:
        yield {"type": "response.function_call_arguments.delta", **at, "delta": item["arguments"]}
        done = {"name": item["name"], "arguments": item["arguments"]}
        yield {"type": "response.function_call_arguments.done", **at, **done}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _message_events(at: Json, part: Json, call: Call) -> Iterator[Json]:
    yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
    for piece in call.pieces(part["text"]):
        yield {"type": "response.output_text.delta", **at, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **at, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **at, "part": part}


def _reasoning_events(at: Json, part: Json) -> Iterator[Json]:
    kind = "response.reasoning_summary"
    yield {"type": f"{kind}_part.added", **at, "part": {**part, "text": ""}}
    for piece in words(part["text"]):
        yield {"type": f"{kind}_text.delta", **at, "delta": piece}
    yield {"type": f"{kind}_text.done", **at, "text": part["text"]}
    yield {"type": f"{kind}_part.done", **at, "part": part}


def retrieve(call: Call) -> Json:
    """A stored response; one that the stub never gave is a failure of the test, told by KeyError."""
    return call.store[call.params["id"]]


def _replay(call: Call) -> Iterator[Event]:
    body = retrieve(call)
    frames: list[tuple[str, Any]] = [("response.created", "in_progress"), ("response.completed", body["status"])]
    for number, (kind, status) in enumerate(frames):
        yield Event({"type": kind, "response": {**body, "status": status}, "sequence_number": number}, kind)


def _asks_to_replay(request: Request) -> bool:
    return request.query.get("stream") == "true"


def cancel(call: Call) -> Json:
    """A stored response, cancelled: nothing more will come of it."""
    return {**retrieve(call), "status": "cancelled", "output": [], "usage": None}


def count_input(call: Call) -> Json:
    """What the request would cost in input tokens."""
    return {"object": "response.input_tokens", "input_tokens": 36 * call.scale}


ENDPOINTS = [
    Endpoint("POST", r"(/.*)?/responses", RESPONSES, respond, events),
    Endpoint("POST", r"(/.*)?/responses/input_tokens", RESPONSES, count_input),
    Endpoint("POST", r"(/.*)?/responses/(?P<id>[^/]+)/cancel", RESPONSES, cancel),
    Endpoint("GET", r"(/.*)?/responses/(?P<id>[^/]+)", RESPONSES, retrieve, _replay, _asks_to_replay),
]
