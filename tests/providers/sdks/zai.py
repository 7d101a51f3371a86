"""zai-sdk: https://docs.z.ai/api-reference/llm/chat-completion and the pages that ``tests/stub/zai.py`` names."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, ODD_CHAT, At, Call, Expected, Sdk

ID = "0123456789abcdef01234567"
# glm-4.6 0.60, cached 0.11, out 2.20 USD a million: 400 × 0.6 + 800 × 0.11 + 300 × 2.2 = 240 + 88 + 660
CHAT = Expected(
    operation="chat", provider="zai", request_model="glm-4.6", response_model="glm-4.6",
    tokens={"input": 1200, "output": 300, "cache_read": 800}, finish=("stop",), id=ID, cost=988.0,
)  # fmt: skip
# glm-ocr 0.03 both ways: 2400 × 0.03 + 600 × 0.03 = 72 + 18
PAGES = Expected("generate_content", "zai", "glm-ocr", "glm-ocr", {"input": 2400, "output": 600}, id=ID, cost=90.0)
EMBEDDED = Expected("embeddings", "zai", "embedding-3", "embedding-3", {"input": 8}, cost="unknown_model")
ASK = At("chat.completions.create", {"model": "glm-4.6", "messages": HELLO})


def client(url: str) -> Any:
    from zai import ZaiClient

    return ZaiClient(base_url=f"{url}/zai/api/paas/v4", api_key="id.secret", max_retries=0)


SDK = Sdk(
    name="zai",
    module="zai",
    distribution="zai-sdk",
    client=client,
    async_client=None,
    seller="zai",
    calls=(
        Call("chat", "/chat/completions", CHAT, {"value": ASK}, {"stream": ASK.but(stream=True)}),
        Call("pages", "/layout_parsing", PAGES, {"value": At("layout_parsing.create", {"model": "glm-ocr", "file": "x"})}),
        Call("embeddings", "/embeddings", EMBEDDED, {"value": At("embeddings.create", {"model": "embedding-3", "input": "x"})}),
    ),
    errors={400: "zai.APIRequestFailedError", 429: "zai.APIReachLimitError", 503: "zai.APIServerFlowExceedError"},
    odd=ODD_CHAT,
    resources=("zai.api_resource",),
    kept=False,
)  # fmt: skip
