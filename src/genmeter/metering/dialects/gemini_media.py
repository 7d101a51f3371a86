"""Gemini's embeddings, and the images of Imagen.

Sources: https://ai.google.dev/api/embeddings, https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/imagen-api
and text-embeddings-api (read 2026-11-30 through the types of google-genai 1.75 and 3.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Invocation, Request, Usage
from ..spec import Dialect
from .counts import known_count
from .gemini import answer
from .gemini_request import model_name, read_config
from .gemini_usage import INPUT, read_modalities, read_usage
from .values import Reader, each, fields, read_parameters, whole

EMBEDDING_PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "output_dimensionality": (names.EMBEDDINGS_DIMENSIONS, whole),
}


def read_embedding_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``embed_content``."""
    request = Request(model_name(kwargs.get("model")))
    read_parameters(read_config(kwargs), EMBEDDING_PARAMETERS, request)
    return request


def read_embeddings(result: Any, invocation: Invocation) -> None:
    """The Gemini API counts the tokens of the call, Vertex those of each text; older versions of the Gemini API nothing.

    Vertex counts the characters as well: they measure the same text.
    """
    found, response = answer(result), invocation.response
    usage = read_usage(fields(found.get("usage_metadata")), response)
    counted = [fields(one.get("statistics")) for one in each(found.get("embeddings"))]
    counts = [known_count(one.get("token_count")) for one in counted]
    if usage is None and counts and None not in counts:
        usage = Usage(sum(one for one in counts if one is not None), 0)
        for one in counted:
            read_modalities(one, {"tokens_details": INPUT}, usage, response)
    invocation.usage = usage


def read_image_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of the methods that make, edit or enlarge images."""
    request = Request(model_name(kwargs.get("model")))
    request.attributes[names.OUTPUT_TYPE] = "image"
    return request


def read_images(result: Any, invocation: Invocation) -> None:
    """Each image that was made is billed; one that a filter held back is not."""
    made = each(answer(result).get("generated_images"))
    invocation.usage = Usage(images=sum(1 for one in made if one.get("image") is not None))


GEMINI_EMBEDDINGS = Dialect("gemini_embeddings", names.EMBEDDINGS, read_embedding_request, read_embeddings)
GEMINI_IMAGES = Dialect("gemini_images", names.GENERATE_CONTENT, read_image_request, read_images)
