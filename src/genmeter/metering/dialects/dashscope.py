"""Alibaba Cloud's Model Studio in its own shape: generation, embeddings and reranking. A failure is an answer with a status.

Source: https://help.aliyun.com/en/model-studio/qwen-api-via-dashscope, https://www.alibabacloud.com/help/en/model-studio/text-embedding-synchronous-api
and text-rerank-api (read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ... import names
from ...model import Content, Invocation, Request
from ..errors import PROVIDER_CODES
from ..parts import Message
from ..spec import Dialect
from . import openai_messages
from .counts import merged
from .dashscope_usage import read_counts
from .openai_chat import PARAMETERS, says
from .values import Reader, each, fields, mark_stream, read_parameters, real, text, whole

ASKED: Mapping[str, tuple[str, Reader]] = {
    **PARAMETERS,
    "top_k": (names.REQUEST_TOP_K, real),
    "dimension": (names.EMBEDDINGS_DIMENSIONS, whole),
}
NO_REASON = "null"
"""What a part of a stream has for the reason of its end, before the end."""


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """The model, the input and the parameters of a request, in one mapping."""
    request = Request(text(kwargs.get("model")))
    read_parameters(kwargs, ASKED, request)
    if kwargs.get("stream"):
        mark_stream(request)
    return request


def read_failure(found: Mapping[str, Any], invocation: Invocation) -> bool:
    """Whether an answer is a failure: its status says so, and nothing is raised."""
    status, code = found.get("status_code"), text(found.get("code"))
    if not isinstance(status, int) or status < 400:
        return False
    invocation.error = code if code in PROVIDER_CODES else str(int(status))
    return True


def refusable(dialect: Dialect) -> Dialect:
    """The dialect for an SDK that gives a refusal as an answer."""

    def read(result: Any, invocation: Invocation) -> None:
        if not read_failure(fields(result), invocation):
            dialect.read_response(result, invocation)

    return replace(dialect, read_response=read)


def choices_of(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The choices of an answer as OpenAI has them; the older format has one text without a choice."""
    output = fields(found.get("output"))
    listed = each(output.get("choices"))
    if listed:
        return listed
    said = {"role": "assistant", "content": output["text"]} if isinstance(output.get("text"), str) else {}
    return [{"message": said, "finish_reason": output.get("finish_reason")}] if said else []


def read_response(result: Any, invocation: Invocation) -> None:
    """A whole answer, or all that a stream has told."""
    found, response = fields(result), invocation.response
    response.id = text(found.get("request_id")) or response.id
    if read_failure(found, invocation):
        return
    invocation.usage = read_counts(found.get("usage"), response)
    listed = choices_of(found)
    reasons = [choice.get("finish_reason") for choice in listed]
    response.finish_reasons = [
        openai_messages.finish_reason({"finish_reason": None if reason == NO_REASON else reason}) for reason in reasons
    ]
    response.answered = any(says(choice, fields(choice.get("message"))) for choice in listed)


class Accumulator:
    """Folds the parts of a stream: each has the usage so far, and the whole text so far or what is new of it."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._last: dict[str, Any] = {}
        self._usage: Any = None
        self._answered = False
        self._texts: dict[int, str] | None = {} if captured else None

    def fold(self, chunk: Any) -> bool:
        """No part came because of us."""
        found = fields(chunk)
        self._usage = merged(self._usage, found.get("usage"))
        self._last = {name: found.get(name) for name in ("request_id", "status_code", "code", "output")}
        for place, choice in enumerate(choices_of(found)):
            said = fields(choice.get("message"))
            self._answered = self._answered or says(choice, said)
            if self._texts is not None and isinstance(new := said.get("content"), str):
                before = self._texts.get(place, "")
                self._texts[place] = new if new.startswith(before) else before + new
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        read_response({**self._last, "usage": self._usage}, invocation)
        invocation.response.answered = self._answered

    @property
    def messages(self) -> list[Message] | None:
        """The answer in the conventions' shapes, when content is captured."""
        if self._texts is None:
            return None
        return openai_messages.read_choices(
            {"choices": [{"message": {"role": "assistant", "content": said}} for said in self._texts.values()]}
        )


def read_output(result: Any) -> list[Message]:
    """A whole answer."""
    return openai_messages.read_choices({"choices": choices_of(fields(result))})


def read_input(kwargs: Mapping[str, Any]) -> Content:
    """``messages`` and ``tools``, or ``prompt``."""
    return openai_messages.read_chat(kwargs) if kwargs.get("messages") else openai_messages.read_prompt(kwargs)


DASHSCOPE_CHAT = Dialect(
    "dashscope_chat", names.CHAT, read_request, read_response, Accumulator, read_content=read_input, read_output=read_output
)  # fmt: skip
DASHSCOPE_EMBEDDINGS = Dialect("dashscope_embeddings", names.EMBEDDINGS, read_request, read_response)
DASHSCOPE_RERANK = Dialect("dashscope_rerank", names.GENERATE_CONTENT, read_request, read_response)
