"""Ollama: chat, generate, embed and embeddings, whose streams are lines of JSON.

Reference: https://docs.ollama.com/api/chat, /generate and /embed (read 2026-11-30); the counts are the pages' examples.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import bodies
from .exchange import Call, Endpoint, Event, Provider, Request
from .script import Json

_COUNTS: Json = {"prompt_eval_count": 26, "eval_count": 259}
_TIMES: Json = {
    "total_duration": 4883583458,
    "load_duration": 1334875,
    "prompt_eval_duration": 342546000,
    "eval_duration": 4535599000,
}
_TEXT = "The parcel has come from Lisbon."


def _error(status: int, call: Call) -> Json:
    return {"error": {404: "model not found", 429: "too many requests"}.get(status, "the request failed")}


def _failure(call: Call) -> Event:
    return Event({"error": "an error was encountered while running the model"})


def _line(event: Event) -> bytes:
    return f"{event.data if isinstance(event.data, str) else bodies.dumps(event.data)}\n".encode()


OLLAMA = Provider(_error, lambda call: {}, _failure, _line, "application/x-ndjson")


def _head(call: Call) -> Json:
    return {"model": call.asked_model, "created_at": "2026-11-30T08:52:19.385406Z"}


def _ending(call: Call) -> Json:
    return {"done": True, "done_reason": call.reply.finish or "stop", **_TIMES, **(call.usage(_COUNTS) or {})}


def _said(call: Call, text: str) -> Json:
    return (
        {"response": text}
        if call.request.path.endswith("/generate")
        else {"message": {"role": "assistant", "content": text}}
    )


def answer(call: Call) -> Json:
    """A whole answer."""
    return {**_head(call), **_said(call, call.text(_TEXT)), **_ending(call)}


def events(call: Call) -> Iterator[Event]:
    """Part after part; the last one is done."""
    for piece in call.pieces(call.text(_TEXT)):
        yield Event({**_head(call), **_said(call, piece), "done": False})
    yield Event({**_head(call), **_said(call, ""), **_ending(call)})


def embed(call: Call) -> Json:
    """Embeddings with what they counted."""
    usage = call.usage({"prompt_eval_count": 8})
    return {"model": call.asked_model, "embeddings": [[0.0100, -0.0017]], "total_duration": 14143917, **(usage or {})}


def embeddings(call: Call) -> Json:
    """The older operation, which counts nothing."""
    return {"embedding": [0.0100, -0.0017]}


def _streams(request: Request) -> bool:
    return request.fields.get("stream", True) is not False


ENDPOINTS = [
    Endpoint("POST", r"/ollama/api/(chat|generate)", OLLAMA, answer, events, _streams),
    Endpoint("POST", r"/ollama/api/embed", OLLAMA, embed),
    Endpoint("POST", r"/ollama/api/embeddings", OLLAMA, embeddings),
]
