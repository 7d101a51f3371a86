"""The provider's side of a call: canned bytes behind the SDKs' own ``http_client`` argument; no socket, no wait.

Bodies follow the published API references (platform.openai.com/docs/api-reference, docs.claude.com/en/api, read
2026-11-21). A streamed answer always ends with its usage, so every contender reads the very same bytes.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

CHUNKS = 200
OPENAI_USAGE = {
    "prompt_tokens": 1200,
    "completion_tokens": 80,
    "total_tokens": 1280,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}
OPENAI_IDENTITY = {
    "id": "chatcmpl-bench",
    "created": 1795276800,
    "model": "gpt-4o-2024-08-06",
    "service_tier": "default",
    "system_fingerprint": "fp_44709d6fcb",
}
ANTHROPIC_USAGE = {
    "input_tokens": 1200,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 80,
    "service_tier": "standard",
}
ANTHROPIC_IDENTITY = {"id": "msg_bench", "type": "message", "role": "assistant", "model": "claude-sonnet-5"}


def chat() -> bytes:
    """A chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "word " * 60}, "finish_reason": "stop"}
    body = {**OPENAI_IDENTITY, "object": "chat.completion", "choices": [choice], "usage": OPENAI_USAGE}
    return json.dumps(body).encode()


def chat_stream(chunks: int = CHUNKS) -> bytes:
    """``chunks`` pieces of a chat completion, the last with the finish reason, then one with the usage alone."""
    head = {**OPENAI_IDENTITY, "object": "chat.completion.chunk"}
    events: list[dict[str, Any]] = []
    for number in range(chunks):
        last = number == chunks - 1
        delta = {"role": "assistant", "content": ""} if not number else {} if last else {"content": "word "}
        choice = {"index": 0, "delta": delta, "finish_reason": "stop" if last else None}
        events.append({**head, "choices": [choice], "usage": None})
    events.append({**head, "choices": [], "usage": OPENAI_USAGE})
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def embedding() -> bytes:
    """One embedding of 64 dimensions."""
    data = [{"object": "embedding", "index": 0, "embedding": [0.5] * 64}]
    usage = {"prompt_tokens": 1200, "total_tokens": 1200}
    return json.dumps({"object": "list", "model": "text-embedding-3-small", "data": data, "usage": usage}).encode()


def message() -> bytes:
    """An Anthropic message."""
    content = [{"type": "text", "text": "word " * 60}]
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    return json.dumps({**ANTHROPIC_IDENTITY, "content": content, **stop, "usage": ANTHROPIC_USAGE}).encode()


def message_stream(chunks: int = CHUNKS) -> bytes:
    """The events of an Anthropic message, ``chunks`` of them: five that frame it, text deltas between."""
    stop = {"stop_reason": None, "stop_sequence": None}
    begun = {**ANTHROPIC_IDENTITY, "content": [], **stop, "usage": {**ANTHROPIC_USAGE, "output_tokens": 1}}
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word "}}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *[delta] * (chunks - 5),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {**stop, "stop_reason": "end_turn"}, "usage": {"output_tokens": 80}},
        {"type": "message_stop"},
    ]
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def http_library(sdk: Any) -> Any:
    """The HTTP library that this major of an SDK takes clients of: ``httpx``, or its fork ``httpx2``."""
    base = next(kind for kind in sdk.DefaultHttpxClient.__mro__ if kind.__name__ == "Client")
    return importlib.import_module(base.__module__.partition(".")[0])


def client(sdk: str, body: bytes, *, awaited: bool) -> Any:
    """A real SDK client whose every request is answered at once with ``body``."""
    module = importlib.import_module(sdk)
    http = http_library(module)
    kind = "text/event-stream" if body.startswith((b"data:", b"event:")) else "application/json"

    def answer(request: Any) -> Any:
        return http.Response(200, headers={"content-type": kind, "x-request-id": "req_bench"}, content=body)

    class Canned(http.BaseTransport):
        def handle_request(self, request: Any) -> Any:
            return answer(request)

    class AsyncCanned(http.AsyncBaseTransport):
        async def handle_async_request(self, request: Any) -> Any:
            return answer(request)

    owner = {"openai": "OpenAI", "anthropic": "Anthropic"}[sdk]
    if awaited:
        return getattr(module, f"Async{owner}")(api_key="x", http_client=http.AsyncClient(transport=AsyncCanned()))
    return getattr(module, owner)(api_key="x", http_client=http.Client(transport=Canned()))
