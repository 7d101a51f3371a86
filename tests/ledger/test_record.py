"""The record that finance closes: sealed periods, adjustments beside the calls, sums that are checked, tiers that age."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from genmeter.ledger import Call, StorageError
from genmeter.ledger.adjustments import CORRECTED, Adjustment, Revision
from genmeter.ledger.call import USAGE_FIELDS
from genmeter.ledger.questions import EVERYTHING, Outcome, Window
from genmeter.ledger.sqlite import Caps, SqliteStore
from genmeter.ledger.sqlite.store import Booker
from tests.ledger.otlp import NOON, SECOND
from tests.ledger.stores import KEPT, STORES

DAY = 86_400 * SECOND
MIDNIGHT = NOON - 12 * 3600 * SECOND
"""2026-11-21T00:00:00Z."""
CLOSING = MIDNIGHT + 9 * DAY
FIRST = Window(MIDNIGHT, MIDNIGHT + DAY)
DOLLAR = 10**12


def call(number: int, *, dollars: int | None = 1, day: int = 0, **more: Any) -> Call:
    """A call of one dollar, at noon of a day from 2026-11-21 on, with 100 tokens and the rare count of 7 searches."""
    money: dict[str, Any] = {"cost_status": "unpriced", "cost_reason": "unknown_model"}
    if dollars is not None:
        money = {"cost_status": "priced", "currency": "USD", "cost_pico": dollars * DOLLAR}
    usage: list[int | None] = [None] * len(USAGE_FIELDS)
    usage[USAGE_FIELDS.index("input")], usage[USAGE_FIELDS.index("searches")] = 100, 7
    given = {
        "trace_id": f"t{number}", "span_id": f"s{number}", "started_ns": NOON + day * DAY + number * SECOND,
        "operation": "chat", "provider": "openai", "request_model": "gpt-5", "usage": tuple(usage), **money,
    }  # fmt: skip
    return Call(**(given | more))  # type: ignore[arg-type]


Open = Callable[..., Booker]


@pytest.fixture(params=KEPT)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Open the store under test, with ``Caps`` as keywords; it is closed at the end."""
    stores: list[Booker] = []

    def open_store(**caps: Any) -> Booker:
        stores.append(STORES[request.param](tmp_path, Caps(**caps)))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Open) -> Booker:
    return opened()


@pytest.fixture
def file(tmp_path: Path) -> SqliteStore:
    return SqliteStore(str(tmp_path / "ledger.db"))


def money(store: Booker, window: Window = EVERYTHING) -> tuple[int, int, int]:
    """Calls, dollars, searches."""
    groups = store.groups(["model"], window)
    searches = sum(group.usage[USAGE_FIELDS.index("searches")] for group in groups)
    return sum(group.calls for group in groups), sum(group.cost for group in groups) // DOLLAR, searches


def remember(store: Booker) -> None:
    """Ask for the sums that follow all that comes from now on."""
    store.totals()
    store.amounts([FIRST, EVERYTHING])


def keep(store: Booker, now: int = CLOSING) -> None:
    while store.upkeep(now):
        pass


def write(store: Booker, statement: str) -> None:
    """Change the tables behind the store's back."""
    with store._database.transaction() as connection:
        connection.execute(statement)


def test_what_comes_after_the_seal_counts_in_the_open_period_once(store: Booker) -> None:
    store.book([call(1), call(2, dollars=2)], ())
    assert store.seal("2026-11-21", CLOSING).cost == {"USD": 3 * DOLLAR}
    late = call(3, dollars=4)
    assert store.book([late], ()) == Outcome(booked=1, adjusted=1)
    assert store.book([late, replace(late, signals=2)], ()) == Outcome(duplicates=1, merged=1)
    assert money(store, FIRST) == (2, 3, 14)
    assert money(store, Window(FIRST.until_ns, None)) == (1, 4, 7)
    assert money(store) == (3, 7, 21)
    (one,) = store.adjustments(EVERYTHING)
    assert (one.sign, one.reason, one.call, one.is_call) == (1, "after_seal", late, True)
    assert one.counted_ns is not None and one.counted_ns >= MIDNIGHT + DAY
    # the call is shown when it was, and a budget of the sealed day does not see it
    assert late in [replace(found, signals=1) for found in store.latest(9, FIRST)]
    assert [sum(a.pico for a in amounts) for amounts in store.amounts([FIRST, EVERYTHING])] == [3 * DOLLAR, 7 * DOLLAR]
    assert store.verify().differences == []


