"""litellm as a library, before OpenAI: the bodies are OpenAI's examples (https://platform.openai.com/docs/api-reference).

That other providers answer through clients of LiteLLM's own is ``tests/providers/test_litellm.py``.
"""

from __future__ import annotations

import os
from base64 import b64encode
from functools import partial
from types import SimpleNamespace
from typing import Any

from ..contract import HELLO, NEEDLE, At, Call, Expected, Odd, Sdk, installed

# Otherwise the package asks the network for prices when it is imported.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
VERSION = installed("litellm") or tuple[int, ...]((0, 0))
NEW = VERSION >= (1, 100)
FUNCTIONS = ("completion", "text_completion", "embedding", "responses", "image_generation")
ID = "0123456789abcdef01234567"

# gpt-4o 2.50 / 10.00 USD a million: 19 × 2.5 + 10 × 10 = 47.5 + 100
CHAT = Expected(
    operation="chat", provider="openai", request_model="gpt-4o", response_model="gpt-4o-2024-08-06",
    tokens={"input": 19, "output": 10}, finish=("stop",), id=f"chatcmpl-{ID}", cost=147.5,
)  # fmt: skip
# The chunks of older versions have the name that was asked for.
STREAMED = CHAT if NEW else Expected(**{**vars(CHAT), "response_model": "gpt-4o"})
# The id is LiteLLM's own: "litellm:custom_llm_provider:openai;model_id:None;response_id:resp_..." in base64.
LITELLM_ID = (
    "resp_" + b64encode(f"litellm:custom_llm_provider:openai;model_id:None;response_id:resp_{ID}".encode()).decode()
)
# gpt-4o: 36 × 2.5 + 87 × 10 = 90 + 870
RESPONSE = Expected(
    operation="chat", provider="openai", request_model="gpt-4o", response_model="gpt-4o-2024-08-06",
    tokens={"input": 36, "output": 87}, finish=("stop",), id=LITELLM_ID, cost=960.0,
)  # fmt: skip
# gpt-3.5-turbo-instruct 1.50 / 2.00: 5 × 1.5 + 7 × 2 = 7.5 + 14
TEXT = Expected(
    operation="text_completion", provider="openai", request_model="gpt-3.5-turbo-instruct",
    response_model="gpt-3.5-turbo-instruct", tokens={"input": 5, "output": 7}, finish=("stop",), id=f"cmpl-{ID}", cost=21.5,
)  # fmt: skip
# text-embedding-3-small 0.02: 8 × 0.02
EMBEDDED = Expected("embeddings", "openai", "text-embedding-3-small", "text-embedding-3-small", {"input": 8}, cost=0.16)
# gpt-image-1 5 (text in) / 10 (image in) / 40 (out): 10 × 5 + 40 × 10 + 50 × 40 = 50 + 400 + 2000
PAINTED = Expected(
    "generate_content", "openai", "gpt-image-1", None,
    {"input": 50, "output": 50, "text_input": 10, "image_input": 40}, cost=2450.0,
)  # fmt: skip
ASK = At("completion", {"model": "gpt-4o", "messages": HELLO})
PREFIXED = ASK.but(model="openai/gpt-4o")
RESPOND = At("responses", {"model": "openai/gpt-4o", "input": NEEDLE})
TELL = At("text_completion", {"model": "gpt-3.5-turbo-instruct", "prompt": NEEDLE})


def client(url: str) -> Any:
    """The functions of the package, before the stub."""
    import litellm

    def call(name: str, *args: Any, **kwargs: Any) -> Any:
        return getattr(litellm, name)(
            *args, **{"api_base": f"{url}/v1", "api_key": "sk-stub", "max_retries": 0, **kwargs}
        )

    litellm.suppress_debug_info = True
    # LiteLLM dates its chunks itself; two runs are compared.
    litellm.types.utils.time = SimpleNamespace(time=lambda: 1_763_000_000.0)
    return SimpleNamespace(**{name: partial(call, name) for one in FUNCTIONS for name in (one, f"a{one}")})


SDK = Sdk(
    name="litellm",
    module="litellm",
    distribution="litellm",
    client=client,
    async_client=client,
    twin=lambda path: f"a{path}",
    seller="openai",
    calls=(
        Call(
            "chat", "/chat/completions", CHAT, {"value": ASK, "prefixed": PREFIXED},
            {"stream": ASK.but(stream=True), "asked": ASK.but(stream=True, stream_options={"include_usage": True})}, STREAMED,
        ),
        Call("responses", "/responses", RESPONSE, {"value": RESPOND}, {"stream": RESPOND.but(stream=True)}),
        Call("text", "/completions", TEXT, {"value": TELL}),
        Call("embeddings", "/embeddings", EMBEDDED, {"value": At("embedding", {"model": "text-embedding-3-small", "input": ["x"]})}),
        Call("images", "/images/generations", PAINTED, {"value": At("image_generation", {"model": "gpt-image-1", "prompt": NEEDLE})}),
    ),
    errors={400: "invalid_request_error", 429: "rate_limit_exceeded" if NEW else "litellm.RateLimitError", 503: "litellm.ServiceUnavailableError"},
    odd=(
        Odd("missing", None),
        Odd("null", {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}),
        Odd("negative", {"prompt_tokens": -19, "completion_tokens": 10, "total_tokens": -9}, None, "invalid_usage"),
    ),
)  # fmt: skip
