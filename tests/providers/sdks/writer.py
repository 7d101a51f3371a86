"""writer-sdk: the example of https://dev.writer.com/api-reference/completion-api/chat-completion (read 2026-11-30)."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, ODD_CHAT, At, Expected, Sdk
from ..stainless import ERRORS, chat

CHAT = Expected(
    operation="chat", provider="writer", request_model="palmyra-x5", response_model="palmyra-x5",
    tokens={"input": 40, "output": 300}, finish=("stop",), id="chatcmpl-0123456789abcdef01234567",
    cost="unknown_model",
)  # fmt: skip
ASK = At("chat.chat", {"model": "palmyra-x5", "messages": HELLO})


def client(url: str) -> Any:
    from writerai import Writer

    return Writer(base_url=f"{url}/writer", api_key="stub", max_retries=0)


def async_client(url: str) -> Any:
    from writerai import AsyncWriter

    return AsyncWriter(base_url=f"{url}/writer", api_key="stub", max_retries=0)


SDK = Sdk(
    name="writer",
    module="writerai",
    distribution="writer-sdk",
    client=client,
    async_client=async_client,
    seller="writer",
    calls=(chat(CHAT, ASK, "/v1/chat"),),
    errors=ERRORS,
    odd=ODD_CHAT,
    newest=(3,),
)
