"""Every metered API, sync and async, in every way an app can take the answer: one call, one span, one bill."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from genmeter import names
from tests.stub import StubServer

from .cells import CELLS, Api, make_client, retrieving
from .conftest import MeterFactory
from .rig import MICRO, Meter, one_call

IDS = [f"{api.name}-{way}" for api, way in CELLS]
DURATIONS = {
    "chat": names.INFERENCE_DURATION,
    "text_completion": names.INFERENCE_DURATION,
    "generate_content": names.INFERENCE_DURATION,
    "embeddings": names.EMBEDDINGS_DURATION,
    "moderation": names.OPERATION_DURATION,
    "fetch_response": names.OPERATION_DURATION,
}


def act(api: Api, way: str, stub: StubServer, asynchronous: bool) -> Any:
    """One call from a client of its own."""
    sync, twin = api.ways[way]
    client = make_client(api.client, stub, asynchronous=asynchronous)
    if not asynchronous:
        with client:
            return sync(client, api.path, api.ask)

    async def run() -> Any:
        async with client:
            return await twin(client, api.path, api.ask)

    return asyncio.run(run())


def make_meter(api: Api, meters: MeterFactory) -> Meter:
    """Clouds are known by their client's class, the others by the user's [sellers]."""
    return meters(sellers={}) if api.client in ("bedrock", "vertex") else meters()


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("api", "way"), CELLS, ids=IDS)
def test_one_call_is_one_span_one_event_and_one_bill(
    api: Api, way: str, asynchronous: bool, stub: StubServer, meters: MeterFactory
) -> None:
    """Name, sampling attributes, tokens, cost, event and metrics are right, and the app sees what the bare SDK gives."""
    bare = act(api, way, stub, asynchronous)
    meter = make_meter(api, meters)
    assert act(api, way, stub, asynchronous) == bare
    attributes = one_call(meter)
    check_start(api, meter, stub)
    assert meter.span.status.status_code is StatusCode.UNSET
    check_answer(api, way, attributes)
    check_cost(api, attributes)
    check_metrics(api, meter)


def check_start(api: Api, meter: Meter, stub: StubServer) -> None:
    """What a sampler sees when the span starts."""
    assert meter.span.name == api.span
    ((name, kind, seen),) = meter.sampler.seen
    assert (name, kind) == (api.span, SpanKind.CLIENT)
    assert seen[names.OPERATION] == api.operation
    assert seen[names.PROVIDER] == api.provider
    assert seen.get(names.REQUEST_MODEL) == api.ask.get("model")
    assert seen[names.SERVER_ADDRESS] == "127.0.0.1"
    assert seen[names.SERVER_PORT] == int(stub.url.rpartition(":")[2])


def check_answer(api: Api, way: str, attributes: dict[str, Any]) -> None:
    """What came back, as far as this way of taking it shows it to anybody."""
    assert attributes.get(names.RESPONSE_MODEL) == api.response_model
    assert attributes.get(names.RESPONSE_ID) == api.id
    assert tuple(attributes.get(names.FINISH_REASONS, ())) == api.finish
    assert attributes.get(names.INPUT_TOKENS) == api.tokens[0]
    assert attributes.get(names.OUTPUT_TOKENS) == api.tokens[1]
    parts = {name: attributes[name] for name in names.USAGE_TOKENS.values() if name in attributes}
    parts.pop(names.INPUT_TOKENS, None)
    parts.pop(names.OUTPUT_TOKENS, None)
    assert parts == api.parts
    streamed = way in api.streamed_ways
    assert attributes.get(names.REQUEST_STREAM) is (True if streamed else None)
    assert (names.TIME_TO_FIRST_CHUNK in attributes) is streamed


def check_cost(api: Api, attributes: dict[str, Any]) -> None:
    """The bill, in dollars, with its provenance; or the reason why there is none."""
    if isinstance(api.cost, str):
        assert attributes[names.COST_STATUS] == "unpriced"
        assert attributes[names.COST_REASON] == api.cost
        assert names.COST_AMOUNT not in attributes
    elif api.cost is None:
        assert not [name for name in attributes if "cost" in name]
    else:
        assert attributes[names.COST_STATUS] == "priced"
        assert attributes[names.COST_AMOUNT] == pytest.approx(api.cost * MICRO, rel=1e-12)
        assert attributes[names.COST_TOTAL] == attributes[names.COST_AMOUNT]
        assert (attributes[names.COST_CURRENCY], attributes[names.COST_SOURCE]) == ("USD", "local")
        assert attributes[names.COST_CATALOGUE] and attributes[names.COST_ENTRY]
        lines = [attributes[name] for name in names.COST_LINES.values() if name in attributes]
        assert sum(lines) == pytest.approx(api.cost * MICRO, rel=1e-12)


def check_metrics(api: Api, meter: Meter) -> None:
    """One duration in the operation's own metric, tokens and money summed, labels bounded."""
    metrics = meter.collect()
    durations = {name for name in set(DURATIONS.values()) if name in metrics}
    assert durations == {DURATIONS[api.operation]}
    (point,) = metrics[DURATIONS[api.operation]].data.data_points
    assert point.count == 1
    assert point.attributes.get(names.REQUEST_MODEL) == api.ask.get("model")
    assert point.attributes.get(names.RESPONSE_MODEL) == api.response_model
    assert (point.attributes[names.OPERATION], point.attributes[names.PROVIDER]) == (api.operation, api.provider)
    if DURATIONS[api.operation] == names.INFERENCE_DURATION:
        assert meter.total(names.INFERENCE_INPUT) == (api.tokens[0] or 0)
        assert meter.total(names.INFERENCE_OUTPUT) == (api.tokens[1] or 0)
        for name, tokens in zip(
            (names.INFERENCE_OPERATION_INPUT, names.INFERENCE_OPERATION_OUTPUT), api.tokens, strict=True
        ):
            (point,) = metrics[name].data.data_points
            assert (point.count, point.sum) == (1, tokens or 0)
    if isinstance(api.cost, str):
        (point,) = metrics[names.CALLS_UNPRICED].data.data_points
        assert (point.value, point.attributes[names.COST_REASON]) == (1, api.cost)
    elif api.cost is not None:
        assert meter.total(names.COST_USD) == pytest.approx(api.cost * MICRO, rel=1e-12)


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("way", ["whole", "raw", "streaming_parse", "streaming_json", "stream"])
def test_fetching_a_response_books_no_tokens(
    way: str, asynchronous: bool, stub: StubServer, meters: MeterFactory
) -> None:
    """A response that is fetched by its id was paid for when it was made."""
    act_once = make_client("openai", stub, asynchronous=False)
    with act_once as client:
        made = client.responses.create(model="gpt-5.6-sol", input="x")
    api = retrieving(made.id)
    bare = act(api, way, stub, asynchronous)
    meter = meters()
    assert act(api, way, stub, asynchronous) == bare
    attributes = one_call(meter)
    assert meter.span.name == "fetch_response"
    assert attributes[names.RESPONSE_ID] == made.id
    assert attributes[names.RESPONSE_STATUS] == "completed"
    assert attributes[names.RESPONSE_MODEL] == "gpt-5.6-sol"
    assert not [name for name in attributes if "usage" in name or "cost" in name]
    metrics = meter.collect()
    assert names.OPERATION_DURATION in metrics and names.COST_USD not in metrics
    assert names.INFERENCE_INPUT not in metrics and names.CALLS_UNPRICED not in metrics