@pytest.mark.parametrize("environment", [None, "prod"])
def test_a_second_signal_changes_no_sum_of_a_sealed_period(store: Booker, environment: str | None) -> None:
    plain = (100, *(None,) * (len(USAGE_FIELDS) - 1))
    store.book([call(1, usage=plain)], ())
    store.seal("2026-11-21", CLOSING)
    remember(store)
    told = call(1, usage=plain, signals=2, environment=environment, error_type="timeout", parent_span_id="s0")
    assert [store.book([told], ()) for _ in range(2)] == [Outcome(merged=1), Outcome(duplicates=1)]
    sealed = [(group.key, group.calls, group.errors) for group in store.groups(["environment"], FIRST)]
    assert sealed == [((None,), 1, 0)]
    after = {group.key: (group.calls, group.cost, group.errors) for group in store.groups(["environment"], EVERYTHING)}
    assert after == {(environment,): (1, DOLLAR, 1)}
    assert store.latest(1, EVERYTHING)[0].parent_span_id == "s0"
    assert store.verify().differences == []


def test_a_double_that_is_found_after_the_seal_is_taken_back_in_the_open_period(store: Booker) -> None:
    framework = {"trace_id": "t", "scope": "acme.framework", "duration_ns": 3 * SECOND}
    store.book([call(1, **framework)], ())
    store.seal("2026-11-21", CLOSING)
    own = call(2, trace_id="t", parent_span_id="s1", duration_ns=SECOND)
    for _ in range(2):
        store.book([own], ())
    assert money(store, FIRST) == (1, 1, 7)
    assert money(store) == (1, 1, 7)
    assert {(one.call.span_id, one.sign, one.reason) for one in store.adjustments(EVERYTHING)} == {
        ("s1", -1, "withdrawn"),
        ("s2", 1, "after_seal"),
    }
    assert store.verify().differences == []


def test_a_revision_counts_once_and_only_on_top_of_what_it_was_made_for(store: Booker) -> None:
    store.book([call(1, dollars=None), call(2)], ())
    old = store.walk(EVERYTHING)[0][1]
    dear = Revision(old, call(1, dollars=5), CORRECTED, "the price was published later")
    assert [store.revise([dear], batch) for batch in ("a", "b")] == [1, 0]
    # the period is open, so the price counts when the call began
    assert money(store, FIRST) == (2, 6, 14)
    assert [call.cost_pico for _, call in store.walk(EVERYTHING)] == [5 * DOLLAR, DOLLAR]
    assert sum(group.unpriced for group in store.groups([], EVERYTHING)) == 0
    # a replay of the record is still a replay, and takes no price away
    assert store.book([call(1, dollars=None)], ()) == Outcome(duplicates=1)
    assert store.revise([Revision(call(1, dollars=5), None, CORRECTED)], "c") == 1
    assert (money(store), [call.span_id for _, call in store.walk(EVERYTHING)]) == ((1, 1, 7), ["s2"])
    assert sum(group.cost for group in store.totals()) == DOLLAR


def test_a_credit_is_money_and_no_call_and_is_never_booked_into_a_sealed_period(store: Booker) -> None:
    store.book([call(1, dollars=5)], ())
    remember(store)
    credit = Adjustment(
        call(9, dollars=2, usage=(None,) * len(USAGE_FIELDS)), -1, "credit", "promised", "bill 7", False
    )
    assert [store.adjust([credit]) for _ in range(2)] == [1, 0]
    assert money(store) == (1, 3, 7)
    assert (sum(g.calls for g in store.totals()), sum(g.cost for g in store.totals())) == (1, 3 * DOLLAR)
    assert sum(amount.pico for amount in store.amounts([EVERYTHING])[0]) == 3 * DOLLAR
    store.seal("2026-11-21", CLOSING)
    with pytest.raises(ValueError, match="sealed"):
        store.adjust([credit._replace(batch="bill 8", counted_ns=NOON)])
    assert money(store, FIRST) == (1, 3, 7)


