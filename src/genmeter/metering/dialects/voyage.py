"""Voyage's embeddings and rerankings: one count, and the pixels of images and videos, which have a price of their own.

Source: https://docs.voyageai.com/reference/embeddings-api, /reranker-api, /multimodal-embeddings-api and
https://docs.voyageai.com/docs/pricing (read 2026-11-30 through the voyageai package 0.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Invocation, Request, Usage
from ..spec import Dialect
from .counts import Parts, read_parts, total
from .values import Reader, fields, read_identity, read_parameters, strings, text, whole

PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "output_dimension": (names.EMBEDDINGS_DIMENSIONS, whole),
    "output_dtype": (names.REQUEST_ENCODING_FORMATS, strings),
}
COUNTS: Parts = {"total_tokens": None, "text_tokens": "text_input"}
"""Pixels are no tokens at the price of tokens: they are named, and leave the bill partial."""
KEPT = ("total_tokens", "text_tokens", "image_pixels", "video_pixels")
"""What a result of the SDK keeps of the usage."""


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """The arguments of any of the methods. Without a model the SDK has one of its own."""
    request = Request(text(kwargs.get("model")))
    read_parameters(kwargs, PARAMETERS, request)
    return request


def read_response(result: Any, invocation: Invocation) -> None:
    """An answer, or a result that the SDK has made of it: there is no output, and only the input is billed."""
    found, response = fields(result), invocation.response
    read_identity(found, response)
    used = fields(found.get("usage")) or {name: found[name] for name in KEPT if name in found}
    counted = total(used, "total_tokens", response)
    if counted is not None:
        invocation.usage = Usage(counted, 0)
        read_parts(used, COUNTS, invocation.usage, response)


VOYAGE_EMBEDDINGS = Dialect("voyage_embeddings", names.EMBEDDINGS, read_request, read_response)
VOYAGE_RERANK = Dialect("voyage_rerank", names.GENERATE_CONTENT, read_request, read_response)
