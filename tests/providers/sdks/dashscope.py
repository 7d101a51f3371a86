"""dashscope: the first example of https://help.aliyun.com/en/model-studio/qwen-api-via-dashscope (read 2026-11-30)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ..contract import HELLO, NEEDLE, At, Call, Expected, Odd, Sdk

ID = "0123456789abcdef01234567"
# Alibaba's prices differ by country, by length and by thinking, which no call tells: no row has them.
CHAT = Expected(
    operation="chat", provider="dashscope", request_model="qwen-plus", response_model=None,
    tokens={"input": 22, "output": 17, "cache_read": 16}, finish=("stop",), id=ID, cost="unknown_model",
)  # fmt: skip
SEEN = Expected(
    operation="chat", provider="dashscope", request_model="qwen-vl-plus", response_model=None,
    tokens={"input": 1277, "output": 81, "text_input": 28, "image_input": 1249, "text_output": 81}, finish=("stop",), id=ID,
    cost="unknown_model",
)  # fmt: skip
EMBEDDED = Expected("embeddings", "dashscope", "text-embedding-v4", None, {"input": 9}, id=ID, cost="unknown_model")
RANKED = Expected(
    "generate_content", "dashscope", "gte-rerank-v2", None, {"input": 79, "output": 0}, id=ID, cost="unknown_model"
)
ASK = At("Generation.call", {"model": "qwen-plus", "messages": HELLO, "result_format": "message"})
TELL = At("Generation.call", {"model": "qwen-plus", "prompt": NEEDLE})
LOOK = At(
    "MultiModalConversation.call",
    {"model": "qwen-vl-plus", "messages": [{"role": "user", "content": [{"text": NEEDLE}]}]},
)
EMBED = At("TextEmbedding.call", {"model": "text-embedding-v4", "input": "x"})
RANK = At("TextReRank.call", {"model": "gte-rerank-v2", "query": "x", "documents": ["y"]})


def client(url: str) -> Any:
    """The package itself, before the stub."""
    import dashscope

    dashscope.api_key, dashscope.base_http_api_url = "sk-stub", f"{url}/dashscope/api/v1"
    return dashscope


class Package(SimpleNamespace):
    """The package, whose connections of this event loop are closed at the end."""

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *failure: object) -> None:
        from dashscope.api_entities.aio_session import close_shared_aio_session

        await close_shared_aio_session()


def async_client(url: str) -> Any:
    return Package(**vars(client(url)))


SDK = Sdk(
    name="dashscope",
    module="dashscope",
    distribution="dashscope",
    client=client,
    async_client=async_client,
    twin=lambda path: f"Aio{path}",
    seller="dashscope",
    calls=(
        Call(
            "chat",
            "/generation",
            CHAT,
            {"value": ASK, "text": TELL},
            {"stream": ASK.but(stream=True), "new": ASK.but(stream=True, incremental_output=True)},
        ),
        Call("pictures", "/generation", SEEN, {"value": LOOK}, {"stream": LOOK.but(stream=True)}),
        Call("rerank", "/text-rerank", RANKED, {"value": RANK}),
    ),
    errors={400: "400", 429: "429", 503: "503"},
    raises=False,
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", {"input_tokens": None, "output_tokens": None, "total_tokens": None}, None, "no_usage"),
        Odd("strings", {"input_tokens": "22", "output_tokens": "17"}, {"input": 22, "output": 17}),
        Odd("negative", {"input_tokens": -22, "output_tokens": 17, "total_tokens": -5}, None, "invalid_usage"),
    ),
)
