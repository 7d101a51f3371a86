"""One call is one bill, whoever else has recorded it and in whatever order the records come; and two calls stay two."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from genmeter.ledger import Call, Ledger
from genmeter.ledger.questions import EVERYTHING, TOTALS_BY, Group, Window
from genmeter.reading import Recorded
from genmeter.reports import calls
from genmeter.settings import Settings
from tests.ledger.otlp import NOON, ROOT, SECOND, Attribute, chat, details, span, traces
from tests.ledger.stores import APART, place

OURS = "genmeter"
LANGCHAIN = "openinference.instrumentation.langchain"
LLAMA = "openinference.instrumentation.llama_index"
SDK = "opentelemetry.instrumentation.openai_v2"
MILLI = SECOND // 1000

Sent = tuple[str, Span]
"""The scope of a span, and the span."""


@pytest.fixture(params=APART)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(place(request.param, tmp_path), price=Recorded(Settings()).price) as opened:
        yield opened


def ours(number: int, *, at: int = 0, seconds: float = 2, parent: int = 0, tokens: int = 1000, **more: Any) -> Sent:
    """Our record of a call of $0.0125 that began ``at`` milliseconds after noon: with payer, lines and catalogue."""
    known = {
        "genmeter__department": "legal", "genmeter__cost__input": 0.01, "genmeter__cost__output": 0.0025,
        "genmeter__cost__catalogue": "2026.11", "genmeter__cost__entry": "openai/gpt-5",
    }  # fmt: skip
    said = chat(gen_ai__usage__input_tokens=tokens, **known, **more)
    return OURS, span(number, said, started_ns=NOON + at * MILLI, seconds=seconds, parent=parent)


def theirs(
    number: int, scope: str = LANGCHAIN, *, at: int = -100, seconds: float = 2.2, parent: int = 0, tokens: int | None = 1000,
    **more: Any,
) -> Sent:  # fmt: skip
    """Another instrumentation's record of the same call: it knows a session, and neither payer nor price."""
    none = dict.fromkeys(
        (
            "gen_ai__usage__cost__amount",
            "gen_ai__usage__cost__currency",
            "gen_ai__usage__cost__source",
            "genmeter__cost__status",
        )
    )
    counts = {} if tokens is not None else {"gen_ai__usage__output_tokens": None}
    said = chat(**{**none, "gen_ai__usage__input_tokens": tokens, **counts, "session__id": "s-1", **more})
    return scope, span(number, said, started_ns=NOON + at * MILLI, seconds=seconds, parent=parent)


def step(number: int, *, parent: int = 0) -> Sent:
    """A span that is no call."""
    return "app", span(number, {}, started_ns=NOON - SECOND, seconds=9, parent=parent, name="a step")


def request(sent: Sequence[Sent]) -> ExportTraceServiceRequest:
    made = traces()
    group = made.resource_spans[0]
    del group.scope_spans[:]
    for scope, one in sent:
        found = next((known for known in group.scope_spans if known.scope.name == scope), None)
        if found is None:
            found = group.scope_spans.add()
            found.scope.name = scope
        found.spans.append(one)
    return made


def together(ledger: Ledger, *sent: Sent) -> None:
    ledger.book_traces(request(sent))


def one_by_one(ledger: Ledger, *sent: Sent) -> None:
    for one in sent:
        ledger.book_traces(request([one]))


def backwards(ledger: Ledger, *sent: Sent) -> None:
    one_by_one(ledger, *reversed(sent))


Book = Callable[..., None]
in_every_order = pytest.mark.parametrize("book", [together, one_by_one, backwards])


def booked(ledger: Ledger) -> list[int]:
    return sorted(int(call.span_id, 16) for call in calls(ledger))


def set_aside(ledger: Ledger) -> dict[int, tuple[int, str]]:
    """The span set aside → the span that bills, and the reason."""
    held = ledger.store.quarantined(1000)
    return {int(one.call.span_id, 16): (int((one.billed_by or "0").rpartition("/")[2], 16), one.reason) for one in held}


def sums(groups: list[Group]) -> dict[object, tuple[int, int, int, tuple[int, ...]]]:
    return {(*group.key, group.currency): (group.calls, group.unpriced, group.cost, group.usage) for group in groups}


