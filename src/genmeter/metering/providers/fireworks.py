"""The ``fireworks-ai`` package: Fireworks in OpenAI's shapes, and in Anthropic's for ``messages`` from 1.0 on."""

from __future__ import annotations

from ..dialects.anthropic_messages import ANTHROPIC_MESSAGES
from ..dialects.event_texts import in_texts
from ..dialects.openai_chat import OPENAI_CHAT, OPENAI_COMPLETIONS
from ..dialects.openai_media import OPENAI_EMBEDDINGS, OPENAI_RERANK
from ..families import fireworks
from ..families.door import arrivals, doors, posts
from ..families.stainless import STAINLESS
from ..spec import Provider, both

PATHS = {
    **posts(["/chat/completions"], OPENAI_CHAT),
    **posts(["/completions"], OPENAI_COMPLETIONS),
    **posts(["/v1/messages"], ANTHROPIC_MESSAGES),
}

FIREWORKS = Provider(
    sdk="fireworks",
    name="fireworks",
    family=STAINLESS,
    arrivals=arrivals("fireworks._base_client"),
    targets=(
        *doors("fireworks._base_client", PATHS),
        *both("fireworks.resources.chat.completions", "CompletionsResource", "create", OPENAI_CHAT),
        *both("fireworks.resources.completions", "CompletionsResource", "create", OPENAI_COMPLETIONS),
        *both("fireworks.resources.messages", "MessagesResource", "create", ANTHROPIC_MESSAGES),
    ),
)
ENDS = {
    "/chat/completions": in_texts(OPENAI_CHAT),
    "/completions": in_texts(OPENAI_COMPLETIONS),
    "/embeddings": OPENAI_EMBEDDINGS,
    "/rerank": OPENAI_RERANK,
}
FIREWORKS_0 = Provider(sdk="fireworks", name="fireworks", family=fireworks.FIREWORKS, targets=fireworks.posts(ENDS))
"""Before 1.0."""
