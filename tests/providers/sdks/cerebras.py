"""cerebras-cloud-sdk: usage of the example of https://inference-docs.cerebras.ai/api-reference/completions (read 2026-11-30)."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, ODD_CHAT, At, Call, Expected, Sdk
from ..stainless import ERRORS, chat

# gpt-oss-120b 0.35 / 0.75 USD a million: 10 × 0.35 + 100 × 0.75 = 3.5 + 75
CHAT = Expected(
    operation="chat", provider="cerebras", request_model="gpt-oss-120b", response_model="gpt-oss-120b",
    tokens={"input": 10, "output": 100}, finish=("stop",), id="chatcmpl-0123456789abcdef01234567", cost=78.5,
)  # fmt: skip
# Text completions of the stub have OpenAI's example: 5 × 0.35 + 7 × 0.75 = 1.75 + 5.25
TEXT = Expected(
    operation="text_completion", provider="cerebras", request_model="gpt-oss-120b", response_model="gpt-oss-120b",
    tokens={"input": 5, "output": 7}, finish=("stop",), id="cmpl-0123456789abcdef01234567", cost=7.0,
)  # fmt: skip
ASK = At("chat.completions.create", {"model": "gpt-oss-120b", "messages": HELLO})
COMPLETE = At("completions.create", {"model": "gpt-oss-120b", "prompt": "It was a dark night"})


def client(url: str) -> Any:
    from cerebras.cloud.sdk import Cerebras

    return Cerebras(base_url=f"{url}/cerebras", api_key="csk-stub", max_retries=0, warm_tcp_connection=False)


def async_client(url: str) -> Any:
    from cerebras.cloud.sdk import AsyncCerebras

    return AsyncCerebras(base_url=f"{url}/cerebras", api_key="csk-stub", max_retries=0, warm_tcp_connection=False)


SDK = Sdk(
    name="cerebras",
    module="cerebras.cloud.sdk",
    distribution="cerebras-cloud-sdk",
    client=client,
    async_client=async_client,
    seller="cerebras",
    calls=(
        chat(CHAT, ASK),
        Call("completions", "/completions", TEXT, {"value": COMPLETE}),
    ),
    errors=ERRORS,
    odd=ODD_CHAT,
)
