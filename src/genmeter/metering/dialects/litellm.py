"""LiteLLM's answers: OpenAI's shapes, with what LiteLLM knows of the call beside them (``litellm_hidden``).

Source: https://docs.litellm.ai/docs/completion/output and https://docs.litellm.ai/docs/completion/usage (read
2026-11-30), types of the litellm package 1.75 and 1.110.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ... import names
from ...model import Invocation, Request
from ..spec import Accumulator, Dialect
from . import openai_chat, openai_media, openai_responses
from .litellm_hidden import OWN, read_hidden, read_terms
from .litellm_names import named
from .litellm_streams import EventAccumulator, folds
from .openai_chat import ChatAccumulator
from .openai_media import MediaAccumulator
from .values import fields, text

Read = Callable[[Any, Invocation], None]


def asks(read: Callable[[Mapping[str, Any]], Request]) -> Callable[[Mapping[str, Any]], Request]:
    """A reader of arguments whose model may have the provider's name before it."""

    def read_request(kwargs: Mapping[str, Any]) -> Request:
        request = read(kwargs)
        request.model = text(named(request.model, kwargs.get("custom_llm_provider"))[1])
        request.attributes.pop(names.OPENAI_API_TYPE, None)
        return request

    return read_request


def answers(read: Read) -> Read:
    """A reader of whole answers."""

    def read_response(result: Any, invocation: Invocation) -> None:
        found = fields(result)
        usage = {name: value for name, value in fields(found.get("usage")).items() if name not in OWN}
        read({**found, "usage": usage or None}, invocation)
        read_terms(usage, invocation.response)
        read_hidden(result, invocation)

    return read_response


def _like(dialect: Dialect, read: Read, accumulator: Callable[[bool, bool], Accumulator] | None) -> Dialect:
    name = dialect.name.replace("openai", "litellm")
    request = asks(dialect.read_request)
    return replace(dialect, name=name, read_request=request, read_response=answers(read), accumulator=accumulator)


LITELLM_CHAT = _like(openai_chat.OPENAI_CHAT, openai_chat.read_response, folds(ChatAccumulator))
LITELLM_COMPLETIONS = _like(openai_chat.OPENAI_COMPLETIONS, openai_chat.read_response, folds(ChatAccumulator))
LITELLM_RESPONSES = _like(openai_responses.OPENAI_RESPONSES, openai_responses.read_response, EventAccumulator)
LITELLM_EMBEDDINGS = _like(openai_media.OPENAI_EMBEDDINGS, openai_media.read_embeddings, None)
LITELLM_IMAGES = _like(openai_media.OPENAI_IMAGES, openai_media.read_response, folds(MediaAccumulator))
LITELLM_SPEECH = _like(openai_media.OPENAI_SPEECH, openai_media.read_response, None)
LITELLM_TRANSCRIPTS = _like(openai_media.OPENAI_TRANSCRIPTS, openai_media.read_response, folds(MediaAccumulator))
