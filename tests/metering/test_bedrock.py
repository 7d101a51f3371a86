"""Amazon Bedrock through boto3: Converse, InvokeModel of every vendor, their streams, and what else decides the bill.

Prices in USD a million: Claude Haiku 4.5 in one geography 1.10 / 5.50, cache read 0.11, write 1.375, one hour 2.20, elsewhere
1 / 5; Titan Embed v2 0.02. The example of the user guide uses 125 and 60: 125 × 1.1 + 60 × 5.5 = 137.5 + 330 = 467.5.
"""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
import wrapt
from opentelemetry.trace import SpanKind

import genmeter
from genmeter import names
from genmeter.metering import coexist, guard
from genmeter.metering.endpoints import Endpoints
from genmeter.metering.families.botocore import server_of
from genmeter.metering.process.reaper import reaper
from genmeter.metering.providers.bedrock import BOTO3, NAME, SERVICE
from genmeter.pricing import Catalogue
from genmeter.settings import Settings
from tests.stub import Exact, Reply, Stream, StubServer, ToolCall
from tests.stub.bedrock import VENDORS

from .conftest import MeterFactory
from .rig import MICRO, Meter, one_call

boto3 = pytest.importorskip("boto3")
pytest.importorskip("botocore", minversion="1.39")

KEYS: Any = {"region_name": "us-east-1", "aws_access_key_id": "AKIASTUB", "aws_secret_access_key": "secret"}
HELLO: Any = [{"role": "user", "content": [{"text": "Hello!"}]}]
HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
ASK: Any = {"modelId": HAIKU, "messages": HELLO}
MODELS = {
    "amazon.titan-text": "amazon.titan-text-express-v1",
    "meta.llama": "meta.llama3-8b-instruct-v1:0",
    "mistral.mistral": "mistral.mistral-large-2402-v1:0",
    "openai.gpt-oss": "openai.gpt-oss-20b-1:0",
    "amazon.nova-micro": "amazon.nova-micro-v1:0",
}
EMBED = "amazon.titan-embed-text-v2:0"


@pytest.fixture
def meter(meters: MeterFactory) -> Meter:
    """A client of Bedrock is Bedrock's, wherever its server is."""
    return meters(sellers={})


@pytest.fixture
def client(stub: StubServer) -> Any:
    return make(stub)


def make(stub: StubServer, service: str = SERVICE, **given: Any) -> Any:
    """A client of the stub that makes each request once."""
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": given.pop("attempts", 1)}, **given)
    return boto3.client(service, endpoint_url=stub.url, config=config, **KEYS)


def dollars(attributes: dict[str, Any], micro: float) -> None:
    assert attributes[names.COST_STATUS] == "priced", attributes
    assert attributes[names.COST_AMOUNT] == pytest.approx(micro * MICRO, rel=1e-12)


def read(answer: dict[str, Any]) -> Any:
    """An answer of InvokeModel as apps take it."""
    return json.loads(answer["body"].read())


# --- Converse --------------------------------------------------------------------------------------------------------


def ask_converse(client: Any, streamed: bool, **asked: Any) -> Any:
    """The events of a stream, or the whole answer."""
    if streamed:
        return list(client.converse_stream(**{**ASK, **asked})["stream"])
    return client.converse(**{**ASK, **asked})


def answer(streamed: bool, **given: Any) -> Reply:
    return Stream(**given) if streamed else Reply(**given)


BOTH = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])


def script(stub: StubServer, streamed: bool, reply: Reply) -> None:
    stub.script("/converse-stream" if streamed else "/converse", reply)


@BOTH
def test_converse_is_billed_by_its_usage(streamed: bool, client: Any, meter: Meter) -> None:
    limits = {"maxTokens": 64, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]}
    ask_converse(client, streamed, inferenceConfig=limits)
    attributes = one_call(meter)
    assert (attributes[names.OPERATION], attributes[names.PROVIDER]) == ("chat", "aws.bedrock")
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (125, 60)
    assert attributes[names.FINISH_REASONS] == ["stop"]
    assert attributes[names.RESPONSE_ID] == "00000000-0000-4000-8000-0123456789ab"
    assert attributes[names.REQUEST_MAX_TOKENS] == 64 and attributes[names.REQUEST_STOP_SEQUENCES] == ["END"]
    assert attributes.get(names.REQUEST_STREAM) is (True if streamed else None)
    dollars(attributes, 467.5)


