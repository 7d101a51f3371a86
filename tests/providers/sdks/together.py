"""together: usage of recorded answers of the API that https://docs.together.ai/reference/chat-completions-1 describes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..contract import HELLO, ODD_CHAT, REQUEST, At, Call, Expected, Sdk, installed
from ..stainless import ERRORS, chat

MODEL = "meta-llama/Llama-3.3-70B-Instruct-Turbo"
NEW = (installed("together") or (2,)) >= (2,)
CHAT = Expected(
    operation="chat", provider="together", request_model=MODEL, response_model=MODEL,
    tokens={"input": 49, "output": 34}, finish=("stop",), id="0123456789abcdef01234567",
)  # fmt: skip
EMBEDDED = Expected("embeddings", "together", "BAAI/bge-base-en-v1.5", "BAAI/bge-base-en-v1.5", {})
OLDER = {400: "together.InvalidRequestError", 429: "together.RateLimitError", 503: "together.ServiceUnavailableError"}
ASK = At("chat.completions.create", {"model": MODEL, "messages": HELLO})
EMBED = At("embeddings.create", {"model": "BAAI/bge-base-en-v1.5", "input": "x"})


def client(url: str) -> Any:
    import together

    return together.Together(base_url=f"{url}/together/v1", api_key="stub", max_retries=0)


def async_client(url: str) -> Any:
    import together

    return together.AsyncTogether(base_url=f"{url}/together/v1", api_key="stub", max_retries=0)


SDK = Sdk(
    name="together",
    module="together",
    distribution="together",
    client=client,
    async_client=async_client,
    seller="together",
    calls=(
        chat(CHAT, ASK)
        if NEW
        else Call(
            "chat", "/chat/completions", CHAT, {"value": ASK}, {"stream": ASK.but(stream=True)}, messages="messages"
        ),
        Call("embeddings", "/embeddings", EMBEDDED, {"value": EMBED}),
    ),
    errors=ERRORS if NEW else OLDER,
    # 1.x refuses an answer whose usage has no whole numbers or no total, after it was billed.
    odd=ODD_CHAT if NEW else tuple(replace(odd, tokens=None, reason=None) for odd in ODD_CHAT),
    kept=NEW,
    resources=() if NEW else ("together.resources",),
    request=REQUEST if NEW else r"requestor\.a?request\(",
    newest=(3,),
)
