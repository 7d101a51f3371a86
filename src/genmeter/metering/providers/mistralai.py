"""The ``mistralai`` package, majors 1 to 3, and its clients for Azure and Google."""

from __future__ import annotations

from opentelemetry.trace import NoOpTracer

from ..dialects.mistral import (
    MISTRAL_CHAT,
    MISTRAL_CHAT_STREAM,
    MISTRAL_EMBEDDINGS,
    MISTRAL_FIM,
    MISTRAL_FIM_STREAM,
    MISTRAL_RESPONSES,
)
from ..dialects.mistral_conversations import MISTRAL_CONVERSATION_STREAM, MISTRAL_CONVERSATIONS
from ..dialects.mistral_media import (
    MISTRAL_CLASSIFIERS,
    MISTRAL_OCR,
    MISTRAL_SPEECH,
    MISTRAL_TRANSCRIPT_STREAM,
    MISTRAL_TRANSCRIPTS,
)
from ..families.mistralai import MISTRAL, arrivals, methods
from ..spec import Muted, Provider

METHODS = (
    ("chat", "Chat", "complete", MISTRAL_CHAT),
    ("chat", "Chat", "stream", MISTRAL_CHAT_STREAM),
    ("fim", "Fim", "complete", MISTRAL_FIM),
    ("fim", "Fim", "stream", MISTRAL_FIM_STREAM),
    ("agents", "Agents", "complete", MISTRAL_CHAT),
    ("agents", "Agents", "stream", MISTRAL_CHAT_STREAM),
    ("embeddings", "Embeddings", "create", MISTRAL_EMBEDDINGS),
    ("ocr", "Ocr", "process", MISTRAL_OCR),
    ("transcriptions", "Transcriptions", "complete", MISTRAL_TRANSCRIPTS),
    ("transcriptions", "Transcriptions", "stream", MISTRAL_TRANSCRIPT_STREAM),
    ("speech", "Speech", "complete", MISTRAL_SPEECH),
    *(("classifiers", "Classifiers", name, MISTRAL_CLASSIFIERS) for name in ("moderate", "moderate_chat", "classify", "classify_chat")),
    ("responses", "Responses", "create", MISTRAL_RESPONSES),
    *(("conversations", "Conversations", name, MISTRAL_CONVERSATIONS) for name in ("start", "append", "restart")),
    *(
        ("conversations", "Conversations", f"{name}_stream", MISTRAL_CONVERSATION_STREAM)
        for name in ("start", "append", "restart")
    ),
)  # fmt: skip
"""Module, class, method and dialect. The ``parse`` and ``run`` helpers call these methods."""


def _provider(home: str, azure: str, gcp: str) -> Provider:
    """One major's table. The clients of the clouds have a part of the resources."""
    rows = [
        (place, row)
        for place, modules in ((home, None), (azure, {"chat", "ocr"}), (gcp, {"chat", "fim"}))
        for row in METHODS
        if modules is None or row[0] in modules
    ]
    return Provider(
        sdk="mistralai",
        name="mistral_ai",
        family=MISTRAL,
        targets=tuple(
            target
            for place, (module, owner, method, dialect) in rows
            for target in methods(f"{place}.{module}", owner, method, dialect)
        ),
        error_by_status=True,
        arrivals=tuple(arrival for place in (home, azure, gcp) for arrival in arrivals(place)),
        # 1.10 to 2.4 trace each call wherever a tracer provider is set; later ones where they are told to.
        muted=(Muted(f"{home}._hooks.tracing", "get_or_create_otel_tracer", (False, NoOpTracer())),),
    )


MISTRALAI = _provider("mistralai.client", "mistralai.azure.client", "mistralai.gcp.client")
MISTRALAI_1 = _provider("mistralai", "mistralai_azure", "mistralai_gcp")
"""Major 1, whose modules lie in other packages."""
