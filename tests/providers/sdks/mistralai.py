"""mistralai: the bodies are the examples of https://docs.mistral.ai/api and of its guides (read 2026-11-30)."""

from __future__ import annotations

from importlib import metadata
from typing import Any

from ..contract import HELLO, NEEDLE, At, Call, Expected, Odd, Sdk, installed

ID = "0123456789abcdef01234567"


def expected(
    model: str | None, tokens: dict[str, int], cost: float | str, operation: str = "chat", **more: Any
) -> Expected:
    """What a call of a model is recorded as; most answers stop and have an id of a completion."""
    given = {"response_model": model, "finish": ("stop",), "id": f"cmpl-{ID}", **more}
    return Expected(operation, "mistral_ai", model, tokens=tokens, cost=cost, **given)


SMALL, MEDIUM = "mistral-small-latest", "mistral-medium-2505"
PLAIN: Any = {"finish": (), "id": None}
# mistral-small-latest 0.15 / 0.60 USD a million: 16 × 0.15 + 34 × 0.6 = 2.4 + 20.4
CHAT = expected(SMALL, {"input": 16, "output": 34}, 22.8)
# codestral-latest 0.30 / 0.90: 8 × 0.3 + 91 × 0.9 = 2.4 + 81.9
FIM = expected("codestral-latest", {"input": 8, "output": 91}, 84.3)
# an agent's model, mistral-medium-2508 0.40 / 2.00, stands in the answer alone: 16 × 0.4 + 34 × 2 = 6.4 + 68
AGENT = expected(None, {"input": 16, "output": 34}, 74.4, response_model="mistral-medium-2508")
# mistral-embed 0.10: 15 × 0.1
EMBEDDED = expected("mistral-embed", {"input": 15}, 1.5, "embeddings", finish=(), id=ID)
# mistral-ocr-latest 4 USD a thousand pages, 5 with annotations: 29 × 4,000 and 29 × 5,000 micro-dollars
OCR = expected("mistral-ocr-latest", {"pages": 29}, 116_000, "generate_content", **PLAIN)
ANNOTATED = expected("mistral-ocr-latest", {"pages": 29, "annotated_pages": 29}, 145_000, "generate_content", **PLAIN)
# voxtral-mini-latest 0.003 USD a minute: 19 s × 50 micro-dollars
HEARD = expected("voxtral-mini-latest", {"audio_seconds": 19}, 950, "generate_content", **PLAIN)
SPOKEN = expected("voxtral-mini-tts-latest", {}, "unknown_model", "generate_content", response_model=None, **PLAIN)
SPOKEN_STREAM = expected(
    "voxtral-mini-tts-latest",
    {"input": 12, "output": 120},
    "unknown_model",
    "generate_content",
    response_model=None,
    **PLAIN,
)
# mistral-medium-2505 0.40 / 2.00: 91 × 0.4 + 29 × 2 = 36.4 + 58
TALK = expected(MEDIUM, {"input": 91, "output": 29}, 94.4, id=None)
SEARCHED = expected(MEDIUM, {"input": 188, "output": 55, "searches": 1}, "unpriced_dimension", id=None)
GOES_ON = expected(None, {"input": 91, "output": 29}, 94.4, response_model=MEDIUM, id=None)
JUDGED = expected("mistral-moderation-latest", {}, "unknown_model", "moderation", finish=(), id=ID)
# the Responses API is OpenAI's, at Mistral's price: 36 × 0.15 + 87 × 0.6 = 5.4 + 52.2
RESPONSE = expected(SMALL, {"input": 36, "output": 87}, 57.6, id=f"resp_{ID}")

ASK = At("chat.complete", {"model": SMALL, "messages": HELLO})
FILL = At("fim.complete", {"model": "codestral-latest", "prompt": NEEDLE})
AGENTS = At("agents.complete", {"agent_id": "ag_1", "messages": HELLO})
SCAN = At(
    "ocr.process", {"model": "mistral-ocr-latest", "document": {"type": "document_url", "document_url": "https://x"}}
)
FORM: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
SOUND: Any = {"model": "voxtral-mini-latest", "file": {"file_name": "a.mp3", "content": b"ID3"}}
SAY = At("audio.speech.complete", {"model": "voxtral-mini-tts-latest", "input": NEEDLE})
START = At("beta.conversations.start", {"model": MEDIUM, "inputs": NEEDLE})
SEARCH = START.but(tools=[{"type": "web_search"}])
APPEND = At("beta.conversations.append", {"conversation_id": "conv_1", "inputs": NEEDLE})
RESTART = At("beta.conversations.restart", {"conversation_id": "conv_1", "inputs": NEEDLE, "from_entry_id": "msg_1"})
RESPOND = At("responses.create", {"model": SMALL, "input": NEEDLE})
VERSION = installed("mistralai") or tuple[int, ...]((0, 0))


