"""Bodies as providers publish them, read as genmeter counts: tests/vectors/usage, one file each."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from genmeter import names
from genmeter.metering.dialects import (
    anthropic_messages,
    bedrock,
    bedrock_bodies,
    converse,
    converse_stream,
    gemini,
    gemini_interactions,
    gemini_media,
    openai_chat,
    openai_media,
    openai_responses,
)
from genmeter.metering.spec import Dialect
from genmeter.model import Invocation, Request, Seller
from tests.stub import Exact, Reply, Stream, StubServer

from .cells import make_client
from .conftest import MeterFactory
from .rig import MICRO, Meter, one_call
from .sdk import CHAT, CLAUDE

FOLDER = Path(__file__).parents[1] / "vectors" / "usage"
VECTORS = sorted(FOLDER.glob("*/*.json"))
DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        openai_chat.OPENAI_CHAT,
        openai_responses.OPENAI_RESPONSES,
        openai_media.OPENAI_EMBEDDINGS,
        openai_media.OPENAI_IMAGES,
        openai_media.OPENAI_TRANSCRIPTS,
        anthropic_messages.ANTHROPIC_MESSAGES,
        converse.CONVERSE,
        converse_stream.CONVERSE_STREAM,
        bedrock.BEDROCK_INVOKE,
        bedrock.BEDROCK_EMBEDDINGS,
        bedrock_bodies.BODIES,
        gemini.GEMINI_STREAM,
        gemini_media.GEMINI_EMBEDDINGS,
        gemini_interactions.GEMINI_INTERACTIONS,
    )
}


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_published_body_is_counted_as_its_page_says(path: Path) -> None:
    """Totals contain their parts; what was not reported is unknown and not zero."""
    vector = json.loads(path.read_text(encoding="utf-8"))
    dialect = DIALECTS[path.parent.name]
    invocation = Invocation(dialect.operation, Seller(None, "x"), Request())
    if "chunks" in vector:
        assert dialect.accumulator is not None
        accumulator = dialect.accumulator(False, False)
        for chunk in vector["chunks"]:
            assert accumulator.fold(chunk) is False
        accumulator.finish(invocation)
    else:
        dialect.read_response(vector["body"], invocation)
    assert known(invocation.usage) == vector["usage"]
    for name, value in vector.get("response", {}).items():
        found = getattr(invocation.response, name)
        assert (list(found) if isinstance(found, tuple) else found) == value, name


def known(usage: Any) -> dict[str, Any] | None:
    """The totals, and the parts that are not zero."""
    if usage is None:
        return None
    return {name: value for name, value in asdict(usage).items() if value or name in ("input", "output")}


def book(meter: Meter, stub: StubServer, reply: Reply, ask: dict[str, Any], streamed: bool = False) -> dict[str, Any]:
    """The span of one call that gets ``reply``."""
    claude = ask is CLAUDE or str(ask["model"]).startswith("claude")
    stub.script("/messages" if claude else "/chat/completions", reply)
    with make_client("anthropic" if claude else "openai", stub, asynchronous=False) as client:
        create = client.messages.create if claude else client.chat.completions.create
        for _ in create(**ask, stream=True) if streamed else [create(**ask)]:
            pass
    return one_call(meter)


def dollars(attributes: dict[str, Any], micro: float) -> None:
    """The amount, in micro-dollars."""
    assert attributes.get(names.COST_AMOUNT) == pytest.approx(micro * MICRO, rel=1e-12), attributes


def reply(streamed: bool, **given: Any) -> Reply:
    """One answer, whole or in pieces."""
    return Stream(**given) if streamed else Reply(**given)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_thoughts_at_geminis_openai_endpoint_are_billed(streamed: bool, stub: StubServer, meters: MeterFactory) -> None:
    """They stand in the total alone: 500 - 100 - 40 = 360. gemini-2.5-flash 0.30 / 2.50: 100 × 0.3 + (40 + 360) × 2.5."""
    meter = meters(sellers={f"{stub.url.removeprefix('http://')}/v1": "google"})
    usage = Exact(prompt_tokens=100, completion_tokens=40, total_tokens=500)
    attributes = book(meter, stub, reply(streamed, usage=usage), {**CHAT, "model": "gemini-2.5-flash"}, streamed)
    assert (attributes[names.OUTPUT_TOKENS], attributes[names.REASONING_TOKENS]) == (400, 360)
    dollars(attributes, 1030)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
class TestMoney:
    """From the wire to the bill: the same numbers whole and streamed."""

    def test_cached_tokens_are_billed_once_at_their_price(self, streamed: bool, stub: StubServer, meter: Meter) -> None:
        """gpt-4o 2.50 / 1.25 / 10: 1000 of which 800 cached: 200 × 2.5 + 800 × 1.25 + 10 × 10 = 500 + 1000 + 100."""
        usage = {"prompt_tokens": 1000, "prompt_tokens_details": {"cached_tokens": 800}}
        attributes = book(meter, stub, reply(streamed, usage=usage), CHAT, streamed)
        assert attributes[names.INPUT_TOKENS] == 1000 and attributes[names.CACHE_READ_TOKENS] == 800
        dollars(attributes, 1600)

    def test_reasoning_is_part_of_the_output(self, streamed: bool, stub: StubServer, meter: Meter) -> None:
        """gpt-4o: 19 × 2.5 + 100 × 10 = 47.5 + 1000; the 60 of reasoning are in the 100."""
        usage = {"completion_tokens": 100, "completion_tokens_details": {"reasoning_tokens": 60}}
        attributes = book(meter, stub, reply(streamed, usage=usage), CHAT, streamed)
        assert attributes[names.OUTPUT_TOKENS] == 100 and attributes[names.REASONING_TOKENS] == 60
        dollars(attributes, 1047.5)

    def test_audio_has_its_own_price(self, streamed: bool, stub: StubServer, meter: Meter) -> None:
        """gpt-4o-audio-preview 2.50 / 10, audio 40 / 80: 50 × 2.5 + 50 × 40 + 40 × 10 + 60 × 80 = 125 + 2000 + 400 + 4800."""
        usage = {
            "prompt_tokens": 100, "prompt_tokens_details": {"audio_tokens": 50},
            "completion_tokens": 100, "completion_tokens_details": {"audio_tokens": 60},
        }  # fmt: skip
        ask = {**CHAT, "model": "gpt-4o-audio-preview"}
        attributes = book(meter, stub, reply(streamed, usage=usage), ask, streamed)
        assert (attributes[names.AUDIO_INPUT_TOKENS], attributes[names.AUDIO_OUTPUT_TOKENS]) == (50, 60)
        dollars(attributes, 7325)

    def test_cache_writes_of_twelve_hours_have_their_own_price(
        self, streamed: bool, stub: StubServer, meter: Meter
    ) -> None:
        """gpt-6.2-sol 2 / 2.50, twelve hours 5 / 10: 600 × 2 + 300 × 2.5 + 100 × 5 + 10 × 10 = 1200 + 750 + 500 + 100."""
        lifetimes = {"ttl_30m_tokens": 300, "ttl_12h_tokens": 100}
        details = {"cache_write_tokens": 400, "cache_write_tokens_details": lifetimes}
        ask = {**CHAT, "model": "gpt-6.2-sol"}
        usage = {"prompt_tokens": 1000, "prompt_tokens_details": details}
        attributes = book(meter, stub, reply(streamed, usage=usage), ask, streamed)
        assert (attributes[names.CACHE_WRITE_TOKENS], attributes[names.CACHE_WRITE_12H_TOKENS]) == (400, 100)
        dollars(attributes, 2550)

    def test_numbers_as_strings_are_numbers(self, streamed: bool, stub: StubServer, meter: Meter) -> None:
        """gpt-4o: "19" × 2.5 + "10" × 10 = 147.5, and nothing is raised into the app."""
        usage = Exact(prompt_tokens="19", completion_tokens="10")
        attributes = book(meter, stub, reply(streamed, usage=usage), CHAT, streamed)
        assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (19, 10)
        dollars(attributes, 147.5)

    def test_no_usage_is_unpriced_and_not_zero(self, streamed: bool, stub: StubServer, meter: Meter) -> None:
        """No token attribute, no cost, the reason, the counter."""
        attributes = book(meter, stub, reply(streamed, usage=None), CHAT, streamed)
        assert not [name for name in attributes if name.startswith("gen_ai.usage")]
        assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("unpriced", "no_usage")
        assert meter.total(names.CALLS_UNPRICED) == 1

    def test_anthropic_cache_is_added_to_the_input_and_billed_by_lifetime(
        self, streamed: bool, stub: StubServer, meter: Meter
    ) -> None:
        """claude-sonnet-4-5 3 / 0.30 / 3.75 / 6 / 15: 100 × 3 + 64 × 0.3 + 30 × 3.75 + 22 × 6 + 160 × 15.

        300 + 19.2 + 112.5 + 132 + 2400 = 2963.7; input 100 + 64 + 52 = 216.
        """
        usage = {
            "input_tokens": 100, "cache_read_input_tokens": 64, "cache_creation_input_tokens": 52,
            "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 22}, "output_tokens": 160,
        }  # fmt: skip
        attributes = book(meter, stub, reply(streamed, usage=usage), CLAUDE, streamed)
        assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (216, 160)
        assert (attributes[names.CACHE_READ_TOKENS], attributes[names.CACHE_WRITE_TOKENS]) == (64, 52)
        assert attributes[names.CACHE_WRITE_1H_TOKENS] == 22
        dollars(attributes, 2963.7)

    def test_anthropic_searches_are_billed_each(self, streamed: bool, stub: StubServer, meter: Meter) -> None:
        """claude-sonnet-4-5: 25 × 3 + 15 × 15 + 2 searches at 10 USD a thousand = 75 + 225 + 20000."""
        usage = {"server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 5}}
        attributes = book(meter, stub, reply(streamed, usage=usage), CLAUDE, streamed)
        assert attributes[names.SEARCHES] == 2
        dollars(attributes, 20300)

    def test_anthropic_in_the_us_costs_a_tenth_more(self, streamed: bool, stub: StubServer, meter: Meter) -> None:
        """claude-opus-4-8 5 / 25, in the US 1.1 times: (25 × 5 + 15 × 25) × 1.1 = 500 × 1.1."""
        ask = {**CLAUDE, "model": "claude-opus-4-8"}
        attributes = book(meter, stub, reply(streamed, usage={"inference_geo": "us"}), ask, streamed)
        assert attributes[names.REGION] == "us"
        dollars(attributes, 550)

    @pytest.mark.parametrize(("tier", "factor"), [("flex", 0.5), ("default", 1), ("priority", 2)])
    def test_the_tier_that_served_decides_the_price(
        self, tier: str, factor: float, streamed: bool, stub: StubServer, meter: Meter
    ) -> None:
        """gpt-5.6-sol 4 / 20 (flex half, priority twice): (19 × 4 + 10 × 20) × factor = 276 × factor."""
        ask = {**CHAT, "model": "gpt-5.6-sol", "service_tier": tier}
        body = {"choices": [], "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}}
        head = {"id": "chatcmpl-1", "created": 1, "model": "gpt-5.6-sol", "service_tier": tier}
        text = {"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}
        events = [{**head, "object": "chat.completion.chunk", "choices": [text]}, {**head, **body}, "[DONE]"]
        answer = Stream(events=events) if streamed else Reply(body=lambda _, made: {**made, "service_tier": tier})
        attributes = book(meter, stub, answer, ask, streamed)
        assert attributes[names.OPENAI_RESPONSE_TIER] == tier
        dollars(attributes, 276 * factor)

    def test_a_tier_without_a_published_price_is_not_guessed(
        self, streamed: bool, stub: StubServer, meter: Meter
    ) -> None:
        """Anthropic's priority tier is sold by contract: no amount, and the reason."""
        attributes = book(meter, stub, reply(streamed, usage={"service_tier": "priority"}), CLAUDE, streamed)
        assert names.COST_AMOUNT not in attributes
        assert attributes[names.COST_REASON] == "unknown_service_tier"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("usage", "pico"),
    [
        ({}, 950_000_000),
        ({"cost": 0.00005, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.001}}, 1_050_000_000),
        ({"cost": 0}, 0),
    ],
    ids=["credits", "byok", "free"],
)
def test_a_charge_that_the_provider_states_is_passed_through(
    usage: dict[str, Any], pico: int, streamed: bool, stub: StubServer, meters: MeterFactory
) -> None:
    """OpenRouter's usage.cost: source provider, the exact amount, also where our catalogue knows another."""
    from openai import OpenAI

    meter = meters(sellers={stub.url.removeprefix("http://") + "/openrouter": "openrouter"})
    stub.script("/chat/completions", reply(streamed, usage=usage))
    with OpenAI(base_url=stub.flavour_url("openrouter"), api_key="x") as client:
        ask = {**CHAT, "model": "openai/gpt-4o"}
        for _ in (
            client.chat.completions.create(**ask, stream=True) if streamed else [client.chat.completions.create(**ask)]
        ):
            pass
    attributes = one_call(meter)
    assert attributes[names.PROVIDER] == "openrouter"
    assert (attributes[names.COST_SOURCE], attributes[names.COST_CURRENCY]) == ("provider", "USD")
    assert attributes[names.COST_AMOUNT] == pico / 10**12
    assert meter.total(names.COST_USD) == pico / 10**12