def all_sums_agree(ledger: Ledger) -> None:
    assert sums(ledger.store.totals()) == sums(ledger.store.groups(TOTALS_BY, EVERYTHING))
    (amounts,) = ledger.store.amounts([Window(NOON - 3600 * SECOND, NOON + 3600 * SECOND)])
    by = ("provider", "model", "department", "application", "environment")
    found = {group.key: group.cost for group in ledger.store.groups(by, EVERYTHING) if group.currency == "USD"}
    assert {amount.scope: amount.pico for amount in amounts if amount.pico} == {
        key: cost for key, cost in found.items() if cost
    }
    counted = ledger.counters()
    assert counted.get("booked", 0) - counted.get("withdrawn", 0) == counted.get("rows_calls", 0) == len(calls(ledger))


# --- one call, two records -----------------------------------------------------------------------------------------


@in_every_order
@pytest.mark.parametrize("tokens", [1000, None])
def test_a_span_above_ours_with_the_same_tokens_or_none_is_set_aside(
    ledger: Ledger, book: Book, tokens: int | None
) -> None:
    book(ledger, theirs(1, tokens=tokens), ours(2, parent=1))
    assert (booked(ledger), set_aside(ledger)) == ([2], {1: (2, "double")})
    all_sums_agree(ledger)


@in_every_order
def test_the_one_that_stays_knows_what_either_of_them_knew(ledger: Ledger, book: Book) -> None:
    book(ledger, theirs(1), ours(2, parent=1))
    (call,) = calls(ledger)
    assert (call.department, call.session, call.cost_pico) == ("legal", "s-1", 12_500_000_000)
    assert (call.cost_catalogue, sum(line or 0 for line in call.lines)) == ("2026.11", 12_500_000_000)


@in_every_order
def test_a_bare_record_of_ours_takes_the_payer_of_the_other(ledger: Ledger, book: Book) -> None:
    payer = {"user__id": "ada", "genmeter__application": "desk"}
    book(ledger, theirs(1, genmeter__department="ops", **payer), ours(2, parent=1, user__id="ours"))
    (call,) = calls(ledger)
    assert (call.department, call.user_hash, call.application) == ("legal", "ours", "desk")
    all_sums_agree(ledger)


@in_every_order
def test_spans_between_the_two_are_climbed(ledger: Ledger, book: Book) -> None:
    # the times do not meet, so that the tree alone can tell: the clock of the other machine is an hour behind
    far = theirs(1, at=-3_600_000)
    book(ledger, far, step(3, parent=1), step(4, parent=3), ours(2, parent=4))
    assert (booked(ledger), set_aside(ledger)) == ([2], {1: (2, "double")})
    all_sums_agree(ledger)


@in_every_order
def test_siblings_with_equal_tokens_at_one_time_are_one_call(ledger: Ledger, book: Book) -> None:
    book(ledger, theirs(1, parent=9), ours(2, parent=9))
    assert (booked(ledger), set_aside(ledger)) == ([2], {1: (2, "double")})


@in_every_order
def test_three_records_of_one_call_are_one(ledger: Ledger, book: Book) -> None:
    book(ledger, theirs(1), theirs(2, SDK, parent=1, at=-50, seconds=2.1), ours(3, parent=9))
    assert booked(ledger) == [3]
    assert set(set_aside(ledger)) == {1, 2}
    all_sums_agree(ledger)


@in_every_order
def test_a_framework_and_an_sdks_instrumentation_are_one_call_without_us(ledger: Ledger, book: Book) -> None:
    book(ledger, theirs(1, parent=9), theirs(2, SDK, parent=9, at=0, seconds=2))
    assert len(booked(ledger)) == 1


@in_every_order
def test_an_input_that_leaves_the_cache_out_is_the_same_input(ledger: Ledger, book: Book) -> None:
    cached = {"gen_ai__usage__cache_read__input_tokens": 600}
    book(ledger, theirs(1, tokens=400), ours(2, parent=1, **cached))
    assert booked(ledger) == [2]


@in_every_order
def test_the_event_of_another_without_its_span_is_a_double_too(ledger: Ledger, book: Book) -> None:
    event = theirs(1)[1]
    said = {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in event.attributes}
    log = details(1, said, ended_ns=NOON + 2 * SECOND + MILLI)
    log.resource_logs[0].scope_logs[0].scope.name = LANGCHAIN
    if book is backwards:
        together(ledger, ours(2))
        ledger.book_logs(log)
    else:
        ledger.book_logs(log)
        together(ledger, ours(2))
    assert booked(ledger) == [2]


