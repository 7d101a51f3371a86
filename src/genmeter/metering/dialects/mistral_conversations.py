"""Mistral's conversations: entries that a model or agents add, with tools that run at the provider.

The usage counts the tokens of tools beside those of the model, and the calls of each tool. Web searches have a unit; all
others are named. Source: https://docs.mistral.ai/agents/connectors/websearch (read 2026-11-30), types of mistralai 3.7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ... import names
from ...model import Invocation, Request, Response
from ..errors import reported
from ..spec import Dialect
from .counts import known_count, leave, merged
from .mistral import PARAMETERS, asks, said
from .mistral_messages import Entries, read_entries, read_inputs
from .openai_usage import read_usage
from .values import each, fields, own, read_parameters, text

CONNECTORS = ("connector_tokens", "connectors")
SEARCH = "web_search"


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``start``, ``append`` and ``restart``: a model or an agent, or neither where a conversation goes on."""
    request = asks({"conversation_id": (names.CONVERSATION_ID, text)})(kwargs)
    read_parameters(fields(kwargs.get("completion_args")), PARAMETERS, request)
    return request


def read_stream_request(kwargs: Mapping[str, Any]) -> Request:
    """The same of the methods that always stream."""
    return read_request({**kwargs, "stream": True})


def read_response(result: Any, invocation: Invocation) -> None:
    """A ConversationResponse."""
    found = fields(result)
    entries = each(found.get("outputs"))
    read_answer(found, [entry.get("model") for entry in entries], invocation)
    response = invocation.response
    response.answered = bool(entries)
    response.finish_reasons = [_reason(entry.get("type") for entry in entries)]


def read_answer(found: Mapping[str, Any], models: Sequence[Any], invocation: Invocation) -> None:
    """The conversation's id, its model and its usage. One usage for several models has no price of either."""
    response = invocation.response
    conversation = text(found.get("conversation_id"))
    if conversation is not None:
        response.attributes[names.CONVERSATION_ID] = conversation
    answering = list(dict.fromkeys(model for one in models if (model := text(one)) is not None))
    if answering:
        response.model = answering[-1]
    usage = said(found.get("usage"))
    if usage:
        _read_usage(usage, invocation)
    if len(answering) > 1:
        leave(f"models: {', '.join(answering)}", 0, response)


def _read_usage(usage: Mapping[str, Any], invocation: Invocation) -> None:
    """The model's tokens; the total holds those of the tools too, which are named by their own field."""
    response = invocation.response
    tokens = {name: count for name, count in usage.items() if name not in CONNECTORS}
    stated, beside = known_count(usage.get("total_tokens")), known_count(usage.get("connector_tokens"))
    tokens["total_tokens"] = None if stated is None else stated - (beside or 0)
    invocation.usage = read_usage(tokens, response)
    _name_connectors(usage, response)
    searches = fields(usage.get("connectors")).get(SEARCH)
    if invocation.usage is not None and isinstance(searches, int):
        invocation.usage.searches = searches


def _name_connectors(usage: Mapping[str, Any], response: Response) -> None:
    tokens = usage.get("connector_tokens")
    if isinstance(tokens, int) and tokens > 0:
        leave("connector_tokens", tokens, response)
    for name, calls in fields(usage.get("connectors")).items():
        if name != SEARCH and calls:
            leave(name, 0, response)


def _reason(kinds: Any) -> str:
    return "tool_call" if "function.call" in list(kinds)[-1:] else "stop"


class ConversationAccumulator:
    """Folds the events of a conversation; the ending one carries the usage."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._found: dict[str, Any] = {}
        self._models: dict[Any, None] = {}
        self._kind: Any = None
        self._error: str | None = None
        self._entries = Entries() if captured else None

    def fold(self, chunk: Any) -> bool:
        """Take in the data of one event."""
        found: Mapping[str, Any] = own(own(chunk).get("data") or chunk)
        kind = found.get("type")
        if kind == "conversation.response.done":
            self._found["usage"] = merged(self._found.get("usage"), found.get("usage"))
        elif kind == "conversation.response.started":
            self._found["conversation_id"] = found.get("conversation_id")
        elif kind == "conversation.response.error":
            self._error = reported(found.get("code"))
        elif kind in ("message.output.delta", "function.call.delta"):
            self._kind = kind
            self._models[found.get("model")] = None
            if self._entries is not None:
                self._entries.add(found)
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen; a conversation that was cut has no usage."""
        read_answer(self._found, list(self._models), invocation)
        invocation.error = invocation.error or self._error
        response = invocation.response
        response.answered = bool(self._models)
        ended = "usage" in self._found
        response.finish_reasons = [_reason([self._kind and self._kind.removesuffix(".delta")]) if ended else "error"]

    @property
    def messages(self) -> list[dict[str, Any]] | None:
        """The answer in the conventions' shapes, when content is captured."""
        return None if self._entries is None else self._entries.messages()


def read_output(result: Any) -> list[dict[str, Any]]:
    """The entries that were added."""
    entries = each(fields(result).get("outputs"))
    return read_entries(entries, _reason(entry.get("type") for entry in entries))


def _dialect(name: str, read: Any) -> Dialect:
    return Dialect(
        name,
        names.CHAT,
        read,
        read_response,
        ConversationAccumulator,
        content_arguments=("inputs",),
        read_content=read_inputs,
        read_output=read_output,
    )


MISTRAL_CONVERSATIONS = _dialect("mistral_conversations", read_request)
MISTRAL_CONVERSATION_STREAM = _dialect("mistral_conversation_stream", read_stream_request)
