"""The budgets at /metrics: the limit, the spend, the projection and the end of the period of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from genmeter import names
from genmeter.budgets import USER, Budget
from genmeter.ledger import Ledger
from genmeter.model import usd
from genmeter.reports.budgeting import Standing, budgeting
from genmeter.server.prometheus import Labels, family, metric_name

_Value = Callable[[Standing], str | None]


def _projected(standing: Standing) -> str | None:
    return None if standing.projected is None else usd(standing.projected)


_GAUGES: dict[str, tuple[str, _Value]] = {
    names.BUDGET_LIMIT: ("The amount of the budget.", lambda one: usd(one.budget.amount)),
    names.BUDGET_SPENT: (
        "Booked cost in the budget's scope and current period, exact.",
        lambda one: usd(one.spent),
    ),
    names.BUDGET_PROJECTED: (
        "Cost at the end of the period if it goes on as in this period so far; missing when too early to say.",
        _projected,
    ),
    names.BUDGET_PERIOD_END: (
        "When the current period ends, Unix time.",
        lambda one: str(round(one.period.end.timestamp())),
    ),
}


def budget_gauges(budgets: Sequence[Budget], ledger: Ledger) -> Iterator[str]:
    """The lines of /metrics, none without budgets. Raises ``StorageError``."""
    if not budgets:
        return
    found = budgeting(budgets, ledger, at=datetime.now(UTC))
    for name, (text, value) in _GAUGES.items():
        values = ((_labels(one.budget), value(one)) for one in found.standings)
        samples = [("", labels, shown) for labels, shown in values if shown is not None]
        yield from _one(name, text, samples)
    levels = [
        ("", (*_labels(budget), ("threshold", str(level))), usd(budget.amount * level // 100))
        for budget in budgets
        for level in budget.thresholds
    ]
    yield from _one(names.BUDGET_THRESHOLD, "The cost at which a threshold (percent) is reached.", levels)
    rest = [("", (), usd(found.unbudgeted))]
    yield from _one(names.BUDGET_UNBUDGETED, "Booked cost of this UTC month in no budget's scope, exact.", rest)


def _one(name: str, text: str, samples: Sequence[tuple[str, Labels, str]]) -> Iterator[str]:
    yield from family(metric_name(name, names.LEDGER_UNITS[name], "gauge"), "gauge", text, samples)


def _labels(budget: Budget) -> Labels:
    owner = (("owner", budget.owner),) if budget.owner else ()
    # no metric has a user for a label, also not as a hash: the id of the budget tells which one it is
    scope = ((name, wanted) for name, wanted in budget.scope.items() if name != USER)
    return (("budget_id", budget.id), *owner, ("period", budget.period), *scope)
