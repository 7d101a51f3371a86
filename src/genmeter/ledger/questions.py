"""The questions and answers of a store: a window in time, and the sums and rows that come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from genmeter.ledger.call import Call

QUARTER_NS = 900 * 10**9
"""Days of any time zone are whole numbers of quarter hours, so sums by quarter hour can be folded into any of them."""

TOTALS_BY = ("model", "department", "application")
"""The columns by which ``Store.totals`` are grouped."""

CONFLICT, SUSPECTED, LATE, DOUBLE = "conflict", "suspected_duplicate", "late", "double"
"""Reasons for quarantine: other money under a booked key; a booked response under another key; older than trimmed calls;
a second record of a booked call by another instrumentation."""


class Condition(NamedTuple):
    """Calls whose column ``name`` has one of the values ``wanted``; with ``other``, all calls but these.

    The names are those of ``Call``, and ``model``. None among the wanted values stands for the calls that do not say it.
    """

    name: str
    wanted: tuple[str | None, ...]
    other: bool = False


@dataclass(frozen=True, slots=True)
class Window:
    """Calls started in [``since_ns``, ``until_ns``), Unix ns; None is open. ``run`` restricts to one run.

    Each condition of ``where`` must hold.
    """

    since_ns: int | None = None
    until_ns: int | None = None
    run: str | None = None
    where: tuple[Condition, ...] = ()


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


ORDERS = ("started", "cost", "duration", "input", "output")
"""The orders of single calls: by start, by amount, by duration, by tokens."""


class Page(NamedTuple):
    """Which calls of a window are wanted: ``limit`` calls behind the first ``offset``, in one of the ``ORDERS``.

    The largest come first, and last with ``rising``; calls without a value come last. ``search`` is a text that a name
    of the call contains (model, department, application, ...), or how its trace id begins; letters of both cases count alike.
    """

    limit: int
    offset: int = 0
    order: str = "started"
    rising: bool = False
    search: str = ""


class Dearest(NamedTuple):
    """The dearest groups of many: ``left`` keys are left out, and ``rest`` has their sums by currency, without a key."""

    groups: list[Group]
    left: int
    rest: list[Group]


class Metered(NamedTuple):
    """One line of a bill over the calls that share ``key`` and ``currency``: what one of the ``LINE_KINDS`` cost together.

    ``price`` is the pico-units of one unit and ``quantity`` the units, where the line is one count times one price; both
    are None for other lines. ``cost`` is exact. What calls cost beyond their lines is in no line.
    """

    key: tuple[str | int | None, ...]
    currency: str | None
    line: str
    price: int | None
    quantity: int | None
    cost: int


class Latency(NamedTuple):
    """Exact nearest-rank quantiles of call durations in ns, in the order they were asked for, over ``calls`` calls."""

    calls: int
    quantiles_ns: tuple[int, ...]


class Amount(NamedTuple):
    """The money of one window that went to one scope, in exact pico-USD.

    ``scope`` holds the value of each dimension of ``SCOPES``. ``unpriced`` counts the calls that have no amount in USD.
    Trimmed calls are kept as one sum for each day, and such a day may begin before an edge of the window and end behind
    it. The whole sum then counts on the side where the day's first call lies: it is in ``pico``, or it is not.
    ``across`` is the money of these days, so ``pico`` is off by this much at most. ``user`` is one of the users who were
    asked for, as the ledger has them; None for the calls of all others, which are not kept apart.
    """

    scope: tuple[str | None, ...]
    pico: int
    unpriced: int
    across: int
    user: str | None = None


class Outcome(NamedTuple):
    """The outcome of one batch: how many of its calls were booked, and what became of the others.

    ``merged`` counts the second signals of booked calls, ``duplicates`` the replays. Four kinds went to quarantine:
    ``conflicts`` (other money under the same key), ``suspected`` (the same response under another key), ``late``
    (older than the calls that have been trimmed) and ``doubles`` (another instrumentation's record of a booked call).
    A call of an earlier batch counts, too, where this batch made it a double. ``adjusted`` of the booked calls came after
    their period was sealed, and are counted by an adjustment.
    """

    booked: int = 0
    merged: int = 0
    duplicates: int = 0
    conflicts: int = 0
    suspected: int = 0
    late: int = 0
    spans: int = 0
    doubles: int = 0
    adjusted: int = 0


class Quarantined(NamedTuple):
    """A call that is in no sum, with the reason.

    ``billed_by`` is the span that bills for it, as ``trace/span`` where the span is of another trace; ``why`` says in
    words how that was found out. Both are None where no other call bills.
    """

    reason: str
    received_ns: int
    call: Call
    billed_by: str | None = None
    why: str | None = None
