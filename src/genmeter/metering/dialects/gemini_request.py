"""What a program asks of Gemini's generateContent: the model, and the parameters in ``config``.

Source: https://ai.google.dev/api/generate-content#generationconfig (read 2026-11-30 through the types of google-genai 1.75 and 3.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Request
from .gemini_usage import service_tier, snake, snaked
from .values import Reader, fields, items, mark_stream, read_parameters, real, several, strings, text, whole

SPEECH = {"audio": "speech"}


def output_type(mime: Any) -> str | None:
    """The modality that ``response_mime_type`` asks for."""
    return {"application/json": "json", "text/plain": "text"}.get(text(mime) or "")


def modality(kinds: Any) -> str | None:
    """The modality that ``response_modalities`` asks for, where it is one."""
    asked = [(text(kind) or "").lower() for kind in items(kinds)]
    return SPEECH.get(asked[0], asked[0]) if len(asked) == 1 else None


def thinking(config: Any) -> str | None:
    """The level that ``thinking_config`` asks for."""
    level = text(fields(snaked(config)).get("thinking_level"))
    return level.lower() if level else None


PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "temperature": (names.REQUEST_TEMPERATURE, real),
    "top_p": (names.REQUEST_TOP_P, real),
    "top_k": (names.REQUEST_TOP_K, real),
    "max_output_tokens": (names.REQUEST_MAX_TOKENS, whole),
    "stop_sequences": (names.REQUEST_STOP_SEQUENCES, strings),
    "presence_penalty": (names.REQUEST_PRESENCE_PENALTY, real),
    "frequency_penalty": (names.REQUEST_FREQUENCY_PENALTY, real),
    "seed": (names.REQUEST_SEED, whole),
    "candidate_count": (names.REQUEST_CHOICE_COUNT, several),
    "thinking_config": (names.REQUEST_REASONING_LEVEL, thinking),
    "response_modalities": (names.OUTPUT_TYPE, modality),
    "response_mime_type": (names.OUTPUT_TYPE, output_type),
}


def model_name(given: Any) -> str | None:
    """``models/x``, ``google/x`` and the whole name of a published model mean ``x``; a tuned model keeps its name."""
    found = text(given)
    if found is None:
        return None
    return found.rpartition("/models/")[2].removeprefix("models/").removeprefix("google/")


def read_config(kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """``config`` as an object, or as a dictionary whose names may be those of the API."""
    given = kwargs.get("config")
    found = fields(given)
    return {snake(name): value for name, value in found.items()} if isinstance(given, dict) else found


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``generate_content``."""
    request, config = Request(model_name(kwargs.get("model"))), read_config(kwargs)
    # A config has sixty fields, of which nearly all are None.
    read_parameters({name: config.get(name) for name in PARAMETERS}, PARAMETERS, request)
    request.service_tier = service_tier(config.get("service_tier"))
    return request


def read_stream_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``generate_content_stream``."""
    request = read_request(kwargs)
    mark_stream(request)
    return request
