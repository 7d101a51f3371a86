"""What is xai-sdk's own: its tracing, its hidden address, answers that it cannot parse, tools at the provider."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from genmeter import names
from genmeter.metering.families.grpc import server
from genmeter.pricing import Catalogue
from tests.metering.rig import one_call
from tests.stub import Exact, Reply, StubServer

from .conftest import Metering
from .sdks.xai import MESSAGES, MODEL, NEWEST, SDK, async_client, client

pytestmark = [
    pytest.mark.skipif(SDK.version is None, reason="xai-sdk is not installed here"),
    pytest.mark.xdist_group("sdk-xai"),
]


def test_the_sdks_own_tracing_is_silent_inside_a_call(
    stub: StubServer, metering: Metering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK's tracer is the program's own, and makes a span for each call and each stream."""
    own, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(own))
    import xai_sdk.aio.chat
    import xai_sdk.sync.chat

    for module in (xai_sdk.sync.chat, xai_sdk.aio.chat):
        monkeypatch.setattr(module, "tracer", provider.get_tracer(module.__name__))

    def run() -> None:
        with client(stub.url) as made:
            chat = made.chat.create(MODEL, messages=MESSAGES)
            chat.sample()
            list(chat.stream())
        asyncio.run(run_async())

    async def run_async() -> None:
        async with async_client(stub.url) as made:
            chat = made.chat.create(MODEL, messages=MESSAGES)
            await chat.sample()
            assert [one async for one in chat.stream()]

    run()
    assert len(own.get_finished_spans()) == 4
    own.clear()
    meter = metering(SDK)
    run()
    assert own.get_finished_spans() == ()
    assert [span.instrumentation_scope.name for span in meter.all_spans if span.instrumentation_scope] == [
        "genmeter"
    ] * 4


def test_a_stream_leaves_the_program_where_it_was(stub: StubServer, metering: Metering) -> None:
    """The SDK's generators keep a span current while they wait: none of ours stays behind them."""
    meter = metering(SDK)
    with client(stub.url) as made:
        chunks = made.chat.create(MODEL, messages=MESSAGES).stream()
        next(chunks)
        assert trace.get_current_span() is trace.INVALID_SPAN
        list(chunks)
        assert trace.get_current_span() is trace.INVALID_SPAN
        made.chat.create(MODEL, messages=MESSAGES).sample()
    assert len(meter.spans) == 2


def test_the_address_is_that_of_the_channel() -> None:
    import xai_sdk

    book = Catalogue.bundled()
    for asynchronous in (False, True):

        async def where(host: dict[str, str], asynchronous: bool = asynchronous) -> str:
            made = (xai_sdk.AsyncClient if asynchronous else xai_sdk.Client)(api_key="stub", **host)
            return server(made.chat.create(MODEL)).url

        assert asyncio.run(where({})) == "https://api.x.ai"
        assert asyncio.run(where({"api_host": "us-east-1.api.x.ai"})) == "https://us-east-1.api.x.ai"
        assert asyncio.run(where({"api_host": "proxy.example.com:8443"})) == "https://proxy.example.com:8443"
    assert book.seller("api.x.ai", "") == ("x-ai", "x_ai", None)


def test_an_answer_that_the_sdk_cannot_parse_is_billed(stub: StubServer, metering: Metering) -> None:
    from pydantic import BaseModel

    class Parcel(BaseModel):
        text: str

    meter = metering(SDK)
    with client(stub.url) as made, pytest.raises(ValueError, match="Parcel"):
        made.chat.create(MODEL, messages=MESSAGES).parse(Parcel)
    attributes = one_call(meter)
    assert attributes[names.ERROR_TYPE] == "pydantic_core.ValidationError"
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (199, 225)
    assert attributes[names.COST_STATUS] == "priced"

    meter.clear()
    stub.script("/GetCompletion", Reply(text='{"text": "here"}'))
    with client(stub.url) as made:
        answer, parcel = made.chat.create(MODEL, messages=MESSAGES).parse(Parcel)
    assert (type(answer).__name__, parcel) == ("Response", Parcel(text="here"))
    assert one_call(meter)[names.COST_STATUS] == "priced"


