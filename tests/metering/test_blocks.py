"""Workflows, agents and tools: their spans, the names on the calls inside, and what the calls add up to.

List prices in USD per million tokens: gpt-4o 2.50 in, 10.00 out. The stub's chat uses 19 in and 10 out, 19 × 2.50 +
10 × 10 = 147.5 millionths of a dollar; a stream of it as much.
"""

from __future__ import annotations

import asyncio
import gc
import inspect
import logging
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Sampler
from opentelemetry.trace import SpanKind, StatusCode

import genmeter
from genmeter import names
from genmeter.metering import guard
from genmeter.metering.blocks import tally
from genmeter.metering.blocks.frame import FRAME
from genmeter.metering.blocks.meter import meter as at_work
from genmeter.metering.process.reaper import reaper
from genmeter.model import Cost, Invocation, Request, Seller, Usage
from genmeter.settings import Settings
from tests.stub import Reply, StubServer

from .conftest import MeterFactory
from .rig import Meter
from .sdk import CHAT

CALL = 0.0001475
MAKERS = (names.AGENT_NAME, names.WORKFLOW_NAME, names.AGENT_PATH, names.CONVERSATION_ID)


def call(client: OpenAI) -> None:
    client.chat.completions.create(**CHAT)


def made_by(record: Any) -> tuple[Any, ...]:
    """Agent, workflow, path and conversation of a span or an event."""
    return tuple((record.attributes or {}).get(name) for name in MAKERS)


def named(spans: list[ReadableSpan], name: str) -> ReadableSpan:
    found = [span for span in spans if span.name == name]
    assert len(found) == 1, [span.name for span in spans]
    return found[0]


def rolled(span: ReadableSpan) -> dict[str, Any]:
    """What its roll-up says, by the last part of the name."""
    found = {key: value for key, value in (span.attributes or {}).items() if key.startswith("genmeter.rollup.")}
    return {key.rpartition(".")[2]: value for key, value in found.items()}


def test_a_tree_of_blocks_has_each_call_once_and_its_sums_on_every_node(meter: Meter, client: OpenAI):
    @genmeter.tool
    def find_order(order: str) -> str:
        return order

    with genmeter.workflow("refunds", conversation="c-1"):
        with genmeter.agent("triage", version=3):
            call(client)
            assert find_order("A-1042") == "A-1042"
            with genmeter.tool("ask_billing", call_id="call_1"), genmeter.agent("billing"):
                call(client)
        call(client)

    spans = {span.name: span for span in meter.spans}
    kinds = {name: (span.kind, span.attributes[names.OPERATION]) for name, span in spans.items() if name[:5] != "chat "}
    assert kinds == {
        "invoke_workflow refunds": (SpanKind.INTERNAL, "invoke_workflow"),
        "invoke_agent triage": (SpanKind.INTERNAL, "invoke_agent"),
        "execute_tool find_order": (SpanKind.INTERNAL, "execute_tool"),
        "execute_tool ask_billing": (SpanKind.INTERNAL, "execute_tool"),
        "invoke_agent billing": (SpanKind.INTERNAL, "invoke_agent"),
    }
    parents = {span.context.span_id: span.name for span in meter.spans}
    assert [parents.get(span.parent.span_id) if span.parent else None for span in meter.spans] == [
        "invoke_agent triage",  # the first call
        "invoke_agent triage",  # find_order
        "invoke_agent billing",  # the second call
        "execute_tool ask_billing",
        "invoke_agent triage",
        "invoke_workflow refunds",
        "invoke_workflow refunds",  # the third call
        None,
    ]
    calls = [span for span in meter.spans if span.name == "chat gpt-4o"]
    expected = [
        ("triage", "refunds", "triage", "c-1"),
        ("billing", "refunds", "triage/billing", "c-1"),
        (None, "refunds", None, "c-1"),
    ]
    assert [made_by(span) for span in calls] == expected
    assert [made_by(event) for event in meter.events()] == expected

    assert rolled(spans["invoke_workflow refunds"]) == {
        "cost": pytest.approx(3 * CALL, abs=1e-15), "calls": 3, "input_tokens": 57, "output_tokens": 30,
    }  # fmt: skip
    assert rolled(spans["invoke_agent triage"])["calls"] == 2
    assert rolled(spans["execute_tool ask_billing"]) == rolled(spans["invoke_agent billing"])
    assert rolled(spans["invoke_agent billing"]) == {
        "cost": pytest.approx(CALL, abs=1e-15), "calls": 1, "input_tokens": 19, "output_tokens": 10,
    }  # fmt: skip
    assert rolled(spans["execute_tool find_order"]) == {}
    blocks = [span for span in meter.spans if span not in calls]
    assert [
        name for span in blocks for name in span.attributes if name.startswith(("gen_ai.usage.", "genmeter.cost."))
    ] == []
    assert spans["invoke_agent triage"].attributes[names.AGENT_VERSION] == "3"
    tool = spans["execute_tool ask_billing"].attributes
    assert (tool[names.TOOL_NAME], tool[names.TOOL_TYPE], tool[names.TOOL_CALL_ID]) == (
        "ask_billing",
        "function",
        "call_1",
    )
    assert tool[names.AGENT_NAME] == "triage"


