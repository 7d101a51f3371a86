"""The ``writer-sdk`` package: Writer, whose ``chat`` speaks OpenAI's chat completions on a path of its own.

``parse`` and ``stream`` of the SDK call ``chat`` or post to its path themselves.
"""

from __future__ import annotations

from ..dialects.openai_chat import OPENAI_CHAT, OPENAI_COMPLETIONS
from ..families.door import arrivals, doors, posts
from ..families.stainless import INCLUDE_USAGE, STAINLESS
from ..spec import Provider, both

PATHS = {**posts(["/v1/chat"], OPENAI_CHAT), **posts(["/v1/completions"], OPENAI_COMPLETIONS)}

WRITER = Provider(
    sdk="writerai",
    name="writer",
    family=STAINLESS,
    arrivals=arrivals("writerai._base_client"),
    targets=(
        *doors("writerai._base_client", PATHS),
        *both("writerai.resources.chat", "ChatResource", "chat", OPENAI_CHAT),
        *both("writerai.resources.completions", "CompletionsResource", "create", OPENAI_COMPLETIONS),
    ),
    usage_option=INCLUDE_USAGE,
)
