"""Every call is booked once, with its money to the last digit, whatever arrives and in whatever order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from genmeter import names
from genmeter.ledger import BadPayload, Call, Encoding, Ledger
from genmeter.ledger.call import USAGE_FIELDS
from genmeter.ledger.money import to_pico
from genmeter.model import Cost, Unpriced, usd
from genmeter.reading.recorded import Recorded
from genmeter.reports import calls, spend
from genmeter.settings import Settings
from tests.ledger.otlp import NOON, SECOND, Attribute, chat, details, span, traces
from tests.ledger.stores import KEPT, place


@pytest.fixture(params=KEPT)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(place(request.param, tmp_path), run="r1") as opened:
        yield opened


def only(ledger: Ledger) -> Call:
    (call,) = calls(ledger)
    return call


def test_a_batch_sent_three_times_books_once(ledger: Ledger) -> None:
    batch = traces(*(span(n, chat()) for n in range(1, 6))).SerializeToString()
    outcomes = [ledger.book_traces(batch).outcome for _ in range(3)]
    assert [outcome.booked for outcome in outcomes] == [5, 0, 0]
    assert [outcome.duplicates for outcome in outcomes] == [0, 5, 5]
    (row,) = spend(ledger)
    assert (row.calls, row.cost) == (5, {"USD": 62_500_000_000})


def test_the_event_after_its_span_books_nothing_new(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, chat())))
    outcome = ledger.book_logs(details(1, chat())).outcome
    assert (outcome.booked, outcome.merged, outcome.conflicts) == (0, 1, 0)
    assert only(ledger).cost_pico == 12_500_000_000


def test_the_span_after_its_event_fills_what_was_missing_and_no_money(ledger: Ledger) -> None:
    ledger.book_logs(details(1, chat()))
    first = only(ledger)
    assert (first.duration_ns, first.parent_span_id, first.span_name) == (None, None, None)
    ledger.book_traces(traces(span(1, chat(), parent=9)))
    call = only(ledger)
    assert (call.duration_ns, call.parent_span_id, call.span_name) == (2 * SECOND, "0000000000000009", "chat gpt-5")
    assert (call.signals, call.cost_pico) == (3, 12_500_000_000)


def test_an_event_with_a_duration_starts_that_much_before_it_was_written(ledger: Ledger) -> None:
    ledger.book_logs(details(1, chat(genmeter__call__duration=1.5), ended_ns=NOON + 2 * SECOND))
    assert (only(ledger).started_ns, only(ledger).duration_ns) == (NOON + SECOND // 2, 1_500_000_000)


def test_other_money_under_the_same_key_goes_to_quarantine_once(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, chat())))
    dearer = traces(span(1, chat(gen_ai__usage__cost__amount=99.0)))
    assert ledger.book_traces(dearer).outcome.conflicts == 1
    assert ledger.book_traces(dearer).outcome.conflicts == 0
    assert only(ledger).cost_pico == 12_500_000_000
    (held,) = ledger.store.quarantined(10, None)
    assert (held.reason, held.call.cost_pico) == ("conflict", 99 * 10**12)
    assert ledger.counters()["conflicts"] == 1


def test_a_second_signal_that_says_less_is_no_conflict(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, chat())))
    silent = chat(gen_ai__usage__cost__amount=None, gen_ai__usage__output_tokens=None, genmeter__cost__status=None)
    assert ledger.book_logs(details(1, silent)).outcome.merged == 1


def test_the_event_that_splits_the_total_of_its_span_is_no_conflict(ledger: Ledger) -> None:
    """Another instrumentation's own amount has no lines; the collector prices the event, which has none, line by line."""
    ledger.book_traces(traces(span(1, chat(gen_ai__usage__cost__source="emitter"))))
    split = chat(gen_ai__usage__cost__source="collector", genmeter__cost__input=0.01, genmeter__cost__output=0.0025)
    assert ledger.book_logs(details(1, split)).outcome.merged == 1
    assert only(ledger).cost_pico == 12_500_000_000


def test_a_response_seen_under_two_keys_is_booked_once_and_counted_as_suspected(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, chat(gen_ai__response__id="resp-1"))))
    twin = traces(span(2, chat(gen_ai__response__id="resp-1"), trace=2))
    assert ledger.book_traces(twin).outcome.suspected == 1
    assert ledger.book_traces(twin).outcome.suspected == 0
    other_seller = chat(gen_ai__response__id="resp-1", gen_ai__provider__name="groq")
    assert ledger.book_traces(traces(span(3, other_seller, trace=3))).outcome.booked == 1
    assert ledger.store.quarantine_counts(None) == {"suspected_duplicate": 1}