def test_reasoning_beside_the_completion_is_added_when_the_total_says_so(
    stub: StubServer, meters: MeterFactory
) -> None:
    """grok-4, which Grok 4.3 serves, 1.25 / 2.5: 32 × 1.25 + (9 + 310) × 2.5 = 40 + 797.5."""
    meter = meters(sellers={stub.url.removeprefix("http://"): "x_ai"})
    usage = Exact(
        prompt_tokens=32, completion_tokens=9, total_tokens=351, completion_tokens_details={"reasoning_tokens": 310}
    )
    attributes = book(meter, stub, Reply(usage=usage), {**CHAT, "model": "grok-4"})
    assert attributes[names.OUTPUT_TOKENS] == 319
    dollars(attributes, 837.5)


def test_hosted_tools_that_nobody_counts_leave_the_bill_partial(stub: StubServer, meter: Meter) -> None:
    """File searches are billed by the call, which no usage block reports: 36 × 4 + 87 × 20 is not the whole bill."""

    def with_a_file_search(_: Any, made: dict[str, Any]) -> dict[str, Any]:
        search = {"type": "file_search_call", "id": "fs_1", "status": "completed", "queries": ["x"], "results": None}
        return {**made, "output": [search, *made["output"]]}

    stub.script("/v1/responses", Reply(body=with_a_file_search))
    with make_client("openai", stub, asynchronous=False) as client:
        client.responses.create(model="gpt-5.6-sol", input="x")
    attributes = one_call(meter)
    assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("partial", "unpriced_dimension")
    assert attributes[names.COST_DETAIL] == "not in this price: file_search_call"
    assert attributes[names.COST_AMOUNT] == pytest.approx((36 * 4 + 87 * 20) * MICRO, rel=1e-12)


