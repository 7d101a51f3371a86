"""Z.AI and Zhipu: chat completions as OpenAI's, errors of their own, and pages that a model reads.

Reference: https://docs.z.ai/api-reference/llm/chat-completion, /audio/audio-transcriptions and /tools/layout-parsing,
https://docs.z.ai/guides/capabilities/cache and https://docs.z.ai/api-reference/api-code (read 2026-11-30).
"""

from __future__ import annotations

from . import openai_chat
from .exchange import Call, Endpoint, Event, Provider
from .framing import sse
from .script import Json

_CODES = {400: "1210", 401: "1000", 429: "1302", 500: "500", 503: "1305"}
"""HTTP status → the business code that the page of error codes names for it."""
_TOTAL = ("total_tokens", "prompt_tokens", "completion_tokens")


def _error(status: int, call: Call) -> Json:
    return {"error": {"code": _CODES.get(status, "500"), "message": "The request failed."}}


ZAI = Provider(_error, lambda call: {}, lambda call: Event(_error(500, call)), sse)


def _layout(call: Call) -> Json:
    """A document as text."""
    usage = call.usage({"prompt_tokens": 2400, "completion_tokens": 600, "total_tokens": 3000}, _TOTAL)
    head: Json = {"id": call.token, "created": call.created, "model": call.asked_model, "md_results": "# Parcel"}
    return head if usage is None else {**head, "usage": usage}


def _embeddings(call: Call) -> Json:
    """Vectors; the completion of the usage is zero."""
    usage = call.usage({"prompt_tokens": 8, "completion_tokens": 0, "total_tokens": 8}, _TOTAL)
    data = [{"object": "embedding", "index": 0, "embedding": [-0.0146, 0.0291]}]
    head: Json = {"object": "list", "model": call.asked_model, "data": data}
    return head if usage is None else {**head, "usage": usage}


_BASE = "/zai/api/paas/v4"
ENDPOINTS = [
    Endpoint("POST", f"{_BASE}/chat/completions", ZAI, openai_chat.chat, openai_chat.chat_events),
    Endpoint("POST", f"{_BASE}/embeddings", ZAI, _embeddings),
    Endpoint("POST", f"{_BASE}/layout_parsing", ZAI, _layout),
]
