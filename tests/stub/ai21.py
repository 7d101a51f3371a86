"""AI21: chat completions, whose answers name no model.

Reference: https://docs.ai21.com/reference/jamba-api-response and /reference/jamba-1-6-api-ref (read 2026-11-30). Numbers
are plausible ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .exchange import Call, Endpoint, Event, Provider
from .framing import sse
from .script import Json

_USAGE: Json = {"prompt_tokens": 107, "completion_tokens": 94, "total_tokens": 201}
_TOTAL = ("total_tokens", "prompt_tokens", "completion_tokens")
_TEXT = "The parcel has come from Lisbon."


def _error(status: int, call: Call) -> Json:
    return {"detail": {429: "Too many requests"}.get(status, "The request failed.")}


AI21 = Provider(_error, lambda call: {}, lambda call: Event(_error(500, call)), sse)


def _with(call: Call, body: Json) -> Json:
    usage = call.usage(_USAGE, _TOTAL)
    return body if usage is None else {**body, "usage": usage}


def chat(call: Call) -> Json:
    """A whole answer."""
    said: Json = {"role": "assistant", "content": call.text(_TEXT), "tool_calls": None}
    choice = {"index": 0, "message": said, "finish_reason": call.reply.finish or "stop"}
    return _with(call, {"id": call.token, "choices": [choice]})


def events(call: Call) -> Iterator[Event]:
    """A role, then words; the last one has the reason and the usage."""

    def piece(delta: Json, reason: Any = None) -> Json:
        return {"id": call.token, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield Event(piece({"role": "assistant"}))
    for said in call.pieces(call.text(_TEXT)):
        yield Event(piece({"content": said}))
    yield Event(_with(call, piece({"content": ""}, call.reply.finish or "stop")))
    yield Event("[DONE]")


ENDPOINTS = [Endpoint("POST", r"/ai21/studio/v1/chat/completions", AI21, chat, events)]
