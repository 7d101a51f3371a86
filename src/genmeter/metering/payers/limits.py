"""Budgets inside the application: what this process has spent of each, a warning at the amount, a stop where asked for.

Only budgets that say ``on_exceed`` are kept here. Each process counts what it spends itself, from ``instrument()`` on (a
forked child: from the fork), in exact pico-USD and calendar periods; what all processes have spent together is in the
ledger, its gauges and the alerts on them. Of a shared budget, each call reserves its money at the ledger service, which
knows what all processes spend (``shares``, ``desk``). A call counts in the period in which it began, and with what it cost when it
ended: calls under way when the amount is reached are not stopped, nor is the one that reaches it undone. A call without
a price adds nothing. Calls that the meter does not see (suppressed, or left to another instrumentor) are neither
counted nor stopped.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from threading import Lock
from time import time
from typing import TYPE_CHECKING
from weakref import WeakSet

from ... import names
from ...budgets import Budget, BudgetsError, parse
from ...model import SCOPES, Cost, Invocation, usd
from ...periods import period
from ...settings import BudgetTable
from ...tomllines import Lines
from ...userkeys import UserKey
from .rules import BudgetUnreachable, RejectedCall, UncheckedCall
from .shares import Share, Standing

if TYPE_CHECKING:
    from .desk import Desk

logger = logging.getLogger("genmeter")

FOLD_AT = 8
"""Amounts of one budget that may wait before they become one."""
PERIODS_KEPT = 2
"""The running period, and the one before for calls that began in it."""
KNOWN = 1024
"""Payers and models that are remembered; bounds the memory of an app that invents their names."""

_Call = tuple[str, str | None, str | None, str | None, str | None]


class BudgetExceeded(RejectedCall):
    """Raised before any request is sent: this process has spent a budget whose ``on_exceed`` is ``reject``.

    ``spent`` and ``amount`` are exact US dollars, ``scope`` is the budget's in words; calls go through again from
    ``period_end`` on, which is in the budget's time zone.
    """

    def __init__(
        self,
        budget_id: str,
        scope: str,
        spent: Decimal,
        amount: Decimal,
        period_end: datetime,
        reserved: Decimal | None = None,
    ) -> None:
        super().__init__(budget_id, scope, spent, amount, period_end, reserved)
        self.budget_id = budget_id
        self.scope = scope
        self.spent = spent
        self.amount = amount
        self.period_end = period_end
        self.reserved = reserved

    def __str__(self) -> str:
        if self.reserved is not None:
            return (
                f"genmeter: the budget {self.budget_id!r} ({self.scope}) has no money left for this call: all applications "
                f"together have used {self.spent:f} of {self.amount:f} USD, {self.reserved:f} USD are held for calls under "
                f"way, and its on_exceed is reject: no request was sent. A new period begins at "
                f"{self.period_end.isoformat()}; for more before then, raise the amount of [budgets.{self.budget_id}] in "
                "the ledger service's genmeter.toml"
            )
        return (
            f"genmeter: the budget {self.budget_id!r} ({self.scope}) is spent: this process has used {self.spent:f} of "
            f"{self.amount:f} USD, and its on_exceed is reject: no request was sent. Calls go through again from "
            f"{self.period_end.isoformat()} on; for more before then, raise the amount of [budgets.{self.budget_id}] in "
            'genmeter.toml, or write on_exceed = "warn", and start the app again'
        )


class _Spent:
    """The cost of the calls that began in one period: exact under threads, without a lock that a thread waits for.

    Appending, copying and replacing a slice of a list are one step each, between which no thread comes; ``+=`` is not.
    A finalizer that the garbage collector runs in the middle of ``add`` may itself add.
    """

    __slots__ = ("_booked", "_folding", "_unsaid", "end", "reached", "start")

    def __init__(self, start: float, end: float) -> None:
        self.start, self.end = start, end
        self.reached = False
        """Whether the budget is spent: set by the call that spends it, and true from then on."""
        self._booked: list[int] = []
        self._folding = Lock()
        self._unsaid = [True]

    @property
    def pico(self) -> int:
        """The sum now."""
        return sum(self._booked[:])

    def add(self, pico: int) -> int:
        """Book one call; the sum with it. Of calls that are booked at once the last one sees them all."""
        self._booked.append(pico)
        if len(self._booked) >= FOLD_AT and self._folding.acquire(blocking=False):
            try:
                # Other threads only append meanwhile, so the first entries stay the ones that were added up.
                booked = self._booked[:]
                self._booked[: len(booked)] = [sum(booked)]
            finally:
                self._folding.release()
        return sum(self._booked[:])

    def first(self) -> bool:
        """True for the first caller only."""
        try:
            return self._unsaid.pop()
        except IndexError:
            return False


class _Limit:
    """One budget, its spend in the periods of the latest calls, and this process's share where it is a shared one."""

    def __init__(self, budget: Budget, desk: Desk | None = None) -> None:
        self.budget = budget
        self.rejects = budget.on_exceed == "reject"
        self._periods: dict[float, _Spent] = {}
        self.share = Share(desk, budget, self.periods, self._told) if desk is not None and budget.shared else None
        self.forget()

    def forget(self) -> None:
        """Start from nothing."""
        self._current = _Spent(0.0, 0.0)
        self._periods.clear()
        if self.share is not None:
            self.share.forget()

    def periods(self) -> list[_Spent]:
        """The periods of the latest calls, the running one last."""
        return [self._periods[start] for start in sorted(self._periods)]

    def reserve(self, share: Share, invocation: Invocation, at: float) -> None:
        """Let a call of a shared budget begin at Unix second ``at``, with money held for it, or raise the refusal."""
        spent = self.spent(at)
        if share.admit(invocation, at):
            return
        standing = share.standing
        invocation.reserved = ()
        if not standing.fault:
            raise self.exceeded(spent, standing)
        if self.budget.unreachable == "reject":
            raise BudgetUnreachable(self.budget.id, standing.fault)
        if spent.reached:
            raise self.exceeded(spent)

    def spent(self, at: float) -> _Spent:
        """What is spent in the period that holds Unix second ``at``."""
        current = self._current
        return current if current.start <= at < current.end else self._turn(at)

    def _turn(self, at: float) -> _Spent:
        start, end = (
            edge.timestamp()
            for edge in period(self.budget.period, datetime.fromtimestamp(at, UTC), self.budget.zone)
        )  # fmt: skip
        # One step: two threads that come at once get the same one.
        self._current = spent = self._periods.setdefault(start, _Spent(start, end))
        for old in sorted(self._periods)[:-PERIODS_KEPT]:
            self._periods.pop(old, None)
        return spent

    def exceeded(self, spent: _Spent, standing: Standing | None = None) -> BudgetExceeded:
        """The refusal of a call in the period of ``spent``; ``standing`` is that of all processes together."""
        budget, end = self.budget, self._end(spent)
        if standing is None:
            used, amount = Decimal(usd(spent.pico)), Decimal(usd(budget.amount))
            return BudgetExceeded(budget.id, budget.scope_text, used, amount, end)
        used, amount, held = (Decimal(usd(pico)) for pico in (standing.spent, standing.amount, standing.held))
        return BudgetExceeded(budget.id, budget.scope_text, used, amount, end, held)

    def book(self, pico: int, at: float) -> None:
        """Count a call that began at Unix second ``at``; say once a period that the amount is reached."""
        spent = self.spent(at)
        used = spent.add(pico)
        if used >= self.budget.amount:
            spent.reached = True
            if (self.share is None or self.share.lost) and spent.first():
                self._say(spent, "this process has", used, self.budget.amount)
        if self.share is not None:
            self.share.note(pico)

    def _told(self, standing: Standing) -> None:
        """Say once a period that all processes together have reached the amount."""
        spent = self._periods.get(standing.start)
        if standing.exhausted and spent is not None and spent.first():
            self._say(spent, "all applications together have", standing.spent, standing.amount)

    def _say(self, spent: _Spent, whose: str, used: int, amount: int) -> None:
        budget = self.budget
        logger.warning(
            "genmeter: the budget %r (%s) is spent: %s used %s of %s USD in the %s that ends at %s; %s",
            budget.id,
            budget.scope_text,
            whose,
            usd(used),
            usd(amount),
            budget.period,
            self._end(spent).isoformat(),
            "until then its calls are rejected" if self.rejects else "calls go on, as its on_exceed is warn",
        )

    def _end(self, spent: _Spent) -> datetime:
        return datetime.fromtimestamp(spent.end, UTC).astimezone(self.budget.zone)