def test_names_reach_the_ledger_of_a_call_whose_span_is_not_sampled(meters: MeterFactory, client: OpenAI):
    meter = meters(sampler=ALWAYS_OFF)
    with genmeter.workflow("refunds"), genmeter.agent("triage"):
        call(client)
    assert meter.all_spans == []
    assert made_by(meter.event) == ("triage", "refunds", "triage", None)
    assert meter.total(names.COST_USD) == pytest.approx(CALL)


def test_a_call_outside_of_every_block_has_no_maker(meter: Meter, client: OpenAI):
    with genmeter.agent("triage"):
        pass
    call(client)
    assert made_by(meter.event) == (None, None, None, None)


def test_a_call_has_the_outermost_workflow_and_the_nearest_conversation(meter: Meter, client: OpenAI):
    with genmeter.workflow("refunds", conversation="c-1"), genmeter.workflow("mail", conversation="c-2"):
        call(client)
    assert made_by(meter.event) == (None, "refunds", None, "c-2")
    assert named(meter.spans, "invoke_workflow mail").attributes[names.WORKFLOW_NAME] == "mail"


def test_a_slash_in_a_name_is_no_step_of_the_path(meter: Meter, client: OpenAI):
    with genmeter.agent("a/b"), genmeter.agent("100%"):
        call(client)
    assert made_by(meter.event) == ("100%", None, "a%2Fb/100%25", None)


def test_an_agent_that_calls_itself_without_end_keeps_a_path_of_bounded_length(meter: Meter, client: OpenAI):
    def turn(left: int) -> None:
        with genmeter.agent("researcher"):
            turn(left - 1) if left else call(client)

    turn(60)
    path = made_by(meter.event)[2]
    assert path == "/".join(["researcher"] * 23)  # 23 × 10 letters and 22 slashes are 252 characters


# --- decorators ----------------------------------------------------------------------------------------------------


def test_a_decorated_function_is_a_block_each_time_it_runs(meter: Meter, client: OpenAI):
    @genmeter.agent("triage")
    def triage(words: str) -> str:
        """Doc."""
        call(client)
        return words

    assert [triage("a"), triage(words="b")] == ["a", "b"]
    assert (triage.__name__, triage.__doc__) == ("triage", "Doc.")
    assert [span.name for span in meter.spans].count("invoke_agent triage") == 2
    assert {made_by(event) for event in meter.events()} == {("triage", None, "triage", None)}


def test_a_decorated_coroutine_is_one_block_from_its_start_to_its_end(meter: Meter, stub: StubServer):
    async def run() -> None:
        @genmeter.agent("triage")
        async def triage() -> int:
            async with AsyncOpenAI(base_url=stub.openai_url, api_key="sk-stub") as client:
                await client.chat.completions.create(**CHAT)
            return 7

        assert inspect.iscoroutinefunction(triage)
        assert await triage() == 7
        assert made_by(meter.event)[0] == "triage"
        assert rolled(named(meter.spans, "invoke_agent triage"))["calls"] == 1

    asyncio.run(run())


