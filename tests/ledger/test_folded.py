"""The second record of a call whose first one has been folded into its day is set aside, and a second call is booked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from genmeter.ledger import Call, Ledger
from genmeter.ledger.questions import EVERYTHING
from genmeter.ledger.sqlite import Caps, SqliteStore, folded
from genmeter.reading import Recorded
from genmeter.reports import spend
from genmeter.settings import Settings
from tests.ledger.otlp import NOON, SECOND, chat, details
from tests.ledger.stores import APART, place
from tests.ledger.test_doubles import LANGCHAIN, Sent, one_by_one, ours, request, set_aside, theirs


@pytest.fixture(params=APART)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(place(request.param, tmp_path), price=Recorded(Settings()).price, max_rows=1) as opened:
        yield opened


def fold(ledger: Ledger, first: Sent, *, later: int = 3_600_000) -> None:
    """Book a call, and trim it: a later call of another trace takes its place."""
    ledger.book_traces(request([first]))
    scope, other = ours(99, at=later)
    other.trace_id = b"\7" * 16
    ledger.book_traces(request([(scope, other)]))
    assert ledger.counters()["trimmed_calls"] == 1


def dollars(ledger: Ledger) -> int:
    return sum(row.cost.get("USD", 0) for row in spend(ledger))


ONE = 125 * 10**8


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (theirs(1), ours(2)),
        (theirs(1), ours(2, parent=1)),
        (ours(2, at=-100), theirs(1, at=0)),
        (theirs(1, tokens=None), ours(2, parent=1)),
        (ours(1, at=-50, gen_ai__response__id="resp-1"), theirs(2, gen_ai__response__id="resp-1", at=5_000)),
    ],
    ids=("by time", "by the tree", "a framework comes last", "without tokens", "by the response id"),
)
def test_the_second_record_of_a_folded_call_is_set_aside(ledger: Ledger, first: Sent, second: Sent) -> None:
    fold(ledger, first)
    before = dollars(ledger)
    booked = ledger.book_traces(request([second])).outcome
    assert (booked.booked, booked.doubles + booked.suspected) == (0, 1)
    assert dollars(ledger) == before
    number = int.from_bytes(second[1].span_id, "big")
    assert set_aside(ledger)[number][0] == int.from_bytes(first[1].span_id, "big")
    again = ledger.book_traces(request([second])).outcome
    assert (again.booked, again.duplicates) == (0, 1)


def test_the_second_signal_of_a_folded_call_is_late_though_it_began_later_by_its_own_clock(ledger: Ledger) -> None:
    fold(ledger, ours(1))
    event = details(1, {**chat(), "genmeter.call.duration": 1.9}, ended_ns=NOON + 2 * SECOND)
    outcome = ledger.book_logs(event).outcome
    assert (outcome.booked, outcome.late) == (0, 1)
    assert dollars(ledger) == 2 * ONE


@pytest.mark.parametrize(
    "second",
    [
        ours(2, at=10),
        theirs(2, at=10, tokens=999),
        theirs(2, at=100_000),
        theirs(2, at=10, gen_ai__request__model="another", gen_ai__response__model="another"),
    ],
    ids=("ours", "other tokens", "much later", "another model"),
)
def test_a_second_call_of_the_trace_is_booked(ledger: Ledger, second: Sent) -> None:
    fold(ledger, ours(1))
    assert ledger.book_traces(request([second])).outcome.booked == 1


def test_a_folded_call_stands_for_one_call_of_each_instrumentation(ledger: Ledger) -> None:
    fold(ledger, ours(1))
    one_by_one(ledger, theirs(2, at=10, seconds=2), theirs(3, at=20, seconds=2))
    assert set_aside(ledger) == {2: (1, "double")}


def test_only_the_last_of_the_trimmed_calls_are_kept_and_never_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folded, "MOST", 20)
    store = SqliteStore(caps=Caps(calls=5))
    known = {"operation": "chat", "provider": "acme", "duration_ns": SECOND}
    sent = [
        Call(trace_id=f"{n:032x}", span_id=f"{n:016x}", started_ns=NOON + n * SECOND, **known) for n in range(1, 50)
    ]
    store.book(sent, ())
    assert store.trim() == 44
    with store._database.transaction() as connection:
        kept = [row[0] for row in connection.execute("SELECT id FROM folded ORDER BY id")]
    # the last one that went began at 44 s: the others ended up to 10 s before that
    assert kept == list(range(33, 45))
    crowd = [
        Call(trace_id=f"{n:032x}", span_id=f"{n:016x}", started_ns=NOON + 60 * SECOND + n, **known)
        for n in range(100, 200)
    ]
    store.book(crowd, ())
    while store.trim():
        pass
    with store._database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM folded").fetchone() == (20,)
    assert sum(group.calls for group in store.groups(["model"], EVERYTHING)) == 149
    store.close()


def test_a_kind_of_a_folded_call_is_not_swept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genmeter.ledger.sqlite.entries.MOST_UNSWEPT", 0)
    with Ledger.open(price=Recorded(Settings()).price, max_rows=1) as ledger:
        fold(ledger, theirs(1, scope=LANGCHAIN, user__id="u-1"))
        assert ledger.book_traces(request([ours(2, parent=1)])).outcome.doubles == 1
