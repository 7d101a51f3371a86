"""Every endpoint that the stub serves, in the order of matching; a new provider adds its list here."""

from __future__ import annotations

import re
from urllib.parse import unquote

from . import (
    ai21,
    anthropic,
    bedrock,
    cohere,
    dashscope,
    google,
    mistral,
    ollama,
    openai_chat,
    openai_media,
    openai_responses,
    replicate,
    voyage,
    watsonx,
    xai,
    zai,
)
from .exchange import Endpoint
from .script import Request

ENDPOINTS: list[Endpoint] = [
    *google.ENDPOINTS,
    *cohere.ENDPOINTS,
    *ollama.ENDPOINTS,
    *mistral.ENDPOINTS,
    *dashscope.ENDPOINTS,
    *watsonx.ENDPOINTS,
    *zai.ENDPOINTS,
    *xai.ENDPOINTS,
    *voyage.ENDPOINTS,
    *ai21.ENDPOINTS,
    *replicate.ENDPOINTS,
    *openai_chat.ENDPOINTS,
    *openai_responses.ENDPOINTS,
    *openai_media.ENDPOINTS,
    *bedrock.ENDPOINTS,
    *anthropic.ENDPOINTS,
]
_COMPILED = [(endpoint, re.compile(endpoint.pattern)) for endpoint in ENDPOINTS]


def find(request: Request) -> tuple[Endpoint, dict[str, str]] | None:
    """The endpoint of a request and what its path says; None if nobody serves it."""
    for endpoint, pattern in _COMPILED:
        match = pattern.fullmatch(request.path) if endpoint.method == request.method else None
        if match:
            return endpoint, {name: unquote(value) for name, value in match.groupdict().items() if value}
    return None
