"""Chat completions and legacy completions: OpenAI, Azure, and servers that follow them, each under its own path.

Reference: https://platform.openai.com/docs/api-reference/chat (and /completions), read 2026-11-21.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from . import bodies
from .exchange import Call, Endpoint, Event
from .openai_provider import OPENAI, is_azure
from .script import Json

_TOTAL = ("total_tokens", "prompt_tokens", "completion_tokens")
_AZURE_MODEL = "gpt-4o-2024-08-06"
_FILTER: Json = {name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")}


@dataclass(frozen=True, slots=True)
class Flavour:
    """How a server that follows OpenAI differs from it; the first segment of the path chooses it."""

    base: str = "/v1"
    streamed_usage: str = "asked"
    """asked (by stream_options.include_usage) | always | never | last (in the last choice's chunk) | x_groq (there, in a
    field of its own)"""
    id_prefix: str = "chatcmpl-"
    fields: Json = field(default_factory=dict[str, object])
    """Added to every body and chunk."""
    done: bool = True
    """Whether a stream ends with `[DONE]`."""
    embeddings_usage: bool = True
    """Whether embeddings report what they used."""
    usage: Json | None = field(default_factory=lambda: bodies.load("openai_chat")["usage"])


FLAVOURS: dict[str, Flavour] = {name: Flavour(**data) for name, data in bodies.load("flavours").items()}
"""By the name that `StubServer.flavour_url` takes."""
_OPENAI = Flavour()


def flavour_of(call: Call) -> Flavour:
    """The flavour of the server that a call goes to."""
    return FLAVOURS.get(call.request.path.split("/")[1], _OPENAI)


def _usage(call: Call) -> Json | None:
    default = flavour_of(call).usage
    return None if default is None else call.usage(default, _TOTAL)


def _model(call: Call) -> str:
    """Azure answers with the model behind the deployment, not with the deployment's name."""
    if not is_azure(call) or call.reply.model:
        return call.model
    return call.model if call.model != call.asked_model else _AZURE_MODEL


def _envelope(call: Call, kind: str) -> Json:
    flavour = flavour_of(call)
    constants = bodies.load("openai_chat")["completion"]
    head = {"id": f"{flavour.id_prefix}{call.token}", **constants, "object": kind, "created": call.created}
    return {**head, "model": _model(call), **flavour.fields}


def _text(call: Call) -> str:
    shape: Json = call.asked_object("response_format").get("json_schema") or {}
    return call.text(bodies.load("openai_chat")["text"], shape.get("schema"))


def _tool_calls(call: Call) -> list[Json]:
    offered = [
        (tool["function"]["name"], tool["function"].get("parameters", {}))
        for tool in call.asked_list("tools")
        if tool.get("type") == "function"
    ]
    return [
        {
            "id": f"call_{call.token}{index}",
            "type": "function",
            "function": {"name": name, "arguments": bodies.dumps(arguments)},
        }
        for index, (name, arguments) in enumerate(call.tool_calls(offered))
    ]


def _finish(call: Call) -> str:
    return call.reply.finish or ("tool_calls" if call.reply.tool_calls else "stop")


def chat(call: Call) -> Json:
    """The whole `chat.completion`."""
    message = bodies.load("openai_chat")["message"]
    calls = _tool_calls(call)
    message |= {"tool_calls": calls} if calls else {"content": _text(call)}
    if call.reply.reasoning is not None:
        message["reasoning_content"] = call.reply.reasoning
    choice: Json = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(call)}
    body = _envelope(call, "chat.completion")
    if is_azure(call):
        choice["content_filter_results"] = _FILTER
        body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": _FILTER}]
    body["choices"] = [{**choice, "index": index} for index in range(call.asked.get("n") or 1)]
    return _with_usage(body, _usage(call))


def _with_usage(body: Json, usage: Json | None) -> Json:
    return body if usage is None else {**body, "usage": usage}


def _reports_usage(call: Call) -> bool:
    mode = flavour_of(call).streamed_usage
    options = call.asked_object("stream_options")
    return mode == "always" or (mode == "asked" and bool(options.get("include_usage")))


