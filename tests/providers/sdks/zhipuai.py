"""zhipuai, the older form of zai-sdk: the same API, under https://docs.bigmodel.cn/api-reference (read 2026-11-30)."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, ODD_CHAT, At, Call, Expected, Sdk

ID = "0123456789abcdef01234567"
# glm-5 0.552, cached 0.138, out 2.483 USD a million: 400 × 0.552 + 800 × 0.138 + 300 × 2.483 = 220.8 + 110.4 + 744.9
CHAT = Expected(
    operation="chat", provider="zhipuai", request_model="glm-5", response_model="glm-5",
    tokens={"input": 1200, "output": 300, "cache_read": 800}, finish=("stop",), id=ID, cost=1076.1,
)  # fmt: skip
EMBEDDED = Expected("embeddings", "zhipuai", "embedding-3", "embedding-3", {"input": 8}, cost="unknown_model")
ASK = At("chat.completions.create", {"model": "glm-5", "messages": HELLO})


def client(url: str) -> Any:
    from zhipuai import ZhipuAI

    return ZhipuAI(base_url=f"{url}/zai/api/paas/v4", api_key="id.secret", max_retries=0)


SDK = Sdk(
    name="zhipuai",
    module="zhipuai",
    distribution="zhipuai",
    client=client,
    async_client=None,
    seller="zhipuai",
    calls=(
        Call("chat", "/chat/completions", CHAT, {"value": ASK}, {"stream": ASK.but(stream=True)}),
        Call("embeddings", "/embeddings", EMBEDDED, {"value": At("embeddings.create", {"model": "embedding-3", "input": "x"})}),
    ),
    errors={400: "zhipuai.APIRequestFailedError", 429: "zhipuai.APIReachLimitError", 503: "zhipuai.APIServerFlowExceedError"},
    odd=ODD_CHAT,
    resources=("zhipuai.api_resource",),
    kept=False,
)  # fmt: skip
