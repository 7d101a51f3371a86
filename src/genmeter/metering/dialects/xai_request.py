"""What is asked of xAI's own API: the message that a chat keeps, or the arguments of a method that has no chat.

Source: https://github.com/xai-org/xai-proto/blob/main/proto/xai/api/v1/chat.proto (read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from ... import names
from ...model import Request
from .values import Reader, fields, mark_stream, read_parameters, real, several, strings, text, whole


def _single(value: Any) -> float | None:
    """A number that the message keeps in single precision, as the app wrote it."""
    found = real(value)
    return None if found is None else round(found, 6)


def _word(prefix: str, value: Any) -> str | None:
    """A member of an enumeration without what all its members begin with."""
    found = text(value)
    return None if found is None else found.removeprefix(prefix).lower()


def _output_type(value: Any) -> str | None:
    kind = text(fields(value).get("format_type"))
    return None if kind is None else "json" if "JSON" in kind else "text"


PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "temperature": (names.REQUEST_TEMPERATURE, _single),
    "top_p": (names.REQUEST_TOP_P, _single),
    "frequency_penalty": (names.REQUEST_FREQUENCY_PENALTY, _single),
    "presence_penalty": (names.REQUEST_PRESENCE_PENALTY, _single),
    "max_tokens": (names.REQUEST_MAX_TOKENS, whole),
    "stop": (names.REQUEST_STOP_SEQUENCES, strings),
    "seed": (names.REQUEST_SEED, whole),
    "n": (names.REQUEST_CHOICE_COUNT, several),
    "reasoning_effort": (names.REQUEST_REASONING_LEVEL, partial(_word, "EFFORT_")),
    "response_format": (names.OUTPUT_TYPE, _output_type),
}


def tier(value: Any) -> str | None:
    """A service tier, ``priority`` for one."""
    return _word("SERVICE_TIER_", value)


def asked(kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is asked: the fields of the message that a chat keeps, and the arguments."""
    return {**fields(kwargs.get("_proto")), **kwargs}


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """A chat, or the arguments of a method that has no chat."""
    found = asked(kwargs)
    request = Request(text(found.get("model")), service_tier=tier(found.get("service_tier")))
    read_parameters(found, PARAMETERS, request)
    return request


def read_stream_request(kwargs: Mapping[str, Any]) -> Request:
    """A chat whose answer comes in pieces."""
    request = read_request(kwargs)
    mark_stream(request)
    return request
