"""Voyage AI: embeddings of texts, of documents in pieces and of images, and rerankings.

Reference: https://docs.voyageai.com/reference/embeddings-api, /contextualized-embeddings-api, /multimodal-embeddings-api,
/reranker-api and https://docs.voyageai.com/docs/error-codes (read 2026-11-30). Numbers are plausible ones.
"""

from __future__ import annotations

import base64
import struct
from typing import Any

from .exchange import Call, Endpoint, Event, Provider
from .framing import sse
from .script import Json


def _error(status: int, call: Call) -> Json:
    return {"detail": {429: "You have exceeded your rate limit."}.get(status, "The request failed.")}


VOYAGE = Provider(_error, lambda call: {}, lambda call: Event(_error(500, call)), sse)


def _list(call: Call, data: list[Json], usage: Json) -> Json:
    found = call.usage(usage)
    head: Json = {"object": "list", "data": data, "model": call.asked_model}
    return head if found is None else {**head, "usage": found}


def _vector(call: Call, index: int = 0) -> Json:
    """The SDK asks for the numbers as base64 of single-precision floats."""
    numbers: Any = [0.0100, -0.0017]
    if call.asked.get("encoding_format") == "base64":
        numbers = base64.b64encode(struct.pack("<2f", *numbers)).decode()
    return {"object": "embedding", "embedding": numbers, "index": index}


def embeddings(call: Call) -> Json:
    """One vector."""
    return _list(call, [_vector(call)], {"total_tokens": 10})


def contextualized(call: Call) -> Json:
    """One vector for each piece of one document."""
    pieces: Json = {"object": "list", "data": [_vector(call), _vector(call, 1)], "index": 0}
    return _list(call, [pieces], {"total_tokens": 20})


def multimodal(call: Call) -> Json:
    """One vector; 560 pixels of an image count as a token."""
    return _list(
        call, [_vector(call)], {"text_tokens": 5, "image_pixels": 2000000, "video_pixels": 0, "total_tokens": 3576}
    )


def rerank(call: Call) -> Json:
    """Documents put in order."""
    return _list(call, [{"relevance_score": 0.4375, "index": 0}], {"total_tokens": 26})


ENDPOINTS = [
    Endpoint("POST", r"/voyage/v1/embeddings", VOYAGE, embeddings),
    Endpoint("POST", r"/voyage/v1/contextualizedembeddings", VOYAGE, contextualized),
    Endpoint("POST", r"/voyage/v1/multimodalembeddings", VOYAGE, multimodal),
    Endpoint("POST", r"/voyage/v1/rerank", VOYAGE, rerank),
]
