"""IBM watsonx.ai: generation of text, embeddings and reranking, with counts of their own.

Source: https://cloud.ibm.com/apidocs/watsonx-ai through https://ibm.github.io/watsonx-ai-node-sdk (TextGenResult,
EmbeddingsResponse, RerankResponse; read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ... import names
from ...model import Invocation, Request, Usage
from ..parts import Message, message, text_part
from ..spec import Dialect
from . import openai_messages
from .counts import total
from .values import Reader, each, fields, items, mark_stream, read_parameters, real, strings, text, whole

PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "temperature": (names.REQUEST_TEMPERATURE, real),
    "top_p": (names.REQUEST_TOP_P, real),
    "top_k": (names.REQUEST_TOP_K, real),
    "max_new_tokens": (names.REQUEST_MAX_TOKENS, whole),
    "stop_sequences": (names.REQUEST_STOP_SEQUENCES, strings),
    "random_seed": (names.REQUEST_SEED, whole),
}
FINISH = {"eos_token": "stop", "stop_sequence": "stop", "max_tokens": "length", "token_limit": "length", "time_limit": "length"}  # fmt: skip
UNFINISHED = "not_finished"
COUNTS = ("input_token_count", "generated_token_count")


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``generate``, and the parameters in one of them."""
    request = Request(text(kwargs.get("model")))
    read_parameters(fields(kwargs.get("params")), PARAMETERS, request)
    if kwargs.get("stream"):
        mark_stream(request)
    return request


def counted(answers: Iterable[Mapping[str, Any]], invocation: Invocation) -> Usage | None:
    """The sum of what answers count; None where they count nothing."""
    usage, response = None, invocation.response
    for found in answers:
        read, made = (total(found, name, response) for name in COUNTS)
        if read is None and made is None:
            continue
        usage = usage or Usage()
        usage.input = _sum(usage.input, read)
        usage.output = _sum(usage.output, made)
    return usage


def _sum(before: int | None, count: int | None) -> int | None:
    return before if count is None else count + (before or 0)


def results_of(result: Any) -> list[Mapping[str, Any]]:
    """The results of an answer, or of a list of answers, one for each prompt."""
    return [one for answer in (items(result) or [result]) for one in each(fields(answer).get("results"))]


def read_response(result: Any, invocation: Invocation) -> None:
    """A whole answer, or a list of them, one for each prompt."""
    response, results = invocation.response, results_of(result)
    first = fields((items(result) or [result])[0])
    response.model = text(first.get("model_id")) or response.model
    invocation.usage = counted(results, invocation)
    response.finish_reasons = [finish(one) for one in results]
    response.answered = any(one.get("generated_text") for one in results)


def finish(found: Mapping[str, Any]) -> str:
    """A result's reason in the conventions' words."""
    reason = str(found.get("stop_reason") or "error").lower()
    return FINISH.get(reason, "error" if reason == UNFINISHED else reason)


class TextParts:
    """Folds the parts of a stream, each with the counts so far; or whole answers, which are added up.

    A part that leaves a count out, or says zero, takes nothing from what was counted before.
    """

    def __init__(self, asked: bool, captured: bool) -> None:
        self._done: list[dict[str, Any]] = []
        self._now: dict[str, Any] = {}
        self._model: Any = None
        self._texts: list[str] | None = [] if captured else None

    def fold(self, chunk: Any) -> bool:
        """No part came because of us."""
        found = fields(chunk)
        self._model = self._model or found.get("model_id")
        for one in each(found.get("results")):
            for name in (*COUNTS, "stop_reason", "generated_text"):
                self._now[name] = one.get(name) or self._now.get(name)
            if self._texts is not None:
                self._texts.append(str(one.get("generated_text") or ""))
            if str(one.get("stop_reason") or UNFINISHED).lower() != UNFINISHED:
                self._done.append(self._now)
                self._now = {}
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        told = [*self._done, self._now] if self._now else self._done
        read_response({"model_id": self._model, "results": told}, invocation)

    @property
    def messages(self) -> list[Message] | None:
        """The answer in the conventions' shapes, when content is captured."""
        return None if self._texts is None else [message("assistant", [text_part("".join(self._texts))])]


def read_vectors(result: Any, invocation: Invocation) -> None:
    """Embeddings and rerankings count their input beside the results, and have no output."""
    found, response = fields(result), invocation.response
    response.model = text(found.get("model_id"))
    count = total(found, COUNTS[0], response)
    invocation.usage = None if count is None else Usage(count, 0)


def read_output(result: Any) -> list[Message]:
    """A whole answer."""
    return [message("assistant", [text_part(one.get("generated_text"))], finish(one)) for one in results_of(result)]


WATSONX_TEXT = Dialect(
    "watsonx_completions", names.TEXT_COMPLETION, read_request, read_response, TextParts,
    content_arguments=("prompt",), read_content=openai_messages.read_prompt, read_output=read_output,
)  # fmt: skip
WATSONX_EMBEDDINGS = Dialect("watsonx_embeddings", names.EMBEDDINGS, read_request, read_vectors)
WATSONX_RERANK = Dialect("watsonx_rerank", names.GENERATE_CONTENT, read_request, read_vectors)