def test_spans_that_repeat_their_childrens_totals_are_not_calls(ledger: Ledger) -> None:
    for number, operation in enumerate(["invoke_agent", "invoke_workflow", "execute_tool", "fetch_response"], 1):
        ledger.book_traces(traces(span(number, chat(gen_ai__operation__name=operation))))
    assert calls(ledger) == []
    assert len(ledger.store.trace_spans("0" * 31 + "1")) == 4


def test_a_moderation_is_a_call_without_money(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, chat(gen_ai__operation__name="moderation"))))
    call = only(ledger)
    assert (call.operation, call.cost_pico, call.cost_status, set(call.usage)) == ("moderation", None, None, {None})


def test_a_call_that_failed_before_it_used_anything_is_an_error_and_not_unpriced(ledger: Ledger) -> None:
    bare = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-5"}
    ledger.book_traces(
        traces(span(1, {**bare, "error.type": "RateLimitError"}, failed=True), span(2, bare, failed=True))
    )
    (row,) = spend(ledger)
    assert (row.calls, row.errors, row.unpriced, row.cost) == (2, 2, 0, {})
    assert {call.error_type for call in calls(ledger)} == {"RateLimitError", "_OTHER"}


FOREIGN = chat(gen_ai__usage__cost__amount=None, gen_ai__usage__cost__currency=None, genmeter__cost__status=None)


def test_tokens_of_another_instrumentation_without_cost_are_unpriced(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, FOREIGN)))
    assert (only(ledger).cost_status, only(ledger).cost_reason, only(ledger).cost_pico) == (
        "unpriced",
        "not_priced",
        None,
    )


def test_a_pricer_is_asked_for_calls_without_a_verdict_and_for_no_others() -> None:
    asked: list[tuple[object, float]] = []

    def price(attributes: Mapping[str, object], at: float) -> Cost | Unpriced:
        asked.append((attributes[names.REQUEST_MODEL], at))
        return Cost(3_000_000, (("input", 1_000_000), ("output", 2_000_000)), "local", "2026.11", "openai/gpt-5")

    with Ledger.open(price=price) as ledger:
        ledger.book_traces(traces(span(1, FOREIGN), span(2, chat())))
        foreign = next(call for call in calls(ledger) if call.span_id.endswith("1"))
    assert asked == [("gpt-5", NOON / 1e9)]
    assert (foreign.cost_pico, foreign.cost_catalogue, foreign.cost_status) == (3_000_000, "2026.11", "priced")


def test_the_detail_of_a_refusal_is_booked_whoever_refused() -> None:
    def price(attributes: Mapping[str, object], at: float) -> Cost | Unpriced:
        return Unpriced("unknown_model", "the ledger's book lists no such model")

    told = {"genmeter__cost__status": "unpriced", "genmeter__cost__reason": "no_usage"}
    with Ledger.open(price=price) as ledger:
        sent = chat(gen_ai__usage__cost__amount=None, genmeter__cost__detail="the sender's words", **told)
        ledger.book_traces(traces(span(1, FOREIGN), span(2, sent)))
        details = {call.cost_reason: call.cost_detail for call in calls(ledger)}
    assert details == {"unknown_model": "the ledger's book lists no such model", "no_usage": "the sender's words"}


def test_zero_is_a_price(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, chat(gen_ai__usage__cost__amount=0.0))))
    (row,) = spend(ledger)
    assert (row.unpriced, row.cost) == (0, {"USD": 0})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"gen_ai__usage__cost__currency": None}, "no_currency"),
        ({"gen_ai__usage__cost__amount": float("nan")}, "invalid_cost"),
        ({"gen_ai__usage__cost__amount": -0.5}, "invalid_cost"),
        ({"gen_ai__usage__cost__amount": 1e300}, "invalid_cost"),
    ],
)
def test_an_amount_that_is_no_money_is_unpriced_with_its_reason(
    ledger: Ledger, change: dict[str, float], reason: str
) -> None:
    ledger.book_traces(traces(span(1, chat(**change))))
    assert (only(ledger).cost_status, only(ledger).cost_reason, only(ledger).cost_pico) == ("unpriced", reason, None)


@pytest.mark.parametrize(
    ("amount", "pico", "text"),
    [
        (0.1, 100_000_000_000, "0.10"),
        (1e-12, 1, "0.000000000001"),
        (5e-13, 0, "0.00"),
        (1.5e-12, 2, "0.000000000002"),
        (2.5e-12, 2, "0.000000000002"),
        (0.30000000000000004, 300_000_000_000, "0.30"),
        (1234567.891011, 1_234_567_891_011_000_000, "1234567.891011"),
        (3, 3 * 10**12, "3.00"),
        ("0.0375", 37_500_000_000, "0.0375"),
    ],
)
def test_amounts_become_pico_exactly_half_to_even(amount: float | str, pico: int, text: str) -> None:
    assert to_pico(amount) == pico
    assert usd(pico) == text