def test_a_decorated_generator_is_in_its_block_and_its_consumer_is_not(meter: Meter, client: OpenAI):
    @genmeter.agent("writer")
    def pieces() -> Any:
        call(client)
        with genmeter.tool("look_up"):
            got = yield 1
            call(client)
        yield got
        return "end"

    assert inspect.isgeneratorfunction(pieces)
    with genmeter.workflow("reading"):
        body = pieces()
        assert next(body) == 1
        call(client)
        assert body.send("x") == "x"
        with pytest.raises(StopIteration) as stopped:
            next(body)
    assert stopped.value.value == "end"
    assert [made_by(event)[0] for event in meter.events()] == ["writer", None, "writer"]
    spans = {span.context.span_id: span.name for span in meter.spans}
    chats = [span for span in meter.spans if span.name == "chat gpt-4o"]
    assert [spans[span.parent.span_id] for span in chats] == [
        "invoke_agent writer", "invoke_workflow reading", "execute_tool look_up",
    ]  # fmt: skip
    assert rolled(named(meter.spans, "invoke_agent writer"))["calls"] == 2
    assert named(meter.spans, "invoke_agent writer").status.status_code is StatusCode.UNSET


def test_an_exception_that_is_thrown_into_a_generator_arrives_in_its_body(meter: Meter):
    @genmeter.tool
    def pieces() -> Any:
        try:
            yield 1
        except KeyError:
            yield "caught"

    body = pieces()
    next(body)
    assert body.throw(KeyError("x")) == "caught"
    body.close()
    reaper.drain()
    assert named(meter.spans, "execute_tool pieces").status.status_code is StatusCode.UNSET


def test_a_generator_that_is_dropped_ends_its_block_soon(meter: Meter):
    closed: list[str] = []

    @genmeter.agent("writer")
    def pieces() -> Any:
        try:
            yield 1
        finally:
            closed.append("body")

    for _ in pieces():
        break
    gc.collect()
    reaper.drain()
    assert closed == ["body"]
    assert [span.name for span in meter.spans] == ["invoke_agent writer"]


def test_a_decorated_asynchronous_generator_is_in_its_block_and_its_consumer_is_not(meter: Meter, stub: StubServer):
    async def run() -> None:
        client = AsyncOpenAI(base_url=stub.openai_url, api_key="sk-stub")

        @genmeter.agent("writer")
        async def pieces() -> Any:
            await client.chat.completions.create(**CHAT)
            yield 1
            await client.chat.completions.create(**CHAT)
            yield 2

        assert inspect.isasyncgenfunction(pieces)
        got = []
        async for piece in pieces():
            got.append(piece)
            await client.chat.completions.create(**CHAT)
        await client.close()
        assert got == [1, 2]
        assert [made_by(event)[0] for event in meter.events()] == ["writer", None, "writer", None]
        assert rolled(named(meter.spans, "invoke_agent writer"))["calls"] == 2

    asyncio.run(run())


def test_one_block_object_may_be_entered_by_many_threads_at_once(meter: Meter, client: OpenAI):
    block = genmeter.agent("triage")

    def work(_: int) -> None:
        with block:
            call(client)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    sums = [rolled(span)["calls"] for span in meter.spans if span.name == "invoke_agent triage"]
    assert sums == [1] * 40


# --- failures ------------------------------------------------------------------------------------------------------


def test_an_exception_passes_as_it_is_and_is_kept_without_its_words(meter: Meter):
    error = LookupError("order A-1042 of ada@example.com")
    with pytest.raises(LookupError) as raised, genmeter.tool("find_order"):
        raise error
    assert raised.value is error
    span = meter.span
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes[names.ERROR_TYPE] == "LookupError"
    assert "ada@example.com" not in meter.exported()
    (point,) = meter.points(names.TOOL_DURATION)
    assert dict(point.attributes) == {
        names.TOOL_NAME: "find_order", names.TOOL_TYPE: "function", names.ERROR_TYPE: "LookupError",
    }  # fmt: skip


