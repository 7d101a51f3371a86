"""google-genai beyond the contract: requests that one method makes, tiers, searches, regions, who sells, what a rival has."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
import wrapt

from genmeter import names
from genmeter.metering import guard
from genmeter.metering.process.reaper import reaper
from tests.metering.rig import MICRO, Meter, one_call
from tests.stub import Exact, Reply, Stream, StubServer, ToolCall

from .conftest import Metering
from .sdks import google, google_interactions, google_vertex

pytestmark = pytest.mark.skipif(google.SDK.version is None, reason="google-genai is not installed here")
NEW = google_vertex.NEW
HELLO: Any = {"model": "gemini-2.5-flash", "contents": "Hello"}


@pytest.fixture
def meter(metering: Metering) -> Meter:
    return metering(google.SDK)


@pytest.fixture
def client(stub: StubServer) -> Iterator[Any]:
    with google.client(stub.url) as made:
        yield made


def ask(client: Any, streamed: bool, **changed: Any) -> None:
    """One call, read to its end."""
    models = client.models
    for _ in (
        models.generate_content_stream(**HELLO | changed) if streamed else [models.generate_content(**HELLO | changed)]
    ):
        pass


def spans(meter: Meter) -> list[dict[str, Any]]:
    return [dict(span.attributes or {}) for span in meter.spans]


def dollars(attributes: dict[str, Any], micro: float) -> None:
    assert attributes[names.COST_STATUS] == "priced", attributes
    assert attributes[names.COST_AMOUNT] == pytest.approx(micro * MICRO, rel=1e-12)


# --- requests that one method makes ----------------------------------------------------------------------------------


def weather(city: str) -> str:
    """The weather of a city."""
    return f"sunny in {city}"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_each_request_of_an_automatic_function_call_is_a_call(
    streamed: bool, client: Any, meter: Meter, stub: StubServer
) -> None:
    """The SDK's own answer has the usage of the last request alone: 2 × (11 × 0.3 + 73 × 2.5) are billed."""
    call = [ToolCall("weather", {"city": "Oslo"})]
    stub.script("", Stream(tool_calls=call) if streamed else Reply(tool_calls=call))
    ask(client, streamed, config={"tools": [weather]})
    found = spans(meter)
    assert len(found) == len(stub.requests) == 2
    for attributes in found:
        dollars(attributes, 185.8)
    assert [span.parent for span in meter.spans] == [None, None]


def test_chats_are_metered(client: Any, meter: Meter) -> None:
    chat = client.chats.create(model="gemini-2.5-flash")
    chat.send_message("Hello")
    for _ in chat.send_message_stream("Hello"):
        pass
    asyncio.run(_chat_async(client))
    assert [attributes[names.INPUT_TOKENS] for attributes in spans(meter)] == [11] * 4


async def _chat_async(client: Any) -> None:
    chat = client.aio.chats.create(model="gemini-2.5-flash")
    await chat.send_message("Hello")
    async for _ in await chat.send_message_stream("Hello"):
        pass


@pytest.mark.skipif(not NEW, reason="version 1 does not continue by itself")
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_each_request_of_a_continuation_is_a_call(streamed: bool, client: Any, meter: Meter, stub: StubServer) -> None:
    candidate = {"content": {"parts": [{"text": "a"}], "role": "model"}, "finishReason": "CONTINUATION", "index": 0}
    part = {
        "candidates": [{**candidate, "continuationToken": "dG9rZW4="}],
        "modelVersion": "gemini-2.5-flash", "responseId": "first",
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 73, "totalTokenCount": 84},
    }  # fmt: skip
    stub.script("", Stream(events=[part]) if streamed else Reply(body=part))
    ask(client, streamed)
    first, second = spans(meter)
    assert (first[names.RESPONSE_ID], tuple(first[names.FINISH_REASONS])) == ("first", ("length",))
    assert tuple(second[names.FINISH_REASONS]) == ("stop",)
    dollars(first, 185.8)
    dollars(second, 185.8)


@pytest.mark.skipif(not NEW, reason="version 1 does not continue by itself")
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_each_request_of_an_interaction_is_a_call(
    streamed: bool, client: Any, metering: Metering, stub: StubServer
) -> None:
    meter = metering(google_interactions.SDK)
    usage = {"total_input_tokens": 9, "total_output_tokens": 779, "total_thought_tokens": 912, "total_tokens": 1700}
    first = {"id": "v1_first", "object": "interaction", "model": "gemini-3.5-flash", "status": "requires_continuation",
             "continuation_token": "t", "usage": usage}  # fmt: skip
    whole = {**first, "steps": [], "created": "2026-11-30T12:00:00Z", "updated": "2026-11-30T12:00:00Z"}
    event = {"event_type": "interaction.completed", "interaction": first}
    stub.script("/interactions", Stream(events=[event]) if streamed else Reply(body=whole))
    answer = client.interactions.create(model="gemini-3.5-flash", input="Hello", stream=streamed)
    for _ in answer if streamed else ():
        pass
    found = spans(meter)
    assert [one[names.RESPONSE_ID] for one in found] == ["v1_first", "v1_0123456789abcdef01234567"]
    for attributes in found:
        dollars(attributes, 15232.5)


