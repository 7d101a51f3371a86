"""Google's Gemini API and Vertex AI: generateContent and its stream, embeddings, the images of Imagen, interactions.

References: https://ai.google.dev/api/generate-content, https://ai.google.dev/api/embeddings,
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference, text-embeddings-api and imagen-api
(beside it), https://ai.google.dev/gemini-api/docs/interactions and /streaming; errors by https://cloud.google.com/apis/design/errors. Read 2026-11-30 through the reference's generated types
(googleapis.github.io/js-genai, google-genai 3.6.1) and search excerpts of the pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from . import bodies
from .exchange import Call, Endpoint, Event, Provider
from .framing import sse
from .script import Exact, Json, Request

_TERMS = ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
"""What the total is the sum of, by the reference."""
_PROMPT = ("promptTokenCount", "promptTokensDetails", "cachedContentTokenCount", "cacheTokensDetails", "serviceTier")
"""What a chunk before the last one counts."""
_ERRORS: dict[int, tuple[str, str]] = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "API key not valid. Please pass a valid API key."),
    403: ("PERMISSION_DENIED", "Your API key doesn't have the required permissions."),
    404: ("NOT_FOUND", "The requested model wasn't found."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
    500: ("INTERNAL", "An internal error has occurred."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "The service was unable to finish processing within the deadline."),
}


def error(status: int, call: Call) -> Json:
    """https://ai.google.dev/gemini-api/docs/troubleshooting"""
    word, text = _ERRORS.get(status, _ERRORS[500 if status >= 500 else 400])
    return {"error": {"code": status, "message": text, "status": word}}


def is_vertex(call: Call) -> bool:
    """Whether the path is one of Vertex AI's."""
    return call.request.path.startswith("/vertexai/")


def _headers(call: Call) -> dict[str, str]:
    if is_vertex(call):
        return {"server": "ESF"}
    tier = str(call.asked.get("serviceTier") or "standard")
    return {"server": "scaffolding on HTTPServer2", "x-gemini-service-tier": tier}


def _failure(call: Call) -> Event:
    return Event(error(500, call))


GOOGLE = Provider(error=error, headers=_headers, failure=_failure, frame=sse, content_type="text/event-stream")


def _usage(call: Call) -> Json | None:
    """The usage with its total, the sum of its terms, unless the script has one; a count of zero is left out."""
    usage = call.usage(bodies.load("gemini")["usage"])
    if usage is None or isinstance(call.reply.usage, Exact):
        return usage
    if "totalTokenCount" not in (call.reply.usage or {}):
        usage["totalTokenCount"] = sum(value for name in _TERMS if isinstance(value := usage.get(name), int))
    if "promptTokensDetails" not in (call.reply.usage or {}):
        usage["promptTokensDetails"] = [{"modality": "TEXT", "tokenCount": usage.get("promptTokenCount")}]
    if is_vertex(call):
        usage.setdefault("trafficType", "ON_DEMAND")
    return {name: value for name, value in usage.items() if value != 0}


def _text(call: Call) -> str:
    config = call.asked_object("generationConfig")
    schema: Any = config.get("responseSchema") or config.get("responseJsonSchema")
    return call.text(bodies.load("gemini")["text"], _lower(schema) if schema else None)


def _lower(schema: Any) -> Any:
    """The API's schemas spell the names of types in capitals."""
    if not isinstance(schema, dict):
        return schema
    found = cast(Json, schema)
    return {name: value.lower() if name == "type" else _lower(value) for name, value in found.items()}


def _envelope(call: Call) -> Json:
    return {"modelVersion": call.reply.model or call.asked_model, "responseId": call.token}


def _calls(call: Call) -> list[Json]:
    offered = [
        (one["name"], _lower(one.get("parameters") or {}))
        for tool in call.asked_list("tools")
        for one in tool.get("functionDeclarations") or ()
    ]
    return [{"functionCall": {"name": name, "args": args}} for name, args in call.tool_calls(offered)]


def _candidates(call: Call, parts: list[Json], finish: str | None) -> list[Json]:
    constants: Json = {"index": 0} if finish is None else {**bodies.load("gemini")["candidate"], "finishReason": finish}
    count = call.asked_object("generationConfig").get("candidateCount") or 1
    return [{"content": {"parts": parts, "role": "model"}, **constants, "index": index} for index in range(count)]


def _thoughts(call: Call) -> list[Json]:
    return [] if call.reply.reasoning is None else [{"text": call.reply.reasoning, "thought": True}]


def generate(call: Call) -> Json:
    """The whole GenerateContentResponse."""
    parts = [*_thoughts(call), *(_calls(call) or [{"text": _text(call)}])]
    body = {"candidates": _candidates(call, parts, call.reply.finish or "STOP"), **_envelope(call)}
    usage = _usage(call)
    return body if usage is None else {**body, "usageMetadata": usage}


def generate_events(call: Call) -> Iterator[Event]:
    """A GenerateContentResponse for each piece: the prompt's counts so far, and all counts in the last.

    Vertex AI says in a piece before the last only which traffic it is.
    """
    usage, head = _usage(call), _envelope(call)
    so_far = None if usage is None else _so_far(call, usage)
    calls = _calls(call)
    texts = () if calls else call.pieces(_text(call))
    last, event = None, Event("")
    for part in _thoughts(call):
        yield Event(_chunk(call, head, [part], None, so_far))
    for text in texts:
        if text != last:
            last, event = text, Event(_chunk(call, head, [{"text": text}], None, so_far))
        yield event
    yield Event(_chunk(call, head, calls or [{"text": ""}], call.reply.finish or "STOP", usage))