def test_seals_are_a_chain_of_ended_periods(store: Booker) -> None:
    store.book([call(n, day=n) for n in range(3)], ())
    first, second = store.seal("2026-11-21", CLOSING), store.seal("2026-11-23", CLOSING)
    assert (first.since_ns, first.until_ns, second.since_ns) == (0, MIDNIGHT + DAY, MIDNIGHT + DAY)
    assert (first.calls, second.calls, store.seals()) == (1, 2, [first, second])
    for name, words in (("2026-11-22", "sealed already"), ("2026-12", "has not ended"), ("November", "no day")):
        with pytest.raises(ValueError, match=words):
            store.seal(name, CLOSING)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("UPDATE entries SET cost_pico = cost_pico + 1 WHERE id = 2", "seal 1 of 2026-11-21"),
        ("UPDATE entries SET usage_input = 99 WHERE id = 2", "seal 1 of 2026-11-21"),
        ("DELETE FROM entries WHERE id = 2", "seal 1 of 2026-11-21"),
        ("UPDATE extras SET usage_searches = 6 WHERE id = 2", "seal 1 of 2026-11-21"),
        ("UPDATE seals SET calls = 2 WHERE number = 1", "its hash in the chain"),
        ("DELETE FROM seals WHERE number = 1", "its begin"),
        ("UPDATE seals SET sealed_ns = sealed_ns + 1 WHERE number = 1", "seal 2 of 2026-11-22, its hash in the chain"),
        ("UPDATE days SET cost_rest = cost_rest + 1", "the sums of days on day 2026-11-21"),
        ("UPDATE sessions SET calls = calls + 1", "the sums of trimmed sessions on day 2026-11-20"),
        ("UPDATE daily SET cost_rest = 1", "the sums of trimmed sessions on day 2026-11-20"),
        ("DELETE FROM adjustments", "no adjustment counts"),
        ("UPDATE counters SET value = 7 WHERE name = 'rows_calls'", "rows of calls"),
    ],
)
def test_a_change_behind_the_ledgers_back_is_told_with_its_place(opened: Open, change: str, where: str) -> None:
    store = opened(calls=3, session_days=90)
    store.book([call(8, day=-1), call(1), call(2, day=1), call(9, day=-1)], ())
    while store.trim():
        pass
    keep(store)
    store.seal("2026-11-21", CLOSING)
    seal = store.seal("2026-11-22", CLOSING)
    store.book([call(3)], ())
    assert store.verify().differences == []
    write(store, change)
    if "sealed_ns" in change:
        # who repairs the first seal's own hash still breaks the next one
        from genmeter.ledger.seals import bound

        first = store.seals()[0]
        write(store, f"UPDATE seals SET hash = '{bound(first, None)}' WHERE number = 1")
    assert where in " | ".join(found.where for found in store.verify().differences)
    assert seal.number == 2


