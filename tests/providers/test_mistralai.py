"""What is mistralai's own: its tracing, an address for one call, regions, tools at the provider, usage that was not sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry import trace

from genmeter import names
from tests.metering.rig import one_call
from tests.stub import Exact, Reply, StubServer

from .conftest import Metering
from .contract import HELLO, NEEDLE
from .sdks.mistralai import MEDIUM, SDK, SMALL, client

pytestmark = [
    pytest.mark.skipif(SDK.version is None, reason="mistralai is not installed here"),
    pytest.mark.xdist_group("sdk-mistralai"),
]
ASK: Any = {"model": SMALL, "messages": HELLO}


def test_the_sdks_own_tracing_is_silent_inside_a_call(
    stub: StubServer, metering: Metering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Major 1 traces each call wherever a tracer provider is set, later ones where a variable says so."""
    monkeypatch.setenv("MISTRAL_SDK_TELEMETRY", "global")
    meter = metering(SDK)
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: meter.tracer_provider)
    with client(stub.url) as made:
        made.chat.complete(**ASK)
    assert [span.instrumentation_scope.name for span in meter.all_spans if span.instrumentation_scope] == ["genmeter"]


def test_the_address_of_one_call_says_who_sells(stub: StubServer, metering: Metering) -> None:
    meter = metering(SDK, sellers={f"{stub.url.removeprefix('http://')}/mistral": "mistral"})
    with client("http://127.0.0.1:9") as made:
        made.chat.complete(**ASK, server_url=stub.mistral_url)
    attributes = one_call(meter)
    assert attributes[names.SERVER_PORT] == int(stub.url.rpartition(":")[2])
    assert attributes[names.COST_STATUS] == "priced"


def test_a_regional_host_costs_a_tenth_more(metering: Metering) -> None:
    """https://docs.mistral.ai/inference/regional-inference"""
    from genmeter.pricing import Catalogue

    book = Catalogue.bundled()
    assert [book.seller(f"api.{region}mistral.ai", "") for region in ("", "eu.", "us.")] == [
        ("mistral", "mistral_ai", None),
        ("mistral", "mistral_ai", "eu"),
        ("mistral", "mistral_ai", "us"),
    ]


def test_tokens_of_a_tool_at_the_provider_leave_the_bill_partial_by_their_name(
    stub: StubServer, metering: Metering
) -> None:
    usage = {"prompt_tokens": 95, "completion_tokens": 209, "total_tokens": 399, "connector_tokens": 95,
             "connectors": {"code_interpreter": 1}}  # fmt: skip
    stub.script("/conversations", Reply(usage=Exact(usage)))
    meter = metering(SDK)
    with client(stub.url) as made:
        made.beta.conversations.start(model=MEDIUM, inputs=NEEDLE)
    attributes = one_call(meter)
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (95, 209)
    assert attributes[names.COST_STATUS] == "partial"
    assert {"connector_tokens", "code_interpreter"} <= set(attributes[names.COST_DETAIL].replace(",", " ").split())


def test_a_conversation_that_two_models_answer_has_no_price_of_one(stub: StubServer, metering: Metering) -> None:
    def two(request: Any, body: Any) -> Any:
        (entry,) = body["outputs"]
        return {**body, "outputs": [{**entry, "model": "mistral-small-2506"}, entry]}

    stub.script("/conversations", Reply(body=two))
    meter = metering(SDK)
    with client(stub.url) as made:
        made.beta.conversations.start(model=MEDIUM, inputs=NEEDLE)
    attributes = one_call(meter)
    assert attributes[names.COST_STATUS] == "partial"
    assert "mistral-small-2506" in attributes[names.COST_DETAIL]


def test_counts_that_were_not_sent_are_unknown_and_never_zero(stub: StubServer, metering: Metering) -> None:
    """The SDK's classes hold zeros for them."""
    stub.script("/embeddings", Reply(usage=Exact({})))
    meter = metering(SDK)
    with client(stub.url) as made:
        made.embeddings.create(model="mistral-embed", inputs=["x"])
    attributes = one_call(meter)
    assert names.INPUT_TOKENS not in attributes
    assert attributes[names.COST_REASON] == "no_usage"


def test_an_answer_that_the_sdk_cannot_read_is_billed(stub: StubServer, metering: Metering) -> None:
    stub.script("/chat/completions", Reply(body=lambda _, body: {**body, "choices": "none"}))
    meter = metering(SDK)
    with client(stub.url) as made, pytest.raises(Exception, match="validation"):
        made.chat.complete(**ASK)
    attributes = one_call(meter)
    assert attributes[names.ERROR_TYPE] == "mistralai.ResponseValidationError"
    assert attributes[names.INPUT_TOKENS] == 16


def test_arguments_that_the_sdk_refuses_are_no_call(stub: StubServer, metering: Metering) -> None:
    meter = metering(SDK)
    with client(stub.url) as made:
        with pytest.raises(ValueError, match="validation error"):
            made.chat.complete(model=SMALL, messages=[{"role": 3}])
        with pytest.raises(TypeError):
            made.chat.complete(**ASK, no_such_argument=1)
    assert meter.spans == [] and stub.requests == []


@pytest.mark.parametrize("stream", [False, True])
def test_messages_of_chunks_are_kept_as_text_and_reasoning(stream: bool, stub: StubServer, metering: Metering) -> None:
    """Magistral answers with chunks: what it thought, then what it says."""
    stub.script("/chat/completions", Reply(reasoning="Let me see.", text="Yes."))
    meter = metering(SDK, content="SPAN_ONLY")
    with client(stub.url) as made:
        answer: Any = made.chat.stream(**ASK) if stream else made.chat.complete(**ASK)
        list(answer) if stream else None
    (message,) = json.loads(dict(meter.span.attributes or {})[names.OUTPUT_MESSAGES])
    assert message["parts"] == [{"type": "reasoning", "content": "Let me see."}, {"type": "text", "content": "Yes."}]
    assert message["finish_reason"] == "stop"
