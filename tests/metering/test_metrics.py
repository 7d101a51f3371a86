"""The numbers: names, units, buckets, values; exact sums, bounded series, whatever sampling and views do."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import pytest
from openai import OpenAI
from opentelemetry.sdk.metrics import Counter, Histogram, ObservableCounter, ObservableUpDownCounter
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from genmeter import names
from genmeter.settings import PriceTable
from tests.stub import Reply, Stream, StubServer

from .conftest import MeterFactory
from .rig import MICRO, Meter, one_call, plain
from .sdk import ANTHROPIC, CHAT, CLAUDE

# The conventions' own buckets: research/semconv.md §4, D and T
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
LATEST = {
    "gen_ai.client.inference.duration": ("s", SECONDS),
    "gen_ai.client.inference.time_to_first_chunk": ("s", SECONDS),
    "gen_ai.client.inference.operation.input_tokens": ("{token}", TOKENS),
    "gen_ai.client.inference.operation.output_tokens": ("{token}", TOKENS),
    "gen_ai.client.inference.usage.input_tokens": ("{token}", None),
    "gen_ai.client.inference.usage.output_tokens": ("{token}", None),
    "gen_ai.client.embeddings.duration": ("s", SECONDS),
    "gen_ai.client.embeddings.operation.input_tokens": ("{token}", TOKENS),
}
LEGACY = {
    "gen_ai.client.token.usage": ("{token}", TOKENS),
    "gen_ai.client.operation.duration": ("s", SECONDS),
    "gen_ai.client.operation.time_to_first_chunk": ("s", SECONDS),
}
OURS = {
    "genmeter.cost.usd": ("{USD}", None),
    "genmeter.calls.active": ("{call}", None),
    "genmeter.prices.age": ("d", None),
}
PROFILES = {"latest": LATEST | OURS, "legacy": LEGACY | OURS, "both": LATEST | LEGACY | OURS}


def chat(client: OpenAI, **more: Any) -> None:
    """One call."""
    client.chat.completions.create(**CHAT, **more)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_has_the_names_units_and_buckets_of_the_conventions(
    profile: str, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """Nothing else is emitted by a chat, a stream and an embedding."""
    meter = meters(metrics=profile)
    chat(client)
    list(client.chat.completions.create(**CHAT, stream=True))
    client.embeddings.create(model="text-embedding-3-small", input="x")
    metrics = meter.collect()
    assert set(metrics) == set(PROFILES[profile])
    for name, (unit, buckets) in PROFILES[profile].items():
        assert metrics[name].unit == unit, name
        for point in metrics[name].data.data_points:
            if buckets is not None:
                assert tuple(point.explicit_bounds) == buckets, name


def test_legacy_values(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """gen_ai.client.token.usage: 19 in, 10 out, by type; one duration."""
    meter = meters(metrics="legacy")
    chat(client)
    points = {
        point.attributes[names.TOKEN_TYPE]: (point.count, point.sum) for point in meter.points(names.LEGACY_TOKEN_USAGE)
    }
    assert points == {"input": (1, 19), "output": (1, 10)}
    (duration,) = meter.points(names.OPERATION_DURATION)
    assert duration.count == 1
    span = meter.span
    assert span.end_time is not None and span.start_time is not None
    assert duration.sum == pytest.approx((span.end_time - span.start_time) / 1e9, abs=1e-6)


def test_labels_are_those_of_the_conventions_and_no_more(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """Operation, provider, both models, the server: no ids, nothing unbounded."""
    chat(client, user="u1", metadata={"a": "b"}, seed=1)
    (point,) = meter.points(names.INFERENCE_DURATION)
    assert set(point.attributes) == {
        names.OPERATION, names.PROVIDER, names.REQUEST_MODEL, names.RESPONSE_MODEL, names.SERVER_ADDRESS,
        names.SERVER_PORT,
    }  # fmt: skip


def test_modalities_add_up_with_the_rest_as_unknown(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """100 in: 50 audio, nothing said of the others; 100 out: 60 audio; 30 of 40 cached ones unknown."""
    usage = {
        "prompt_tokens": 100, "prompt_tokens_details": {"audio_tokens": 50, "cached_tokens": 40},
        "completion_tokens": 100, "completion_tokens_details": {"audio_tokens": 60, "reasoning_tokens": 20},
    }  # fmt: skip
    stub.script("/chat/completions", Reply(usage=usage))
    client.chat.completions.create(**{**CHAT, "model": "gpt-4o-audio-preview"})

    def split(name: str) -> dict[Any, Any]:
        return {point.attributes[names.TOKEN_MODALITY]: point.value for point in meter.points(name)}

    assert split(names.INFERENCE_INPUT) == {"audio": 50, "unknown": 50}
    assert split(names.INFERENCE_OUTPUT) == {"audio": 60, "unknown": 40}
    assert split(names.INFERENCE_CACHE_READ) == {"unknown": 40}
    assert split(names.INFERENCE_REASONING) == {"unknown": 20}
    for name in (names.INFERENCE_OPERATION_INPUT, names.INFERENCE_OPERATION_OUTPUT):
        (point,) = meter.points(name)
        assert point.sum == 100 and names.TOKEN_MODALITY not in point.attributes


def test_text_is_not_guessed(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """A provider that does not split its tokens: all of them unknown."""
    chat(client)
    (point,) = meter.points(names.INFERENCE_INPUT)
    assert (point.attributes[names.TOKEN_MODALITY], point.value) == ("unknown", 19)


def test_cache_writes_are_counted(stub: StubServer, meter: Meter, claude: Any) -> None:
    """Anthropic: 100 fresh, 64 read, 52 written: 216 in."""
    usage = {"input_tokens": 100, "cache_read_input_tokens": 64, "cache_creation_input_tokens": 52}
    stub.script("/messages", Reply(usage=usage))
    claude.messages.create(**CLAUDE)
    assert meter.total(names.INFERENCE_INPUT) == 216
    assert (meter.total(names.INFERENCE_CACHE_READ), meter.total(names.INFERENCE_CACHE_WRITE)) == (64, 52)


def test_many_small_costs_add_up_exactly(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """200 calls of 10 tokens at 100 USD per million, a tenth of a cent each: 0.2 USD to the last bit."""
    text = '[prices."openai"."gpt-4o"]\ninput = "0"\noutput = "100"\n'
    meter = meters(prices=PriceTable({"openai": {"gpt-4o": {"input": "0", "output": "100"}}}, "genmeter.toml", text))
    for _ in range(200):
        chat(client)
    (point,) = meter.points(names.COST_USD)
    assert point.value == 0.2
    assert reduce(add, [0.001] * 200) != 0.2  # not sum(), which makes up for the drift from Python 3.12 on


def test_series_are_bounded(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """The third model of three series goes to the overflow; the sum stays right."""
    meter = meters(max_series=3)
    for number in range(6):
        chat_model = {**CHAT, "model": f"gpt-4o-mini-{number}"}
        stub.script("/chat/completions", Reply(model="gpt-4o"))
        client.chat.completions.create(**chat_model)
    points = meter.points(names.COST_USD)
    assert len(points) == 3
    assert [dict(point.attributes) for point in points if "otel.metric.overflow" in point.attributes] == [
        {"otel.metric.overflow": True}
    ] or [plain(point.attributes) for point in points][-1] == {"otel.metric.overflow": "true"}
    # gpt-4o: 6 × 147.5
    assert meter.total(names.COST_USD) == pytest.approx(6 * 147.5 * MICRO, rel=1e-12)
    assert meter.total(names.INFERENCE_INPUT) == 6 * 19


def test_a_view_that_drops_attributes_still_adds_up(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """By provider alone: two models in one series, 19 × 2.5 + 10 × 10 and 19 × 0.15 + 10 × 0.6 = 147.5 + 8.85."""
    views = [
        View(instrument_name=names.COST_USD, attribute_keys={names.PROVIDER}),
        View(instrument_name=names.INFERENCE_INPUT, attribute_keys={names.PROVIDER}),
    ]
    meter = meters(views=views)
    chat(client)
    client.chat.completions.create(**{**CHAT, "model": "gpt-4o-mini"})
    (cost,) = meter.points(names.COST_USD)
    assert dict(cost.attributes) == {names.PROVIDER: "openai"}
    assert cost.value == pytest.approx(156.35 * MICRO, rel=1e-12)
    (tokens,) = meter.points(names.INFERENCE_INPUT)
    assert tokens.value == 38


def test_a_delta_reader_gets_each_interval_once(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """One call, then two, then none: 19, 38, nothing; and the same in money."""
    delta = AggregationTemporality.DELTA
    kinds = {
        Counter: delta,
        ObservableCounter: delta,
        Histogram: delta,
        ObservableUpDownCounter: AggregationTemporality.CUMULATIVE,
    }
    meter = meters(temporality=kinds)
    found: list[tuple[float, float, int]] = []
    for calls in (1, 2, 0):
        for _ in range(calls):
            chat(client)
        metrics = meter.collect()

        def value(name: str, metrics: dict[str, Any] = metrics) -> float:
            points = metrics[name].data.data_points if name in metrics else []
            return sum(point.value for point in points)

        durations = metrics[names.INFERENCE_DURATION].data.data_points if names.INFERENCE_DURATION in metrics else []
        found.append((value(names.INFERENCE_INPUT), value(names.COST_USD), sum(point.count for point in durations)))
    assert [(tokens, count) for tokens, _, count in found] == [(19, 1), (38, 2), (0, 0)]
    assert [cost for _, cost, _ in found] == pytest.approx([147.5 * MICRO, 295 * MICRO, 0], rel=1e-9, abs=1e-18)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_sampled_out_calls_still_give_metrics_and_the_event(
    streamed: bool, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """Money does not depend on trace sampling: the event has the same attributes, and ids to book it under."""
    meter = meters(sampler=ALWAYS_OFF)
    if streamed:
        list(client.chat.completions.create(**CHAT, stream=True))
    else:
        chat(client)
    assert meter.spans == []
    event = meter.event
    assert event.trace_id and event.span_id and not event.trace_flags.sampled
    assert (event.attributes[names.INPUT_TOKENS], event.attributes[names.OUTPUT_TOKENS]) == (19, 10)
    assert event.attributes[names.COST_AMOUNT] == pytest.approx(147.5 * MICRO, rel=1e-12)
    assert event.attributes[names.PROVIDER] == "openai"
    assert meter.total(names.COST_USD) == pytest.approx(147.5 * MICRO, rel=1e-12)
    assert meter.total(names.INFERENCE_INPUT) == 19


@pytest.mark.parametrize("mode", ["proposal", "own", "both", "off"])
def test_cost_attributes_come_in_the_spelling_that_was_chosen(
    mode: str, stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """The three of the proposal, ours, both or the status alone; the metric counts the money in any case."""
    meter = meters(cost_attributes=mode)
    chat(client)
    attributes = one_call(meter)
    proposal = {names.COST_AMOUNT, names.COST_CURRENCY, names.COST_SOURCE}
    own = {names.COST_TOTAL, names.COST_LINES["input"], names.COST_LINES["output"]}
    wanted = {"proposal": proposal, "own": own, "both": proposal | own, "off": set[str]()}[mode]
    assert {name for name in attributes if name in proposal | set(names.COST_LINES.values()) | own} == wanted
    assert attributes[names.COST_STATUS] == "priced"
    if mode == "off":
        assert [name for name in attributes if "cost" in name] == [names.COST_STATUS]
    assert meter.total(names.COST_USD) == pytest.approx(147.5 * MICRO, rel=1e-12)


def test_failed_calls_are_measured(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """A duration with the error's name, token histograms with 0, no tokens and no money."""
    stub.script("/chat/completions", Reply(400))
    with pytest.raises(Exception, match="400"):
        chat(client)
    for name, value in ((names.INFERENCE_OPERATION_INPUT, 0), (names.INFERENCE_OPERATION_OUTPUT, 0)):
        (point,) = meter.points(name)
        assert (point.count, point.sum, point.attributes[names.ERROR_TYPE]) == (1, value, "invalid_request_error")
    assert names.COST_USD not in meter.collect() and names.CALLS_UNPRICED not in meter.collect()