# --- forms of answers ------------------------------------------------------------------------------------------------


def test_an_answer_that_the_app_parses_itself_is_read(client: Any, meter: Meter, stub: StubServer) -> None:
    """The SDK's object has no usage then; the body has, and names counts that the SDK's objects drop."""
    stub.script("", Reply(usage={"billedToolCalls": [{"successfulToolCallCount": 3}]}))
    types = import_module("google.genai.types")
    config = types.GenerateContentConfig(should_return_http_response=True)
    answer = client.models.generate_content(**HELLO, config=config)
    assert answer.usage_metadata is None
    attributes = one_call(meter)
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (11, 73)
    assert attributes[names.COST_STATUS] == "partial"
    assert "successful_tool_call_count" in attributes[names.COST_DETAIL]


def test_running_totals_of_a_stream_are_not_added_up(client: Any, meter: Meter, stub: StubServer) -> None:
    def chunk(text: str, said: int, **more: Any) -> dict[str, Any]:
        usage = {"promptTokenCount": 11, "candidatesTokenCount": said, "totalTokenCount": 11 + said,
                 "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 11}]}  # fmt: skip
        candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **more}
        return {
            "candidates": [candidate],
            "modelVersion": "gemini-2.5-flash",
            "responseId": "r",
            "usageMetadata": usage,
        }

    stub.script("", Stream(events=[chunk("a", 20), chunk("b", 40), chunk("c", 73, finishReason="STOP")]))
    ask(client, True)
    attributes = one_call(meter)
    assert attributes[names.TEXT_INPUT_TOKENS] == 11
    dollars(attributes, 185.8)


def test_a_stream_that_is_cut_is_billed_by_the_last_totals_that_came(
    client: Any, meter: Meter, stub: StubServer
) -> None:
    stream = client.models.generate_content_stream(**HELLO)
    next(stream)
    stream.close()
    del stream
    reaper.drain()
    attributes = one_call(meter)
    assert attributes[names.STREAM_CUT] in ("closed", "abandoned")
    assert attributes[names.INPUT_TOKENS] == 11


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_an_error_in_the_middle_of_a_stream_is_told_by_its_kind(
    asynchronous: bool, client: Any, meter: Meter, stub: StubServer
) -> None:
    stub.script("", Stream(error_after=2))
    errors = import_module("google.genai.errors")

    async def read() -> None:
        async for _ in await client.aio.models.generate_content_stream(**HELLO):
            pass

    with pytest.raises(errors.APIError):
        asyncio.run(read()) if asynchronous else ask(client, True)
    attributes = one_call(meter)
    assert attributes[names.ERROR_TYPE] == "INTERNAL"
    assert attributes[names.INPUT_TOKENS] == 11
    assert attributes[names.COST_STATUS] == "partial"


def test_a_prompt_that_is_held_back_is_billed_for_its_input(client: Any, meter: Meter, stub: StubServer) -> None:
    """gemini-2.5-flash: 11 × 0.3; there is no candidate, and no count of them."""
    body = {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "gemini-2.5-flash",
            "usageMetadata": {"promptTokenCount": 11, "totalTokenCount": 11}}  # fmt: skip
    stub.script("", Reply(body=body))
    ask(client, False)
    attributes = one_call(meter)
    assert tuple(attributes[names.FINISH_REASONS]) == ("content_filter",)
    dollars(attributes, 3.3)


# --- money -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("tier", "micro"), [("standard", 282.0), ("priority", 507.6)])
def test_the_service_tier_that_was_used_has_the_price(
    tier: str, micro: float, streamed: bool, client: Any, meter: Meter, stub: StubServer
) -> None:
    """gemini-3.8-flash 0.75 / 3.75: 11 × 0.75 + 73 × 3.75 = 8.25 + 273.75; priority is 1.8 times that. Priority was asked."""
    headers = {"x-gemini-service-tier": tier}
    stub.script("", Stream(headers=headers) if streamed else Reply(headers=headers))
    ask(client, streamed, model="gemini-3.8-flash", config={"service_tier": "priority"})
    dollars(one_call(meter), micro)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_vertex_says_the_tier_in_its_usage(streamed: bool, metering: Metering, stub: StubServer) -> None:
    """gemini-3.8-flash by priority: 282 × 1.8."""
    usage = {"trafficType": "ON_DEMAND_PRIORITY"}
    stub.script("", Stream(usage=usage) if streamed else Reply(usage=usage))
    meter = metering(google_vertex.SDK)
    with google_vertex.client(stub.url) as client:
        ask(client, streamed, model="gemini-3.8-flash")
    dollars(one_call(meter), 507.6)


