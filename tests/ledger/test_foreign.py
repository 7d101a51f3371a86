"""Spans and events of other instrumentations are booked as our own are: once, with their money to the last digit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from genmeter.ledger import Call, Encoding, Ledger
from genmeter.reading import Recorded
from genmeter.reports import calls, spend
from genmeter.settings import Settings
from tests.ledger.otlp import Attribute, details, span, traces
from tests.ledger.stores import APART as STORES
from tests.ledger.stores import place
from tests.recordings.stored import NAMES, recording

CLAUDE: dict[str, Attribute] = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "claude-sonnet-4-5"}
MISCOUNTED = ("openllmetry", "message streamed")


@pytest.fixture(params=STORES)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(place(request.param, tmp_path), price=Recorded(Settings()).price) as opened:
        yield opened


def booked(ledger: Ledger) -> dict[str, Call]:
    return {call.span_id: call for call in calls(ledger)}


def only(ledger: Ledger) -> Call:
    (call,) = calls(ledger)
    return call


def used(call: Call) -> tuple[int | None, ...]:
    """Input, output, cache read and cache write, as booked."""
    return call.usage[:4]


def told(usage: Mapping[str, Any]) -> tuple[int | None, ...]:
    """The same out of the provider's body: Anthropic's input leaves the cache out, OpenAI's contains it."""
    if not usage:
        return None, None, None, None
    if "prompt_tokens" in usage:
        cached = usage.get("prompt_tokens_details", {}).get("cached_tokens", 0)
        return usage["prompt_tokens"], usage.get("completion_tokens"), cached, 0
    if "input_tokens_details" in usage:
        return usage["input_tokens"], usage["output_tokens"], usage["input_tokens_details"]["cached_tokens"], 0
    read, written = usage.get("cache_read_input_tokens", 0), usage.get("cache_creation_input_tokens", 0)
    return usage["input_tokens"] + read + written, usage["output_tokens"], read, written


def same(counts: tuple[int | None, ...], wanted: tuple[int | None, ...]) -> bool:
    """A part that the provider gave as 0 is left out by some."""
    return all(one == other or {one, other} <= {0, None} for one, other in zip(counts, wanted, strict=True))


# --- the recordings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_call_is_booked_with_the_cost_worked_out_by_hand(ledger: Ledger, name: str) -> None:
    stored = recording(name)
    ledger.book_traces(stored.traces, Encoding.JSON)
    found = {span_id: call.cost_pico for span_id, call in booked(ledger).items()}
    assert found == {record.span_id: record.expect["total"] for record in stored.billed}


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_call_is_booked_with_what_the_provider_counted(ledger: Ledger, name: str) -> None:
    stored = recording(name)
    ledger.book_traces(stored.traces, Encoding.JSON)
    for record in stored.billed:
        if (name, record.expect["call"]) != MISCOUNTED:
            call = booked(ledger)[record.span_id]
            assert same(used(call), told(record.expect["usage"])), (record.expect["call"], used(call))


@pytest.mark.parametrize("name", NAMES)
def test_every_recorded_call_names_who_sold_what(ledger: Ledger, name: str) -> None:
    stored = recording(name)
    ledger.book_traces(stored.traces, Encoding.JSON)
    for record in stored.billed:
        call = booked(ledger)[record.span_id]
        answered = record.expect["total"] is not None
        vendor, model = ("anthropic", "claude-") if record.expect["call"].startswith("message") else ("openai", "")
        assert call.provider == vendor
        assert (call.model or "").startswith(model)
        assert bool(call.model) or not answered
        assert call.operation == ("embeddings" if record.expect["call"] == "embeddings" else "chat")


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_call_is_an_error_without_money_and_not_unpriced(ledger: Ledger, name: str) -> None:
    stored = recording(name)
    ledger.book_traces(stored.traces, Encoding.JSON)
    refused = [booked(ledger)[record.span_id] for record in stored.billed if record.expect["total"] is None]
    assert [(call.cost_status, bool(call.error_type)) for call in refused] == [(None, True)] * len(refused)
    assert refused or name in ("anthropic", "javascript_vercel_ai")


Book = Callable[[Ledger, str], None]


def spans_first(ledger: Ledger, name: str) -> None:
    ledger.book_traces(recording(name).traces, Encoding.JSON)
    ledger.book_logs(recording(name).logs, Encoding.JSON)


def events_first(ledger: Ledger, name: str) -> None:
    ledger.book_logs(recording(name).logs, Encoding.JSON)
    ledger.book_traces(recording(name).traces, Encoding.JSON)


@pytest.mark.parametrize("book", [spans_first, events_first])
@pytest.mark.parametrize("name", ["genmeter", "genmeter_unpriced", "official", "openlit"])
def test_spans_and_events_of_the_same_calls_are_billed_once(ledger: Ledger, name: str, book: Book) -> None:
    """OpenLIT hangs the events of streams on the span around them, so its twins are set aside instead of merged."""
    assert json.loads(recording(name).logs)["resourceLogs"], "without events this would prove nothing"
    book(ledger, name)
    book(ledger, name)
    wanted = sum(record.expect["total"] or 0 for record in recording(name).billed)
    assert sum(row.cost.get("USD", 0) for row in spend(ledger)) == wanted
    assert name == "openlit" or ledger.store.quarantine_counts(None) == {}


