"""The ``cerebras-cloud-sdk`` package: Cerebras, whose streams report their usage in the last chunk unasked."""

from __future__ import annotations

from ..dialects.openai_chat import OPENAI_CHAT, OPENAI_COMPLETIONS
from ..families.door import arrivals, doors, posts
from ..families.stainless import STAINLESS
from ..spec import Provider, both

PATHS = {**posts(["/chat/completions"], OPENAI_CHAT), **posts(["/completions"], OPENAI_COMPLETIONS)}

CEREBRAS = Provider(
    sdk="cerebras.cloud.sdk",
    name="cerebras",
    family=STAINLESS,
    arrivals=arrivals("cerebras.cloud.sdk._base_client"),
    targets=(
        *doors("cerebras.cloud.sdk._base_client", PATHS),
        *both("cerebras.cloud.sdk.resources.chat.completions", "CompletionsResource", "create", OPENAI_CHAT),
        *both("cerebras.cloud.sdk.resources.completions", "CompletionsResource", "create", OPENAI_COMPLETIONS),
    ),
)
