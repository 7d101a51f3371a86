"""google-genai on the Gemini API: the counts are those of https://ai.google.dev/gemini-api/docs/tokens (read 2026-11-30)."""

from __future__ import annotations

from typing import Any

from ..contract import NEEDLE, At, Call, Expected, Odd, Sdk, installed

MODEL = "gemini-2.5-flash"
# 0.30 / 2.50 USD a million: 11 × 0.3 + 73 × 2.5 = 3.3 + 182.5
GENERATED = Expected(
    operation="generate_content", provider="gcp.gemini", request_model=MODEL, response_model=MODEL,
    tokens={"input": 11, "output": 73, "text_input": 11}, finish=("stop",), id="0123456789abcdef01234567", cost=185.8,
)  # fmt: skip
# 0.15: 8 × 0.15. Version 1 drops the count that the Gemini API reports.
COUNTED: Any = (
    ({"input": 8, "text_input": 8}, 1.2) if (installed("google-genai") or (0,)) >= (2, 0) else ({}, "no_usage")
)
EMBEDDED = Expected("embeddings", "gcp.gemini", "gemini-embedding-001", None, COUNTED[0], cost=COUNTED[1])
ASK = At("models.generate_content", {"model": MODEL, "contents": NEEDLE})
RAW = {"config": {"should_return_http_response": True}}
EMBED = At("models.embed_content", {"model": "gemini-embedding-001", "contents": "x"})


def client(url: str) -> Any:
    from google import genai

    return genai.Client(api_key="stub", http_options={"base_url": f"{url}/gemini"})


def async_client(url: str) -> Any:
    return client(url).aio


SDK = Sdk(
    name="google",
    module="google.genai",
    distribution="google-genai",
    client=client,
    async_client=async_client,
    seller="google",
    calls=(
        Call(
            "generate",
            "",
            GENERATED,
            {"value": ASK, "listed": ASK.but(contents=[{"role": "user", "parts": [{"text": NEEDLE}]}])},
            {"stream": ASK.but(path="models.generate_content_stream")},
        ),
        Call("embed", ":batchEmbedContents", EMBEDDED, {"value": EMBED}),
    ),
    errors={400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"},
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", {"promptTokenCount": None, "candidatesTokenCount": None}, {}, "no_usage"),
        Odd("strings", {"promptTokenCount": "11", "candidatesTokenCount": "73"}, {"input": 11, "output": 73}),
        Odd("negative", {"promptTokenCount": -11, "candidatesTokenCount": 73, "totalTokenCount": 62}, None, "invalid_usage"),
        Odd(
            "part larger than its total",
            {"promptTokenCount": 11, "cachedContentTokenCount": 12, "candidatesTokenCount": 73, "totalTokenCount": 84},
            None,
            "invalid_usage",
        ),
    ),
)  # fmt: skip
