"""No count of a usage object is lost: it is read, it is a known part of another count, or the call names it."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genmeter import names
from genmeter.metering.spec import Dialect
from genmeter.model import Invocation, Request, Seller
from tests.stub import Exact, Reply, Stream, StubServer

from .cells import make_client
from .rig import Meter
from .sdk import CHAT, CLAUDE
from .test_usage import DIALECTS, VECTORS, book, dollars

Place = tuple[str | int, ...]
UNKNOWN: dict[str, Any] = {
    "a count of tokens": {"zebra_tokens": 7},
    "a count of another name": {"zebra_count": 7},
    "a count in camel case": {"zebraTokens": 7},
    "a double": {"zebra_tokens": 7.0},
    "a text": {"zebra_tokens": "7"},
    "an object of counts": {"zebra": {"stripe_tokens": 7}},
    "a list of objects": {"zebras": [{"stripe_tokens": 3}, {"stripe_tokens": 4}]},
    "a list in a list": {"zebras": [[{"stripe_tokens": 3}], [4]]},
    "rounds in rounds": {"zebras": [{"iterations": [{"iterations": [{"stripe_tokens": 7}]}]}]},
    "details beside null": {"zebra": None, "zebra_details": {"plain": None, "stripe_tokens": 7}},
    "a fraction": {"zebra_tokens": 7.5},
    "a count below zero": {"zebra_tokens": -7},
    "a text that is no number": {"zebra_tokens": "many"},
    "an object that is too deep": {"zebra": functools.reduce(lambda inner, _: {"a": inner}, range(30), {"tokens": 7})},
    "a list that is too deep": {"zebra": functools.reduce(lambda inner, _: [inner], range(200), [7])},
    "JSON in a text": {"zebra": '{"stripe_tokens": 7}'},
}
NO_SUM = {
    "a count of another name", "a list in a list", "a fraction", "a count below zero", "a text that is no number",
    "an object that is too deep", "a list that is too deep", "JSON in a text",
}  # fmt: skip
"""Named, and not in the sum of tokens: no whole number of tokens can be told."""
NO_COUNT: dict[str, Any] = {
    "a word": {"zebra": "fast"},
    "a flag": {"zebra": True},
    "a time": {"queue_time": 0.7},
    "a rate": {"completion_tokens_per_sec": 31.5},
    "an amount": {"total_cost": 7},
    "words in a text": {"zebra": "[fast]"},
    "nothing": {"zebra_tokens": None, "zebra_count": 0, "zebras": [], "zebra": {}},
}


def read(dialect: Dialect, answer: dict[str, Any], seller: str | None = None) -> Invocation:
    """The record of one answer, whole or in pieces."""
    invocation = Invocation(dialect.operation, Seller(seller, "x"), Request())
    if "chunks" not in answer:
        dialect.read_response(answer["body"], invocation)
        return invocation
    assert dialect.accumulator is not None
    accumulator = dialect.accumulator(False, False)
    for chunk in answer["chunks"]:
        accumulator.fold(chunk)
    accumulator.finish(invocation)
    return invocation


USAGES = {"usage", "usageMetadata"}
"""What providers call the object."""


def usages(value: Any, place: Place = ()) -> Iterator[Place]:
    """The places of all usage objects, and of all objects in them."""
    inside = not USAGES.isdisjoint(place)
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if inside and isinstance(value, dict) and place[-1] not in ("cost", "cost_details"):
        yield place
    for key, inner in pairs:
        yield from usages(inner, (*place, key))


def cases() -> Iterator[Any]:
    for path in VECTORS:
        vector = json.loads(path.read_text(encoding="utf-8"))
        for place in usages({key: vector[key] for key in ("body", "chunks") if key in vector}):
            if vector["usage"] is not None:
                where = "/".join(map(str, place))
                yield pytest.param(path, place, id=f"{path.parent.name}-{path.stem}-{where}")


CASES = list(cases())


def with_more(path: Path, place: Place, more: dict[str, Any]) -> dict[str, Any]:
    vector = json.loads(path.read_text(encoding="utf-8"))
    found: Any = vector
    for key in place:
        found = found[key]
    found.update(copy.deepcopy(more))
    return vector


@pytest.mark.parametrize(("path", "place"), CASES)
@pytest.mark.parametrize("more", UNKNOWN)
def test_an_unknown_count_is_named_wherever_it_stands(more: str, path: Path, place: Place) -> None:
    """The name stands on the call; its seven tokens are in the sum of tokens that nobody booked."""
    invocation = read(DIALECTS[path.parent.name], with_more(path, place, UNKNOWN[more]))
    named = [name for name in invocation.response.unpriced if "zebra" in name]
    assert named, invocation.response.unpriced
    assert not invocation.response.rounds or invocation.usage is not None
    if more not in NO_SUM:
        assert sum(count for name, count in invocation.response.unread if "zebra" in name) == 7


@pytest.mark.parametrize(("path", "place"), CASES)
@pytest.mark.parametrize("more", NO_COUNT)
def test_what_counts_nothing_leaves_the_bill_whole(more: str, path: Path, place: Place) -> None:
    """Times, rates, amounts, words and zeros: servers put them beside the counts."""
    plain = read(DIALECTS[path.parent.name], json.loads(path.read_text(encoding="utf-8"))).response
    response = read(DIALECTS[path.parent.name], with_more(path, place, NO_COUNT[more])).response
    assert (response.unpriced, response.unread) == (plain.unpriced, plain.unread)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_reported_total_is_what_is_booked_and_what_is_named(path: Path) -> None:
    """Token conservation, for the shapes that report a total."""
    vector = json.loads(path.read_text(encoding="utf-8"))
    invocation = read(DIALECTS[path.parent.name], vector)
    body = vector.get("body", {})
    reported = body.get("usage") or body.get("usageMetadata") or {}
    total = reported.get("total_tokens", reported.get("totalTokenCount")) if isinstance(reported, dict) else None
    usage = invocation.usage
    if usage is None or not isinstance(total, int):
        pytest.skip("no total is reported")
    rest = sum(count for _, count in invocation.response.unread)
    assert total == (usage.input or 0) + (usage.output or 0) + rest


def usage_of(**counts: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "x"}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"body": {"id": "1", "model": "m", "choices": [choice], "usage": counts}}


def test_thoughts_that_stand_in_the_total_alone_are_output() -> None:
    """Gemini's OpenAI endpoint: 500 in total, 100 asked, 40 said, so 360 were thought. They are billed as output."""
    shape = usage_of(prompt_tokens=100, completion_tokens=40, total_tokens=500)
    for seller in ("google", "vertex"):
        invocation = read(DIALECTS["openai_chat"], shape, seller)
        assert invocation.usage is not None and invocation.response.unpriced == ()
        assert (invocation.usage.input, invocation.usage.output, invocation.usage.reasoning) == (100, 400, 360)