SEEN_PARTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "output": (CHAT, {"completion_tokens_details": {"video_tokens": 3}}, "video_tokens"),
    "input": (CHAT, {"prompt_tokens_details": {"smell_tokens": 3}}, "smell_tokens"),
    "beside": (CHAT, {"citation_tokens": 5}, "citation_tokens"),
    "other-words": (CHAT, {"num_search_queries": 5}, "num_search_queries"),
    "object": (CHAT, {"lookups": {"smell_tokens": 5}}, "lookups.smell_tokens"),
    "lifetime": (
        CHAT,
        {"prompt_tokens_details": {"cache_write_tokens_details": {"ttl_9d_tokens": 1}}},
        "ttl_9d_tokens",
    ),
    "cached": (CHAT, {"prompt_tokens_details": {"cached_tokens_details": {"smell_tokens": 1}}}, "smell_tokens"),
    "half": (CHAT, {"prompt_tokens_details": {"cached_tokens": 2.5}}, "cached_tokens"),
    "words": (CHAT, {"prompt_tokens_details": {"cached_tokens": "abc"}}, "cached_tokens"),
    "claude": (CLAUDE, {"citation_tokens": 4}, "citation_tokens"),
    "claude-half": (CLAUDE, {"cache_read_input_tokens": 2.5}, "cache_read_input_tokens"),
    "claude-lifetime": (CLAUDE, {"cache_creation": {"ephemeral_9d_input_tokens": 4}}, "ephemeral_9d_input_tokens"),
    "claude-output": (CLAUDE, {"output_tokens_details": {"drawing_tokens": 4}}, "drawing_tokens"),
    "claude-tool": (CLAUDE, {"server_tool_use": {"code_requests": 4}}, "code_requests"),
    "claude-rounds": (
        CLAUDE,
        {"iterations": [{"type": "message"}, {"type": "fallback_message"}]},
        "iterations of fallback_message",
    ),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", SEEN_PARTS)
