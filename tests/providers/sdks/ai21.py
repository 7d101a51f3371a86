"""ai21: https://docs.ai21.com/reference/jamba-api-response, through the stub's bodies (read 2026-11-30)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..contract import NEEDLE, ODD_CHAT, At, Call, Expected, Odd, Sdk


class Message(dict[str, Any]):
    """A message as the SDK takes it: it asks each one for its fields. The SDK's own class would import the SDK here."""

    def model_dump(self, **options: Any) -> dict[str, Any]:
        """The fields."""
        return dict(self)


# jamba-large 2 / 8 USD a million: 107 × 2 + 94 × 8 = 214 + 752
CHAT = Expected(
    operation="chat", provider="ai21", request_model="jamba-large", response_model=None,
    tokens={"input": 107, "output": 94}, finish=("stop",), id="0123456789abcdef01234567", cost=966.0,
)  # fmt: skip
ASK = At("chat.completions.create", {"model": "jamba-large", "messages": [Message(role="user", content=NEEDLE)]})

# The SDK insists on a usage in each answer, and on a total in each usage: it raises where one is missing.
STRINGS = Odd(
    "strings",
    {"prompt_tokens": "19", "completion_tokens": "10", "total_tokens": "29"},
    {"input": 19, "output": 10},
)


def client(url: str) -> Any:
    from ai21 import AI21Client

    return AI21Client(api_key="stub", api_host=f"{url}/ai21/studio/v1", num_retries=1)


def async_client(url: str) -> Any:
    from ai21 import AsyncAI21Client

    return AsyncAI21Client(api_key="stub", api_host=f"{url}/ai21/studio/v1", num_retries=1)


SDK = Sdk(
    name="ai21",
    module="ai21",
    distribution="ai21",
    client=client,
    async_client=async_client,
    seller="ai21",
    calls=(Call("chat", "/chat/completions", CHAT, {"value": ASK}, {"stream": ASK.but(stream=True)}),),
    errors={400: "ai21.BadRequest", 429: "ai21.TooManyRequestsError", 503: "ai21.ServiceUnavailable"},
    odd=(
        STRINGS,
        *(
            replace(odd, reason=None) if odd.reason == "no_usage" else odd
            for odd in ODD_CHAT
            if odd.name != STRINGS.name
        ),
    ),
    resources=("ai21.clients",),
    request=r"self\._(post|get|put|patch|delete|list)\(",
    sending=15,
    newest=(4, 3),
    kept=False,
    refuses=False,
)
