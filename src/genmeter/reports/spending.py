"""Who or what the money went to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Literal, get_args

from genmeter.ledger import Ledger
from genmeter.ledger.call import USAGE_FIELDS
from genmeter.ledger.questions import Group
from genmeter.reports.window import Moment, day_of_quarter, window

By = Literal["model", "department", "application", "user", "session", "day", "provider", "environment", "operation"]
DIMENSIONS: tuple[By, ...] = get_args(By)
_COLUMNS = {"user": "user_hash", "day": "quarter"}


@dataclass(slots=True)
class Row:
    """One line of a spend report. ``key`` None is what nobody claimed; ``cost`` is currency → exact pico units.

    ``tokens`` is field of ``model.Usage`` → sum over the calls that reported it; ``unpriced`` calls are in ``calls``
    and not in ``cost``.
    """

    key: str | None
    calls: int = 0
    errors: int = 0
    unpriced: int = 0
    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(USAGE_FIELDS, 0))
    cost: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, group: Group) -> None:
        """Add the ledger's sums of one group."""
        self.calls += group.calls
        self.errors += group.errors
        self.unpriced += group.unpriced
        for name, tokens in zip(USAGE_FIELDS, group.usage, strict=True):
            self.tokens[name] += tokens
        if group.currency is not None:
            self.cost[group.currency] = self.cost.get(group.currency, 0) + group.cost


def spend(
    ledger: Ledger,
    *,
    by: By = "model",
    since: Moment | None = None,
    until: Moment | None = None,
    run: str | None = None,
    zone: tzinfo = UTC,
) -> list[Row]:
    """Sums over calls started in [``since``, ``until``), dearest first; by day, oldest first, days being of ``zone``.

    Trimmed calls are included: they count at 00:00 UTC of their day, and their sessions are forgotten.
    Raises ``ValueError`` for an unknown ``by`` and ``StorageError``.
    """
    if by not in DIMENSIONS:
        raise ValueError(f"spend cannot be grouped by {by!r}; use one of {', '.join(DIMENSIONS)}")
    rows: dict[str | None, Row] = {}
    for group in ledger.store.groups([_COLUMNS.get(by, by)], window(since, until, run, zone)):
        value = group.key[0]
        key = day_of_quarter(int(value), zone).isoformat() if by == "day" and value is not None else value
        row = rows.setdefault(str(key) if key is not None else None, Row(str(key) if key is not None else None))
        row.add(group)
    if by == "day":
        return sorted(rows.values(), key=lambda row: row.key or "")
    return sorted(rows.values(), key=_dearest)


def total(rows: list[Row]) -> Row:
    """The sum of a report's rows, under the key None."""
    whole = Row(None)
    for row in rows:
        whole.calls, whole.errors, whole.unpriced = (
            whole.calls + row.calls,
            whole.errors + row.errors,
            whole.unpriced + row.unpriced,
        )
        for name, tokens in row.tokens.items():
            whole.tokens[name] += tokens
        for currency, cost in row.cost.items():
            whole.cost[currency] = whole.cost.get(currency, 0) + cost
    return whole


def _dearest(row: Row) -> tuple[int, int, int, bool, str]:
    others = sum(cost for currency, cost in row.cost.items() if currency != "USD")
    return (-row.cost.get("USD", 0), -others, -row.calls, row.key is None, row.key or "")
