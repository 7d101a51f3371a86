"""voyageai: the references of https://docs.voyageai.com/reference, through the stub's bodies (read 2026-11-30)."""

from __future__ import annotations

from typing import Any

from ..contract import NEEDLE, At, Call, Expected, Odd, Sdk, installed

VERSION = installed("voyageai") or tuple[int, ...]((0, 0))
# voyage-3.5 0.06 USD a million: 10 × 0.06
EMBEDDED = Expected("embeddings", "voyageai", "voyage-3.5", "voyage-3.5", {"input": 10}, cost=0.6)
# rerank-2.5 0.05: 26 × 0.05
RANKED = Expected("generate_content", "voyageai", "rerank-2.5", "rerank-2.5", {"input": 26, "output": 0}, cost=1.3)
# voyage-context-3 0.18: 20 × 0.18
PIECES = Expected("embeddings", "voyageai", "voyage-context-3", "voyage-context-3", {"input": 20}, cost=3.6)
SEEN = Expected(
    "embeddings", "voyageai", "voyage-multimodal-3.5", "voyage-multimodal-3.5", {"input": 3576, "text_input": 5}
)
EMBED = At("embed", {"texts": [NEEDLE], "model": "voyage-3.5"})
RANK = At("rerank", {"query": NEEDLE, "documents": ["y"], "model": "rerank-2.5"})


def options(url: str) -> dict[str, Any]:
    """An address for one client; older versions have one for all."""
    import voyageai

    if VERSION >= (0, 3):
        return {"api_key": "stub", "base_url": f"{url}/voyage/v1"}
    voyageai.api_base = f"{url}/voyage/v1"
    return {"api_key": "stub"}


def client(url: str) -> Any:
    import voyageai

    return voyageai.Client(**options(url))


def async_client(url: str) -> Any:
    import voyageai

    return voyageai.AsyncClient(**options(url))


SDK = Sdk(
    name="voyage",
    module="voyageai",
    distribution="voyageai",
    client=client,
    async_client=async_client,
    seller="voyageai",
    calls=(
        Call("embed", "/embeddings", EMBEDDED, {"value": EMBED, "positional": At("embed", positional=([NEEDLE], "voyage-3.5"))}),
        Call("rerank", "/rerank", RANKED, {"value": RANK}),
        *(
            (
                Call("contextualized", "/contextualizedembeddings", PIECES, {
                    "value": At("contextualized_embed", {"inputs": [["x", "y"]], "model": "voyage-context-3"}),
                }),
                Call("multimodal", "/multimodalembeddings", SEEN, {
                    "value": At("multimodal_embed", {"inputs": [["x"]], "model": "voyage-multimodal-3.5"}),
                }),
            )
            if VERSION >= (0, 3)
            else ()
        ),
    ),
    errors={400: "voyageai.InvalidRequestError", 429: "voyageai.RateLimitError", 503: "voyageai.ServiceUnavailableError"},
    odd=(
        Odd("missing", None),
        Odd("null", {"total_tokens": None}),
        Odd("strings", {"total_tokens": "10"}),
        Odd("negative", {"total_tokens": -10}, None, "invalid_usage"),
    ),
    resources=("voyageai.client", "voyageai.client_async"),
    request=r"voyageai\.\w+\.a?create\(",
    newest=(0, 5),
    kept=False,
)  # fmt: skip
