"""Whatever happens to a ledger, in whatever order, its money is that of the calls that it was told of, to the pico-dollar."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from genmeter.ledger import Call
from genmeter.ledger.adjustments import REPRICED, Revision
from genmeter.ledger.questions import EVERYTHING, Window
from genmeter.ledger.seals import SEALED_BY, digest
from genmeter.ledger.sqlite import Caps
from genmeter.ledger.sqlite.store import Booker
from tests.ledger.otlp import INHERITED, NOON, ROOT, SECOND
from tests.ledger.stores import STORES, place

DAY = 86_400 * SECOND
MIDNIGHT = NOON - 12 * 3600 * SECOND
DAYS = 6
NAMES = ("2026-11-21", "2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26")


def one(number: int, dice: random.Random) -> Call:
    """A call on one of six days, with a price or without."""
    priced = {"cost_status": "priced", "currency": "USD", "cost_pico": dice.randrange(10**12)}
    unpriced = {"cost_status": "unpriced", "cost_reason": "unknown_model"}
    return Call(
        trace_id=f"{number:032x}", span_id=f"{number:016x}", started_ns=MIDNIGHT + dice.randrange(DAYS * DAY),
        duration_ns=SECOND, operation="chat", provider="openai", request_model=dice.choice(("gpt-5", "house-7b")),
        department=dice.choice((None, "legal", "sales")), session=dice.choice((None, "s-1", "s-2")),
        usage=(dice.randrange(9_000), dice.randrange(900), *(None,) * 25), **dice.choice((priced, priced, unpriced)),
    )  # type: ignore[arg-type]  # fmt: skip


class History:
    """A ledger, and beside it what a person with a pencil would have written down."""

    def __init__(self, store: str, folder: Path, seed: int) -> None:
        self.kind, self.folder, self.dice = store, folder, random.Random(seed)
        self.calls = [one(number, self.dice) for number in range(1, 161)]
        self.cap = self.dice.choice((None, 60))
        self.store = self.open()
        self.costs: dict[int, int] = {}
        """Number → the cost of each call that was taken; 0 without a price."""
        self.kept: set[int] = set()
        self.trimmed_until = 0
        self.closed: dict[str, tuple[Window, str]] = {}

    def open(self) -> Booker:
        return STORES[self.kind](self.folder, Caps(calls=self.cap, session_days=36_000.0))

    def send(self) -> None:
        """Some calls, some of them for the second time, as span or as event, in any order."""
        numbers = [self.dice.randrange(len(self.calls)) for _ in range(self.dice.randrange(1, 12))]
        self.store.book([replace(self.calls[n], signals=self.dice.choice((1, 2))) for n in numbers], ())
        for n in numbers:
            if n not in self.costs and self.calls[n].started_ns > self.trimmed_until:
                self.costs[n] = self.calls[n].cost_pico or 0
                self.kept.add(n)

    def trim(self) -> None:
        if self.cap is None:
            return
        while self.store.tidy():
            pass
        oldest = sorted(self.kept, key=lambda n: self.calls[n].started_ns)
        for n in oldest[: max(len(oldest) - self.cap, 0)]:
            self.trimmed_until = max(self.trimmed_until, self.calls[n].started_ns)
            self.kept.remove(n)

    def seal(self) -> None:
        left = NAMES[len(self.closed) :]
        if len(left) > 2:
            made = self.store.seal(left[0], MIDNIGHT + 30 * DAY)
            window = Window(made.since_ns, made.until_ns)
            self.closed[left[0]] = (window, digest(self.store.groups(SEALED_BY, window)))

    def reprice(self) -> None:
        """A new price for some of the calls that are kept."""
        page = [call for _, call in self.store.walk(EVERYTHING)]
        chosen = self.dice.sample(page, min(len(page), 5))
        revisions = []
        for call in chosen:
            cost = self.dice.randrange(10**12)
            new = replace(call, cost_status="priced", cost_reason=None, currency="USD", cost_pico=cost)
            revisions.append(Revision(call, new, REPRICED))
            self.costs[int(call.span_id, 16) - 1] = cost
        assert self.store.revise(revisions, f"run {self.dice.random()}") == len(chosen)

    def keep(self) -> None:
        now = MIDNIGHT + self.dice.randrange(1, 40) * DAY
        while self.store.upkeep(now):
            pass

    def ask(self) -> None:
        """A question whose answer is remembered, and follows all that comes."""
        self.store.totals()
        self.store.amounts([Window(MIDNIGHT, MIDNIGHT + 2 * DAY), EVERYTHING])

    def again(self) -> None:
        self.store.close()
        self.store = self.open()

    def check(self) -> None:
        assert self.store.verify().differences == []
        total = sum(self.costs.values())
        for groups in (
            self.store.groups(SEALED_BY, EVERYTHING),
            self.store.totals(),
            self.store.groups(["session"], EVERYTHING),
        ):
            assert (sum(group.cost for group in groups), sum(group.calls for group in groups)) == (
                total,
                len(self.costs),
            )
        assert sum(amount.pico for amount in self.store.amounts([EVERYTHING])[0]) == total
        for window, sums in self.closed.values():
            assert digest(self.store.groups(SEALED_BY, window)) == sums


@pytest.mark.parametrize(
    ("store", "seed"), [*(("sqlite", seed) for seed in range(100)), *(("postgres", seed) for seed in range(100, 103))]
)
def test_replays_reorders_late_calls_seals_prices_trims_and_restarts_leave_the_same_money(
    tmp_path: Path, store: str, seed: int
) -> None:
    history = History(store, tmp_path, seed)
    steps = (history.send,) * 12 + (
        history.trim, history.seal, history.reprice, history.keep, history.ask, history.ask, history.again,
    )  # fmt: skip
    for _ in range(60):
        history.dice.choice(steps)()
    history.trim()
    history.check()
    history.keep()
    history.check()
    history.store.close()


KEEPS = """
import sys
from dataclasses import replace
from tests.ledger.test_histories import *
from genmeter.ledger import Ledger
path, seed = sys.argv[1], int(sys.argv[2])
dice = random.Random(7)
calls = [one(number, dice) for number in range(1, 401)]
store = Ledger.open(path, max_rows=None).store
dice = random.Random(seed)
while True:
    first = dice.randrange(400)
    store.book(calls[first:first + 20], ())
    page = [call for _, call in store.walk(EVERYTHING) if call.cost_status == "unpriced"]
    dearer = [replace(call, cost_status="priced", cost_reason=None, currency="USD", cost_pico=5) for call in page]
    store.revise([Revision(old, new, REPRICED) for old, new in zip(page, dearer)], str(dice.random()))
    if dice.randrange(4) == 0 and len(store.seals()) < 3:
        store.seal(NAMES[len(store.seals())], MIDNIGHT + 30 * DAY)
    store.upkeep(MIDNIGHT + 30 * DAY)
    print("kept", flush=True)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_ledger_whose_process_is_killed_again_and_again_is_whole_and_loses_nothing(tmp_path: Path, kind: str) -> None:
    path, dice = place(kind, tmp_path), random.Random(3)
    for seed in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", KEEPS, path, str(seed)], cwd=ROOT, env=INHERITED, stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(dice.randrange(1, 6)):
            assert process.stdout.readline() == b"kept\n"
        # at any moment of the next round
        time.sleep(dice.random() / 50)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    dice = random.Random(7)
    calls = [one(number, dice) for number in range(1, 401)]
    store = STORES[kind](tmp_path, Caps())
    assert store.verify().differences == []
    store.book(calls, ())
    assert store.verify().differences == []
    page = [call for _, call in store.walk(EVERYTHING)]
    # a call without a price got one of 5 pico in a run before, or has none still
    assert Counter(call.cost_pico or 5 for call in page) == Counter(call.cost_pico or 5 for call in calls)
    store.close()