@pytest.mark.parametrize("name", ["genmeter", "official"])
def test_the_event_of_a_call_merges_with_its_span(ledger: Ledger, name: str) -> None:
    spans_first(ledger, name)
    both = [call for call in calls(ledger) if call.signals == 3]
    embedded = [call for call in calls(ledger) if call.operation == "embeddings"]
    # the official instrumentation writes no event for embeddings
    assert len(both) == len(calls(ledger)) - (len(embedded) if name == "official" else 0)


# --- what another instrumentation says of money --------------------------------------------------------------------

FOREIGN: dict[str, Attribute] = {
    "llm.request.type": "chat",
    "gen_ai.system": "OpenAI",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.prompt_tokens": 1000,
    "gen_ai.usage.completion_tokens": 100,
}
"""$0.0035 at our prices, as in the recordings."""


@pytest.mark.parametrize("spelling", ["gen_ai.usage.cost", "llm.cost.total", "operation.cost"])
def test_an_amount_of_another_instrumentation_is_kept_and_marked_as_its_own(ledger: Ledger, spelling: str) -> None:
    ledger.book_traces(traces(span(1, {**FOREIGN, spelling: 0.25})))
    call = only(ledger)
    assert (call.cost_pico, call.currency, call.cost_source) == (250_000_000_000, "USD", "emitter")
    assert (call.cost_status, call.cost_entry) == ("priced", None)


@pytest.mark.parametrize("amount", [0, 0.0, -1.0, float("nan"), "free"])
def test_an_amount_that_says_nothing_is_worked_out_here(ledger: Ledger, amount: Attribute) -> None:
    """OpenLIT writes 0 for every model that its price list lacks."""
    ledger.book_traces(traces(span(1, {**FOREIGN, "gen_ai.usage.cost": amount})))
    assert (only(ledger).cost_pico, only(ledger).cost_source) == (3_500_000_000, "local")


def test_our_own_amount_goes_before_another_beside_it(ledger: Ledger) -> None:
    priced: dict[str, Attribute] = {"genmeter.cost.total": 0.0, "genmeter.cost.status": "priced"}
    ledger.book_traces(traces(span(1, {**FOREIGN, **priced, "llm.cost.total": 0.25})))
    assert (only(ledger).cost_pico, only(ledger).cost_source) == (0, None)


def test_what_was_refused_on_the_way_stays_refused(ledger: Ledger) -> None:
    refused: dict[str, Attribute] = {"genmeter.cost.status": "unpriced", "genmeter.cost.reason": "unknown_model"}
    ledger.book_traces(traces(span(1, {**FOREIGN, **refused})))
    assert (only(ledger).cost_pico, only(ledger).cost_reason) == (None, "unknown_model")


# --- what it says of tokens ----------------------------------------------------------------------------------------

# 8,000 input of which 2,000 were read from the cache and 1,000 written, in a count that leaves the cache out
APART: dict[str, Attribute] = {
    **CLAUDE,
    "gen_ai.provider.name": "anthropic",
    "gen_ai.usage.input_tokens": 5000,
    "gen_ai.usage.output_tokens": 150,
    "gen_ai.usage.cache_read.input_tokens": 2000,
    "gen_ai.usage.cache_creation.input_tokens": 1000,
}


def test_a_repair_on_the_way_and_a_repair_here_end_in_the_same_usage_and_cost() -> None:
    """The collector prices, flags and leaves the counts as they came; $0.0216 is worked out in the recordings."""
    direct = traces(span(1, APART))
    direct.resource_spans[0].scope_spans[0].scope.name = "openlit.instrumentation.anthropic"
    repaired: dict[str, Attribute] = {
        "genmeter.usage.repaired": True,
        "gen_ai.usage.cost.amount": 0.0216,
        "gen_ai.usage.cost.currency": "USD",
        "gen_ai.usage.cost.source": "collector",
        "genmeter.cost.status": "priced",
    }
    through = traces(span(1, {**APART, **repaired}))
    ends: list[tuple[Any, ...]] = []
    for request in (direct, through):
        with Ledger.open(price=Recorded(Settings()).price) as ledger:
            ledger.book_traces(request)
            ends.append((used(only(ledger)), only(ledger).cost_pico))
    assert ends == [((8000, 150, 2000, 1000), 21_600_000_000)] * 2


def test_a_repair_is_made_once_where_flag_and_emitter_both_call_for_it(ledger: Ledger) -> None:
    request = traces(span(1, {**APART, "genmeter.usage.repaired": True}))
    request.resource_spans[0].scope_spans[0].scope.name = "openlit.instrumentation.anthropic"
    ledger.book_traces(request)
    assert (used(only(ledger)), only(ledger).cost_pico) == ((8000, 150, 2000, 1000), 21_600_000_000)


