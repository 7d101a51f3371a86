"""The ``mistralai`` package, majors 1 to 3, and its clients for Azure and Google, which have a part of the resources."""

from __future__ import annotations

from ..dialects import mistral, mistral_conversations, mistral_media
from ..families.mistralai import MISTRAL, arrivals, methods, tracing
from ..spec import Provider

METHODS = (
    ("chat", "Chat", "complete", mistral.MISTRAL_CHAT),
    ("chat", "Chat", "stream", mistral.MISTRAL_CHAT_STREAM),
    ("fim", "Fim", "complete", mistral.MISTRAL_FIM),
    ("fim", "Fim", "stream", mistral.MISTRAL_FIM_STREAM),
    ("agents", "Agents", "complete", mistral.MISTRAL_CHAT),
    ("agents", "Agents", "stream", mistral.MISTRAL_CHAT_STREAM),
    ("embeddings", "Embeddings", "create", mistral.MISTRAL_EMBEDDINGS),
    ("ocr", "Ocr", "process", mistral_media.MISTRAL_OCR),
    ("transcriptions", "Transcriptions", "complete", mistral_media.MISTRAL_TRANSCRIPTS),
    ("transcriptions", "Transcriptions", "stream", mistral_media.MISTRAL_TRANSCRIPT_STREAM),
    ("speech", "Speech", "complete", mistral_media.MISTRAL_SPEECH),
    ("classifiers", "Classifiers", "moderate", mistral_media.MISTRAL_CLASSIFIERS),
    ("classifiers", "Classifiers", "moderate_chat", mistral_media.MISTRAL_CLASSIFIERS),
    ("classifiers", "Classifiers", "classify", mistral_media.MISTRAL_CLASSIFIERS),
    ("classifiers", "Classifiers", "classify_chat", mistral_media.MISTRAL_CLASSIFIERS),
    ("responses", "Responses", "create", mistral.MISTRAL_RESPONSES),
    ("conversations", "Conversations", "start", mistral_conversations.MISTRAL_CONVERSATIONS),
    ("conversations", "Conversations", "append", mistral_conversations.MISTRAL_CONVERSATIONS),
    ("conversations", "Conversations", "restart", mistral_conversations.MISTRAL_CONVERSATIONS),
    ("conversations", "Conversations", "start_stream", mistral_conversations.MISTRAL_CONVERSATION_STREAM),
    ("conversations", "Conversations", "append_stream", mistral_conversations.MISTRAL_CONVERSATION_STREAM),
    ("conversations", "Conversations", "restart_stream", mistral_conversations.MISTRAL_CONVERSATION_STREAM),
)
"""Module, class, method and dialect. The ``parse`` and ``run`` helpers call these methods."""
AZURE, GOOGLE = ("chat", "ocr"), ("chat", "fim")
"""The modules of the clients for the clouds."""


def _table(home: str, azure: str, google: str) -> Provider:
    return Provider(
        sdk="mistralai",
        name="mistral_ai",
        family=MISTRAL,
        targets=(*methods(home, METHODS), *methods(azure, METHODS, AZURE), *methods(google, METHODS, GOOGLE)),
        error_by_status=True,
        arrivals=arrivals(home, azure, google),
        muted=tracing(home),
    )


MISTRALAI = _table("mistralai.client", "mistralai.azure.client", "mistralai.gcp.client")
MISTRALAI_1 = _table("mistralai", "mistralai_azure", "mistralai_gcp")
"""Major 1, whose modules lie in other packages."""
