"""Ollama's chat, generate and embed: counts stand in the answer itself, in a stream in its last part.

Source: https://docs.ollama.com/api/chat, /generate and /embed (read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Content, Invocation, Request, Response, Usage
from ..parts import Message
from ..spec import Dialect
from . import openai_messages
from .counts import total
from .values import Reader, fields, mark_stream, read_parameters, real, strings, text, whole

OPTIONS: Mapping[str, tuple[str, Reader]] = {
    "temperature": (names.REQUEST_TEMPERATURE, real),
    "top_p": (names.REQUEST_TOP_P, real),
    "top_k": (names.REQUEST_TOP_K, real),
    "frequency_penalty": (names.REQUEST_FREQUENCY_PENALTY, real),
    "presence_penalty": (names.REQUEST_PRESENCE_PENALTY, real),
    "num_predict": (names.REQUEST_MAX_TOKENS, whole),
    "seed": (names.REQUEST_SEED, whole),
    "stop": (names.REQUEST_STOP_SEQUENCES, strings),
}
COUNTS = ("prompt_eval_count", "prompt_eval_cached_count", "eval_count")


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """The arguments of any of the methods; the parameters stand in ``options``."""
    request = Request(text(kwargs.get("model")))
    read_parameters(fields(kwargs.get("options")), OPTIONS, request)
    if kwargs.get("stream"):
        mark_stream(request)
    return request


def read_usage(found: Mapping[str, Any], response: Response) -> Usage | None:
    """The counts of an answer; None where there are none.

    Older servers leave the prompt out, or count none of it, when their cache held it: then the input is unknown.
    """
    if all(found.get(name) is None for name in COUNTS):
        return None
    usage = Usage(total(found, "prompt_eval_count", response) or None, total(found, "eval_count", response))
    usage.cache_read = total(found, "prompt_eval_cached_count", response) or 0
    return usage


def read_response(result: Any, invocation: Invocation) -> None:
    """An answer, or the last part of one."""
    found, response = fields(result), invocation.response
    response.model = text(found.get("model")) or response.model
    invocation.usage = read_usage(found, response) or invocation.usage
    response.finish_reasons = [_finish(found)]
    response.answered = response.answered or _says(found)


def read_embeddings(result: Any, invocation: Invocation) -> None:
    """Embeddings have no output."""
    found, response = fields(result), invocation.response
    response.model = text(found.get("model"))
    usage = invocation.usage = read_usage(found, response)
    if usage is not None and usage.output is None:
        usage.output = 0


def _finish(found: Mapping[str, Any]) -> str:
    return openai_messages.finish_reason({"finish_reason": found.get("done_reason")})


def _says(found: Mapping[str, Any]) -> bool:
    said = fields(found.get("message"))
    return bool(found.get("response") or said.get("content") or said.get("tool_calls"))


class Accumulator:
    """Folds the parts of a stream: the last one is ``done`` and carries the counts."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._last: Any = None
        self._answered = False
        self._model: str | None = None
        self._deltas = openai_messages.Deltas() if captured else None

    def fold(self, chunk: Any) -> bool:
        """No part came because of us."""
        found = fields(chunk)
        self._answered = self._answered or _says(found)
        self._model = self._model or text(found.get("model"))
        if found.get("done"):
            self._last = {name: found.get(name) for name in (*COUNTS, "done_reason")}
        if self._deltas is not None:
            self._deltas.fold(_choice(found, "delta"))
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        invocation.response.answered, invocation.response.model = self._answered, self._model
        read_response(self._last or {}, invocation)

    @property
    def messages(self) -> list[Message] | None:
        """The answer in the conventions' shapes, when content is captured."""
        return self._deltas.messages() if self._deltas is not None else None


def _choice(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An answer, or a part of one, as a choice of a chat completion."""
    said = fields(found.get("message")) or {"role": "assistant", "content": found.get("response")}
    thought = said.get("thinking") or found.get("thinking")
    return {name: {**said, "reasoning": thought}, "finish_reason": found.get("done_reason")}


def read_output(result: Any) -> list[Message]:
    """A whole answer."""
    return openai_messages.read_choices({"choices": [_choice(fields(result), "message")]})


def read_prompt(kwargs: Mapping[str, Any]) -> Content:
    """``prompt`` and ``system`` of generate."""
    content, system = openai_messages.read_prompt(kwargs), kwargs.get("system")
    if isinstance(system, str) and system:
        content.system = [{"type": "text", "content": system}]
    return content


OLLAMA_CHAT = Dialect(
    "ollama_chat",
    names.CHAT,
    read_request,
    read_response,
    Accumulator,
    content_arguments=("messages",),
    read_content=openai_messages.read_chat,
    read_output=read_output,
)
OLLAMA_GENERATE = Dialect(
    "ollama_generate",
    names.TEXT_COMPLETION,
    read_request,
    read_response,
    Accumulator,
    content_arguments=("prompt", "system"),
    read_content=read_prompt,
    read_output=read_output,
)
OLLAMA_EMBEDDINGS = Dialect("ollama_embeddings", names.EMBEDDINGS, read_request, read_embeddings)
