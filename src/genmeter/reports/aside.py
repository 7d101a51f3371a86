"""The calls that are in no sum: another record of the same call bills, or the record contradicts it, or came too late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from genmeter.model import usd
from genmeter.reports.report import Column, Plain

if TYPE_CHECKING:
    from genmeter.ledger import Ledger
    from genmeter.ledger.questions import Quarantined

_WORDS: Final = {
    "double": "another record of the same call bills",
    "suspected_duplicate": "the response is booked under another key",
    "conflict": "the call is booked with other money",
    "late": "older than what has been trimmed",
}
COLUMNS: Final = (
    *(Column("started", "time_us", "started_us"), Column("reason"), Column("why"), Column("billed_by")),
    *(Column("emitter"), Column("provider"), Column("model"), Column("trace_id", "trace"), Column("span_id")),
    *(Column("cost", "amount"), Column("currency")),
)


def aside(ledger: Ledger, *, limit: int = 100, run: str | None = None) -> list[Plain]:
    """The calls set aside, the newest first: what each said, which span bills in its place, and why. Raises ``StorageError``.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     aside(ledger)
    []
    """
    return [_plain(one) for one in ledger.store.quarantined(limit, run)]


def _plain(one: Quarantined) -> Plain:
    call = one.call
    return {
        "received_us": one.received_ns // 1000,
        "started_us": call.started_ns // 1000,
        "reason": one.reason,
        "why": one.why or _WORDS.get(one.reason, one.reason),
        "billed_by": one.billed_by,
        "emitter": call.scope or "genmeter",
        "operation": call.operation,
        "provider": call.provider,
        "model": call.model,
        "cost": None if call.cost_pico is None else usd(call.cost_pico),
        "currency": call.currency,
        "trace_id": call.trace_id,
        "span_id": call.span_id,
    }
