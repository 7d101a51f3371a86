"""What a store promises, whatever database it writes to. A new store is one line of ``stores.STORES``.

Everything here goes through the methods of the store: a test that looks into a file of SQLite is in test_store.py.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from genmeter.ledger import Call
from genmeter.ledger.call import LINE_KINDS, USAGE_FIELDS
from genmeter.ledger.decode import Span
from genmeter.ledger.questions import EVERYTHING, TOTALS_BY, Amount, Outcome, Window
from genmeter.ledger.sqlite import Caps
from genmeter.ledger.store import Store
from tests.ledger.otlp import NOON, SECOND
from tests.ledger.stores import KEPT, STORES

Open = Callable[..., Store]
DAY = 86_400 * SECOND
MIDNIGHT = NOON - 12 * 3600 * SECOND


@pytest.fixture(params=STORES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Open the store under test, with ``Caps`` as keywords; it is closed at the end."""
    stores: list[Store] = []

    def open_store(**caps: Any) -> Store:
        stores.append(STORES[request.param](tmp_path, Caps(**caps)))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Open) -> Store:
    return opened()


def call(number: int, *, dollars: float | None = 1, used: int = 100, **more: Any) -> Call:
    """A call of one dollar and a hundred tokens, a second after the one before it, that took two seconds."""
    money: dict[str, Any] = {"cost_status": "unpriced", "cost_reason": "unknown_model"}
    if dollars is not None:
        money = {"cost_status": "priced", "currency": "USD", "cost_pico": round(dollars * 10**12)}
    given = {
        "trace_id": f"t{number}", "span_id": f"s{number}", "started_ns": NOON + number * SECOND,
        "duration_ns": 2 * SECOND, "operation": "chat", "provider": "openai", "request_model": "gpt-5",
        "usage": (used, *(None,) * (len(USAGE_FIELDS) - 1)), **money,
    }  # fmt: skip
    return Call(**(given | more))  # type: ignore[arg-type]


def span(number: int, trace: str = "t1", **more: Any) -> Span:
    given = {
        "trace_id": trace, "span_id": f"s{number}", "parent_span_id": None, "name": "POST /ask", "kind": 2,
        "started_ns": NOON + number, "ended_ns": NOON + number + SECOND, "failed": False, "message": "",
        "scope": "app", "version": "", "attributes": {"http.route": "/ask"}, "resource": {"service.name": "shop"},
    }  # fmt: skip
    return Span(**{name: value for name, value in (given | more).items() if name in Span._fields})


def test_a_call_comes_back_as_it_was_booked_with_what_is_unknown(store: Store) -> None:
    whole = call(
        1, span_name="chat gpt-5", run="r1", first_chunk_ns=5, service="shop", environment="prod",
        response_model="gpt-5-2026", response_id="resp-1", service_tier="flex", region="eu", user_hash="u", cut="closed",
        department="legal", application="search", session="s", finish_reasons='["stop"]', error_type="timeout",
        lines=tuple(range(len(LINE_KINDS))), usage=tuple(range(len(USAGE_FIELDS))),
    )  # fmt: skip
    bare = Call(trace_id="t2", span_id="s2", started_ns=NOON, operation="chat", provider="openai")
    assert store.book([whole, bare], ()) == Outcome(booked=2)
    assert store.latest(10, EVERYTHING) == [whole, bare]


def test_a_detail_of_each_kind_of_unpriced_call_can_be_asked_for(store: Store) -> None:
    said = {"cost_detail": "openai lists no price for 'gpt-5'"}
    strange = {
        "request_model": "llama",
        "cost_reason": "no_usage",
        "cost_detail": "the response carried no token counts",
    }
    store.book([call(1, dollars=None, **said), call(2, dollars=None), call(3, dollars=None, **strange), call(4)], ())
    assert store.details(EVERYTHING) == {
        ("unknown_model", "openai", "gpt-5"): "openai lists no price for 'gpt-5'",
        ("no_usage", "openai", "llama"): "the response carried no token counts",
    }
    assert list(store.details(Window(since_ns=NOON + 2 * SECOND))) == [("no_usage", "openai", "llama")]
    assert store.details(Window(run="another")) == {}


def test_a_replay_is_a_duplicate_in_the_same_batch_and_in_a_later_one(store: Store) -> None:
    assert store.book([call(1), call(1)], ()) == Outcome(booked=1, duplicates=1)
    assert store.book([call(1)], ()) == Outcome(duplicates=1)
    assert len(store.latest(10, EVERYTHING)) == 1


