"""xAI's own API: chats, images and videos as messages of Protocol Buffers, which the xai-sdk wraps.

Sources: https://github.com/xai-org/xai-proto/blob/main/proto/xai/api/v1/chat.proto, image.proto and video.proto
(read 2026-11-30, with the messages of the xai-sdk package 1.21).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ... import names
from ...model import Content, Invocation, Request, Usage
from ..parts import Message
from ..spec import Dialect
from . import xai_messages
from .counts import merged
from .values import each, fields, items, read_identity
from .xai_messages import finish_reasons, says
from .xai_request import asked, read_request, read_stream_request, tier
from .xai_usage import read_usage

HEAD = ("id", "model", "service_tier")


def message_of(result: Any) -> Any:
    """The message of an answer. Several answers share one; ``parse`` gives the answer and what it made of it."""
    held: list[Any] = items(result)
    first: Any = held[0] if held else result
    return getattr(first, "_proto", first)


def read_head(found: Mapping[str, Any], invocation: Invocation) -> None:
    """Id, model and service tier."""
    read_identity(found, invocation.response)
    invocation.response.service_tier = tier(found.get("service_tier"))


def read_answer(result: Any, invocation: Invocation) -> None:
    """A chat's answer, or several of one request; a conversation that was made shorter has no outputs."""
    found, response = fields(message_of(result)), invocation.response
    read_head(found, invocation)
    read_usage(fields(found.get("usage")), invocation)
    outputs = each(found.get("outputs"))
    if outputs:
        response.finish_reasons = finish_reasons([one.get("finish_reason") for one in outputs])
        response.answered = any(says(fields(one.get("message"))) for one in outputs)


def read_media(result: Any, invocation: Invocation) -> None:
    """Images, which are counted, or a video."""
    read_answer(result, invocation)
    images = len(items(fields(message_of(result)).get("images")))
    if images:
        invocation.usage = invocation.usage or Usage()
        invocation.usage.images = images


class Accumulator:
    """Folds pairs of an answer so far and its newest chunk; the chunks of several answers share one message."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._head: dict[str, Any] = {}
        self._usage: Any = None
        self._reasons: dict[int, Any] = {}
        self._answered = False
        self._deltas = xai_messages.Deltas() if captured else None

    def fold(self, chunk: Any) -> bool:
        """No chunk came because of us."""
        message = message_of(chunk[1])
        if not self._head or message.HasField("usage"):
            found = fields(message)
            self._head.update((name, found[name]) for name in HEAD if name in found)
            if "usage" in found:
                self._usage = merged(self._usage, fields(found["usage"]))
        for output in message.outputs:
            if output.finish_reason:
                self._reasons[output.index] = fields(output)["finish_reason"]
            if not self._answered:
                self._answered = says(fields(output.delta))
            if self._deltas is not None:
                self._deltas.fold(output.index, fields(output.delta))
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        read_head(self._head, invocation)
        read_usage(self._usage or {}, invocation)
        invocation.response.answered = self._answered
        invocation.response.finish_reasons = finish_reasons([reason for _, reason in sorted(self._reasons.items())])

    @property
    def messages(self) -> list[Message] | None:
        """The answer in the conventions' shapes, when content is captured."""
        return None if self._deltas is None else self._deltas.messages(self._reasons)


def read_content(kwargs: Mapping[str, Any]) -> Content:
    """The messages and tools of a chat, or the prompt of an image or a video."""
    return xai_messages.read_content(asked(kwargs))


def read_output(result: Any) -> list[Message]:
    """The messages of an answer."""
    return xai_messages.read_outputs(fields(message_of(result)))


def _chat(name: str, request: Callable[[Mapping[str, Any]], Request]) -> Dialect:
    return Dialect(
        name, names.CHAT, request, read_answer, Accumulator, read_content=read_content, read_output=read_output
    )


XAI_CHAT = _chat("xai_chat", read_request)
XAI_STREAM = _chat("xai_stream", read_stream_request)
XAI_MEDIA = Dialect("xai_media", names.GENERATE_CONTENT, read_request, read_media, read_content=read_content)
