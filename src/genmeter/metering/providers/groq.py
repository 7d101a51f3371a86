"""The ``groq`` package: Groq, whose streams report their usage unasked."""

from __future__ import annotations

from ..dialects.openai_chat import OPENAI_CHAT
from ..dialects.openai_media import OPENAI_EMBEDDINGS, OPENAI_SPEECH, OPENAI_TRANSCRIPTS
from ..families.door import arrivals, doors, posts
from ..families.stainless import STAINLESS
from ..spec import Provider, both

PATHS = {
    **posts(["/chat/completions"], OPENAI_CHAT),
    **posts(["/embeddings"], OPENAI_EMBEDDINGS),
    **posts(["/audio/speech"], OPENAI_SPEECH),
    **posts(["/audio/transcriptions", "/audio/translations"], OPENAI_TRANSCRIPTS),
}

GROQ = Provider(
    sdk="groq",
    name="groq",
    family=STAINLESS,
    arrivals=arrivals("groq._base_client"),
    targets=(
        *doors("groq._base_client", PATHS),
        *both("groq.resources.chat.completions", "Completions", "create", OPENAI_CHAT),
        *both("groq.resources.embeddings", "Embeddings", "create", OPENAI_EMBEDDINGS),
        *both("groq.resources.audio.speech", "Speech", "create", OPENAI_SPEECH),
        *both("groq.resources.audio.transcriptions", "Transcriptions", "create", OPENAI_TRANSCRIPTS),
        *both("groq.resources.audio.translations", "Translations", "create", OPENAI_TRANSCRIPTS),
    ),
)
