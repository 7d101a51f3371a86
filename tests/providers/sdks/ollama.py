"""ollama: the examples of https://docs.ollama.com/api/chat, /generate and /embed (read 2026-11-30)."""

from __future__ import annotations

from typing import Any

from ..contract import HELLO, NEEDLE, At, Call, Expected, Odd, Sdk

CHAT = Expected(
    "chat", "ollama", "llama3.2", "llama3.2", {"input": 26, "output": 259}, finish=("stop",), cost="unknown_model"
)
TEXT = Expected(
    "text_completion", "ollama", "llama3.2", "llama3.2", {"input": 26, "output": 259}, finish=("stop",),
    cost="unknown_model",
)  # fmt: skip
EMBEDDED = Expected("embeddings", "ollama", "all-minilm", "all-minilm", {"input": 8})
ASK = At("chat", {"model": "llama3.2", "messages": HELLO})
PLACED = At("chat", positional=("llama3.2", HELLO))
COMPLETE = At("generate", {"model": "llama3.2", "prompt": NEEDLE})
EMBED = At("embed", {"model": "all-minilm", "input": "x"})


def client(url: str) -> Any:
    import ollama

    return ollama.Client(host=f"{url}/ollama")


def async_client(url: str) -> Any:
    import ollama

    return ollama.AsyncClient(host=f"{url}/ollama")


SDK = Sdk(
    name="ollama",
    module="ollama",
    distribution="ollama",
    client=client,
    async_client=async_client,
    seller="ollama",
    calls=(
        Call(
            "chat",
            "/api/chat",
            CHAT,
            {"value": ASK, "positional": PLACED},
            {"stream": ASK.but(stream=True), "positional_stream": PLACED.but(stream=True)},
            messages="messages",
        ),
        Call("generate", "/api/generate", TEXT, {"value": COMPLETE}, {"stream": COMPLETE.but(stream=True)}),
        Call("embed", "/api/embed", EMBEDDED, {"value": EMBED}),
    ),
    errors={400: "400", 404: "404", 429: "429", 503: "503"},
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", {"prompt_eval_count": None, "eval_count": None}, {}, "no_usage"),
        Odd("strings", {"prompt_eval_count": "26", "eval_count": "259"}, {"input": 26, "output": 259}),
        Odd("negative", {"prompt_eval_count": -26, "eval_count": 259}, None, "invalid_usage"),
        Odd("a prompt that was cached", {"prompt_eval_count": 0, "eval_count": 259}, {"output": 259}),
    ),
    resources=("ollama._client",),
    request=r"self\._request(_raw)?\(",
    sending=10,
    kept=False,
    newest=(0, 6),
)
