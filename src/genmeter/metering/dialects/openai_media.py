"""OpenAI's embeddings, images, audio and moderations: small shapes around the shared usage object.

Source: https://platform.openai.com/docs/api-reference/{embeddings,images,audio,moderations} (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ... import names
from ...model import Invocation, Request
from ..spec import Dialect
from .counts import merged
from .openai_chat import read_stream_and_tier
from .openai_usage import read_spending
from .values import Reader, fields, read_identity, read_parameters, strings, text, whole

EMBEDDING_PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "dimensions": (names.EMBEDDINGS_DIMENSIONS, whole),
    "encoding_format": (names.REQUEST_ENCODING_FORMATS, strings),
}


def asks_for(modality: str | None, parameters: Mapping[str, tuple[str, Reader]]) -> Callable[..., Request]:
    """A request reader for an API whose answer has one ``modality``."""

    def read_request(kwargs: Mapping[str, Any]) -> Request:
        request = Request(text(kwargs.get("model")))
        read_parameters(kwargs, parameters, request)
        if modality is not None:
            request.attributes[names.OUTPUT_TYPE] = modality
        read_stream_and_tier(kwargs, request)
        return request

    return read_request


def read_response(result: Any, invocation: Invocation) -> None:
    """An answer with at most an id, a model and a usage object."""
    found = fields(result)
    read_identity(found, invocation.response)
    usage = found.get("usage")
    if usage is not None:
        read_spending(usage, invocation)


def read_embeddings(result: Any, invocation: Invocation) -> None:
    """Embeddings and rerankings have no output, and most servers report none: only the input is billed then."""
    read_response(result, invocation)
    if invocation.usage is not None and invocation.usage.output is None:
        invocation.usage.output = 0


class MediaAccumulator:
    """Folds partial images and transcript deltas: the ending event carries the usage."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._usage: Any = None

    def fold(self, chunk: Any) -> bool:
        """Keep the usage, if this event has one."""
        usage = fields(chunk).get("usage")
        if usage is not None:
            self._usage = merged(self._usage, usage)
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        if self._usage is not None:
            read_spending(self._usage, invocation)


def _generates(name: str, modality: str) -> Dialect:
    return Dialect(name, names.GENERATE_CONTENT, asks_for(modality, {}), read_response, MediaAccumulator)


OPENAI_EMBEDDINGS = Dialect(
    "openai_embeddings", names.EMBEDDINGS, asks_for(None, EMBEDDING_PARAMETERS), read_embeddings
)
OPENAI_RERANK = Dialect("openai_rerank", names.GENERATE_CONTENT, asks_for(None, {}), read_embeddings)
"""Documents put in order, with OpenAI's usage object: https://docs.together.ai/reference/rerank-1 (read 2026-11-30)."""
OPENAI_IMAGES = _generates("openai_images", "image")
OPENAI_SPEECH = _generates("openai_speech", "speech")
OPENAI_TRANSCRIPTS = _generates("openai_transcripts", "text")
OPENAI_DECISIONS = Dialect("openai_decisions", names.GENERATE_CONTENT, asks_for("json", {}), read_response)
"""Answers to questions about an input, with the usage object of the Responses API: types of the openai package 3.54."""
OPENAI_MODERATIONS = Dialect("openai_moderations", names.MODERATION, asks_for(None, {}), read_response)