def test_a_chat_without_messages_is_no_call(stub: StubServer, metering: Metering) -> None:
    meter = metering(SDK)
    with client(stub.url) as made:
        chat = made.chat.create(MODEL)
        for ask in (chat.sample, lambda: list(chat.stream())):
            with pytest.raises(ValueError, match="No messages"):
                ask()
        with pytest.raises(TypeError):
            chat.sample(no_such_argument=1)
    assert stub.requests == []
    assert [span for span in meter.spans if names.INPUT_TOKENS in dict(span.attributes or {})] == []


TOOLS: Any = {
    "prompt_tokens": 19,
    "completion_tokens": 10,
    "server_side_tools_used": ["SERVER_SIDE_TOOL_CODE_EXECUTION"],
}


def test_a_tool_at_the_provider_leaves_the_bill_partial_by_its_name(stub: StubServer, metering: Metering) -> None:
    stub.script("/GetCompletion", Reply(usage=Exact(TOOLS)))
    meter = metering(SDK)
    with client(stub.url) as made:
        made.chat.create(MODEL, messages=MESSAGES).sample()
    attributes = one_call(meter)
    assert attributes[names.COST_STATUS] == "partial"
    assert "code_execution" in attributes[names.COST_DETAIL]


@pytest.mark.skipif(not NEWEST, reason="older messages have no charge")
def test_what_was_charged_is_the_bill_tools_included(stub: StubServer, metering: Metering) -> None:
    """10^10 ticks are one USD: https://docs.x.ai/developers/cost-tracking (read 2026-11-30)."""
    stub.script("/GetCompletion", Reply(usage=Exact({**TOOLS, "cost_in_usd_ticks": 37756000})))
    meter = metering(SDK)
    with client(stub.url) as made:
        made.chat.create(MODEL, messages=MESSAGES).sample()
    attributes = one_call(meter)
    assert (attributes[names.COST_AMOUNT], attributes[names.COST_SOURCE]) == (pytest.approx(0.0037756), "provider")


@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_asked_and_said_is_kept_in_the_conventions_shapes(
    streamed: bool, stub: StubServer, metering: Metering
) -> None:
    meter = metering(SDK, content="SPAN_ONLY")
    call: Any = {"id": "call_1", "function": {"name": "find", "arguments": '{"id": 7}'}}
    said: Any = [
        {"role": "ROLE_SYSTEM", "content": [{"text": "Be brief."}]},
        {"role": "ROLE_USER", "content": [{"text": "Look."}, {"image_url": {"image_url": "https://x/1.jpg"}}]},
        {"role": "ROLE_ASSISTANT", "reasoning_content": "Hm.", "tool_calls": [call]},
        {"role": "ROLE_TOOL", "content": [{"text": "Lisbon"}]},
    ]
    with client(stub.url) as made:
        chat = made.chat.create(MODEL, messages=said, temperature=0.7, max_tokens=50, reasoning_effort="low")
        list(chat.stream()) if streamed else chat.sample()
    attributes = dict(meter.span.attributes or {})
    asked = json.loads(attributes[names.INPUT_MESSAGES])
    assert [one["role"] for one in asked] == ["system", "user", "assistant", "tool"]
    assert asked[1]["parts"][1] == {"type": "uri", "modality": "image", "uri": "https://x/1.jpg"}
    assert asked[2]["parts"] == [
        {"type": "reasoning", "content": "Hm."},
        {"type": "tool_call", "id": "call_1", "name": "find", "arguments": {"id": 7}},
    ]
    assert asked[3]["parts"][0]["response"] == "Lisbon"
    (answer,) = json.loads(attributes[names.OUTPUT_MESSAGES])
    assert (answer["role"], answer["finish_reason"]) == ("assistant", "stop")
    assert answer["parts"] == [{"type": "text", "content": "The parcel has come from Lisbon."}]
    assert attributes[names.REQUEST_TEMPERATURE] == 0.7
    assert attributes[names.REQUEST_MAX_TOKENS] == 50
    assert attributes[names.REQUEST_REASONING_LEVEL] == "low"
