"""POST /v1/reservations: each process reports what its calls have cost of a shared budget, and is told what it may spend.

The body and the answer are JSON; money is exact decimal text in USD. A process sends one request at a time::

    {"holder": "9f...", "turn": 7, "budgets": {"team": {
        "periods": [{"start": 1793491200, "used": "12.50", "keep": "0.40", "largest": "0.21"}], "waiting": 1, "ahead": 2}}}

    {"lease": 30, "budgets": {"team": {
        "start": 1793491200, "slots": 2, "slot": "0.25", "amount": "250.00", "spent": "87.10", "held": "3.00"}}}

``start`` is Unix seconds. A process names the running period last, and before it the one whose calls are still under way.
A budget that is not answered has ``error`` in its place; ``forgotten`` asks the process to come with a new name.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any, Final, cast

from genmeter.budgets import Budget, pico_of
from genmeter.ledger import Ledger
from genmeter.ledger.reserving import LEASE_NS, SECOND_NS, Change, Granted, Share, Wanted, grant
from genmeter.model import usd
from genmeter.periods import Period, period
from genmeter.reports.budgeting import budgeting
from genmeter.server.http import Answer, Refused, as_json

PATH: Final = "/v1/reservations"
MOST_BODY: Final = 1 << 16
MOST_BUDGETS, MOST_PERIODS, MOST_SLOTS = 200, 2, 1_000
"""Budgets in one request, periods of one budget, and slots that are granted at once."""
FRESH_SECONDS: Final = 1.0
"""How old the booked spend may be: the ledger is asked once for all requests of this time."""
_AHEAD_SECONDS: Final = 300
"""How far the clock of a process may be ahead: it may be in a period that has not begun here."""
_HOLDER = re.compile(r"[0-9a-f]{32}")

Row = Mapping[str, Any]


class Reservations:
    """Answers the requests. ``budgets`` gives those in force; a budget that is not shared cannot be reserved."""

    def __init__(
        self, ledger: Ledger, budgets: Callable[[], Sequence[Budget]], clock: Callable[[], float] = time
    ) -> None:
        self._ledger, self._budgets, self._clock = ledger, budgets, clock
        self._asking = threading.Lock()
        self._booked: dict[tuple[str, int], int] = {}
        self._booked_for: Sequence[Budget] = ()
        self._booked_at = float("-inf")

    def take(self, body: bytes) -> Answer:
        """Settle and grant. Raises ``Refused`` (400) for a body that is no such request, ``StorageError``."""
        request = _object(_read(body), "the request")
        holder, turn = request.get("holder"), _whole(request, "turn")
        if not isinstance(holder, str) or not _HOLDER.fullmatch(holder):
            raise Refused(400, "holder: write 32 hexadecimal digits, made at random by each process")
        asked = _object(request.get("budgets"), "budgets")
        if len(asked) > MOST_BUDGETS:
            raise Refused(400, f"budgets: at most {MOST_BUDGETS} in one request")
        budgets = self._budgets()
        answers = {
            name: self._answer(_named(budgets, name), _object(wish, f"budgets.{name[:40]}"), holder, turn)
            for name, wish in asked.items()
        }
        return as_json({"lease": LEASE_NS // SECOND_NS, "budgets": answers})

    def _answer(self, budget: Budget | str, wish: Row, holder: str, turn: int) -> dict[str, Any]:
        if isinstance(budget, str):
            return {"error": budget}
        now = self._clock()
        running = period(budget.period, datetime.fromtimestamp(now, UTC), budget.zone)
        reports = wish.get("periods")
        if not isinstance(reports, list) or not 0 < len(cast("list[Any]", reports)) <= MOST_PERIODS:
            raise Refused(400, f"periods: write a list of one to {MOST_PERIODS} periods, the running one last")
        granted, start = Granted(), 0
        for at, given in enumerate(cast("list[Any]", reports), 1 - len(cast("list[Any]", reports))):
            report = _object(given, "periods")
            start = _whole(report, "start")
            wanted = Wanted(
                *(budget.id, start * SECOND_NS, holder, turn),
                *(_money(report, "used"), _money(report, "keep"), _money(report, "largest")),
                waiting=min(_whole(wish, "waiting"), MOST_SLOTS) if at == 0 else 0,
                ahead=min(_whole(wish, "ahead"), MOST_SLOTS) if at == 0 else 0,
            )
            if not _may_run(budget, running, start, now):
                return {"error": f"no period of this budget begins at {start}: the two files give it other periods"}
            granted = self._grant(budget, running, wanted, now)
        if granted.forgotten:
            return {"forgotten": True}
        money = {"slot": granted.slot, "amount": budget.amount, "spent": granted.spent, "held": granted.held}
        return {"start": start, "slots": granted.slots, **{name: usd(pico) for name, pico in money.items()}}

    def _grant(self, budget: Budget, running: Period, wanted: Wanted, now: float) -> Granted:
        booked = self._spent(budget, wanted.start_ns // SECOND_NS, now)
        before = period(budget.period, running.start - _MICROSECOND, budget.zone).start

        def decide(shares: Sequence[Share]) -> tuple[Change, Granted]:
            return grant(
                shares,
                wanted,
                amount=budget.amount,
                reserve=budget.reserve,
                booked=booked,
                now_ns=int(now * SECOND_NS),
            )

        return self._ledger.store.reserve(budget.id, round(before.timestamp()) * SECOND_NS, decide)

    def _spent(self, budget: Budget, start: int, now: float) -> int:
        """What the ledger has booked in the period, at most ``FRESH_SECONDS`` ago; 0 for a period that is not the running one."""
        with self._asking:
            budgets = self._budgets()
            if budgets is not self._booked_for or not 0 <= now - self._booked_at < FRESH_SECONDS:
                shared = [one for one in budgets if one.shared]
                found = budgeting(shared, self._ledger, at=datetime.fromtimestamp(now, UTC)).standings
                self._booked = {(one.budget.id, round(one.period.start.timestamp())): one.spent for one in found}
                self._booked_for, self._booked_at = budgets, now
            return self._booked.get((budget.id, start), 0)


_MICROSECOND = datetime.resolution


def _named(budgets: Sequence[Budget], name: str) -> Budget | str:
    """The shared budget of this name, or why there is none."""
    budget = next((one for one in budgets if one.id == name), None)
    if budget is None:
        return "the ledger service has no budget of this name; write it into its genmeter.toml, too"
    return budget if budget.shared else "this budget is not shared in the ledger service's genmeter.toml"


def _may_run(budget: Budget, running: Period, start: int, now: float) -> bool:
    """Whether a period begins there that may run at the process: the running one, the one before, or the next one soon."""
    edges = [running.start, period(budget.period, running.start - _MICROSECOND, budget.zone).start]
    if running.end.timestamp() - now <= _AHEAD_SECONDS:
        edges.append(running.end)
    return any(round(edge.timestamp()) == start for edge in edges)


def _read(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON") from None


def _object(value: object, name: str) -> Row:
    if not isinstance(value, dict):
        raise Refused(400, f"{name}: write an object")
    return cast("dict[str, Any]", value)


def _whole(row: Row, key: str) -> int:
    value = row.get(key, 0)
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise Refused(400, f"{key}: write a whole number, 0 or more")
    return value


def _money(row: Row, key: str) -> int:
    try:
        return pico_of(row.get(key, "0"))
    except ValueError as error:
        raise Refused(400, f"{key}: {error}") from None
