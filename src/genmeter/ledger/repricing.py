"""Prices that came later: which booked calls another catalogue prices otherwise, and how they count then.

A call is asked again with what its row knows: seller, models, tier, region, counts, the second it began. Three kinds of
calls keep what they have. An amount that the provider or another instrumentation stated is no list price. A record
without counts, or with a fault, lacks what a price needs. And a bill of several rounds of models knows only their sum.
No call loses a price that it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from genmeter import names
from genmeter.ledger.adjustments import REPRICED, Revision
from genmeter.ledger.booking import INVALID_COST, INVALID_USAGE, NO_CURRENCY, USD
from genmeter.ledger.call import LINE_KINDS, PARTIAL, PRICED, UNPRICED, USAGE_FIELDS, Call
from genmeter.ledger.questions import Window
from genmeter.ledger.store import Store
from genmeter.model import Cost, Unpriced, Usage, Verdict
from genmeter.pricing import Addresses, Catalogue, Question

OF_THE_RECORD: Final = frozenset(("no_usage", INVALID_USAGE, INVALID_COST, NO_CURRENCY))
"""Reasons that no catalogue can mend: the record itself lacks what a price needs."""
LISTED: Final = frozenset(("local", "collector"))
"""Sources of an amount that was worked out from a price list."""
SEVERAL: Final = " + "
"""Between the entries of a bill of several rounds."""
PAGE: Final = 2_000
_NANO: Final = 10**9


@dataclass(slots=True)
class Change:
    """What a re-pricing does to the calls of one provider and model for one reason; money is pico by currency."""

    provider: str
    model: str | None
    why: str
    calls: int = 0
    before: dict[str, int] = field(default_factory=dict[str, int])
    after: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, one: Revision) -> None:
        """Add one revised call."""
        self.calls += 1
        for call, money in ((one.old, self.before), (one.new, self.after)):
            if call is not None and call.currency is not None and call.cost_pico is not None:
                money[call.currency] = money.get(call.currency, 0) + call.cost_pico


class Repricing:
    """Asks a catalogue for the calls of a store. ``seen`` counts the calls, ``left`` the calls that stay without a price."""

    def __init__(self, catalogue: Catalogue, addresses: Addresses) -> None:
        self._catalogue, self._addresses = catalogue, addresses
        self.seen = self.left = 0

    def pages(self, store: Store, window: Window) -> Iterator[list[Revision]]:
        """The revisions of each page of calls. While they are being read, they may be applied."""
        after = 0
        while page := store.walk(window, after, PAGE):
            after = page[-1][0]
            found = [one for _, call in page if (one := self.revision(call)) is not None]
            self.seen += len(page)
            self.left += sum(call.cost_status == UNPRICED for _, call in page)
            self.left -= sum(one.old.cost_status == UNPRICED for one in found)
            if found:
                yield found

    def revision(self, call: Call) -> Revision | None:
        """How the call counts with the prices of the catalogue; None where it stays as it is."""
        if not _may_change(call):
            return None
        verdict = self.ask(call)
        if isinstance(verdict, Unpriced) or (call.cost_pico, call.currency) == (verdict.total, USD):
            return None
        new = _priced(call, verdict)
        return Revision(call, new, REPRICED, f"{_before(call)}; now {verdict.entry} of {verdict.catalogue}")

    def sells(self, seller: str) -> bool:
        """Whether the catalogue knows a seller of this name."""
        return self._catalogue.named(seller) is not None

    def ask(self, call: Call) -> Verdict:
        """The verdict of the catalogue on a call."""
        seller = self._catalogue.named(call.provider)
        if call.host is not None:
            host, _, port = call.host.partition(":")
            seller = self._addresses.seller(host, int(port) if port.isdecimal() else None) or seller
        used = {name: count for name, count in zip(USAGE_FIELDS, call.usage, strict=True) if count is not None}
        partial = call.cost_status == PARTIAL or call.cut is not None
        return self._catalogue.price(
            Question(
                seller.id if seller is not None else call.provider, call.request_model, call.response_model,
                Usage(**used) if used else None, call.started_ns / _NANO, call.service_tier, _is_batch(call),
                call.region or (seller.region if seller is not None else None), partial,
            )
        )  # fmt: skip


def summary(changes: dict[tuple[str, str | None, str], Change], revisions: list[Revision]) -> None:
    """Add revisions to ``changes``, which is kept by provider, model and the words that say why."""
    for one in revisions:
        key = (one.old.provider, one.old.model, one.why)
        changes.setdefault(key, Change(*key)).add(one)


def _may_change(call: Call) -> bool:
    if call.operation not in names.BILLED_OPERATIONS or SEVERAL in (call.cost_entry or ""):
        return False
    if call.cost_status == UNPRICED:
        return call.cost_reason not in OF_THE_RECORD
    return call.cost_status in (PRICED, PARTIAL) and call.cost_source in LISTED


def _is_batch(call: Call) -> bool:
    """Whether the call was one of a batch. Its row says so in the entry that priced it, or in the words of a refusal."""
    said = call.cost_entry or call.cost_detail or ""
    return ";batch" in said or "+batch" in said


def _priced(call: Call, cost: Cost) -> Call:
    lines = dict(cost.lines)
    status = PARTIAL if cost.partial or call.cost_status == PARTIAL else PRICED
    reason, detail = (call.cost_reason, call.cost_detail) if call.cost_status == PARTIAL else (None, None)
    return replace(
        call,
        cost_status=status, cost_reason=reason, cost_detail=detail, cost_source=cost.source,
        cost_catalogue=cost.catalogue, cost_entry=cost.entry, currency=USD, cost_pico=cost.total,
        lines=tuple(lines.get(kind) for kind in LINE_KINDS),
    )  # fmt: skip


def _before(call: Call) -> str:
    if call.cost_status == UNPRICED:
        return f"no price ({call.cost_reason})"
    return f"{call.cost_entry or 'an unnamed price'} of {call.cost_catalogue or 'an unnamed catalogue'}"