class Limits:
    """The budgets that this process keeps to. A call waits for no lock, and one line of log is the only output.

    A budget's model is the model that answers, which is unknown before the call. So a call counts as one of the model that
    answered the last priced call for the same name; before the first such call, as one of the name itself.
    """

    def __init__(
        self,
        budgets: Iterable[Budget],
        resource: Callable[[], Mapping[str, str]] = dict,
        clock: Callable[[], float] = time,
        desk: Desk | None = None,
    ) -> None:
        self._limits = tuple(_Limit(budget, desk) for budget in budgets)
        self._desk = desk
        self.rejects = any(limit.rejects for limit in self._limits)
        self._by_model = any("model" in limit.budget.scope for limit in self._limits)
        self._by_user = any(limit.budget.users for limit in self._limits)
        self._resource, self._clock = resource, clock
        self._covering: dict[_Call, tuple[_Limit, ...]] = {}
        self._answered: dict[tuple[str, str | None], str | None] = {}
        self._owed: list[Invocation] = []
        _alive.add(self)

    def admit(self, invocation: Invocation) -> None:
        """Let a call begin, unless a budget that rejects is spent. An operation that is never billed is let through.

        Raises:
            BudgetExceeded: the first such budget, in the order of the file.
            BudgetUnreachable: the ledger service does not answer for a shared budget whose ``unreachable`` is ``reject``.
            UncheckedCall: a fault of ours kept the call from being read, so that no scope is known.
        """
        if invocation.operation not in names.BILLED_OPERATIONS:
            return
        if self._owed:
            self._settle()
        if invocation.unread and self.rejects:
            raise UncheckedCall("the budgets", "what the call asks for, or who pays, could not be read")
        model = invocation.request.model
        if self._by_model:
            model = self._answered.get((invocation.seller.name, model), model)
        at = self._clock()
        for limit in self._covers(invocation, model):
            if not limit.rejects:
                continue
            if limit.share is not None:
                limit.reserve(limit.share, invocation, at)
            elif (spent := limit.spent(at)).reached:
                invocation.reserved = ()
                raise limit.exceeded(spent)

    def book(self, invocation: Invocation) -> None:
        """Count the cost of a call, also of a failed or cut one. A call without a price counts nothing.

        A call that a fault of ours keeps from being counted is counted before the next one is let through.
        """
        try:
            self._book(invocation)
        except Exception:
            if self.rejects:
                self._owed.append(invocation)
            raise
        invocation.reserved = ()

    def _settle(self) -> None:
        """Count what is owed. Raises what counting raises; the call is owed still then."""
        while self._owed:
            try:
                owed = self._owed.pop()
            except IndexError:  # another thread was faster
                return
            self.book(owed)

    def _book(self, invocation: Invocation) -> None:
        cost = invocation.cost
        if not isinstance(cost, Cost) or invocation.operation not in names.BILLED_OPERATIONS:
            return
        model = invocation.response.model or invocation.request.model
        if self._by_model:
            self._learn((invocation.seller.name, invocation.request.model), model)
        for limit in self._covers(invocation, model):
            limit.book(cost.total, invocation.started)

    def _learn(self, asked: tuple[str, str | None], model: str | None) -> None:
        if self._answered.get(asked, asked[1]) != model:
            if len(self._answered) >= KNOWN:
                self._answered.clear()
            self._answered[asked] = model

    def _covers(self, invocation: Invocation, model: str | None) -> tuple[_Limit, ...]:
        payer = invocation.attribution
        user = payer.user if self._by_user else None
        call = (invocation.seller.name, model, payer.department, payer.application, user)
        found = self._covering.get(call)
        if found is None:
            if len(self._covering) >= KNOWN:
                self._covering.clear()
            found = self._covering[call] = self._find(call)
        return found

    def _find(self, call: _Call) -> tuple[_Limit, ...]:
        """The budgets whose whole scope a call has, as the ledger will see it."""
        (seller, model, department, application, user), resource = call, self._resource()
        seen = (
            *(seller, model, department or resource.get(names.DEPARTMENT)),
            *(application or resource.get(names.APPLICATION), resource.get(names.ENVIRONMENT)),
        )
        has: dict[str, str | None] = dict(zip(SCOPES, seen, strict=True))
        return tuple(limit for limit in self._limits if limit.budget.covers(has, user))

    def close(self) -> None:
        """The process ends or the meter goes: give back what is held of shared budgets."""
        if self._desk is not None:
            self._desk.close()

    def forget(self) -> None:
        """Start from nothing: the spend of a forked child's parent stays with the parent."""
        self._owed.clear()
        if self._desk is not None:
            self._desk.forget()
        for limit in self._limits:
            limit.forget()