@BOTH
def test_the_cache_stands_beside_the_input_and_has_its_lifetimes(
    streamed: bool, stub: StubServer, client: Any, meter: Meter
) -> None:
    """125 × 1.1 + 1000 × 0.11 + 200 × 1.375 + 100 × 2.2 + 60 × 5.5 = 137.5 + 110 + 275 + 220 + 330."""
    lifetimes = [{"ttl": "1h", "inputTokens": 100}, {"ttl": "5m", "inputTokens": 200}]
    usage = {"cacheReadInputTokens": 1000, "cacheWriteInputTokens": 300, "cacheDetails": lifetimes}
    script(stub, streamed, answer(streamed, usage=usage))
    ask_converse(client, streamed)
    attributes = one_call(meter)
    if names.CACHE_WRITE_1H_TOKENS not in attributes:
        pytest.skip("the service model of this botocore has no cacheDetails, and drops them")
    assert attributes[names.INPUT_TOKENS] == 1425
    assert (attributes[names.CACHE_READ_TOKENS], attributes[names.CACHE_WRITE_TOKENS]) == (1000, 300)
    dollars(attributes, 1072.5)


def test_a_stream_of_openais_models_holds_the_cache_in_its_input(stub: StubServer, client: Any, meter: Meter) -> None:
    """Measured: a stream reports 4,995 of which 4,993 were written, the same call whole reports 2.

    gpt-5.6-sol in all regions 4 / 20, write 5: 2 × 4 + 4,993 × 5 + 19 × 20 = 8 + 24,965 + 380.
    """
    written = {"outputTokens": 19, "cacheWriteInputTokens": 4993}
    for streamed, fresh in ((True, 4995), (False, 2)):
        meter.clear()
        script(stub, streamed, answer(streamed, usage={"inputTokens": fresh, **written}))
        ask_converse(client, streamed, modelId="global.openai.gpt-5.6-sol")
        attributes = one_call(meter)
        assert attributes[names.INPUT_TOKENS] == 4995
        dollars(attributes, 25_353)


def test_a_total_that_is_not_explained_is_named(stub: StubServer, client: Any, meter: Meter) -> None:
    stub.script("/converse", Reply(usage={"totalTokens": 200}))
    client.converse(**ASK)
    attributes = one_call(meter)
    assert attributes[names.COST_STATUS] == "partial" and "totalTokens" in attributes[names.COST_DETAIL]


@BOTH
def test_a_tier_of_the_service_is_never_billed_as_standard(
    streamed: bool, stub: StubServer, client: Any, meter: Meter
) -> None:
    """The answer says what served the call; no price of another tier is published in the catalogue."""
    for asked, reason in (
        ({"performanceConfig": {"latency": "optimized"}}, "unknown_service_tier"),
        ({"performanceConfig": {"latency": "standard"}}, None),
        ({"serviceTier": {"type": "priority"}}, "unknown_service_tier"),
        ({"serviceTier": {"type": "default"}}, None),
    ):
        meter.clear()
        if "serviceTier" in asked and not takes(client, "serviceTier"):
            continue
        ask_converse(client, streamed, **asked)
        assert one_call(meter).get(names.COST_REASON) == reason, asked


def test_a_call_that_fell_back_from_optimised_latency_is_standard(stub: StubServer, client: Any, meter: Meter) -> None:
    def fallen(request: Any, default: dict[str, Any]) -> dict[str, Any]:
        return {**default, "performanceConfig": {"latency": "standard"}}

    stub.script("/converse", Reply(body=fallen))
    client.converse(**ASK, performanceConfig={"latency": "optimized"})
    dollars(one_call(meter), 467.5)


def takes(client: Any, parameter: str) -> bool:
    """Whether the installed service model knows a parameter of Converse."""
    return parameter in client.meta.service_model.operation_model("Converse").input_shape.members


@BOTH
def test_a_guardrail_costs_what_no_token_says(streamed: bool, client: Any, meter: Meter) -> None:
    ask_converse(client, streamed, guardrailConfig={"guardrailIdentifier": "gr-1", "guardrailVersion": "1"})
    attributes = one_call(meter)
    assert attributes[names.GUARDRAIL_ID] == "gr-1"
    assert attributes[names.COST_STATUS] == "partial" and "guardrail" in attributes[names.COST_DETAIL]
    assert attributes[names.COST_AMOUNT] == pytest.approx(467.5 * MICRO)


def test_the_units_of_a_guardrail_are_named(stub: StubServer, client: Any, meter: Meter) -> None:
    units = {"contentPolicyUnits": 2, "topicPolicyUnits": 0, "sensitiveInformationPolicyFreeUnits": 3}
    zeros = dict.fromkeys(("wordPolicyUnits", "sensitiveInformationPolicyUnits", "contextualGroundingPolicyUnits"), 0)
    found = {"gr-1": {"invocationMetrics": {"usage": {**units, **zeros}}}}
    stub.script("/converse", Reply(body=lambda _, made: {**made, "trace": {"guardrail": {"inputAssessment": found}}}))
    client.converse(**ASK, guardrailConfig={"guardrailIdentifier": "gr-1", "guardrailVersion": "1", "trace": "enabled"})
    detail = one_call(meter)[names.COST_DETAIL]
    assert "contentPolicyUnits" in detail and "Free" not in detail and "topic" not in detail


