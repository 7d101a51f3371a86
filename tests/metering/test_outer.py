"""A model call inside another instrumentation's span of the same call: one bill, whoever traced it first.

The outer spans are made with OpenTelemetry's API. Their scopes, attributes and times are those of the tools: what a tool
writes before it calls the SDK, and what it writes after.
"""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from anthropic import Anthropic
from openai import AsyncOpenAI, OpenAI
from opentelemetry.context import attach, detach, set_value
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import NonRecordingSpan, Span, SpanKind, get_current_span, use_span

from genmeter import BudgetExceeded, UnattributedCall, attribution, names
from genmeter.ledger import Ledger
from genmeter.metering.coexist import SHARED_KEYS
from genmeter.metering.outer import HANDED_OVER, same_model
from genmeter.metering.process.reaper import reaper
from genmeter.reading import Recorded
from genmeter.settings import BudgetTable, Settings
from tests.stub import Reply, StubServer

from .conftest import MeterFactory
from .rig import Meter
from .sdk import CHAT, CLAUDE, HELLO, ask_sync, resource_of

CALL = 19 * 2_500_000 + 10 * 10_000_000
"""Pico-USD of one chat of gpt-4o at the stub: 19 tokens in at $2.50 a million, 10 out at $10 a million."""
EMBED: Any = {"model": "text-embedding-3-small", "input": "x"}


class Tool(NamedTuple):
    """What one tool writes on its span of a model call: ``before`` it calls the SDK, and ``after``."""

    scope: str
    before: dict[str, Any]
    after: dict[str, Any]
    kind: SpanKind = SpanKind.INTERNAL


INFERENCE: dict[str, Any] = {
    "llm.token_count.prompt": 19,
    "llm.token_count.completion": 10,
    "llm.token_count.total": 29,
}
USED: dict[str, Any] = {names.INPUT_TOKENS: 19, names.OUTPUT_TOKENS: 10}
TOOLS = {
    "openai agents, openinference": Tool(
        "openinference.instrumentation.openai_agents",
        {"openinference.span.kind": "LLM", "llm.system": "openai"},
        {"llm.model_name": "gpt-4o-2024-08-06", "input.mime_type": "application/json", **INFERENCE},
    ),
    "agno, openinference": Tool(
        "openinference.instrumentation.agno",
        {"openinference.span.kind": "LLM", "llm.model_name": "gpt-4o", "llm.provider": "OpenAI", "session.id": "its own"},
        {"output.mime_type": "application/json", **INFERENCE},
    ),
    "pydantic-ai": Tool(
        "pydantic-ai",
        {"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.provider.name": "openai",
         "gen_ai.request.model": "gpt-4o", "server.address": "127.0.0.1"},
        {"gen_ai.response.model": "gpt-4o-2024-08-06", "gen_ai.response.id": "chatcmpl-0", "operation.cost": 9.9, **USED},
        SpanKind.CLIENT,
    ),
    "google adk": Tool(
        "gcp.vertex.agent",
        {"gen_ai.operation.name": "generate_content", "gen_ai.system": "openai", "gen_ai.request.model": "openai/gpt-4o"},
        {"gen_ai.response.finish_reasons": ["stop"], **USED},
    ),
    "openllmetry langchain": Tool(
        "opentelemetry.instrumentation.langchain",
        {"llm.request.type": "chat", "gen_ai.system": "OpenAI", "gen_ai.request.model": "gpt-4o", "traceloop.workflow.name": "w"},
        {"llm.usage.total_tokens": 29, "gen_ai.usage.prompt_tokens": 19, "gen_ai.usage.completion_tokens": 10},
        SpanKind.CLIENT,
    ),
    "strands": Tool(
        "strands.telemetry.tracer",
        {"gen_ai.operation.name": "chat", "gen_ai.system": "strands-agents", "gen_ai.provider.name": "strands-agents",
         "gen_ai.request.model": "gpt-4o"},
        {"gen_ai.usage.prompt_tokens": 19, "gen_ai.usage.completion_tokens": 10, "gen_ai.usage.cache_read_input_tokens": 0, **USED},
    ),
}  # fmt: skip
"""Tool → its span of one chat of gpt-4o (pydantic-ai 2.68, ADK 2.13, Strands 1.62, OpenInference and OpenLLMetry of
November 2026)."""

