"""OpenAI's Responses API: one typed object, or a stream of typed events that ends with the whole response.

Source: https://platform.openai.com/docs/api-reference/responses and /responses-streaming (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Invocation, Request, Response, Usage
from ..errors import reported
from ..parts import message, text_part
from ..spec import Dialect
from . import openai_messages
from .counts import leave, merged, name_unread, read_parts, total
from .openai_chat import output_type, read_stream_and_tier, read_tier
from .openai_usage import read_spending
from .values import Reader, each, fields, own, read_identity, read_parameters, real, text, whole

ENDINGS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
FREE_CALLS = frozenset(
    {"function_call", "custom_tool_call", "computer_call", "local_shell_call", "apply_patch_call", "mcp_call"}
    | {"tool_search_call", "web_search_call"}
)
"""Calls of tools that cost nothing beside their tokens, or are counted: https://platform.openai.com/docs/pricing.

Every other call is of a hosted tool: OpenAI bills them by the call, the image or the time of a container, and followers of
this API have tools of their own.
"""
INCOMPLETE = {"max_output_tokens": "length", "content_filter": "content_filter"}
BILLED_SEARCHES = frozenset({"web_search_call"})
PREVIEW = "web_search_preview"


def conversation(value: Any) -> str | None:
    """The id of the conversation that the response belongs to."""
    return text(value) or text(fields(value).get("id"))


def level(value: Any) -> str | None:
    """``reasoning.effort`` as it was sent."""
    return text(fields(value).get("effort"))


def text_format(value: Any) -> str | None:
    """The modality that ``text.format`` asks for."""
    return output_type(fields(value).get("format"))


PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "temperature": (names.REQUEST_TEMPERATURE, real),
    "top_p": (names.REQUEST_TOP_P, real),
    "max_output_tokens": (names.REQUEST_MAX_TOKENS, whole),
    "previous_response_id": (names.REQUEST_PREVIOUS_RESPONSE, text),
    "conversation": (names.CONVERSATION_ID, conversation),
    "reasoning": (names.REQUEST_REASONING_LEVEL, level),
    "text": (names.OUTPUT_TYPE, text_format),
    "text_format": (names.OUTPUT_TYPE, output_type),
}


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``create`` and ``parse``."""
    request = Request(text(kwargs.get("model")))
    read_parameters(kwargs, PARAMETERS, request)
    request.attributes[names.OPENAI_API_TYPE] = "responses"
    read_stream_and_tier(kwargs, request)
    return request


