"""Every API that is metered, with what one call of it uses and costs: published prices, worked out by hand.

Prices are USD per million tokens, that is micro-dollars per token (pages in research/pricing, read 2026-11-21).
Token counts are the stub's, which are those of the providers' published examples (tests/stub/bodies).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from genmeter import names

from .sdk import AWS, CHAT, CLAUDE, GOOGLE, INSTALLED, OPENAI
from .shapes import HELPED, PARSED, STREAMED, WHOLE, AsyncWay, Way


class Step(BaseModel):
    """What structured output is asked for."""

    text: str


@dataclass(frozen=True)
class Api:
    """One method of an SDK and what a call of it gives."""

    name: str
    path: str
    ask: dict[str, Any]
    operation: str
    response_model: str | None
    tokens: tuple[int | None, int | None]
    cost: float | str | None
    """Micro-dollars; or the reason why there is no price; or None where nothing is billed."""
    id: str | None
    finish: tuple[str, ...] = ()
    ways: dict[str, tuple[Way, AsyncWay]] = field(default_factory=dict[str, Any])
    client: str = "openai"
    provider: str = "openai"
    parts: dict[str, int] = field(default_factory=dict[str, int])
    """Further usage attributes."""

    @property
    def streamed_ways(self) -> set[str]:
        """The ways in which this answer comes in pieces."""
        return {*STREAMED, *HELPED} & set(self.ways)

    @property
    def span(self) -> str:
        """The span's name."""
        model = self.ask.get("model")
        return f"{self.operation} {model}" if model and self.operation != names.FETCH_RESPONSE else self.operation


# gpt-4o 2.50 / 10.00: 19 × 2.5 + 10 × 10 = 47.5 + 100
CHAT_RESULT: Any = dict(
    operation="chat", response_model="gpt-4o-2024-08-06", tokens=(19, 10), cost=147.5,
    id="chatcmpl-0123456789abcdef01234567", finish=("stop",),
)  # fmt: skip
# gpt-5.6-sol 4.00 / 20.00 (from 2026-08-21): 36 × 4 + 87 × 20 = 144 + 1740
RESPONSE_RESULT: Any = dict(
    operation="chat", response_model="gpt-5.6-sol", tokens=(36, 87), cost=1884.0,
    id="resp_0123456789abcdef01234567", finish=("stop",),
)  # fmt: skip
SOL: Any = {"model": "gpt-5.6-sol", "input": "Tell me a story."}
RAW = {name: WHOLE[name] for name in ("whole", "raw")}
ASKED: Any = {"stream_options": {"include_usage": True}}
ASKABLE = {name: way for name, way in {**WHOLE, **STREAMED}.items() if name != "streaming_stream"}
"""Who has a streaming response may read its bytes, where an extra event cannot be hidden: nobody asks for its usage."""
PICTURE = ("a.png", b"\x89PNG", "image/png")
# gpt-image-1 5 (text in) / 10 (image in) / 40 (out): 10 × 5 + 40 × 10 + 50 × 40 = 50 + 400 + 2000
IMAGE_RESULT: Any = dict(
    operation="generate_content", response_model=None, tokens=(50, 50), cost=2450.0, id=None,
    parts={names.TEXT_INPUT_TOKENS: 10, names.IMAGE_INPUT_TOKENS: 40},
)  # fmt: skip
PAINT: Any = {"model": "gpt-image-1", "prompt": "A cat"}
SOUND = ("a.mp3", b"ID3", "audio/mpeg")

