"""Chat completions, as OpenAI defined them and two dozen others speak them; and the older text completions.

Source: https://platform.openai.com/docs/api-reference/chat and /completions (read 2026-11-21).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Invocation, Request, Round, Usage
from ..spec import AHEAD, Dialect
from . import openai_messages
from .counts import leave, merged
from .openai_messages import finish_reason
from .openai_usage import read_spending, read_usage
from .values import Reader, each, fields, own, read_identity, read_parameters, real, several, strings, text, whole

TOOLS = "executed_tools"
"""The tools that Groq's compound systems ran, each billed by the use: https://groq.com/pricing."""
SEEN = ("id", "model", "service_tier", "system_fingerprint", "usage_breakdown")
SAID = ("content", "tool_calls", "refusal", "function_call", "audio", "reasoning_content", "reasoning")
"""The fields of a message, or of a piece of one, that are an answer."""


def output_type(value: Any) -> str | None:
    """The modality that ``response_format`` asks for: ``json`` or ``text``."""
    kind = fields(value).get("type")
    if kind in ("json_object", "json_schema"):
        return "json"
    return "text" if kind == "text" else "json" if isinstance(value, type) else None


PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "temperature": (names.REQUEST_TEMPERATURE, real),
    "top_p": (names.REQUEST_TOP_P, real),
    "frequency_penalty": (names.REQUEST_FREQUENCY_PENALTY, real),
    "presence_penalty": (names.REQUEST_PRESENCE_PENALTY, real),
    "max_tokens": (names.REQUEST_MAX_TOKENS, whole),
    "max_completion_tokens": (names.REQUEST_MAX_TOKENS, whole),
    "stop": (names.REQUEST_STOP_SEQUENCES, strings),
    "seed": (names.REQUEST_SEED, whole),
    "n": (names.REQUEST_CHOICE_COUNT, several),
    "reasoning_effort": (names.REQUEST_REASONING_LEVEL, text),
    "response_format": (names.OUTPUT_TYPE, output_type),
}


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """Arguments of ``create`` and ``parse``."""
    request = Request(text(kwargs.get("model")))
    read_parameters(kwargs, PARAMETERS, request)
    request.attributes[names.OPENAI_API_TYPE] = "chat_completions"
    read_stream_and_tier(kwargs, request)
    return request


def read_stream_and_tier(kwargs: Mapping[str, Any], request: Request) -> None:
    """Whether the answer comes in pieces, and at which service tier it was asked for."""
    if kwargs.get("stream"):
        request.stream = True
        request.attributes[names.REQUEST_STREAM] = True
    tier = text(kwargs["service_tier"]) if "service_tier" in kwargs else None
    if tier is not None:
        request.service_tier = tier
        if tier != "auto":
            request.attributes[names.OPENAI_REQUEST_TIER] = tier


def read_response(result: Any, invocation: Invocation) -> None:
    """A ChatCompletion or a Completion."""
    found = fields(result)
    response = invocation.response
    read_identity(found, response)
    read_tier(found, invocation)
    choices = each(found.get("choices"))
    usage = found.get("usage") or beside(found) or next(filter(None, (one.get("usage") for one in choices)), None)
    if usage is not None:
        read_spending(usage, invocation)
    read_breakdown(found, invocation)
    response.finish_reasons = [finish_reason(choice) for choice in choices]
    tools = False
    for choice in choices:
        message = fields(choice.get("message"))
        response.answered = response.answered or says(choice, message)
        tools = tools or bool(message.get(TOOLS))
    if tools:
        leave(TOOLS, 0, response)


def says(choice: Mapping[str, Any], message: Mapping[str, Any]) -> bool:
    """Whether a choice, or a piece of one, has words or calls a tool."""
    for name in SAID:
        if message.get(name):
            return True
    return bool(choice.get("text"))


def read_breakdown(found: Mapping[str, Any], invocation: Invocation) -> None:
    """The models that shared one answer: Groq's compound systems (type `UsageBreakdown` of the groq package).

    Each is priced by itself. A breakdown that does not add up to the usage is named and not believed.
    """
    if "usage_breakdown" not in found:
        return
    usage, response = invocation.usage, invocation.response
    entries = each(fields(found["usage_breakdown"]).get("models"))
    if not entries or usage is None:
        return
    counts = [(entry.get("model"), read_usage(fields(entry.get("usage")), response)) for entry in entries]
    rounds = [Round(text(model), used or Usage()) for model, used in counts]
    told = [sum(getattr(one.usage, name) or 0 for one in rounds) for name in ("input", "output")]
    if told == [usage.input, usage.output] and all(one.model for one in rounds):
        response.rounds = tuple(rounds)
    else:
        leave("usage_breakdown", 0, response)


def read_tier(found: Mapping[str, Any], invocation: Invocation) -> None:
    """The service tier that was used, and the backend's fingerprint."""
    response = invocation.response
    tier = text(found.get("service_tier"))
    if tier is not None:
        response.service_tier = tier
        response.attributes[names.OPENAI_RESPONSE_TIER] = tier
    fingerprint = text(found.get("system_fingerprint"))
    if fingerprint is not None:
        response.attributes[names.OPENAI_FINGERPRINT] = fingerprint


