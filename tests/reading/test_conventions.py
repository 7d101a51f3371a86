"""Whoever wrote the span, in whichever convention, the same call costs the same."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from genmeter import names
from genmeter.model import Cost
from genmeter.reading import Recorded, conventions
from genmeter.reading.conventions import BUNDLED, Conventions, Counted, Told
from genmeter.settings import Settings
from tests.recordings.calls import CALLS
from tests.recordings.emitters import EMITTERS
from tests.recordings.stored import NAMES, Record, recording

CALL_NAMES = {call.name: call for call in CALLS}
BILLED = [
    pytest.param(record, id=f"{name}-{record.expect['call']}") for name in NAMES for record in recording(name).billed
]
PRICED = [
    pytest.param(record, id=f"{name}-{record.expect['call']}")
    for name in NAMES
    for record in recording(name).billed
    if record.expect["total"] is not None
]
STEPS = [
    pytest.param(record, id=f"{name}-{record.span_id}")
    for name in NAMES
    for record in recording(name).records
    if record.expect["call"] == "step"
]
NOON = 1_795_176_000.0
OPENLIT = "openlit.instrumentation.anthropic"
CLAUDE: dict[str, object] = {"gen_ai.provider.name": "anthropic", "gen_ai.request.model": "claude-sonnet-4-5"}


@pytest.fixture(scope="module")
def prices() -> Recorded:
    return Recorded(Settings())


@pytest.fixture(scope="module")
def table() -> Conventions:
    return conventions.bundled()


def changed(**parts: Any) -> Conventions:
    return Conventions(json.loads(BUNDLED.read_bytes()) | parts)


# --- the recordings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("record", BILLED)
def test_a_recorded_call_costs_what_was_worked_out_by_hand(prices: Recorded, record: Record) -> None:
    verdict = prices.price(record.attributes, record.at, record.scope, record.version)
    if isinstance(verdict, Cost):
        assert (verdict.total, None) == (record.expect["total"], record.expect["reason"])
    else:
        assert (None, verdict.reason) == (record.expect["total"], record.expect["reason"]), verdict.detail


@pytest.mark.parametrize("record", BILLED)
def test_a_recorded_call_is_a_billed_operation(table: Conventions, record: Record) -> None:
    assert table.operation(record.attributes) in names.BILLED_OPERATIONS


@pytest.mark.parametrize("record", STEPS)
def test_a_step_around_the_calls_is_none_that_bills(table: Conventions, record: Record) -> None:
    assert table.operation(record.attributes) not in names.BILLED_OPERATIONS


@pytest.mark.parametrize("name", NAMES)
def test_what_is_expected_is_the_bill_of_the_call_and_its_exceptions_are_stated(name: str) -> None:
    """A recording cannot make its own expectation: the totals are those of ``tests/recordings/calls.py``."""
    miscounts = EMITTERS[name].miscounts if name in EMITTERS else {}
    found = {record.expect["call"]: record.expect["total"] for record in recording(name).billed}
    wanted = {call: miscounts[call][0] if call in miscounts else CALL_NAMES[call].total for call in found}
    assert found == wanted
    assert len(found) >= 4


def test_only_the_stated_miscount_departs_from_the_bill() -> None:
    assert {name: list(emitter.miscounts) for name, emitter in EMITTERS.items() if emitter.miscounts} == {
        "openllmetry": ["message streamed"]
    }


@pytest.mark.parametrize("record", PRICED)
def test_the_arithmetic_adds_up(record: Record) -> None:
    """Dollars per million tokens are micro-dollars per token, and a micro-dollar is 10**6 pico."""
    found = re.findall(
        r"([\d,]+) (?:input|output|cached|read|written)[^×;]*× \$([\d.]+) / 1M", record.expect["arithmetic"]
    )
    terms = [int(count.replace(",", "")) * round(float(price) * 10**6) for count, price in found]
    assert sum(terms) == record.expect["total"]


# --- what is read --------------------------------------------------------------------------------------------------


def test_every_field_has_its_current_name_first(table: Conventions) -> None:
    assert {field: table.fields[field][0] for field in names.USAGE_TOKENS} == names.USAGE_TOKENS
    first = {
        "operation": names.OPERATION, "provider": names.PROVIDER, "request_model": names.REQUEST_MODEL,
        "response_model": names.RESPONSE_MODEL, "response_id": names.RESPONSE_ID, "service_tier": names.SERVICE_TIER,
        "region": names.REGION, "batch": names.BATCH, "cut": names.STREAM_CUT, "address": names.SERVER_ADDRESS,
        "port": names.SERVER_PORT, "cost": names.COST_AMOUNT, "base_url": "gen_ai.openai.api_base",
        "total": "gen_ai.usage.total_tokens", "cache_hit": "litellm.cache_hit",
        "unread": "langfuse.observation.usage_details",
    }  # fmt: skip
    assert {field: found[0] for field, found in table.fields.items() if field not in names.USAGE_TOKENS} == first


def test_no_spelling_stands_for_two_facts(table: Conventions) -> None:
    every = [name for found in table.fields.values() for name in found]
    assert sorted(set(every)) == sorted(every)


def test_the_first_spelling_present_wins(table: Conventions) -> None:
    both = {"llm.model_name": "older", "gen_ai.request.model": "current", "llm.token_count.prompt": 7}
    assert table.text(both, "request_model") == "current"
    assert table.count({"gen_ai.usage.input_tokens": 0, **both}, "input") == 0


@pytest.mark.parametrize("nothing", ["", None, "none", "NONE"])
def test_a_text_that_says_nothing_is_not_there(table: Conventions, nothing: str | None) -> None:
    given = {"gen_ai.response.model": nothing, "llm.response.model_name": "gpt-4o"}
    assert table.text(given, "response_model") == "gpt-4o"


@pytest.mark.parametrize("written", [1000, 1000.0, "1000"])
def test_a_count_may_be_a_whole_float_or_decimal_text(table: Conventions, written: object) -> None:
    assert table.count({"gen_ai.usage.prompt_tokens": written}, "input") == 1000


@pytest.mark.parametrize("written", ["many", "1e3", "١٢", 1.5, True, [], "9" * 20, float("inf")])
def test_a_count_that_is_none_is_named(prices: Recorded, table: Conventions, written: object) -> None:
    with pytest.raises(ValueError, match="llm.token_count.prompt is .*; it must be a whole number"):
        table.count({"llm.token_count.prompt": written}, "input")
    verdict = prices.price({**CLAUDE, "llm.token_count.prompt": written}, NOON)
    assert not isinstance(verdict, Cost)
    assert verdict.reason == "invalid_usage"


@pytest.mark.parametrize(
    ("attributes", "operation"),
    [
        ({"gen_ai.operation.name": "chat"}, "chat"),
        ({"gen_ai.operation.name": "Embedding"}, "embeddings"),
        ({"gen_ai.operation.name": "moderation"}, "moderation"),
        ({"gen_ai.operation.name": "framework"}, "invoke_workflow"),
        ({"gen_ai.operation.name": "invoke_agent", "openinference.span.kind": "LLM"}, "invoke_agent"),
        ({"llm.request.type": "completion"}, "text_completion"),
        ({"llm.request.type": "chat"}, "chat"),
        ({"llm.request.type": "rerank"}, None),
        ({"openinference.span.kind": "LLM"}, "chat"),
        ({"openinference.span.kind": "EMBEDDING"}, "embeddings"),
        ({"ai.operationId": "ai.streamText.doStream"}, "chat"),
        ({"ai.operationId": "ai.streamText"}, None),
        ({"ai.operationId": "ai.toolCall"}, None),
        ({"traceloop.span.kind": "workflow"}, None),
        ({"traceloop.span.kind": "agent", "traceloop.entity.name": "chat"}, None),
        ({"gen_ai.operation.name": 7}, None),
        ({"http.request.method": "POST"}, None),
    ],
)
def test_what_was_done_is_read_in_every_convention(
    table: Conventions, attributes: dict[str, object], operation: str | None
) -> None:
    assert table.operation(attributes) == operation


@pytest.mark.parametrize(
    "kind",
    ["TOOL", "CHAIN", "RETRIEVER", "AGENT", "RERANKER", "UNKNOWN", "GUARDRAIL", "EVALUATOR", "PROMPT", "DECISION"],
)
def test_a_kind_of_span_that_calls_no_model_is_no_call(table: Conventions, kind: str) -> None:
    """All of OpenInference's kinds (semantic conventions 0.1.42), without LLM and EMBEDDING."""
    assert table.operation({"openinference.span.kind": kind, "llm.token_count.prompt": 10}) is None


