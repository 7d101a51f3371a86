"""openai: the bodies are the examples of https://platform.openai.com/docs/api-reference (read 2026-11-21)."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, NEEDLE, At, Call, Expected, Odd, Sdk
from ..stainless import ERRORS, chat

# gpt-4o 2.50 / 10.00 USD a million: 19 × 2.5 + 10 × 10 = 47.5 + 100
CHAT = Expected(
    operation="chat", provider="openai", request_model="gpt-4o", response_model="gpt-4o-2024-08-06",
    tokens={"input": 19, "output": 10}, finish=("stop",), id="chatcmpl-0123456789abcdef01234567", cost=147.5,
)  # fmt: skip
# gpt-5.6-sol 4.00 / 20.00: 36 × 4 + 87 × 20 = 144 + 1740
RESPONSE = Expected(
    operation="chat", provider="openai", request_model="gpt-5.6-sol", response_model="gpt-5.6-sol",
    tokens={"input": 36, "output": 87}, finish=("stop",), id="resp_0123456789abcdef01234567", cost=1884.0,
)  # fmt: skip
# text-embedding-3-small 0.02: 8 × 0.02
EMBEDDED = Expected("embeddings", "openai", "text-embedding-3-small", "text-embedding-3-small", {"input": 8}, cost=0.16)
PAINTED = Expected(
    "generate_content", "openai", "gpt-image-1", None, {"input": 50, "output": 50, "text_input": 10, "image_input": 40}
)
HEARD = Expected(
    "generate_content", "openai", "gpt-4o-transcribe", None, {"input": 14, "output": 45, "audio_input": 14}
)
TIMED = Expected("generate_content", "openai", "whisper-1", None, {"audio_seconds": 9})
PAINT = At("images.generate", {"model": "gpt-image-1", "prompt": "A cat"})
HEAR = At("audio.transcriptions.create", {"model": "gpt-4o-transcribe", "file": ("a.mp3", b"ID3", "audio/mpeg")})
ASK = At("chat.completions.create", {"model": "gpt-4o", "messages": HELLO})
RESPOND = At("responses.create", {"model": "gpt-5.6-sol", "input": NEEDLE})
EMBED = At("embeddings.create", {"model": "text-embedding-3-small", "input": "x", "dimensions": 8})


def client(url: str) -> Any:
    import openai

    return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-stub", max_retries=0)


def async_client(url: str) -> Any:
    import openai

    return openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-stub", max_retries=0)


SDK = Sdk(
    name="openai",
    module="openai",
    distribution="openai",
    client=client,
    async_client=async_client,
    seller="openai",
    calls=(
        chat(CHAT, ASK),
        Call("responses", "/responses", RESPONSE, {"value": RESPOND}, {"stream": RESPOND.but(stream=True)}),
        Call("embeddings", "/embeddings", EMBEDDED, {"value": EMBED}),
        Call("images", "/images/generations", PAINTED, {"value": PAINT}),
        Call("transcriptions", "/audio/transcriptions", HEARD, {"value": HEAR}),
        Call("whisper", "/audio/transcriptions", TIMED, {"value": HEAR.but(model="whisper-1")}),
    ),
    errors=ERRORS,
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}, {}, "no_usage"),
        Odd("strings", {"prompt_tokens": "19", "completion_tokens": "10"}, {"input": 19, "output": 10}),
        Odd("negative", {"prompt_tokens": -19, "completion_tokens": 10, "total_tokens": -9}, None, "invalid_usage"),
        Odd(
            "part larger than its total",
            {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
             "prompt_tokens_details": {"cached_tokens": 20}},
            None,
            "invalid_usage",
        ),
    ),
    sending=20,
    newest=(3, 54),
)  # fmt: skip
