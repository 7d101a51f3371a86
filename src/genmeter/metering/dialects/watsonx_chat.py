"""Chats of IBM watsonx.ai: OpenAI's shape in plain JSON, with the parameters in an argument of their own.

Source: https://cloud.ibm.com/apidocs/watsonx-ai through https://ibm.github.io/watsonx-ai-node-sdk (TextChatResponse,
TextChatStreamItem; read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ... import names
from ...model import Invocation, Request
from . import openai_chat
from .openai_chat import OPENAI_CHAT, ChatAccumulator
from .values import fields


def read_chat_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``chat``, and the parameters in one of them."""
    request = openai_chat.read_request({**fields(kwargs.get("params")), **kwargs})
    request.attributes.pop(names.OPENAI_API_TYPE, None)
    return request


def named(found: Mapping[str, Any]) -> dict[str, Any]:
    """An answer with the model under OpenAI's name."""
    return {**found, "model": found.get("model") or found.get("model_id")}


def read_chat(result: Any, invocation: Invocation) -> None:
    """A whole chat."""
    openai_chat.read_response(named(fields(result)), invocation)


class ChatParts(ChatAccumulator):
    """Folds the parts of a chat's stream; the last has the usage."""

    def fold(self, chunk: Any) -> int:
        """As for OpenAI's chunks."""
        return super().fold(named(fields(chunk)))


WATSONX_CHAT = replace(OPENAI_CHAT, name="watsonx_chat", read_request=read_chat_request, read_response=read_chat, accumulator=ChatParts)  # fmt: skip
