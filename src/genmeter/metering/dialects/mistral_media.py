"""Mistral's OCR, billed by the page, its audio, billed by the time or by the character, and its classifiers.

Source: https://docs.mistral.ai/api and https://docs.mistral.ai/capabilities/audio_transcription (read 2026-11-30), types
of the mistralai package 1.12 and 3.7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ... import names
from ...model import Invocation, Request, Usage
from ..spec import Dialect
from .counts import name_unread, total
from .mistral import asks, said, stated
from .openai_media import MediaAccumulator, read_response
from .values import fields, own, read_identity, text

ANNOTATIONS = ("bbox_annotation_format", "document_annotation_format")
"""Arguments that ask for annotations, which are JSON. Such pages cost more: https://mistral.ai/pricing/api."""
READ = frozenset({"pages_processed", "doc_size_bytes"})
"""The pages are billed, the size of the document is not."""

SECONDS = "prompt_audio_seconds"
TOKENS = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})


def read_ocr_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``process``."""
    request = Request(text(kwargs.get("model")))
    request.attributes[names.OUTPUT_TYPE] = "json" if any(kwargs.get(name) for name in ANNOTATIONS) else "text"
    return request


def read_ocr(result: Any, invocation: Invocation) -> None:
    """An OCRResponse."""
    found, response = fields(result), invocation.response
    read_identity(found, response)
    usage = said(found.get("usage_info"))
    for name, value in usage.items():
        if name not in READ:
            name_unread(name, value, response)
    pages = total(usage, "pages_processed", response)
    if pages is not None:
        annotated = invocation.request.attributes.get(names.OUTPUT_TYPE) == "json"
        invocation.usage = Usage(pages=pages, annotated_pages=pages if annotated else 0)


def by_time(usage: Mapping[str, Any]) -> Mapping[str, Any]:
    """The usage of a transcript: its seconds are billed, and its tokens tell of the same sound and cost nothing more.

    https://docs.mistral.ai/models/voxtral-mini-transcribe-25-07 has one price, by the minute.
    """
    return {name: value for name, value in usage.items() if name not in TOKENS} if usage.get(SECONDS) else usage


def read_transcript(result: Any, invocation: Invocation) -> None:
    """A TranscriptionResponse."""
    found = stated(fields(result))
    read_response({**found, "usage": by_time(fields(found["usage"])) or None}, invocation)


def read_media(result: Any, invocation: Invocation) -> None:
    """A SpeechResponse, or the answer of a classifier."""
    read_response(stated(fields(result)), invocation)


class DataAccumulator(MediaAccumulator):
    """Folds events of audio, whose data lies inside them: the ending event has the model and the usage."""

    def __init__(self, asked: bool, captured: bool) -> None:
        super().__init__(asked, captured)
        self._model: str | None = None

    def fold(self, chunk: Any) -> bool:
        """Keep the usage, if this event has one."""
        data = fields(own(chunk).get("data") or chunk)
        self._model = text(data.get("model")) or self._model
        return super().fold({"usage": by_time(said(data.get("usage"))) or None})

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        invocation.response.model = self._model
        super().finish(invocation)


def _audio(name: str, modality: str, read: Callable[..., None], *, streams: bool = False) -> Dialect:
    return Dialect(name, names.GENERATE_CONTENT, asks({}, streams=streams, modality=modality), read, DataAccumulator)


MISTRAL_OCR = Dialect("mistral_ocr", names.GENERATE_CONTENT, read_ocr_request, read_ocr)
MISTRAL_TRANSCRIPTS = _audio("mistral_transcripts", "text", read_transcript)
MISTRAL_TRANSCRIPT_STREAM = _audio("mistral_transcript_stream", "text", read_transcript, streams=True)
MISTRAL_SPEECH = _audio("mistral_speech", "speech", read_media)
MISTRAL_CLASSIFIERS = Dialect("mistral_classifiers", names.MODERATION, asks({}), read_media)
