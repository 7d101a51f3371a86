"""The ``voyageai`` package: embeddings and rerankings of Voyage AI, and of MongoDB for holders of its keys."""

from __future__ import annotations

from ..dialects.voyage import VOYAGE_EMBEDDINGS, VOYAGE_RERANK
from ..families.voyage import VOYAGE, methods
from ..spec import Provider

OBJECTS = "voyageai.object"

VOYAGEAI = Provider(
    sdk="voyageai",
    name="voyageai",
    family=VOYAGE,
    targets=(
        *methods("Client", "embed", VOYAGE_EMBEDDINGS, "texts", "model"),
        *methods("Client", "contextualized_embed", VOYAGE_EMBEDDINGS, "inputs", "model"),
        *methods("Client", "multimodal_embed", VOYAGE_EMBEDDINGS, "inputs", "model"),
        *methods("Client", "rerank", VOYAGE_RERANK, "query", "documents", "model"),
    ),
    arrivals=(
        (f"{OBJECTS}.embeddings", "EmbeddingsObject.update"),
        (f"{OBJECTS}.contextualized_embeddings", "ContextualizedEmbeddingsObject.update"),
        (f"{OBJECTS}.multimodal_embeddings", "MultimodalEmbeddingsObject.update"),
        (f"{OBJECTS}.reranking", "RerankingObject.__init__"),
    ),
)