def test_the_second_signal_fills_in_what_the_first_did_not_say_and_changes_nothing(store: Store) -> None:
    store.book([call(1, duration_ns=None, department="legal")], ())
    event = call(1, signals=2, duration_ns=7 * SECOND, department="sales", environment="prod")
    assert store.book([event], ()) == Outcome(merged=1)
    (found,) = store.latest(10, EVERYTHING)
    assert (found.signals, found.duration_ns, found.environment, found.department) == (3, 7 * SECOND, "prod", "legal")


def test_other_money_under_a_booked_key_is_set_aside_once(store: Store) -> None:
    store.book([call(1)], ())
    assert [store.book([call(1, dollars=9)], ()) for _ in range(2)] == [Outcome(conflicts=1), Outcome(duplicates=1)]
    (held,) = store.quarantined(10)
    assert (held.reason, held.call.cost_pico, store.latest(9, EVERYTHING)[0].cost_pico) == (
        *("conflict", 9 * 10**12),
        10**12,
    )


def test_a_response_under_a_second_key_is_suspected_unless_another_seller_gave_it(store: Store) -> None:
    store.book([call(1, response_id="r")], ())
    assert store.book([call(2, response_id="r"), call(3, response_id="r", provider="groq")], ()) == (
        Outcome(booked=1, suspected=1)
    )
    assert store.quarantine_counts() == {"suspected_duplicate": 1}
    assert store.quarantine_counts("another run") == {}


def test_a_batch_is_booked_whole_or_not_at_all(store: Store) -> None:
    # a lone surrogate has no UTF-8: no database takes it
    with pytest.raises(UnicodeEncodeError):
        store.book([call(1), call(2, department="\ud800")], [span(3)])
    assert store.latest(10, EVERYTHING) == [] == store.trace_spans("t1")
    assert store.counters().get("booked", 0) == 0
    assert store.book([call(1)], ()) == Outcome(booked=1)


def test_sums_are_by_the_given_dimensions_and_by_currency(store: Store) -> None:
    store.book(
        [
            call(1, department="legal"),
            call(2, department="legal", dollars=0.5, error_type="timeout"),
            call(3, department="legal", currency="EUR"),
            call(4, dollars=None, cut="closed"),
        ],
        (),
    )
    found = {(*group.key, group.currency): group for group in store.groups(["department", "provider"], EVERYTHING)}
    assert {key: (group.calls, group.cost, group.usage[0]) for key, group in found.items()} == {
        ("legal", "openai", "USD"): (2, 15 * 10**11, 200),
        ("legal", "openai", "EUR"): (1, 10**12, 100),
        (None, "openai", None): (1, 0, 100),
    }
    dollars, nothing = found["legal", "openai", "USD"], found[None, "openai", None]
    assert (dollars.errors, dollars.unpriced, nothing.unpriced, nothing.cut) == (1, 0, 1, 1)
    # the first begins a second after noon, the second ends two seconds after its start
    assert (dollars.first_ns, dollars.last_ns) == (NOON + SECOND, NOON + 4 * SECOND)


@pytest.mark.parametrize(
    "name",
    ["model", "department", "application", "user_hash", "session", "quarter", "provider", "environment", "operation",
     "run", "service", "cost_status", "cost_reason", "error_type"],
)  # fmt: skip
def test_every_dimension_that_a_report_asks_for_is_known(store: Store, name: str) -> None:
    store.book([call(1), call(2, dollars=None)], ())
    assert sum(group.calls for group in store.groups([name], EVERYTHING)) == 2


def test_a_window_holds_its_beginning_and_not_its_end_and_one_run(store: Store) -> None:
    store.book([call(n, run="a" if n < 3 else "b") for n in range(4)], ())
    windows = [Window(NOON + SECOND, NOON + 3 * SECOND), Window(until_ns=NOON + SECOND), Window(run="b")]
    assert [sum(group.calls for group in store.groups([], window)) for window in windows] == [2, 1, 1]
    assert [[one.span_id for one in store.latest(9, window)] for window in windows] == [["s2", "s1"], ["s0"], ["s3"]]


