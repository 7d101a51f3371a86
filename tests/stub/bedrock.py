"""Amazon Bedrock's `bedrock-runtime`: Converse for all vendors, InvokeModel for those that are not Anthropic (`anthropic.py`).

References, read 2026-11-30: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html,
API_runtime_ConverseStream.html, API_runtime_InvokeModel.html, API_runtime_InvokeModelWithResponseStream.html; the example
body of https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-call.html; the fields of the wire that
the reference leaves out (`cacheReadInputTokenCount`, `serverToolUsage`) as https://github.com/tensorzero/tensorzero/issues/5688
shows them. Errors: https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html and the page of each operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import bodies
from .exchange import Call, Endpoint, Event, Provider, words
from .framing import AWS_CONTENT_TYPE, aws, aws_event
from .script import Json, Request

ERRORS = {
    400: ("ValidationException", "The provided model identifier is invalid."),
    403: ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
    404: ("ResourceNotFoundException", "Could not resolve the foundation model from the provided model identifier."),
    408: ("ModelTimeoutException", "The request took too long to process."),
    424: ("ModelErrorException", "The request failed due to an error while processing the model."),
    429: ("ThrottlingException", "Too many requests, please wait before trying again."),
    500: ("InternalServerException", "An internal server error occurred. Retry your request."),
    503: ("ServiceUnavailableException", "Bedrock is unable to process your request."),
}
VENDORS: dict[str, Json] = bodies.load("bedrock_vendors")


def _kind(status: int) -> tuple[str, str]:
    return ERRORS.get(status, ERRORS[500 if status >= 500 else 400])


def _error(status: int, call: Call) -> Json:
    return {"message": _kind(status)[1]}


def _headers(call: Call) -> dict[str, str]:
    headers = {"x-amzn-requestid": f"00000000-0000-4000-8000-{call.token[:12]}"}
    if call.reply.status >= 400:
        headers["x-amzn-errortype"] = f"{_kind(call.reply.status)[0]}:http://internal.amazon.com/coral/"
    return headers


def _counting_headers(call: Call) -> dict[str, str]:
    headers = _headers(call)
    if call.reply.status >= 400:
        return headers
    headers["x-amzn-bedrock-invocation-latency"] = "765"
    if "/invoke-with-response-stream" not in call.request.path:
        usage = _counts(call)
        for name, header in (
            ("inputTokenCount", "input-token-count"),
            ("outputTokenCount", "output-token-count"),
            ("cacheReadInputTokenCount", "cache-read-input-token-count"),
            ("cacheWriteInputTokenCount", "cache-write-input-token-count"),
        ):
            if usage.get(name) is not None:
                headers[f"x-amzn-bedrock-{header}"] = str(usage[name])
    return headers


def _failure(call: Call) -> Event:
    return Event({"message": ERRORS[429][1]}, "throttlingException")


CONVERSE = Provider(_error, _headers, _failure, aws_event, AWS_CONTENT_TYPE)
INVOKE = Provider(_error, _counting_headers, _failure, aws, AWS_CONTENT_TYPE)


# --- Converse --------------------------------------------------------------------------------------------------------


def _content(call: Call) -> list[Json]:
    tools = [(tool["toolSpec"]["name"], tool["toolSpec"]["inputSchema"]["json"])
             for tool in call.asked_object("toolConfig").get("tools", ())]  # fmt: skip
    blocks: list[Json] = []
    if call.reply.reasoning is not None:
        thought = {"text": call.reply.reasoning, "signature": "EqQBCgIYAhIM"}
        blocks.append({"reasoningContent": {"reasoningText": thought}})
    if call.reply.text is not None or not call.reply.tool_calls:
        blocks.append({"text": call.text(bodies.load("bedrock_converse")["text"])})
    for index, (name, arguments) in enumerate(call.tool_calls(tools)):
        blocks.append({"toolUse": {"toolUseId": f"tooluse_{call.token}{index}", "name": name, "input": arguments}})
    return blocks


def _stop_reason(call: Call) -> str:
    return call.reply.finish or ("tool_use" if call.reply.tool_calls else "end_turn")


def _metadata(call: Call) -> Json:
    """Usage and metrics; the total is that of all counts, as Bedrock reports it."""
    default = bodies.load("bedrock_converse")
    made: Json = {"metrics": default["metrics"]}
    usage = call.usage(default["usage"])
    if usage is not None:
        scripted = call.reply.usage or {}
        if "totalTokens" in usage and "totalTokens" not in scripted:
            counted = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
            numbers = [usage.get(name) for name in counted]
            usage["totalTokens"] = sum(number for number in numbers if isinstance(number, int))
        made["usage"] = usage
    for field in ("serviceTier", "performanceConfig"):
        if call.asked_object(field):
            made[field] = call.asked_object(field)
    return made


def converse(call: Call) -> Json:
    """The whole answer."""
    message = {"role": "assistant", "content": _content(call)}
    return {"output": {"message": message}, "stopReason": _stop_reason(call), **_metadata(call)}


def converse_events(call: Call) -> Iterator[Event]:
    """messageStart, the blocks, messageStop, metadata."""
    yield Event({"role": "assistant"}, "messageStart")
    for index, block in enumerate(_content(call)):
        if "toolUse" in block:
            start = {key: block["toolUse"][key] for key in ("toolUseId", "name")}
            yield Event({"start": {"toolUse": start}, "contentBlockIndex": index}, "contentBlockStart")
        yield from _deltas(call, index, block)
        yield Event({"contentBlockIndex": index}, "contentBlockStop")
    yield Event({"stopReason": _stop_reason(call)}, "messageStop")
    yield Event(_metadata(call), "metadata")


def _deltas(call: Call, index: int, block: Json) -> Iterator[Event]:
    last, event = None, Event("")
    for delta in _pieces(call, block):
        if delta != last:
            last, event = delta, Event({"contentBlockIndex": index, "delta": delta}, "contentBlockDelta")
        yield event


def _pieces(call: Call, block: Json) -> Iterator[Json]:
    if "text" in block:
        yield from ({"text": piece} for piece in call.pieces(block["text"]))
    elif "toolUse" in block:
        yield {"toolUse": {"input": bodies.dumps(block["toolUse"]["input"])}}
    else:
        thought = block["reasoningContent"]["reasoningText"]
        yield from ({"reasoningContent": {"text": piece}} for piece in words(thought["text"]))
        yield {"reasoningContent": {"signature": thought["signature"]}}


# --- InvokeModel -----------------------------------------------------------------------------------------------------


def _vendor(call: Call) -> Json:
    return next(found for name, found in VENDORS.items() if name in call.asked_model)


def _counts(call: Call) -> Json:
    """Bedrock's own counts; a script's usage is laid over them by the names of the metrics of a stream."""
    names = ("inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount")
    return call.usage(dict(zip(names, _vendor(call)["tokens"], strict=False))) or {}


def invoke(call: Call) -> Any:
    """The vendor's body."""
    return _vendor(call)["body"]