def test_the_base_url_says_who_bills_where_no_address_does(prices: Recorded) -> None:
    call = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "deepseek-chat"}
    there = prices.ask({**call, "gen_ai.openai.api_base": "https://api.deepseek.com/v1/"}, NOON)
    nobody = prices.ask({**call, "gen_ai.openai.api_base": "https://gateway.example:8443/v1/"}, NOON)
    both = prices.ask(
        {**call, "server.address": "api.openai.com", "gen_ai.openai.api_base": "https://api.deepseek.com"}, NOON
    )
    assert [one.seller and one.seller.id for one in (there, nobody, both)] == ["deepseek", None, "openai"]


def test_the_path_of_a_base_url_tells_apart_who_shares_a_host() -> None:
    settings = Settings(sellers={"gateway.example/team-a": "openai", "gateway.example/team-b": "groq"})
    call = {"gen_ai.provider.name": "openai", "gen_ai.openai.api_base": "https://gateway.example/team-b/v1"}
    seller = Recorded(settings).ask(call, NOON).seller
    assert seller is not None
    assert seller.id == "groq"


@pytest.mark.parametrize(
    "said",
    [
        {"gen_ai.openai.api_base": "https://x:port/"}, {"server.port": "https"}, {"server.port": [443]},
        {"gen_ai.response.model": ["claude-sonnet-4-5"]}, {"server.address": 7}, {"gen_ai.usage.reasoning_tokens": "n/a"},
    ],
)  # fmt: skip
def test_an_attribute_that_is_garbage_costs_nothing_but_itself(prices: Recorded, said: dict[str, object]) -> None:
    verdict = prices.price({**CLAUDE, **COUNTS, **said}, NOON)
    assert isinstance(verdict, Cost)
    assert (verdict.total, verdict.partial) == (WITHIN, False)