def test_questions_of_one_moment_see_the_same_calls_whatever_is_booked_meanwhile(store: Store) -> None:
    store.book([call(1)], [])
    writer = threading.Thread(target=store.book, args=([call(2)], []))
    with store.moment():
        before = store.groups(["model"], EVERYTHING)
        writer.start()
        # a store that has one connection lets the writer wait until the block has ended
        writer.join(0.5)
        assert store.groups(["model"], EVERYTHING) == before and len(store.latest(10, EVERYTHING)) == 1
    writer.join(60)
    assert len(store.latest(10, EVERYTHING)) == 2


def test_sums_beyond_64_bits_are_exact(store: Store) -> None:
    largest = 2**63 - 1
    store.book([call(n, cost_pico=largest) for n in range(5)], ())
    assert store.groups([], EVERYTHING)[0].cost == store.totals()[0].cost == 5 * largest
    assert store.amounts([EVERYTHING])[0][0].pico == 5 * largest


def test_totals_and_amounts_follow_every_batch(store: Store) -> None:
    november = Window(MIDNIGHT, MIDNIGHT + DAY)
    for number in range(1, 6):
        store.book([call(number, application="ab"[number % 2], dollars=number)], ())
        assert sum(group.cost for group in store.totals()) == sum(range(number + 1)) * 10**12
        assert sum(amount.pico for amount in store.amounts([november])[0]) == sum(range(number + 1)) * 10**12
    assert sorted((group.key, group.calls) for group in store.totals()) == sorted(
        (group.key, group.calls) for group in store.groups(TOTALS_BY, EVERYTHING)
    )


def test_amounts_are_dollars_by_scope_and_count_what_has_none(store: Store) -> None:
    who = {"application": "desk", "department": "support", "environment": "prod"}
    store.book([call(1, **who), call(2, **who, currency="EUR"), call(3, **who, dollars=None), call(4, dollars=2)], ())
    first, second = Window(NOON, NOON + 4 * SECOND), Window(NOON + 4 * SECOND, None)
    assert store.amounts([first, second]) == [
        [Amount(("openai", "gpt-5", "support", "desk", "prod"), 10**12, 2, 0)],
        [Amount(("openai", "gpt-5", None, None, None), 2 * 10**12, 0, 0)],
    ]


