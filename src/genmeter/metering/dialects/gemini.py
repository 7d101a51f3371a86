"""Gemini's generateContent and streamGenerateContent, on the Gemini API and on Vertex AI.

Source: https://ai.google.dev/api/generate-content (read 2026-11-30 through the types of google-genai 1.75 and 3.6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ... import names
from ...model import Invocation
from ..parts import parse_json
from ..spec import Dialect
from . import gemini_messages
from .gemini_grounding import Grounding
from .gemini_messages import finish_reason
from .gemini_request import read_request, read_stream_request
from .gemini_usage import header, read_usage, service_tier, snaked
from .values import each, fields, own, text

TIER_HEADER = "x-gemini-service-tier"
"""The service tier that the Gemini API used: https://ai.google.dev/gemini-api/docs/priority-inference (read 2026-11-30)."""


def answer(result: Any) -> Mapping[str, Any]:
    """The fields of an answer: an object, plain JSON, or the JSON in a raw response."""
    found = snaked(result) if isinstance(result, dict) else fields(result)
    kept = fields(found.get("sdk_http_response"))
    body = kept.get("body")
    return {**fields(snaked(parse_json(body))), "sdk_http_response": kept} if isinstance(body, str) else found


def read_response(result: Any, invocation: Invocation) -> None:
    """A GenerateContentResponse."""
    found = answer(result)
    candidates, grounding = each(found.get("candidates")), Grounding()
    for candidate in candidates:
        if candidate.get("grounding_metadata") is not None:
            grounding.see(candidate["grounding_metadata"])
    response = invocation.response
    response.finish_reasons = [finish_reason(candidate.get("finish_reason")) for candidate in candidates]
    response.answered = any(fields(candidate.get("content")).get("parts") for candidate in candidates)
    finish(found, fields(found.get("usage_metadata")), grounding, invocation)


def finish(found: Mapping[str, Any], usage: Mapping[str, Any], grounding: Grounding, invocation: Invocation) -> None:
    """Who answered, at which service tier, and what was used."""
    response = invocation.response
    response.id, response.model = text(found.get("response_id")), text(found.get("model_version"))
    if not response.finish_reasons and fields(found.get("prompt_feedback")).get("block_reason"):
        response.finish_reasons = ["content_filter"]
    tier = service_tier(usage.get("traffic_type"), usage.get("service_tier"))
    if tier is None:
        headers = fields(fields(found.get("sdk_http_response")).get("headers"))
        tier = service_tier(header(headers, TIER_HEADER))
    response.service_tier = tier
    invocation.usage = read_usage(usage, response)
    if invocation.usage is not None:
        grounding.bill(response.model or invocation.request.model, invocation.usage, response)


SEEN = ("response_id", "model_version", "prompt_feedback", "sdk_http_response")


class GeminiAccumulator:
    """Folds responses. Each count is a running total, so the last one that is not zero stands; no chunk is kept."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._usage: dict[str, Any] = {}
        self._seen: dict[str, Any] = {}
        self._reasons: dict[int, Any] = {}
        self._grounding = Grounding()
        self._answered = False
        self.deltas = gemini_messages.Deltas() if captured else None

    def fold(self, chunk: Any) -> bool:
        """Take in the counts, the reasons and the searches; nothing is hidden."""
        found = snaked(chunk) if type(chunk) is dict else own(chunk)
        usage = found.get("usage_metadata")
        if usage is not None:
            seen = self._usage
            for name, value in own(usage).items():
                if value or (value is not None and name not in seen):
                    seen[name] = value
        if len(self._seen) < 3:
            self._seen.update((name, found[name]) for name in SEEN if found.get(name))
        try:
            for candidate in found.get("candidates") or ():
                self._candidate(own(candidate))
        except TypeError:
            pass  # candidates that are no list: the counts are taken all the same
        return False

    def _candidate(self, found: Mapping[str, Any]) -> None:
        index, reason = found.get("index") or 0, found.get("finish_reason")
        if reason is not None or index not in self._reasons:
            self._reasons[index] = reason
        if found.get("grounding_metadata") is not None:
            self._grounding.see(found["grounding_metadata"])
        if not self._answered:
            self._answered = bool(own(found.get("content")).get("parts"))
        if self.deltas is not None:
            self.deltas.fold(index, found)

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        response = invocation.response
        response.answered = self._answered
        response.finish_reasons = [finish_reason(reason) for _, reason in sorted(self._reasons.items(), key=_place)]
        finish(self._seen, self._usage, self._grounding, invocation)

    @property
    def messages(self) -> list[dict[str, Any]] | None:
        """The answer in the conventions' shapes, when content is captured."""
        return self.deltas.messages() if self.deltas is not None else None


def _place(item: tuple[Any, Any]) -> int:
    return item[0] if isinstance(item[0], int) else 0


def read_output(result: Any) -> list[dict[str, Any]]:
    """The candidates of a whole answer: one message each."""
    return gemini_messages.read_candidates(answer(result))


GEMINI = Dialect(
    "gemini",
    names.GENERATE_CONTENT,
    read_request,
    read_response,
    content_arguments=("contents",),
    read_content=gemini_messages.read_content,
    read_output=read_output,
)
GEMINI_STREAM = replace(GEMINI, name="gemini_stream", read_request=read_stream_request, accumulator=GeminiAccumulator)
