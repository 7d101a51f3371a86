"""fireworks-ai: https://docs.fireworks.ai/api-reference/post-chatcompletions, and ``messages`` in Anthropic's shape."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

from ..contract import HELLO, NEEDLE, ODD_CHAT, REQUEST, At, Call, Expected, Sdk, as_it_is, installed
from ..stainless import ERRORS, chat

NEW = (installed("fireworks-ai") or (1,)) >= (1,)
BASE = "/fireworks/inference" if NEW else "/fireworks/inference/v1"
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
# The stub's text completion of OpenAI's reference: 5 × 0.56 + 7 × 1.68 = 2.8 + 11.76
TEXT = Expected(
    operation="text_completion", provider="fireworks", request_model=MODEL, response_model=MODEL,
    tokens={"input": 5, "output": 7}, finish=("stop",), id="cmpl-0123456789abcdef01234567", cost=14.56,
)  # fmt: skip
OLDER = {
    400: "fireworks.InvalidRequestError",
    429: "fireworks.RateLimitError",
    503: "fireworks.ServiceUnavailableError",
}
ASK = At("chat.completions.create", {"model": MODEL, "messages": HELLO})
# Before 1.0 an asynchronous call streams where it does not say that it must not.
WRITE = At("completions.create", {"model": MODEL, "prompt": NEEDLE, "stream": False})
RETRIES: Any = {"max_retries": 0} if NEW else {}
SAY = At("messages.create", {"model": MODEL, "max_tokens": 64, "messages": HELLO})


def made(kind: str, url: str) -> Any:
    package = import_module("fireworks" if NEW else "fireworks.client")
    return getattr(package, kind)(base_url=f"{url}{BASE}", api_key="fw-stub", **RETRIES)


SDK = Sdk(
    name="fireworks",
    module="fireworks",
    distribution="fireworks-ai",
    client=partial(made, "Fireworks"),
    async_client=partial(made, "AsyncFireworks"),
    seller="fireworks",
    calls=(
        chat(CHAT, ASK)
        if NEW
        else Call(
            "chat",
            "/chat/completions",
            CHAT,
            {"value": ASK.but(stream=False)},
            {"stream": ASK.but(stream=True)},
            messages="messages",
        ),
        Call("messages", "/messages", MESSAGE, {"value": SAY})
        if NEW
        else Call("completions", "/completions", TEXT, {"value": WRITE}),
    ),
    errors=ERRORS if NEW else OLDER,
    odd=ODD_CHAT,
    twin=as_it_is if NEW else lambda path: path.replace("create", "acreate"),
    resources=() if NEW else tuple(f"fireworks.client.{name}" for name in ("api_client", "audio", "image", "model")),
    request=REQUEST if NEW else r"_get_request\(|self\._(async_)?client\.(post|get|stream)\(",
    newest=(1,),
)