def test_a_part_that_is_garbage_leaves_the_bill_partial_by_its_name(prices: Recorded) -> None:
    asked = prices.ask({**CLAUDE, **COUNTS, "gen_ai.usage.audio.input_tokens": "n/a"}, NOON)
    assert asked.uncounted == (("gen_ai.usage.audio.input_tokens", 0),)
    verdict = prices.answer(asked)
    assert isinstance(verdict, Cost)
    assert (verdict.total, verdict.partial) == (WITHIN, True)


def test_the_parts_are_those_of_the_units() -> None:
    units = json.loads((BUNDLED.parents[2] / "pricing/data/units.json").read_bytes())["units"]
    parts = [unit["name"] for unit in units if unit["parents"] and "column" in unit]
    assert json.loads(BUNDLED.read_bytes())["parts"] == parts


@pytest.mark.parametrize(
    "address",
    ["https://api.openai.com/v1/chat/completions", "api.openai.com/", "HTTPS://API.OPENAI.COM", "API.OpenAI.com:443"],
)
def test_an_address_names_its_server_however_it_is_written(prices: Recorded, address: str) -> None:
    seller = prices.ask({"gen_ai.provider.name": "openai", "server.address": address}, NOON).seller
    assert seller is not None
    assert seller.id == "openai"


# --- what an input count means -------------------------------------------------------------------------------------

