"""How the ledger is asked: a window in time, and the sums and rows that come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from genmeter.ledger.call import Call

QUARTER_NS = 900 * 10**9
"""Days of any time zone are whole numbers of quarter hours, so sums by quarter hour can be folded into any of them."""

TOTALS_BY = ("model", "department", "application")
"""What ``Store.totals`` are grouped by."""

CONFLICT, SUSPECTED, LATE = "conflict", "suspected_duplicate", "late"
"""Reasons for quarantine: other money under a booked key, a booked response under another key, older than the trim."""


@dataclass(frozen=True, slots=True)
class Window:
    """Calls started in [``since_ns``, ``until_ns``), Unix ns; None is open. ``run`` restricts to one run."""

    since_ns: int | None = None
    until_ns: int | None = None
    run: str | None = None


EVERYTHING = Window()


@dataclass(slots=True)
class Group:
    """Sums over the calls that share ``key`` and ``currency``. ``usage`` runs along ``USAGE_FIELDS``.

    ``cost`` is exact pico units of ``currency``, however large; ``currency`` None groups the calls without a cost.
    """

    key: tuple[str | int | None, ...]
    currency: str | None
    calls: int
    errors: int
    unpriced: int
    cut: int
    usage: tuple[int, ...]
    cost: int
    first_ns: int
    last_ns: int


class Latency(NamedTuple):
    """Exact nearest-rank quantiles of call durations in ns, in the order they were asked for, over ``calls`` calls."""

    calls: int
    quantiles_ns: tuple[int, ...]


class Amount(NamedTuple):
    """Money of one window that went to one ``scope``, which runs along ``SCOPES``: exact pico-USD.

    ``unpriced`` calls have no amount in USD. ``across`` is money of trimmed days that reach over an edge of the window;
    such a day counts where its first call lies, within ``pico`` or outside.
    """

    scope: tuple[str | None, ...]
    pico: int
    unpriced: int
    across: int


class Outcome(NamedTuple):
    """What one batch did to the store.

    ``merged`` counts second signals of a booked call, ``duplicates`` replays; ``conflicts`` (other money under the same
    key), ``suspected`` (the same response under another key) and ``late`` (older than what has been trimmed) went to
    quarantine.
    """

    booked: int = 0
    merged: int = 0
    duplicates: int = 0
    conflicts: int = 0
    suspected: int = 0
    late: int = 0
    spans: int = 0


class Quarantined(NamedTuple):
    """A call that was not booked, and why."""

    reason: str
    received_ns: int
    call: Call
