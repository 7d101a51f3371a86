"""The ``together`` package: Together AI, whose streams report their usage in the last chunk unasked.

The classes of 2.x and 3.x end in ``Resource``. Those of 1.x make their requests without a door, and stream as generators
whose request is sent already.
"""

from __future__ import annotations

from ..dialects.openai_chat import OPENAI_CHAT, OPENAI_COMPLETIONS
from ..dialects.openai_media import (
    OPENAI_EMBEDDINGS,
    OPENAI_IMAGES,
    OPENAI_RERANK,
    OPENAI_SPEECH,
    OPENAI_TRANSCRIPTS,
)
from ..families.door import arrivals, doors, posts
from ..families.plain import CLIENT
from ..families.stainless import STAINLESS
from ..spec import Provider, both

PATHS = {
    **posts(["/chat/completions"], OPENAI_CHAT),
    **posts(["/completions"], OPENAI_COMPLETIONS),
    **posts(["/embeddings"], OPENAI_EMBEDDINGS),
    **posts(["/rerank"], OPENAI_RERANK),
    **posts(["/images/generations"], OPENAI_IMAGES),
    **posts(["/audio/speech"], OPENAI_SPEECH),
    **posts(["/audio/transcriptions", "/audio/translations"], OPENAI_TRANSCRIPTS),
}

TOGETHER = Provider(
    sdk="together",
    name="together",
    family=STAINLESS,
    arrivals=arrivals("together._base_client"),
    targets=(
        *doors("together._base_client", PATHS),
        *both("together.resources.chat.completions", "CompletionsResource", "create", OPENAI_CHAT),
        *both("together.resources.completions", "CompletionsResource", "create", OPENAI_COMPLETIONS),
        *both("together.resources.embeddings", "EmbeddingsResource", "create", OPENAI_EMBEDDINGS),
        *both("together.resources.rerank", "RerankResource", "create", OPENAI_RERANK),
        *both("together.resources.images", "ImagesResource", "generate", OPENAI_IMAGES),
        *both("together.resources.audio.speech", "SpeechResource", "create", OPENAI_SPEECH),
        *both("together.resources.audio.transcriptions", "TranscriptionsResource", "create", OPENAI_TRANSCRIPTS),
        *both("together.resources.audio.translations", "TranslationsResource", "create", OPENAI_TRANSCRIPTS),
    ),
)
TOGETHER_1 = Provider(
    sdk="together",
    name="together",
    family=CLIENT,
    targets=(
        *both("together.resources.chat.completions", "ChatCompletions", "create", OPENAI_CHAT),
        *both("together.resources.completions", "Completions", "create", OPENAI_COMPLETIONS),
        *both("together.resources.embeddings", "Embeddings", "create", OPENAI_EMBEDDINGS),
        *both("together.resources.rerank", "Rerank", "create", OPENAI_RERANK),
        *both("together.resources.images", "Images", "generate", OPENAI_IMAGES),
        *both("together.resources.audio.speech", "Speech", "create", OPENAI_SPEECH),
        *both("together.resources.audio.transcriptions", "Transcriptions", "create", OPENAI_TRANSCRIPTS),
        *both("together.resources.audio.translations", "Translations", "create", OPENAI_TRANSCRIPTS),
    ),
)
