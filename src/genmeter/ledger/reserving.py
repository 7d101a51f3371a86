"""Reservations: what the processes of a team hold of one budget, granted before their calls and settled after them.

A process reports the cost of its ended calls as a sum that only grows, so a report that arrives twice changes nothing.
What a process holds covers its calls under way and a few to come. It is free again when the process says so, or when
its lease ends, so a killed process holds nothing for long.

The sum of all reports and of all that is held stays within the amount. One exception lets the last rest of a budget be
used: where no other money is held, one call may begin that may cost more than the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

SECOND_NS: Final = 10**9
LEASE_NS: Final = 30 * SECOND_NS
"""How long a process holds money without a word."""
FOLDED_NS: Final = 3_600 * SECOND_NS
"""How long after the end of its lease a process is known by itself; its report is then added to one sum."""
FINEST: Final = 1_000
"""Before the cost of a call is known, a call reserves this part of the amount."""
_GONE: Final = ""
"""The holder of the reports of processes that are known no more."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one process has reported and holds in one period of a budget, in pico-USD.

    ``start_ns`` begins the period. ``used`` is the cost of its ended calls, ``held`` is what it may still spend, and
    ``largest`` its dearest call. ``turn`` counts its requests; ``until_ns`` ends its lease. Times are Unix ns.
    """

    budget: str
    start_ns: int
    holder: str
    turn: int = 0
    used: int = 0
    held: int = 0
    largest: int = 0
    until_ns: int = 0


class Wanted(NamedTuple):
    """One process's report on one period of a budget, and what it asks for.

    ``keep`` is what it holds on to. ``waiting`` calls cannot begin without a slot; ``ahead`` more are likely to come.
    """

    budget: str
    start_ns: int
    holder: str
    turn: int
    used: int
    keep: int
    largest: int
    waiting: int = 0
    ahead: int = 0


class Granted(NamedTuple):
    """The answer: ``slots`` more calls may begin, each of which reserves ``slot`` pico-USD.

    ``spent`` is what all processes have used, ``held`` what they hold with this grant. ``forgotten``: the holder is not
    known any more; nothing was taken from its report, and it has to come with a new name.
    """

    slots: int = 0
    slot: int = 0
    spent: int = 0
    held: int = 0
    forgotten: bool = False


class Change(NamedTuple):
    """The rows to write and the rows to delete, in one transaction."""

    put: Sequence[Share] = ()
    drop: Sequence[Share] = ()


def grant(
    shares: Sequence[Share], wanted: Wanted, *, amount: int, reserve: int, booked: int, now_ns: int
) -> tuple[Change, Granted]:
    """Settle a report and grant what fits. ``shares`` are all rows of the budget, of earlier periods too.

    ``amount`` and ``reserve`` are the budget's, ``reserve`` 0 where it has none. ``booked`` is what the ledger has booked
    in the period. The ledger knows the calls of programs that reserve nothing, and learns of the others later.

    >>> asked = Wanted("team", 0, "a", turn=1, used=0, keep=0, largest=0, waiting=1)
    >>> change, granted = grant([], asked, amount=1000, reserve=400, booked=700, now_ns=0)
    >>> granted.slots, granted.slot, granted.spent
    (1, 400, 700)
    """
    period = [one for one in shares if one.start_ns == wanted.start_ns]
    mine = next((one for one in period if one.holder == wanted.holder), None)
    if mine is None and wanted.turn > 1:
        return Change(), Granted(forgotten=True)
    others = [one for one in period if one.holder != wanted.holder]
    before = mine or Share(wanted.budget, wanted.start_ns, wanted.holder)
    late = wanted.turn <= before.turn
    # a request that was overtaken by a later one of the same process grants nothing and takes nothing back
    used, keep = (before.used, before.held) if late else (max(before.used, wanted.used), wanted.keep)
    held = sum(one.held for one in others if one.until_ns > now_ns)
    spent = max(booked, used + sum(one.used for one in others))
    largest = max((one.largest for one in shares), default=0)
    slot = max(reserve, largest, wanted.largest, -(-amount // FINEST))
    slots = 0 if late else _fitting(amount - spent, held, keep, slot, wanted, _holders(others, now_ns))
    share = replace(
        before,
        turn=max(before.turn, wanted.turn),
        used=used,
        held=keep + slots * slot,
        largest=max(before.largest, wanted.largest),
        until_ns=now_ns + LEASE_NS,
    )
    return _change(period, share, now_ns), Granted(slots, slot, spent, held + share.held)


def _fitting(left: int, held: int, keep: int, slot: int, wanted: Wanted, holders: int) -> int:
    """How many slots fit: first for the calls that wait, then a fair part of the rest for those to come."""
    room = max(left - held - keep, 0)
    slots = min(wanted.waiting, room // slot)
    if wanted.waiting and not slots and room and not held and not keep:
        return 1  # the last rest of the budget
    ahead = (room - slots * slot) // (2 * (holders + 1)) // slot
    return slots + min(wanted.ahead, ahead)


def _holders(others: Sequence[Share], now_ns: int) -> int:
    return sum(one.until_ns > now_ns for one in others)


def _change(period: Sequence[Share], share: Share, now_ns: int) -> Change:
    """The row of this process; rows of processes that were silent for long become one sum."""
    silent = [one for one in period if one.holder not in (share.holder, _GONE) and one.until_ns < now_ns - FOLDED_NS]
    if not silent:
        return Change([share])
    gone = next((one for one in period if one.holder == _GONE), Share(share.budget, share.start_ns, _GONE))
    together = replace(
        gone,
        used=gone.used + sum(one.used for one in silent),
        largest=max(gone.largest, *(one.largest for one in silent)),
    )
    return Change([share, together], silent)
