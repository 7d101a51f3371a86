"""The ``anthropic`` package: Anthropic itself, and its models on Bedrock, Vertex and Foundry."""

from __future__ import annotations

from ..dialects.anthropic_messages import ANTHROPIC_MESSAGES, ANTHROPIC_STREAM
from ..families.door import arrivals, doors, posts
from ..families.stainless import STAINLESS
from ..spec import Muted, Provider, Target, both


def _messages(module: str) -> tuple[Target, ...]:
    return (
        *both(module, "Messages", "create", ANTHROPIC_MESSAGES),
        *both(module, "Messages", "parse", ANTHROPIC_MESSAGES),
        *both(module, "Messages", "stream", ANTHROPIC_STREAM, manager=True, inner="_raw_stream"),
    )


# The cloud clients' beta resources hold the methods themselves, copied from the first party's class body.
ANTHROPIC = Provider(
    sdk="anthropic",
    name="anthropic",
    family=STAINLESS,
    arrivals=arrivals("anthropic._base_client"),
    targets=(
        *doors("anthropic._base_client", posts(["/v1/messages"], ANTHROPIC_MESSAGES)),
        *_messages("anthropic.resources.messages.messages"),
        *_messages("anthropic.resources.beta.messages.messages"),
        *_messages("anthropic.lib.bedrock._beta_messages"),
        *_messages("anthropic.lib.vertex._beta_messages"),
    ),
    modes={
        "AnthropicBedrock": "aws.bedrock",
        "AsyncAnthropicBedrock": "aws.bedrock",
        "AnthropicBedrockMantle": "aws.bedrock",
        "AsyncAnthropicBedrockMantle": "aws.bedrock",
        "AnthropicVertex": "gcp.vertex_ai",
        "AsyncAnthropicVertex": "gcp.vertex_ai",
    },
    # From 1.x on the SDK traces itself: one call would give two spans with the same tokens.
    muted=(Muted("anthropic._base_client", "BaseClient._tracer"),),
)
