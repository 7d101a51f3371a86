"""huggingface_hub: https://huggingface.co/docs/inference-providers/tasks/chat-completion (read 2026-11-30)."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, ODD_CHAT, At, Call, Expected, Sdk

MODEL = "meta-llama/Llama-3.3-70B-Instruct"
CHAT = Expected(
    operation="chat", provider="huggingface_together", request_model=MODEL, response_model=MODEL,
    tokens={"input": 19, "output": 10}, finish=("stop",), id="chatcmpl-0123456789abcdef01234567",
)  # fmt: skip
ASK = At("chat_completion", {"model": MODEL, "messages": HELLO})
PLACED = At("chat_completion", {"model": MODEL}, positional=(HELLO,))
ALIAS = ASK.but(path="chat.completions.create")


def client(url: str) -> Any:
    from huggingface_hub import InferenceClient

    return InferenceClient(base_url=f"{url}/v1", api_key="hf_stub")


def async_client(url: str) -> Any:
    from huggingface_hub import AsyncInferenceClient

    return AsyncInferenceClient(base_url=f"{url}/v1", api_key="hf_stub")


SDK = Sdk(
    name="huggingface",
    module="huggingface_hub",
    distribution="huggingface-hub",
    client=client,
    async_client=async_client,
    seller="huggingface_together",
    calls=(
        Call(
            "chat",
            "/chat/completions",
            CHAT,
            {"value": ASK, "positional": PLACED, "alias": ALIAS},
            {"stream": ASK.but(stream=True)},
        ),
    ),
    errors={400: "400", 429: "429", 503: "503"},
    odd=ODD_CHAT,
    resources=("huggingface_hub.inference._client", "huggingface_hub.inference._generated._async_client"),
    request=r"self\._inner_post\(",
    sending=20,
    kept=False,
)