def beside(found: Mapping[str, Any]) -> Any:
    """Usage in a vendor's own field: a chunk of Groq's has it in the field x_groq unasked.

    Source: https://console.groq.com/docs/api-reference (read 2026-11-21).
    """
    return next(filter(None, (fields(value).get("usage") for value in found.values())), None)


def may_hold_usage(found: Mapping[str, Any]) -> bool:
    """Whether a chunk has an object that the shape does not know: a later one may have usage in it."""
    return any(fields(value) for name, value in found.items() if name != "usage")


class ChatAccumulator:
    """Folds chunks of a chat (or text) completion: the last usage, one finish reason a choice, no chunk kept."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._asked = asked
        self._usage: Any = None
        self._seen: dict[str, Any] = {}
        self._unnamed = True
        self._vendor = False
        self._answered = self._whole = False
        self._tools = False
        self._reasons: dict[int, str | None] = {}
        self.deltas = openai_messages.Deltas() if captured else None

    def fold(self, chunk: Any) -> int:
        """True for the chunk that carries nothing but the usage that we asked for; AHEAD for one that ends a choice."""
        # As ``own`` reads a model, without calling it: the SDK's work between two chunks makes each call dear.
        found = getattr(chunk, "__dict__", None) or own(chunk)
        ends = False
        usage = found.get("usage")
        if usage is not None or self._unnamed:
            # Azure opens with a chunk whose id and model are empty; the tier may come with the usage alone.
            self._seen.update((name, found[name]) for name in SEEN if found.get(name))
            self._unnamed = "model" not in self._seen
            # A vendor's own field stands in the first chunk already; asking every chunk of every server costs time.
            self._vendor = self._vendor or may_hold_usage(fields(chunk))
        choices = found.get("choices")
        # Before the choices: where these are malformed, the tokens are billed all the same.
        if usage is not None:
            self._usage = merged(self._usage, usage)
        elif self._vendor or not choices:
            self._usage = merged(self._usage, beside(fields(chunk)))
        try:
            for choice in choices or ():
                chosen = getattr(choice, "__dict__", None) or own(choice)
                reason, index = chosen.get("finish_reason"), chosen.get("index") or 0
                if reason is not None or index not in self._reasons:
                    ends = ends or (bool(reason) and not self._reasons.get(index))
                    self._reasons[index] = reason
                    if reason is not None and usage is None:
                        # Moonshot has usage in the last choice: https://platform.moonshot.ai/docs/api/chat (read 2026-11-30).
                        self._usage = merged(self._usage, beside(fields(chunk)) or fields(choice).get("usage"))
                if not self._answered:
                    self._answered = says(chosen, own(chosen.get("delta")))
                if self._vendor and not self._tools:
                    self._tools = bool(own(chosen.get("delta")).get(TOOLS))
                if self.deltas is not None:
                    self.deltas.fold(chosen)
        except TypeError:
            pass  # choices that are no list, an index that is no number: the rest of the chunk counts
        if usage is not None:
            self._whole = self._asked and not choices
            return self._whole
        if self._asked:
            # The server writes `usage: null` into every chunk because we asked; the app's own dump must not show it.
            try:
                chunk.__pydantic_fields_set__.discard("usage")
            except AttributeError:
                pass  # a chunk that is no model: a server's `null`, or JSON of a raw stream
            return AHEAD if ends and self._usage is None else False
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        response = invocation.response
        read_identity(self._seen, response)
        read_tier(self._seen, invocation)
        response.answered = self._answered
        if self._usage is not None:
            read_spending(self._usage, invocation)
        if self._whole:
            # The chunk that we asked for is the last one: an app that stops before it has the whole answer.
            invocation.cut = None
        read_breakdown(self._seen, invocation)
        if self._tools:
            leave(TOOLS, 0, response)
        response.finish_reasons = [
            finish_reason({"finish_reason": reason}) for _, reason in sorted(self._reasons.items(), key=_place)
        ]

    @property
    def messages(self) -> list[dict[str, Any]] | None:
        """The answer in the conventions' shapes, when content is captured."""
        return self.deltas.messages() if self.deltas is not None else None


def _place(item: tuple[Any, Any]) -> int:
    """Where a choice stands among the others; first where a server has put something else than a number."""
    return item[0] if isinstance(item[0], int) else 0


def ends(chunk: Any) -> bool:
    """Whether a chunk has no words: each of its choices has finished, or it has none."""
    return all(fields(choice).get("finish_reason") for choice in each(fields(chunk).get("choices")))


OPENAI_CHAT = Dialect(
    "openai_chat",
    names.CHAT,
    read_request,
    read_response,
    ChatAccumulator,
    asks_usage=True,
    content_arguments=("messages",),
    read_content=openai_messages.read_chat,
    read_output=openai_messages.read_choices,
    tail=ends,
)
OPENAI_COMPLETIONS = Dialect(
    "openai_completions",
    names.TEXT_COMPLETION,
    read_request,
    read_response,
    ChatAccumulator,
    asks_usage=True,
    content_arguments=("prompt",),
    read_content=openai_messages.read_prompt,
    read_output=openai_messages.read_choices,
)
