"""ibm-watsonx-ai: the shapes of https://cloud.ibm.com/apidocs/watsonx-ai (``tests/stub/watsonx.py`` names the pages)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from ..contract import HELLO, NEEDLE, At, Call, Expected, Odd, Sdk

MODEL = "ibm/granite-3-3-8b-instruct"
CHAT = Expected(
    operation="chat", provider="ibm.watsonx.ai", request_model=MODEL, response_model=MODEL,
    tokens={"input": 59, "output": 48}, finish=("stop",), id="chatcmpl-0123456789abcdef01234567", cost="unknown_model",
)  # fmt: skip
TEXT = Expected(
    "text_completion", "ibm.watsonx.ai", MODEL, MODEL, {"input": 12, "output": 7}, ("stop",), cost="unknown_model"
)
EMBEDDED = Expected("embeddings", "ibm.watsonx.ai", MODEL, MODEL, {"input": 10}, cost="unknown_model")
RANKED = Expected("generate_content", "ibm.watsonx.ai", MODEL, MODEL, {"input": 318, "output": 0}, cost="unknown_model")
ASK = At("model.chat", {"messages": HELLO})
PLACED = At("model.chat", positional=(HELLO,))
TELL = At("model.generate", {"prompt": NEEDLE})
RAW = {"prompt": NEEDLE, "raw_response": True}


class Models(SimpleNamespace):
    """What an app makes of one client, whose connections are closed at the end."""

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.client.async_httpx_client.aclose()


def client(url: str) -> Any:
    """A model, an embedder and a reranker of one client, before the stub: the SDK itself refuses an address without TLS."""
    from ibm_watsonx_ai import APIClient, Credentials
    from ibm_watsonx_ai.foundation_models import Embeddings, ModelInference, Rerank

    made: Any = APIClient(Credentials(url="https://us-south.ml.cloud.ibm.com", token="stub"))
    made.credentials.url = made._href_definitions.url = f"{url}/watsonx"
    made.default_project_id = "project"
    return Models(
        client=made,
        model=ModelInference(model_id=MODEL, api_client=made, validate=False, max_retries=0),
        embed=Embeddings(model_id=MODEL, api_client=made),
        rerank=Rerank(model_id=MODEL, api_client=made),
    )


def twin(path: str) -> str:
    """The asynchronous methods have an ``a`` before their names."""
    owner, _, name = path.rpartition(".")
    return f"{owner}.a{name.replace('generate_text_stream', 'generate_stream')}"


SDK = Sdk(
    name="watsonx",
    module="ibm_watsonx_ai",
    distribution="ibm-watsonx-ai",
    client=client,
    async_client=client,
    twin=twin,
    seller="ibm-watsonx",
    calls=(
        Call("chat", "/chat|/chat_stream", CHAT, {"value": ASK, "positional": PLACED}, {"stream": ASK.but(path="model.chat_stream")}),
        Call("text", "/generation|/generation_stream", TEXT, {"value": TELL}, {"stream": TELL.but(path="model.generate_text_stream")}),
        Call("embeddings", "/embeddings", EMBEDDED, {"value": At("embed.generate", {"inputs": ["x"]})}),
    ),
    errors={400: "400", 404: "404", 429: "429"},
    resources=tuple(f"ibm_watsonx_ai.foundation_models.{name}" for name in ("inference", "embeddings", "rerank")),
    request=r"self\._\w*(post|stream|generate|send|asend|tokenize)\w*\(|httpx_client\.|requests\.",
    sending=12,
    newest=(1, 8),
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}, {}, "no_usage"),
        Odd("strings", {"prompt_tokens": "59", "completion_tokens": "48"}, {"input": 59, "output": 48}),
        Odd("negative", {"prompt_tokens": -59, "completion_tokens": 48, "total_tokens": -11}, None, "invalid_usage"),
    ),
)  # fmt: skip