def test_a_count_that_no_reader_knows_leaves_the_bill_partial(
    case: str, streamed: bool, stub: StubServer, meter: Meter
) -> None:
    """gpt-4o 19 × 2.5 + 10 × 10 = 147.5; claude-sonnet-4-5 25 × 3 + 15 × 15 = 300; and the name of the part beside it."""
    ask, usage, part = SEEN_PARTS[case]
    attributes = book(meter, stub, reply(streamed, usage=usage), ask, streamed)
    assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("partial", "unpriced_dimension")
    assert attributes[names.COST_DETAIL] == f"not in this price: {part}"
    dollars(attributes, 300 if ask is CLAUDE else 147.5)


@pytest.mark.parametrize("ask", [CHAT, CLAUDE], ids=["openai", "anthropic"])
def test_known_parts_and_parts_of_zero_leave_the_bill_whole(
    ask: dict[str, Any], stub: StubServer, meter: Meter
) -> None:
    """Predicted tokens are in the output; a new count that is zero, empty or no count at all costs nothing."""
    predicted = {"accepted_prediction_tokens": 4, "rejected_prediction_tokens": 2, "text_tokens": 10}
    usage = {
        "completion_tokens_details": predicted, "smell_tokens": 0, "video_tokens": None, "touch_tokens": "", "speed": "x",
    }  # fmt: skip
    attributes = book(meter, stub, Reply(usage={**usage} if ask is CHAT else {"smell_tokens": 0}), ask)
    assert attributes[names.COST_STATUS] == "priced" and names.COST_REASON not in attributes


