"""Gemini's generateContent in messages of Protocol Buffers, as the clients of google-cloud-aiplatform speak it.

Source: https://docs.cloud.google.com/python/docs/reference/aiplatform/latest/google.cloud.aiplatform_v1.types.GenerateContentResponse
(read 2026-11-30 through google-cloud-aiplatform 1.165).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...model import Content, Request
from . import gemini_messages, gemini_request
from .gemini import GEMINI, GEMINI_STREAM, GeminiAccumulator
from .values import fields, items


def asked(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What is asked: the fields of the argument ``request``, or the arguments themselves."""
    found = {**fields(kwargs.get("request")), **kwargs}
    system, tools = found.get("system_instruction"), found.get("tools")
    config = {**fields(found.get("generation_config")), "system_instruction": system, "tools": tools}
    return {"model": found.get("model"), "contents": found.get("contents"), "config": config}


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``generate_content``."""
    return gemini_request.read_request(asked(kwargs))


def read_stream_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``stream_generate_content``."""
    return gemini_request.read_stream_request(asked(kwargs))


def read_content(kwargs: Mapping[str, Any]) -> Content:
    """Contents, system instruction and tools."""
    return gemini_messages.read_content(asked(kwargs))


def plain(value: Any) -> Any:
    """A message with all in it as dictionaries and lists."""
    found = fields(value)
    if found:
        return {name: plain(item) for name, item in found.items()}
    return [plain(item) for item in items(value)] if isinstance(value, list) else value


class ProtoAccumulator(GeminiAccumulator):
    """Folds messages."""

    def fold(self, chunk: Any) -> bool:
        """Take one in as the dictionaries that it stands for."""
        return super().fold(plain(chunk))


GEMINI_PROTO = replace(GEMINI, name="gemini_proto", read_request=read_request, read_content=read_content)
GEMINI_PROTO_STREAM = replace(
    GEMINI_STREAM,
    name="gemini_proto_stream",
    read_request=read_stream_request,
    read_content=read_content,
    accumulator=ProtoAccumulator,
    content_arguments=(),
)
