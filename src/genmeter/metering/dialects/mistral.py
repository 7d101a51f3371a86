"""Mistral's chat, fill-in-the-middle, agents and embeddings.

The usage object is OpenAI's with fields of Mistral's own (``openai_usage``). Source: https://docs.mistral.ai/api (read
2026-11-30) and the types of the mistralai package 1.12 and 3.7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ... import names
from ...model import Invocation, Request
from ..spec import Dialect
from . import mistral_messages, openai_chat, openai_media, openai_responses
from .openai_chat import ChatAccumulator
from .openai_responses import ResponseAccumulator
from .values import Reader, each, fields, items, mark_stream, own, read_parameters, strings, text, whole

PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    **{name: reader for name, reader in openai_chat.PARAMETERS.items() if name != "seed"},
    "random_seed": (names.REQUEST_SEED, whole),
    "top_k": (names.REQUEST_TOP_K, whole),
}
EMBEDDING_PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "output_dimension": (names.EMBEDDINGS_DIMENSIONS, whole),
    "encoding_format": (names.REQUEST_ENCODING_FORMATS, strings),
}


def asks(
    parameters: Mapping[str, tuple[str, Reader]], *, streams: bool = False, modality: str | None = None
) -> Callable[..., Request]:
    """A reader of a method's arguments.

    ``streams``: the method always streams, and its arguments do not say so. ``modality`` is what the answer is made of.
    """

    def read_request(kwargs: Mapping[str, Any]) -> Request:
        request = Request(text(kwargs.get("model")))
        read_parameters(kwargs, parameters, request)
        request.service_tier = text(kwargs.get("service_tier"))
        if modality is not None:
            request.attributes[names.OUTPUT_TYPE] = modality
        if streams or kwargs.get("stream"):
            mark_stream(request)
        return request

    return read_request


def said(usage: Any) -> Mapping[str, Any]:
    """What the server said of a usage object: the SDK's classes hold zeros for counts that were not sent."""
    sent = getattr(usage, "__pydantic_fields_set__", None)
    found = fields(usage)
    return found if sent is None else {name: value for name, value in found.items() if name in sent}


def stated(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer whose usage has only what the server said, with the service tier in its usual place."""
    usage = said(found.get("usage"))
    return {**found, "usage": usage or None, "service_tier": usage.get("service_tier")}


def in_shared_words(invocation: Invocation) -> None:
    """Put the service tier and the finish reasons into the words that all dialects share."""
    response = invocation.response
    tier = response.attributes.pop(names.OPENAI_RESPONSE_TIER, None)
    if tier is not None:
        response.attributes[names.SERVICE_TIER] = tier
    reasons = response.finish_reasons
    response.finish_reasons = [mistral_messages.LENGTH.get(reason, reason) for reason in reasons]


def read_response(result: Any, invocation: Invocation) -> None:
    """A ChatCompletionResponse, also of an agent, or a FIMCompletionResponse."""
    found = fields(result)
    openai_chat.read_response(stated(found), invocation)
    in_shared_words(invocation)
    # Where tools ran at the provider, a choice has a list of messages in the place of the one message.
    messages = [fields(one) for choice in each(found.get("choices")) for one in items(choice.get("messages"))]
    response = invocation.response
    response.answered = response.answered or any(openai_chat.says({}, one) for one in messages)


def read_embeddings(result: Any, invocation: Invocation) -> None:
    """An EmbeddingResponse; embeddings have no output."""
    openai_media.read_embeddings(stated(fields(result)), invocation)


class EventAccumulator(ChatAccumulator):
    """Folds the chunks of a chat stream, each of which is wrapped in an event."""

    def __init__(self, asked: bool, captured: bool) -> None:
        super().__init__(asked, captured)
        self.deltas = mistral_messages.Deltas() if captured else None

    def fold(self, chunk: Any) -> int:
        """Take in the chunk that an event carries."""
        return super().fold(own(chunk).get("data") or chunk)

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        answer = stated({"usage": self._usage})
        self._usage = answer["usage"]
        self._seen["service_tier"] = answer["service_tier"]
        super().finish(invocation)
        in_shared_words(invocation)


class ResponseEventAccumulator(ResponseAccumulator):
    """Folds the events of the Responses API, each of which is wrapped in an event of the SDK's."""

    def fold(self, chunk: Any) -> bool:
        """Take in the event that an event carries."""
        return super().fold(own(chunk).get("data") or chunk)


def _chat(name: str, argument: str, read_content: Callable[..., Any], *, streams: bool = False) -> Dialect:
    return Dialect(
        name,
        names.CHAT,
        asks(PARAMETERS, streams=streams),
        read_response,
        EventAccumulator,
        content_arguments=(argument,),
        read_content=read_content,
        read_output=mistral_messages.read_choices,
    )


MISTRAL_CHAT = _chat("mistral_chat", "messages", mistral_messages.read_messages)
MISTRAL_CHAT_STREAM = _chat("mistral_chat_stream", "messages", mistral_messages.read_messages, streams=True)
MISTRAL_FIM = _chat("mistral_fim", "prompt", mistral_messages.read_prompt)
MISTRAL_FIM_STREAM = _chat("mistral_fim_stream", "prompt", mistral_messages.read_prompt, streams=True)
MISTRAL_EMBEDDINGS = Dialect("mistral_embeddings", names.EMBEDDINGS, asks(EMBEDDING_PARAMETERS), read_embeddings)
MISTRAL_RESPONSES = Dialect(
    "mistral_responses",
    names.CHAT,
    openai_responses.read_request,
    openai_responses.read_response,
    ResponseEventAccumulator,
    content_arguments=("input",),
    read_content=openai_responses.OPENAI_RESPONSES.read_content,
    read_output=openai_responses.read_output,
)
