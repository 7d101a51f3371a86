"""``record``, ``cost`` and ``price``: calls that no SDK makes have the same bill as any other.

List prices in USD per million tokens: gpt-4o 2.50 in, 10.00 out, and half of it by batch; claude-haiku-4-5 1 and 5;
text-embedding-3-small 0.02. The stub's chat uses 19 in and 10 out, 19 × 2.50 + 10 × 10 = 147.5 millionths of a dollar; its
message 25 and 15, 25 × 1 + 15 × 5 = 100; its response 36 and 87, 36 × 2.50 + 87 × 10 = 960.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from anthropic import Anthropic
from openai import OpenAI

import genmeter
from genmeter import names
from genmeter.settings import BudgetTable
from tests.stub import StubServer

from .conftest import MeterFactory
from .rig import MICRO, Meter, one_call
from .sdk import HELLO

AT = "2026-11-20T12:00:00Z"
SECOND = datetime(2026, 11, 20, 12, tzinfo=UTC).timestamp()
NONE: Any = None
HALF: Any = 0.5
CHAT: dict[str, Any] = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": int(SECOND),
    "model": "gpt-4o-2024-08-06",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29},
}
MESSAGE: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-4-5-20251001",
    "content": [{"type": "text", "text": "Yes."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 25, "output_tokens": 15},
}
EMBEDDED: dict[str, Any] = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}
GEMINI: dict[str, Any] = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Yes."}]}, "finishReason": "STOP"}],
    "modelVersion": "gemini-2.5-flash",
    "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 10, "totalTokenCount": 110},
}
CONVERSE: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Yes."}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 25, "outputTokens": 15, "totalTokens": 40},
}


# --- cost and price ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "given", "usd", "lines"),
    [
        (CHAT, {}, "0.0001475", (("input", 47_500_000), ("output", 100_000_000))),
        (CHAT, {"batch": True}, "0.00007375", (("input", 23_750_000), ("output", 50_000_000))),
        (MESSAGE, {}, "0.0001", (("input", 25_000_000), ("output", 75_000_000))),
        (EMBEDDED, {}, "0.00000016", (("input", 160_000),)),
        # gemini-2.5-flash: 0.30 in, 2.50 out; 100 × 0.30 + 10 × 2.50 = 55 millionths
        (GEMINI, {}, "0.000055", (("input", 30_000_000), ("output", 25_000_000))),
        (
            CONVERSE,
            {"model": "global.anthropic.claude-haiku-4-5-20251001-v1:0"},
            "0.0001",
            (("input", 25_000_000), ("output", 75_000_000)),
        ),
    ],
    ids=["chat", "batch", "message", "embeddings", "gemini", "converse"],
)
def test_an_answer_at_hand_costs_what_the_list_says(answer: Any, given: Any, usd: str, lines: Any) -> None:
    for form in (answer, json.dumps(answer), json.dumps(answer).encode()):
        bill = genmeter.cost(form, at=AT, **given)
        assert (bill.usd, bill.lines, bill.status, bill.reason) == (Decimal(usd), lines, "priced", None)
        assert bill.catalogue and bill.entry and bill.pico == sum(pico for _, pico in lines)


def test_objects_of_sdks_cost_what_they_say(client: OpenAI, claude: Anthropic) -> None:
    chat = client.chat.completions.create(model="gpt-4o", messages=HELLO)
    response = client.responses.create(model="gpt-4o", input="hello")
    message = claude.messages.create(model="claude-haiku-4-5", max_tokens=20, messages=HELLO)
    costs = [genmeter.cost(one, at=AT).usd for one in (chat, response, message)]
    assert costs == [Decimal("0.0001475"), Decimal("0.00096"), Decimal("0.0001")]


def test_no_price_is_a_reason_and_never_zero() -> None:
    strange = genmeter.cost({**CHAT, "model": "gpt-0"}, at=AT)
    assert (strange.usd, strange.pico, strange.status, strange.reason) == (None, None, "unpriced", "unknown_model")
    assert genmeter.cost({**CHAT, "usage": None}, at=AT).reason == "no_usage"
    # DeepSeek's answer has OpenAI's shape; nobody sells it at a price of OpenAI's models
    assert genmeter.cost({**CHAT, "model": "deepseek-chat"}, at=AT).reason == "unknown_model"
    assert genmeter.price("acme", "gpt-4o", {"input": 1, "output": 1}).reason == "unknown_provider"


def test_the_time_in_the_answer_chooses_the_price() -> None:
    # deepseek-v4-flash on a Monday: 0.30 in and 1.20 out at 02:00 UTC, which is a busy hour, half of it at 12:00
    monday = datetime(2026, 11, 16, 2, tzinfo=UTC)
    answer = {**CHAT, "model": "deepseek-v4-flash", "created": int(monday.timestamp())}
    later = {**answer, "created": int(monday.timestamp()) + 36_000}
    # 19 × 0.30 + 10 × 1.20 = 17.7 millionths
    assert genmeter.cost(answer, provider="deepseek").usd == Decimal("0.0000177")
    assert genmeter.cost(later, provider="deepseek").usd == Decimal("0.00000885")
    for at in (monday, monday.timestamp(), "2026-11-16T02:00:00Z"):
        assert genmeter.cost(later, provider="deepseek", at=at).usd == Decimal("0.0000177")


def test_price_takes_counts_by_name() -> None:
    # 1,000 of 1,200 from the cache at 1.25: 200 × 2.50 + 1000 × 1.25 + 80 × 10 = 2,550 millionths
    bill = genmeter.price("openai", "gpt-4o", {"input": 1200, "output": 80, "cache_read": 1000}, at=AT)
    assert bill.usd == Decimal("0.00255") and dict(bill.lines)["cache_read"] == 1_250_000_000
    assert genmeter.price("azure", "gpt-4o", {"input": 19, "output": 10}, at=AT).usd == Decimal("0.0001475")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: genmeter.price("", "gpt-4o", {}), "provider=''"),
        (lambda: genmeter.price("openai", "gpt-4o", {"inputs": 1}), "did you mean 'input'"),
        (lambda: genmeter.price("openai", "gpt-4o", {"prompt_tokens": 1}), "response="),
        (lambda: genmeter.price("openai", "gpt-4o", {"input": -1}), "whole number"),
        (lambda: genmeter.price("openai", "gpt-4o", {"input": HALF}), "whole number"),
        (lambda: genmeter.price("openai", "gpt-4o", {"input": 1}, at="soon"), "ISO 8601"),
        (lambda: genmeter.price("openai", "gpt-4o", {"input": 1}, at=datetime(2026, 1, 1)), "time zone"),  # noqa: DTZ001
        (lambda: genmeter.cost({"hello": 1}), "known are"),
        (lambda: genmeter.cost("no json"), "no JSON"),
        (lambda: genmeter.cost({"object": "event", "type": "response.completed", "data": {"id": "r"}}), "retrieve"),
        (lambda: genmeter.record(provider=NONE, response=CHAT), "provider=None"),
        (lambda: genmeter.record(provider="openai", usage={"input": 1}), "model="),
        (lambda: genmeter.record(provider="openai", model="m", usage={}, response=CHAT), "not both"),
        (lambda: genmeter.record(provider="openai", model="m", operation="talk"), "operation='talk'"),
        (lambda: genmeter.record(provider="openai", model="m", at=1.0), "at="),
        (lambda: genmeter.record(provider="openai", model="m").answered(CHAT), "inside"),
    ],
)
def test_a_wrong_argument_is_told_with_what_to_pass(call: Any, words: str) -> None:
    with pytest.raises(genmeter.RecordError, match=words) as caught:
        call()
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, genmeter.GenmeterError)


def test_cost_sets_up_no_telemetry_and_imports_no_sdk() -> None:
    program = f"""