def test_a_charge_that_the_provider_states_holds_unknown_parts(stub: StubServer, meter: Meter) -> None:
    """The provider knows what it charges for."""
    usage = {"cost": 0.5, "completion_tokens_details": {"video_tokens": 3}}
    attributes = book(meter, stub, Reply(usage=usage), CHAT)
    assert attributes[names.COST_STATUS] == "priced" and names.COST_REASON not in attributes
    assert attributes[names.COST_AMOUNT] == 0.5


def test_video_and_documents_are_not_billed_as_text(stub: StubServer, meter: Meter) -> None:
    """gpt-4o has no price for them, so there is no amount; both counts are told."""
    details = {"video_tokens": 4, "document_tokens": 3}
    attributes = book(meter, stub, Reply(usage={"prompt_tokens_details": details}), CHAT)
    assert (attributes[names.VIDEO_INPUT_TOKENS], attributes[names.DOCUMENT_INPUT_TOKENS]) == (4, 3)
    assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("unpriced", "unpriced_dimension")


HUGE = 10**20
IMPOSSIBLE: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "input": (CHAT, Exact(prompt_tokens=HUGE, completion_tokens=5), "prompt_tokens"),
    "output": (CHAT, Exact(prompt_tokens=5, completion_tokens=2**40 + 1), "completion_tokens"),
    "negative": (CHAT, Exact(prompt_tokens=-HUGE, completion_tokens=5), "prompt_tokens"),
    "minus one": (CHAT, Exact(prompt_tokens=5, completion_tokens=-1), "completion_tokens"),
    "half a token": (CHAT, Exact(prompt_tokens=5, completion_tokens=10.5), "completion_tokens"),
    "word": (CHAT, Exact(prompt_tokens="many", completion_tokens=5), "prompt_tokens"),
    "truth": (CHAT, Exact(prompt_tokens=True, completion_tokens=5), "prompt_tokens"),
    "negative part": (CHAT, {"prompt_tokens_details": {"cached_tokens": -1}}, "cached_tokens"),
    "text": (CHAT, Exact(prompt_tokens=str(HUGE), completion_tokens=5), "prompt_tokens"),
    "double": (CHAT, Exact(prompt_tokens=1e300, completion_tokens=5), "prompt_tokens"),
    "both": (CHAT, Exact(prompt_tokens=HUGE, completion_tokens=HUGE), "completion_tokens"),
    "part": (CHAT, {"prompt_tokens_details": {"cached_tokens": HUGE}}, "cached_tokens"),
    "claude": (CLAUDE, {"input_tokens": HUGE}, "input_tokens"),
    "claude-part": (CLAUDE, {"cache_read_input_tokens": HUGE}, "cache_read_input_tokens"),
    "claude-searches": (CLAUDE, {"server_tool_use": {"web_search_requests": HUGE}}, "web_search_requests"),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_an_impossible_count_is_refused_and_costs_no_other_call_its_telemetry(
    case: str, streamed: bool, stub: StubServer, meter: Meter
) -> None:
    """OTLP has no whole number beyond 2**63: one in a batch, and the exporter loses the whole batch."""
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

    ask, usage, part = IMPOSSIBLE[case]
    attributes = book(meter, stub, reply(streamed, usage=usage), ask, streamed)
    assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("unpriced", "invalid_usage")
    assert attributes[names.COST_DETAIL].startswith(f"{part} is ")
    assert attributes[names.COST_DETAIL].endswith(
        ("no call is that large", "no count is negative", "no count of tokens")
    )
    assert all(abs(value) <= 2**40 for value in attributes.values() if type(value) is int)
    assert encode_metrics(meter._reader.get_metrics_data()).resource_metrics  # pyright: ignore[reportPrivateUsage, reportArgumentType]