@in_every_order
def test_the_root_and_the_child_of_one_instrumentation_are_one_call(ledger: Ledger, book: Book) -> None:
    """The AI SDK 7 writes both of an embedding as clients, the root without usage."""
    root = theirs(1, "ai", tokens=None, gen_ai__operation__name="embeddings")
    child = theirs(2, "ai", parent=1, gen_ai__operation__name="embeddings")
    book(ledger, root, child)
    assert booked(ledger) == [2]


@in_every_order
def test_ours_without_usage_takes_usage_and_price_of_the_span_above(ledger: Ledger, book: Book) -> None:
    none = dict.fromkeys(
        ("gen_ai__usage__output_tokens", "gen_ai__usage__cost__amount", "gen_ai__usage__cost__currency")
    )
    bare = {**none, "genmeter__cost__status": "unpriced", "genmeter__cost__reason": "no_usage"}
    scope, mine = ours(2, parent=1, **bare)
    kept = [
        pair
        for pair in mine.attributes
        if pair.key not in ("gen_ai.usage.input_tokens", "genmeter.cost.input", "genmeter.cost.output")
    ]
    del mine.attributes[:]
    mine.attributes.extend(kept)
    book(ledger, theirs(1, operation__cost=0.5), (scope, mine))
    (call,) = calls(ledger)
    assert (call.span_id[-1], call.department, call.usage[:2], call.cost_pico) == (
        "2",
        "legal",
        (1000, 200),
        5 * 10**11,
    )


def test_what_was_set_aside_stays_so_when_it_comes_again(ledger: Ledger) -> None:
    sent = [theirs(1), ours(2, parent=1)]
    for _ in range(3):
        together(ledger, *sent)
        backwards(ledger, *sent)
    assert (booked(ledger), set_aside(ledger)) == ([2], {1: (2, "double")})
    assert ledger.counters()["doubles"] == 1
    all_sums_agree(ledger)


def test_a_step_that_comes_last_shows_who_lies_above_whom(ledger: Ledger) -> None:
    far = theirs(1, at=-3_600_000)
    one_by_one(ledger, far, ours(2, parent=3))
    assert booked(ledger) == [1, 2]
    all_sums_agree(ledger)
    together(ledger, step(3, parent=1))
    assert booked(ledger) == [2]
    all_sums_agree(ledger)


def test_what_was_set_aside_is_shown_with_who_bills_and_why(ledger: Ledger) -> None:
    together(ledger, theirs(1), ours(2, parent=1))
    (held,) = ledger.store.quarantined(9)
    assert (held.billed_by, held.why) == (
        "0" * 15 + "2",
        "its span lies above the other one's, with the same tokens or none",
    )
    assert held.call.session == "s-1"


# --- two calls stay two --------------------------------------------------------------------------------------------


