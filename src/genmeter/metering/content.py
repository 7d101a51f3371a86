"""Message content, off by default: taken when the call is made, clipped, then written as JSON or as structures."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from .. import names
from ..model import Content
from ..settings import Settings
from .parts import clip
from .spec import Dialect, Kwargs

ATTRIBUTES = (
    ("system", names.SYSTEM_INSTRUCTIONS),
    ("input", names.INPUT_MESSAGES),
    ("output", names.OUTPUT_MESSAGES),
    ("tools", names.TOOL_DEFINITIONS),
)
SMALLEST = 16


class Passing(Iterator[Any]):
    """An iterator argument that remembers what the SDK takes out of it; draining it first would send an empty request.

    An iterator itself: SDKs look at the type before they serialise.
    """

    def __init__(self, given: Iterator[Any]) -> None:
        self._given = given
        self.seen: list[Any] = []

    def __next__(self) -> Any:
        item = next(self._given)
        self.seen.append(item)
        return item


def observe_arguments(dialect: Dialect, bound: Mapping[str, Any], kwargs: Kwargs) -> Kwargs:
    """The call's arguments, with a one-pass iterator of messages replaced by one that remembers what went through."""
    found = {
        name: Passing(bound[name])
        for name in dialect.content_arguments
        if isinstance(bound.get(name), Iterator) and name in kwargs
    }
    return {**kwargs, **found} if found else kwargs


def capture(dialect: Dialect, kwargs: Mapping[str, Any]) -> Content | None:
    """The messages of a call as they are now: the app may change its list before a stream ends."""
    if dialect.read_content is None:
        return None
    return dialect.read_content({k: v.seen if isinstance(v, Passing) else v for k, v in kwargs.items()})


def passing(dialect: Dialect, kwargs: Mapping[str, Any]) -> bool:
    """Whether the messages of a call can be read only after the SDK has taken them."""
    return any(isinstance(kwargs.get(name), Passing) for name in dialect.content_arguments)


def content_attributes(content: Content, settings: Settings, *, as_json: bool) -> dict[str, Any]:
    """Content attributes: JSON texts for a span, structures for an event; every text clipped before."""
    found: dict[str, Any] = {}
    for field, name in ATTRIBUTES:
        value = getattr(content, field)
        if value:
            found[name] = _json(value, settings.content_limit) if as_json else clip(value, settings.content_limit)
    return found


def _json(value: list[dict[str, Any]], limit: int) -> str:
    """Valid JSON within the SDK's own limit for attribute values: shorter texts first, then fewer messages."""
    allowed = _sdk_limit()
    text = json.dumps(clip(value, limit), ensure_ascii=False)
    while allowed is not None and len(text) > allowed:
        if limit > SMALLEST:
            limit //= 2
        elif len(value) > 1:
            value = value[len(value) // 2 :]
        else:
            return "[]"
        text = json.dumps(clip(value, limit), ensure_ascii=False)
    return text


def _sdk_limit() -> int | None:
    for variable in ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"):
        value = os.environ.get(variable, "")
        if value.isdecimal():
            return int(value)
    return None