def chat_events(call: Call) -> Iterator[Event]:
    """`chat.completion.chunk` after chunk, the usage chunk only for those who asked for it, then `[DONE]`."""
    head = _envelope(call, "chat.completion.chunk")
    usage = _usage(call) if _reports_usage(call) else None
    nothing: Json = {} if usage is None else {"usage": None}
    if is_azure(call):
        prompt = [{"prompt_index": 0, "content_filter_results": _FILTER}]
        yield Event({**head, "model": "", "choices": [], "prompt_filter_results": prompt, **nothing})
    for index in range(call.asked.get("n") or 1):
        last, event = None, Event("")
        for delta, finish in _deltas(call):
            if delta is not last:
                choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
                last, event = delta, Event({**head, "choices": [choice], **nothing, **_at_finish(call, finish)})
            yield event
    if usage is not None:
        yield Event({**head, "choices": [], "usage": usage})
    if flavour_of(call).done:
        yield Event("[DONE]")


def _at_finish(call: Call, finish: str | None) -> Json:
    mode = flavour_of(call).streamed_usage
    if finish is None or mode not in ("x_groq", "last"):
        return {}
    return {"usage": _usage(call)} if mode == "last" else {"x_groq": {"id": f"req_{call.token}", "usage": _usage(call)}}


def _deltas(call: Call) -> Iterator[tuple[Json, str | None]]:
    calls = _tool_calls(call)
    yield {"role": "assistant", "content": None if calls else "", "refusal": None}, None
    if call.reply.reasoning is not None:
        yield {"reasoning_content": call.reply.reasoning}, None
    for index, tool in enumerate(calls):
        function = tool["function"]
        yield {"tool_calls": [{**tool, "index": index, "function": {**function, "arguments": ""}}]}, None
        yield {"tool_calls": [{"index": index, "function": {"arguments": function["arguments"]}}]}, None
    if not calls:
        yield from ((delta, None) for delta in _content_deltas(call))
    yield {}, _finish(call)


def _content_deltas(call: Call) -> Iterator[Json]:
    """Equal pieces share one delta, so that a long stream is encoded once."""
    delta: Json = {"content": None}
    for piece in call.pieces(_text(call)):
        if piece != delta["content"]:
            delta = {"content": piece}
        yield delta


def _completion_head(call: Call) -> Json:
    constants = bodies.load("openai_completion")["completion"]
    return {"id": f"cmpl-{call.token}", **constants, "created": call.created, "model": _model(call)}


def completion(call: Call) -> Json:
    """The whole `text_completion`."""
    default = bodies.load("openai_completion")
    choice: Json = {"text": call.text(default["text"]), "index": 0, "logprobs": None, "finish_reason": "stop"}
    choice["finish_reason"] = call.reply.finish or "stop"
    return _with_usage({**_completion_head(call), "choices": [choice]}, call.usage(default["usage"], _TOTAL))


def completion_events(call: Call) -> Iterator[Event]:
    """`text_completion` after `text_completion`, usage as for chat."""
    default = bodies.load("openai_completion")
    head = _completion_head(call)
    usage = call.usage(default["usage"], _TOTAL) if _reports_usage(call) else None
    nothing: Json = {} if usage is None else {"usage": None}
    for piece in [*call.pieces(call.text(default["text"])), ""]:
        finish = None if piece else call.reply.finish or "stop"
        choice = {"text": piece, "index": 0, "logprobs": None, "finish_reason": finish}
        yield Event({**head, "choices": [choice], **nothing})
    if usage is not None:
        yield Event({**head, "choices": [], "usage": usage})
    yield Event("[DONE]")


ENDPOINTS = [
    Endpoint("POST", r"(/.*)?/deployments/(?P<model>[^/]+)/chat/completions", OPENAI, chat, chat_events),
    Endpoint("POST", r"(/.*)?/chat/completions", OPENAI, chat, chat_events),
    Endpoint("POST", r"/writer/v1/chat", OPENAI, chat, chat_events),
    Endpoint("POST", r"(/.*)?/deployments/(?P<model>[^/]+)/completions", OPENAI, completion, completion_events),
    Endpoint("POST", r"(/.*)?/completions", OPENAI, completion, completion_events),
]