class Broken(Sampler):
    """Fails for the spans of blocks."""

    def should_sample(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("no sampler today")

    def get_description(self) -> str:
        return "broken"


def test_a_fault_while_a_block_starts_is_counted_and_the_names_stay(meters: MeterFactory, client: OpenAI):
    meter = meters(sampler=Broken())
    with genmeter.agent("triage"):
        call(client)
    assert made_by(meter.event)[0] == "triage"
    assert guard.failures["span"] == 2  # the block's and the call's
    guard.reset()


def test_without_a_meter_a_block_runs_its_code(caplog: pytest.LogCaptureFixture):
    @genmeter.workflow("refunds", max_calls=0)
    def work() -> int:
        with genmeter.agent("triage"), genmeter.tool("find_order"):
            return 7

    assert at_work.telemetry is None
    assert work() == 7
    assert [text for text in caplog.messages if "failed" in text] == []


def test_a_block_that_is_left_in_another_context_ends_all_the_same(meter: Meter):
    block = genmeter.agent("triage")
    block.__enter__()
    copy_context().run(lambda: None)
    ThreadPoolExecutor(1).submit(block.__exit__, None, None, None).result()
    assert [span.name for span in meter.spans] == ["invoke_agent triage"]
    trace.set_span_in_context(trace.INVALID_SPAN)


class Finder:
    """A tool that is an object."""

    def __call__(self) -> str:
        return "A-1"


@pytest.mark.parametrize(
    ("function", "name"), [(partial(str, "A-1"), "str"), (Finder(), "Finder"), (partial(Finder()), "Finder")]
)
def test_whatever_can_be_called_is_a_tool_with_a_name(function: Callable[[], str], name: str, meter: Meter):
    assert genmeter.tool(function)() == "A-1"
    assert [span.name for span in meter.spans] == [f"execute_tool {name}"]


@pytest.mark.parametrize("block", [genmeter.agent, genmeter.workflow])
def test_a_decorator_without_its_name_says_how_it_is_written(block: Any):
    with pytest.raises(TypeError, match=f'@genmeter.{block.__name__}\\("find_order"\\)'):

        @block
        def find_order() -> None: ...


def test_a_name_that_is_no_name_is_refused_where_it_is_written():
    with pytest.raises(TypeError, match=r"genmeter\.agent\(name=\.\.\.\): .*object"):
        genmeter.agent(object())
    for wrong in ({"max_cost": "a lot"}, {"max_calls": -1}, {"on_exceed": "stop"}, {"max_cost": 0.5}):
        with pytest.raises(ValueError, match=r"genmeter\.workflow\("):
            genmeter.workflow("refunds", **wrong)


# --- beside a framework --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attributes",
    [
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "triage"},
        {"openinference.span.kind": "AGENT", "agent.name": "triage"},
        {"traceloop.span.kind": "agent", "traceloop.entity.name": "triage"},
    ],
)
def test_inside_a_frameworks_span_of_the_same_block_there_is_no_second_span(
    meter: Meter, client: OpenAI, attributes: dict[str, str]
):
    tracer = meter.tracer_provider.get_tracer("framework")
    with tracer.start_as_current_span("agent run", attributes=attributes), genmeter.agent("triage"):
        call(client)
    assert [span.name for span in meter.all_spans] == ["chat gpt-4o", "agent run"]
    assert made_by(meter.event)[0] == "triage"
    assert rolled(named(meter.all_spans, "agent run"))["calls"] == 1


def test_inside_a_frameworks_span_of_another_agent_there_is_a_span(meter: Meter, client: OpenAI):
    tracer = meter.tracer_provider.get_tracer("framework")
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner"}
    with tracer.start_as_current_span("agent run", attributes=attributes), genmeter.agent("triage"):
        call(client)
    assert [span.name for span in meter.all_spans] == ["chat gpt-4o", "invoke_agent triage", "agent run"]


# --- sums ----------------------------------------------------------------------------------------------------------


def test_a_call_without_a_price_is_counted_as_one_and_adds_no_money(meter: Meter, client: OpenAI):
    with genmeter.agent("mixed"):
        call(client)
        client.chat.completions.create(model="house-7b", messages=CHAT["messages"])
    with genmeter.agent("unknown"):
        client.chat.completions.create(model="house-7b", messages=CHAT["messages"])
    with genmeter.agent("idle"):
        pass
    mixed = rolled(named(meter.spans, "invoke_agent mixed"))
    assert mixed == {
        "cost": pytest.approx(CALL), "calls": 2, "unpriced": 1, "input_tokens": 38, "output_tokens": 20,
    }  # fmt: skip
    unknown = rolled(named(meter.spans, "invoke_agent unknown"))
    assert unknown == {"calls": 1, "unpriced": 1, "input_tokens": 19, "output_tokens": 10}
    assert rolled(named(meter.spans, "invoke_agent idle")) == {"calls": 0}


def booked(pico: int) -> Invocation:
    """A finished call of so much."""
    cost = Cost(pico, (), "local", "", "")
    return Invocation("chat", Seller("openai", "openai"), Request("gpt-4o"), usage=Usage(3, 2), cost=cost)


