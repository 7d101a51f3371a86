"""The clients of ``dashscope.v2``: the same API as in ``dashscope.py``, by HTTP responses and in three protocols."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, At, Call, Odd, Sdk
from .dashscope import CHAT, RANKED

ASK = At("chat.completions.create", {"model": "qwen-plus", "messages": HELLO})
RANK = At("rerank.create", {"model": "gte-rerank-v2", "query": "x", "documents": ["y"]})


def client(url: str) -> Any:
    from dashscope.v2 import Client

    return Client(base_url=f"{url}/dashscope/api/v1", api_key="sk-stub", protocol="native", max_retries=0)


def async_client(url: str) -> Any:
    from dashscope.v2 import AsyncClient

    return AsyncClient(base_url=f"{url}/dashscope/api/v1", api_key="sk-stub", protocol="native", max_retries=0)


SDK = Sdk(
    name="dashscope_v2",
    module="dashscope",
    distribution="dashscope",
    client=client,
    async_client=async_client,
    seller="dashscope",
    calls=(
        Call("chat", "/generation", CHAT, {"value": ASK}, {"stream": ASK.but(stream=True)}),
        Call("rerank", "/text-rerank", RANKED, {"value": RANK}),
    ),
    errors={400: "400", 429: "429", 503: "503"},
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", {"input_tokens": None, "output_tokens": None, "total_tokens": None}, None, "no_usage"),
        Odd("negative", {"input_tokens": -22, "output_tokens": 17, "total_tokens": -5}, None, "invalid_usage"),
    ),
    since=(2, 0),
)