# 5,000 input × $3.00 + 2,000 read × $0.30 + 1,000 written × $3.75 a million, with all or none of the cache in the input
APART, WITHIN = 19_350_000_000, 10_350_000_000
COUNTS = {
    "gen_ai.usage.input_tokens": 5000,
    "gen_ai.usage.output_tokens": 0,
    "gen_ai.usage.cache_read.input_tokens": 2000,
    "gen_ai.usage.cache_creation.input_tokens": 1000,
}


def total(prices: Recorded, attributes: dict[str, object], scope: str = "", version: str = "") -> int:
    verdict = prices.price(attributes, NOON, scope, version)
    assert isinstance(verdict, Cost)
    return verdict.total


def test_what_an_input_count_means_depends_on_who_wrote_it_and_not_on_the_model(prices: Recorded) -> None:
    assert total(prices, {**CLAUDE, **COUNTS}, OPENLIT) == APART
    assert total(prices, {**CLAUDE, **COUNTS}, "openlit.instrumentation.openai") == WITHIN
    assert total(prices, {**CLAUDE, **COUNTS}) == WITHIN


def test_an_exclusive_emitter_is_so_for_the_sellers_that_it_passes_on(prices: Recorded) -> None:
    """gpt-4o: 5,000 - 2,000 = 3,000 input × $2.50 + 2,000 cached × $1.25 a million."""
    call = {"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", **COUNTS}
    call["gen_ai.usage.cache_creation.input_tokens"] = 0
    assert total(prices, call, OPENLIT) == 10_000_000_000


def test_an_attribute_can_say_that_the_count_is_whole_after_all(prices: Recorded) -> None:
    """The Vercel AI SDK: 6 writes the details, 5 does not."""
    assert total(prices, {**CLAUDE, **COUNTS}, "ai") == APART
    assert total(prices, {**CLAUDE, **COUNTS, "ai.usage.inputTokenDetails.cacheReadTokens": 2000}, "ai") == WITHIN


@pytest.mark.parametrize(
    ("version", "apart"),
    [("0.9.9", True), ("0.10.0", False), ("0.10.0rc1", False), ("0.11", False), ("0.9.12b3", True), ("", False)],
)
def test_a_version_bound_ends_where_the_emitter_was_mended(version: str, apart: bool) -> None:
    row = {"name": "made up", "input": "exclusive", "source": "-", "read": "-"}
    bound = [{**row, "scope": "x", "sellers": ["anthropic"], "before": "0.10"}]
    told = changed(emitters=bound).told({}, "x", version, lambda: "anthropic", Counted(10, 5, 0, 0))
    assert told == Told(cache=5 if apart else 0, assumed=not apart)


def test_an_earlier_hop_may_have_found_the_count_to_be_exclusive(prices: Recorded) -> None:
    """The collector flags what it repaired and leaves the counts as they came."""
    assert total(prices, {**CLAUDE, **COUNTS, "genmeter.usage.repaired": True}) == APART
    assert total(prices, {**CLAUDE, **COUNTS, "genmeter.usage.repaired": True}, OPENLIT) == APART
    assert total(prices, {**CLAUDE, **COUNTS, "genmeter.usage.repaired": False}) == WITHIN


def test_more_cache_than_input_proves_an_exclusive_count_where_the_seller_counts_so(prices: Recorded) -> None:
    more = {**COUNTS, "gen_ai.usage.input_tokens": 2999}
    asked = prices.ask({**CLAUDE, **more}, NOON)
    assert asked.question.usage is not None
    assert (asked.repaired, asked.question.usage.input) == (True, 5999)
    assert not prices.ask({**CLAUDE, **COUNTS, "gen_ai.usage.input_tokens": 3000}, NOON).repaired
    assert not prices.ask({"gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o", **more}, NOON).repaired


def test_every_emitter_says_where_and_when_it_was_read(table: Conventions) -> None:
    for row in table.emitters.rows:
        assert len(row.source) > 20, row.name
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", row.read), row.name


