"""Amazon Bedrock's Converse: one shape for the models of every vendor, whole and as a stream of events.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, API_runtime_ConverseStream.html
and API_runtime_TokenUsage.html (read 2026-11-30), and the service model `bedrock-runtime` of botocore 1.43.117.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import names
from ...model import Invocation, Request, Response
from ..spec import Dialect
from . import converse_messages as messages
from .bedrock_usage import read_billing, read_conditions, read_usage
from .counts import leave
from .values import Reader, fields, read_parameters, real, strings, text, whole

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_call",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
PARAMETERS: Mapping[str, tuple[str, Reader]] = {
    "temperature": (names.REQUEST_TEMPERATURE, real),
    "topP": (names.REQUEST_TOP_P, real),
    "maxTokens": (names.REQUEST_MAX_TOKENS, whole),
    "stopSequences": (names.REQUEST_STOP_SEQUENCES, strings),
    "top_k": (names.REQUEST_TOP_K, whole),
    "topK": (names.REQUEST_TOP_K, whole),
}


def read_request(kwargs: Mapping[str, Any]) -> Request:
    """Parameters of `converse`."""
    request = Request(text(kwargs.get("modelId")))
    for place in ("inferenceConfig", "additionalModelRequestFields"):
        read_parameters(fields(kwargs.get(place)), PARAMETERS, request)
    guardrail = fields(kwargs.get("guardrailConfig")).get("guardrailIdentifier")
    tier = fields(kwargs.get("serviceTier")).get("type")
    read_conditions(request, tier, fields(kwargs.get("performanceConfig")).get("latency"), guardrail)
    return request


def read_response(result: Any, invocation: Invocation) -> None:
    """The answer of `converse`, or the body of Amazon's own models, which has the same shape."""
    found = fields(result)
    response = invocation.response
    read_identity(found, response)
    blocks = messages.blocks(found)
    response.finish_reasons = [finish_reason(found.get("stopReason"))]
    response.answered = response.answered or any(messages.says(block) for block in blocks)
    for block in blocks:
        name_tool(fields(block.get("toolUse")), response)
    read_metadata(found, invocation)


def read_identity(found: Mapping[str, Any], response: Response) -> None:
    """The id that AWS gives to every request."""
    response.id = text(fields(found.get("ResponseMetadata")).get("RequestId")) or response.id


def read_metadata(found: Mapping[str, Any], invocation: Invocation) -> None:
    """What a call used, and on which terms: fields of an answer, or of the last event of a stream."""
    request, response = invocation.request, invocation.response
    usage = fields(found.get("usage"))
    if usage:
        invocation.usage = read_usage(usage, response, gross="openai." in (request.model or "") and request.stream)
    trace = fields(found.get("trace"))
    router = text(fields(trace.get("promptRouter")).get("invokedModelId"))
    if router is not None:
        response.model = router
        leave("promptRouter", 0, response)
    latency = fields(found.get("performanceConfig")).get("latency")
    read_billing(invocation, fields(found.get("serviceTier")).get("type"), latency)
    for assessment in messages.assessments(fields(trace.get("guardrail"))):
        messages.name_units(assessment, response)


def name_tool(tool: Mapping[str, Any], response: Response) -> None:
    """Name a tool that Bedrock itself runs, whose fee stands in no count: web grounding and code interpretation."""
    if tool.get("type") == "server_tool_use":
        leave(str(tool.get("name")), 0, response)


def finish_reason(reason: Any) -> str:
    """A stop reason in the conventions' words; ``error`` where it never came."""
    return FINISH.get(reason, reason) if isinstance(reason, str) else "error"


def read_output(result: Any) -> list[dict[str, Any]]:
    """The answer as one assistant message."""
    found = fields(result)
    return messages.answer(messages.blocks(found), finish_reason(found.get("stopReason")))


CONVERSE = Dialect(
    "converse",
    names.CHAT,
    read_request,
    read_response,
    content_arguments=("messages",),
    read_content=messages.read_content,
    read_output=read_output,
)
