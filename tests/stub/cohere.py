"""Cohere: chat of v2 and v1, embeddings and rerankings.

Reference: https://docs.cohere.com/reference/chat, /chat-stream, /chat-v1, /embed and /rerank, read 2026-11-30 through the
types of the cohere package 7.3.1, which Cohere generates from its API definition. Numbers are plausible ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import bodies
from .exchange import Call, Endpoint, Event, Provider, asks_to_stream
from .framing import sse
from .script import Json

_BILLED: Json = {
    "billed_units": {"input_tokens": 5, "output_tokens": 418},
    "tokens": {"input_tokens": 71, "output_tokens": 418},
}
_EMBED: Json = {"billed_units": {"input_tokens": 2}}
_RERANK: Json = {"billed_units": {"search_units": 1}}
_TEXT = "The parcel has come from Lisbon."


def _error(status: int, call: Call) -> Json:
    return {"message": {429: "You are using a Trial key, which is limited"}.get(status, "the request failed")}


def _headers(call: Call) -> dict[str, str]:
    return {"x-debug-trace-id": call.token}


def _failure(call: Call) -> Event:
    return Event({"type": "message-end", "delta": {"finish_reason": "ERROR"}}, "message-end")


def _line(event: Event) -> bytes:
    return f"{event.data if isinstance(event.data, str) else bodies.dumps(event.data)}\n".encode()


COHERE = Provider(_error, _headers, _failure, sse)
COHERE_V1 = Provider(_error, _headers, _failure, _line, "application/stream+json")


def _with(body: Json, name: str, usage: Json | None) -> Json:
    return body if usage is None else {**body, name: usage}


def chat(call: Call) -> Json:
    """The answer of v2."""
    content = [{"type": "text", "text": call.text(_TEXT)}]
    body: Json = {
        "id": call.token,
        "finish_reason": call.reply.finish or "COMPLETE",
        "message": {"role": "assistant", "content": content},
    }
    return _with(body, "usage", call.usage(_BILLED))


def events(call: Call) -> Iterator[Event]:
    """The typed events of a stream of v2."""
    start: Json = {
        "type": "message-start",
        "id": call.token,
        "delta": {"message": {"role": "assistant", "content": []}},
    }
    yield Event(start, "message-start")
    opened: Json = {
        "type": "content-start",
        "index": 0,
        "delta": {"message": {"content": {"type": "text", "text": ""}}},
    }
    yield Event(opened, "content-start")
    for piece in call.pieces(call.text(_TEXT)):
        said: Json = {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}}
        yield Event(said, "content-delta")
    yield Event({"type": "content-end", "index": 0}, "content-end")
    ended: Json = {"finish_reason": call.reply.finish or "COMPLETE"}
    yield Event({"type": "message-end", "delta": _with(ended, "usage", call.usage(_BILLED))}, "message-end")
    yield Event("[DONE]")


def chat_v1(call: Call) -> Json:
    """The answer of v1."""
    body: Json = {
        "response_id": f"r-{call.token}", "generation_id": call.token, "text": call.text(_TEXT),
        "finish_reason": call.reply.finish or "COMPLETE",
    }  # fmt: skip
    return _with(body, "meta", call.usage(_BILLED))


def events_v1(call: Call) -> Iterator[Event]:
    """The lines of a stream of v1."""
    yield Event({"is_finished": False, "event_type": "stream-start", "generation_id": call.token})
    for piece in call.pieces(call.text(_TEXT)):
        yield Event({"is_finished": False, "event_type": "text-generation", "text": piece})
    whole = chat_v1(call)
    yield Event(
        {"is_finished": True, "event_type": "stream-end", "response": whole, "finish_reason": whole["finish_reason"]}
    )


def embed(call: Call) -> Json:
    """Embeddings of v1 and v2."""
    vectors: Any = [[0.016, -0.008] for _ in call.asked.get("texts") or [""]]
    v1 = call.request.path.startswith("/cohere/v1") and not call.asked.get("embedding_types")
    found: Any = vectors if v1 else {"float": vectors}
    kind = "embeddings_floats" if v1 else "embeddings_by_type"
    body: Json = {"id": call.token, "texts": call.asked.get("texts"), "embeddings": found, "response_type": kind}
    return _with(body, "meta", call.usage(_EMBED))


def rerank(call: Call) -> Json:
    """Documents put in order."""
    return _with({"id": call.token, "results": [{"index": 0, "relevance_score": 0.99}]}, "meta", call.usage(_RERANK))


ENDPOINTS = [
    Endpoint("POST", r"/cohere/v2/chat", COHERE, chat, events, asks_to_stream),
    Endpoint("POST", r"/cohere/v1/chat", COHERE_V1, chat_v1, events_v1, asks_to_stream),
    Endpoint("POST", r"/cohere/v[12]/embed", COHERE, embed),
    Endpoint("POST", r"/cohere/v[12]/rerank", COHERE, rerank),
]
