"""Embeddings, images, audio, moderation, decisions and models.

Reference: https://platform.openai.com/docs/api-reference/{embeddings,images,audio,moderations,models}, read 2026-11-21.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Sequence
from typing import Any, cast

from . import bodies
from .exchange import Blob, Body, Call, Endpoint, Event
from .openai_chat import flavour_of
from .openai_provider import OPENAI
from .script import Json, Request

_MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff\xfb\x90\x00" + bytes(413)
_INPUT_OUTPUT = ("total_tokens", "input_tokens", "output_tokens")


def _count(value: Any) -> int:
    """How many inputs a text, a token list, or a list of either is."""
    if not isinstance(value, list):
        return 1
    items = cast(Sequence[object], value)
    return 1 if not items or isinstance(items[0], int) else len(items)


def embeddings(call: Call) -> Json:
    """One vector per input, as floats or as base64 of little-endian float32, which is what the SDK asks for."""
    default = bodies.load("openai_embedding")
    size = call.asked.get("dimensions") or default["dimensions"]
    vector: Any = [0.0023064255, -0.009327292] * (size // 2) + [-0.0028842222] * (size % 2)
    if call.asked.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack(f"<{size}f", *vector)).decode()
    data = [
        {"object": "embedding", "index": index, "embedding": vector} for index in range(_count(call.asked.get("input")))
    ]
    body: Json = {"object": "list", "data": data, "model": call.model}
    usage = _embedding_usage(call, default["usage"])
    return body if usage is None else {**body, "usage": usage}


def _embedding_usage(call: Call, default: Json) -> Json | None:
    if not flavour_of(call).embeddings_usage:
        return None
    usage = call.usage(default)
    if usage and call.reply.usage is not None and "total_tokens" not in call.reply.usage:
        usage["total_tokens"] = usage["prompt_tokens"]
    return usage


def _image_usage(call: Call) -> Json:
    usage = call.usage(bodies.load("openai_image")["usage"], _INPUT_OUTPUT)
    return {} if usage is None else {"usage": usage}


def images(call: Call) -> Json:
    """GPT image models answer base64 and usage; the older ones a URL and no usage."""
    default = bodies.load("openai_image")
    count = int(call.asked.get("n") or 1)
    if not call.asked_model.startswith("dall-e"):
        data = [{"b64_json": default["png"]}] * count
        return {"created": call.created, **default["response"], "data": data, **_image_usage(call)}
    image = {"url": f"https://images.invalid/{call.token}.png"}
    if call.asked.get("response_format") == "b64_json":
        image = {"b64_json": default["png"]}
    return {"created": call.created, "data": [image] * count}


def _image_events(kind: str, call: Call) -> Iterator[Event]:
    default = bodies.load("openai_image")
    common = {"b64_json": default["png"], "created_at": call.created, **default["response"]}
    for index in range(int(call.asked.get("partial_images") or 0)):
        name = f"{kind}.partial_image"
        yield Event({"type": name, **common, "partial_image_index": index}, name)
    yield Event({"type": f"{kind}.completed", **common, **_image_usage(call)}, f"{kind}.completed")


def _generation_events(call: Call) -> Iterator[Event]:
    return _image_events("image_generation", call)


def _edit_events(call: Call) -> Iterator[Event]:
    return _image_events("image_edit", call)


def speech(call: Call) -> Body:
    """A short mp3, whatever the format asked for."""
    return Blob(_MP3, "audio/mpeg")


def _speech_events(call: Call) -> Iterator[Event]:
    audio = base64.b64encode(_MP3).decode()
    yield Event({"type": "speech.audio.delta", "audio": audio})
    usage = call.usage(bodies.load("openai_audio")["speech_usage"], _INPUT_OUTPUT)
    yield Event({"type": "speech.audio.done", **({} if usage is None else {"usage": usage})})


def _speech_streams(request: Request) -> bool:
    return request.fields.get("stream_format") == "sse"


def _is_whisper(call: Call) -> bool:
    return call.asked_model.startswith("whisper") or call.params.get("task") == "translations"


def _transcription_usage(call: Call) -> Json:
    default = bodies.load("openai_audio")
    if _is_whisper(call):
        usage = call.usage(default["duration_usage"])
    else:
        usage = call.usage(default["transcription_usage"], _INPUT_OUTPUT)
    return {} if usage is None else {"usage": usage}


def transcription(call: Call) -> Body:
    """JSON with usage by tokens, or by duration for whisper (translations: none), or bare text in three formats."""
    default = bodies.load("openai_audio")
    text = call.text(default["text"])
    shape = call.asked.get("response_format") or "json"
    if shape in ("text", "srt", "vtt"):
        return Blob(f"{text}\n".encode(), "text/plain; charset=utf-8")
    usage = {} if call.params.get("task") == "translations" else _transcription_usage(call)
    if shape == "verbose_json":
        return {**default["verbose"], "text": text, **usage}
    return {"text": text, **usage}


def _transcription_events(call: Call) -> Iterator[Event]:
    text = call.text(bodies.load("openai_audio")["text"])
    for piece in call.pieces(text):
        yield Event({"type": "transcript.text.delta", "delta": piece})
    yield Event({"type": "transcript.text.done", "text": text, **_transcription_usage(call)})


def moderation(call: Call) -> Json:
    """One result per input."""
    results = [bodies.load("openai_moderation") for _ in range(_count(call.asked.get("input")))]
    return {"id": f"modr-{call.token}", "model": call.asked_model or "omni-moderation-latest", "results": results}


def decision(call: Call) -> Json:
    """A predicate's answer for each question, after the type ``Decision`` of the openai package 3.54."""
    answers = [
        {"type": "predicate", "name": question.get("name"), "probability": 0.97}
        for question in call.asked.get("questions") or ()
    ]
    details: Json = {"cached_tokens": 40, "cache_write_tokens": 0}
    default: Json = {
        "input_tokens": 100,
        "output_tokens": 50,
        "total_tokens": 150,
        "input_tokens_details": details,
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    usage = call.usage(default, _INPUT_OUTPUT)
    return {"model": call.model, "answers": answers, **({} if usage is None else {"usage": usage})}


def models(call: Call) -> Json:
    """The list, or one of it."""
    everything: Json = bodies.load("openai_models")
    if "id" not in call.params:
        return everything
    return {**everything["data"][0], "id": call.params["id"]}


_DEPLOYED = r"(/.*)?/deployments/(?P<model>[^/]+)"
_ANY = r"(/.*)?"

ENDPOINTS = [
    endpoint
    for base in (_DEPLOYED, _ANY)
    for endpoint in (
        Endpoint("POST", base + "/embeddings", OPENAI, embeddings),
        Endpoint("POST", base + "/images/generations", OPENAI, images, _generation_events),
        Endpoint("POST", base + "/images/edits", OPENAI, images, _edit_events),
        Endpoint("POST", base + "/images/variations", OPENAI, images),
        Endpoint("POST", base + "/audio/speech", OPENAI, speech, _speech_events, _speech_streams),
        Endpoint("POST", base + "/audio/transcriptions", OPENAI, transcription, _transcription_events),
        Endpoint("POST", base + "/audio/(?P<task>translations)", OPENAI, transcription),
        Endpoint("POST", base + "/moderations", OPENAI, moderation),
        Endpoint("POST", base + "/decisions", OPENAI, decision),
        Endpoint("GET", base + "/models", OPENAI, models),
        Endpoint("GET", base + "/models/(?P<id>[^/]+)", OPENAI, models),
    )
]
