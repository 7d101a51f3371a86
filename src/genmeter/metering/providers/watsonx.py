"""The ``ibm-watsonx-ai`` package: models and deployments of IBM watsonx.ai."""

from __future__ import annotations

from ..dialects.watsonx import WATSONX_EMBEDDINGS, WATSONX_RERANK, WATSONX_TEXT
from ..dialects.watsonx_chat import WATSONX_CHAT
from ..families.watsonx import WATSONX, method, twins
from ..spec import Provider

WATSONX_AI = Provider(
    sdk="ibm_watsonx_ai",
    name="ibm.watsonx.ai",
    family=WATSONX,
    targets=(
        *twins("chat", "achat", WATSONX_CHAT, "messages", "params"),
        *twins("chat_stream", "achat_stream", WATSONX_CHAT, "messages", "params", streams=True),
        *twins("generate", "_agenerate_single", WATSONX_TEXT, "prompt", "params"),
        *twins(
            "generate_text_stream", "agenerate_stream", WATSONX_TEXT, "prompt", "params", "raw_response", streams=True
        ),
        method("embeddings.embeddings", "Embeddings.generate", WATSONX_EMBEDDINGS, "inputs", "params"),
        method("embeddings.embeddings", "Embeddings.agenerate", WATSONX_EMBEDDINGS, "inputs", "params", awaited=True),
        method("rerank.rerank", "Rerank.generate", WATSONX_RERANK, "query", "inputs", "params"),
    ),
    error_by_status=True,
)
