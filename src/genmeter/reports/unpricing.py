"""What has no price, why, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from genmeter import names
from genmeter.reports.report import Asked, Column, Plain, Report, Sources
from genmeter.reports.window import Moment, window

if TYPE_CHECKING:
    from genmeter.ledger import Ledger

REMEDIES: Final = {
    "unknown_provider": "Nobody knows who bills at this address. Name its seller under [sellers] of genmeter.toml, or "
    'in the environment: GENMETER_SELLERS="host:port=openai".',
    "unknown_model": "The price catalogue has no such model. Upgrade genmeter, or price the model in genmeter.toml.",
    "no_usage": "No token count arrived: the stream was cut before its end, or its server reports no usage.",
    "invalid_usage": "The reported tokens contradict each other (a part exceeds its total). Look at the call.",
    "unpriced_dimension": "The call used something that its row has no price for. Add that price in genmeter.toml.",
    "unknown_service_tier": "The call was served from a tier that has no price. Add that tier in genmeter.toml.",
    "no_price_for_date": "The model has no price for that day. Add one, with its date, in genmeter.toml.",
    "not_priced": "Another instrumentation sent tokens without a cost. Send them through a collector with genai_cost.",
    "no_currency": f"The sender gave an amount without a currency. Have it send {names.COST_CURRENCY} too.",
    "invalid_cost": "The sender's amount is no money (negative, not a number, or too large). Correct the sender.",
}
"""Reason → what the reader can do."""
_OTHERWISE = "The sender gave a reason that this genmeter does not know. Upgrade genmeter."


@dataclass(frozen=True, slots=True)
class Gap:
    """Calls without a price that share reason, provider and model; ``tokens`` is input and output together."""

    reason: str | None
    provider: str | None
    model: str | None
    calls: int
    tokens: int
    remedy: str


def unpriced(
    ledger: Ledger, *, since: Moment | None = None, until: Moment | None = None, run: str | None = None
) -> list[Gap]:
    """The unpriced calls started in [``since``, ``until``), most frequent first. Raises ``StorageError``.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     unpriced(ledger, run="3f2a")
    []
    """
    from genmeter.ledger.call import UNPRICED

    groups = ledger.store.groups(["cost_status", "cost_reason", "provider", "model"], window(since, until, run))
    used = list(names.USAGE_TOKENS)
    inputs, outputs = used.index("input"), used.index("output")
    gaps = [
        Gap(
            *(_text(group.key[1]), _text(group.key[2]), _text(group.key[3])),
            calls=group.calls,
            tokens=group.usage[inputs] + group.usage[outputs],
            remedy=REMEDIES.get(str(group.key[1]), _OTHERWISE),
        )
        for group in groups
        if group.key[0] == UNPRICED
    ]
    return sorted(gaps, key=lambda gap: (-gap.calls, gap.reason or "", gap.provider or "", gap.model or ""))


def plain(gap: Gap) -> Plain:
    """The gap as plain data, its fields under their names.

    >>> plain(Gap("unknown_model", "openai", "house-7b", calls=2, tokens=1_510, remedy="Upgrade genmeter."))["calls"]
    2
    """
    return asdict(gap)


def _ask(sources: Sources, asked: Asked) -> Plain:
    gaps = unpriced(sources.ledger, since=asked["since"], until=asked["until"], run=asked["run"])
    return {"rows": [plain(gap) for gap in gaps]}


def _text(key: str | int | None) -> str | None:
    return None if key is None else str(key)


REPORT: Final = Report(
    name="unpriced",
    question="which calls have no price, why, and what to do about it",
    ask=_ask,
    columns=lambda asked: (
        *(Column("reason", "key"), Column("provider"), Column("model")),
        *(Column("calls", "count"), Column("tokens", "count"), Column("remedy")),
    ),
)
