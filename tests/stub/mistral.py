"""Mistral's API under ``/mistral``: the numbers and fields of its published examples (``bodies/mistral.json``).

Reference: https://docs.mistral.ai/api through search excerpts of 2026-11-30, and the types of the mistralai package 1.12
and 3.7. The Responses API is OpenAI's: its endpoints serve it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import bodies
from .exchange import Call, Endpoint, Event, Provider, asks_to_stream
from .framing import sse
from .script import Json, Request

_TOTAL = ("total_tokens", "prompt_tokens", "completion_tokens")
_CREATED = "2025-05-27T12:59:35.457474Z"
_ERRORS: dict[int, Json] = {
    401: {"detail": "Unauthorized"},
    422: {"detail": [{"type": "missing", "loc": ["body", "model"], "msg": "Field required", "input": {}}]},
    429: {"message": "Requests rate limit exceeded", "type": "rate_limited", "code": "1300"},
    500: {"message": "Service unavailable.", "type": "internal_server_error", "code": "1000"},
}


def _error(status: int, call: Call) -> Json:
    found = _ERRORS.get(
        status, {"message": "The request is not valid.", "type": "invalid_request_error", "code": "1500"}
    )
    return found if "detail" in found else {"object": "error", "param": None, **found}


def _headers(call: Call) -> dict[str, str]:
    return {"mistral-correlation-id": call.token, "x-kong-request-id": call.token}


def _failure(call: Call) -> Event:
    return Event(_error(500, call))


MISTRAL = Provider(error=_error, headers=_headers, failure=_failure, frame=sse)


def _usage(call: Call, name: str) -> Json:
    usage = call.usage(bodies.load("mistral")[f"{name}_usage"], _TOTAL if name != "searching" else None)
    return {} if usage is None else {"usage": usage}


def _calls(call: Call) -> list[Json]:
    offered = [
        (tool["function"]["name"], tool["function"].get("parameters", {}))
        for tool in call.asked_list("tools")
        if "function" in tool
    ]
    return [
        {"id": f"{call.token[:8]}{index}", "index": index, "type": "function",
         "function": {"name": name, "arguments": bodies.dumps(arguments)}}
        for index, (name, arguments) in enumerate(call.tool_calls(offered))
    ]  # fmt: skip


def _content(call: Call) -> Any:
    """A text; with reasoning a list of chunks, as Magistral answers."""
    text = call.text(bodies.load("mistral")["text"])
    if call.reply.reasoning is None:
        return text
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": call.reply.reasoning}], "closed": True}
    return [thought, {"type": "text", "text": text}]


def _head(call: Call, kind: str) -> Json:
    return {
        "id": f"cmpl-{call.token}",
        "object": kind,
        "created": call.created,
        "model": call.model or "mistral-medium-2508",
    }


def _finish(call: Call) -> str:
    return call.reply.finish or ("tool_calls" if call.reply.tool_calls else "stop")


def _chat(name: str) -> Callable[[Call], Json]:
    def answer(call: Call) -> Json:
        calls = _calls(call)
        message = {
            "role": "assistant",
            "content": "" if calls else _content(call),
            "tool_calls": calls or None,
            "prefix": False,
        }
        choices = [
            {"index": index, "message": message, "finish_reason": _finish(call)}
            for index in range(call.asked.get("n") or 1)
        ]
        return {**_head(call, "chat.completion"), "choices": choices, **_usage(call, name)}

    return answer


def _chat_events(name: str) -> Callable[[Call], Iterator[Event]]:
    def events(call: Call) -> Iterator[Event]:
        """The last chunk has the reason and the usage, which nobody has to ask for."""
        head, last, event = _head(call, "chat.completion.chunk"), None, Event("")
        for delta in _deltas(call):
            if delta is not last:
                last, event = delta, Event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
            yield event
        ending = {
            "index": 0,
            "delta": {"content": "", "tool_calls": _calls(call) or None},
            "finish_reason": _finish(call),
        }
        yield Event({**head, "choices": [ending], **_usage(call, name)})
        yield Event("[DONE]")

    return events


def _deltas(call: Call) -> Iterator[Json]:
    yield {"role": "assistant", "content": ""}
    if call.reply.reasoning is not None:
        yield {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": call.reply.reasoning}]}]}
    if call.reply.tool_calls:
        return
    delta: Json = {"content": None}
    for piece in call.pieces(call.text(bodies.load("mistral")["text"])):
        if piece != delta["content"]:
            delta = {"content": piece}
        yield delta


def _embeddings(call: Call) -> Json:
    data = [{"object": "embedding", "embedding": [-0.016632080078125, 0.0701904296875], "index": 0}]
    return {"id": call.token, "object": "list", "model": call.model, "data": data, **_usage(call, "embedding")}


def _ocr(call: Call) -> Json:
    default = bodies.load("mistral")
    usage = call.usage(default["ocr_usage"])
    annotated = {"document_annotation": "{}"} if call.asked.get("document_annotation_format") else {}
    body = {"pages": [default["ocr_page"]], "model": call.model, **annotated}
    return body if usage is None else {**body, "usage_info": usage}


def _transcription(call: Call) -> Json:
    usage = call.usage(bodies.load("mistral")["transcription_usage"])
    body: Json = {
        "model": call.model,
        "text": call.text(bodies.load("mistral")["transcript"]),
        "language": None,
        "segments": [],
    }
    return body if usage is None else {**body, "usage": usage}


def _transcription_events(call: Call) -> Iterator[Event]:
    for piece in call.pieces(call.text(bodies.load("mistral")["transcript"])):
        yield Event({"type": "transcription.text.delta", "text": piece}, "transcription.text.delta")
    yield Event({"type": "transcription.done", **_transcription(call)}, "transcription.done")


def _speech(call: Call) -> Json:
    return {"audio_data": "SUQzBAA="}


def _speech_events(call: Call) -> Iterator[Event]:
    yield Event({"type": "speech.audio.delta", "audio_data": "SUQzBAA="}, "speech.audio.delta")
    yield Event({"type": "speech.audio.done", **_usage(call, "speech")}, "speech.audio.done")


def _classified(name: str) -> Callable[[Call], Json]:
    return lambda call: {"id": call.token, "model": call.model, "results": [bodies.load("mistral")[name]]}


def _searches(call: Call) -> bool:
    return any(tool.get("type") == "web_search" for tool in call.asked_list("tools"))


def _conversation_head(call: Call) -> Json:
    return {"conversation_id": call.params.get("id") or f"conv_{call.token}"}


def _entry(call: Call) -> Json:
    return {
        "object": "entry",
        "created_at": _CREATED,
        "model": call.model or "mistral-medium-2505",
        "agent_id": call.asked.get("agent_id"),
    }


def _conversation(call: Call) -> Json:
    entry = {**_entry(call), "completed_at": _CREATED}
    outputs: list[Json] = []
    if _searches(call):
        outputs.append(
            {
                **entry,
                "type": "tool.execution",
                "name": "web_search",
                "arguments": "{}",
                "id": f"tool_exec_{call.token}",
            }
        )
    for tool in _calls(call):
        function = {**tool["function"], "tool_call_id": tool["id"]}
        outputs.append({**entry, "type": "function.call", **function, "id": f"fc_{call.token}"})
    if not call.reply.tool_calls:
        said = {"type": "message.output", "role": "assistant", "content": _content(call), "id": f"msg_{call.token}"}
        outputs.append({**entry, **said})
    usage = _usage(call, "searching" if _searches(call) else "conversation")
    return {"object": "conversation.response", **_conversation_head(call), "outputs": outputs, **usage}


def _conversation_events(call: Call) -> Iterator[Event]:
    def event(kind: str, **data: Any) -> Event:
        return Event({"type": kind, "created_at": _CREATED, **data}, kind)

    yield event("conversation.response.started", **_conversation_head(call))
    entry = {"output_index": 0, "model": call.model or "mistral-medium-2505"}
    for tool in _calls(call):
        function = {**tool["function"], "tool_call_id": tool["id"]}
        yield event("function.call.delta", **entry, **function, id=f"fc_{call.token}")
    if not call.reply.tool_calls:
        for piece in call.pieces(call.text(bodies.load("mistral")["text"])):
            yield event("message.output.delta", **entry, role="assistant", content=piece, id=f"msg_{call.token}")
    usage = _usage(call, "searching" if _searches(call) else "conversation")
    yield event("conversation.response.done", **usage)


def _form_streams(request: Request) -> bool:
    return asks_to_stream(request) or "event-stream" in request.headers.get("accept", "")


_BASE = "/mistral/v1"
_NAMED = _BASE + "/conversations/(?P<id>[^/]+)"
ENDPOINTS = [
    Endpoint("POST", _BASE + "/chat/completions", MISTRAL, _chat("chat"), _chat_events("chat")),
    Endpoint("POST", _BASE + "/agents/completions", MISTRAL, _chat("chat"), _chat_events("chat")),
    Endpoint("POST", _BASE + "/fim/completions", MISTRAL, _chat("fim"), _chat_events("fim")),
    Endpoint("POST", _BASE + "/embeddings", MISTRAL, _embeddings),
    Endpoint("POST", _BASE + "/ocr", MISTRAL, _ocr),
    Endpoint("POST", _BASE + "/audio/transcriptions", MISTRAL, _transcription, _transcription_events, _form_streams),
    Endpoint("POST", _BASE + "/audio/speech", MISTRAL, _speech, _speech_events),
    Endpoint("POST", _BASE + "(/chat)?/moderations", MISTRAL, _classified("moderation")),
    Endpoint("POST", _BASE + "(/chat)?/classifications", MISTRAL, _classified("classification")),
    Endpoint("POST", _BASE + "/conversations", MISTRAL, _conversation, _conversation_events),
    Endpoint("POST", _NAMED + "(/restart)?", MISTRAL, _conversation, _conversation_events),
]
