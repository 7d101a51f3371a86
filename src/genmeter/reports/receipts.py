"""The receipt of one run: everything it called, used and cost on one slip."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

from genmeter.pricing import Catalogue
from genmeter.pricing.staleness import Age, stale
from genmeter.reports import spending, unpricing
from genmeter.reports.document import money
from genmeter.reports.report import Plain
from genmeter.reports.spending import Row, spend, total
from genmeter.reports.unpricing import Gap, unpriced
from genmeter.reports.window import moment, window

if TYPE_CHECKING:
    from genmeter.ledger import Ledger

PERCENTS: Final = (50, 95)


@dataclass(frozen=True, slots=True)
class Receipt:
    """One run in numbers. Money is exact pico units by currency; unpriced calls are counted and cost nothing here.

    ``p50_ns`` and ``p95_ns`` are exact nearest-rank quantiles over the ``timed`` calls whose duration is known, None
    without any: the smallest duration that at least that share of the calls does not exceed. ``started`` to ``ended``
    spans the first call's start to the last call's end. ``suspected_duplicates`` (the same response reported under
    another key), ``conflicts`` (the same key with other money), ``late`` calls and ``doubles`` (a second record by another
    instrumentation) were kept out of all sums. ``stale`` holds the sellers
    of the run whose list prices were old when it ended.
    """

    run: str | None
    calls: int
    errors: dict[str, int]
    tokens: dict[str, int]
    by_model: list[Row]
    total: dict[str, int]
    unpriced: list[Gap]
    cut_streams: int
    timed: int
    p50_ns: int | None
    p95_ns: int | None
    started: datetime | None
    ended: datetime | None
    suspected_duplicates: int
    conflicts: int
    late: int
    doubles: int = 0
    stale: list[Age] = field(default_factory=list[Age])

    @property
    def failed(self) -> int:
        """Calls that ended in an error."""
        return sum(self.errors.values())

    @property
    def unpriced_calls(self) -> int:
        """Calls without a price."""
        return sum(gap.calls for gap in self.unpriced)

    @property
    def wall_seconds(self) -> float:
        """Seconds from the first call's start to the last call's end."""
        return (self.ended - self.started).total_seconds() if self.started and self.ended else 0.0


def receipt(ledger: Ledger, *, run: str | None = None) -> Receipt:
    """The receipt of ``run``, of everything in the ledger when it is None. Raises ``StorageError``.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     receipt(ledger).calls
    0
    """
    from genmeter.ledger.questions import CONFLICT, DOUBLE, LATE, SUSPECTED

    by_model = spend(ledger, by="model", run=run)
    whole = total(by_model)
    kinds = ledger.store.groups(["error_type"], window(None, None, run))
    latency = ledger.store.latency(PERCENTS, window(None, None, run))
    held = ledger.store.quarantine_counts(run)
    p50, p95 = latency.quantiles_ns if latency.calls else (None, None)
    ended = moment(max(group.last_ns for group in kinds)) if kinds else None
    sellers = [row.key for row in spend(ledger, by="provider", run=run) if row.key is not None and row.cost]
    errors: dict[str, int] = {}
    for group in kinds:
        if group.key[0] is not None:
            errors[str(group.key[0])] = errors.get(str(group.key[0]), 0) + group.calls
    return Receipt(
        run=run,
        calls=whole.calls,
        errors=dict(sorted(errors.items(), key=lambda item: (-item[1], item[0]))),
        tokens=whole.tokens,
        by_model=by_model,
        total=whole.cost,
        unpriced=unpriced(ledger, run=run),
        cut_streams=sum(group.cut for group in kinds),
        timed=latency.calls,
        p50_ns=p50,
        p95_ns=p95,
        started=moment(min(group.first_ns for group in kinds)) if kinds else None,
        ended=ended,
        suspected_duplicates=held.get(SUSPECTED, 0),
        conflicts=held.get(CONFLICT, 0),
        late=held.get(LATE, 0),
        doubles=held.get(DOUBLE, 0),
        stale=stale(Catalogue.bundled(), ended.timestamp(), sellers) if ended is not None else [],
    )


def plain(receipt: Receipt) -> Plain:
    """The receipt as plain data: money as exact decimal text by currency, latencies in seconds.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     plain(receipt(ledger))["latency_seconds"]
    {'p50': None, 'p95': None, 'calls': 0}
    """
    return {
        "run": receipt.run,
        "calls": receipt.calls,
        "errors": receipt.errors,
        "tokens": receipt.tokens,
        "models": [spending.plain(row, ["model"]) for row in receipt.by_model],
        "total": money(receipt.total),
        "unpriced_calls": receipt.unpriced_calls,
        "unpriced": [unpricing.plain(gap) for gap in receipt.unpriced],
        "cut_streams": receipt.cut_streams,
        "latency_seconds": {"p50": _seconds(receipt.p50_ns), "p95": _seconds(receipt.p95_ns), "calls": receipt.timed},
        "set_aside": {
            "suspected_duplicates": receipt.suspected_duplicates,
            "conflicts": receipt.conflicts,
            "late": receipt.late,
            "doubles": receipt.doubles,
        },
        "stale_prices": [age._asdict() for age in receipt.stale],
    }


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 10**9
