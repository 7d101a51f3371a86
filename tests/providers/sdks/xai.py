"""xai-sdk: the messages of https://github.com/xai-org/xai-proto, through the stub's door for gRPC (read 2026-11-30)."""

from __future__ import annotations

from typing import Any

from ..contract import NEEDLE, At, Call, Expected, Odd, Sdk, installed

ID = "0123456789abcdef01234567"
MODEL = "grok-4.5"
VERSION = installed("xai-sdk") or tuple[int, ...]((0, 0))
MESSAGES: Any = [{"role": "ROLE_USER", "content": [{"text": NEEDLE}]}]
# grok-4.5 2.00, cached 0.30, out 6.00 USD a million; the reasoning is beside the completion:
# 36 × 2 + 163 × 0.3 + (10 + 215) × 6 = 72 + 48.9 + 1350
CHAT = Expected(
    operation="chat", provider="x_ai", request_model=MODEL, response_model=MODEL,
    tokens={"input": 199, "output": 225, "cache_read": 163, "reasoning": 215}, finish=("stop",), id=ID, cost=1470.9,
)  # fmt: skip
TWO = Expected("chat", "x_ai", MODEL, MODEL, CHAT.tokens, ("stop", "stop"), ID, CHAT.cost)
# 700 × 2 + 90 × 6 = 1400 + 540
SHORTER = Expected("chat", "x_ai", MODEL, None, {"input": 700, "output": 90}, id=ID, cost=1940.0)
# The answer states 200,000,000 ticks of 1e-10 USD. Older messages of images have no usage.
NEWEST = VERSION >= (1, 21)
CHARGED: Any = {"input": 30, "output": 0} if NEWEST else {}


def painted(count: int) -> Expected:
    """So many images."""
    model, cost = "grok-imagine-image", 20_000 if NEWEST else "unknown_model"
    return Expected("generate_content", "x_ai", model, model, {**CHARGED, "images": count}, cost=cost)


FILMED = Expected(
    "generate_content", "x_ai", "grok-imagine-video", "grok-imagine-video", {"input": 30, "output": 0}, cost=20_000
)


def asked(name: str, *given: Any) -> At:
    """A chat, and the method that asks it."""
    return At("chat.create", {"model": MODEL, "messages": MESSAGES}, take=lambda chat: getattr(chat, name)(*given))


def parsed() -> At:
    """A chat whose answer is parsed into a model of pydantic's."""

    def parse(chat: Any) -> Any:
        from pydantic import BaseModel

        return chat.parse(type("Parcel", (BaseModel,), {"__annotations__": {"text": str}}))

    return asked("parse").but(take=parse)


def options(url: str) -> dict[str, Any]:
    """A channel to the stub that does not try again."""
    return {
        "api_key": "stub", "api_host": url.removeprefix("http://"), "use_insecure_channel": True,
        "channel_options": [("grpc.enable_retries", 0)],
    }  # fmt: skip


def client(url: str) -> Any:
    from xai_sdk import Client

    return Client(**options(url))


def async_client(url: str) -> Any:
    from xai_sdk import AsyncClient

    return AsyncClient(**options(url))


PAINT = At("image.sample", {"prompt": NEEDLE, "model": "grok-imagine-image"})
FILM = At("video.generate", {"prompt": NEEDLE, "model": "grok-imagine-video"})
WIRE = "/GetCompletion|/GetCompletionChunk"
SDK = Sdk(
    name="xai",
    module="xai_sdk",
    distribution="xai-sdk",
    client=client,
    async_client=async_client,
    seller="x_ai",
    calls=(
        Call("chat", WIRE, CHAT, {"value": asked("sample")}, {"stream": asked("stream")}, messages="messages"),
        Call("deferred", "/GetDeferredCompletion", CHAT, {"value": asked("defer")}),
        Call("several", WIRE, TWO, {"value": asked("sample_batch", 2), "deferred": asked("defer_batch", 2)}),
        Call("streams", WIRE, CHAT, {}, {"stream": asked("stream_batch", 2)}),
        Call("images", "/GenerateImage", painted(1), {"value": PAINT}),
        Call("several images", "/GenerateImage", painted(2), {"value": PAINT.but(path="image.sample_batch", n=2)}),
        *(
            (
                Call("video", "/GetDeferredVideo", FILMED, {"value": FILM}),
                Call("extended", "/GetDeferredVideo", FILMED, {"value": FILM.but(path="video.extend", video_url="https://x")}),
                Call("compacted", "/CompactContext", SHORTER, {
                    "value": asked("compact"), "context": At("chat.compact_context", {"model": MODEL, "messages": MESSAGES}),
                }),
            )
            if NEWEST
            else ()
        ),
    ),
    errors={400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"},
    odd=(
        Odd("missing", None, {}, "no_usage"),
        Odd("null", {"prompt_tokens": None, "completion_tokens": None}, {}, "no_usage"),
        Odd("strings", {"prompt_tokens": "19", "completion_tokens": "10"}, {"input": 19, "output": 10}),
        Odd("negative", {"prompt_tokens": -19, "completion_tokens": 10}, None, "invalid_usage"),
        Odd("cached more than the prompt", {"prompt_tokens": 19, "completion_tokens": 10, "cached_prompt_text_tokens": 20}, None, "invalid_usage"),
        Odd(
            "searches", {"prompt_tokens": 19, "completion_tokens": 10, "server_side_tools_used": ["SERVER_SIDE_TOOL_WEB_SEARCH", "SERVER_SIDE_TOOL_X_SEARCH"]},
            {"input": 19, "output": 10, "searches": 2}, "unpriced_dimension",
        ),
    ),
    resources=("xai_sdk.sync", "xai_sdk.aio"),
    request=r"self\._\w*stub\w*\.\w+\(",
    sending=20,
    newest=(1, 21),
    # The sockets are gRPC's own, and so are its threads, which a forked child has not.
    sockets=False,
    forks=False,
)  # fmt: skip