def test_a_region_has_its_price(metering: Metering, stub: StubServer) -> None:
    """gemini-3.8-flash costs a tenth more in a region, also behind an address of the app's own: 282 × 1.1."""
    meter = metering(google_vertex.SDK)
    with google_vertex.client(stub.url, "europe-west4") as client:
        ask(client, False, model="gemini-3.8-flash")
    dollars(one_call(meter), 310.2)


def test_prepaid_throughput_has_no_price_of_a_token(metering: Metering, stub: StubServer) -> None:
    stub.script("", Reply(usage={"trafficType": "PROVISIONED_THROUGHPUT"}))
    meter = metering(google_vertex.SDK)
    with google_vertex.client(stub.url) as client:
        ask(client, False, model="gemini-3.8-flash")
    attributes = one_call(meter)
    assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("unpriced", "unknown_service_tier")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("model", "searches", "micro"), [("gemini-2.5-flash", 1, 35_185.8), ("gemini-3.8-flash", 2, 28_282.0)]
)
def test_searches_are_billed_by_the_prompt_or_by_the_query(
    model: str, searches: int, micro: float, streamed: bool, client: Any, meter: Meter, stub: StubServer
) -> None:
    """35 USD for 1,000 prompts, beside 185.8; 14 USD for 1,000 queries, beside 282."""
    grounding = {
        "webSearchQueries": ["fox", "", "fox", "dog"],
        "groundingChunks": [{"web": {"uri": "https://a.example"}}],
    }
    usage = {"promptTokenCount": 11, "candidatesTokenCount": 73, "totalTokenCount": 84}
    candidate = {
        "content": {"parts": [{"text": "a"}], "role": "model"},
        "finishReason": "STOP",
        "groundingMetadata": grounding,
    }
    body = {"candidates": [candidate], "modelVersion": model, "usageMetadata": usage}
    stub.script("", Stream(events=[body]) if streamed else Reply(body=body))
    ask(client, streamed, model=model)
    attributes = one_call(meter)
    assert attributes[names.SEARCHES] == searches
    dollars(attributes, micro)


def test_every_modality_has_its_price(client: Any, meter: Meter, stub: StubServer) -> None:
    """gemini-2.5-flash 0.30, audio 1.00, cached 0.03 and 0.10 / 2.50.

    Text 500 of which 100 cached, audio 400 of which 300 cached, an image of 100, tools 50, 20 said and 30 thought:
    400 × 0.3 + 100 × 0.03 + 100 × 1 + 300 × 0.1 + 100 × 0.3 + 50 × 0.3 + 50 × 2.5 = 120 + 3 + 100 + 30 + 30 + 15 + 125.
    """

    def parts(**counts: int) -> list[dict[str, Any]]:
        return [{"modality": name, "tokenCount": count} for name, count in counts.items()]

    usage = Exact(
        promptTokenCount=1000, cachedContentTokenCount=400, toolUsePromptTokenCount=50, candidatesTokenCount=20,
        thoughtsTokenCount=30, totalTokenCount=1100, promptTokensDetails=parts(TEXT=500, AUDIO=400, IMAGE=100),
        cacheTokensDetails=parts(TEXT=100, AUDIO=300), toolUsePromptTokensDetails=parts(TEXT=50),
    )  # fmt: skip
    stub.script("", Reply(usage=usage))
    ask(client, False)
    attributes = one_call(meter)
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (1050, 50)
    dollars(attributes, 423.0)


# --- who sells -------------------------------------------------------------------------------------------------------


def test_the_seller_and_the_region_come_from_the_address_or_the_mode(metering: Metering) -> None:
    """Nothing is sent: the address is asked of the client as a call would ask it."""
    from google import genai
    from google.oauth2.credentials import Credentials

    from genmeter.metering import wrappers
    from genmeter.metering.families.google import server
    from genmeter.metering.providers.google import GOOGLE

    metering(google_vertex.SDK)
    engine = wrappers.working()
    assert engine is not None

    def seller(**given: Any) -> tuple[str | None, str, str | None]:
        if given.get("vertexai") and "api_key" not in given:
            token = Credentials(token="stub")  # type: ignore[no-untyped-call]
            given = {"project": "p", "credentials": token, **given}
        client = genai.Client(**given)
        found = engine.endpoints.find(GOOGLE, server(client.models)).seller
        return found.id, found.name, found.region

    own = {"base_url": "https://gateway.example"}
    assert seller(api_key="k") == ("google", "gcp.gemini", None)
    assert seller(api_key="k", http_options=own) == (None, "gcp.gemini", None)
    assert seller(vertexai=True, location="europe-west4") == ("vertex", "gcp.vertex_ai", "europe-west4")
    assert seller(vertexai=True, location="global") == ("vertex", "gcp.vertex_ai", "global")
    assert seller(vertexai=True, location="eu") == ("vertex", "gcp.vertex_ai", "eu")
    assert seller(vertexai=True, location="europe-west4", http_options=own) == (
        "vertex",
        "gcp.vertex_ai",
        "europe-west4",
    )
    assert seller(vertexai=True, api_key="k") == ("vertex", "gcp.vertex_ai", None)


