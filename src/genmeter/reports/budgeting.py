"""How the budgets stand: what is spent of each in the period that runs, and where it will end at that rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from genmeter.instants import instant
from genmeter.model import SCOPES, usd
from genmeter.periods import Period, period
from genmeter.reports.report import Asked, Column, Option, Plain, Report, Sources
from genmeter.reports.window import window

if TYPE_CHECKING:
    from genmeter.budgets import Budget
    from genmeter.ledger import Ledger
    from genmeter.ledger.questions import Amount

NO_BUDGETS: Final = "there are no budgets; write [budgets.NAME] with amount and period into genmeter.toml"

EARLIEST: Final = 20
"""A burn is told when a twentieth of the period is over (72 minutes of a day, 36 hours of 30 days), not before."""

_MICROSECOND, _DAY = timedelta(microseconds=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget in its period, in pico-USD: ``spent`` is exact, ``burn`` and ``projected`` are cut to whole pico.

    ``burn`` is the spend of 24 hours at the mean rate of this period. Early in a period it is None, and so are
    ``projected`` and ``tenths_left``. ``tenths_left`` is the time until the budget is spent, in tenths of a day; it is
    None too when the burn is zero. ``reached`` is the highest threshold that is reached. ``unpriced`` calls have no
    amount in USD and are not in ``spent``. A trimmed day that lies partly outside the period has one sum for the whole
    day: ``across`` is the money of such days. Each counts in the period of its first call.
    """

    budget: Budget
    period: Period
    spent: int
    burn: int | None
    projected: int | None
    tenths_left: int | None
    reached: int | None
    unpriced: int
    across: int

    @property
    def left(self) -> int:
        """What is left of the amount; below zero when it is overspent."""
        return self.budget.amount - self.spent


@dataclass(frozen=True, slots=True)
class Budgeting:
    """Every budget's standing in the file's order, and the spend of the UTC month that is in no budget's scope."""

    standings: tuple[Standing, ...]
    month: Period
    unbudgeted: int
    unbudgeted_unpriced: int


def budgeting(
    budgets: Sequence[Budget],
    ledger: Ledger,
    *,
    at: datetime,
    until: datetime | None = None,
) -> Budgeting:
    """How ``budgets`` stand in the periods that hold ``at``; calls from ``until`` on are left out.

    Each call counts whole, in USD, at its start, whenever it arrived. Calls that have been trimmed from the ledger are
    left as sums by UTC day and scope: such a sum counts where its first call lies, exact unless it reaches over an edge
    of the period. Raises ``StorageError``.

    >>> from genmeter.budgets import Budget
    >>> from genmeter.ledger import Ledger
    >>> everything = Budget("all", amount=100 * 10**12, period="month")
    >>> with Ledger.open() as ledger:
    ...     budgeting([everything], ledger, at=datetime(2026, 11, 21, tzinfo=UTC)).standings[0].projected
    0
    """
    month = period("month", at, UTC)
    periods = [period(budget.period, at, budget.zone) for budget in budgets]
    windows = [window(one.start, one.end if until is None else min(until, one.end), None) for one in (*periods, month)]
    # each window is read once, however many budgets share it
    distinct = list(dict.fromkeys(windows))
    users = frozenset[str]().union(*(budget.users for budget in budgets))
    amounts = dict(zip(distinct, ledger.store.amounts(distinct, users), strict=True))
    rest = [amount for amount in amounts[windows[-1]] if not any(_covers(budget, amount) for budget in budgets)]
    return Budgeting(
        tuple(
            _standing(budget, one, at, [amount for amount in amounts[asked] if _covers(budget, amount)])
            for budget, one, asked in zip(budgets, periods, windows, strict=False)
        ),
        month,
        sum(amount.pico for amount in rest),
        sum(amount.unpriced for amount in rest),
    )


def _covers(budget: Budget, amount: Amount) -> bool:
    return budget.covers(dict(zip(SCOPES, amount.scope, strict=True)), amount.user)


