"""Google's interactions and decisions.

Sources: https://ai.google.dev/api/interactions-api, https://ai.google.dev/gemini-api/docs/interactions (read 2026-11-30 through
the types of google-genai 1.75 and 3.6, and search excerpts of the pages).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Invocation, Request
from ..errors import reported
from ..spec import Dialect
from .counts import merged
from .gemini_interaction_messages import Deltas, read_content, read_steps
from .gemini_interaction_usage import read_usage
from .gemini_request import PARAMETERS, model_name
from .gemini_usage import service_tier
from .values import each, fields, mark_stream, own, read_parameters, text

FINISH = {
    "completed": ["stop"],
    "requires_action": ["tool_call"],
    "incomplete": ["length"],
    "requires_continuation": ["length"],
    "budget_exceeded": ["length"],
    "failed": ["error"],
    "cancelled": ["error"],
}
"""The status of an interaction in the conventions' words; one that goes on has no reason yet."""


def asked(kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What is asked: the arguments, or the body of the one argument ``request``."""
    request = fields(kwargs.get("request"))
    return fields(request.get("body")) if request else kwargs


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``create``. An agent stands in the place of a model."""
    found = asked(kwargs)
    request = Request(model_name(found.get("model")) or text(found.get("agent")))
    config = fields(found.get("generation_config"))
    read_parameters({**found, **config}, PARAMETERS, request)
    level = text(config.get("thinking_level"))
    if level is not None:
        request.attributes[names.REQUEST_REASONING_LEVEL] = level
    request.service_tier = service_tier(found.get("service_tier"))
    if found.get("stream"):
        mark_stream(request)
    return request


def read_response(result: Any, invocation: Invocation) -> None:
    """An Interaction, or the answer to a decision, which has neither id nor status."""
    found, response = fields(result), invocation.response
    response.id = text(found.get("id"))
    response.model = model_name(found.get("model"))
    response.service_tier = service_tier(found.get("service_tier"))
    model = response.model or invocation.request.model
    invocation.usage = read_usage(fields(found.get("usage")), model, response)
    status = text(found.get("status"))
    response.finish_reasons = FINISH.get(status or "", [])
    response.answered = bool(found.get("steps") or found.get("outputs"))
    if status == "failed":
        # No exception reaches the app, which may not even look: the call has failed all the same.
        code = next((one.get("code") for one in each(found.get("errors"))), None)
        invocation.error = reported(code)


class InteractionAccumulator:
    """Folds events: the last ones have the interaction, with its usage and without its steps."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._seen: dict[str, Any] = {}
        self._usage: Any = None
        self._error: str | None = None
        self.deltas = Deltas() if captured else None

    def fold(self, chunk: Any) -> bool:
        """Take in who answers and what was used so far; nothing is hidden."""
        found = own(chunk)
        if found.get("is_unknown"):  # an event that is new to the SDK
            found = fields(found.get("raw"))
        interaction = found.get("interaction")
        if interaction is not None:
            told = fields(interaction)
            self._seen.update((name, value) for name, value in told.items() if value is not None)
            self._usage = merged(self._usage, told.get("usage"))
        usage = found.get("usage") or own(found.get("metadata")).get("total_usage")
        if usage is not None:
            self._usage = merged(self._usage, usage)
        if found.get("event_type") == "error":
            self._error = reported(own(found.get("error")).get("code"))
        if self.deltas is not None:
            self.deltas.fold(found)
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        read_response({**self._seen, "usage": self._usage}, invocation)
        invocation.error = invocation.error or self._error

    @property
    def messages(self) -> list[dict[str, Any]] | None:
        """The answer in the conventions' shapes, when content is captured."""
        return self.deltas.messages() if self.deltas is not None else None


GEMINI_INTERACTIONS = Dialect(
    "gemini_interactions",
    names.GENERATE_CONTENT,
    read_request,
    read_response,
    InteractionAccumulator,
    content_arguments=("input",),
    read_content=lambda kwargs: read_content(asked(kwargs)),
    read_output=read_steps,
)
GEMINI_DECISIONS = Dialect("gemini_decisions", names.GENERATE_CONTENT, read_request, read_response)
