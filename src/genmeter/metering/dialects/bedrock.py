"""Amazon Bedrock's InvokeModel: the bodies are each vendor's own, the counts are Bedrock's for every vendor.

A whole answer has its counts in headers, a stream in its last chunk (``amazon-bedrock-invocationMetrics``). Both are
exclusive, as `TokenUsage` is. A body may say more: the lifetimes of cache writes, the reason of the end, the fees of
tools. Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModel.html and
API_runtime_InvokeModelWithResponseStream.html (read 2026-11-30); the headers stand in no service model and are reported in
https://github.com/vercel/ai/pull/15973 and https://github.com/langchain4j/langchain4j/issues/5057.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from ... import names
from ...model import Invocation, Request, Usage
from ..spec import Accumulator, Dialect
from .bedrock_bodies import BODIES
from .bedrock_shapes import parsed, read_content, read_output, speaks
from .bedrock_usage import HEADERS, METRICS, own_counts, read_billing, read_conditions, settled
from .converse import read_identity
from .values import fields, mark_stream, text

OWN = "amazon-bedrock-invocationMetrics"
TELLS = re.compile(rb"etrics|sage|oken|eason|_start|choices|artifacts|images")
"""What stands in a chunk that says more than words: other chunks are not parsed."""


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """Parameters of `invoke_model`. Those of the model lie in the body, which may be a file, and are not read."""
    request = Request(text(kwargs.get("modelId")))
    latency, guardrail = kwargs.get("performanceConfigLatency"), kwargs.get("guardrailIdentifier")
    read_conditions(request, kwargs.get("serviceTier"), latency, guardrail)
    return request


def read_stream_request(kwargs: Mapping[str, Any]) -> Request:
    """Parameters of `invoke_model_with_response_stream`."""
    request = read_request(kwargs)
    mark_stream(request)
    return request


def read_head(found: Mapping[str, Any], invocation: Invocation) -> Usage | None:
    """What the headers of an answer say: the request's id, the terms, Bedrock's own counts."""
    told = fields(fields(found.get("ResponseMetadata")).get("HTTPHeaders"))
    read_identity(found, invocation.response)
    tier, latency = told.get("x-amzn-bedrock-service-tier"), told.get("x-amzn-bedrock-performanceconfig-latency")
    read_billing(invocation, tier, latency)
    return own_counts(told, HEADERS, invocation.response)


def read_response(result: Any, invocation: Invocation) -> None:
    """The answer of `invoke_model`: its headers, and its body where the app has read it."""
    found = fields(result)
    body = parsed(found.get("body"))
    if body:
        speaks(body).read_response(body, invocation)
    own = read_head(found, invocation)
    if not invocation.response.rounds:
        invocation.usage = settled(own, invocation.usage)


def read_embeddings(result: Any, invocation: Invocation) -> None:
    """An answer of vectors: its body is parsed only where the headers count nothing. There is no output."""
    found = fields(result)
    own = read_head(found, invocation)
    if own is None:
        BODIES.read_response(parsed(found.get("body")), invocation)
        own = invocation.usage
    if own is not None:
        own.output = own.output or 0
    invocation.usage = own


class InvokeAccumulator:
    """Folds the chunks of a stream; for a whole answer, what stands beside the body that the app has still to read."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._head: Mapping[str, Any] = {}
        self._own: Mapping[str, Any] = {}
        self._inner: Accumulator | None = None
        self._captured = captured
        self._skipped = False

    def fold(self, chunk: Any) -> bool:
        """One event: a chunk holds one event of the vendor's as bytes. Chunks of words alone are not parsed."""
        piece = chunk.get("chunk")
        if piece is None:
            if "ResponseMetadata" in chunk:
                self._head = {"ResponseMetadata": chunk["ResponseMetadata"]}
            return False
        data: Any = piece.get("bytes")
        if self._inner is not None and not self._captured and TELLS.search(data) is None:
            self._skipped = True
            return False
        found = parsed(data)
        self._own = fields(found.get(OWN)) or self._own
        if self._inner is None and found:
            made = speaks(found).accumulator
            self._inner = made(False, self._captured) if made is not None else None
        if self._inner is not None:
            self._inner.fold(found)
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen: the vendor's events first, then Bedrock's own counts."""
        response = invocation.response
        if self._inner is not None:
            self._inner.finish(invocation)
            response.answered = response.answered or self._skipped
        own = read_head(self._head, invocation)
        own = own_counts(self._own, METRICS, response) or own
        if not response.rounds:
            invocation.usage = settled(own, invocation.usage)
        if invocation.operation == names.EMBEDDINGS and invocation.usage is not None:
            invocation.usage.output = invocation.usage.output or 0
        if own is not None and not invocation.request.stream:
            # The answer had arrived whole: what becomes of its body changes nothing of the bill.
            invocation.cut, invocation.answered = None, True

    @property
    def messages(self) -> list[dict[str, Any]] | None:
        """The answer in the conventions' shapes, when content is captured."""
        return cast("list[dict[str, Any]] | None", getattr(self._inner, "messages", None))


def _dialect(name: str, operation: str, reader: Any, answer: Any = read_response) -> Dialect:
    return Dialect(
        name,
        operation,
        reader,
        answer,
        InvokeAccumulator,
        content_arguments=("body",),
        read_content=read_content,
        read_output=read_output,
    )


BEDROCK_INVOKE = _dialect("bedrock_invoke", names.CHAT, read_request)
BEDROCK_STREAM = _dialect("bedrock_stream", names.CHAT, read_stream_request)
BEDROCK_EMBEDDINGS = _dialect("bedrock_embeddings", names.EMBEDDINGS, read_request, read_embeddings)
BEDROCK_IMAGES = _dialect("bedrock_images", names.GENERATE_CONTENT, read_request)
BEDROCK_RERANK = _dialect("bedrock_rerank", names.GENERATE_CONTENT, read_request)