def _standing(budget: Budget, one: Period, at: datetime, amounts: Sequence[Amount]) -> Standing:
    spent = sum(amount.pico for amount in amounts)
    whole, gone = (one.end - one.start) // _MICROSECOND, (at - one.start) // _MICROSECOND
    known = gone * EARLIEST >= whole
    burn = spent * (_DAY // _MICROSECOND) // gone if known else None
    left = max(budget.amount - spent, 0)
    return Standing(
        budget=budget,
        period=one,
        spent=spent,
        burn=burn,
        projected=spent * whole // gone if known else None,
        tenths_left=left * 10 // burn if burn else None,
        reached=max((level for level in budget.thresholds if spent * 100 >= budget.amount * level), default=None),
        unpriced=sum(amount.unpriced for amount in amounts),
        across=sum(amount.across for amount in amounts),
    )


def plain(one: Standing) -> Plain:
    """The standing as plain data: money is exact decimal text, times are ISO 8601 in the budget's time zone.

    None is not known: ``burn_a_day`` and ``projected`` when it is too early to say, ``days_left`` then and when nothing
    burns. ``spent_percent`` is cut to a whole number.

    >>> from genmeter.budgets import Budget
    >>> november = period("month", datetime(2026, 11, 2, tzinfo=UTC), UTC)
    >>> one = Standing(Budget("all", 100 * 10**12, "month"), november, 25 * 10**12, None, None, None, None, 0, 0)
    >>> plain(one)["left"], plain(one)["spent_percent"]
    ('75.00', 25)
    """
    budget, zone = one.budget, one.budget.zone
    return {
        "id": budget.id,
        "scope": dict(budget.scope),
        "owner": budget.owner or None,
        "period": budget.period,
        "start": one.period.start.astimezone(zone).isoformat(),
        "end": one.period.end.astimezone(zone).isoformat(),
        "time_zone": budget.time_zone,
        "currency": "USD",
        "amount": usd(budget.amount),
        "spent": usd(one.spent),
        "spent_percent": one.spent * 100 // budget.amount,
        "left": usd(one.left),
        "reached": one.reached,
        "burn_a_day": None if one.burn is None else usd(one.burn),
        "projected": None if one.projected is None else usd(one.projected),
        "days_left": None if one.tenths_left is None else one.tenths_left / 10,
        "thresholds": [
            {
                "percent": level,
                "amount": usd(budget.amount * level // 100),
                "reached": one.reached is not None and level <= one.reached,
            }
            for level in budget.thresholds
        ],
        "unpriced": one.unpriced,
        "across": usd(one.across),
    }


def _ask(sources: Sources, asked: Asked) -> Plain:
    """How each budget stands, in the file's order, and which spend of the UTC month is in no budget."""
    at = asked["at"] or datetime.now(UTC)
    if not sources.budgets:
        return {"at": at.isoformat(), "budgets": [], "unbudgeted": None, "hint": NO_BUDGETS}
    # calls after a named instant are left out; without one, calls that start during the question count
    found = budgeting(sources.budgets, sources.ledger, at=at, until=asked["at"])
    return {
        "at": at.isoformat(),
        "budgets": [plain(one) for one in found.standings],
        "unbudgeted": {
            "period": "month",
            "start": found.month.start.isoformat(),
            "end": found.month.end.isoformat(),
            "currency": "USD",
            "spent": usd(found.unbudgeted),
            "unpriced": found.unbudgeted_unpriced,
        },
    }


REPORT: Final = Report(
    name="budgets",
    question="what is spent of each budget, what is left, and what the whole period will cost at this rate",
    ask=_ask,
    columns=lambda asked: (
        *(Column("id"), Column("scope", "scope"), Column("owner"), Column("period"), Column("ends", "text", "end")),
        *(Column("limit", "amount", "amount"), Column("spent", "amount"), Column("left", "amount")),
        *(Column("reached", "percent"), Column("burn_a_day", "estimate"), Column("projected", "estimate")),
        *(Column("days_left", "number"), Column("unpriced", "count"), Column("currency")),
    ),
    options=(Option("at", instant, "how it stood at this instant (default: now)", None, "WHEN"),),
    rows="budgets",
    steady=False,
)
