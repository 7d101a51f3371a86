"""Bodies that vendors have on Amazon Bedrock alone: Titan, Llama, older Mistral, Cohere, embeddings, images.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html and the pages of each vendor below it
(read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Content, Invocation, Request, Usage
from ..parts import Message, message, text_part
from ..spec import Dialect
from .counts import known_count, merged, name_unread
from .values import each, fields, items, text

INPUT = ("inputTextTokenCount", "inputTokenCount", "prompt_token_count", "input_tokens", "prompt_tokens")
OUTPUT = (
    "totalOutputTextTokenCount",
    "outputTokenCount",
    "generation_token_count",
    "output_tokens",
    "completion_tokens",
)
KNOWN = frozenset({*INPUT, *OUTPUT, "tokenCount", "total_tokens", "search_units"})
REASONS = ("completionReason", "stop_reason", "finish_reason", "finishReason")
ANSWERS = ("results", "generations", "outputs", "completions")
"""Where an answer has its texts, one item for each."""
TEXTS = ("outputText", "generation", "text", "completion", "output_text")
FINISH = {
    "finish": "stop",
    "finished": "stop",
    "complete": "stop",
    "endoftext": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filtered": "content_filter",
    "error_toxic": "content_filter",
}


def _first(found: Mapping[str, Any], spelled: tuple[str, ...]) -> Any:
    return next((found[name] for name in spelled if found.get(name) is not None), None)


def _answers(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [found, *(one for name in ANSWERS for one in each(found.get(name)))]


def _finish(reason: str) -> str:
    return FINISH.get(reason.lower(), reason.lower())


def read_response(result: Any, invocation: Invocation) -> None:
    """A body, or all that the events of a stream said."""
    found = fields(result)
    response = invocation.response
    answers = _answers(found)
    response.finish_reasons = [_finish(reason) for one in answers if (reason := text(_first(one, REASONS)))]
    response.answered = response.answered or any(_first(one, TEXTS) for one in answers)
    usage = fields(found.get("usage")) or found
    written = [count for one in answers if (count := known_count(one.get("tokenCount"))) is not None]
    inputs, outputs = known_count(_first(usage, INPUT)), known_count(_first(usage, OUTPUT))
    outputs = sum(written) if outputs is None and written else outputs
    units = {"images": len(items(found.get("images"))) or len(items(found.get("artifacts"))),
             "search_units": known_count(usage.get("search_units")) or 0}  # fmt: skip
    if inputs is not None or outputs is not None or any(units.values()):
        invocation.usage = Usage(inputs, outputs, **units)
    for name, value in usage.items():
        # Without an object of its own, a count stands among texts and vectors.
        counts = usage is not found or (isinstance(value, int) and "token" in name.lower())
        if counts and value and name not in KNOWN:
            name_unread(name, value, response)


class BodyAccumulator:
    """Folds the events of a stream: the counts and the reason stand in the last ones."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._seen: Any = None
        self._texts: list[str] | None = [] if captured else None

    def fold(self, chunk: Any) -> bool:
        """One event."""
        self._seen = merged(self._seen, chunk)
        if self._texts is not None:
            self._texts += _texts(chunk)
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        read_response(self._seen, invocation)

    @property
    def messages(self) -> list[Message] | None:
        """The answer in the conventions' shapes, when content is captured."""
        return None if self._texts is None else [message("assistant", [text_part("".join(self._texts))])]


def read_content(kwargs: Mapping[str, Any]) -> Content:
    """A prompt under one of its names."""
    prompt = _first(kwargs, ("prompt", "inputText", "message"))
    return Content(input=None if prompt is None else [message("user", [text_part(prompt)])])


def read_output(result: Any) -> list[Message]:
    """The texts of an answer, one message for each."""
    return [message("assistant", [text_part(words)]) for words in _texts(result)]


def _texts(result: Any) -> list[str]:
    return [words for one in _answers(fields(result)) if (words := text(_first(one, TEXTS)))]


def _no_request(kwargs: Mapping[str, Any]) -> Request:
    return Request()


BODIES = Dialect(
    "bedrock_bodies",
    names.CHAT,
    _no_request,
    read_response,
    BodyAccumulator,
    read_content=read_content,
    read_output=read_output,
)
"""A part of InvokeModel's dialects: no method of an SDK speaks it alone."""
