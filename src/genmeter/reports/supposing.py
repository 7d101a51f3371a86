"""The booked calls of one model at the price of another: what the same tokens would have cost there.

The tokens stay as they were booked. Another model would count a text otherwise and answer at another length, so the
amounts say what the prices do and not what a change would bring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from genmeter.model import Unpriced

if TYPE_CHECKING:
    from genmeter.ledger.call import Call
    from genmeter.ledger.repricing import Repricing

BOOKED: Final = "not_priced_as_booked"
"""The booked call itself has no whole price in USD, so there is nothing to compare with."""
ROUNDS: Final = "several_rounds"
"""The bill is one of several rounds of models, of which the ledger knows the sum alone."""
PARTIAL: Final = "partial"
"""The new price covers a part of the call."""


@dataclass(slots=True)
class Supposed:
    """The calls of an application on one model, as booked and as another model is priced; money in pico-USD.

    ``before`` and ``after`` are sums over the same ``compared`` calls. ``left`` counts the others by the reason that
    keeps them out of both sums.
    """

    application: str | None
    provider: str
    model: str | None
    instead: str
    compared: int = 0
    before: int = 0
    after: int = 0
    left: dict[str, int] = field(default_factory=dict[str, int])


def pair(text: str) -> tuple[str, str]:
    """The two models of ``A=B``. Raises ``ValueError``.

    >>> pair("gpt-5=anthropic/claude-haiku-4-5")
    ('gpt-5', 'anthropic/claude-haiku-4-5')
    """
    booked, _, instead = (part.strip() for part in text.partition("="))
    if not booked or not instead:
        raise ValueError(f"{text[:80]!r} is no pair of models; write BOOKED=OTHER, as in gpt-5=gpt-5-mini")
    return booked, instead


def suppose(calls: Iterable[Call], models: Mapping[str, str], prices: Repricing) -> list[Supposed]:
    """The calls of the booked ``models`` at the prices of the others, the largest booked amount first.

    A key names a model as it was asked for or as it answered. A value is a model of the same seller, or ``seller/model``.

    >>> from genmeter.ledger.repricing import Repricing
    >>> from genmeter.pricing import Addresses, Catalogue
    >>> prices = Repricing(Catalogue.bundled(), Addresses({}, Catalogue.bundled()))
    >>> suppose([], {"gpt-5": "gpt-5-mini"}, prices)
    []
    """
    found: dict[tuple[str | None, str, str | None, str], Supposed] = {}
    for call in calls:
        instead = models.get(call.response_model or "") or models.get(call.request_model or "")
        if instead is None:
            continue
        key = (call.application, call.provider, call.model, instead)
        _add(found.setdefault(key, Supposed(*key)), call, prices)
    return sorted(found.values(), key=lambda one: (-one.before, *map(str, (one.application, one.provider, one.model))))


def _add(row: Supposed, call: Call, prices: Repricing) -> None:
    after = _after(row.instead, call, prices)
    if isinstance(after, str) or call.cost_pico is None:
        reason = after if isinstance(after, str) else BOOKED
        row.left[reason] = row.left.get(reason, 0) + 1
        return
    row.compared += 1
    row.before += call.cost_pico
    row.after += after


def _after(instead: str, call: Call, prices: Repricing) -> int | str:
    """The amount in pico-USD, or the reason why there is none to compare."""
    from genmeter.ledger.booking import USD
    from genmeter.ledger.call import PRICED
    from genmeter.ledger.repricing import SEVERAL

    if call.cost_status != PRICED or call.currency != USD or call.cost_pico is None:
        return BOOKED
    if SEVERAL in (call.cost_entry or ""):
        return ROUNDS
    seller, slash, model = instead.partition("/")
    if slash and prices.sells(seller):
        # the host and the region are those of the booked seller
        asked = replace(call, provider=seller, host=None, region=None, request_model=model, response_model=None)
    else:
        asked = replace(call, request_model=instead, response_model=None)
    verdict = prices.ask(asked)
    if isinstance(verdict, Unpriced):
        return verdict.reason
    return PARTIAL if verdict.partial else verdict.total