@in_every_order
def test_equal_calls_of_one_instrumentation_at_one_time_stay_as_many_as_they_are(ledger: Ledger, book: Book) -> None:
    book(ledger, *(ours(n, parent=99) for n in range(1, 5)), *(theirs(n, parent=99, tokens=500) for n in range(5, 9)))
    assert booked(ledger) == [1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("seed", range(6))
def test_a_gather_of_equal_calls_under_a_framework_is_booked_once_each(ledger: Ledger, seed: int) -> None:
    dice = random.Random(seed)
    sent = [theirs(n, at=n - 100, parent=99) for n in range(1, 9)] + [
        ours(n + 20, at=n, parent=99) for n in range(1, 9)
    ]
    dice.shuffle(sent)
    while sent:
        size = dice.randrange(1, 5)
        together(ledger, *sent[:size])
        del sent[:size]
        all_sums_agree(ledger)
    assert booked(ledger) == list(range(21, 29))


@in_every_order
def test_two_frameworks_at_one_time_are_two_calls(ledger: Ledger, book: Book) -> None:
    book(ledger, theirs(1, LANGCHAIN, parent=9), theirs(2, LLAMA, parent=9))
    assert booked(ledger) == [1, 2]


@in_every_order
def test_a_call_stands_for_one_call_of_each_instrumentation(ledger: Ledger, book: Book) -> None:
    """The framework has made two calls of equal usage at one time; one of them by an SDK that genmeter does not meter."""
    book(ledger, theirs(1, parent=9), theirs(2, parent=9, at=-200, seconds=2.4), ours(3, parent=9))
    assert len(booked(ledger)) == 2 and 3 in booked(ledger)
    all_sums_agree(ledger)


@in_every_order
def test_two_frameworks_over_two_calls_of_ours_are_two_calls(ledger: Ledger, book: Book) -> None:
    book(ledger, theirs(1, LANGCHAIN), theirs(2, LLAMA), ours(3, parent=9), ours(4, parent=9))
    assert booked(ledger) == [3, 4]


@in_every_order
def test_the_attempts_below_one_span_are_the_calls(ledger: Ledger, book: Book) -> None:
    failed = {"error__type": "timeout", "gen_ai__usage__cost__amount": None, "genmeter__cost__status": None}
    first = ours(2, parent=1, seconds=0.5, tokens=0, gen_ai__usage__output_tokens=None, **failed)
    del first[1].attributes[:]
    first[1].attributes.extend(ours(9, **failed)[1].attributes)
    kept = [pair for pair in first[1].attributes if "tokens" not in pair.key and "cost" not in pair.key]
    del first[1].attributes[:]
    first[1].attributes.extend(kept)
    book(ledger, theirs(1), first, ours(3, parent=1, at=600, seconds=1), ours(4, parent=1, at=1700, seconds=0.3))
    assert booked(ledger) == [2, 3, 4]


@in_every_order
def test_the_calls_of_an_agent_are_all_of_them_billed(ledger: Ledger, book: Book) -> None:
    agent = theirs(1, gen_ai__operation__name="invoke_agent", seconds=9)
    book(ledger, agent, ours(2, parent=1), ours(3, parent=1), theirs(4, SDK, parent=1, tokens=77))
    assert booked(ledger) == [2, 3, 4]


@in_every_order
@pytest.mark.parametrize(
    "other",
    [
        {"tokens": 999},
        {"gen_ai__request__model": "gpt-5-mini", "gen_ai__response__model": "gpt-5-mini-2026"},
        {"at": 2500},
        {"server__address": "elsewhere.example"},
        {"gen_ai__operation__name": "embeddings"},
    ],
)
def test_whatever_speaks_against_it_leaves_siblings_two(ledger: Ledger, book: Book, other: dict[str, Any]) -> None:
    book(ledger, ours(1, parent=9, server__address="here.example"), theirs(2, parent=9, **other))
    assert booked(ledger) == [1, 2]


@in_every_order
def test_calls_of_two_traces_without_a_response_id_are_two(ledger: Ledger, book: Book) -> None:
    scope, other = theirs(1)
    other.trace_id = (7).to_bytes(16, "big")
    book(ledger, (scope, other), ours(2))
    assert booked(ledger) == [1, 2]


# --- the response id -----------------------------------------------------------------------------------------------


def test_ids_of_a_server_that_draws_them_from_999_numbers_are_no_evidence(ledger: Ledger) -> None:
    """Ollama: 300 calls of equal usage, most within one second, many with one id."""
    dice = random.Random(1)
    local: dict[str, Attribute] = {
        "server.address": "localhost",
        "server.port": 11434,
        "gen_ai.provider.name": "openai",
    }
    sent: list[Sent] = []
    for n in range(1, 301):
        said = {**chat(gen_ai__response__id=f"chatcmpl-{dice.randrange(999)}"), **local}
        sent.append((OURS, span(n, said, trace=n, started_ns=NOON + n * MILLI)))
    together(ledger, *sent[:150])
    one_by_one(ledger, *sent[150:])
    assert sum(group.calls for group in ledger.store.totals()) == 300


@in_every_order
def test_a_seller_that_is_found_by_its_address_is_the_sdk_that_the_framework_names(ledger: Ledger, book: Book) -> None:
    """pydantic-ai names the SDK, openai; genmeter names the seller, groq, which the user has named for this address."""
    place: dict[str, Any] = {"gen_ai__response__id": "chatcmpl-1", "server__address": "127.0.0.1", "server__port": 4000}
    scope, far = theirs(1, "pydantic-ai", **place)
    far.trace_id = (7).to_bytes(16, "big")
    book(ledger, (scope, far), ours(2, gen_ai__provider__name="groq", **place))
    assert (booked(ledger), set_aside(ledger)[1][1]) == ([2], "suspected_duplicate")


@in_every_order
@pytest.mark.parametrize("address", ["127.0.0.1", "http://127.0.0.1:4000/v1", "HTTP://127.0.0.1:4000"])
def test_a_server_is_the_same_however_its_address_is_written(ledger: Ledger, book: Book, address: str) -> None:
    there: dict[str, Any] = {"server__address": "127.0.0.1", "server__port": 4000}
    book(ledger, theirs(1, parent=9, server__address=address), ours(2, parent=9, **there))
    assert booked(ledger) == [2]


@in_every_order
def test_of_two_records_of_one_response_the_one_that_knows_the_payer_stays(ledger: Ledger, book: Book) -> None:
    scope, far = theirs(1, gen_ai__response__id="resp-1")
    far.trace_id = (7).to_bytes(16, "big")
    book(ledger, (scope, far), ours(2, gen_ai__response__id="resp-1"))
    (call,) = calls(ledger)
    assert (call.department, call.session, call.cost_pico) == ("legal", "s-1", 12_500_000_000)
    all_sums_agree(ledger)


# --- by its own word, and by the user's ----------------------------------------------------------------------------


@in_every_order
def test_a_record_that_says_who_bills_for_it_is_no_bill(ledger: Ledger, book: Book) -> None:
    marked = theirs(1, tokens=7, genmeter__cost__status="elsewhere", genmeter__billed_by="0" * 15 + "2")
    book(ledger, marked, ours(2, parent=1))
    assert (booked(ledger), set_aside(ledger)) == ([2], {1: (2, "double")})
    all_sums_agree(ledger)


@pytest.mark.parametrize("event_first", [True, False])
def test_the_event_of_a_marked_record_is_no_bill_either(ledger: Ledger, event_first: bool) -> None:
    marked = theirs(1, genmeter__cost__status="elsewhere", genmeter__billed_by="0" * 15 + "2")
    log = details(1, chat())
    log.resource_logs[0].scope_logs[0].scope.name = LANGCHAIN
    if event_first:
        ledger.book_logs(log)
        together(ledger, marked)
    else:
        together(ledger, marked)
        ledger.book_logs(log)
    assert booked(ledger) == []
    all_sums_agree(ledger)


def test_the_calls_of_a_scope_that_the_user_leaves_out_are_set_aside() -> None:
    with Ledger.open(skip_scopes=[LANGCHAIN], price=Recorded(Settings()).price) as ledger:
        together(ledger, theirs(1, tokens=5), theirs(2, LLAMA, tokens=6))
        assert booked(ledger) == [2]
        (held,) = ledger.store.quarantined(9)
        assert (held.reason, held.billed_by) == ("double", "skip_scopes")


def test_a_late_event_of_ours_overrules_the_span_that_another_wrote_under_the_same_key(ledger: Ledger) -> None:
    """Inside an official instrumentation the span is theirs and the event is ours."""
    together(ledger, theirs(1, SDK))
    log = details(1, chat(genmeter__department="legal"))
    log.resource_logs[0].scope_logs[0].scope.name = OURS
    assert ledger.book_logs(log).outcome.merged == 1
    (call,) = calls(ledger)
    assert (call.department, call.cost_pico, call.session) == ("legal", 12_500_000_000, "s-1")
    all_sums_agree(ledger)


@pytest.mark.parametrize("order", range(6))
def test_a_bill_on_anothers_span_and_a_second_attempt_of_equal_usage_below_it_are_two(
    ledger: Ledger, order: int
) -> None:
    """genmeter writes the first bill on the outer span, sends the event with its ids, and gives the retry its own span."""
    log = details(1, chat(genmeter__department="legal"), ended_ns=NOON + SECOND)
    log.resource_logs[0].scope_logs[0].scope.name = OURS
    outer = (LANGCHAIN, span(1, chat(), started_ns=NOON - MILLI, seconds=3))
    steps = [
        lambda: together(ledger, outer),
        lambda: ledger.book_logs(log),
        lambda: together(ledger, ours(2, parent=1)),
    ]
    for step_number in list(permutations(range(3)))[order]:
        steps[step_number]()
    assert booked(ledger) == [1, 2]
    all_sums_agree(ledger)


@in_every_order
def test_a_bill_of_ours_on_anothers_span_is_our_record_also_without_an_event(ledger: Ledger, book: Book) -> None:
    outer = LANGCHAIN, span(1, chat(genmeter__billed_by="genmeter"), started_ns=NOON - MILLI, seconds=3)
    beside = theirs(3, SDK, parent=9)
    book(ledger, outer, ours(2, parent=1), beside)
    assert booked(ledger) == [1, 2]
    all_sums_agree(ledger)


# --- any order -----------------------------------------------------------------------------------------------------


def scenario(dice: random.Random) -> tuple[list[Sent], list[int]]:
    """Records of some calls in one trace, and the spans that bill."""
    sent: list[Sent] = [step(900)]
    bills: list[int] = []
    for n in range(1, dice.randrange(2, 9)):
        tokens, at = dice.choice([500, 500, 700]), dice.choice([0, 0, 40_000])
        number = 10 * n
        bills.append(number)
        kind = dice.choice(["alone", "nested", "sibling", "deep", "marked"])
        above = {"nested": number + 1, "deep": number + 2, "marked": number + 1}.get(kind, 900)
        sent.append(ours(number, at=at, parent=above, tokens=tokens))
        if kind == "deep":
            sent.append(step(number + 2, parent=number + 1))
        mark = (
            {"genmeter__cost__status": "elsewhere", "genmeter__billed_by": f"{number:016x}"} if kind == "marked" else {}
        )
        if kind != "alone":
            sent.append(theirs(number + 1, at=at - 50, parent=900, tokens=tokens, **mark))
    return sent, bills


@pytest.mark.parametrize("seed", range(40))
def test_in_every_order_and_every_batching_the_same_calls_are_booked(seed: int) -> None:
    dice = random.Random(seed)
    sent, bills = scenario(dice)
    found: list[list[Call]] = []
    for _ in range(3):
        dice.shuffle(sent)
        waiting = sent + dice.sample(sent, len(sent) // 2)
        with Ledger.open(price=Recorded(Settings()).price) as ledger:
            while waiting:
                size = dice.randrange(1, 7)
                together(ledger, *waiting[:size])
                del waiting[:size]
                all_sums_agree(ledger)
            assert booked(ledger) == bills
            assert sum(group.cost for group in ledger.store.totals()) == len(bills) * 12_500_000_000
            found.append(sorted(calls(ledger), key=lambda call: call.span_id))
    assert {tuple(call.department for call in one) for one in found} == {("legal",) * len(bills)}


def test_the_calls_of_a_scope_that_a_collector_leaves_out_are_set_aside(ledger: Ledger) -> None:
    """``skip_scopes`` of genai_cost marks the scope and leaves the spans as they came."""
    sent = request([theirs(1), theirs(2, LLAMA, tokens=5)])
    for name, text in (("genmeter.cost.status", "elsewhere"), ("genmeter.billed_by", "skip_scopes")):
        pair = sent.resource_spans[0].scope_spans[0].scope.attributes.add(key=name)
        pair.value.string_value = text
    ledger.book_traces(sent)
    assert booked(ledger) == [2]
    (held,) = ledger.store.quarantined(9)
    assert (held.billed_by, held.call.scope) == ("skip_scopes", LANGCHAIN)


# --- what the collector decides alike ------------------------------------------------------------------------------

SHARED = json.loads((ROOT / "tests" / "vectors" / "doubles.json").read_text(encoding="utf-8"))["cases"]


def recorded(one: dict[str, Any]) -> Sent:
    """A record of the shared cases as a span."""
    said: dict[str, Attribute] = {
        "gen_ai.operation.name": one.get("operation", "chat"),
        "gen_ai.provider.name": "openai",
    }
    for field, name in (
        ("request_model", "gen_ai.request.model"), ("input", "gen_ai.usage.input_tokens"), ("output", "gen_ai.usage.output_tokens"),
        ("cache_read", "gen_ai.usage.cache_read.input_tokens"), ("reasoning", "gen_ai.usage.reasoning.output_tokens"),
    ):  # fmt: skip
        if field in one:
            said[name] = one[field]
    seconds = (one["ended"] - one["began"]) / 1000
    made = span(one["span"], said, parent=one["parent"], started_ns=NOON + one["began"] * MILLI, seconds=seconds)
    return one["scope"], made


@in_every_order
@pytest.mark.parametrize("case", SHARED, ids=[case["name"] for case in SHARED])
def test_the_shared_cases_are_decided_as_the_collector_decides_them(
    ledger: Ledger, book: Book, case: dict[str, Any]
) -> None:
    book(ledger, *(recorded(one) for one in case["records"]))
    assert booked(ledger) == case["bills"]