@pytest.mark.parametrize("garbage", [True, None, "1e999999", "twelve", float("inf"), 2**63])
def test_what_is_no_amount_has_no_pico(garbage: object) -> None:
    assert to_pico(garbage) is None


def test_cost_lines_and_every_token_kind_are_stored(ledger: Ledger) -> None:
    attributes = chat(
        genmeter__cost__input=0.01,
        genmeter__cost__cache_read=0.0005,
        genmeter__cost__output=0.002,
        gen_ai__usage__cache_read__input_tokens=400,
        gen_ai__usage__reasoning__output_tokens=50,
        genmeter__usage__searches=2,
    )
    ledger.book_traces(traces(span(1, attributes)))
    call = only(ledger)
    assert call.lines[:4] == (10_000_000_000, 500_000_000, None, 2_000_000_000)
    known = {name: count for name, count in zip(USAGE_FIELDS, call.usage, strict=True) if count is not None}
    assert known == {"input": 1000, "output": 200, "cache_read": 400, "reasoning": 50, "searches": 2}


def test_attribution_comes_from_the_call_first_and_from_its_process_second(ledger: Ledger) -> None:
    own = chat(genmeter__department="legal", user__id="h1", session__id="s1")
    resource = {"service__name": "svc", "genmeter__department": "ops", "genmeter__application": "search"}
    ledger.book_traces(traces(span(1, own), **resource, deployment__environment__name="prod"))
    call = only(ledger)
    assert (call.department, call.application, call.environment) == ("legal", "search", "prod")
    assert (call.user_hash, call.session, call.service, call.run) == ("h1", "s1", "svc", "r1")


def test_json_and_protobuf_book_the_same(ledger: Ledger) -> None:
    document = {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "traceId": "0000000000000000000000000000000A",
                                "spanId": "000000000000000b",
                                "parentSpanId": "",
                                "name": "chat gpt-5",
                                "kind": "SPAN_KIND_CLIENT",
                                "startTimeUnixNano": str(NOON),
                                "endTimeUnixNano": NOON + 2 * SECOND,
                                "aFieldOfNextYear": {"deep": [1, 2]},
                                "attributes": [
                                    {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
                                    {"key": "gen_ai.provider.name", "value": {"stringValue": "openai"}},
                                    {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-5"}},
                                    {"key": "gen_ai.response.model", "value": {"stringValue": "gpt-5-2026"}},
                                    {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1000"}},
                                    {"key": "gen_ai.usage.output_tokens", "value": {"intValue": 200}},
                                    {"key": "gen_ai.usage.cost.amount", "value": {"doubleValue": 0.0125}},
                                    {"key": "gen_ai.usage.cost.currency", "value": {"stringValue": "USD"}},
                                    {"key": "gen_ai.usage.cost.source", "value": {"stringValue": "local"}},
                                    {"key": "genmeter.cost.status", "value": {"stringValue": "priced"}},
                                ],
                            }
                        ]
                    }
                ],
            }
        ]
    }
    ledger.book_traces(json.dumps(document).encode(), Encoding.JSON)
    from_json = only(ledger)
    with Ledger.open(run="r1") as other:
        other.book_traces(traces(span(11, chat(), trace=10)))
        assert from_json == only(other)


@pytest.mark.parametrize("encoding", [Encoding.PROTOBUF, Encoding.JSON])
def test_garbage_is_a_bad_payload(ledger: Ledger, encoding: Encoding) -> None:
    for garbage in (
        b"\xff\xff\xff",
        b'{"resourceSpans": 3}',
        b"[" * 100_000,
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}',
    ):
        if encoding is Encoding.PROTOBUF and garbage[0] != 0xFF:
            continue
        with pytest.raises(BadPayload):
            ledger.book_traces(garbage, encoding)
    assert ledger.book_traces(traces(span(1, chat()))).outcome.booked == 1


def test_records_without_key_or_time_are_rejected_alone(ledger: Ledger) -> None:
    nameless = span(2, chat())
    nameless.span_id = b"\0" * 8
    timeless = span(3, chat())
    timeless.start_time_unix_nano = 0
    booked = ledger.book_traces(traces(span(1, chat()), nameless, timeless))
    assert (booked.received, booked.rejected, booked.outcome.booked) == (3, 2, 1)
    assert "span id" in booked.reason


def test_log_records_that_are_not_usage_events_are_left_alone(ledger: Ledger) -> None:
    request = details(1, chat())
    request.resource_logs[0].scope_logs[0].log_records[0].event_name = "app.started"
    booked = ledger.book_logs(request)
    assert (booked.received, booked.rejected, booked.outcome.booked) == (1, 0, 0)