def test_sums_are_exact_under_sixteen_threads(meter: Meter):
    from genmeter.metering.blocks import frame as frames
    from genmeter.metering.context import current

    def work(context: Any) -> None:
        for number in range(2000):
            invocation = booked(number)
            invocation.frame = context.get(FRAME)
            frames.book(invocation)

    with genmeter.workflow("refunds"), genmeter.agent("triage"):
        context = current()
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(work, [context] * 16))
        inner = context.get(FRAME)
    # 16 × (0 + 1 + … + 1999) = 16 × 1,999,000 pico-USD; 16 × 2,000 calls of 3 and 2 tokens
    for found in (inner.tally.read(), inner.outer.tally.read()):
        assert (found.cost, found.calls, found.input, found.output) == (31_984_000, 32_000, 96_000, 64_000)


def test_sums_are_exact_under_a_thousand_tasks(meter: Meter, stub: StubServer):
    async def run() -> None:
        async with AsyncOpenAI(base_url=stub.openai_url, api_key="sk-stub") as client:
            gate = asyncio.Semaphore(40)

            @genmeter.agent("worker")
            async def work() -> None:
                async with gate:
                    await client.chat.completions.create(**CHAT)

            with genmeter.workflow("crowd"):
                await asyncio.gather(*(work() for _ in range(1000)))
        found = named(meter.spans, "invoke_workflow crowd").attributes
        assert (found[names.ROLLUP_CALLS], found[names.ROLLUP_INPUT]) == (1000, 19_000)
        assert found[names.ROLLUP_COST] == 0.1475
        workers = [rolled(span)["calls"] for span in meter.spans if span.name == "invoke_agent worker"]
        assert workers == [1] * 1000

    asyncio.run(run())


def test_an_entry_that_comes_while_entries_are_folded_is_not_lost():
    sums = tally.Tally()
    for _ in range(10 * tally.FOLD_AT + 3):
        sums.add((2, 1, 0, 0, 0, 0, 0))
        assert len(sums._entries) <= tally.FOLD_AT
    assert sums.read()[:2] == (2 * (10 * tally.FOLD_AT + 3), 10 * tally.FOLD_AT + 3)


def test_many_workflows_leave_nothing_behind(meter: Meter):
    @genmeter.tool
    def find_order() -> None:
        pass

    def work(times: int) -> None:
        for _ in range(times):
            with genmeter.workflow("refunds"), genmeter.agent("triage"):
                find_order()
        meter.clear()
        meter.sampler.seen.clear()
        meter.collect()
        gc.collect()

    work(1000)
    tracemalloc.start()
    try:
        work(200)
        before = tracemalloc.get_traced_memory()[0]
        work(3000)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    # 3,000 runs that left only a frame each would be more than 2 MB
    assert grown < 100_000, grown


# --- metrics -------------------------------------------------------------------------------------------------------


def test_durations_and_counts_of_blocks_are_metrics(meter: Meter, client: OpenAI):
    with genmeter.workflow("refunds"), genmeter.agent("triage"):
        call(client)
        with genmeter.tool("find_order"):
            pass
        with genmeter.tool("ask_billing"), genmeter.agent("billing"):
            call(client)
            call(client)
    found = {
        name: {
            tuple(point.attributes.get(key) for key in (names.WORKFLOW_NAME, names.AGENT_NAME, names.TOOL_NAME)): (
                point.count, point.sum if "duration" not in name else None,
            )
            for point in meter.points(name)
        }
        for name in (names.WORKFLOW_DURATION, names.AGENT_DURATION, names.TOOL_DURATION, names.AGENT_CALLS, names.AGENT_TOOL_CALLS)
    }  # fmt: skip
    assert found == {
        names.WORKFLOW_DURATION: {("refunds", None, None): (1, None)},
        names.AGENT_DURATION: {(None, "triage", None): (1, None), (None, "billing", None): (1, None)},
        names.TOOL_DURATION: {(None, "triage", "find_order"): (1, None), (None, "triage", "ask_billing"): (1, None)},
        names.AGENT_CALLS: {(None, "triage", None): (1, 1), (None, "billing", None): (1, 2)},
        names.AGENT_TOOL_CALLS: {(None, "triage", None): (1, 2), (None, "billing", None): (1, 0)},
    }