def test_calls_under_way_are_counted_while_they_are(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """Up when a stream begins, down when it ends."""
    stub.script("/chat/completions", Stream(n=50, gap=0.005), Stream(n=50, gap=0.005))
    first = client.chat.completions.create(**CHAT, stream=True)
    second = client.chat.completions.create(**CHAT, stream=True)
    assert meter.total(names.CALLS_ACTIVE) == 2
    first.close()
    assert meter.total(names.CALLS_ACTIVE) == 1
    second.close()
    assert meter.total(names.CALLS_ACTIVE) == 0


def test_the_gap_between_chunks_is_measured_when_asked_for(
    stub: StubServer, meters: MeterFactory, client: OpenAI
) -> None:
    """GENMETER_CHUNK_TIMES=on: one point for each chunk after the first that the app got."""
    meter = meters(chunk_times=True)
    chunks = list(client.chat.completions.create(**CHAT, stream=True))
    (point,) = meter.points(names.INFERENCE_CHUNK_GAP)
    assert point.count == len(chunks) - 1


def test_the_event_can_be_turned_off(stub: StubServer, meters: MeterFactory, client: OpenAI) -> None:
    """OTEL_INSTRUMENTATION_GENAI_EMIT_EVENT=false: spans and metrics stay."""
    meter = meters(event=False)
    chat(client)
    assert meter.logs == [] and len(meter.spans) == 1


def test_the_event_is_what_the_conventions_say(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """Its name, DEBUG, no body, the duration, the parent span."""
    with meter.tracer_provider.get_tracer("app").start_as_current_span("work") as work:
        chat(client)
    event = meter.event
    assert event.event_name == "gen_ai.client.inference.operation.details"
    assert event.severity_number.value == 5 and event.body is None
    assert event.attributes[names.CALL_DURATION] > 0
    assert event.attributes[names.PARENT_SPAN] == format(work.get_span_context().span_id, "016x")


def test_request_attributes_are_those_that_were_sent(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """What was not sent is not invented; numbers have the conventions' types."""
    chat(client)
    bare = one_call(meter)
    assert not [name for name in bare if name.startswith("gen_ai.request.") and name != names.REQUEST_MODEL]
    meter.clear()
    chat(
        client, temperature=0, top_p=1, max_completion_tokens=50, stop="END", seed=7, n=2, presence_penalty=0.5,
        frequency_penalty=-0.5, reasoning_effort="low", response_format={"type": "json_object"}, top_logprobs=3,
        logprobs=True, service_tier="flex",
    )  # fmt: skip
    sent = one_call(meter)
    expected = {
        names.REQUEST_TEMPERATURE: 0.0, names.REQUEST_TOP_P: 1.0, names.REQUEST_MAX_TOKENS: 50,
        names.REQUEST_STOP_SEQUENCES: ["END"], names.REQUEST_SEED: 7, names.REQUEST_CHOICE_COUNT: 2,
        names.REQUEST_PRESENCE_PENALTY: 0.5, names.REQUEST_FREQUENCY_PENALTY: -0.5,
        names.REQUEST_REASONING_LEVEL: "low", names.OUTPUT_TYPE: "json", names.OPENAI_REQUEST_TIER: "flex",
        names.OPENAI_API_TYPE: "chat_completions",
    }  # fmt: skip
    assert {name: sent.get(name) for name in expected} == expected
    assert type(sent[names.REQUEST_TEMPERATURE]) is float and names.REQUEST_TOP_K not in sent


def test_claudes_request_attributes(stub: StubServer, meter: Meter, claude: Any) -> None:
    """Effort is the reasoning level; top_k is a whole number, where the SDK still takes it."""
    claude.messages.create(**CLAUDE, stop_sequences=["A", "B"], output_config={"effort": "low"})
    sent = one_call(meter)
    assert (sent[names.REQUEST_MAX_TOKENS], sent[names.REQUEST_REASONING_LEVEL]) == (64, "low")
    assert sent[names.REQUEST_STOP_SEQUENCES] == ["A", "B"]
    if ANTHROPIC < (1, 0):
        meter.clear()
        claude.messages.create(**CLAUDE, temperature=0.5, top_k=40, top_p=0.9)
        sent = one_call(meter)
        assert sent[names.REQUEST_TOP_K] == 40 and type(sent[names.REQUEST_TOP_K]) is int
        assert (sent[names.REQUEST_TEMPERATURE], sent[names.REQUEST_TOP_P]) == (0.5, 0.9)


def test_responses_request_attributes(stub: StubServer, meter: Meter, client: OpenAI) -> None:
    """Conversation, previous response, effort, the limit of the output."""
    more: Any = {"reasoning": {"effort": "high"}, "max_output_tokens": 99, "previous_response_id": "resp_0"}
    client.responses.create(model="gpt-5.6-sol", input="x", **more)
    sent = one_call(meter)
    assert sent[names.REQUEST_REASONING_LEVEL] == "high" and sent[names.REQUEST_MAX_TOKENS] == 99
    assert sent[names.REQUEST_PREVIOUS_RESPONSE] == "resp_0" and sent[names.OPENAI_API_TYPE] == "responses"
