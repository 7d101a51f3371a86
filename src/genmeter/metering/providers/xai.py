"""The ``xai-sdk`` package: xAI's own API, by gRPC. A chat keeps what it asks, and its methods ask it.

Images and videos are asked by methods with arguments; a video's method waits until the video is made.
"""

from __future__ import annotations

from opentelemetry.trace import NoOpTracer

from ..dialects.xai import XAI_CHAT, XAI_MEDIA, XAI_STREAM
from ..families.grpc import GRPC
from ..spec import Dialect, Muted, Provider, Target

KEPT = ("_proto",)
METHODS = (
    *(("chat", f"Chat.{name}", XAI_CHAT, ("shape",), KEPT) for name in ("sample", "parse", "defer", "compact")),
    *(("chat", f"Chat.{name}", XAI_CHAT, ("n",), KEPT) for name in ("sample_batch", "defer_batch")),
    ("chat", "Chat.stream", XAI_STREAM, (), KEPT),
    ("chat", "Chat.stream_batch", XAI_STREAM, ("n",), KEPT),
    ("chat", "Client.compact_context", XAI_CHAT, ("model", "messages"), ()),
    ("image", "Client.sample", XAI_MEDIA, ("prompt", "model"), ()),
    ("image", "Client.sample_batch", XAI_MEDIA, ("prompt", "model", "n"), ()),
    ("video", "Client.generate", XAI_MEDIA, ("prompt", "model"), ()),
    ("video", "Client.extend", XAI_MEDIA, ("prompt", "model", "video_url"), ()),
)
"""Module, method, dialect, its positional arguments, and what its object keeps."""


def _targets(
    module: str, path: str, dialect: Dialect, arguments: tuple[str, ...], keeps: tuple[str, ...]
) -> tuple[Target, ...]:
    return tuple(
        Target(f"xai_sdk.{kind}.{module}", path, dialect, awaited=kind == "aio", arguments=arguments, keeps=keeps)
        for kind in ("sync", "aio")
    )


XAI = Provider(
    sdk="xai_sdk",
    name="x_ai",
    family=GRPC,
    targets=tuple(target for row in METHODS for target in _targets(*row)),
    # Where a chat's answer is wrapped, before `parse` reads it.
    arrivals=(("xai_sdk.chat", "_ResponseProtoDecorator.__init__"),),
    # The SDK traces each of these calls by itself.
    muted=tuple(
        Muted(f"xai_sdk.{kind}.{module}", "tracer", NoOpTracer())
        for kind in ("sync", "aio")
        for module in ("chat", "image", "video")
    ),
)