OPENAI_APIS = [
    Api("chat", "chat.completions.create", CHAT, **CHAT_RESULT, ways=ASKABLE),
    Api("chat-asked", "chat.completions.create", {**CHAT, **ASKED}, **CHAT_RESULT, ways=STREAMED),
    # the stub's structured answer still reports its 19 and 10
    Api("chat-parse", "chat.completions.parse", {**CHAT, "response_format": Step}, **CHAT_RESULT, ways=PARSED),
    Api("chat-stream", "chat.completions.stream", CHAT, **CHAT_RESULT, ways=HELPED),
    Api("responses", "responses.create", SOL, **RESPONSE_RESULT, ways={**WHOLE, **STREAMED}),
    Api("responses-parse", "responses.parse", {**SOL, "text_format": Step}, **RESPONSE_RESULT, ways=RAW),
    Api("responses-stream", "responses.stream", SOL, **RESPONSE_RESULT, ways=HELPED),
    # gpt-3.5-turbo-instruct 1.50 / 2.00: 5 × 1.5 + 7 × 2 = 7.5 + 14
    Api(
        "completions", "completions.create", {"model": "gpt-3.5-turbo-instruct", "prompt": "Say it"},
        "text_completion", "gpt-3.5-turbo-instruct", (5, 7), 21.5, "cmpl-0123456789abcdef01234567", ("stop",),
        ASKABLE,
    ),
    # text-embedding-3-small 0.02: 8 × 0.02
    Api(
        "embeddings", "embeddings.create", {"model": "text-embedding-3-small", "input": "x", "dimensions": 8},
        "embeddings", "text-embedding-3-small", (8, None), 0.16, None, ways=WHOLE,
    ),
    Api("images", "images.generate", PAINT, **IMAGE_RESULT, ways={**WHOLE, **STREAMED}),
    Api("images-edit", "images.edit", {**PAINT, "image": PICTURE}, **IMAGE_RESULT, ways={**WHOLE, **STREAMED}),
    Api(
        "images-variation", "images.create_variation", {"model": "dall-e-2", "image": PICTURE},
        "generate_content", None, (None, None), "unknown_model", None, ways=PARSED,
    ),
    Api(
        "speech", "audio.speech.create", {"model": "gpt-4o-mini-tts", "voice": "alloy", "input": "Hi"},
        "generate_content", None, (None, None), "no_usage", None,
        ways={name: WHOLE[name] for name in ("whole", "raw", "streaming_read", "streaming_parse")},
    ),
    # gpt-4o-transcribe 2.50 (text in) / 6.00 (audio in) / 10.00: 14 × 6 + 45 × 10 = 84 + 450
    Api(
        "transcriptions", "audio.transcriptions.create", {"model": "gpt-4o-transcribe", "file": SOUND},
        "generate_content", None, (14, 45), 534.0, None, ways={**WHOLE, **STREAMED},
        parts={names.AUDIO_INPUT_TOKENS: 14},
    ),
    # whisper-1 0.36 an hour: 9 s × 100 micro-dollars a second
    Api(
        "whisper", "audio.transcriptions.create", {"model": "whisper-1", "file": SOUND},
        "generate_content", None, (None, None), 900.0, None, ways=PARSED, parts={names.AUDIO_SECONDS: 9},
    ),
    Api(
        "translations", "audio.translations.create", {"model": "whisper-1", "file": SOUND},
        "generate_content", None, (None, None), "no_usage", None, ways=PARSED,
    ),
    # moderation is free: zero is a price
    Api(
        "moderations", "moderations.create", {"model": "omni-moderation-latest", "input": "x"},
        "moderation", "omni-moderation-latest", (None, None), 0.0, "modr-0123456789abcdef01234567", ways=WHOLE,
    ),
]  # fmt: skip
if OPENAI >= (3, 54):
    # gpt-6-luna 0.10 / 0.50, cached 0.01: 60 × 0.1 + 40 × 0.01 + 50 × 0.5 = 6 + 0.4 + 25
    OPENAI_APIS += [
        Api(
            "decisions", "decisions.create", {"model": "gpt-6-luna", "input": "x", "questions": []},
            "generate_content", "gpt-6-luna", (100, 50), 31.4, None, ways=WHOLE,
            parts={names.CACHE_READ_TOKENS: 40},
        ),
    ]  # fmt: skip
if OPENAI >= (2, 0):
    OPENAI_APIS += [
        Api("beta-responses", "beta.responses.create", SOL, **RESPONSE_RESULT, ways={**WHOLE, **STREAMED}),
    ]

# claude-sonnet-4-5 3 / 15: 25 × 3 + 15 × 15 = 75 + 225
MESSAGE: Any = dict(
    operation="chat", response_model="claude-sonnet-4-5-20250929", tokens=(25, 15), cost=300.0,
    id="msg_0123456789abcdef01234567", finish=("stop",), client="anthropic", provider="anthropic",
)  # fmt: skip
ANSWERED = {**WHOLE, **STREAMED}
# claude-haiku-4-5 1 / 5, a tenth more through one of Bedrock's geographic profiles: 25 × 1.1 + 15 × 5.5 = 27.5 + 82.5
BEDROCK: Any = {
    **MESSAGE, "response_model": "claude-haiku-4-5-20251001", "cost": 110.0, "client": "bedrock",
    "provider": "aws.bedrock", "id": "msg_bdrk_0123456789abcdef01234567",
}  # fmt: skip
# Vertex's global region: 25 × 1 + 15 × 5 = 25 + 75
VERTEX: Any = {
    **BEDROCK, "client": "vertex", "provider": "gcp.vertex_ai", "cost": 100.0, "id": "msg_vrtx_0123456789abcdef01234567",
}  # fmt: skip
BEDROCK_ASK: Any = {**CLAUDE, "model": "eu.anthropic.claude-haiku-4-5-20251001-v1:0"}
VERTEX_ASK: Any = {**CLAUDE, "model": "claude-haiku-4-5@20251001"}