def test_a_router_is_billed_as_the_model_that_it_chose(stub: StubServer, client: Any, meter: Meter) -> None:
    """The fee of the routing itself stands in no count."""
    chosen = f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{HAIKU}"
    trace = {"promptRouter": {"invokedModelId": chosen}}
    stub.script("/converse", Reply(body=lambda _, made: {**made, "trace": trace}))
    client.converse(
        modelId="arn:aws:bedrock:us-east-1:123456789012:default-prompt-router/anthropic.claude:1", messages=HELLO
    )
    attributes = one_call(meter)
    assert attributes[names.RESPONSE_MODEL] == chosen and attributes[names.COST_STATUS] == "partial"
    assert attributes[names.COST_AMOUNT] == pytest.approx(467.5 * MICRO)


IDS: dict[str, float | str] = {
    "global.anthropic.claude-haiku-4-5-20251001-v1:0": 125 + 300,
    "eu.anthropic.claude-haiku-4-5-20251001-v1:0": 467.5,
    "apac.anthropic.claude-haiku-4-5-20251001-v1:0": 467.5,
    "anthropic.claude-haiku-4-5-20251001-v1:0": 467.5,
    f"arn:aws:bedrock:us-east-1:123456789012:inference-profile/{HAIKU}": 467.5,
    "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0": 467.5,
    "us-gov.anthropic.claude-haiku-4-5-20251001-v1:0": "unknown_model",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123": "unknown_model",
    "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abc123": "unknown_model",
    "arn:aws:bedrock:us-east-1:123456789012:imported-model/abc123": "unknown_model",
    "arn:aws:bedrock:us-east-1:123456789012:prompt/ABC:1": "unknown_model",
}


@pytest.mark.parametrize("model", IDS)
def test_a_profile_or_an_arn_is_priced_as_what_it_names_and_as_nothing_else(
    model: str, client: Any, meter: Meter
) -> None:
    client.converse(modelId=model, messages=HELLO)
    attributes = one_call(meter)
    assert attributes[names.REQUEST_MODEL] == model
    if isinstance(IDS[model], str):
        assert (attributes[names.COST_STATUS], attributes[names.COST_REASON]) == ("unpriced", IDS[model])
    else:
        dollars(attributes, float(IDS[model]))


ODD: dict[str, tuple[Any, tuple[int | None, int | None], str | None]] = {
    "missing": (None, (None, None), "no_usage"),
    "empty": (Exact(), (None, None), "no_usage"),
    "null": (Exact(inputTokens=None, outputTokens=None, totalTokens=None), (None, None), "no_usage"),
    "zero": (Exact(inputTokens=0, outputTokens=0, totalTokens=0), (0, 0), "no_usage"),
    "negative": (Exact(inputTokens=-5, outputTokens=60, totalTokens=55), (None, 60), "invalid_usage"),
}


@BOTH
@pytest.mark.parametrize("case", ODD)
def test_odd_usage_is_never_a_price(case: str, streamed: bool, stub: StubServer, client: Any, meter: Meter) -> None:
    usage, tokens, reason = ODD[case]
    script(stub, streamed, answer(streamed, usage=usage))
    ask_converse(client, streamed)
    attributes = one_call(meter)
    assert (attributes.get(names.INPUT_TOKENS), attributes.get(names.OUTPUT_TOKENS)) == tokens
    assert attributes[names.COST_REASON] == reason


@BOTH
def test_messages_are_captured_in_the_words_of_the_conventions(
    streamed: bool, stub: StubServer, client: Any, meters: MeterFactory
) -> None:
    meter = meters(sellers={}, content="SPAN_ONLY")
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    tool = {"toolSpec": {"name": "weather", "description": "Tells it.", "inputSchema": {"json": schema}}}
    calls = [ToolCall("weather", {"city": "Oslo"})]
    script(stub, streamed, answer(streamed, tool_calls=calls, reasoning="Look it up.", text="One moment."))
    ask_converse(client, streamed, system=[{"text": "Be brief."}], toolConfig={"tools": [tool]})
    attributes = one_call(meter)
    assert json.loads(attributes[names.SYSTEM_INSTRUCTIONS]) == [{"type": "text", "content": "Be brief."}]
    assert json.loads(attributes[names.INPUT_MESSAGES])[0]["parts"] == [{"type": "text", "content": "Hello!"}]
    assert json.loads(attributes[names.TOOL_DEFINITIONS])[0]["name"] == "weather"
    (message,) = json.loads(attributes[names.OUTPUT_MESSAGES])
    thought, words, called = message["parts"]
    assert thought == {"type": "reasoning", "content": "Look it up."} and words["content"] == "One moment."
    assert (called["type"], called["name"], called["arguments"]) == ("tool_call", "weather", {"city": "Oslo"})
    assert message["finish_reason"] == "tool_call"


def test_nothing_of_the_messages_leaves_unless_it_is_captured(client: Any, meter: Meter) -> None:
    ask_converse(client, True)
    assert "Hello!" not in meter.exported() and "pop songs" not in meter.exported()