def test_a_count_from_behind_a_gateway_is_repaired_though_nobody_knows_who_bills(ledger: Ledger) -> None:
    request = traces(span(1, {**APART, "server.address": "gateway.example"}))
    request.resource_spans[0].scope_spans[0].scope.name = "openlit.instrumentation.anthropic"
    ledger.book_traces(request)
    assert (used(only(ledger))[0], only(ledger).cost_reason) == (8000, "unknown_provider")


def test_java_writes_numbers_as_text_and_they_are_counted(ledger: Ledger) -> None:
    as_text: dict[str, Attribute] = {**FOREIGN, "gen_ai.usage.prompt_tokens": "1000"}
    ledger.book_traces(traces(span(1, as_text)))
    assert (used(only(ledger))[:2], only(ledger).cost_pico) == ((1000, 100), 3_500_000_000)


def test_a_count_that_is_none_costs_the_batch_nothing(ledger: Ledger) -> None:
    strange: dict[str, Attribute] = {**FOREIGN, "gen_ai.usage.prompt_tokens": "many", "server.address": 7}
    ledger.book_traces(traces(span(1, strange), span(2, FOREIGN)))
    first, second = booked(ledger)["0" * 15 + "1"], booked(ledger)["0" * 15 + "2"]
    assert (first.cost_status, first.cost_reason, used(first)[:2]) == ("unpriced", "invalid_usage", (None, 100))
    assert second.cost_pico == 3_500_000_000


# --- who is a call, and whose --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "provider"),
    [
        ({"gen_ai.system": "VertexAI"}, "gcp.vertex_ai"),
        ({"gen_ai.system": "openai", "server.address": "api.deepseek.com"}, "deepseek"),
        ({"gen_ai.system": "acme"}, "acme"),
        ({"gen_ai.system": "openai", "server.address": "gateway.example"}, "openai"),
        ({"server.address": "api.anthropic.com"}, "anthropic"),
        ({"gen_ai.openai.api_base": "https://api.groq.com/openai/v1"}, "groq"),
        ({"server.address": "gateway.example"}, "gateway.example"),
        ({"gen_ai.provider.name": "openai", "server.address": "api.deepseek.com"}, "openai"),
    ],
)
def test_a_call_is_booked_under_its_seller(ledger: Ledger, asked: dict[str, Attribute], provider: str) -> None:
    ledger.book_traces(traces(span(1, {**CLAUDE, **asked})))
    assert only(ledger).provider == provider


def test_a_call_that_names_nobody_has_no_price_here_as_in_the_collector(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, {**CLAUDE, "gen_ai.system": "", "server.address": ""}), span(2, CLAUDE)))
    found = [(call.provider, call.cost_status, call.cost_reason) for call in calls(ledger)]
    assert found == [("unknown", "unpriced", "no_usage")] * 2


@pytest.mark.parametrize(
    "step",
    [
        {"openinference.span.kind": "CHAIN", "llm.token_count.prompt": 1000},
        {"openinference.span.kind": "AGENT", "llm.token_count.prompt": 1000, "llm.cost.total": 1.0},
        {"traceloop.span.kind": "workflow", "gen_ai.usage.prompt_tokens": 1000},
        {"llm.request.type": "rerank", "gen_ai.usage.prompt_tokens": 1000},
        {"ai.operationId": "ai.generateText", "ai.usage.inputTokens": 1000},
        {"gen_ai.operation.name": "framework", "gen_ai.usage.input_tokens": "1000"},
    ],
)
def test_a_step_that_repeats_its_childrens_tokens_is_no_call(ledger: Ledger, step: dict[str, Attribute]) -> None:
    ledger.book_traces(traces(span(1, {"gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o", **step})))
    assert calls(ledger) == []


def test_an_event_in_older_names_is_booked(ledger: Ledger) -> None:
    ledger.book_logs(details(1, FOREIGN))
    assert (only(ledger).provider, only(ledger).cost_pico) == ("openai", 3_500_000_000)


def test_a_count_that_genmeter_has_written_on_anothers_span_is_whole(ledger: Ledger) -> None:
    ours: dict[str, Attribute] = {
        "genmeter.billed_by": "genmeter",
        "gen_ai.usage.input_tokens": 8000,
        "gen_ai.usage.cost.amount": 0.0216,
        "gen_ai.usage.cost.currency": "USD",
        "gen_ai.usage.cost.source": "local",
        "genmeter.cost.status": "priced",
    }
    request = traces(span(1, {**APART, **ours}))
    request.resource_spans[0].scope_spans[0].scope.name = "openlit.instrumentation.anthropic"
    ledger.book_traces(request)
    assert (used(only(ledger)), only(ledger).cost_pico) == ((8000, 150, 2000, 1000), 21_600_000_000)