def test_metrics_have_agent_and_workflow_only_where_they_are_asked_for(meters: MeterFactory, client: OpenAI):
    for labels, expected in ((("agent", "workflow"), ("triage", "refunds")), ((), (None, None))):
        meter = meters(metric_labels=labels)
        with genmeter.workflow("refunds"), genmeter.agent("triage"):
            call(client)
        (point,) = meter.points(names.COST_USD)
        assert (point.attributes.get(names.AGENT_NAME), point.attributes.get(names.WORKFLOW_NAME)) == expected
        genmeter.uninstrument()
    assert Settings.load({"GENMETER_METRIC_LABELS": "agent,workflow"}, "").metric_labels == ("agent", "workflow")


# --- limits --------------------------------------------------------------------------------------------------------


def test_calls_beyond_max_calls_are_refused_and_never_sent(meter: Meter, client: OpenAI, stub: StubServer):
    @genmeter.agent("looping", max_calls=3)
    def loop() -> None:
        while True:
            call(client)

    for run in (1, 2):  # the limit is that of one run
        with pytest.raises(genmeter.LimitExceeded) as raised:
            loop()
        assert len(stub.requests) == 3 * run
    assert isinstance(raised.value, genmeter.RejectedCall)
    assert (raised.value.block, raised.value.limit, raised.value.used) == ("agent looping", "max_calls", "3 calls")
    assert "max_calls=3: no request was sent" in str(raised.value)
    assert [rolled(span)["calls"] for span in meter.spans if span.name == "invoke_agent looping"] == [3, 3]


def test_calls_after_max_cost_is_reached_are_refused(meter: Meter, client: OpenAI, stub: StubServer):
    # 147.5 millionths each: the second call reaches 0.00025
    for run, amount in enumerate(("0.00025", Decimal("0.00025")), 1):
        with pytest.raises(genmeter.LimitExceeded, match=r"has used 0\.000295 USD of its max_cost=\"0\.00025\""):
            with genmeter.workflow("refunds", max_cost=amount), genmeter.agent("triage"):
                while True:
                    call(client)
        assert len(stub.requests) == 2 * run


def test_with_warn_calls_go_on_and_one_line_says_so(meter: Meter, client: OpenAI, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING), genmeter.workflow("warned", max_calls=1, on_exceed="warn"):
        for _ in range(4):
            call(client)
    said = [text for text in caplog.messages if "warned" in text]
    assert said == [
        "genmeter: the workflow warned has used 1 calls of its max_calls=1; calls go on, as its on_exceed is warn"
    ]
    assert len(meter.events()) == 4


def test_sixteen_threads_make_exactly_as_many_calls_as_a_run_may(meter: Meter, client: OpenAI, stub: StubServer):
    refused: list[Exception] = []

    def work() -> None:
        try:
            call(client)
        except genmeter.LimitExceeded as error:
            refused.append(error)

    with genmeter.workflow("crowd", max_calls=25), ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda context: context.run(work), [copy_context() for _ in range(64)]))
    assert (len(stub.requests), len(refused)) == (25, 39)


def test_a_call_that_another_block_or_budget_refuses_uses_up_no_other_limit(
    meters: MeterFactory, client: OpenAI, stub: StubServer
):
    meters()
    inner = genmeter.agent("inner", max_calls=2)
    with genmeter.workflow("outer", max_calls=1):
        with inner:
            call(client)
            for _ in range(3):
                with pytest.raises(genmeter.LimitExceeded, match="workflow outer"):
                    call(client)
            frame = at_work_frame()
            assert frame.caps is not None
            frame.caps.admit()  # the second call of the agent is still free
            with pytest.raises(genmeter.LimitExceeded):
                frame.caps.admit()
    assert len(stub.requests) == 1


def at_work_frame() -> Any:
    from genmeter.metering.context import current

    return current().get(FRAME)


def test_a_call_that_the_sdk_never_sent_uses_up_no_limit(meter: Meter, client: OpenAI, stub: StubServer):
    with genmeter.agent("careful", max_calls=1):
        for _ in range(3):
            with pytest.raises(TypeError):
                client.chat.completions.create(**CHAT, no_such_argument=1)  # type: ignore[call-overload]
        call(client)
    assert len(stub.requests) == 1


def test_a_failed_call_is_a_call_of_its_agent(meter: Meter, stub: StubServer):
    stub.script("/chat/completions", Reply(status=429))
    client = OpenAI(base_url=stub.openai_url, api_key="sk-stub", max_retries=0)
    with genmeter.agent("triage"), pytest.raises(Exception, match="429"):
        call(client)
    assert rolled(named(meter.spans, "invoke_agent triage"))["calls"] == 1
    assert made_by(meter.event)[0] == "triage"