# --- InvokeModel -----------------------------------------------------------------------------------------------------


def ask_invoke(client: Any, streamed: bool, model: str) -> Any:
    asked = {"modelId": model, "body": json.dumps({"prompt": "Hello!"})}
    if streamed:
        return list(client.invoke_model_with_response_stream(**asked)["body"])
    return read(client.invoke_model(**asked))


@BOTH
@pytest.mark.parametrize("vendor", MODELS)
def test_every_vendors_model_is_billed_by_bedrocks_own_counts(
    vendor: str, streamed: bool, client: Any, meter: Meter
) -> None:
    ask_invoke(client, streamed, MODELS[vendor])
    attributes = one_call(meter)
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == tuple(VENDORS[vendor]["tokens"])
    assert attributes[names.FINISH_REASONS] == ["stop"]
    assert attributes[names.COST_STATUS] == "priced"


@pytest.mark.parametrize("vendor", ["amazon.titan-text", "meta.llama", "openai.gpt-oss", "amazon.nova-micro"])
def test_a_body_is_read_where_bedrock_counts_nothing(vendor: str, stub: StubServer, client: Any, meter: Meter) -> None:
    stub.script("/invoke", Reply(usage=None))
    ask_invoke(client, False, MODELS[vendor])
    attributes = one_call(meter)
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == tuple(VENDORS[vendor]["tokens"])


def test_bedrocks_own_counts_win_over_a_body(stub: StubServer, client: Any, meter: Meter) -> None:
    """Titan's body says 5 and 31."""
    for streamed in (False, True):
        meter.clear()
        path = "/invoke-with-response-stream" if streamed else "/invoke"
        stub.script(path, answer(streamed, usage={"inputTokenCount": 7, "outputTokenCount": 33}))
        ask_invoke(client, streamed, MODELS["amazon.titan-text"])
        attributes = one_call(meter)
        assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (7, 33)


@BOTH
def test_the_body_tells_the_lifetimes_of_cache_writes(
    streamed: bool, stub: StubServer, client: Any, meter: Meter
) -> None:
    """25 × 1.1 + 1000 × 0.11 + 200 × 1.375 + 100 × 2.2 + 15 × 5.5 = 27.5 + 110 + 275 + 220 + 82.5; headers do not tell."""
    written = {"ephemeral_5m_input_tokens": 200, "ephemeral_1h_input_tokens": 100}
    usage = {"cache_read_input_tokens": 1000, "cache_creation_input_tokens": 300, "cache_creation": written}
    headers = {
        "x-amzn-bedrock-cache-read-input-token-count": "1000",
        "x-amzn-bedrock-cache-write-input-token-count": "300",
    }
    path = "/invoke-with-response-stream" if streamed else "/invoke"
    stub.script(path, answer(streamed, usage=usage, headers={} if streamed else headers))
    ask_invoke(client, streamed, HAIKU)
    attributes = one_call(meter)
    assert attributes[names.INPUT_TOKENS] == 1325 and attributes[names.CACHE_WRITE_1H_TOKENS] == 100
    assert attributes[names.RESPONSE_MODEL] == "claude-haiku-4-5-20251001"
    dollars(attributes, 715)


@BOTH
def test_the_terms_of_an_invocation_stand_in_its_headers(
    streamed: bool, stub: StubServer, client: Any, meter: Meter
) -> None:
    """Llama 3 8B 0.30 / 0.60: 13 × 0.3 + 7 × 0.6 = 3.9 + 4.2."""
    path = "/invoke-with-response-stream" if streamed else "/invoke"
    for headers, reason in (
        ({"x-amzn-bedrock-service-tier": "priority"}, "unknown_service_tier"),
        ({"x-amzn-bedrock-service-tier": "default"}, None),
        ({"x-amzn-bedrock-performanceconfig-latency": "optimized"}, "unknown_service_tier"),
        ({"x-amzn-bedrock-performanceconfig-latency": "standard"}, None),
    ):
        meter.clear()
        stub.script(path, answer(streamed, headers=headers))
        ask_invoke(client, streamed, MODELS["meta.llama"])
        attributes = one_call(meter)
        assert attributes.get(names.COST_REASON) == reason, headers
        if reason is None:
            dollars(attributes, 8.1)


def test_a_guardrail_of_an_invocation_makes_its_price_partial(client: Any, meter: Meter) -> None:
    asked = {"guardrailIdentifier": "gr-1", "guardrailVersion": "1"}
    read(client.invoke_model(modelId=MODELS["meta.llama"], body=b"{}", **asked))
    attributes = one_call(meter)
    assert (attributes[names.GUARDRAIL_ID], attributes[names.COST_STATUS]) == ("gr-1", "partial")


