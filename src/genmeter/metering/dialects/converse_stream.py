"""The stream of events of Bedrock's Converse; ``converse`` has the whole answer.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html (read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...model import Invocation, Request
from . import converse_messages as messages
from .converse import CONVERSE, finish_reason, name_tool, read_identity, read_metadata, read_request
from .counts import merged
from .values import fields, mark_stream


def read_stream_request(kwargs: Mapping[str, Any]) -> Request:
    """Parameters of `converse_stream`."""
    request = read_request(kwargs)
    mark_stream(request)
    return request


class ConverseAccumulator:
    """Folds the events of a stream. The counts come in its last event alone, so that a cut stream has none."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._head: Mapping[str, Any] = {}
        self._metadata: dict[str, Any] = {}
        self._reason: Any = None
        self._tools: list[Mapping[str, Any]] = []
        self._answered = False
        self._blocks = messages.Blocks() if captured else None

    def fold(self, chunk: Any) -> bool:
        """One event, or the answer that holds the stream. No event is hidden."""
        if "contentBlockDelta" in chunk:
            self._answered = True
        elif "contentBlockStart" in chunk:
            tool = fields(fields(chunk["contentBlockStart"].get("start")).get("toolUse"))
            if tool:
                self._answered = True
                self._tools.append(tool)
        elif "messageStop" in chunk:
            self._reason = chunk["messageStop"].get("stopReason")
        elif "metadata" in chunk:
            found = fields(chunk["metadata"])
            self._metadata = {
                **self._metadata,
                **found,
                "usage": merged(self._metadata.get("usage"), found.get("usage")),
            }
        elif "ResponseMetadata" in chunk:
            self._head = {"ResponseMetadata": chunk["ResponseMetadata"]}
        if self._blocks is not None:
            self._blocks.take(chunk)
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen; a stream that was cut before its last event has no usage."""
        response = invocation.response
        read_identity(self._head, response)
        if self._reason is not None or self._answered or self._metadata:
            response.finish_reasons = [finish_reason(self._reason)]
        response.answered = response.answered or self._answered
        for tool in self._tools:
            name_tool(tool, response)
        read_metadata(self._metadata, invocation)

    @property
    def messages(self) -> list[dict[str, Any]] | None:
        """The answer in the conventions' shapes, when content is captured."""
        return None if self._blocks is None else self._blocks.message(finish_reason(self._reason))


CONVERSE_STREAM = replace(
    CONVERSE, name="converse_stream", read_request=read_stream_request, accumulator=ConverseAccumulator
)
