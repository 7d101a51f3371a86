"""The ``litellm`` package used as a library: one call of it is one bill, whichever SDK or HTTP client it uses inside."""

from __future__ import annotations

from functools import partial

from ..dialects.litellm import (
    LITELLM_CHAT,
    LITELLM_COMPLETIONS,
    LITELLM_EMBEDDINGS,
    LITELLM_IMAGES,
    LITELLM_RESPONSES,
    LITELLM_SPEECH,
    LITELLM_TRANSCRIPTS,
)
from ..dialects.litellm_names import server
from ..families.litellm import ASKING, LITELLM, functions
from ..spec import Provider

LOGGING = "litellm.litellm_core_utils.litellm_logging"
HANDLERS = ("pre_call", "post_call", "success_handler", "async_success_handler", "failure_handler", "async_failure_handler")  # fmt: skip

_functions = partial(functions, locate=server)

# The Router calls these functions once for each attempt and each fallback.
LITELLM_LIBRARY = Provider(
    sdk="litellm",
    name="litellm",
    family=LITELLM,
    targets=(
        *_functions("litellm.main", "completion", LITELLM_CHAT, "model", "messages"),
        *_functions("litellm.main", "text_completion", LITELLM_COMPLETIONS, "prompt", "model"),
        *_functions("litellm.main", "embedding", LITELLM_EMBEDDINGS, "model", "input"),
        *_functions("litellm.main", "transcription", LITELLM_TRANSCRIPTS, "model", "file"),
        *_functions("litellm.main", "speech", LITELLM_SPEECH, "model", "input"),
        *_functions("litellm.responses.main", "responses", LITELLM_RESPONSES, "input", "model"),
        *_functions("litellm.images.main", "image_generation", LITELLM_IMAGES, "prompt", "model"),
        *_functions("litellm.images.main", "image_edit", LITELLM_IMAGES, "image"),
        *_functions("litellm.images.main", "image_variation", LITELLM_IMAGES, "image"),
    ),
    usage_option=ASKING,
    callbacks=tuple((LOGGING, f"Logging.{name}") for name in HANDLERS),
)
