"""Cohere's chat (v2, and v1 before it), embeddings and rerankings.

What is billed stands in ``billed_units``; ``tokens`` beside it also count what Cohere adds to a prompt and does not bill.
Sources: https://docs.cohere.com/reference/chat, /chat-stream, /chat-v1, /embed and /rerank through the types that the
cohere package 7.3.1 makes of them (read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ... import names
from ...model import Content, Invocation, Request, Response, Usage
from ..parts import Message, message, text_part
from ..spec import Dialect
from . import openai_messages
from .counts import Parts, merged, read_parts, total
from .values import Reader, each, fields, mark_stream, read_parameters, real, strings, text, whole

PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "temperature": (names.REQUEST_TEMPERATURE, real),
    "p": (names.REQUEST_TOP_P, real),
    "k": (names.REQUEST_TOP_K, real),
    "frequency_penalty": (names.REQUEST_FREQUENCY_PENALTY, real),
    "presence_penalty": (names.REQUEST_PRESENCE_PENALTY, real),
    "max_tokens": (names.REQUEST_MAX_TOKENS, whole),
    "stop_sequences": (names.REQUEST_STOP_SEQUENCES, strings),
    "seed": (names.REQUEST_SEED, whole),
    "output_dimension": (names.EMBEDDINGS_DIMENSIONS, whole),
    "embedding_types": (names.REQUEST_ENCODING_FORMATS, strings),
}
FINISH = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_call",
    "ERROR_TOXIC": "content_filter",
}
BILLED: Parts = {
    "input_tokens": None,
    "output_tokens": None,
    "search_units": "search_units",
    "pages": "pages",
    "text_tokens": None,
}
"""``text_tokens`` are a part of the input at its price; images and classifications have prices of their own."""


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """The arguments of any of the methods."""
    request = Request(text(kwargs.get("model")))
    read_parameters(kwargs, PARAMETERS, request)
    return request


def read_stream_request(kwargs: Mapping[str, Any]) -> Request:
    """The arguments of a method that streams."""
    request = read_request(kwargs)
    mark_stream(request)
    return request


def read_usage(raw: Any, response: Response) -> Usage | None:
    """``usage`` of v2 and ``meta`` of all others; None where nothing was billed by count."""
    found = fields(raw)
    billed = fields(found.get("billed_units"))
    usage = Usage(total(billed, "input_tokens", response), total(billed, "output_tokens", response))
    read_parts(billed, BILLED, usage, response)
    cached = total(found, "cached_tokens", response)
    if cached:
        usage.cache_read = cached
    return usage if any(count is not None for count in billed.values()) else None


def read_answer(result: Any, invocation: Invocation) -> None:
    """A chat of v2 or v1: the id has another name in each."""
    found, response = fields(result), invocation.response
    response.id = text(found.get("id")) or text(found.get("generation_id"))
    invocation.usage = read_usage(found.get("usage") or found.get("meta"), response)
    response.finish_reasons = [finish_reason(found.get("finish_reason"))]
    response.answered = bool(found.get("message") or found.get("text"))


def read_scores(result: Any, invocation: Invocation) -> None:
    """Embeddings, rerankings and parsed pages have no output: the input, the searches or the pages are billed."""
    found = fields(result)
    invocation.response.id = text(found.get("id"))
    usage = invocation.usage = read_usage(found.get("meta"), invocation.response)
    if usage is not None and usage.input is not None:
        usage.output = usage.output or 0


def finish_reason(reason: Any) -> str:
    """A finish reason in the conventions' words; ``error`` where it never came."""
    return FINISH.get(reason, reason.lower()) if isinstance(reason, str) and reason else "error"


class Accumulator:
    """Folds the events of v2 (``type``) and of v1 (``event_type``): the last one carries the usage."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._id: str | None = None
        self._usage: Any = None
        self._reason: Any = None
        self._answered = False
        self._texts: list[str] | None = [] if captured else None

    def fold(self, chunk: Any) -> bool:
        """No event came because of us."""
        found = fields(chunk)
        delta = fields(found.get("delta"))
        # The last event of v1 holds the whole answer.
        ending = fields(found.get("response"))
        said = found.get("text") or fields(fields(fields(delta.get("message")).get("content"))).get("text")
        self._id = text(found.get("id")) or text(found.get("generation_id")) or self._id
        self._reason = delta.get("finish_reason") or found.get("finish_reason") or self._reason
        self._usage = merged(self._usage, delta.get("usage") or ending.get("meta"))
        if isinstance(said, str) and said:
            self._answered = True
            if self._texts is not None:
                self._texts.append(said)
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        response = invocation.response
        response.id, response.answered = self._id, self._answered
        if self._usage is not None:
            invocation.usage = read_usage(self._usage, response)
        response.finish_reasons = [finish_reason(self._reason)]

    @property
    def messages(self) -> list[Message] | None:
        """The answer in the conventions' shapes, when content is captured."""
        if self._texts is None:
            return None
        return [message("assistant", [text_part("".join(self._texts))], finish_reason(self._reason))]


def read_content(kwargs: Mapping[str, Any]) -> Content:
    """``messages`` of v2; ``preamble``, ``chat_history`` and ``message`` of v1."""
    if "message" not in kwargs:
        return openai_messages.read_chat(kwargs)
    earlier = each(kwargs.get("chat_history"))
    said = [message(str(one.get("role") or "user").lower(), [text_part(one.get("message"))]) for one in earlier]
    system = kwargs.get("preamble")
    return Content(
        [text_part(system)] if isinstance(system, str) else None,
        [*said, message("user", [text_part(kwargs["message"])])],
    )


def read_output(result: Any) -> list[Message]:
    """The answer of v2 or v1."""
    found = fields(result)
    parts = [text_part(part.get("text")) for part in each(fields(found.get("message")).get("content"))]
    if isinstance(found.get("text"), str):
        parts = [text_part(found["text"])]
    return [message("assistant", parts, finish_reason(found.get("finish_reason")))]


def _chat(name: str, request: Callable[..., Request]) -> Dialect:
    said = ("messages", "message", "chat_history", "preamble")
    return Dialect(
        name,
        names.CHAT,
        request,
        read_answer,
        Accumulator,
        content_arguments=said,
        read_content=read_content,
        read_output=read_output,
    )


COHERE_CHAT = _chat("cohere_chat", read_request)
COHERE_STREAM = _chat("cohere_stream", read_stream_request)
COHERE_EMBEDDINGS = Dialect("cohere_embeddings", names.EMBEDDINGS, read_request, read_scores)
COHERE_PARSE = Dialect("cohere_parse", names.GENERATE_CONTENT, read_request, read_scores)
COHERE_RERANK = Dialect("cohere_rerank", names.GENERATE_CONTENT, read_request, read_scores)
