"""The ``cohere`` package from 5.16 on: Cohere itself, and its models on AWS."""

from __future__ import annotations

from ..dialects.cohere import COHERE_CHAT, COHERE_EMBEDDINGS, COHERE_PARSE, COHERE_RERANK, COHERE_STREAM
from ..families.fern import FERN
from ..spec import Provider, both

V2, V1 = "cohere.v2.raw_client", "cohere.raw_base_client"

COHERE = Provider(
    sdk="cohere",
    name="cohere",
    family=FERN,
    targets=(
        *both(V2, "RawV2Client", "chat", COHERE_CHAT),
        *both(V2, "RawV2Client", "chat_stream", COHERE_STREAM, manager=True, inner="_data"),
        *both(V2, "RawV2Client", "embed", COHERE_EMBEDDINGS),
        *both(V2, "RawV2Client", "rerank", COHERE_RERANK),
        *both(V2, "RawV2Client", "parse", COHERE_PARSE),
        *both(V1, "RawBaseCohere", "chat", COHERE_CHAT),
        *both(V1, "RawBaseCohere", "chat_stream", COHERE_STREAM, manager=True, inner="_data"),
        *both(V1, "RawBaseCohere", "embed", COHERE_EMBEDDINGS),
        *both(V1, "RawBaseCohere", "rerank", COHERE_RERANK),
    ),
    # Other instrumentors patch the public classes: a call of theirs is theirs.
    watched=(("cohere.v2.client", "V2Client.chat"), ("cohere.base_client", "BaseCohere.chat")),
)
