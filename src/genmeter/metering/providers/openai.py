"""The ``openai`` package: OpenAI itself, Azure, and every compatible server that it is pointed to."""

from __future__ import annotations

from ..dialects.openai_chat import OPENAI_CHAT, OPENAI_COMPLETIONS
from ..dialects.openai_media import (
    OPENAI_DECISIONS,
    OPENAI_EMBEDDINGS,
    OPENAI_IMAGES,
    OPENAI_MODERATIONS,
    OPENAI_SPEECH,
    OPENAI_TRANSCRIPTS,
)
from ..dialects.openai_responses import OPENAI_FETCH, OPENAI_RESPONSES
from ..families.door import arrivals, doors, posts
from ..families.stainless import INCLUDE_USAGE, STAINLESS
from ..spec import Provider, Target, both


def _responses(module: str) -> tuple[Target, ...]:
    return (
        *both(module, "Responses", "create", OPENAI_RESPONSES),
        *both(module, "Responses", "parse", OPENAI_RESPONSES),
        *both(module, "Responses", "compact", OPENAI_RESPONSES),
        *both(module, "Responses", "retrieve", OPENAI_FETCH, arguments=["response_id"]),
    )


PATHS = {
    **posts(["/chat/completions"], OPENAI_CHAT),
    **posts(["/responses", "/responses/compact"], OPENAI_RESPONSES),
    "get /responses/*": OPENAI_FETCH,
    **posts(["/completions"], OPENAI_COMPLETIONS),
    **posts(["/embeddings"], OPENAI_EMBEDDINGS),
    **posts(["/images/generations", "/images/edits", "/images/variations"], OPENAI_IMAGES),
    **posts(["/audio/speech"], OPENAI_SPEECH),
    **posts(["/audio/transcriptions", "/audio/translations"], OPENAI_TRANSCRIPTS),
    **posts(["/moderations"], OPENAI_MODERATIONS),
    **posts(["/decisions"], OPENAI_DECISIONS),
}


# The `stream` helpers of chat completions and responses call `create` (and `retrieve`) themselves.
OPENAI = Provider(
    sdk="openai",
    name="openai",
    family=STAINLESS,
    arrivals=arrivals("openai._base_client"),
    targets=(
        *doors("openai._base_client", PATHS),
        *both("openai.resources.chat.completions", "Completions", "create", OPENAI_CHAT),
        *both("openai.resources.chat.completions", "Completions", "parse", OPENAI_CHAT),
        *_responses("openai.resources.responses.responses"),
        *_responses("openai.resources.beta.responses.responses"),
        *both("openai.resources.completions", "Completions", "create", OPENAI_COMPLETIONS),
        *both("openai.resources.embeddings", "Embeddings", "create", OPENAI_EMBEDDINGS),
        *both("openai.resources.images", "Images", "generate", OPENAI_IMAGES),
        *both("openai.resources.images", "Images", "edit", OPENAI_IMAGES),
        *both("openai.resources.images", "Images", "create_variation", OPENAI_IMAGES),
        *both("openai.resources.audio.speech", "Speech", "create", OPENAI_SPEECH),
        *both("openai.resources.audio.transcriptions", "Transcriptions", "create", OPENAI_TRANSCRIPTS),
        *both("openai.resources.audio.translations", "Translations", "create", OPENAI_TRANSCRIPTS),
        *both("openai.resources.moderations", "Moderations", "create", OPENAI_MODERATIONS),
        *both("openai.resources.decisions", "Decisions", "create", OPENAI_DECISIONS),
    ),
    usage_option=INCLUDE_USAGE,
    modes={"AzureOpenAI": "azure.ai.openai", "AsyncAzureOpenAI": "azure.ai.openai"},
    watched=(("openai", "OpenAI.request"), ("openai", "AsyncOpenAI.request")),
)
