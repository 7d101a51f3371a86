"""Every call of a window as flat rows, for spreadsheets and data frames: ``genmeter export``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from genmeter.ledger.call import LINE_KINDS, SCALARS, USAGE_FIELDS, Call
from genmeter.ledger.questions import Page, Window
from genmeter.model import usd
from genmeter.reports.window import moment

if TYPE_CHECKING:
    from genmeter.ledger import Ledger

Value = str | int | None

TIMES: Final = ("started",)
"""Columns with a time, ISO 8601 in UTC to the microsecond."""
COUNTS: Final = ("duration_ns", "first_chunk_ns", *(f"usage_{field}" for field in USAGE_FIELDS))
"""Columns with a whole number."""
AMOUNTS: Final = ("cost", *(f"cost_{kind}" for kind in LINE_KINDS))
"""Columns with an amount of money: exact decimal text, in the ``currency`` of the row."""
_APART: Final = frozenset(("started_ns", "cost_pico", "signals", "duration_ns", "first_chunk_ns", "currency"))
TEXTS: Final = tuple(name for name in SCALARS if name not in _APART)
COLUMNS: Final = (*TIMES, *TEXTS, *COUNTS, *AMOUNTS, "currency")
"""Every column of a row, in its order."""
AT_ONCE: Final = 5_000
"""Calls that are read at a time."""


def rows(ledger: Ledger, window: Window) -> Iterator[list[Value]]:
    """The calls of a window, the newest first, each with the values of ``COLUMNS``. Raises ``StorageError``.

    Only ``AT_ONCE`` calls are in memory at a time. Calls that are booked meanwhile are left out where they are newer.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     list(rows(ledger, Window()))
    []
    """
    return (row_of(call) for call in walk(ledger, window))


def walk(ledger: Ledger, window: Window) -> Iterator[Call]:
    """The calls of a window, the newest first, read in parts.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     list(walk(ledger, Window()))
    []
    """
    skipped = 0
    while True:
        found = ledger.store.page(Page(AT_ONCE, skipped), window)
        yield from found
        if len(found) < AT_ONCE:
            return
        # from the last call on and not from an offset, which would read all calls before it again; the calls of its
        # nanosecond were given already
        last = found[-1].started_ns
        same = sum(call.started_ns == last for call in found)
        skipped = same + (skipped if window.until_ns == last + 1 else 0)
        window = Window(window.since_ns, last + 1, window.run, window.where)


def row_of(call: Call) -> list[Value]:
    """The values of ``COLUMNS`` of a call.

    >>> call = Call(trace_id="5b", span_id="01", started_ns=1_000, operation="chat", provider="openai", cost_pico=10**12)
    >>> row_of(call)[:3], row_of(call)[COLUMNS.index("cost")]
    (['1970-01-01T00:00:00.000001+00:00', '5b', '01'], '1.00')
    """
    amounts = (call.cost_pico, *call.lines)
    return [
        moment(call.started_ns).isoformat(timespec="microseconds"),
        *(getattr(call, name) for name in TEXTS),
        *(call.duration_ns, call.first_chunk_ns, *call.usage),
        *(None if pico is None else usd(pico) for pico in amounts),
        call.currency,
    ]
