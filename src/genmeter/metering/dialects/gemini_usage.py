"""The usage object of Gemini's APIs: usageMetadata, on the Gemini API and on Vertex AI.

The prompt contains its cached part. What tools put into the prompt, and thoughts, stand beside the other counts and in
the total. Sources: https://ai.google.dev/api/generate-content#UsageMetadata (read 2026-11-30 through the types of google-genai
1.75 and 3.6, which are made from the page) and
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#UsageMetadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, cast

from ...model import Response, Usage
from .counts import Parts, known_count, leave, leave_cached_audio, name_unread, read_parts, total
from .values import each, items, text

INPUT = {
    "TEXT": "text_input",
    "AUDIO": "audio_input",
    "IMAGE": "image_input",
    "VIDEO": "video_input",
    "DOCUMENT": "document_input",
}
CACHED = {
    "TEXT": None,
    "AUDIO": "audio_cache_read",
    "IMAGE": "image_cache_read",
    "VIDEO": "video_cache_read",
    "DOCUMENT": "document_cache_read",
}
OUTPUT = {"TEXT": "text_output", "AUDIO": "audio_output", "IMAGE": "image_output"}
Modalities = Mapping[str, Mapping[str, str | None]]
"""A list of parts by modality → modality → field of ``Usage``; None: a part at the price of the whole."""
MODALITIES: Modalities = {
    "prompt_tokens_details": INPUT,
    "tool_use_prompt_tokens_details": INPUT,
    "cache_tokens_details": CACHED,
    "candidates_tokens_details": OUTPUT,
    "response_tokens_details": OUTPUT,
}
COUNTS: Parts = {
    **dict.fromkeys(MODALITIES),
    "prompt_token_count": None,
    "candidates_token_count": None,
    "response_token_count": None,
    "tool_use_prompt_token_count": None,
    "total_token_count": None,
    "cached_content_token_count": "cache_read",
    "thoughts_token_count": "reasoning",
    "traffic_type": None,
    "service_tier": None,
}
VERBATIM = frozenset({"args", "response", "parameters"})
"""Fields whose value is the app's own JSON: its names are kept."""


@lru_cache(maxsize=1024)
def snake(name: str) -> str:
    """A name of the API as the SDK's objects spell it: promptTokenCount is ``prompt_token_count``."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def snaked(value: Any) -> Any:
    """JSON of the API with the names that the SDK's objects have."""
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        return {snake(name): item if name in VERBATIM else snaked(item) for name, item in known.items()}
    return [snaked(item) for item in items(value)] if isinstance(value, list) else value


def read_usage(found: Mapping[str, Any], response: Response) -> Usage | None:
    """``usage_metadata`` by the names of the SDK's objects; None where it counts nothing.

    The server leaves out a count of zero, so a call without ``candidates_token_count`` said nothing.
    """
    prompt = total(found, "prompt_token_count", response)
    said = total(
        found, "candidates_token_count" if found.get("candidates_token_count") else "response_token_count", response
    )
    if prompt is None and said is None:
        for name, value in found.items():
            if value and name not in ("traffic_type", "service_tier"):
                name_unread(name, value, response)
        return None
    tools = total(found, "tool_use_prompt_token_count", response) or 0
    usage = Usage(None if prompt is None else prompt + tools, said or 0)
    read_parts(found, COUNTS, usage, response)
    usage.output = (said or 0) + usage.reasoning
    read_modalities(found, MODALITIES, usage, response)
    if not found.get("cache_tokens_details"):
        leave_cached_audio("cache_tokens_details.audio", usage, response)
    settle(known_count(found.get("total_token_count")), "total_token_count", usage, response)
    return usage


def read_modalities(
    found: Mapping[str, Any], lists: Modalities, usage: Usage, response: Response, count: str = "token_count"
) -> None:
    """Read what the totals consist of. A modality without a field of its own is named: its price may be another."""
    for name, known in lists.items():
        parts = found.get(name)
        for part in each(parts) if parts else ():
            modality, tokens = (text(part.get("modality")) or "").upper(), known_count(part.get(count)) or 0
            field = known.get(modality, "")
            if field:
                setattr(usage, field, getattr(usage, field) + tokens)
            elif field is not None and part.get(count):
                leave(f"{name}.{modality.lower()}", 0, response)
            for other, value in part.items():
                if value and other not in ("modality", count):
                    name_unread(f"{name}.{other}", value, response)


def settle(stated: int | None, name: str, usage: Usage, response: Response) -> None:
    """Name the tokens of the total that are neither input nor output: the SDKs drop counts that are new to them."""
    rest = 0 if stated is None else stated - (usage.input or 0) - (usage.output or 0)
    if rest > 0:
        leave(name, rest, response)


def service_tier(*words: Any) -> str | None:
    """The first of some words for a service tier that says one, in small letters."""
    found = (str(text(word) or "").lower() for word in words)
    return next((word for word in found if word and not word.endswith("unspecified")), None)


def header(headers: Mapping[str, Any], name: str) -> Any:
    """A header by its name in small letters: the HTTP libraries spell it as the server did, or small."""
    found = headers.get(name)
    if found is not None:
        return found
    pairs: Iterable[tuple[str, Any]] = headers.items()
    return next((value for key, value in pairs if str(key).lower() == name), None)
