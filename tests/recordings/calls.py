"""The calls that every instrumentation is recorded with, what the provider answers, and the bill worked out by hand.

Prices per million tokens, as published: gpt-4o 2.50 in, 10.00 out; gpt-5 1.25 in, 0.125 cached, 10.00 out;
text-embedding-3-small 0.02 (https://platform.openai.com/docs/pricing, read 2026-11-21). claude-sonnet-4-5 3.00 in,
3.75 cache write of five minutes, 0.30 cache read, 15.00 out (https://claude.com/pricing, read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

HELLO: Any = [{"role": "user", "content": "Say something."}]
CLAUDE: Any = {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": HELLO}
CHAT, RESPONSES, EMBEDDINGS = "/chat/completions", "/responses", "/embeddings"
MESSAGES = "/v1/messages"


@dataclass(frozen=True, slots=True)
class Call:
    """One call: how the app makes it, the usage in the provider's body, and the bill.

    ``total`` is pico-USD, None where no bill is due; ``arithmetic`` is how a person gets there. ``status`` other than
    200 is an answer that fails.
    """

    name: str
    sdk: str
    path: str
    make: Callable[[Any], Any]
    usage: Mapping[str, Any]
    total: int | None
    arithmetic: str
    status: int = 200


def _drain(stream: Any) -> None:
    for _ in stream:
        pass


def _chat(client: Any) -> None:
    client.chat.completions.create(model="gpt-4o", messages=HELLO)


def _chat_stream(client: Any) -> None:
    _drain(
        client.chat.completions.create(
            model="gpt-4o", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )


def _chat_cached(client: Any) -> None:
    client.chat.completions.create(model="gpt-5", messages=HELLO)


def _responses(client: Any) -> None:
    client.responses.create(model="gpt-5", input="Say something.")


def _embeddings(client: Any) -> None:
    # few dimensions: OpenInference writes the whole vector onto its span
    client.embeddings.create(
        model="text-embedding-3-small", input="Say something.", encoding_format="float", dimensions=2
    )


def _message(client: Any) -> None:
    client.messages.create(**CLAUDE)


def _message_stream(client: Any) -> None:
    _drain(client.messages.create(**CLAUDE, stream=True))


def _failing(client: Any) -> None:
    try:
        client.chat.completions.create(model="gpt-4o", messages=HELLO)
    except Exception as error:
        # what is raised belongs to the SDK of the day; anything but the scripted refusal is a broken recording
        if getattr(error, "status_code", None) != 429:
            raise
    else:
        raise AssertionError("the provider refused and the SDK did not raise")


CALLS = (
    Call(
        "chat", "openai", CHAT, _chat,
        {"prompt_tokens": 1000, "completion_tokens": 100},
        3_500_000_000,
        "1,000 input × $2.50 / 1M = $0.0025; 100 output × $10.00 / 1M = $0.001; total $0.0035",
    ),
    Call(
        "chat streamed", "openai", CHAT, _chat_stream,
        {"prompt_tokens": 1200, "completion_tokens": 80},
        3_800_000_000,
        "1,200 input × $2.50 / 1M = $0.003; 80 output × $10.00 / 1M = $0.0008; total $0.0038",
    ),
    Call(
        "chat with cached input and reasoning", "openai", CHAT, _chat_cached,
        {
            "prompt_tokens": 3000, "completion_tokens": 500,
            "prompt_tokens_details": {"cached_tokens": 2048},
            "completion_tokens_details": {"reasoning_tokens": 320},
        },
        6_446_000_000,
        "3,000 - 2,048 = 952 input × $1.25 / 1M = $0.00119; 2,048 cached × $0.125 / 1M = $0.000256; 500 output, "
        "320 reasoning among them, × $10.00 / 1M = $0.005; total $0.006446",
    ),
    Call(
        "response with cached input", "openai", RESPONSES, _responses,
        {
            "input_tokens": 2000, "output_tokens": 300,
            "input_tokens_details": {"cached_tokens": 1024},
            "output_tokens_details": {"reasoning_tokens": 128},
        },
        4_348_000_000,
        "2,000 - 1,024 = 976 input × $1.25 / 1M = $0.00122; 1,024 cached × $0.125 / 1M = $0.000128; 300 output, "
        "128 reasoning among them, × $10.00 / 1M = $0.003; total $0.004348",
    ),
    Call(
        "embeddings", "openai", EMBEDDINGS, _embeddings,
        {"prompt_tokens": 1500},
        30_000_000,
        "1,500 input × $0.02 / 1M = $0.00003",
    ),
    Call(
        "message", "anthropic", MESSAGES, _message,
        {"input_tokens": 800, "output_tokens": 60},
        3_300_000_000,
        "800 input × $3.00 / 1M = $0.0024; 60 output × $15.00 / 1M = $0.0009; total $0.0033",
    ),
    Call(
        "message, more cached than new", "anthropic", MESSAGES, _message,
        {
            "input_tokens": 500, "output_tokens": 200,
            "cache_read_input_tokens": 3000, "cache_creation_input_tokens": 1000,
        },
        9_150_000_000,
        "Anthropic counts apart: 500 input × $3.00 / 1M = $0.0015; 3,000 read × $0.30 / 1M = $0.0009; 1,000 written × "
        "$3.75 / 1M = $0.00375; 200 output × $15.00 / 1M = $0.003; total $0.00915",
    ),
    Call(
        "message, more new than cached", "anthropic", MESSAGES, _message,
        {
            "input_tokens": 5000, "output_tokens": 150,
            "cache_read_input_tokens": 2000, "cache_creation_input_tokens": 1000,
        },
        21_600_000_000,
        "Anthropic counts apart: 5,000 input × $3.00 / 1M = $0.015; 2,000 read × $0.30 / 1M = $0.0006; 1,000 written × "
        "$3.75 / 1M = $0.00375; 150 output × $15.00 / 1M = $0.00225; total $0.0216",
    ),
    Call(
        "message streamed", "anthropic", MESSAGES, _message_stream,
        {"input_tokens": 900, "output_tokens": 120, "cache_read_input_tokens": 600},
        4_680_000_000,
        "Anthropic counts apart: 900 input × $3.00 / 1M = $0.0027; 600 read × $0.30 / 1M = $0.00018; 120 output × "
        "$15.00 / 1M = $0.0018; total $0.00468",
    ),
    Call("chat refused", "openai", CHAT, _failing, {}, None, "the provider refused (429): nothing is due", status=429),
)  # fmt: skip
