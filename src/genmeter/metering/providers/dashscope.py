"""The ``dashscope`` package: Alibaba Cloud's Model Studio. A failure is an answer with a status, and raises nothing."""

from __future__ import annotations

from ..dialects.dashscope import DASHSCOPE_CHAT, DASHSCOPE_EMBEDDINGS, DASHSCOPE_RERANK
from ..families.dashscope import DASHSCOPE, sendings
from ..spec import Provider

TASKS = {
    "aigc/text-generation": DASHSCOPE_CHAT,
    "aigc/multimodal-generation": DASHSCOPE_CHAT,
    "embeddings/text-embedding": DASHSCOPE_EMBEDDINGS,
    "embeddings/multimodal-embedding": DASHSCOPE_EMBEDDINGS,
    "rerank/text-rerank": DASHSCOPE_RERANK,
}
"""The group and the name of a task, as they stand in its address, and what it speaks."""

DASHSCOPE_1 = Provider(sdk="dashscope", name="dashscope", family=DASHSCOPE, targets=sendings(TASKS))
