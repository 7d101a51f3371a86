"""Replicate's predictions: the model in many spellings, an input that each model names by itself, and metrics.

Most models are billed by the second of a machine, some official ones by what they count. Sources:
https://replicate.com/docs/topics/predictions/lifecycle, https://replicate.com/docs/reference/http#predictions.create and
https://replicate.com/docs/topics/billing (read 2026-11-30).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Content, Invocation, Request, Usage
from ..parts import Message, message, text_part
from ..spec import Dialect
from .counts import leave, total
from .values import Reader, fields, items, mark_stream, read_parameters, real, text, whole

PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "temperature": (names.REQUEST_TEMPERATURE, real),
    "top_p": (names.REQUEST_TOP_P, real),
    "top_k": (names.REQUEST_TOP_K, real),
    "max_tokens": (names.REQUEST_MAX_TOKENS, whole),
    "max_new_tokens": (names.REQUEST_MAX_TOKENS, whole),
    "seed": (names.REQUEST_SEED, whole),
}
"""Names in an input that many language models share."""
IMAGES = ("image_count", "image_output_count")
SECONDS = "predict_time"
FINISH = {"succeeded": "stop", "failed": "error", "canceled": "error"}


def _name(model: Any) -> str | None:
    """``owner/name``, ``owner/name:version``, a pair of both, or an object of the SDK that has them."""
    found = text(model)
    if found is not None:
        return found
    pair = items(model) or [fields(model).get("owner"), fields(model).get("name")]
    return "/".join(pair) if len(pair) == 2 and all(map(text, pair)) else text(fields(model).get("id"))


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """The arguments of any of the methods; the model's parameters stand in ``input``."""
    named = (kwargs.get(name) for name in ("ref", "model", "version", "deployment"))
    request = Request(next(filter(None, map(_name, named)), None))
    read_parameters(fields(kwargs.get("input")), PARAMETERS, request)
    return request


def read_stream_request(kwargs: Mapping[str, Any]) -> Request:
    """The arguments of a function that streams."""
    request = read_request(kwargs)
    mark_stream(request)
    return request


def read_prediction(result: Any, invocation: Invocation) -> None:
    """A state of a prediction: one that is not done yet has counted nothing."""
    found, response = fields(result), invocation.response
    response.id, response.model = text(found.get("id")), text(found.get("model"))
    metrics, state = fields(found.get("metrics")), found.get("status")
    if state in FINISH:
        response.finish_reasons = [FINISH[state]]
    response.answered = bool(found.get("output"))
    inputs, outputs = total(metrics, "input_token_count", response), total(metrics, "output_token_count", response)
    images = next(filter(None, (total(metrics, name, response) for name in IMAGES)), 0)
    if inputs is not None or outputs is not None or images:
        invocation.usage = Usage(inputs, outputs, images=images)
    elif metrics.get(SECONDS):
        leave(SECONDS, 0, response)


class Accumulator:
    """Folds the events of a stream. None of them counts anything; the words are in the events named ``output``."""

    def __init__(self, asked: bool, captured: bool) -> None:
        self._done = self._answered = False
        self._texts: list[str] | None = [] if captured else None

    def fold(self, chunk: Any) -> bool:
        """No event came because of us."""
        kind = text(chunk.event)
        self._done = self._done or kind == "done"
        if kind == "output":
            self._answered = True
            if self._texts is not None:
                self._texts.append(str(chunk.data))
        return False

    def finish(self, invocation: Invocation) -> None:
        """Write what was seen."""
        invocation.response.answered = self._answered
        invocation.response.finish_reasons = ["stop" if self._done else "error"]

    @property
    def messages(self) -> list[Message] | None:
        """The answer in the conventions' shapes, when content is captured."""
        if self._texts is None:
            return None
        return [message("assistant", [text_part("".join(self._texts))], "stop" if self._done else "error")]


def read_content(kwargs: Mapping[str, Any]) -> Content:
    """The prompts of an input, under the names that most models have for them."""
    found = fields(kwargs.get("input"))
    system = found.get("system_prompt")
    return Content(
        [text_part(system)] if isinstance(system, str) else None,
        [message("user", [text_part(found["prompt"])])] if isinstance(found.get("prompt"), str) else [],
    )


def read_output(result: Any) -> list[Message]:
    """The output as text, where it is a text or pieces of one."""
    output = fields(result).get("output")
    said = "".join(str(piece) for piece in items(output)) or str(output or "")
    return [message("assistant", [text_part(said)], FINISH.get(str(fields(result).get("status"))))]


def _dialect(name: str, request: Any) -> Dialect:
    return Dialect(
        name,
        names.GENERATE_CONTENT,
        request,
        read_prediction,
        Accumulator,
        read_content=read_content,
        read_output=read_output,
    )


REPLICATE_PREDICTION = _dialect("replicate_prediction", read_request)
REPLICATE_STREAM = _dialect("replicate_stream", read_stream_request)