def test_a_total_that_is_not_explained_is_named() -> None:
    """Another seller's total of 500 beside 100 and 40 says nothing about the 360: they are named and not billed."""
    response = read(
        DIALECTS["openai_chat"], usage_of(prompt_tokens=100, completion_tokens=40, total_tokens=500)
    ).response
    assert (response.unpriced, response.unread) == (("total_tokens",), (("total_tokens", 360),))


def test_reasoning_that_is_more_than_the_output_stands_beside_it() -> None:
    """310 of reasoning cannot be inside 9 of output; without a total to say otherwise, both are billed."""
    details = {"reasoning_tokens": 310}
    usage = read(
        DIALECTS["openai_chat"], usage_of(prompt_tokens=32, completion_tokens=9, completion_tokens_details=details)
    ).usage
    assert usage is not None and (usage.output, usage.reasoning) == (319, 310)


@pytest.mark.parametrize(
    ("details", "named"),
    [
        ({"cached_tokens": 60, "audio_tokens": 50}, ("cached_tokens_details.audio_tokens",)),
        (
            {"cached_tokens": 60, "audio_tokens": 50, "cached_tokens_details": {"audio_tokens": 0, "text_tokens": 60}},
            (),
        ),
        ({"cached_tokens": 60, "audio_tokens": 50, "cached_tokens_details": {"audio_tokens": 20}}, ()),
        ({"cached_tokens": 60}, ()),
        ({"audio_tokens": 50}, ()),
    ],
)
def test_audio_from_the_cache_that_is_not_told_is_named(details: dict[str, Any], named: tuple[str, ...]) -> None:
    """Cached audio costs an eightieth of audio at gpt-realtime: 60 of the cache may be text, audio or both."""
    shape = usage_of(prompt_tokens=200, completion_tokens=10, prompt_tokens_details=details)
    assert read(DIALECTS["openai_chat"], shape).response.unpriced == named