def limits_for(
    table: BudgetTable,
    resource: Callable[[], Mapping[str, str]],
    keys: Sequence[UserKey] = (),
    raw_users: bool = False,
    service: str = "",
    token_file: str = "",
) -> Limits | None:
    """The budgets that say ``on_exceed``, None when none does; every budget of the table is checked.

    ``service`` is the address of the ledger service, which shared budgets need, and ``token_file`` holds its token.

    Raises:
        BudgetsError: a budget that cannot be used, with its file, line and reason.
    """
    kept = [budget for budget in parse(table, keys, raw_users) if budget.on_exceed is not None]
    shared = next((budget.id for budget in kept if budget.shared), None)
    if shared is None:
        return Limits(kept, resource) if kept else None
    if not service:
        raise BudgetsError(
            f"{Lines(table.path, table.text, 'budgets').where(shared, 'shared')}: the address of the ledger service is "
            'missing; write url = "http://..." below [reservations], or set GENMETER_RESERVATIONS'
        )
    from .desk import Desk  # HTTP and TLS: not for those whose budgets are each process's own

    return Limits(kept, resource, desk=Desk(service, token_file))


_alive: WeakSet[Limits] = WeakSet()


def _after_fork() -> None:
    for limits in _alive:
        limits.forget()


os.register_at_fork(after_in_child=_after_fork)
