"""IBM watsonx.ai: chats, generation of text, embeddings, reranking, and the streams of the first two.

Reference: https://cloud.ibm.com/apidocs/watsonx-ai through https://ibm.github.io/watsonx-ai-node-sdk (TextChatResponse,
TextChatStreamItem, TextGenResult, EmbeddingsResponse, RerankResponse, ApiErrorResponse; read 2026-11-30). The pages have no
numbers: those here are plausible ones.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import bodies
from .exchange import Call, Endpoint, Event, Provider, Request
from .script import Json

_CODES = {400: "invalid_request_entity", 401: "authentication_token_expired", 404: "model_not_supported", 429: "rate_limit_reached_requests"}  # fmt: skip
_TOTAL = ("total_tokens", "prompt_tokens", "completion_tokens")
_CHAT: Json = {"prompt_tokens": 59, "completion_tokens": 48, "total_tokens": 107}
_TEXT: Json = {"input_token_count": 12, "generated_token_count": 7}
_SAID = "The parcel has come from Lisbon."


def _error(status: int, call: Call) -> Json:
    code = _CODES.get(status, "service_unavailable")
    return {"errors": [{"code": code, "message": "The request failed."}], "trace": call.token, "status_code": status}


def _frame(event: Event) -> bytes:
    data = event.data if isinstance(event.data, str) else bodies.dumps(event.data)
    return f"id: 1\nevent: {event.name or 'message'}\ndata: {data}\n\n".encode()


WATSONX = Provider(_error, lambda call: {}, lambda call: Event(_error(500, call), "error"), _frame)


def _model(call: Call) -> str:
    return call.asked_model or "ibm/granite-3-3-8b-instruct"


def _head(call: Call) -> Json:
    model = _model(call)
    return {
        "id": f"chatcmpl-{call.token}",
        "object": "chat.completion",
        "model_id": model,
        "model": model,
        "created": call.created,
    }


def _chat(call: Call) -> Json:
    message = {"role": "assistant", "content": call.text(_SAID)}
    choices = [{"index": 0, "message": message, "finish_reason": call.reply.finish or "stop"}]
    usage = call.usage(_CHAT, _TOTAL)
    return {**_head(call), "choices": choices, **({} if usage is None else {"usage": usage})}


def _chat_events(call: Call) -> Iterator[Event]:
    """The reason of the end comes before the usage, which stands in a part without choices."""
    for piece in call.pieces(call.text(_SAID)):
        yield Event(
            {
                **_head(call),
                "choices": [{"index": 0, "finish_reason": None, "delta": {"role": "assistant", "content": piece}}],
            }
        )
    yield Event(
        {
            **_head(call),
            "choices": [{"index": 0, "finish_reason": call.reply.finish or "stop", "delta": {"content": ""}}],
        }
    )
    usage = call.usage(_CHAT, _TOTAL)
    if usage is not None:
        yield Event({**_head(call), "choices": [], "usage": usage})


def _text(call: Call) -> Json:
    result = {
        "generated_text": call.text(_SAID),
        "stop_reason": call.reply.finish or "eos_token",
        **(call.usage(_TEXT) or {}),
    }
    return {"model_id": _model(call), "created_at": "2026-11-30T08:52:19.385Z", "results": [result]}


def _text_events(call: Call) -> Iterator[Event]:
    """Each part counts what was generated so far; the first one counts the input."""
    usage = call.usage(_TEXT)
    for count, piece in enumerate(call.pieces(call.text(_SAID)), 1):
        so_far = (
            {}
            if usage is None
            else {
                "input_token_count": usage.get("input_token_count") if count == 1 else 0,
                "generated_token_count": count,
            }
        )
        yield Event(
            {"model_id": _model(call), "results": [{"generated_text": piece, "stop_reason": "not_finished", **so_far}]}
        )
    ending = {} if usage is None else {**usage, "input_token_count": 0}
    yield Event(
        {
            "model_id": _model(call),
            "results": [{"generated_text": "", "stop_reason": call.reply.finish or "eos_token", **ending}],
        }
    )


def _embeddings(call: Call) -> Json:
    results = [{"embedding": [-0.0065, -0.0170]} for _ in call.asked.get("inputs") or ()]
    return {
        "model_id": _model(call),
        "results": results,
        "created_at": "2026-11-30T08:52:19.385Z",
        **(call.usage({"input_token_count": 10}) or {}),
    }


def _rerank(call: Call) -> Json:
    return {
        "model_id": _model(call),
        "results": [{"index": 0, "score": 0.7461}],
        **(call.usage({"input_token_count": 318}) or {}),
    }


def _always(request: Request) -> bool:
    return True


_BASE = r"/watsonx/ml/v1(/deployments/(?P<deployment>[^/]+))?/text"
ENDPOINTS = [
    Endpoint("POST", f"{_BASE}/chat", WATSONX, _chat),
    Endpoint("POST", f"{_BASE}/chat_stream", WATSONX, _chat, _chat_events, _always),
    Endpoint("POST", f"{_BASE}/generation", WATSONX, _text),
    Endpoint("POST", f"{_BASE}/generation_stream", WATSONX, _text, _text_events, _always),
    Endpoint("POST", f"{_BASE}/embeddings", WATSONX, _embeddings),
    Endpoint("POST", f"{_BASE}/rerank", WATSONX, _rerank),
]
