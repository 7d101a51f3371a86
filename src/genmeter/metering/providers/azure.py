"""The ``azure-ai-inference`` package: models of Azure AI Foundry and GitHub Models. Its last version is a beta."""

from __future__ import annotations

from ..dialects.azure_chat import AZURE_CHAT
from ..dialects.openai_media import OPENAI_EMBEDDINGS
from ..families.azure import AZURE, Bodied
from ..spec import Provider

SYNC, ASYNC = "azure.ai.inference._patch", "azure.ai.inference.aio._patch"

AZURE_INFERENCE = Provider(
    sdk="azure.ai.inference",
    name="azure.ai.inference",
    family=AZURE,
    targets=(
        Bodied(SYNC, "ChatCompletionsClient.complete", AZURE_CHAT),
        Bodied(ASYNC, "ChatCompletionsClient.complete", AZURE_CHAT, awaited=True),
        Bodied(SYNC, "EmbeddingsClient.embed", OPENAI_EMBEDDINGS),
        Bodied(ASYNC, "EmbeddingsClient.embed", OPENAI_EMBEDDINGS, awaited=True),
        Bodied(SYNC, "ImageEmbeddingsClient.embed", OPENAI_EMBEDDINGS),
        Bodied(ASYNC, "ImageEmbeddingsClient.embed", OPENAI_EMBEDDINGS, awaited=True),
    ),
    error_by_status=True,
)