def read_retrieve(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``retrieve``: no inference, so no model and no tokens."""
    request = Request()
    request.attributes[names.OPENAI_API_TYPE] = "responses"
    wanted = text(kwargs.get("response_id"))
    if wanted is not None:
        request.attributes[names.RESPONSE_ID] = wanted
    cursor = whole(kwargs.get("starting_after"))
    if cursor is not None:
        request.attributes[names.REQUEST_STREAM_CURSOR] = str(cursor)
    read_stream_and_tier(kwargs, request)
    return request


def read_response(result: Any, invocation: Invocation) -> None:
    """A Response."""
    found = fields(result)
    response = invocation.response
    read_identity(found, response)
    read_tier(found, invocation)
    status = text(found.get("status"))
    usage = found.get("usage")
    if usage is not None and invocation.operation != names.FETCH_RESPONSE:
        # First of all: a strange answer may fail the readers below, and its tokens are billed all the same.
        read_spending(usage, invocation)
        if invocation.usage is not None:
            read_searches(found, invocation.usage, response)
    response.finish_reasons = finish_reasons(found)
    if invocation.operation == names.FETCH_RESPONSE:
        if status is not None:
            response.attributes[names.RESPONSE_STATUS] = status
        return
    if status == "failed":
        # No exception reaches the app, which may not even look: the call has failed all the same.
        invocation.error = reported(fields(found.get("error")).get("code"))
    items = each(found.get("output"))
    response.answered = bool(items)
    for item in items:
        kind = text(item.get("type")) or ""
        local = fields(item.get("environment")).get("type") == "local"
        if kind.endswith("_call") and kind not in FREE_CALLS and not local:
            leave(kind, 0, response)


def read_searches(found: Mapping[str, Any], usage: Usage, response: Response) -> None:
    """Billed web searches, and which of them the preview version of the tool made: its price is another.

    What ``tool_usage`` says, else the calls with a ``search`` action (opening a page is free). Other counts of
    ``tool_usage`` are named.
    """
    stated = fields(found.get("tool_usage"))
    web = fields(stated.get("web_search"))
    for name, value in stated.items():
        if name != "web_search":
            name_unread(name, value, response)
    read_parts(web, {"num_requests": None}, usage, response)
    searches = total(web, "num_requests", response)
    if searches is None:
        searches = sum(
            text(item.get("type")) in BILLED_SEARCHES and fields(item.get("action")).get("type", "search") == "search"
            for item in each(found.get("output"))
        )
    usage.searches = searches
    if any((text(tool.get("type")) or "").startswith(PREVIEW) for tool in each(found.get("tools"))):
        usage.preview_searches = searches


def finish_reasons(found: Mapping[str, Any]) -> list[str]:
    """One reason for the one answer: how it ended, or that it called tools."""
    status = found.get("status")
    if found.get("object") == "response.compaction":
        return ["compaction"]
    if status == "completed" or status is None:
        calls = any(item.get("type") == "function_call" for item in each(found.get("output")))
        return ["tool_call" if calls else "stop"]
    if status == "incomplete":
        reason = fields(found.get("incomplete_details")).get("reason")
        return [INCOMPLETE.get(reason, reason or "error") if isinstance(reason, str) else "error"]
    return [] if status in ("queued", "in_progress") else ["error"]


def read_output(result: Any) -> list[dict[str, Any]]:
    """The answer as one assistant message."""
    return openai_messages.read_output_items(result, next(iter(finish_reasons(fields(result))), None))


class ResponseAccumulator:
    """Folds response events: the response that an ending event carries, else the one that the first event announced."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._seen: Any = None
        self._usage: Any = None
        self._error: str | None = None
        self._ended = False
        self._texts: list[str] | None = [] if captured else None
        self.messages: list[dict[str, Any]] | None = None

    def fold(self, chunk: Any) -> bool:
        """Events carry their own type; only those with a whole response are looked at."""
        found = own(chunk)
        response = found.get("response")
        if response is not None and not self._ended:
            self._ended = text(found.get("type")) in ENDINGS
            self._seen = response
            self._usage = merged(self._usage, fields(response).get("usage"))
        elif found.get("type") == "error":
            self._error = reported(found.get("code"))
        elif self._texts is not None and found.get("type") == "response.output_text.delta":
            self._texts.append(str(found.get("delta")))
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen; a stream that was cut has no usage and no reason."""
        invocation.error = invocation.error or self._error
        if self._seen is None:
            return
        read_response({**fields(self._seen), "usage": self._usage}, invocation)
        if not self._ended:
            invocation.response.finish_reasons = ["error"]
        if self._texts is not None:
            cut = message("assistant", [text_part("".join(self._texts))], "error")
            self.messages = read_output(self._seen) if self._ended else [cut]


def ends(event: Any) -> bool:
    """Whether an event ends a text, a part, an item or the response."""
    return str(fields(event).get("type")).endswith((".done", ".completed", ".incomplete", ".failed"))


OPENAI_RESPONSES = Dialect(
    "openai_responses",
    names.CHAT,
    read_request,
    read_response,
    ResponseAccumulator,
    content_arguments=("input",),
    read_content=openai_messages.read_input_items,
    read_output=read_output,
    tail=ends,
)
OPENAI_FETCH = Dialect("openai_fetch", names.FETCH_RESPONSE, read_retrieve, read_response, ResponseAccumulator)
