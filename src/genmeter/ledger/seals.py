"""Seals: periods whose sums never change again, each bound to the one before it by a hash.

A ledger is sealed up to one instant, which only moves forward. A seal holds the sums of the days since the seal before
it, the hash of these sums, and a hash over that and the hash of the seal before. Who changes a sealed sum, a seal or
their order, breaks the chain from there on. Periods are of UTC; a report in another time zone is final when its window
ends at or before the last seal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from genmeter.ledger.call import USAGE_FIELDS
from genmeter.ledger.questions import Group

SEALED_BY: Final = ("day", "operation", "provider", "model", "department", "application", "user_hash", "environment")
"""The columns by which the sums of a seal are grouped: ``groups(SEALED_BY, window)`` of any store."""
DAY_NS: Final = 86_400 * 10**9


class Seal(NamedTuple):
    """The sums of [``since_ns``, ``until_ns``), closed at ``sealed_ns``. ``name`` is a day or month such as 2026-11.

    ``calls`` and ``cost`` (currency → pico) have the adjustments of these days in them. ``digest`` is the hash of the
    sums, ``hash`` the one over the whole seal and the ``hash`` of the seal before it.
    """

    number: int
    name: str
    since_ns: int
    until_ns: int
    calls: int
    cost: Mapping[str, int]
    digest: str
    hash: str
    sealed_ns: int


def period(name: str) -> tuple[int, int]:
    """First instant and end of a day (``2026-11-30``) or a month (``2026-11``) of UTC in Unix ns. Raises ``ValueError``.

    >>> period("1970-01-02"), period("1970-01")[1] // DAY_NS
    ((86400000000000, 172800000000000), 31)
    """
    try:
        if len(name) == len("2026-11"):
            first = date.fromisoformat(f"{name}-01")
            after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        else:
            first = date.fromisoformat(name)
            after = first + timedelta(days=1)
    except ValueError:
        raise ValueError(f"{name!r} is no day and no month; write it as 2026-11-30 or as 2026-11") from None
    return _nanoseconds(first), _nanoseconds(after)


def seal(name: str, window: tuple[int, int], groups: Sequence[Group], before: Seal | None, now_ns: int) -> Seal:
    """The seal of a window, from its ``groups`` by ``SEALED_BY`` and the seal ``before`` it."""
    cost: dict[str, int] = {}
    for group in groups:
        if group.currency is not None:
            cost[group.currency] = cost.get(group.currency, 0) + group.cost
    number = 1 if before is None else before.number + 1
    calls = sum(group.calls for group in groups)
    unbound = Seal(number, name, *window, calls, cost, digest(groups), "", now_ns)
    return unbound._replace(hash=bound(unbound, before))


def digest(groups: Sequence[Group]) -> str:
    """SHA-256 of sums by ``SEALED_BY``, in hex. The order of the groups does not matter, nor does one that adds nothing."""
    lines = sorted(json.dumps(line) for group in groups if (line := _line(group))[2:] != [0, 0, 0, 0, {}, 0])
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def bound(one: Seal, before: Seal | None) -> str:
    """The hash that a seal must have behind the seal ``before`` it."""
    said = [one.number, one.name, one.since_ns, one.until_ns, one.calls, sorted(one.cost.items()), one.digest]
    whole = json.dumps([before.hash if before is not None else "", *said, one.sealed_ns])
    return hashlib.sha256(whole.encode()).hexdigest()


def _line(group: Group) -> list[object]:
    used = {field: count for field, count in zip(USAGE_FIELDS, group.usage, strict=True) if count}
    counts = (group.calls, group.errors, group.unpriced, group.cut)
    return [list(group.key), group.currency, *counts, dict(sorted(used.items())), group.cost]


def _nanoseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 10**9