def test_cache_counts_of_an_emitter_that_is_not_in_the_table_are_marked(prices: Recorded) -> None:
    assert prices.ask({**CLAUDE, **COUNTS}, NOON, "acme.sdk").assumed
    assert not prices.ask({**CLAUDE, **COUNTS}, NOON, "@arizeai/openinference-instrumentation-anthropic").assumed
    assert not prices.ask({**CLAUDE, "gen_ai.usage.input_tokens": 5}, NOON, "acme.sdk").assumed


def test_a_total_of_all_three_counts_proves_an_exclusive_count(prices: Recorded) -> None:
    assert total(prices, {**CLAUDE, **COUNTS, "gen_ai.usage.total_tokens": 8000}, "acme.sdk") == APART
    assert total(prices, {**CLAUDE, **COUNTS, "gen_ai.usage.total_tokens": 5000}, "acme.sdk") == WITHIN


def test_thoughts_that_stand_in_the_total_alone_are_billed_as_output(prices: Recorded) -> None:
    """gemini-2.5-pro: 10,000 input × $1.25 + (500 + 2,000) output × $10.00 a million."""
    call = {
        "gen_ai.provider.name": "gcp.gemini", "gen_ai.request.model": "gemini-2.5-pro", "gen_ai.usage.input_tokens": 10_000,
        "gen_ai.usage.output_tokens": 500, "gen_ai.usage.total_tokens": 12_500,
    }  # fmt: skip
    assert total(prices, call) == 37_500_000_000
    assert total(prices, {**call, "gen_ai.usage.total_tokens": 10_500}) == 17_500_000_000


def test_tokens_in_the_total_of_another_seller_leave_the_bill_partial(prices: Recorded) -> None:
    asked = prices.ask({**CLAUDE, **COUNTS, "gen_ai.usage.total_tokens": 5700}, NOON, "acme.sdk")
    assert asked.uncounted == (("gen_ai.usage.total_tokens", 700),)


def test_a_table_of_another_schema_is_refused() -> None:
    with pytest.raises(ValueError, match="reads conventions of schema 1, not 2"):
        changed(schema=2)


# --- words for sellers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "seller"),
    [
        # OpenInference: llm.provider and llm.system (semantic conventions 0.1.42)
        ("openai", "openai"), ("anthropic", "anthropic"), ("cohere", "cohere"), ("mistralai", "mistral"),
        ("google", "google"), ("azure", "azure"), ("aws", "aws"), ("xai", "x-ai"), ("deepseek", "deepseek"),
        ("groq", "groq"), ("fireworks", "fireworks"), ("moonshot", "moonshotai"), ("cerebras", "cerebras"),
        ("perplexity", "perplexity"), ("together", "together"), ("zai", "zai"), ("minimax", "minimax"),
        ("vertexai", "vertex"), ("meta", "meta"),
        # OpenLLMetry (semantic conventions 0.5.1), and its older spellings with capitals
        ("OpenAI Anthropic", "openai anthropic"), ("mistral_ai", "mistral"), ("together_ai", "together"),
        ("ibm.watsonx.ai", "ibm-watsonx"), ("az.ai.openai", "azure"), ("aws.bedrock", "aws"), ("gcp.gen_ai", "google"),
        # Spring AI: AiProvider
        ("azure-openai", "azure"), ("bedrock_converse", "aws"), ("google_genai", "google"), ("vertex_ai", "vertex"),
        # the Vercel AI SDK: ai.model.provider
        ("openai.chat openai.responses", "openai openai"), ("anthropic.messages", "anthropic"),
        ("google.generative-ai", "google"), ("google.vertex.chat", "vertex"), ("amazon-bedrock", "aws"),
    ],
)  # fmt: skip
def test_every_convention_has_its_words_for_sellers(prices: Recorded, words: str, seller: str) -> None:
    found = [prices.catalogue.named(word) for word in words.split()]
    assert [one and one.id for one in found] == seller.split()


@pytest.mark.parametrize("word", ["llama_cpp", "spring_ai", "oracle", "langchain", "gateway", "crewai"])
def test_what_sells_nothing_is_no_seller(prices: Recorded, word: str) -> None:
    assert prices.catalogue.named(word) is None
