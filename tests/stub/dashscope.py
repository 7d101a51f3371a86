"""Alibaba Cloud's Model Studio: generation of text and of several modes, embeddings, reranking, and their streams.

Reference: https://help.aliyun.com/en/model-studio/qwen-api-via-dashscope (the counts of its first example; framing of its
streams), https://www.alibabacloud.com/help/en/model-studio/text-embedding-synchronous-api, text-rerank-api and error-code
(read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Iterator

from . import bodies
from .exchange import Call, Endpoint, Event, Provider, Request
from .script import Json

_TOTAL = ("total_tokens", "input_tokens", "output_tokens")
_TEXT = "I am a large-scale language model developed by Alibaba Cloud. My name is Qwen."
_USAGE: Json = {
    "input_tokens": 22,
    "output_tokens": 17,
    "total_tokens": 39,
    "prompt_tokens_details": {"cached_tokens": 16},
}
_PICTURE: Json = {
    "input_tokens": 1277, "output_tokens": 81, "image_tokens": 1249, "total_tokens": 1358,
    "input_tokens_details": {"image_tokens": 1249, "text_tokens": 28}, "output_tokens_details": {"text_tokens": 81},
}  # fmt: skip
_CODES = {
    400: "InvalidParameter",
    401: "InvalidApiKey",
    429: "Throttling.RateQuota",
    500: "InternalError",
    503: "ModelServingError",
}


def _error(status: int, call: Call) -> Json:
    return {
        "code": _CODES.get(status, "InternalError"),
        "message": "The request failed.",
        "request_id": call.token,
    }


def _frame(event: Event) -> bytes:
    """A comment has the status; a stream's part is a `result`, a failure an `error`."""
    status = "500" if event.name == "error" else "200"
    data = event.data if isinstance(event.data, str) else bodies.dumps(event.data)
    return f"id:1\nevent:{event.name or 'result'}\n:HTTP_STATUS/{status}\ndata:{data}\n\n".encode()


STUDIO = Provider(_error, lambda call: {}, lambda call: Event(_error(500, call), "error"), _frame)


def _pictures(call: Call) -> bool:
    return "multimodal" in call.request.path


def _answer(call: Call, text: str, finish: str, usage: Json | None) -> Json:
    asked = call.asked_object("parameters")
    said = [{"text": text}] if _pictures(call) else text
    if _pictures(call) or asked.get("result_format") == "message":
        output: Json = {"choices": [{"finish_reason": finish, "message": {"role": "assistant", "content": said}}]}
    else:
        output = {"text": text, "finish_reason": finish}
    return {"output": output, **({} if usage is None else {"usage": usage}), "request_id": call.token}


def _usage(call: Call) -> Json | None:
    return call.usage(_PICTURE if _pictures(call) else _USAGE, _TOTAL)


def _whole(call: Call) -> Json:
    return _answer(call, call.text(_TEXT), call.reply.finish or "stop", _usage(call))


def _events(call: Call) -> Iterator[Event]:
    """Each part has the usage so far, and the text so far unless only what is new was asked for."""
    usage, told = _usage(call), ""
    new = bool(call.asked_object("parameters").get("incremental_output"))
    for count, piece in enumerate(call.pieces(call.text(_TEXT)), 1):
        told = piece if new else told + piece
        yield Event(_answer(call, told, "null", _so_far(usage, count)))
    yield Event(_answer(call, "" if new else told, call.reply.finish or "stop", usage))


def _so_far(usage: Json | None, count: int) -> Json | None:
    """The usage after so many pieces; as it is where a script gave something else than numbers."""
    if usage is None or not all(isinstance(usage.get(name), int) for name in _TOTAL):
        return usage
    output = min(count, usage["output_tokens"])
    return {**usage, "output_tokens": output, "total_tokens": usage["input_tokens"] + output}


def _embeddings(call: Call) -> Json:
    usage = call.usage({"total_tokens": 9})
    output = {"embeddings": [{"text_index": 0, "embedding": [-0.0078, 0.0231]}]}
    return {"output": output, **({} if usage is None else {"usage": usage}), "request_id": call.token}


def _rerank(call: Call) -> Json:
    usage = call.usage({"total_tokens": 79})
    output = {"results": [{"index": 0, "relevance_score": 0.7314}]}
    return {"output": output, **({} if usage is None else {"usage": usage}), "request_id": call.token}


def _streams(request: Request) -> bool:
    return request.headers.get("x-dashscope-sse") == "enable"


_BASE = "/dashscope/api/v1/services"
ENDPOINTS = [
    Endpoint("POST", f"{_BASE}/aigc/(text|multimodal)-generation/generation", STUDIO, _whole, _events, _streams),
    Endpoint("POST", f"{_BASE}/embeddings/text-embedding/text-embedding", STUDIO, _embeddings),
    Endpoint("POST", f"{_BASE}/rerank/text-rerank/text-rerank", STUDIO, _rerank),
]