def test_audio_from_a_cache_of_google_that_is_not_told_is_named() -> None:
    counts = {
        "promptTokenCount": 200,
        "cachedContentTokenCount": 60,
        "candidatesTokenCount": 10,
        "totalTokenCount": 210,
    }
    counts["promptTokensDetails"] = [{"modality": "AUDIO", "tokenCount": 50}, {"modality": "TEXT", "tokenCount": 150}]
    told = {"cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 60}]}
    for more, named in (({}, ("cache_tokens_details.audio",)), (told, ())):
        chunk = {"candidates": [], "usageMetadata": counts | more}
        assert read(DIALECTS["gemini_stream"], {"chunks": [chunk]}).response.unpriced == named


GATEWAYS: dict[str, tuple[dict[str, Any], dict[str, int]]] = {
    "LiteLLM, copies": (
        {
            "cache_creation_input_tokens": 30, "cache_read_input_tokens": 50,
            "prompt_tokens_details": {"cached_tokens": 50, "cache_creation_tokens": 30, "text_tokens": 20},
        },
        {"cache_read": 50, "cache_write": 30, "text_input": 20},
    ),
    "LiteLLM, lifetimes": (
        {
            "prompt_tokens_details": {
                "cache_creation_tokens": 30,
                "cache_creation_token_details": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            }
        },
        {"cache_write": 30, "cache_write_1h": 20},
    ),
    "OpenRouter": ({"prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 7}}, {"cache_read": 5, "cache_write": 7}),
    "DeepSeek": ({"prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40}, {"cache_read": 60}),
    "Moonshot": ({"cached_tokens": 60}, {"cache_read": 60}),
    "Model Studio": (
        {"prompt_tokens_details": {"cached_tokens": 8, "cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_5m_input_tokens": 9}}},
        {"cache_read": 8, "cache_write": 9},
    ),
    "Writer": ({"prompt_token_details": {"cached_tokens": 6}}, {"cache_read": 6}),
    "details of the newer name": ({"input_tokens_details": {"cached_tokens": 6}}, {"cache_read": 6}),
    "both names, zero in one": ({"input_tokens": 0, "output_tokens": 0}, {}),
    "a zero beside the details": ({"cached_tokens": 0, "prompt_tokens_details": {"cached_tokens": 6}}, {"cache_read": 6}),
    "searches": ({"server_tool_use": {"web_search_requests": 2}}, {"searches": 2}),
}  # fmt: skip


@pytest.mark.parametrize("gateway", GATEWAYS)
def test_a_gateways_names_of_the_cache_are_read(gateway: str) -> None:
    """100 in, 10 out; every count is read once, and none is left."""
    more, parts = GATEWAYS[gateway]
    invocation = read(DIALECTS["openai_chat"], usage_of(prompt_tokens=100, completion_tokens=10, **more))
    found = {name: getattr(invocation.usage, name) for name in parts}
    assert invocation.usage is not None and (invocation.usage.input, invocation.usage.output) == (100, 10)
    assert found == parts and invocation.response.unpriced == ()


LATE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "zeros": ({"prompt_tokens": 100, "completion_tokens": 40}, {"prompt_tokens": 0, "completion_tokens": 0}),
    "the input alone, then the output": ({"prompt_tokens": 100, "completion_tokens": 0}, {"prompt_tokens": 0, "completion_tokens": 40}),
    "a part of the fields": ({"prompt_tokens": 100}, {"completion_tokens": 40}),
    "nulls": ({"prompt_tokens": 100, "completion_tokens": 40}, {"prompt_tokens": None, "completion_tokens": None}),
    "an empty object": ({"prompt_tokens": 100, "completion_tokens": 40}, {}),
    "details that are gone": (
        {"prompt_tokens": 100, "completion_tokens": 40, "prompt_tokens_details": {"cached_tokens": 60}},
        {"prompt_tokens": 100, "completion_tokens": 40, "prompt_tokens_details": {"cached_tokens": 0}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LATE)
def test_a_late_zero_erases_no_count_of_a_stream(case: str) -> None:
    first, second = LATE[case]
    chunks = [{"id": "1", "model": "m", "choices": [], "usage": usage} for usage in (first, second)]
    usage = read(DIALECTS["openai_chat"], {"chunks": chunks}).usage
    assert usage is not None and (usage.input, usage.output) == (100, 40)
    assert usage.cache_read == (60 if "details" in case else 0)


def test_a_late_zero_erases_no_count_of_a_message_or_a_response() -> None:
    """Anthropic's events, OpenAI's responses and transcripts: the zero comes last."""
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 1500, "output_tokens": 1}}}
    delta = {"type": "message_delta", "delta": {}, "usage": {"input_tokens": 0, "output_tokens": 45}}
    usage = read(DIALECTS["anthropic_messages"], {"chunks": [start, delta]}).usage
    assert usage is not None and (usage.input, usage.output) == (1500, 45)
    events = [
        {"type": "response.in_progress", "response": {"usage": {"input_tokens": 1500, "output_tokens": 45}}},
        {
            "type": "response.completed",
            "response": {"status": "completed", "usage": {"input_tokens": 0, "output_tokens": 0}},
        },
    ]
    for dialect in ("openai_responses", "openai_transcripts"):
        chunks = events if dialect == "openai_responses" else [event["response"] for event in events]
        usage = read(DIALECTS[dialect], {"chunks": chunks}).usage
        assert usage is not None and (usage.input, usage.output) == (1500, 45)


NONE = {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
COMPACTED = {
    "input_tokens": 23_000, "output_tokens": 1_000,
    "iterations": [
        {"type": "compaction", "input_tokens": 180_000, "output_tokens": 3_500, **NONE},
        {"type": "message", "input_tokens": 23_000, "output_tokens": 1_000, **NONE},
    ],
}  # fmt: skip
ADVISED = {
    "input_tokens": 412, "output_tokens": 531,
    "iterations": [
        {"type": "message", "input_tokens": 412, "output_tokens": 89, **NONE},
        {"type": "advisor_message", "model": "claude-opus-4-6", "input_tokens": 823, "output_tokens": 1_612, **NONE},
        {"type": "message", "input_tokens": 936, "output_tokens": 442, "cache_read_input_tokens": 412},
    ],
}  # fmt: skip


class TestRounds:
    """Several runs of models in one call: https://platform.claude.com/docs/en/build-with-claude/compaction."""

    @pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
    def test_a_compaction_is_billed(self, streamed: bool, stub: StubServer, meter: Meter) -> None:
        """claude-opus-4-6 5 / 25: (23,000 + 180,000) × 5 + (1,000 + 3,500) × 25 = 1,015,000 + 112,500."""
        answer = Stream(usage=COMPACTED) if streamed else Reply(usage=COMPACTED)
        attributes = book(meter, stub, answer, {**CLAUDE, "model": "claude-opus-4-6"}, streamed)
        assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (203_000, 4_500)
        assert attributes[names.COST_STATUS] == "priced"
        dollars(attributes, 1_127_500)

    def test_an_advisor_is_billed_at_the_price_of_its_model(self, stub: StubServer, meter: Meter) -> None:
        """claude-sonnet-4-6 3 / 0.30 / 15, claude-opus-4-6 5 / 25.

        (412 + 936) × 3 + 412 × 0.3 + (89 + 442) × 15 = 4,044 + 123.6 + 7,965; 823 × 5 + 1,612 × 25 = 4,115 + 40,300.
        """
        attributes = book(meter, stub, Reply(usage=ADVISED), {**CLAUDE, "model": "claude-sonnet-4-6"})
        assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (412 + 936 + 412 + 823, 531 + 1_612)
        assert attributes[names.COST_STATUS] == "priced"
        assert attributes[names.COST_ENTRY] == (
            "anthropic/claude-sonnet-4-6;from=2026-03-13 + anthropic/claude-opus-4-6;from=2026-03-13"
        )
        dollars(attributes, 56_547.6)

    def test_an_advisor_without_a_price_is_named(self, stub: StubServer, meter: Meter) -> None:
        """The tokens of the model that answered are billed: 412 × 3 + 531 × 15 = 1,236 + 7,965."""
        usage = {**ADVISED, "iterations": [{**ADVISED["iterations"][1], "model": "claude-of-tomorrow"}]}  # type: ignore[index]
        attributes = book(meter, stub, Reply(usage=usage), {**CLAUDE, "model": "claude-sonnet-4-6"})
        assert attributes[names.COST_STATUS] == "partial"
        assert attributes[names.COST_DETAIL] == "not in this price: claude-of-tomorrow (unknown_model)"
        dollars(attributes, 9_201)

    def test_models_that_share_an_answer_are_billed_each(self) -> None:
        """Groq's breakdown by model adds up to the usage; one that does not is named and not believed."""
        parts = [("a", 10, 5), ("b", 20, 7)]
        entries = [{"model": model, "usage": {"prompt_tokens": i, "completion_tokens": o}} for model, i, o in parts]
        answer = usage_of(prompt_tokens=30, completion_tokens=12)
        answer["body"]["usage_breakdown"] = {"models": entries}
        response = read(DIALECTS["openai_chat"], answer).response
        assert [(one.model, one.usage.input, one.usage.output) for one in response.rounds] == parts
        answer["body"]["usage"]["prompt_tokens"] = 31
        response = read(DIALECTS["openai_chat"], answer).response
        assert (response.rounds, response.unpriced) == ((), ("usage_breakdown",))


ZEROS: dict[str, tuple[dict[str, Any], Any]] = {
    "chat": (CHAT, Exact(prompt_tokens=0, completion_tokens=0, total_tokens=0)),
    "chat, no input": (CHAT, Exact(prompt_tokens=0, completion_tokens=12, total_tokens=12)),
    "chat, no output": (CHAT, Exact(prompt_tokens=12, completion_tokens=0, total_tokens=12)),
    "message": (CLAUDE, {"input_tokens": 0, "output_tokens": 0}),
    "message, no input": (CLAUDE, {"input_tokens": 0, "output_tokens": 12}),
    "message, no output": (CLAUDE, {"input_tokens": 12, "output_tokens": 0}),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", ZEROS)
def test_a_zero_that_cannot_be_is_no_price(case: str, streamed: bool, stub: StubServer, meter: Meter) -> None:
    """An answer with words, and a server that counts nothing: unpriced with the reason, never a price of zero."""
    ask, usage = ZEROS[case]
    if streamed and case == "message, no output":
        pytest.skip("the first event of a message counts one token of output already")
    attributes = book(meter, stub, Stream(usage=usage) if streamed else Reply(usage=usage), ask, streamed)
    assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("unpriced", "no_usage")
    assert names.COST_AMOUNT not in attributes and meter.total(names.CALLS_UNPRICED) == 1


def test_tokens_that_nobody_booked_are_a_metric_by_field(stub: StubServer, meter: Meter) -> None:
    """Seven tokens twice, under the name of their field; no user, no model."""
    for _ in range(2):
        stub.script("/chat/completions", Reply(usage={"zebra_tokens": 7}))
        with make_client("openai", stub, asynchronous=False) as client:
            client.chat.completions.create(**CHAT)
    assert meter.total(names.TOKENS_UNACCOUNTED) == 14
    (point,) = meter.points(names.TOKENS_UNACCOUNTED)
    assert dict(point.attributes) == {names.USAGE_EMITTER: "openai", names.USAGE_FIELD: "zebra_tokens"}
