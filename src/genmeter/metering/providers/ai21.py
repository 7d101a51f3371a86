"""The ``ai21`` package: AI21's chat completions, at AI21 and on the clouds that its clients know."""

from __future__ import annotations

from ..dialects.openai_chat import OPENAI_CHAT
from ..families.ai21 import AI21
from ..spec import Provider, Target

CHAT, RESOURCE = "ai21.clients.studio.resources.chat", "ai21.clients.studio.resources.studio_resource"

AI21_SDK = Provider(
    sdk="ai21",
    name="ai21",
    family=AI21,
    targets=(
        Target(f"{CHAT}.chat_completions", "ChatCompletions.create", OPENAI_CHAT, arguments=("messages", "model")),
        # The order of the arguments is another one here.
        Target(
            f"{CHAT}.async_chat_completions",
            "AsyncChatCompletions.create",
            OPENAI_CHAT,
            awaited=True,
            arguments=("model", "messages"),
        ),
    ),
    arrivals=((RESOURCE, "_cast_response"),),
)