def test_a_count_of_bedrocks_that_is_new_is_named(stub: StubServer, client: Any, meter: Meter) -> None:
    stub.script("/invoke", Reply(headers={"x-amzn-bedrock-zebra-token-count": "7"}))
    ask_invoke(client, False, MODELS["meta.llama"])
    attributes = one_call(meter)
    assert attributes[names.COST_STATUS] == "partial" and "zebra" in attributes[names.COST_DETAIL]


def pieces(body: Any) -> bytes:
    found = b""
    while piece := body.read(100):
        found += piece
    return found


def exact(body: Any) -> bytes:
    return b"".join(body.read(1) for _ in range(464))


def into(body: Any) -> bytes:
    buffer, found = bytearray(100), b""
    while count := body.readinto(buffer):
        found += bytes(buffer[:count])
    return found


def entered(body: Any) -> bytes:
    with body as below:
        return below.read()


def nexts(body: Any) -> bytes:
    found = b""
    while piece := next(body, b""):
        found += piece
    return found


WAYS: dict[str, Callable[[Any], bytes]] = {
    "read": lambda body: body.read(),
    "read all": lambda body: body.read(None),
    "pieces": pieces,
    "exactly its length": exact,
    "for": b"".join,
    "next": nexts,
    "chunks": lambda body: b"".join(body.iter_chunks(50)),
    "lines": lambda body: b"".join(body.iter_lines()),
    "readlines": lambda body: b"".join(body.readlines()),
    "readinto": into,
    "with": entered,
    "json": lambda body: json.dumps(json.load(body), separators=(",", ":")).encode(),
    "codec": lambda body: codecs.getreader("utf-8")(body).read().encode(),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_body_is_the_same_and_billed_however_it_is_read(way: str, client: Any, meter: Meter) -> None:
    """claude-haiku-4-5: 25 × 1.1 + 15 × 5.5 = 27.5 + 82.5."""
    got = WAYS[way](client.invoke_model(modelId=HAIKU, body=b"{}")["body"])
    attributes = one_call(meter)
    genmeter.uninstrument()
    assert got == WAYS[way](client.invoke_model(modelId=HAIKU, body=b"{}")["body"])
    assert names.STREAM_CUT not in attributes and attributes[names.FINISH_REASONS] == ["stop"]
    dollars(attributes, 110)


def test_a_body_stays_what_it_is(client: Any, meter: Meter) -> None:
    from botocore.response import StreamingBody

    answered = client.invoke_model(modelId=HAIKU, body=b"{}")
    body = answered["body"]
    assert isinstance(body, StreamingBody) and isinstance(body, io.IOBase)
    assert (type(body).__module__, type(body).__name__) == ("botocore.response", "StreamingBody")
    assert type(answered) is dict and meter.all_spans == []
    body.close()


@pytest.mark.parametrize("end", ["closed", "abandoned"])
def test_a_body_that_is_not_read_is_billed_by_the_headers(end: str, client: Any, meter: Meter) -> None:
    body = client.invoke_model(modelId=HAIKU, body=b"{}")["body"]
    if end == "closed":
        body.close()
    del body
    reaper.drain()
    attributes = one_call(meter)
    assert (attributes[names.INPUT_TOKENS], attributes[names.OUTPUT_TOKENS]) == (25, 15)
    assert names.STREAM_CUT not in attributes
    dollars(attributes, 110)


def test_a_body_that_is_not_read_and_not_counted_is_a_cut_call(stub: StubServer, client: Any, meter: Meter) -> None:
    stub.script("/invoke", Reply(usage=None))
    client.invoke_model(modelId=MODELS["meta.llama"], body=b"{}")["body"].close()
    attributes = one_call(meter)
    assert (attributes[names.STREAM_CUT], attributes[names.COST_REASON]) == ("closed", "no_usage")


def test_a_body_that_breaks_is_a_failed_call_with_the_counts_of_its_headers(
    stub: StubServer, client: Any, meter: Meter
) -> None:
    from botocore.exceptions import IncompleteReadError

    body = client.invoke_model(modelId=HAIKU, body=b"{}")["body"]
    body._content_length = 1000
    with pytest.raises(IncompleteReadError):
        body.read()
    attributes = one_call(meter)
    assert attributes[names.ERROR_TYPE] == "botocore.IncompleteReadError" and attributes[names.INPUT_TOKENS] == 25
    dollars(attributes, 110)


@pytest.mark.parametrize(("model", "tokens"), [(EMBED, 8), ("cohere.embed-english-v3", 4)])
def test_embeddings_are_billed_by_the_headers_of_any_vendor(model: str, tokens: int, client: Any, meter: Meter) -> None:
    read(client.invoke_model(modelId=model, body=json.dumps({"inputText": "x"})))
    attributes = one_call(meter)
    assert (attributes[names.OPERATION], attributes[names.INPUT_TOKENS]) == ("embeddings", tokens)
    assert names.OUTPUT_TOKENS not in attributes
    if model == EMBED:
        dollars(attributes, 0.16)


def test_embeddings_without_headers_are_billed_by_their_body(stub: StubServer, client: Any, meter: Meter) -> None:
    stub.script("/invoke", Reply(usage=None))
    read(client.invoke_model(modelId=EMBED, body=json.dumps({"inputText": "x"})))
    dollars(one_call(meter), 0.16)


def test_pictures_are_counted_and_have_no_price(client: Any, meter: Meter) -> None:
    read(client.invoke_model(modelId="amazon.titan-image-generator-v2:0", body=b"{}"))
    attributes = one_call(meter)
    assert (attributes[names.OPERATION], attributes[names.IMAGES]) == ("generate_content", 2)
    assert attributes[names.COST_REASON] == "unknown_model"


def test_a_reranking_is_told_by_its_tokens_and_has_no_price(client: Any, meter: Meter) -> None:
    read(client.invoke_model(modelId="cohere.rerank-v3-5:0", body=b"{}"))
    attributes = one_call(meter)
    assert (attributes[names.OPERATION], attributes[names.INPUT_TOKENS]) == ("generate_content", 20)
    assert attributes[names.COST_REASON] == "unknown_model"


@BOTH
def test_a_prompt_and_its_answer_are_captured_in_any_vendors_shape(
    streamed: bool, client: Any, meters: MeterFactory
) -> None:
    meter = meters(sellers={}, content="SPAN_ONLY")
    for vendor, model in MODELS.items():
        meter.clear()
        ask_invoke(client, streamed, model)
        attributes = one_call(meter)
        assert "Hello!" in attributes[names.INPUT_MESSAGES]
        said = json.loads(attributes[names.OUTPUT_MESSAGES])[0]["parts"][0]["content"]
        assert said and said in json.dumps(VENDORS[vendor]["body"])


def test_a_request_that_is_a_file_is_left_to_the_sdk(stub: StubServer, client: Any, meters: MeterFactory) -> None:
    meter = meters(sellers={}, content="SPAN_ONLY")
    sent = json.dumps({"prompt": "Hello!"}).encode()
    read(client.invoke_model(modelId=MODELS["meta.llama"], body=io.BytesIO(sent)))
    assert stub.requests[0].raw == sent
    assert names.INPUT_MESSAGES not in one_call(meter)


# --- streams ---------------------------------------------------------------------------------------------------------


def test_an_event_stream_stays_what_it_is(client: Any, meter: Meter) -> None:
    from botocore.eventstream import EventStream

    stream = client.converse_stream(**ASK)["stream"]
    assert isinstance(stream, EventStream)
    with pytest.raises(TypeError):
        next(stream)
    events = list(stream)
    genmeter.uninstrument()
    assert events == list(client.converse_stream(**ASK)["stream"])


@pytest.mark.parametrize("operation", ["converse_stream", "invoke_model_with_response_stream"])
@pytest.mark.parametrize("end", ["closed", "abandoned"])
def test_a_stream_that_is_left_is_a_cut_call(operation: str, end: str, client: Any, meter: Meter) -> None:
    """Converse counts in its last event alone; Claude's own events count the input in their first: 25 × 1.1 + 1 × 5.5."""
    asked = ASK if operation == "converse_stream" else {"modelId": HAIKU, "body": b"{}"}
    answered = getattr(client, operation)(**asked)
    stream = answered["stream" if operation == "converse_stream" else "body"]
    next(iter(stream))
    if end == "closed":
        stream.close()
    del stream, answered
    reaper.drain()
    attributes = one_call(meter)
    assert attributes[names.STREAM_CUT] == end
    if operation == "converse_stream":
        assert attributes[names.COST_REASON] == "no_usage"
    else:
        assert attributes[names.COST_STATUS] == "partial"
        assert attributes[names.COST_AMOUNT] == pytest.approx(33 * MICRO)


@pytest.mark.parametrize("operation", ["converse_stream", "invoke_model_with_response_stream"])
def test_an_exception_in_a_stream_is_told_by_its_code(
    operation: str, stub: StubServer, client: Any, meter: Meter
) -> None:
    from botocore.exceptions import EventStreamError

    asked, path, key = (
        (ASK, "/converse-stream", "stream")
        if operation == "converse_stream"
        else ({"modelId": HAIKU, "body": b"{}"}, "/invoke-with-response-stream", "body")
    )
    stub.script(path, Stream(error_after=2))
    with pytest.raises(EventStreamError):
        list(getattr(client, operation)(**asked)[key])
    assert one_call(meter)[names.ERROR_TYPE] == "ThrottlingException"


def test_a_connection_that_breaks_is_a_failed_call(stub: StubServer, client: Any, meter: Meter) -> None:
    stub.script("/converse-stream", Stream(cut_after=3))
    from urllib3.exceptions import ProtocolError

    with pytest.raises(ProtocolError):
        ask_converse(client, True)
    attributes = one_call(meter)
    assert attributes[names.ERROR_TYPE].endswith("ProtocolError") and attributes[names.COST_REASON] == "no_usage"


# --- errors ----------------------------------------------------------------------------------------------------------

ERRORS = {
    400: "ValidationException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


@BOTH
@pytest.mark.parametrize("status", ERRORS)
def test_an_error_is_told_by_its_code(status: int, streamed: bool, stub: StubServer, client: Any, meter: Meter) -> None:
    script(stub, streamed, Reply(status))
    with pytest.raises(client.exceptions.ClientError) as failed:
        ask_converse(client, streamed)
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    attributes = one_call(meter)
    assert attributes[names.ERROR_TYPE] == ERRORS[status] and names.COST_STATUS not in attributes


def test_an_error_without_a_code_is_told_by_its_status(stub: StubServer, client: Any, meter: Meter) -> None:
    """A gateway before AWS answers for itself."""
    for status in (413, 429, 502):
        meter.clear()
        stub.script("/converse", Reply(status, body="slow down", headers={"x-amzn-errortype": ""}))
        with pytest.raises(client.exceptions.ClientError):
            client.converse(**ASK)
        assert one_call(meter)[names.ERROR_TYPE] == str(status)


def test_retries_inside_the_sdk_are_one_call(stub: StubServer, meter: Meter) -> None:
    stub.script("/converse", Reply(429), Reply(503))
    answered = make(stub, attempts=3).converse(**ASK)
    assert answered["ResponseMetadata"]["RetryAttempts"] == 2 and len(stub.requests) == 3
    dollars(one_call(meter), 467.5)


def test_a_call_that_the_sdk_refuses_is_no_call(stub: StubServer, client: Any, meter: Meter) -> None:
    from botocore.exceptions import NoCredentialsError, ParamValidationError

    with pytest.raises(ParamValidationError):
        client.converse(modelId=3)
    keyless = boto3.Session().client(SERVICE, endpoint_url=stub.url, region_name="us-east-1")
    keyless._request_signer._credentials = None
    with pytest.raises(NoCredentialsError):
        keyless.converse(**ASK)
    assert (meter.all_spans, meter.total(names.CALLS_ACTIVE), stub.requests) == ([], 0, [])


def test_a_server_that_is_not_there_is_a_failed_call(stub: StubServer, client: Any, meter: Meter) -> None:
    from botocore.exceptions import EndpointConnectionError

    stub.stop()
    with pytest.raises(EndpointConnectionError):
        client.converse(**ASK)
    assert one_call(meter)[names.ERROR_TYPE] == "botocore.EndpointConnectionError"


# --- who sells, and what passes --------------------------------------------------------------------------------------

PLACES = {
    ("us-east-1", None): ("aws", "us-east-1"),
    ("eu-central-1", None): ("aws", "eu-central-1"),
    ("us-gov-west-1", None): ("aws", "us-gov-west-1"),
    ("eu-west-1", "https://vpce-1a2b.bedrock-runtime.eu-west-1.vpce.amazonaws.com"): ("aws", "eu-west-1"),
    ("ap-southeast-2", "http://localhost:4566"): ("aws", "ap-southeast-2"),
}


@pytest.mark.parametrize("place", PLACES)
def test_aws_sells_what_a_client_of_bedrock_asks_for_wherever_it_sends_it(place: tuple[str, str | None]) -> None:
    region, url = place
    client = boto3.client(SERVICE, endpoint_url=url, **{**KEYS, "region_name": region})
    server = server_of(SERVICE, NAME)(client)
    assert server is not None
    endpoint = Endpoints(Settings(), Catalogue.bundled()).find(BOTO3, server)
    assert (endpoint.seller.id, endpoint.seller.region) == PLACES[place]
    assert endpoint.seller.name == "aws.bedrock"


def test_an_endpoint_of_fips_tells_its_region() -> None:
    from botocore.config import Config

    client = boto3.client(SERVICE, config=Config(use_fips_endpoint=True), **{**KEYS, "region_name": "us-west-2"})
    server = server_of(SERVICE, NAME)(client)
    assert server is not None and "fips" in server.url
    assert Endpoints(Settings(), Catalogue.bundled()).find(BOTO3, server).seller == ("aws", "aws.bedrock", "us-west-2")


def test_the_users_own_word_on_a_server_wins(stub: StubServer, client: Any, meters: MeterFactory) -> None:
    meter = meters(sellers={stub.url.removeprefix("http://"): "openrouter"})
    client.converse(**ASK)
    assert one_call(meter)[names.PROVIDER] == "openrouter"


def test_operations_that_run_no_model_and_other_services_pass(stub: StubServer, client: Any, meter: Meter) -> None:
    client.apply_guardrail(
        guardrailIdentifier="g", guardrailVersion="1", source="INPUT", content=[{"text": {"text": "x"}}]
    )
    with pytest.raises(Exception, match="404"):
        make(stub, "s3").list_buckets()
    assert len(stub.requests) == 2 and meter.all_spans == []


def test_a_client_made_before_is_metered_and_the_sdk_gets_back_its_own(client: Any, meters: MeterFactory) -> None:
    from botocore.client import BaseClient

    before = BaseClient.__dict__["_make_api_call"]
    bound = client.converse
    meter = meters(sellers={})
    bound(**ASK)
    dollars(one_call(meter), 467.5)
    genmeter.uninstrument()
    assert BaseClient.__dict__["_make_api_call"] is before
    meter.clear()
    bound(**ASK)
    assert meter.all_spans == []


def test_a_call_by_names_is_a_call(client: Any, meter: Meter) -> None:
    client._make_api_call(operation_name="Converse", api_params=ASK)
    dollars(one_call(meter), 467.5)


def test_an_answer_that_a_stubber_gives_is_billed_and_left_as_it_is(client: Any, meter: Meter) -> None:
    """Tests of apps give their answers by botocore's own stubber, with bodies of other classes."""
    from botocore.response import StreamingBody
    from botocore.stub import Stubber

    data = json.dumps(VENDORS["meta.llama"]["body"]).encode()

    class Own(wrapt.ObjectProxy):
        """As the bodies of aiobotocore 2: a proxy that is made in another way than ours."""

        def __init__(self, raw: Any, length: int) -> None:
            super().__init__(raw)

    with Stubber(client) as stubber:
        for body in (StreamingBody(io.BytesIO(data), len(data)), io.BytesIO(data), Own(io.BytesIO(data), len(data))):
            stubber.add_response("invoke_model", {"body": body, "contentType": "application/json"})
            assert read(client.invoke_model(modelId=MODELS["meta.llama"], body=b"{}"))["generation_token_count"] == 7
    assert [span.attributes[names.OUTPUT_TOKENS] for span in meter.spans] == [7, 7, 7]
    assert dict(guard.failures) == {}


# --- beside another instrumentation ----------------------------------------------------------------------------------


def wrapper_of(module: str, around: Callable[..., Any]) -> Callable[..., Any]:
    """A wrapper that is written in another tool's module."""
    space: dict[str, Any] = {"__name__": module, "around": around}
    exec("def wrapper(wrapped, instance, args, kwargs):\n    return around(wrapped, instance, args, kwargs)", space)
    return space["wrapper"]


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize(("model", "theirs"), [(HAIKU, "chat"), (EMBED, "text_completion"), (EMBED, "chat")])
def test_a_span_around_the_very_method_gets_the_bill_whatever_it_calls_the_operation(
    model: str, theirs: str, order: str, stub: StubServer, client: Any, meters: MeterFactory, monkeypatch: Any
) -> None:
    """OpenTelemetry's own instrumentation of botocore calls embeddings a text completion, or a chat."""
    from botocore.client import BaseClient

    held: list[Meter] = []

    def around(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        tracer = held[0].tracer_provider.get_tracer("opentelemetry.instrumentation.botocore.bedrock-runtime")
        said = {names.OPERATION: theirs, names.REQUEST_MODEL: args[1]["modelId"]}
        with tracer.start_as_current_span("theirs", kind=SpanKind.CLIENT, attributes=said):
            return wrapped(*args, **kwargs)

    def put_on() -> None:
        wrapper = wrapper_of("opentelemetry.instrumentation.botocore", around)
        made = wrapt.FunctionWrapper(BaseClient.__dict__["_make_api_call"], wrapper)
        monkeypatch.setattr(BaseClient, "_make_api_call", made)

    if order == "before":
        put_on()
    held.append(meters(sellers={}))
    if order == "after":
        put_on()
    client.converse(modelId=model, messages=HELLO) if model == HAIKU else client.invoke_model(modelId=model, body=b"{}")
    reaper.drain()
    (event,) = held[0].events()
    owned = [span for span in held[0].all_spans if span.attributes.get(names.COST_STATUS) == "priced"]
    assert len(owned) == 1 and event.attributes[names.COST_STATUS] == "priced"
    assert (event.trace_id, event.span_id) == (owned[0].context.trace_id, owned[0].context.span_id)
    others = [span for span in held[0].all_spans if span is not owned[0]]
    assert all(span.attributes.get(names.COST_STATUS) == "elsewhere" for span in others)


def test_a_tool_that_wraps_each_new_client_keeps_its_calls(
    client: Any, meters: MeterFactory, monkeypatch: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """OpenInference and OpenLLMetry wrap what makes clients: their span may never be the current one."""
    from botocore.client import ClientCreator

    coexist._said.clear()
    wrapper = wrapper_of(
        "openinference.instrumentation.bedrock", lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs)
    )
    made = wrapt.FunctionWrapper(ClientCreator.__dict__["create_client"], wrapper)
    monkeypatch.setattr(ClientCreator, "create_client", made)
    meter = meters(sellers={})
    client.converse(**ASK)
    assert meter.all_spans == [] and meter.events() == []
    assert "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=bedrock" in caplog.text
