"""The ``huggingface_hub`` package: chat completions of ``InferenceClient`` at a provider of Hugging Face's, or at a URL."""

from __future__ import annotations

from ..dialects.openai_chat import OPENAI_CHAT
from ..families.hub import HUB
from ..families.include_usage import INCLUDE_USAGE
from ..spec import Provider, Target

HUGGINGFACE = Provider(
    sdk="huggingface_hub",
    name="huggingface",
    family=HUB,
    targets=(
        Target(
            "huggingface_hub.inference._client",
            "InferenceClient.chat_completion",
            OPENAI_CHAT,
            arguments=("messages",),
        ),
        Target(
            "huggingface_hub.inference._generated._async_client",
            "AsyncInferenceClient.chat_completion",
            OPENAI_CHAT,
            awaited=True,
            arguments=("messages",),
        ),
    ),
    usage_option=INCLUDE_USAGE,
    arrivals=tuple(
        (f"huggingface_hub.inference.{module}", "hf_raise_for_status")
        for module in ("_client", "_generated._async_client")
    ),
    error_by_status=True,
)
