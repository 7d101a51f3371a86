"""The ``dashscope`` package: Alibaba Cloud's Model Studio. A failure is an answer with a status, and raises nothing."""

from __future__ import annotations

from ..dialects.anthropic_messages import ANTHROPIC_MESSAGES
from ..dialects.dashscope import DASHSCOPE_CHAT, DASHSCOPE_EMBEDDINGS, DASHSCOPE_RERANK, refusable
from ..dialects.openai_chat import OPENAI_CHAT
from ..families.dashscope import DASHSCOPE, DASHSCOPE_V2, sendings, transports
from ..spec import Provider

TASKS = {
    "aigc/text-generation": DASHSCOPE_CHAT,
    "aigc/multimodal-generation": DASHSCOPE_CHAT,
    "embeddings/text-embedding": DASHSCOPE_EMBEDDINGS,
    "embeddings/multimodal-embedding": DASHSCOPE_EMBEDDINGS,
    "rerank/text-rerank": DASHSCOPE_RERANK,
}
"""The group and the name of a task, as they stand in its address, and what it speaks."""

ENDS = {
    "/text-generation/generation": DASHSCOPE_CHAT,
    "/multimodal-generation/generation": DASHSCOPE_CHAT,
    "/text-embedding/text-embedding": DASHSCOPE_EMBEDDINGS,
    "/multimodal-embedding/multimodal-embedding": DASHSCOPE_EMBEDDINGS,
    "/text-rerank/text-rerank": DASHSCOPE_RERANK,
    "/chat/completions": refusable(OPENAI_CHAT),
    "/v1/messages": refusable(ANTHROPIC_MESSAGES),
}
"""The ends of the paths of the clients of ``v2``, in each of their protocols, and what is spoken there."""

DASHSCOPE_1 = Provider(sdk="dashscope", name="dashscope", family=DASHSCOPE, targets=sendings(TASKS))
DASHSCOPE_2 = Provider(
    sdk="dashscope",
    name="dashscope",
    family=DASHSCOPE_V2,
    targets=tuple(transports(ENDS)),
    error_by_status=True,
)
"""The clients of ``dashscope.v2``, from 2.0 on."""
