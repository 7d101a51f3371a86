"""azure-ai-inference: https://learn.microsoft.com/rest/api/aifoundry/model-inference/get-chat-completions (read 2026-11-30)."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata
from typing import Any

from ..contract import HELLO, ODD_CHAT, At, Call, Expected, Sdk, installed

# The first beta takes no model: the address names it.
FIRST = installed("azure-ai-inference") is not None and metadata.version("azure-ai-inference") == "1.0.0b1"
NAMED: dict[str, Any] = {} if FIRST else {"model": "Phi-4"}
# Phi-4 0.125 / 0.50 USD a million: 19 × 0.125 + 10 × 0.5 = 2.375 + 5
CHAT = Expected(
    operation="chat", provider="azure.ai.inference", request_model=None if FIRST else "Phi-4", response_model=None if FIRST else "Phi-4",
    tokens={"input": 19, "output": 10}, finish=("stop",), id="chatcmpl-0123456789abcdef01234567", cost=None if FIRST else 7.375,
)  # fmt: skip
ASK = At("complete", {**NAMED, "messages": HELLO})
BODY = At("complete", {"body": {**NAMED, "messages": HELLO}})


def client(url: str) -> Any:
    from azure.ai.inference import ChatCompletionsClient
    from azure.core.credentials import AzureKeyCredential

    return ChatCompletionsClient(f"{url}/azureai", AzureKeyCredential("stub"), retry_total=0)


def async_client(url: str) -> Any:
    from azure.ai.inference.aio import ChatCompletionsClient
    from azure.core.credentials import AzureKeyCredential

    return ChatCompletionsClient(f"{url}/azureai", AzureKeyCredential("stub"), retry_total=0)


SDK = Sdk(
    name="azure",
    module="azure.ai.inference",
    distribution="azure-ai-inference",
    client=client,
    async_client=async_client,
    seller="azure.ai.inference",
    calls=(Call("chat", "/chat/completions", CHAT, {"value": ASK, "body": BODY}, {"stream": ASK.but(stream=True)}),),
    errors={400: "400", 429: "429", 503: "503"},
    odd=tuple(replace(odd, reason=None) for odd in ODD_CHAT) if FIRST else ODD_CHAT,
    resources=("azure.ai.inference._patch", "azure.ai.inference.aio._patch"),
    request=r"_pipeline\.run\(",
    kept=False,
    refuses=False,
)
