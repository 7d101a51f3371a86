"""Streams of LiteLLM: its own stream objects, which know more of the call than their chunks.

Source: https://docs.litellm.ai/docs/completion/stream and https://docs.litellm.ai/docs/completion/usage (read 2026-11-30),
types of the litellm package 1.75 and 1.110.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...model import Invocation
from ..spec import Accumulator
from .counts import merged
from .litellm_hidden import OWN, read_hidden, read_terms
from .openai_responses import ResponseAccumulator
from .values import fields, own


def folds(kind: Callable[[bool, bool], Accumulator]) -> Callable[[bool, bool], Accumulator]:
    """A folder of LiteLLM's streams, which are told by their first chunk's side: ``head`` gives the stream itself."""

    def accumulator(asked: bool, captured: bool) -> Accumulator:
        return StreamAccumulator(kind(False, captured), asked)

    return accumulator


class StreamAccumulator:
    """Folds a stream of LiteLLM's.

    Most streams keep the chunks of the server, with the usage that the server reported. The usage chunk that an app gets
    from these may be an estimate of LiteLLM's, for a server that reports none: it is not read.
    """

    def __init__(self, inner: Accumulator, asked: bool) -> None:
        self._inner, self._asked = inner, asked
        self._stream: Any = None
        self._shown: Any = None

    def fold(self, chunk: Any) -> bool:
        """True for the chunk that carries nothing but the usage that we asked for."""
        if self._stream is None and hasattr(chunk, "custom_llm_provider"):
            inner = getattr(chunk, "completion_stream", None)  # a text completion may be the stream of a chat
            self._stream = inner if hasattr(inner, "custom_llm_provider") else chunk
            return False
        # LiteLLM adds the usage to a chunk whose class does not declare it.
        extra = getattr(chunk, "__pydantic_extra__", None)
        usage = own(chunk).get("usage") or (extra.get("usage") if extra else None)
        if usage is None:
            self._inner.fold(chunk)
            return False
        self._shown = usage
        self._inner.fold({**own(chunk), "usage": None})
        return self._asked

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen, and what the stream keeps."""
        usage, model = self._kept()
        self._inner.fold({"model": model, "usage": usage})
        self._inner.finish(invocation)
        read_terms(usage, invocation.response)
        if self._stream is not None:
            read_hidden(self._stream, invocation)

    def _kept(self) -> tuple[dict[str, Any], Any]:
        chunks: Any = getattr(self._stream, "chunks", None)
        usage: Any = self._shown if chunks is None else None
        model: Any = None
        for chunk in chunks or ():
            usage = merged(usage, getattr(chunk, "usage", None))
            model = model or fields(getattr(chunk, "_hidden_params", None)).get("provider_response_model")
        return {name: value for name, value in fields(usage).items() if name not in OWN}, model

    @property
    def messages(self) -> Any:
        """The answer in the conventions' shapes, when content is captured."""
        return getattr(self._inner, "messages", None)


class EventAccumulator(ResponseAccumulator):
    """Folds the events of the Responses API; ``head`` gives the stream itself."""

    def __init__(self, asked: bool, captured: bool) -> None:
        super().__init__(asked, captured)
        self._stream: Any = None

    def fold(self, chunk: Any) -> bool:
        """Take in one event."""
        if self._stream is None and hasattr(chunk, "custom_llm_provider"):
            self._stream = chunk
            return False
        return super().fold(chunk)

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        self._usage = {name: value for name, value in fields(self._usage).items() if name not in OWN} or None
        super().finish(invocation)
        if self._stream is not None:
            read_hidden(self._stream, invocation)