def invoke_events(call: Call) -> Iterator[Event]:
    """The vendor's events; the last one has the metrics."""
    *before, last = _vendor(call)["events"]
    for data in before:
        yield Event(data)
    metrics = {**_counts(call), "invocationLatency": 765, "firstByteLatency": 690}
    yield Event({**last, "amazon-bedrock-invocationMetrics": metrics})


def count_tokens(call: Call) -> Json:
    """What a request would cost in input tokens."""
    return {"inputTokens": 125}


def guardrail(call: Call) -> Json:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html"""
    units = dict.fromkeys(
        ("topicPolicyUnits", "wordPolicyUnits", "sensitiveInformationPolicyUnits", "contextualGroundingPolicyUnits"), 0
    )
    free = {"sensitiveInformationPolicyFreeUnits": 0}
    return {"usage": {**units, **free, "contentPolicyUnits": 1}, "action": "NONE", "outputs": [], "assessments": []}


def _never(request: Request) -> bool:
    return False


def _always(request: Request) -> bool:
    return True


_MODEL = r"/model/(?P<model>[^/]+)"
_OTHERS = rf"/model/(?P<model>[^/]*({'|'.join(VENDORS)})[^/]*)".replace(".", r"\.").replace(r"[^/]*(", "[^/]*(?:")

ENDPOINTS = [
    Endpoint("POST", _MODEL + r"/converse", CONVERSE, converse, None, _never),
    Endpoint("POST", _MODEL + r"/converse-stream", CONVERSE, converse, converse_events, _always),
    Endpoint("POST", _MODEL + r"/count-tokens", CONVERSE, count_tokens, None, _never),
    Endpoint("POST", r"/guardrail/.+/apply", CONVERSE, guardrail, None, _never),
    Endpoint("POST", _OTHERS + r"/invoke", INVOKE, invoke, None, _never),
    Endpoint("POST", _OTHERS + r"/invoke-with-response-stream", INVOKE, invoke, invoke_events, _always),
]