def _chunk(call: Call, head: Json, parts: list[Json], finish: str | None, usage: Json | None) -> Json:
    chunk = {"candidates": _candidates(call, parts, finish), **head}
    return chunk if usage is None else {**chunk, "usageMetadata": usage}


def _so_far(call: Call, usage: Json) -> Json:
    if is_vertex(call):
        return {name: usage[name] for name in ("trafficType",) if name in usage}
    seen = {name: usage[name] for name in _PROMPT if name in usage}
    return {**seen, "totalTokenCount": seen["promptTokenCount"]} if "promptTokenCount" in seen else seen


def embed(call: Call) -> Json:
    """batchEmbedContents of the Gemini API, embedContent of Vertex AI."""
    known = bodies.load("gemini")
    usage = call.usage(known["embedding_usage"])
    counted: Json = {} if usage is None else {"usageMetadata": usage}
    if call.request.path.endswith(":embedContent"):
        return {"embedding": known["embedding"], "truncated": False, **counted}
    return {"embeddings": [known["embedding"] for _ in call.asked_list("requests") or [{}]], **counted}


def predict(call: Call) -> Json:
    """The text embeddings of Vertex AI, and images."""
    known, instances = bodies.load("gemini"), call.asked_list("instances")
    if not any("content" in instance for instance in instances):
        count = call.asked_object("parameters").get("sampleCount") or 1
        return {"predictions": [known["image"]] * count}
    one = {**known["embedding"], "statistics": known["statistics"]}
    return {"predictions": [{"embeddings": one} for _ in instances], "metadata": known["vertex_metadata"]}


_INTERACTION_TERMS = ("total_input_tokens", "total_tool_use_tokens", "total_output_tokens", "total_thought_tokens")


def _interaction_usage(call: Call) -> Json:
    usage = call.usage(bodies.load("gemini")["interaction_usage"])
    if usage is None:
        return {}
    if not isinstance(call.reply.usage, Exact) and "total_tokens" not in (call.reply.usage or {}):
        usage["total_tokens"] = sum(value for name in _INTERACTION_TERMS if isinstance(value := usage.get(name), int))
    return {"usage": usage}


def _interaction(call: Call) -> Json:
    named = {name: call.asked[name] for name in ("model", "agent") if name in call.asked}
    tier: Json = {"service_tier": call.asked["service_tier"]} if "service_tier" in call.asked else {}
    moment = "2026-11-30T12:00:00Z"
    head = {"id": f"v1_{call.token}", **bodies.load("gemini")["interaction"], **named, **tier}
    return {**head, "created": moment, "updated": moment}


def interact(call: Call) -> Json:
    """The whole Interaction: its steps, and the contents in which the API's first revision has them."""
    said: Json = {"type": "text", "text": _text(call)}
    steps = [{"type": "thought", "signature": "c2lnbmF0dXJl"}, {"type": "model_output", "content": [said]}]
    body = {**_interaction(call), "role": "model", "steps": steps, "outputs": [said]}
    return {**body, **_interaction_usage(call)}


def interact_events(call: Call) -> Iterator[Event]:
    """The events of an interaction. The last has its usage and no steps. The first revision of v1beta has other names."""
    interaction = _interaction(call)
    first = "/v1beta" in call.request.path and "api-revision" not in call.request.headers
    start, piece, stop = (
        ("content.start", "content.delta", "content.stop") if first else ("step.start", "step.delta", "step.stop")
    )
    begun = "interaction.start" if first else "interaction.created"
    ended = "interaction.complete" if first else "interaction.completed"
    yield _event(begun, interaction={**interaction, "status": "in_progress"})
    yield _event(start, index=0, **({"content": {"type": "text"}} if first else {"step": {"type": "model_output"}}))
    last, event = None, Event("")
    for text in call.pieces(_text(call)):
        if text != last:
            last, event = text, _event(piece, index=0, delta={"type": "text", "text": text})
        yield event
    yield _event(stop, index=0)
    yield _event(ended, interaction={**interaction, "role": "model", **_interaction_usage(call)})
    yield Event("[DONE]", "done")


def _event(kind: str, **fields: Any) -> Event:
    return Event({**fields, "event_type": kind}, kind)


def decide(call: Call) -> Json:
    """The answers of a decision, by the names of the questions."""
    answers = {name: {"type": "choice", "choice": "yes"} for name in call.asked_object("questions")}
    return {"answers": answers, **_interaction_usage(call)}


def _streams(request: Request) -> bool:
    return request.path.endswith(":streamGenerateContent")


_BASE = r"/(gemini|vertexai)/.*"
"""Google serves some operations on the same paths as others do: here each of its two APIs has a first segment of its own."""
_MODEL = _BASE + r"/(models|tunedModels|endpoints)/(?P<model>[^/:]+):"
ENDPOINTS = [
    Endpoint("POST", _MODEL + "(generateContent|streamGenerateContent)", GOOGLE, generate, generate_events, _streams),
    Endpoint("POST", _MODEL + "(batchEmbedContents|embedContent)", GOOGLE, embed),
    Endpoint("POST", _MODEL + "predict", GOOGLE, predict),
    Endpoint("POST", _BASE + "/interactions", GOOGLE, interact, interact_events),
    Endpoint("POST", _BASE + "/decisions", GOOGLE, decide),
]
