"""Loopback providers for the demo: what each of its models answers and what that uses, fixed, so that sums can be checked."""

from __future__ import annotations

from tests.stub import Reply, StubServer, ToolCall

ANSWER = (
    "Your parcel left Lyon last night and reaches you tomorrow before noon. I have taken the express fee off the order."
)
SLOGAN = "Every call on the bill, and the bill before the invoice."


def providers(*, gap: float = 0.0, delay: float = 0.0) -> StubServer:
    """The stub with the demo's answers; ``gap`` and ``delay`` in seconds pace it like real models."""
    stub = StubServer(gap=gap, delay=delay)
    stub.for_model("text-embedding-3-small", Reply(usage={"prompt_tokens": 412, "total_tokens": 412}))
    stub.for_model("gpt-5.4-mini", Reply(text="delivery", usage={"input_tokens": 350, "output_tokens": 12}))
    stub.for_model(
        "gpt-5.6",
        Reply(
            text=ANSWER,
            usage={
                "prompt_tokens": 3200,
                "completion_tokens": 240,
                "prompt_tokens_details": {"cached_tokens": 2816},
                "completion_tokens_details": {"reasoning_tokens": 128},
            },
        ),
    )
    stub.for_model("gpt-5.5-pro", Reply(status=429, headers={"retry-after-ms": "1"}))
    stub.for_model("claude-haiku-4-5", Reply(text=SLOGAN, usage={"input_tokens": 90, "output_tokens": 36}))
    # The first two requests to Messages are the tool loop: the handbook is written to the cache, then read from it.
    stub.script(
        "/v1/messages",
        Reply(
            tool_calls=(ToolCall("find_order", {"order": "A-1042"}),),
            usage={"input_tokens": 180, "cache_creation_input_tokens": 4000, "output_tokens": 60},
        ),
        Reply(
            text="Order A-1042 arrives tomorrow.",
            usage={"input_tokens": 260, "cache_read_input_tokens": 4000, "output_tokens": 95},
        ),
    )
    return stub
