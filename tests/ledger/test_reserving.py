"""Reservations: whatever the order of requests, a budget is over by at most one call, and no money stays held."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from genmeter.ledger import Ledger
from genmeter.ledger.reserving import FOLDED_NS, LEASE_NS, SECOND_NS, Change, Granted, Share, Wanted, grant
from tests.ledger.stores import APART, place

AMOUNT, DEAREST = 1_000_000, 3_000


def wanted(holder: str, turn: int, **more: int) -> Wanted:
    """A request of one process about the period that begins at 0."""
    return Wanted("team", 0, holder, turn, more.get("used", 0), more.get("keep", 0), more.get("largest", 0),
                  more.get("waiting", 0), more.get("ahead", 0))  # fmt: skip


def ask(ledger: Ledger, one: Wanted, *, booked: int = 0, now_ns: int = 0, reserve: int = 0) -> Granted:
    """One request, through the store."""

    def decide(shares: list[Share]) -> tuple[Change, Granted]:
        return grant(shares, one, amount=AMOUNT, reserve=reserve, booked=booked, now_ns=now_ns)

    return ledger.store.reserve("team", 0, decide)  # type: ignore[arg-type]


@pytest.fixture(params=APART)
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(place(request.param, tmp_path)) as opened:
        yield opened


class TestGrant:
    """One request."""

    def test_what_others_hold_is_not_granted_again(self, ledger: Ledger) -> None:
        assert ask(ledger, wanted("a", 1, waiting=2), reserve=400_000).slots == 2
        assert ask(ledger, wanted("b", 1, waiting=2), reserve=400_000).slots == 0

    def test_what_the_ledger_has_booked_counts_also_where_no_process_reported_it(self, ledger: Ledger) -> None:
        granted = ask(ledger, wanted("a", 1, waiting=5), reserve=100_000, booked=700_000)
        assert (granted.slots, granted.spent) == (3, 700_000)

    def test_a_report_that_arrives_twice_counts_once(self, ledger: Ledger) -> None:
        ask(ledger, wanted("a", 1, used=70))
        ask(ledger, wanted("a", 1, used=70))
        assert ask(ledger, wanted("b", 1)).spent == 70

    def test_a_request_that_was_overtaken_takes_nothing_back(self, ledger: Ledger) -> None:
        ask(ledger, wanted("a", 1))
        ask(ledger, wanted("a", 3, used=90, keep=500))
        late = ask(ledger, wanted("a", 2, used=20, keep=0, waiting=1))
        assert (late.slots, late.spent, late.held) == (0, 90, 500)

    def test_the_last_rest_lets_one_call_through_and_no_second(self, ledger: Ledger) -> None:
        assert ask(ledger, wanted("a", 1, used=AMOUNT - 5, waiting=3), reserve=1000).slots == 1
        assert ask(ledger, wanted("b", 1, waiting=1), reserve=1000).slots == 0

    def test_a_lease_that_ended_is_free_again(self, ledger: Ledger) -> None:
        ask(ledger, wanted("a", 1, waiting=1), reserve=AMOUNT)
        assert ask(ledger, wanted("b", 1, waiting=1), reserve=AMOUNT, now_ns=LEASE_NS - 1).slots == 0
        assert ask(ledger, wanted("b", 2, waiting=1), reserve=AMOUNT, now_ns=LEASE_NS).slots == 1

    def test_near_the_end_no_process_keeps_the_rest_for_calls_to_come(self, ledger: Ledger) -> None:
        """Half of what is left at most, shared by those who are there."""
        ask(ledger, wanted("a", 1, used=AMOUNT - 40_000))
        assert ask(ledger, wanted("b", 1, ahead=64), reserve=1000).slots == 10

    def test_a_dear_call_makes_the_next_ones_reserve_as_much(self, ledger: Ledger) -> None:
        ask(ledger, wanted("a", 1, used=50_000, largest=50_000))
        assert ask(ledger, wanted("b", 1, waiting=1)).slot == 50_000

    def test_processes_that_are_gone_for_long_are_one_sum_and_a_late_word_of_theirs_counts_once(
        self, ledger: Ledger
    ) -> None:
        for name in "abc":
            ask(ledger, wanted(name, 1, used=100))
        later = LEASE_NS + FOLDED_NS + SECOND_NS
        assert ask(ledger, wanted("d", 1), now_ns=later).spent == 300
        assert ask(ledger, wanted("a", 2, used=150), now_ns=later).forgotten
        assert ask(ledger, wanted("e", 1, used=50), now_ns=later).spent == 350

    def test_amounts_beyond_an_integer_of_the_database_are_exact(self, ledger: Ledger) -> None:
        large = 10**21 + 1
        ask(ledger, wanted("a", 1, used=large))
        assert ask(ledger, wanted("b", 1, used=1)).spent == large + 1

    def test_an_earlier_period_goes_when_it_is_over(self, ledger: Ledger) -> None:
        ask(ledger, wanted("a", 1, used=5))
        seen: list[Share] = []

        def decide(shares: list[Share]) -> tuple[Change, None]:
            seen.extend(shares)
            return Change(), None

        ledger.store.reserve("team", 1, decide)  # type: ignore[arg-type]
        assert seen == []


@dataclass
class Process:
    """A process that keeps to what it was granted."""

    name: str
    turn: int = 0
    used: int = 0
    told: int = 0
    largest: int = 0
    slots: int = 0
    slot: int = 0
    until: int = 0
    open: list[int] = field(default_factory=list[int])


class Team:
    """Processes on one budget. Chance decides who acts, which answer is lost, and which process is killed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.rows: dict[str, Share] = {}
        self.now = self.spent = self.untold = self.born = 0
        self.processes = [self.start() for _ in range(8)]

    def start(self) -> Process:
        self.born += 1
        return Process(str(self.born))

    def ask(self, one: Wanted) -> Granted:
        rows = list(self.rows.values())
        change, granted = grant(rows, one, amount=AMOUNT, reserve=DEAREST, booked=0, now_ns=self.now)
        for row in change.drop:
            del self.rows[row.holder]
        self.rows |= {row.holder: row for row in change.put}
        return granted

    def talk(self, one: Process) -> None:
        one.turn += 1
        if self.now >= one.until:
            one.slots = 0
        keep = (one.slots + len(one.open)) * DEAREST
        more = {"waiting": 1, "ahead": self.chance.randrange(5)}
        request = wanted(one.name, one.turn, used=one.used, keep=keep, largest=one.largest, **more)
        granted = self.ask(request)
        one.told = one.used
        if self.chance.random() < 0.2:
            return  # the answer is lost, and what was granted with it is given back by the next request
        if self.chance.random() < 0.2:
            assert self.ask(request).slots == 0  # a proxy has sent it twice
        one.slots += granted.slots
        one.until = self.now + LEASE_NS

    def step(self) -> None:
        at = self.chance.randrange(len(self.processes))
        one, deed = self.processes[at], self.chance.random()
        self.now += self.chance.randrange(SECOND_NS // 10)
        if deed < 0.4:
            self.talk(one)
        elif deed < 0.7 and one.slots and self.now < one.until:
            one.slots -= 1
            one.open.append(self.chance.randrange(1, DEAREST + 1))
        elif deed < 0.98 and one.open:
            cost = one.open.pop()
            one.used, one.largest, self.spent = one.used + cost, max(one.largest, cost), self.spent + cost
        elif deed >= 0.99:
            self.untold += one.used - one.told
            self.processes[at] = self.start()  # killed in the middle of its calls


@pytest.mark.parametrize("seed", range(8))
def test_random_histories_are_over_by_at_most_one_call_and_leave_nothing_held(seed: int) -> None:
    """Lost answers, repeated requests and killed processes included. Of a killed process counts what it could tell."""
    team = Team(seed)
    for _ in range(9_000):
        team.step()
    told = team.spent - team.untold
    assert AMOUNT * 0.9 < told <= AMOUNT + DEAREST
    # after the leases all that is not spent can be spent
    team.now += LEASE_NS
    last = team.ask(wanted("last", 1, waiting=1_000))
    assert last.held == max((AMOUNT - last.spent) // DEAREST, int(last.spent < AMOUNT)) * DEAREST