def test_absurd_token_counts_are_unknown_and_break_no_sum(ledger: Ledger) -> None:
    for number in (1, 2):
        ledger.book_traces(
            traces(span(number, chat(gen_ai__usage__input_tokens=2**62, gen_ai__usage__output_tokens=-5)))
        )
    (row,) = spend(ledger)
    assert (row.tokens["input"], row.tokens["output"]) == (0, 0)


NO_VERDICT = {
    "gen_ai__usage__cost__amount": None,
    "gen_ai__usage__cost__currency": None,
    "genmeter__cost__status": None,
    "gen_ai__usage__input_tokens": None,
    "gen_ai__usage__output_tokens": None,
}


@pytest.mark.parametrize("field", USAGE_FIELDS)
def test_the_price_book_is_asked_for_a_call_that_counts_one_unit_of_any_kind(field: str) -> None:
    asked: list[object] = []

    def price(attributes: Mapping[str, object], at: float) -> Cost | Unpriced:
        asked.append(attributes[names.USAGE_TOKENS[field]])
        return Cost(5, (), "local", "v1", "openai/gpt-5")

    with Ledger.open(price=price) as ledger:
        ledger.book_traces(traces(span(1, {**chat(**NO_VERDICT), names.USAGE_TOKENS[field]: 61})))
        assert (asked, only(ledger).cost_pico) == ([61], 5)


# by hand: 61 s at $0.006 a minute; 2,000 characters at $15 a million
@pytest.mark.parametrize(
    ("model", "unit", "count", "money"),
    [
        ("whisper-1", "genmeter.usage.audio.input_seconds", 61, 6_100_000_000),
        ("tts-1", "genmeter.usage.characters", 2_000, 30_000_000_000),
    ],
)
def test_a_call_without_tokens_costs_its_seconds_or_characters(model: str, unit: str, count: int, money: int) -> None:
    sent = {**chat(**NO_VERDICT, gen_ai__response__model=None, gen_ai__request__model=model), unit: count}
    with Ledger.open(price=Recorded(Settings()).price) as ledger:
        ledger.book_traces(traces(span(1, sent)))
        assert (only(ledger).cost_status, only(ledger).cost_pico) == ("priced", money)


@pytest.mark.parametrize("garbage", [2**41, -5, 12.5, "many", True])
@pytest.mark.parametrize(
    "name", ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "genmeter.usage.audio.input_seconds"]
)
def test_a_count_that_the_ledger_drops_is_not_billed(name: str, garbage: Attribute) -> None:
    sent = {**chat(**NO_VERDICT), "gen_ai.usage.output_tokens": 5, name: garbage}
    with Ledger.open(price=Recorded(Settings()).price) as ledger:
        ledger.book_traces(traces(span(1, sent)))
        call = only(ledger)
    assert (call.cost_status, call.cost_reason, call.cost_pico) == ("unpriced", "invalid_usage", None)
    assert call.cost_detail and call.cost_detail.startswith(f"{name} is {garbage!r}; ")


def test_an_amount_that_came_beside_a_dropped_count_is_kept(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, chat(gen_ai__usage__input_tokens=2**41))))
    assert (only(ledger).cost_status, only(ledger).cost_pico) == ("priced", 12_500_000_000)


def test_message_content_is_not_kept(ledger: Ledger) -> None:
    ledger.book_traces(traces(span(1, chat(gen_ai__input__messages="my secret", note="kept"))))
    (kept,) = ledger.store.trace_spans("0" * 31 + "1")
    assert "gen_ai.input.messages" not in kept.attributes
    assert kept.attributes["note"] == "kept"


def test_empty_requests_are_fine(ledger: Ledger) -> None:
    assert ledger.book_traces(ExportTraceServiceRequest()).received == 0
    assert ledger.book_logs(ExportLogsServiceRequest()).received == 0


def test_an_amount_that_the_application_keeps_to_itself_is_worked_out_here(tmp_path: Path) -> None:
    """``GENMETER_COST_ATTRIBUTES=off`` leaves the status alone on the span; the ledger is about money all the same."""
    silent = chat(
        gen_ai__usage__cost__amount=None, gen_ai__usage__cost__currency=None, gen_ai__usage__cost__source=None
    )
    assert silent["genmeter.cost.status"] == "priced"
    bill = Cost(7_000_000_000, (("input", 7_000_000_000),), "local", "v1", "openai/gpt-5")
    with Ledger.open(tmp_path / "priced.db", run="r1", price=lambda own, at, **emitter: bill) as ledger:
        ledger.book_traces(traces(span(1, silent)))
        assert (only(ledger).cost_pico, only(ledger).cost_status) == (7_000_000_000, "priced")