import sys, genmeter
assert str(genmeter.cost({CHAT!r}).usd) == "0.0001475"
from opentelemetry import trace, metrics
assert type(trace.get_tracer_provider()).__name__ == "ProxyTracerProvider"
assert type(metrics.get_meter_provider()).__name__ == "_ProxyMeterProvider"
assert not {{"openai", "anthropic", "google.genai", "boto3"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


# --- a call that is over -----------------------------------------------------------------------------------------------


def test_a_call_that_is_over_has_every_signal_at_its_own_time(meter: Meter) -> None:
    with genmeter.attribution(user="7", department="research"):
        bill = genmeter.record(provider="openai", response=CHAT).bill
    found = one_call(meter)
    assert found[names.PROVIDER] == "openai" and found[names.OPERATION] == "chat"
    assert (found[names.INPUT_TOKENS], found[names.OUTPUT_TOKENS]) == (19, 10)
    assert (found[names.RESPONSE_ID], found[names.DEPARTMENT]) == ("chatcmpl-1", "research")
    assert found[names.COST_AMOUNT] == pytest.approx(147.5 * MICRO)
    assert bill is not None and bill.usd == Decimal("0.0001475")
    assert meter.total(names.COST_USD) == pytest.approx(147.5 * MICRO)
    assert meter.span.start_time == meter.event.timestamp == int(SECOND * 1e9)


def test_a_call_that_is_over_has_no_duration(meter: Meter) -> None:
    genmeter.record(provider="openai", response=CHAT)
    assert names.CALL_DURATION not in meter.event.attributes
    assert meter.points(names.INFERENCE_DURATION) == []
    assert [point.sum for point in meter.points(names.INFERENCE_OPERATION_INPUT)] == [19]


def test_counts_alone_make_a_call(meter: Meter) -> None:
    genmeter.record(provider="anthropic", model="claude-haiku-4-5", usage={"input": 25, "output": 15}, at=AT)
    found = one_call(meter)
    assert found[names.REQUEST_MODEL] == "claude-haiku-4-5"
    assert found[names.COST_AMOUNT] == pytest.approx(100 * MICRO)


def test_the_shape_tells_the_operation(meter: Meter) -> None:
    genmeter.record(provider="openai", response=EMBEDDED, at=AT)
    assert one_call(meter)[names.OPERATION] == names.EMBEDDINGS


def spent(**more: Any) -> BudgetTable:
    row = {"period": "quarter", "amount": "0.0001", "on_exceed": "reject", **more}
    return BudgetTable({"all": row}, "genmeter.toml", "")


def test_spent_money_counts_in_budgets_and_is_never_refused(meters: MeterFactory, client: OpenAI) -> None:
    meter = meters(budgets=spent(), unattributed="reject", required=("department",))
    for _ in range(2):
        bill = genmeter.record(provider="openai", response={**CHAT, "created": 0}).bill
        assert bill is not None and bill.status == "priced"
    assert len(meter.spans) == 2
    assert all(dict(span.attributes or {})[names.UNATTRIBUTED] is True for span in meter.spans)
    with genmeter.attribution(department="research"), pytest.raises(genmeter.BudgetExceeded):
        client.chat.completions.create(model="gpt-4o", messages=HELLO)


def test_a_block_around_is_the_maker_also_of_a_call_that_is_over(meter: Meter) -> None:
    with genmeter.agent("Clerk"):
        genmeter.record(provider="openai", response=CHAT)
    made = next(span for span in meter.spans if span.name.startswith("chat"))
    assert (made.attributes or {})[names.AGENT_NAME] == "Clerk"


@pytest.mark.parametrize("missing", ["response", "usage"])
def test_an_answer_that_is_missing_is_refused_and_not_taken_for_a_call_to_come(missing: str, meter: Meter) -> None:
    with pytest.raises(genmeter.RecordError, match=f"{missing}=None"):
        genmeter.record(provider="openai", model="gpt-4o", **{missing: None})


@pytest.mark.parametrize("limit", [{"max_cost": "0.0001"}, {"max_calls": 1}])
def test_what_is_over_counts_in_the_blocks_around_it_although_a_limit_is_used_up(
    limit: dict[str, Any], meter: Meter, client: OpenAI
) -> None:
    with genmeter.workflow("refunds"), genmeter.agent("Clerk", **limit):
        for _ in range(3):
            genmeter.record(provider="openai", response=CHAT)
        with pytest.raises(genmeter.LimitExceeded):
            client.chat.completions.create(model="gpt-4o", messages=HELLO)
    for block in ("invoke_agent Clerk", "invoke_workflow refunds"):
        attributes = next(dict(span.attributes or {}) for span in meter.spans if span.name == block)
        assert attributes["genmeter.rollup.calls"] == 3
        assert attributes["genmeter.rollup.cost"] == pytest.approx(3 * 147.5 * MICRO)


# --- a call that is still to be made -----------------------------------------------------------------------------------


def test_a_block_is_one_call_with_a_duration(meter: Meter) -> None:
    with genmeter.record(provider="openai", model="gpt-4o") as call:
        assert meter.total(names.CALLS_ACTIVE) == 1
        call.answered(CHAT)
    assert call.bill is not None and call.bill.usd == Decimal("0.0001475")
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(147.5 * MICRO)
    assert names.CALL_DURATION in meter.event.attributes


def test_a_known_sdk_inside_is_part_of_the_call(meter: Meter, client: OpenAI) -> None:
    with genmeter.record(provider="openai", model="gpt-4o") as call:
        call.answered(client.chat.completions.create(model="gpt-4o", messages=HELLO))
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(147.5 * MICRO)


def test_a_decorated_function_is_one_call_each_time(meter: Meter) -> None:
    @genmeter.record(provider="anthropic", model="claude-haiku-4-5")
    def ask(text: str) -> dict[str, Any]:
        """Ask."""
        return {**MESSAGE, "id": text}

    @genmeter.record(provider="anthropic", model="claude-haiku-4-5")
    async def ask_later(text: str) -> str:
        await asyncio.sleep(0)
        return json.dumps({**MESSAGE, "id": text})

    assert ask("a")["id"] == "a" and ask.__name__ == "ask"
    assert json.loads(asyncio.run(ask_later("b")))["id"] == "b"
    assert [dict(span.attributes or {})[names.RESPONSE_ID] for span in meter.spans] == ["a", "b"]
    assert meter.total(names.COST_USD) == pytest.approx(200 * MICRO)


def test_an_async_block_is_one_call(meter: Meter) -> None:
    async def ask() -> None:
        async with genmeter.record(provider="openai", model="gpt-4o") as call:
            call.answered(usage={"input": 19, "output": 10})

    asyncio.run(ask())
    assert one_call(meter)[names.COST_AMOUNT] == pytest.approx(147.5 * MICRO)


def test_an_exception_in_the_block_is_the_calls_and_the_programs(meter: Meter) -> None:
    for error in (TypeError("x"), KeyError("y")):
        with pytest.raises(type(error)) as caught, genmeter.record(provider="openai", model="gpt-4o"):
            raise error
        assert caught.value is error
    kinds = [dict(span.attributes or {})[names.ERROR_TYPE] for span in meter.spans]
    assert kinds == ["TypeError", "KeyError"] and meter.total(names.CALLS_ACTIVE) == 0


def test_an_answer_that_is_not_read_is_logged_and_never_fails_the_program(
    meter: Meter, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    for answer in ({"hello": 1}, "no json", 7, Odd(), None):
        ask = genmeter.record(provider="openai", model="gpt-4o")(lambda answer=answer: answer)
        assert ask() is answer
    reasons = [dict(span.attributes or {})[names.COST_REASON] for span in meter.spans]
    assert reasons == ["no_usage"] * 5
    assert "is recorded without its tokens" in caplog.text


def test_rules_that_reject_refuse_the_call_before_it_is_made(meters: MeterFactory) -> None:
    meters(unattributed="reject", required=("department",))
    made: list[int] = []
    with pytest.raises(genmeter.RejectedCall):
        genmeter.record(provider="openai", model="gpt-4o")(lambda: made.append(1))()
    assert made == []


def test_a_recording_serves_once_and_no_generator(meter: Meter) -> None:
    call = genmeter.record(provider="openai", model="gpt-4o")
    with call:
        call.answered(CHAT)
    for used in (call, genmeter.record(provider="openai", response=CHAT)):
        with pytest.raises(genmeter.RecordError, match="has been used"), used:
            pass
        with pytest.raises(genmeter.RecordError, match="has been used"):
            used(print)

    def pieces() -> Any:
        yield 1

    with pytest.raises(genmeter.RecordError, match="generator"):
        genmeter.record(provider="openai", model="gpt-4o")(pieces)
    assert len(meter.spans) == 2


def test_without_a_meter_the_program_runs_and_has_its_bill(stub: StubServer) -> None:
    genmeter.uninstrument()
    bill = genmeter.record(provider="openai", response=CHAT).bill
    assert bill is not None and bill.usd == Decimal("0.0001475")
    with genmeter.record(provider="openai", model="gpt-4o") as call:
        call.answered(CHAT)
    assert call.bill is not None and call.bill.usd == Decimal("0.0001475")