OTHER_WORK: dict[str, Tool] = {
    "an agent": Tool("strands.telemetry.tracer", {"gen_ai.operation.name": "invoke_agent", "gen_ai.request.model": "gpt-4o"}, USED),
    "a workflow": Tool("x", {"gen_ai.operation.name": "invoke_workflow"}, {}),
    "a tool": Tool("x", {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "chat"}, {}),
    "a chain": Tool("openinference.instrumentation.langchain", {"openinference.span.kind": "CHAIN"}, {}),
    "an agent of openinference": Tool("openinference.x", {"openinference.span.kind": "AGENT", "llm.model_name": "gpt-4o"}, {}),
    "a retriever": Tool("openinference.x", {"openinference.span.kind": "RETRIEVER"}, {}),
    "a workflow of traceloop": Tool("opentelemetry.instrumentation.langchain", {"traceloop.span.kind": "workflow"}, {}),
    "a word that no convention knows": Tool("langsmith", {"gen_ai.operation.name": "chain"}, {}),
    "two words that differ": Tool("x", {"gen_ai.operation.name": "chat", "openinference.span.kind": "AGENT"}, {}),
    "another model": Tool("x", {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gemini-3-flash"}, {}),
    "a smaller model": Tool("x", {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini"}, {}),
    "another operation": Tool("x", {"gen_ai.operation.name": "embeddings"}, {}),
    "a model server": Tool("x", {"gen_ai.operation.name": "chat"}, {}, SpanKind.SERVER),
    "an http request": Tool("opentelemetry.instrumentation.fastapi", {"http.request.method": "POST"}, {}),
    "a word that comes late": Tool("x", {}, {"gen_ai.operation.name": "chat"}),
    "an odd value": Tool("x", {"gen_ai.operation.name": "chat", "gen_ai.request.model": 7}, {}),
}  # fmt: skip
"""What must never be taken for the model call that is made inside it."""


@pytest.fixture(autouse=True)
def fresh_ids(stub: StubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger would take two answers of one id for one call."""
    monkeypatch.setattr(stub, "fixed", False)


@contextmanager
def inside(tool: Tool, meter: Meter, provider: TracerProvider | None = None) -> Iterator[Span]:
    """The program runs inside the tool's span, which ends with it."""
    tracer = (provider or meter.tracer_provider).get_tracer(tool.scope)
    with tracer.start_as_current_span("a call", kind=tool.kind, attributes=tool.before) as span:
        yield span
        span.set_attributes(tool.after)


def outer_span(meter: Meter) -> ReadableSpan:
    """The finished span that is not ours."""
    (found,) = (span for span in meter.all_spans if span not in meter.spans)
    return found


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def key_of(record: Any) -> tuple[int, int]:
    """Trace and span id of a span or of an event."""
    context = record.get_span_context() if isinstance(record, ReadableSpan) else record
    return context.trace_id, context.span_id


def dollars(meter: Meter) -> float:
    """The money of all spans, as any reader of traces would add it up."""
    return sum(attributes_of(span).get(names.COST_AMOUNT, 0) for span in meter.all_spans)


def book(meter: Meter, folder: Path, first: str) -> tuple[int, int, dict[str, int]]:
    """Calls, pico-USD and counters of a ledger that got all spans and events, one kind before the other."""
    path = folder / f"{first}.sqlite"
    price = Recorded(Settings()).price
    with Ledger.open(path, price=price) as ledger:
        batches = [
            (ledger.book_traces, encode_spans(meter.all_spans)),
            (ledger.book_logs, encode_logs(meter._logs.get_finished_logs())),
        ]
        for take, batch in batches if first == "spans" else reversed(batches):
            take(batch)
        counters = ledger.counters()
    with sqlite3.connect(path) as connection:
        calls, pico = connection.execute("SELECT count(*), sum(cost_pico) FROM calls").fetchone()
    connection.close()
    return calls, pico, counters


def chat(client: OpenAI) -> None:
    client.chat.completions.create(**CHAT)


def chat_stream(client: OpenAI) -> None:
    list(client.chat.completions.create(**CHAT, stream=True))


WAYS: dict[str, Callable[[OpenAI], None]] = {"whole": chat, "stream": chat_stream}


# --- one call ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["spans", "events"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("tool", TOOLS)
def test_one_call_is_one_span_and_one_bill(
    tool: str, way: str, first: str, meter: Meter, client: OpenAI, tmp_path: Path
) -> None:
    with attribution(department="research"), inside(TOOLS[tool], meter):
        WAYS[way](client)
    assert meter.spans == []
    found = attributes_of(outer_span(meter))
    assert found[names.COST_TOTAL] == found[names.COST_AMOUNT] == CALL / 1e12
    assert found[names.COST_STATUS] == "priced"
    assert found[names.BILLED_BY] == "genmeter"
    assert found[names.DEPARTMENT] == "research"
    assert found[names.INPUT_TOKENS] == 19 and found[names.OUTPUT_TOKENS] == 10
    assert key_of(meter.event) == key_of(outer_span(meter))
    assert meter.total(names.COST_USD) == pytest.approx(CALL / 1e12)
    assert meter.total(names.CALLS_ACTIVE) == 0
    assert book(meter, tmp_path, first)[:2] == (1, CALL)


@pytest.mark.parametrize("way", ["create", "stream", "raw", "streaming", "helper"])
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_every_way_of_calling_has_the_outer_span_for_its_own(
    sdk: str, way: str, meter: Meter, client: OpenAI, claude: Anthropic
) -> None:
    resource, ask = resource_of(sdk, claude if sdk == "anthropic" else client)
    with inside(Tool("x", {"gen_ai.operation.name": "chat"}, {}), meter):
        ask_sync(way, resource, ask)
    reaper.drain()
    found = attributes_of(outer_span(meter))
    if meter.spans:  # a stream that nothing has read is closed when its memory is freed
        assert way == "stream" and found[names.COST_STATUS] == names.ELSEWHERE
    else:
        assert names.COST_STATUS in found and key_of(meter.event) == key_of(outer_span(meter))
    assert len(meter.events()) == 1


def test_what_the_tool_wrote_itself_stays(meter: Meter, client: OpenAI) -> None:
    with attribution(session="ours"), inside(TOOLS["agno, openinference"], meter):
        chat(client)
    assert attributes_of(outer_span(meter))["session.id"] == "its own"
    assert outer_span(meter).name == "a call"


def test_the_outer_span_names_the_seller_that_bills(stub: StubServer, meter: Meter) -> None:
    tool = Tool("pydantic-ai", {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"}, {}, SpanKind.CLIENT)
    with OpenAI(base_url=stub.flavour_url("groq"), api_key="sk-stub") as client, inside(tool, meter):
        client.chat.completions.create(model="llama-3.3-70b-versatile", messages=HELLO)
    assert attributes_of(outer_span(meter))[names.PROVIDER] == "groq" == meter.event.attributes[names.PROVIDER]


def test_embeddings_have_outer_spans_too(meter: Meter, client: OpenAI) -> None:
    with inside(Tool("openinference.x", {"openinference.span.kind": "EMBEDDING"}, {}), meter):
        client.embeddings.create(**EMBED)
    assert meter.spans == [] and names.COST_TOTAL in attributes_of(outer_span(meter))


@pytest.mark.parametrize("work", OTHER_WORK)
def test_what_is_no_span_of_this_call_is_never_taken_for_one(work: str, meter: Meter, client: OpenAI) -> None:
    with inside(OTHER_WORK[work], meter):
        chat(client)
    assert names.COST_TOTAL not in attributes_of(outer_span(meter))
    assert names.COST_STATUS not in attributes_of(outer_span(meter))
    assert meter.attributes[names.COST_TOTAL] == CALL / 1e12
    assert key_of(meter.event) == key_of(meter.span)
    assert meter.span.parent is not None and meter.span.parent.span_id == key_of(outer_span(meter))[1]


@pytest.mark.parametrize(
    ("theirs", "ours", "same"),
    [
        ("openai/gpt-4o", "gpt-4o", True),
        ("GPT-4o", "gpt-4o", True),
        ("openai:gpt-4o", "gpt-4o", True),
        ("us.anthropic.claude-sonnet-4-5", "claude-sonnet-4-5", True),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5", True),
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        (None, "gpt-4o", True),
        ("gpt-4o", "gpt-4o-mini", False),
        ("gpt-4o", "gpt-4o-audio-preview", False),
        ("gpt-5", "gpt-5.6-sol", False),
        ("claude-sonnet-4", "claude-sonnet-4-5", False),
        ("gemini-3-flash", "gpt-4o", False),
    ],
)
def test_a_model_may_have_its_seller_before_it_or_a_date_after_it(theirs: str | None, ours: str, same: bool) -> None:
    assert same_model(theirs, ours) is same is same_model(ours, theirs)


# --- several calls in one outer span -------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["spans", "events"])
@pytest.mark.parametrize("tool", TOOLS)
def test_two_calls_of_equal_usage_in_one_outer_span_are_two_bills(
    tool: str, first: str, meter: Meter, client: OpenAI, tmp_path: Path
) -> None:
    with inside(TOOLS[tool], meter):
        chat(client)
        chat_stream(client)
    assert dollars(meter) == pytest.approx(2 * CALL / 1e12)
    assert meter.total(names.COST_USD) == pytest.approx(2 * CALL / 1e12)
    assert len({key_of(event) for event in meter.events()}) == 2
    assert book(meter, tmp_path, first)[:2] == (2, 2 * CALL)


def test_a_gather_in_one_outer_span_loses_no_call(meter: Meter, stub: StubServer, tmp_path: Path) -> None:
    async def run() -> None:
        async with AsyncOpenAI(base_url=stub.openai_url, api_key="sk-stub") as client:
            with inside(TOOLS["pydantic-ai"], meter):
                await asyncio.gather(*(client.chat.completions.create(**CHAT) for _ in range(5)))

    asyncio.run(run())
    assert len(meter.spans) == 4
    assert book(meter, tmp_path, "spans")[:2] == (5, 5 * CALL)


def test_a_batch_of_outer_spans_keeps_each_call(meter: Meter, stub: StubServer, tmp_path: Path) -> None:
    async def one(client: AsyncOpenAI) -> None:
        with inside(TOOLS["pydantic-ai"], meter):
            async for _ in await client.chat.completions.create(**CHAT, stream=True):
                pass

    async def run() -> None:
        async with AsyncOpenAI(base_url=stub.openai_url, api_key="sk-stub") as client:
            await asyncio.gather(*(one(client) for _ in range(5)))

    asyncio.run(run())
    assert meter.spans == [] and len(meter.events()) == 5
    assert book(meter, tmp_path, "events")[:2] == (5, 5 * CALL)


def test_threads_in_one_outer_span_lose_no_call(meter: Meter, client: OpenAI, tmp_path: Path) -> None:
    with inside(TOOLS["agno, openinference"], meter):
        contexts = [contextvars.copy_context() for _ in range(8)]
        threads = [threading.Thread(target=context.run, args=(chat, client)) for context in contexts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(meter.spans) == 7
    assert book(meter, tmp_path, "spans")[:2] == (8, 8 * CALL)


@pytest.mark.parametrize("first", ["spans", "events"])
def test_a_retry_after_a_failure_is_the_bill_of_the_outer_span(
    first: str, meter: Meter, stub: StubServer, tmp_path: Path
) -> None:
    stub.script("/v1/chat/completions", Reply(429))
    with OpenAI(base_url=stub.openai_url, api_key="sk-stub", max_retries=0) as client:
        with inside(TOOLS["pydantic-ai"], meter):
            with pytest.raises(Exception, match="429"):
                chat(client)
            chat(client)
    assert meter.spans == []
    assert attributes_of(outer_span(meter))[names.COST_TOTAL] == CALL / 1e12
    assert book(meter, tmp_path, first)[:2] == (1, CALL)


def test_a_failed_call_is_told_by_the_outer_span_alone(meter: Meter, stub: StubServer, tmp_path: Path) -> None:
    stub.script("/v1/chat/completions", Reply(429))
    with OpenAI(base_url=stub.openai_url, api_key="sk-stub", max_retries=0) as client:
        with pytest.raises(Exception, match="429"), inside(TOOLS["pydantic-ai"], meter):
            chat(client)
    assert meter.spans == [] and meter.events() == []
    assert names.COST_STATUS not in attributes_of(outer_span(meter))
    assert len(meter.events(names.EVENT_EXCEPTION)) == 1
    assert book(meter, tmp_path, "spans")[:2] == (1, None)


# --- streams -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["spans", "events"])
def test_a_stream_that_ends_after_the_outer_span_has_a_span_of_its_own(
    first: str, meter: Meter, client: OpenAI, tmp_path: Path
) -> None:
    with inside(TOOLS["google adk"], meter):
        stream = client.chat.completions.create(**CHAT, stream=True)
    for _ in stream:
        pass
    assert attributes_of(outer_span(meter))[names.COST_STATUS] == names.ELSEWHERE
    assert names.COST_TOTAL not in attributes_of(outer_span(meter))
    assert meter.attributes[names.COST_TOTAL] == CALL / 1e12
    assert key_of(meter.event) == key_of(meter.span)
    assert meter.span.parent is not None and meter.span.parent.span_id == key_of(outer_span(meter))[1]
    assert (meter.span.start_time or 0) < (outer_span(meter).end_time or 0) < (meter.span.end_time or 0)
    assert book(meter, tmp_path, first)[:2] == (1, CALL)


def test_a_stream_that_is_read_outside_while_the_outer_span_is_open_bills_there(meter: Meter, client: OpenAI) -> None:
    tool = TOOLS["pydantic-ai"]
    span = meter.tracer_provider.get_tracer(tool.scope).start_span("a call", kind=tool.kind, attributes=tool.before)
    with use_span(span):
        stream = client.chat.completions.create(**CHAT, stream=True)
    list(stream)
    span.end()
    assert meter.spans == [] and attributes_of(outer_span(meter))[names.COST_STATUS] == "priced"


def test_a_second_stream_leaves_the_first_bill_alone(meter: Meter, client: OpenAI) -> None:
    with inside(TOOLS["pydantic-ai"], meter):
        chat(client)
        stream = client.chat.completions.create(**CHAT, stream=True)
    list(stream)
    assert attributes_of(outer_span(meter))[names.COST_STATUS] == "priced"
    assert meter.attributes[names.COST_STATUS] == "priced"


def test_a_stream_without_usage_is_unpriced_on_the_outer_span(meters: MeterFactory, client: OpenAI) -> None:
    meter = meters(ask_stream_usage=False)
    with inside(TOOLS["google adk"], meter):
        chat_stream(client)
    found = attributes_of(outer_span(meter))
    assert (found[names.COST_STATUS], found[names.COST_REASON]) == ("unpriced", "no_usage")


# --- where the spans go --------------------------------------------------------------------------------------------


def test_an_outer_span_that_is_not_sampled_loses_no_bill(meters: MeterFactory, client: OpenAI, tmp_path: Path) -> None:
    meter = meters(sampler=ALWAYS_OFF)
    with inside(TOOLS["pydantic-ai"], meter):
        chat(client)
        chat_stream(client)
    assert meter.all_spans == []
    assert book(meter, tmp_path, "spans")[:2] == (2, 2 * CALL)


def test_money_stays_with_the_spans_that_go_our_way(meter: Meter, client: OpenAI) -> None:
    """A tool with a tracer provider of its own sends its spans to its own service: our call keeps its span."""
    with inside(TOOLS["pydantic-ai"], meter, TracerProvider(shutdown_on_exit=False)) as span:
        chat(client)
        assert names.COST_TOTAL not in getattr(span, "attributes", {})
    assert meter.attributes[names.COST_TOTAL] == CALL / 1e12


# --- official instrumentations -------------------------------------------------------------------------------------


class Official:
    """An official instrumentation's call: its data under the shared key, and its span."""

    def __init__(self, meter: Meter) -> None:
        self.data = SimpleNamespace(attributes={}, usage_input_tokens=None, usage_output_tokens=None)
        tracer = meter.tracer_provider.get_tracer("opentelemetry.instrumentation.genai.langchain")
        self.span = tracer.start_span("chat", kind=SpanKind.CLIENT, attributes={names.OPERATION: "chat"})

    def __enter__(self) -> Official:
        self._use = use_span(self.span)
        self._use.__enter__()
        self._token = attach(set_value(SHARED_KEYS["chat"][0], self.data))
        return self

    def __exit__(self, *error: object) -> None:
        detach(self._token)
        self._use.__exit__(None, None, None)
        self.span.set_attributes(self.data.attributes)
        self.span.end()


@pytest.mark.parametrize("way", WAYS)
def test_the_event_of_the_money_goes_out_whoever_has_the_span(
    way: str, meters: MeterFactory, client: OpenAI, tmp_path: Path
) -> None:
    meter = meters(sampler=ALWAYS_OFF)
    with Official(meter) as official:
        WAYS[way](client)
    assert isinstance(official.span, NonRecordingSpan)
    context = official.span.get_span_context()
    assert key_of(meter.event) == (context.trace_id, context.span_id)
    assert book(meter, tmp_path, "events")[:2] == (1, CALL)


@pytest.mark.parametrize("first", ["spans", "events"])
def test_an_official_span_and_our_event_are_one_call(first: str, meter: Meter, client: OpenAI, tmp_path: Path) -> None:
    with Official(meter) as official:
        chat(client)
    assert official.data.usage_input_tokens == 19 and official.data.usage_output_tokens == 10
    assert meter.spans == [] and key_of(meter.event) == key_of(outer_span(meter))
    assert names.BILLED_BY not in attributes_of(outer_span(meter)), "a collector counts the call from this span"
    assert meter.points(names.INFERENCE_DURATION) == [], "the official instrumentation measures it"
    calls, pico, counters = book(meter, tmp_path, first)
    assert (calls, pico) == (1, CALL) and "conflicts" not in counters


@pytest.mark.parametrize("sampler", [None, ALWAYS_OFF], ids=["sampled", "dropped"])
def test_several_calls_in_an_official_call_are_several_bills(
    sampler: Any, meters: MeterFactory, stub: StubServer, tmp_path: Path
) -> None:
    meter = meters(sampler=sampler)
    stub.script("/v1/chat/completions", Reply(429))
    with OpenAI(base_url=stub.openai_url, api_key="sk-stub", max_retries=0) as client, Official(meter):
        with pytest.raises(Exception, match="429"):
            chat(client)
        chat(client)
        chat_stream(client)
    assert meter.total(names.COST_USD) == pytest.approx(2 * CALL / 1e12)
    # A failed call has no span here. Where spans are dropped, its event tells of it.
    assert book(meter, tmp_path, "events")[:2] == (2 if sampler is None else 3, 2 * CALL)


def test_a_span_of_the_app_inside_an_official_call_gets_no_money(meter: Meter, client: OpenAI) -> None:
    with Official(meter) as official, inside(Tool("app", {}, {}), meter):
        chat(client)
    assert official.data.attributes[names.COST_TOTAL] == CALL / 1e12
    (app, _) = meter.all_spans
    assert names.COST_TOTAL not in attributes_of(app) and meter.events() == []


# --- another tool's suppression key --------------------------------------------------------------------------------


@pytest.fixture(params=HANDED_OVER)
def handed_over(request: pytest.FixtureRequest) -> Iterator[None]:
    """The test runs where a framework's instrumentation says that it has the span."""
    token = attach(set_value(request.param, True))
    yield
    detach(token)


@pytest.mark.usefixtures("handed_over")
class TestTheSpanIsSomeoneElses:
    @pytest.mark.parametrize("way", WAYS)
    def test_the_call_is_metered_without_a_span(self, way: str, meter: Meter, client: OpenAI, tmp_path: Path) -> None:
        WAYS[way](client)
        assert meter.all_spans == []
        assert meter.total(names.COST_USD) == pytest.approx(CALL / 1e12)
        assert meter.event.trace_id and meter.event.span_id
        assert book(meter, tmp_path, "events")[:2] == (1, CALL)

    def test_the_event_belongs_to_the_trace_around_it(self, meter: Meter, client: OpenAI) -> None:
        with inside(Tool("app", {}, {}), meter) as around:
            chat(client)
        context = around.get_span_context()
        assert meter.event.trace_id == context.trace_id and meter.event.span_id != context.span_id
        assert meter.event.attributes[names.PARENT_SPAN] == format(context.span_id, "016x")

    def test_a_span_of_the_call_gets_the_money(self, meter: Meter, client: OpenAI) -> None:
        with inside(TOOLS["openllmetry langchain"], meter):
            chat(client)
        assert attributes_of(outer_span(meter))[names.COST_TOTAL] == CALL / 1e12
        assert key_of(meter.event) == key_of(outer_span(meter))

    @pytest.mark.parametrize("first", ["spans", "events"])
    def test_a_span_that_is_kept_to_itself_is_no_second_bill(
        self, first: str, meter: Meter, client: OpenAI, tmp_path: Path
    ) -> None:
        """OpenLLMetry's span of a call of LangChain is open, but it is not the current one."""
        tool = TOOLS["openllmetry langchain"]
        with inside(Tool("app", {}, {}), meter):
            span = meter.tracer_provider.get_tracer(tool.scope).start_span("a call", kind=tool.kind)
            span.set_attributes(tool.before)
            chat(client)
            span.set_attributes(tool.after)
            span.end()
        assert meter.spans == []
        assert book(meter, tmp_path, first)[:2] == (1, CALL)

    def test_the_policy_for_payers_holds(self, meters: MeterFactory, client: OpenAI, stub: StubServer) -> None:
        meters(unattributed="reject", required=("department",))
        with pytest.raises(UnattributedCall):
            chat(client)
        assert stub.requests == []

    def test_budgets_hold(self, meters: MeterFactory, client: OpenAI) -> None:
        rows = {"all": {"amount": "0.0001", "period": "quarter", "on_exceed": "reject"}}
        meters(budgets=BudgetTable(rows, "genmeter.toml", ""))
        chat(client)
        with pytest.raises(BudgetExceeded):
            chat(client)

    def test_the_spans_of_the_sdk_itself_stay_muted(
        self, meter: Meter, claude: Anthropic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("opentelemetry.trace._TRACER_PROVIDER", meter.tracer_provider)
        claude.messages.create(**CLAUDE)
        assert meter.all_spans == [] and len(meter.events()) == 1

    def test_without_events_the_call_has_a_span_after_all(self, meters: MeterFactory, client: OpenAI) -> None:
        meter = meters(event=False)
        chat(client)
        assert meter.attributes[names.COST_TOTAL] == CALL / 1e12

    def test_it_is_said_once(self, meter: Meter, client: OpenAI, caplog: pytest.LogCaptureFixture) -> None:
        for _ in range(3):
            chat(client)
        (said,) = (found for found in caplog.messages if "asks that the calls inside its own spans" in found)
        assert HANDED_OVER[0] in said


def test_the_sdk_runs_inside_the_outer_span(meter: Meter, client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    """What traces HTTP hangs its spans on the span that is there."""
    seen: list[Span] = []
    send = client._client.send
    monkeypatch.setattr(client._client, "send", lambda *a, **k: (seen.append(get_current_span()), send(*a, **k))[1])
    with inside(TOOLS["pydantic-ai"], meter) as span:
        chat(client)
    assert seen == [span]