@pytest.mark.parametrize(
    "model", ["gemini-2.5-flash", "models/gemini-2.5-flash", "publishers/google/models/gemini-2.5-flash", "google/gemini-2.5-flash",
              "projects/p/locations/l/publishers/google/models/gemini-2.5-flash"]
)  # fmt: skip
def test_a_model_has_one_name_however_the_app_writes_it(model: str, metering: Metering, stub: StubServer) -> None:
    meter = metering(google_vertex.SDK)
    with google_vertex.client(stub.url) as client:
        ask(client, False, model=model)
    assert one_call(meter)[names.REQUEST_MODEL] == "gemini-2.5-flash"


def test_what_was_asked_for_is_on_the_record(client: Any, meter: Meter) -> None:
    """A config may be an object or a dictionary, in the names of the API or of the SDK."""
    types = import_module("google.genai.types")

    asked = {
        "temperature": 0.5,
        "max_output_tokens": 64,
        "top_k": 3,
        "candidate_count": 2,
        "response_mime_type": "application/json",
    }
    camel = {
        "temperature": 0.5,
        "maxOutputTokens": 64,
        "topK": 3,
        "candidateCount": 2,
        "responseMimeType": "application/json",
    }
    for config in (asked, camel, types.GenerateContentConfig(**asked)):
        ask(client, False, config=config)
    for attributes in spans(meter):
        assert attributes[names.REQUEST_TEMPERATURE] == 0.5
        assert attributes[names.REQUEST_MAX_TOKENS] == 64
        assert attributes[names.REQUEST_TOP_K] == 3
        assert attributes[names.REQUEST_CHOICE_COUNT] == 2
        assert attributes[names.OUTPUT_TYPE] == "json"
        assert tuple(attributes[names.FINISH_REASONS]) == ("stop", "stop")


def test_arguments_that_the_sdk_refuses_are_no_call(client: Any, meter: Meter, stub: StubServer) -> None:
    with pytest.raises(ValueError, match="no_such_parameter"):
        ask(client, False, config={"no_such_parameter": 1})
    with pytest.raises(ValueError, match="no_such_parameter"):
        ask(client, True, config={"no_such_parameter": 1})
    assert (meter.spans, stub.requests) == ([], [])
    assert dict(guard.failures) == {}


def test_a_stream_whose_first_item_the_sdk_refuses_is_no_call_and_one_that_the_server_refuses_is(
    client: Any, meter: Meter, stub: StubServer
) -> None:
    with pytest.raises((ValueError, TypeError)):
        next(client.models.generate_content_stream(model="gemini-2.5-flash", contents={"parts": object()}))
    assert (meter.spans, stub.requests, meter.total(names.CALLS_ACTIVE)) == ([], [], 0)
    stub.script(":streamGenerateContent", Reply(status=429))
    with pytest.raises(Exception, match="429"):
        next(client.models.generate_content_stream(model="gemini-2.5-flash", contents="x"))
    assert meter.attributes[names.ERROR_TYPE] == "RESOURCE_EXHAUSTED"
    assert dict(guard.failures) == {}


# --- rivals ----------------------------------------------------------------------------------------------------------


def test_a_rival_has_only_the_calls_whose_method_it_wraps(client: Any, metering: Metering) -> None:
    """Other instrumentors wrap the public methods, which call ours: their calls are theirs, and embeddings stay ours."""
    models = import_module("google.genai.models").Models
    space: dict[str, Any] = {"__name__": "openinference.instrumentation.google_genai._wrappers"}
    exec("def wrap(wrapped, instance, args, kwargs):\n    return wrapped(*args, **kwargs)", space)
    before = vars(models)["generate_content"]
    models.generate_content = wrapt.FunctionWrapper(before, space["wrap"])
    try:
        meter = metering(google.SDK)
        ask(client, False)
        ask(client, True)
        client.models.embed_content(model="gemini-embedding-001", contents="x")
    finally:
        models.generate_content = before
    assert [(one[names.OPERATION], one.get(names.REQUEST_STREAM)) for one in spans(meter)] == [
        ("generate_content", True),
        ("embeddings", None),
    ]