def test_sums_of_a_dirty_day_are_computed_anew_and_answer_like_its_calls(store: Booker) -> None:
    days = [call(n, day=n // 3, department="ab"[n % 2], session=f"s{n % 4}", user_hash=f"u{n}") for n in range(12)]
    store.book(days[:10], ())
    by = (["model"], ["department", "day"], ["user_hash"], ["session"], ["environment"])
    windows = (EVERYTHING, Window(MIDNIGHT, MIDNIGHT + 2 * DAY), Window(NOON + SECOND, NOON + 2 * DAY), Window(run=""))

    def asked() -> list[list[tuple[object, ...]]]:
        found = [store.groups(names, window) for names in by for window in windows]
        return [
            sorted(((*g.key, g.currency, g.calls, g.cost, g.usage, g.first_ns, g.last_ns) for g in one), key=str)
            for one in found
        ]

    before = asked()
    assert store.upkept().dirty_days == 4
    keep(store)
    assert (store.upkept().dirty_days, asked()) == (0, before)
    store.book(days[10:], ())
    assert store.upkept().dirty_days == 1
    again = asked()
    keep(store)
    assert asked() == again != before
    kept = store.upkept()
    assert (kept.retained_ns, kept.checked_ns, kept.differences) == (CLOSING, CLOSING, 0)


def test_a_broken_sum_is_counted_by_the_services_own_check(store: Booker) -> None:
    store.book([call(1)], ())
    keep(store)
    write(store, "UPDATE days SET calls = 2")
    keep(store, CLOSING + 2 * DAY)
    # by day, and in what a report by model answers
    assert store.upkept().differences == 2


def test_each_tier_is_kept_for_its_age(opened: Open) -> None:
    store = opened(days=30, session_days=90, day_days=730, patient=True)
    now = NOON + 1_000 * DAY
    for age in (1, 29, 31, 89, 91, 729, 732):
        store.book([call(age, session=f"s-{age}", started_ns=now - age * DAY)], ())
    store.adjust([Adjustment(call(5, started_ns=now - age * DAY), 1, "credit", batch=str(age)) for age in (10, 800)])
    # with a batch nothing goes: the upkeep of the service takes what is too old
    assert len(store.latest(99, EVERYTHING)) == 7
    keep(store, now)
    assert [one.trace_id for one in store.latest(99, EVERYTHING)] == ["t1", "t29"]
    sessions = {group.key[0] for group in store.groups(["session"], EVERYTHING)}
    assert sessions == {"s-1", "s-29", "s-31", "s-89", None}
    # six calls of seven, one adjustment of two
    assert money(store)[:2] == (7, 7)
    assert store.verify().differences == []
    assert store.upkept().retained_ns == now


def test_what_may_be_accepted_is_always_younger_than_what_was_trimmed(opened: Open) -> None:
    """Else a replay of a trimmed call, whose key is gone, would be booked again."""
    store = opened(calls=3)
    sent = [call(n) for n in range(1, 9)]
    store.book(sent, ())
    while store.trim():
        pass
    assert store.book(sent, ()) == Outcome(duplicates=3, late=5)
    assert store.quarantine_counts() == {"late": 5}
    assert money(store) == (8, 8, 56)


def test_a_backup_that_is_made_while_others_book_is_a_whole_ledger(file: SqliteStore, tmp_path: Path) -> None:
    store = file
    store.book([call(n) for n in range(200)], ())
    store.seal("2026-11-21", CLOSING)
    ended = threading.Event()

    def book() -> None:
        number = 1_000
        while not ended.is_set():
            store.book([call(number, day=2)], ())
            number += 1

    writer = threading.Thread(target=book)
    writer.start()
    copy = tmp_path / "copy.db"
    try:
        store.backup(str(copy))
    finally:
        ended.set()
        writer.join()
    with pytest.raises(FileExistsError):
        store.backup(str(copy))
    assert copy.stat().st_mode & 0o077 == 0
    assert [file.name for file in tmp_path.glob("copy*")] == ["copy.db"]
    # restored: the copy in the place of a ledger that is lost
    store.close()
    lost = Path(store.path)
    for part in tmp_path.glob("ledger.db*"):
        part.unlink()
    copy.rename(lost)
    restored = SqliteStore(str(lost))
    assert restored.verify().differences == []
    calls, dollars, _ = money(restored)
    assert calls == dollars >= 200
    assert restored.book([call(7)], ()) == Outcome(duplicates=1)
    assert [one.name for one in restored.seals()] == ["2026-11-21"]
    restored.close()


def test_a_backup_that_cannot_be_written_leaves_nothing_behind(file: SqliteStore, tmp_path: Path) -> None:
    store = file
    with pytest.raises((StorageError, OSError)):
        store.backup(str(tmp_path / "no folder" / "copy.db"))
    assert not (tmp_path / "no folder").exists()
