"""What a check of the whole ledger says: every sum recomputed from the calls, and every seal from its sums."""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """Two sums that must be alike and are not. ``where`` names the sum and its period, for a person."""

    where: str
    expected: str
    found: str


class Audit(NamedTuple):
    """The result of a check. ``differences`` is empty for a sound ledger; ``checked`` counts what was compared, by kind.

    ``unchecked`` says in sentences what cannot be compared any more, such as seals of days that are no longer kept.
    """

    differences: list[Difference]
    checked: dict[str, int]
    unchecked: list[str]


class Upkeep(NamedTuple):
    """When the store's own work last succeeded, in Unix ns; 0 before the first time.

    ``retained_ns``: rows beyond their age were removed. ``checked_ns``: all sums were compared; ``differences`` is how
    many differed then. ``dirty_days`` have calls that their sums by day and session do not have yet.
    ``sealed_until_ns`` is the end of the last seal.
    """

    retained_ns: int
    checked_ns: int
    differences: int
    dirty_days: int
    sealed_until_ns: int
