"""anthropic: the bodies are the examples of https://docs.claude.com/en/api/messages (read 2026-11-21)."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, At, Call, Expected, Odd, Sdk, parsed

# claude-sonnet-4-5 3 / 15 USD a million: 25 × 3 + 15 × 15 = 75 + 225
MESSAGE = Expected(
    operation="chat", provider="anthropic", request_model="claude-sonnet-4-5",
    response_model="claude-sonnet-4-5-20250929", tokens={"input": 25, "output": 15}, finish=("stop",),
    id="msg_0123456789abcdef01234567", cost=300.0,
)  # fmt: skip
ASK = At("messages.create", {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": HELLO})
RAW = ASK.but(path="messages.with_raw_response.create", take=parsed)
NOTHING: Any = {"input_tokens": None, "output_tokens": None}


def client(url: str) -> Any:
    import anthropic

    return anthropic.Anthropic(base_url=url, api_key="sk-stub", max_retries=0)


def async_client(url: str) -> Any:
    import anthropic

    return anthropic.AsyncAnthropic(base_url=url, api_key="sk-stub", max_retries=0)


SDK = Sdk(
    name="anthropic",
    module="anthropic",
    distribution="anthropic",
    client=client,
    async_client=async_client,
    seller="anthropic",
    calls=(
        Call(
            "messages",
            "/v1/messages",
            MESSAGE,
            {"value": ASK, "raw": RAW},
            {
                "stream": ASK.but(stream=True),
                "helper": ASK.but(path="messages.stream"),
                "raw_stream": RAW.but(stream=True),
            },
            messages="messages",
        ),
    ),
    errors={400: "invalid_request_error", 429: "rate_limit_error", 529: "overloaded_error"},
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", NOTHING),  # the beginning of a stream counts one token of output all the same
        Odd("strings", {"input_tokens": "25", "output_tokens": "15"}, {"input": 25, "output": 15}),
        Odd("negative", {"input_tokens": -25, "output_tokens": 15}, None, "invalid_usage"),
    ),
    sending=20,
    newest=(2, 14),
)
