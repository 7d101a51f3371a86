"""Batches that meet at the disk: committed together, answered apart; and readers that hold nobody up."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from genmeter.ledger import Call, Ledger
from genmeter.ledger.questions import EVERYTHING, TOTALS_BY, Group, Outcome, Window
from genmeter.ledger.sqlite import Caps, SqliteStore
from tests.ledger.otlp import NOON, SECOND, chat, span, traces
from tests.ledger.stores import STORES


def call(number: int, response: int | None = None, cents: int = 1, signal: int = 1, **more: str) -> Call:
    return Call(
        trace_id="1", span_id=str(number), signals=signal, started_ns=NOON + number, operation="chat",
        provider="openai", response_id=None if response is None else f"r{response}", currency="USD",
        cost_pico=cents * 10**10, cost_status="priced", **more,
    )  # fmt: skip


def expected(calls: list[Call]) -> Counter[str]:
    """What must become of the calls, one after the other, by the rules of ``Outcome``."""
    money: dict[str, int | None] = {}
    signals: dict[str, int] = {}
    responses: set[str] = set()
    held: set[tuple[str, str, int | None]] = set()
    counts: Counter[str] = Counter()
    for one in calls:
        key = one.span_id
        if key not in money and one.response_id not in responses:
            money[key], signals[key] = one.cost_pico, one.signals
            responses |= {one.response_id} if one.response_id else set()
            counts["booked"] += 1
            continue
        if key not in money:
            kind, evidence = "suspected", (key, "response", None)
        elif money[key] != one.cost_pico:
            kind, evidence = "conflicts", (key, "money", one.cost_pico)
        elif signals[key] | one.signals != signals[key]:
            signals[key] |= one.signals
            counts["merged"] += 1
            continue
        else:
            counts["duplicates"] += 1
            continue
        counts["duplicates" if evidence in held else kind] += 1
        held.add(evidence)
    return counts


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("size", [1, 7, 400])
def test_however_calls_are_batched_each_is_booked_as_if_it_came_alone(seed: int, size: int) -> None:
    dice = random.Random(seed)
    calls = [
        call(
            dice.randrange(1, 60),
            dice.choice([None, dice.randrange(20)]),
            dice.choice([1, 1, 1, 2]),
            dice.choice([1, 2]),
            **({"department": "legal"} if dice.random() < 0.5 else {}),
        )
        for _ in range(400)
    ]
    store = SqliteStore()
    for first in range(0, len(calls), size):
        store.book(calls[first : first + size], ())
    counters = store.counters()
    names = ("booked", "merged", "duplicates", "conflicts", "suspected")
    assert {name: counters.get(name, 0) for name in names} == {name: expected(calls)[name] for name in names}
    store.close()


def held_together(store: SqliteStore, batches: list[list[Call]]) -> list[Outcome | BaseException]:
    """Book the batches so that they wait for the disk at the same time; what each of them was told."""
    told: list[Outcome | BaseException | None] = [None] * len(batches)

    def book(n: int) -> None:
        try:
            told[n] = store.book(batches[n], ())
        except Exception as error:
            told[n] = error

    threads = [threading.Thread(target=book, args=(n,)) for n in range(len(batches))]
    with store._leading:
        for thread in threads:
            thread.start()
        while len(store._waiting) < len(batches):
            time.sleep(0.001)
    for thread in threads:
        thread.join(60)
    return [one for one in told if one is not None]


def commits(path: Path) -> int:
    """Transactions in the log: a commit frame names the size of the database, the others name 0."""
    raw = Path(f"{path}-wal").read_bytes()
    page = int.from_bytes(raw[8:12], "big")
    frames = range(32, len(raw) - 24 - page + 1, 24 + page)
    return sum(raw[at + 4 : at + 8] != b"\0\0\0\0" for at in frames)


def test_batches_that_wait_at_the_same_time_share_one_commit_and_each_hears_its_own(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "l.db"))
    before = commits(tmp_path / "l.db")
    told = held_together(store, [[call(n), call(n + 100), call(n)][: n % 4] for n in range(12)])
    assert commits(tmp_path / "l.db") - before == 1
    assert [(one.booked, one.duplicates) for one in told] == [(min(n % 4, 2), int(n % 4 == 3)) for n in range(12)]
    store.close()


def test_a_batch_that_cannot_be_written_does_not_take_its_neighbours_with_it(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "l.db"))
    # a lone surrogate has no UTF-8; OTLP cannot carry one, so this stands for a fault of ours
    told = held_together(store, [[call(1)], [call(2), call(3, department="\ud800")], [call(4)]])
    assert [type(one) for one in told] == [Outcome, UnicodeEncodeError, Outcome]
    assert {one.span_id for one in store.latest(9, EVERYTHING)} == {"1", "4"}
    store.close()


def test_a_long_question_holds_up_no_batch(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "l.db") as ledger:
        ledger.book_traces(traces(span(1, chat())))
        asked, answer = threading.Event(), threading.Event()

        def ponder(connection: sqlite3.Connection) -> int:
            connection.execute("SELECT count(*) FROM calls").fetchone()
            asked.set()
            assert answer.wait(60)
            return connection.execute("SELECT count(*) FROM calls").fetchone()[0]

        found: list[int] = []
        thread = threading.Thread(target=lambda: found.append(ledger.store._database.read(ponder)))
        thread.start()
        assert asked.wait(60)
        assert ledger.book_traces(traces(span(2, chat()))).outcome.booked == 1
        assert ledger.counters()["booked"] == 2
        answer.set()
        thread.join(60)
        assert found == [1]


def test_without_caps_no_call_goes_and_with_none_no_span_is_kept(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "l.db", max_rows=None, max_spans=0) as ledger:
        with ledger.store._database.transaction() as connection:
            connection.execute("INSERT INTO counters VALUES ('rows_calls', 9000000000)")
        ledger.book_traces(traces(span(1, chat()), span(2, {})))
        assert ledger.counters()["rows_calls"] == 9_000_000_001
        assert ledger.store.trace_spans("0" * 31 + "1") == []


def sums(groups: list[Group]) -> dict[object, tuple[int, int, int]]:
    return {(*group.key, group.currency): (group.calls, group.unpriced, group.cost) for group in groups}


@pytest.mark.parametrize(("kind", "seed"), [*(("sqlite", seed) for seed in range(4)), ("postgres", 4)])
def test_totals_stay_exact_whatever_is_booked_trimmed_and_asked_in_between(
    tmp_path: Path, kind: str, seed: int
) -> None:
    dice = random.Random(seed)
    store, other = (STORES[kind](tmp_path, Caps(calls=calls)) for calls in (25, 40))
    n = 0
    for _ in range(60):
        who = dice.choice([store, store, other])
        size = dice.randrange(1, 9)
        calls = [call(n + k, cents=dice.randrange(9), department=dice.choice("abc")) for k in range(size)]
        # late ones are trimmed first, and their row numbers are used again
        for one in calls:
            one.started_ns += dice.choice([0, 0, 5 * SECOND])
        n += size
        who.book(calls, ())
        if dice.random() < 0.7:
            who.trim()
        if dice.random() < 0.4:
            assert sums(store.totals()) == sums(store.groups(TOTALS_BY, EVERYTHING))
    assert sums(store.totals()) == sums(store.groups(TOTALS_BY, EVERYTHING))
    booked = store.counters()["booked"]
    assert sum(group.calls for group in store.totals()) == booked > 100
    store.close()
    other.close()


def test_totals_read_only_what_is_new(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "l.db"))
    store.book([call(1, department="a")], ())
    assert [group.key for group in store.totals()] == [(None, "a", None)]
    # a row that was read is not read again, or this would be seen
    with store._database.transaction() as connection:
        connection.execute("UPDATE kinds SET department = 'changed'")
    store.book([call(2, department="b")], ())
    assert {group.key[1]: group.calls for group in store.totals()} == {"a": 1, "b": 1}
    store.close()


def test_a_scope_that_changed_while_reading_all_again_was_too_dear_is_seen_later_whatever_was_trimmed(
    tmp_path: Path,
) -> None:
    store = SqliteStore(str(tmp_path / "l.db"), Caps(calls=2))
    late = Window(NOON + 3)
    store.book([call(n) for n in (1, 2, 3)], ())
    assert [amount.scope[-1] for amount in store.amounts([late])[0]] == [None]
    # as after a reading of a month that took a minute
    store._watch._patient_until = time.monotonic() + 240
    store.book([call(3, signal=2, environment="prod")], ())
    assert [amount.scope[-1] for amount in store.amounts([late])[0]] == [None]
    assert store.trim() == 1
    store._watch._patient_until = 0
    assert [(amount.scope[-1], amount.pico) for amount in store.amounts([late])[0]] == [("prod", 10**10)]
    store.close()
