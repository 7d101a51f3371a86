"""Streams whose chunks are the texts of a server's events: the JSON in each is folded.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation (read 2026-11-30).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ...model import Invocation
from ..spec import Accumulator, Dialect


class EventTexts:
    """Folds the JSON of each text; a text that is no JSON (``[DONE]``) says nothing."""

    def __init__(self, inner: Accumulator) -> None:
        self._inner = inner

    def fold(self, chunk: Any) -> int:
        """Take one text in."""
        try:
            event = json.loads(chunk)
        except (TypeError, ValueError):
            return False
        return self._inner.fold(event)

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        self._inner.finish(invocation)

    @property
    def messages(self) -> Any:
        """The answer in the conventions' shapes, when content is captured."""
        return getattr(self._inner, "messages", None)


def in_texts(dialect: Dialect) -> Dialect:
    """The dialect for an SDK that gives the texts of events."""
    folds: Callable[[bool, bool], Accumulator] | None = dialect.accumulator
    if folds is None:
        return dialect

    def accumulator(asked: bool, captured: bool) -> Accumulator:
        return EventTexts(folds(asked, captured))

    return replace(dialect, accumulator=accumulator)
