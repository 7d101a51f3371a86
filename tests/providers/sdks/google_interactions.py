"""google-genai's interactions: the counts are of a published answer to https://ai.google.dev/gemini-api/docs/interactions."""

from __future__ import annotations

from typing import Any

from ..contract import NEEDLE, At, Call, Expected, Odd, Sdk, installed, parsed

MODEL = "gemini-3.5-flash"
FOUND = installed("google-genai")
NEW = FOUND is None or FOUND >= (2, 0)
"""Version 2 brought another client for interactions."""
# 1.50 / 9.00 USD a million: 9 × 1.5 + (779 + 912) × 9 = 13.5 + 15219
INTERACTED = Expected(
    operation="generate_content", provider="gcp.gemini", request_model=MODEL, response_model=MODEL,
    tokens={"input": 9, "output": 1691, "reasoning": 912, "text_input": 9}, finish=("stop",),
    id="v1_0123456789abcdef01234567", cost=15232.5,
)  # fmt: skip
DECIDED = Expected("generate_content", "gcp.gemini", MODEL, None, INTERACTED.tokens, cost=15232.5)
ASK = At("interactions.create", {"model": MODEL, "input": NEEDLE})
RAW = ASK.but(path="interactions.with_raw_response.create", take=parsed)
QUESTIONS = {"late": {"type": "noul", "instructions": "Is the parcel late?"}}
DECIDE = At("decisions.create", {"model": MODEL, "input": NEEDLE, "questions": QUESTIONS})


def client(url: str) -> Any:
    from google import genai

    once = {"attempts": 1}
    return genai.Client(api_key="stub", http_options={"base_url": f"{url}/gemini", "retry_options": once})


def async_client(url: str) -> Any:
    return client(url).aio


SDK = Sdk(
    name="google-interactions",
    module="google.genai.interactions",
    distribution="google-genai",
    client=client,
    async_client=async_client,
    seller="google",
    # The resource of version 1 keeps the methods of its class as its own, and no method below them is one of calls alone.
    kept=NEW,
    calls=(
        Call(
            "interact",
            "/interactions",
            INTERACTED,
            {"value": ASK, "raw": RAW},
            {"stream": ASK.but(stream=True), "raw_stream": RAW.but(stream=True)},
        ),
        *([Call("decide", "/decisions", DECIDED, {"value": DECIDE})] if NEW else []),
    ),
    errors={400: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"},
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", {"total_input_tokens": None, "total_output_tokens": None}, {}, "no_usage"),
        Odd("strings", {"total_input_tokens": "9", "total_output_tokens": "779"}, {"input": 9, "output": 779}),
        Odd("negative", {"total_input_tokens": -9, "total_output_tokens": 779}, None, "invalid_usage"),
        Odd(
            "part larger than its total",
            {"total_input_tokens": 9, "total_cached_tokens": 10, "total_output_tokens": 779, "total_tokens": 788},
            None,
            "invalid_usage",
        ),
    ),
)
