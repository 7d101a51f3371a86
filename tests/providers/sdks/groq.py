"""groq: the body is the example of https://console.groq.com/docs/api-reference#chat-create (read 2026-11-21)."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, At, Call, Expected, Odd, Sdk
from ..stainless import ERRORS, chat

MODEL = "llama-3.3-70b-versatile"
# 0.59 / 0.79 USD a million: 18 × 0.59 + 556 × 0.79 = 10.62 + 439.24
CHAT = Expected(
    operation="chat", provider="groq", request_model=MODEL, response_model=MODEL, tokens={"input": 18, "output": 556},
    finish=("stop",), id="chatcmpl-0123456789abcdef01234567", cost=449.86,
)  # fmt: skip
EMBEDDED = Expected("embeddings", "groq", "nomic-embed-text-v1_5", "nomic-embed-text-v1_5", {"input": 8})
ASK = At("chat.completions.create", {"model": MODEL, "messages": HELLO})
EMBED = At("embeddings.create", {"model": "nomic-embed-text-v1_5", "input": "x"})


def client(url: str) -> Any:
    import groq

    return groq.Groq(base_url=f"{url}/groq", api_key="gsk-stub", max_retries=0)


def async_client(url: str) -> Any:
    import groq

    return groq.AsyncGroq(base_url=f"{url}/groq", api_key="gsk-stub", max_retries=0)


SDK = Sdk(
    name="groq",
    module="groq",
    distribution="groq",
    client=client,
    async_client=async_client,
    seller="groq",
    calls=(
        chat(CHAT, ASK),
        Call("embeddings", "/embeddings", EMBEDDED, {"value": EMBED}),
    ),
    errors=ERRORS,
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}, {}, "no_usage"),
        Odd("strings", {"prompt_tokens": "18", "completion_tokens": "556"}, {"input": 18, "output": 556}),
        Odd("negative", {"prompt_tokens": -18, "completion_tokens": 556, "total_tokens": 538}, None, "invalid_usage"),
    ),
    sending=12,
)
