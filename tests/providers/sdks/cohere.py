"""cohere: https://docs.cohere.com/reference/chat, /chat-v1, /embed and /rerank, through the stub's bodies."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, NEEDLE, At, Call, Expected, Odd, Sdk

TOKEN = "0123456789abcdef01234567"
# command-a 2.50 / 10.00 USD a million: 5 × 2.5 + 418 × 10 = 12.5 + 4180
CHAT = Expected(
    operation="chat", provider="cohere", request_model="command-a-03-2025", response_model=None,
    tokens={"input": 5, "output": 418}, finish=("stop",), id=TOKEN, cost=4192.5,
)  # fmt: skip
EMBEDDED = Expected("embeddings", "cohere", "embed-v4.0", None, {"input": 2}, id=TOKEN)
RANKED = Expected("generate_content", "cohere", "rerank-v3.5", None, {"search_units": 1}, id=TOKEN)
ASK = At("v2.chat", {"model": "command-a-03-2025", "messages": HELLO, "request_options": {"max_retries": 0}})
RAW = ASK.but(path="v2.with_raw_response.chat")
OLDER = At("chat", {"model": "command-a-03-2025", "message": NEEDLE})
EMBED = At(
    "v2.embed", {"model": "embed-v4.0", "texts": ["x"], "input_type": "search_query", "embedding_types": ["float"]}
)
RANK = At("v2.rerank", {"model": "rerank-v3.5", "query": "x", "documents": ["y", "z"]})
NOTHING: Any = {"billed_units": {"input_tokens": None, "output_tokens": None}}
WORDS: Any = {"billed_units": {"input_tokens": "5", "output_tokens": "418"}}
NEGATIVE: Any = {"billed_units": {"input_tokens": -5, "output_tokens": 418}}
CACHED: Any = {"billed_units": {"input_tokens": 5, "output_tokens": 418}, "cached_tokens": 6}


def client(url: str) -> Any:
    import cohere

    return cohere.Client(base_url=f"{url}/cohere", api_key="stub")


def async_client(url: str) -> Any:
    import cohere

    return cohere.AsyncClient(base_url=f"{url}/cohere", api_key="stub")


SDK = Sdk(
    name="cohere",
    module="cohere",
    distribution="cohere",
    client=client,
    async_client=async_client,
    seller="cohere",
    calls=(
        Call(
            "chat",
            "/v2/chat",
            CHAT,
            {"value": ASK, "raw": RAW},
            {"stream": ASK.but(path="v2.chat_stream")},
        ),
        Call("chat-v1", "/v1/chat", CHAT, {"value": OLDER}, {"stream": OLDER.but(path="chat_stream")}),
        Call("embed", "/embed", EMBEDDED, {"value": EMBED}),
        Call("rerank", "/rerank", RANKED, {"value": RANK}),
    ),
    errors={400: "cohere.BadRequestError", 429: "cohere.TooManyRequestsError", 503: "cohere.ServiceUnavailableError"},
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", NOTHING, {}, "no_usage"),
        Odd("strings", WORDS, {"input": 5, "output": 418}),
        Odd("negative", NEGATIVE, None, "invalid_usage"),
        Odd("larger than the total", CACHED, None, "invalid_usage"),
    ),
    resources=("cohere.raw_base_client", "cohere.v2.raw_client"),
    request=r"httpx_client\.(request|stream)\(",
    sending=12,
    newest=(7, 3),
    since=(5, 16),
)
