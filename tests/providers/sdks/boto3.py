"""boto3 and Bedrock: the body is the example of the user guide, which `tests/stub/bedrock.py` names (read 2026-11-30)."""

from __future__ import annotations

from typing import Any

from ..contract import NEEDLE, At, Call, Expected, Odd, Sdk

MODEL = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
EMBEDDER = "amazon.titan-embed-text-v2:0"
REQUEST = "00000000-0000-4000-8000-0123456789ab"
KEYS: Any = {"region_name": "us-east-1", "aws_access_key_id": "AKIASTUB", "aws_secret_access_key": "secret"}
# Claude Haiku 4.5 in one geography 1.10 / 5.50: 125 × 1.1 + 60 × 5.5 = 137.5 + 330
CONVERSED = Expected(
    operation="chat", provider="aws.bedrock", request_model=MODEL, response_model=None,
    tokens={"input": 125, "output": 60}, finish=("stop",), id=REQUEST, cost=467.5,
)  # fmt: skip
# The stub's message of Claude: 25 × 1.1 + 15 × 5.5 = 27.5 + 82.5
INVOKED = Expected(
    operation="chat", provider="aws.bedrock", request_model=MODEL, response_model="claude-haiku-4-5-20251001",
    tokens={"input": 25, "output": 15}, finish=("stop",), id="0123456789abcdef01234567", cost=110,
)  # fmt: skip
# Llama 3 8B 0.30 / 0.60: 13 × 0.3 + 7 × 0.6 = 3.9 + 4.2
LLAMA = Expected(
    operation="chat", provider="aws.bedrock", request_model="meta.llama3-8b-instruct-v1:0", response_model=None,
    tokens={"input": 13, "output": 7}, finish=("stop",), id=REQUEST, cost=8.1,
)  # fmt: skip
# Nova Lite 0.06 / 0.24, cached 0.015: 16 × 0.06 + 1000 × 0.015 + 9 × 0.24 = 0.96 + 15 + 2.16
NOVA = Expected(
    operation="chat", provider="aws.bedrock", request_model="amazon.nova-lite-v1:0", response_model=None,
    tokens={"input": 1016, "output": 9, "cache_read": 1000}, finish=("stop",), id=REQUEST, cost=18.12,
)  # fmt: skip
PAINTER = "amazon.titan-image-generator-v2:0"
PAINTED = Expected("generate_content", "aws.bedrock", PAINTER, None, {"images": 2}, id=REQUEST, cost="unknown_model")
# Titan Embed v2 0.02: 8 × 0.02
EMBEDDED = Expected("embeddings", "aws.bedrock", EMBEDDER, None, {"input": 8}, id=REQUEST, cost=0.16)
ASK: Any = {"modelId": MODEL, "messages": [{"role": "user", "content": [{"text": NEEDLE}]}]}
INVOKE: Any = {"modelId": MODEL, "body": b"{}"}


def stream(answer: Any) -> Any:
    """The events of an answer of Converse."""
    return answer["stream"]


def body(answer: Any) -> Any:
    """The events of an answer of InvokeModel."""
    return answer["body"]


def read(answer: Any) -> Any:
    """The whole body of an answer, now or when awaited."""
    return answer["body"].read()


def invoked(name: str, expected: Expected) -> Call:
    """InvokeModel and its stream, of one model."""
    ask = {**INVOKE, "modelId": expected.request_model}
    return Call(
        name,
        "/invoke|/invoke-with-response-stream",
        expected,
        {"value": At("invoke_model", ask, take=read)},
        {"stream": At("invoke_model_with_response_stream", ask, take=body)},
    )


CALLS = (
    Call(
        "converse",
        "/converse|/converse-stream",
        CONVERSED,
        {"value": At("converse", ASK)},
        {"stream": At("converse_stream", ASK, take=stream)},
    ),
    invoked("claude", INVOKED),
    invoked("llama", LLAMA),
    invoked("nova", NOVA),
    Call("images", "/invoke", PAINTED, {"value": At("invoke_model", {**INVOKE, "modelId": PAINTER}, take=read)}),
    Call("embeddings", "/invoke", EMBEDDED, {"value": At("invoke_model", {**INVOKE, "modelId": EMBEDDER}, take=read)}),
)
ERRORS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}
ODD = (
    Odd("missing", None, {}, "no_usage"),
    Odd("empty", {}, {}, "no_usage"),
    Odd("null", {"inputTokens": None, "outputTokens": None, "totalTokens": None}, {}, "no_usage"),
    Odd("strings", {"inputTokens": "125", "outputTokens": "60"}, {"input": 125, "output": 60}),
    Odd("negative", {"inputTokens": -125, "outputTokens": 60, "totalTokens": -65}, None, "invalid_usage"),
    Odd("larger cache", {"inputTokens": 5, "outputTokens": 60, "totalTokens": 1065, "cacheReadInputTokens": 1000},
        {"input": 1005, "output": 60, "cache_read": 1000}),
)  # fmt: skip


def client(url: str) -> Any:
    import boto3
    from botocore.config import Config

    once = Config(retries={"total_max_attempts": 1})
    return boto3.client("bedrock-runtime", endpoint_url=url, config=once, **KEYS)


SDK = Sdk(
    name="boto3",
    module="boto3",
    distribution="boto3",
    table="botocore",
    client=client,
    async_client=None,
    calls=CALLS,
    errors=ERRORS,
    odd=ODD,
)