ANTHROPIC_APIS = [
    Api("messages", "messages.create", CLAUDE, **MESSAGE, ways=ANSWERED),
    Api(
        "messages-parse", "messages.parse", {**CLAUDE, "output_format": Step}, **MESSAGE, ways={"whole": WHOLE["whole"]}
    ),
    Api("messages-stream", "messages.stream", CLAUDE, **MESSAGE, ways=HELPED),
    Api("beta", "beta.messages.create", CLAUDE, **MESSAGE, ways=ANSWERED),
    Api(
        "beta-parse",
        "beta.messages.parse",
        {**CLAUDE, "output_format": Step},
        **MESSAGE,
        ways={"whole": WHOLE["whole"]},
    ),
    Api("beta-stream", "beta.messages.stream", CLAUDE, **MESSAGE, ways=HELPED),
    Api("bedrock", "messages.create", BEDROCK_ASK, **BEDROCK, ways={**PARSED, **STREAMED}),
    Api("bedrock-stream", "messages.stream", BEDROCK_ASK, **BEDROCK, ways=HELPED),
    Api("bedrock-beta", "beta.messages.create", BEDROCK_ASK, **BEDROCK, ways={**PARSED, **STREAMED}),
    Api("vertex", "messages.create", VERTEX_ASK, **VERTEX, ways={**PARSED, **STREAMED}),
    Api("vertex-stream", "messages.stream", VERTEX_ASK, **VERTEX, ways=HELPED),
    Api("vertex-beta", "beta.messages.create", VERTEX_ASK, **VERTEX, ways={**PARSED, **STREAMED}),
]

# llama-3.3-70b-versatile 0.59 / 0.79: 18 × 0.59 + 556 × 0.79 = 10.62 + 439.24
GROQ_CHAT: Any = dict(
    operation="chat", response_model="llama-3.3-70b-versatile", tokens=(18, 556), cost=449.86,
    id="chatcmpl-0123456789abcdef01234567", finish=("stop",),
)  # fmt: skip
LLAMA: Any = {**CHAT, "model": "llama-3.3-70b-versatile"}
SPOKEN: Any = {"operation": "generate_content", "response_model": None, "tokens": (None, None), "id": None}
GROQ: Any = {"client": "groq", "provider": "groq"}

GROQ_APIS = [
    Api("groq-chat", "chat.completions.create", LLAMA, **GROQ_CHAT, ways={**WHOLE, **STREAMED}, **GROQ),
    Api(
        "groq-embeddings", "embeddings.create", {"model": "nomic-embed-text-v1_5", "input": "x"},
        "embeddings", "nomic-embed-text-v1_5", (8, None), "unknown_model", None, ways=WHOLE, **GROQ,
    ),
    Api(
        "groq-speech", "audio.speech.create", {"model": "playai-tts", "voice": "Fritz-PlayAI", "input": "Hi"},
        **SPOKEN, cost="unknown_model", ways={name: WHOLE[name] for name in ("whole", "raw", "streaming_read")}, **GROQ,
    ),
    Api(
        "groq-transcriptions", "audio.transcriptions.create", {"model": "whisper-large-v3", "file": SOUND},
        **SPOKEN, cost="unknown_model", ways=PARSED, parts={names.AUDIO_SECONDS: 9}, **GROQ,
    ),
    Api(
        "groq-translations", "audio.translations.create", {"model": "whisper-large-v3", "file": SOUND},
        **SPOKEN, cost="unknown_model", ways=PARSED, **GROQ,
    ),
] if INSTALLED["groq"] else []  # fmt: skip


def retrieving(response_id: str) -> Api:
    """``responses.retrieve`` of one response."""
    ask = {"response_id": response_id}
    ways = {**WHOLE, **STREAMED}
    return Api(
        "retrieve", "responses.retrieve", ask, "fetch_response", "gpt-5.6-sol", (None, None), None, None, ways=ways
    )


CELLS = [(api, way) for api in (*OPENAI_APIS, *ANTHROPIC_APIS, *GROQ_APIS) for way in api.ways]


def make_client(kind: str, stub: Any, *, asynchronous: bool) -> Any:
    """A client of the SDK pointed at the stub."""
    import anthropic
    import openai

    prefix = "Async" if asynchronous else ""
    if kind == "openai":
        return getattr(openai, f"{prefix}OpenAI")(base_url=stub.openai_url, api_key="sk-stub")
    if kind == "groq":
        import groq

        return getattr(groq, f"{prefix}Groq")(base_url=stub.flavour_url("groq"), api_key="sk-stub")
    if kind == "azure":
        made = getattr(openai, f"{prefix}AzureOpenAI")
        return made(azure_endpoint=stub.azure_url, api_key="sk-stub", api_version="2025-04-01-preview")
    if kind == "bedrock":
        return getattr(anthropic, f"{prefix}AnthropicBedrock")(base_url=stub.bedrock_url, **AWS)
    if kind == "vertex":
        return getattr(anthropic, f"{prefix}AnthropicVertex")(base_url=stub.vertex_url, **GOOGLE)
    return getattr(anthropic, f"{prefix}Anthropic")(base_url=stub.anthropic_url, api_key="sk-stub")


__all__ = ["ANTHROPIC_APIS", "CELLS", "OPENAI_APIS", "Api", "Step", "make_client", "retrieving"]
