"""The ``xai-sdk`` package: xAI's own API, by gRPC. A chat keeps what it asks, and its methods ask it.

Images and videos are asked by methods with arguments; a video's method waits until the video is made.
"""

from __future__ import annotations

from ..dialects.xai import XAI_CHAT, XAI_MEDIA, XAI_STREAM
from ..families.grpc import GRPC, halves, silent
from ..spec import Provider

CHAT, IMAGE, VIDEO = "xai_sdk.{half}.chat", "xai_sdk.{half}.image", "xai_sdk.{half}.video"

XAI = Provider(
    sdk="xai_sdk",
    name="x_ai",
    family=GRPC,
    targets=(
        *halves(CHAT, "Chat.sample", XAI_CHAT, kept=True),
        *halves(CHAT, "Chat.parse", XAI_CHAT, kept=True),
        *halves(CHAT, "Chat.defer", XAI_CHAT, kept=True),
        *halves(CHAT, "Chat.compact", XAI_CHAT, kept=True),
        *halves(CHAT, "Chat.sample_batch", XAI_CHAT, "n", kept=True),
        *halves(CHAT, "Chat.defer_batch", XAI_CHAT, "n", kept=True),
        *halves(CHAT, "Chat.stream", XAI_STREAM, kept=True),
        *halves(CHAT, "Chat.stream_batch", XAI_STREAM, "n", kept=True),
        *halves(CHAT, "Client.compact_context", XAI_CHAT, "model", "messages"),
        *halves(IMAGE, "Client.sample", XAI_MEDIA, "prompt", "model"),
        *halves(IMAGE, "Client.sample_batch", XAI_MEDIA, "prompt", "model", "n"),
        *halves(VIDEO, "Client.generate", XAI_MEDIA, "prompt", "model"),
        *halves(VIDEO, "Client.extend", XAI_MEDIA, "prompt", "model", "video_url"),
    ),
    # Where a chat's answer is wrapped, before `parse` reads it.
    arrivals=(("xai_sdk.chat", "_ResponseProtoDecorator.__init__"),),
    # The SDK traces each of these calls by itself.
    muted=silent(CHAT, IMAGE, VIDEO),
)
