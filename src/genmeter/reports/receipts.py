"""The receipt of one run: everything it called, used and cost on one slip."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from genmeter.ledger import Ledger
from genmeter.ledger.questions import CONFLICT, LATE, SUSPECTED, Window
from genmeter.reports.spending import Row, spend, total
from genmeter.reports.unpricing import Gap, unpriced
from genmeter.reports.window import moment

PERCENTS: Final = (50, 95)


@dataclass(frozen=True, slots=True)
class Receipt:
    """One run in numbers. Money is exact pico units by currency; unpriced calls are counted and cost nothing here.

    ``p50_ns`` and ``p95_ns`` are exact nearest-rank quantiles over the ``timed`` calls whose duration is known, None
    without any: the smallest duration that at least that share of the calls does not exceed. ``started`` to ``ended``
    spans the first call's start to the last call's end. ``suspected_duplicates`` (the same response reported under
    another key), ``conflicts`` (the same key with other money) and ``late`` calls were kept out of all sums.
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
    """The receipt of ``run``, of everything in the ledger when it is None. Raises ``StorageError``."""
    by_model = spend(ledger, by="model", run=run)
    whole = total(by_model)
    kinds = ledger.store.groups(["error_type"], Window(run=run))
    latency = ledger.store.latency(PERCENTS, Window(run=run))
    held = ledger.store.quarantine_counts(run)
    p50, p95 = latency.quantiles_ns if latency.calls else (None, None)
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
        ended=moment(max(group.last_ns for group in kinds)) if kinds else None,
        suspected_duplicates=held.get(SUSPECTED, 0),
        conflicts=held.get(CONFLICT, 0),
        late=held.get(LATE, 0),
    )