def test_amounts_are_kept_apart_by_the_users_who_are_asked_for_and_by_no_others(store: Store) -> None:
    """Also while calls come, once the question has changed, and for calls that have been trimmed."""
    store.book([call(n, user_hash=user) for n, user in enumerate(("ada", "ada", "bob", "eve", None), 1)], ())
    scope = ("openai", "gpt-5", None, None, None)

    def by_user(*users: str) -> dict[str | None, int]:
        (found,) = store.amounts([EVERYTHING], frozenset(users))
        assert {amount.scope for amount in found} == {scope}
        return {amount.user: amount.pico // 10**12 for amount in found}

    assert by_user() == {None: 5}
    assert by_user("ada", "zoe") == {"ada": 2, None: 3}
    store.book([call(6, user_hash="ada"), call(7, user_hash="zoe")], ())
    assert by_user("ada", "zoe") == {"ada": 3, "zoe": 1, None: 3}
    assert by_user("it's", "bob") == {"bob": 1, None: 6}


def test_an_amount_moves_with_the_environment_that_the_second_signal_tells(store: Store) -> None:
    store.book([call(1)], ())
    assert [amount.scope[-1] for amount in store.amounts([EVERYTHING])[0]] == [None]
    store.book([call(1, signals=2, environment="prod")], ())
    assert [(amount.scope[-1], amount.pico) for amount in store.amounts([EVERYTHING])[0]] == [("prod", 10**12)]


def test_quantiles_are_nearest_rank_over_the_calls_with_a_duration(store: Store) -> None:
    store.book([call(n, duration_ns=n * SECOND) for n in range(1, 11)] + [call(99, duration_ns=None)], ())
    # ranks ceil(0.50 x 10) = 5 and ceil(0.95 x 10) = 10
    assert store.latency((50, 95), EVERYTHING) == (10, (5 * SECOND, 10 * SECOND))
    assert store.latency((50,), Window(run="another")) == (0, ())


def test_a_trace_has_its_calls_and_its_spans_oldest_first(store: Store) -> None:
    assert store.book([call(2, trace_id="t1"), call(1)], [span(2), span(1, parent_span_id="s0"), span(2)]).spans == 2
    assert [one.span_id for one in store.trace_calls("t1")] == ["s1", "s2"]
    first, second = store.trace_spans("t1")
    assert (first.span_id, first.parent_span_id, second.span_id) == ("s1", "s0", "s2")
    assert (first.attributes, first.resource["service.name"]) == ({"http.route": "/ask"}, "shop")
    assert store.trace_calls("none") == [] == store.trace_spans("none")


def trimmed(store: Store) -> int:
    gone = 0
    while step := store.trim():
        gone += step
    return gone


def test_the_oldest_calls_go_and_their_money_stays_in_every_sum(opened: Open) -> None:
    store, day = opened(calls=2), Window(MIDNIGHT, MIDNIGHT + DAY)
    store.book([call(4, application="desk", dollars=4)], ())
    # asked before: calls that come now and are trimmed before the next question must not be missed
    assert (store.totals()[0].calls, store.amounts([day])[0][0].pico) == (1, 4 * 10**12)
    store.book([call(n, application="desk", dollars=n) for n in (1, 3, 2)], ())
    assert trimmed(store) == 2
    assert [one.span_id for one in store.latest(9, EVERYTHING)] == ["s4", "s3"]
    for (row,) in (store.totals(), store.groups(["application"], EVERYTHING)):
        assert (row.calls, row.cost, row.usage[0]) == (4, 10 * 10**12, 400)
    assert sum(amount.pico for amount in store.amounts([day])[0]) == 10 * 10**12


def test_a_replay_of_a_trimmed_call_is_late_and_not_booked_again(opened: Open) -> None:
    store = opened(calls=1)
    store.book([call(1), call(2), call(3)], ())
    trimmed(store)
    assert store.book([call(1), call(3)], ()) == Outcome(duplicates=1, late=1)
    assert store.groups([], EVERYTHING)[0].calls == 3


def test_money_of_a_trimmed_day_that_reaches_over_an_edge_is_told(opened: Open) -> None:
    store = opened(calls=0)
    store.book([call(1), call(2)], ())
    trimmed(store)
    # both calls went into one sum, which begins before this window's end and ends behind it
    (amount,) = store.amounts([Window(NOON, NOON + 2 * SECOND)])[0]
    assert (amount.pico, amount.across) == (2 * 10**12, 2 * 10**12)


def test_counters_tell_what_became_of_everything(opened: Open) -> None:
    store = opened(calls=2, spans=1)
    store.book([call(1), call(2), call(3), call(1)], [span(1), span(2)])
    trimmed(store)
    counters = store.counters()
    names = ("booked", "duplicates", "rows_calls", "rows_spans", "trimmed_calls", "trimmed_spans")
    assert [counters[name] for name in names] == [3, 1, 2, 1, 1, 1]


def test_batches_of_many_threads_are_each_answered_with_their_own_outcome(store: Store) -> None:
    told: dict[int, Outcome] = {}

    def book(n: int) -> None:
        told[n] = store.book([call(n), call(n + 100)][: n % 3], ())

    threads = [threading.Thread(target=book, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert {n: outcome.booked for n, outcome in told.items()} == {n: n % 3 for n in range(12)}
    assert store.counters()["booked"] == 12


def test_a_store_in_order_says_so_and_when_it_has_committed(store: Store) -> None:
    assert store.committed_at is None
    store.check()
    store.book([call(1)], ())
    assert store.committed_at is not None and store.fault is None
    assert store.size() >= 0
    store.close()
    store.close()


@pytest.mark.parametrize("opened", KEPT, indirect=True)
def test_what_was_booked_is_there_when_the_store_is_opened_again(opened: Open) -> None:
    first = opened(calls=2)
    first.book([call(n, application="desk") for n in (1, 2, 3)], [span(1)])
    trimmed(first)
    first.close()
    second = opened(calls=2)
    assert second.counters()["booked"] == 3 and len(second.trace_spans("t1")) == 1
    assert second.book([call(1), call(2)], ()) == Outcome(duplicates=1, late=1)
    assert second.totals()[0].calls == 3 and second.size() > 0


@pytest.mark.parametrize("opened", KEPT, indirect=True)
def test_two_stores_on_one_database_see_each_others_calls_and_trims(opened: Open) -> None:
    one, other = opened(calls=3), opened(calls=1)
    for number in range(1, 9):
        (one, other)[number % 2].book([call(number)], ())
        assert {sum(group.calls for group in store.totals()) for store in (one, other)} == {number}
        (other, one)[number % 3 == 0].trim()
        assert {sum(amount.pico for amount in store.amounts([EVERYTHING])[0]) for store in (one, other)} == (
            {number * 10**12}
        )