@pytest.mark.parametrize(
    ("ask", "usage", "status", "named"),
    [
        # the writes of one lifetime are told, those of another are not
        (CLAUDE, {"cache_creation_input_tokens": 200, "cache_creation": {"ephemeral_5m_input_tokens": 100}},
         "partial", "cache_creation_input_tokens"),
        (CHAT, Exact(prompt_tokens=100, completion_tokens=10, total_tokens=90), "partial", "total_tokens"),
        (CLAUDE, {"inference_geo": "eu"}, "unpriced", "eu"),
        (CLAUDE, {"speed": "ludicrous"}, "unpriced", "ludicrous"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_or_is_new_is_never_called_priced(
    ask: Any, usage: Any, status: str, named: str, stub: StubServer, meter: Meter
) -> None:
    attributes = book(meter, stub, reply(False, usage=usage), ask, False)
    assert attributes[names.COST_STATUS] == status
    assert named in attributes[names.COST_DETAIL]


def test_an_argument_that_no_attribute_can_hold_is_left_out(stub: StubServer, meter: Meter) -> None:
    """A seed of 2**70 is the server's to refuse; the span lacks it and keeps all else."""
    attributes = book(meter, stub, Reply(), {**CHAT, "seed": 2**70})
    assert names.REQUEST_SEED not in attributes
    dollars(attributes, 147.5)
