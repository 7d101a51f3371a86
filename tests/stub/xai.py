"""xAI's own API: chats, deferred ones, contexts, images and videos, as JSON that the door turns into messages.

Reference: https://github.com/xai-org/xai-proto/tree/main/proto/xai/api/v1 (chat, usage, image and video), and
https://docs.x.ai/developers/cost-tracking for what is charged (read 2026-11-30). Numbers are plausible ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import bodies
from .exchange import Call, Endpoint, Event, Provider
from .script import Json, Request

_USAGE: Json = {
    "prompt_tokens": 199,
    "prompt_text_tokens": 36,
    "cached_prompt_text_tokens": 163,
    "completion_tokens": 10,
    "reasoning_tokens": 215,
    "total_tokens": 424,
}
_CHARGED: Json = {"prompt_tokens": 30, "prompt_text_tokens": 30, "total_tokens": 30, "cost_in_usd_ticks": 200000000}
_TEXT = "The parcel has come from Lisbon."


def _error(status: int, call: Call) -> Json:
    return {"message": {429: "Too many requests for the team."}.get(status, "The request failed.")}


def _failure(call: Call) -> Event:
    return Event(_error(500, call))


def _message(event: Event) -> bytes:
    return (event.data if isinstance(event.data, str) else bodies.dumps(event.data)).encode()


XAI = Provider(_error, lambda call: {}, _failure, _message, "application/grpc")


def _head(call: Call, model: str = "") -> Json:
    return {"id": call.token, "model": model or call.model, "system_fingerprint": "fp_x1zYcKqXbz"}


def _used(call: Call, default: Json) -> Json:
    usage = call.usage(default)
    return {} if usage is None else {"usage": usage}


def _reason(call: Call) -> str:
    return call.reply.finish or "REASON_STOP"


def chat(call: Call) -> Json:
    """One answer, or as many as were asked for."""
    return _answers(call, call.asked)


def _answers(call: Call, asked: Json) -> Json:
    said: Json = {"content": call.text(_TEXT), "role": "ROLE_ASSISTANT"}
    reason = _reason(call)
    outputs = [{"index": index, "finish_reason": reason, "message": said} for index in range(asked.get("n", 1))]
    return {**_head(call, asked["model"]), "outputs": outputs, **_used(call, _USAGE)}


def events(call: Call) -> Iterator[Event]:
    """Piece after piece; the last one has the reason and the usage."""
    for piece in call.pieces(call.text(_TEXT)):
        delta: Json = {"content": piece, "role": "ROLE_ASSISTANT"}
        yield Event({**_head(call), "outputs": [{"index": 0, "delta": delta}]})
    last: Json = {"index": 0, "delta": {"role": "ROLE_ASSISTANT"}, "finish_reason": _reason(call)}
    yield Event({**_head(call), "outputs": [last], **_used(call, _USAGE)})


def deferred(call: Call) -> Json:
    """A chat that was started before."""
    return {"status": "DONE", "response": _answers(call, call.store[call.asked["request_id"]])}


def compacted(call: Call) -> Json:
    """A conversation made shorter."""
    usage: Json = {"prompt_tokens": 700, "prompt_text_tokens": 700, "completion_tokens": 90, "total_tokens": 790}
    return {"id": call.token, "encrypted_content": "Z3Jvaw==", "dropped_message_count": 3, **_used(call, usage)}


def images(call: Call) -> Json:
    """As many images as were asked for, and what they cost."""
    made = [{"url": "https://imgen.x.ai/1.jpg", "respect_moderation": True}] * call.asked.get("n", 1)
    return {"model": call.asked_model, "images": made, **_used(call, _CHARGED)}


def video(call: Call) -> Json:
    """A video that was started before."""
    made: Json = {"url": "https://vidgen.x.ai/1.mp4", "duration": 6, "respect_moderation": True}
    return {"status": "DONE", "response": {"model": "grok-imagine-video", "video": made, **_used(call, _CHARGED)}}


def _started(call: Call) -> Json:
    call.store[call.token] = call.asked
    return {"request_id": call.token}


def _always(request: Request) -> bool:
    return True


ENDPOINTS = [
    Endpoint("POST", r"/xai_api\.Chat/GetCompletion", XAI, chat),
    Endpoint("POST", r"/xai_api\.Chat/GetCompletionChunk", XAI, chat, events, _always),
    Endpoint("POST", r"/xai_api\.Chat/CompactContext", XAI, compacted),
    Endpoint("POST", r"/xai_api\.Chat/GetDeferredCompletion", XAI, deferred),
    Endpoint("POST", r"/xai_api\.Image/GenerateImage", XAI, images),
    Endpoint("POST", r"/xai_api\.Video/GetDeferredVideo", XAI, video),
    Endpoint("POST", r"/xai_api\.(Chat/StartDeferredCompletion|Video/(GenerateVideo|ExtendVideo))", XAI, _started),
]