def resources() -> tuple[str, ...]:
    """The modules of the package itself. Those of the models below it are as many as two thousand."""
    home = "mistralai/" if VERSION < (2, 0) else "mistralai/client/"
    paths = [str(path) for path in metadata.files("mistralai") or ()] if VERSION > (0, 0) else []
    below = {path: path.removeprefix(home) for path in paths if path.startswith(home) and path.endswith(".py")}
    return tuple(path[:-3].replace("/", ".") for path, name in below.items() if "/" not in name and name[0] != "_")


def client(url: str) -> Any:
    try:
        from mistralai.client import Mistral
    except ImportError:
        from mistralai import Mistral

    return Mistral(api_key="key-stub", server_url=f"{url}/mistral")


SDK = Sdk(
    name="mistralai",
    module="mistralai" if VERSION < (2, 0) else "mistralai.client",
    distribution="mistralai",
    table="mistralai",
    client=client,
    async_client=client,
    twin=lambda path: f"{path}_async",
    seller="mistral",
    calls=(
        Call("chat", "/chat/completions", CHAT, {"value": ASK}, {"stream": ASK.but(path="chat.stream")}, messages="messages"),
        Call("fim", "/fim/completions", FIM, {"value": FILL}, {"stream": FILL.but(path="fim.stream")}),
        Call("agents", "/agents/completions", AGENT, {"value": AGENTS}, {"stream": AGENTS.but(path="agents.stream")}),
        Call("embeddings", "/embeddings", EMBEDDED, {"value": At("embeddings.create", {"model": "mistral-embed", "inputs": ["x"]})}),
        Call("ocr", "/ocr", OCR, {"value": SCAN}),
        Call("annotated", "/ocr", ANNOTATED, {"value": SCAN.but(document_annotation_format=FORM)}),
        Call(
            "transcriptions", "/audio/transcriptions", HEARD,
            {"value": At("audio.transcriptions.complete", SOUND)}, {"stream": At("audio.transcriptions.stream", SOUND)},
        ),
        Call("conversations", "/conversations", TALK, {"value": START}, {"stream": START.but(path="beta.conversations.start_stream")}),
        Call("searching", "/conversations", SEARCHED, {"value": SEARCH}, {"stream": SEARCH.but(path="beta.conversations.start_stream")}),
        Call("append", "/conv_1", GOES_ON, {"value": APPEND}, {"stream": APPEND.but(path="beta.conversations.append_stream")}),
        Call("restart", "/restart", GOES_ON, {"value": RESTART}, {"stream": RESTART.but(path="beta.conversations.restart_stream")}),
        Call("moderate", "/moderations", JUDGED, {"value": At("classifiers.moderate", {"model": "mistral-moderation-latest", "inputs": ["x"]})}),
        *(
            (
                Call("speech", "/audio/speech", SPOKEN, {"value": SAY}, {"stream": SAY.but(stream=True)}, SPOKEN_STREAM),
                Call("responses", "/responses", RESPONSE, {"value": RESPOND}, {"stream": RESPOND.but(stream=True)}),
            )
            if VERSION >= (3, 0)
            else ()
        ),
    ),
    # Nothing that a bound method of a resource calls says whose model runs.
    kept=False,
    resources=resources(),
    request=r"self\.do_request(_async)?\(",
    sending=60,
    newest=(3, 0),
    errors={400: "400", 429: "429", 503: "503"},
    odd=(
        Odd("missing", None),
        Odd("null", {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}, {}, "no_usage"),
        Odd("empty", {}, {}, "no_usage"),
        Odd("strings", {"prompt_tokens": "16", "completion_tokens": "34", "total_tokens": "50"}, {"input": 16, "output": 34}),
        Odd("cached", {"prompt_tokens": 16, "completion_tokens": 34, "total_tokens": 50, "prompt_tokens_details": {"cached_tokens": 10},
                       "service_tier": "standard", "request_count": 1}, {"input": 16, "output": 34, "cache_read": 10}),
        Odd("priority", {"prompt_tokens": 16, "completion_tokens": 34, "total_tokens": 50, "service_tier": "priority"},
            {"input": 16, "output": 34}, "unknown_service_tier"),
        Odd("negative", {"prompt_tokens": -16, "completion_tokens": 34, "total_tokens": 18}, None, "invalid_usage"),
    ),
)  # fmt: skip
