"""fireworks-ai: https://docs.fireworks.ai/api-reference/post-chatcompletions, and ``messages`` in Anthropic's shape."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, ODD_CHAT, At, Call, Expected, Sdk, parsed

MODEL = "accounts/fireworks/models/deepseek-v3p2"
# deepseek-v3p2 0.56, cached 0.28, out 1.68 USD a million: 1 × 0.56 + 60 × 0.28 + 24 × 1.68 = 0.56 + 16.8 + 40.32
CHAT = Expected(
    operation="chat", provider="fireworks", request_model=MODEL, response_model=MODEL,
    tokens={"input": 61, "output": 24, "cache_read": 60}, finish=("stop",), id="chatcmpl-0123456789abcdef01234567",
    cost=57.68,
)  # fmt: skip
# The stub's message of Anthropic's reference: 25 × 0.56 + 15 × 1.68 = 14 + 25.2
MESSAGE = Expected(
    operation="chat", provider="fireworks", request_model=MODEL, response_model=MODEL,
    tokens={"input": 25, "output": 15}, finish=("stop",), id="msg_0123456789abcdef01234567",
)  # fmt: skip
ASK = At("chat.completions.create", {"model": MODEL, "messages": HELLO})
RAW = ASK.but(path="chat.completions.with_raw_response.create", take=parsed)
SAY = At("messages.create", {"model": MODEL, "max_tokens": 64, "messages": HELLO})


def client(url: str) -> Any:
    from fireworks import Fireworks

    return Fireworks(base_url=f"{url}/fireworks/inference", api_key="fw-stub", max_retries=0)


def async_client(url: str) -> Any:
    from fireworks import AsyncFireworks

    return AsyncFireworks(base_url=f"{url}/fireworks/inference", api_key="fw-stub", max_retries=0)


SDK = Sdk(
    name="fireworks",
    module="fireworks",
    distribution="fireworks-ai",
    client=client,
    async_client=async_client,
    seller="fireworks",
    calls=(
        Call(
            "chat",
            "/chat/completions",
            CHAT,
            {"value": ASK, "raw": RAW},
            {"stream": ASK.but(stream=True), "raw_stream": RAW.but(stream=True)},
            messages="messages",
        ),
        Call("messages", "/messages", MESSAGE, {"value": SAY}),
    ),
    errors={400: "invalid_request_error", 429: "rate_limit_exceeded", 503: "server_error"},
    odd=ODD_CHAT,
    since=(1, 0),
)
