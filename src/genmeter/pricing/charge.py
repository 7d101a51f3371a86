"""Usage times prices: integers only, one bill per call, refusal instead of a guess."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, cast

from genmeter.model import Cost, Unpriced, Usage
from genmeter.pricing.plan import INPUT, OUTPUT, REQUEST, Plan, Rates, Text, Tiers, text_rates
from genmeter.units import COLUMNS, MEASURES, TERMS, TEXT_ALONE, Measure, leaves

_make = getattr(tuple, "__new__")  # noqa: B009
"""Makes a named tuple in half the time of calling its class, on the path of every call."""
costed = cast("Callable[[type[Cost], tuple[object, ...]], Cost]", _make)

_NAMES = tuple(COLUMNS)
_MILLION = 10**6
_TOKEN = MEASURES["token"]
MAX = 2**63 - 1
"""Most pico-USD that one bill may hold ($9.2 million): the same integer in Go."""


class Term(NamedTuple):
    """One product of the sum: a quantity of ``measure`` at ``price`` micro-USD for ``measure.per`` of it."""

    kind: str
    quantity: int
    price: int
    measure: Measure = _TOKEN

    @property
    def amount(self) -> int:
        """Pico-USD; half a pico-USD is rounded to the even number.

        >>> Term("input", 1_000, 2_500_000).amount
        2500000000
        """
        _, quantity, price, measure = self
        if measure is _TOKEN:
            return quantity * price
        whole, rest = divmod(quantity * price * _MILLION, measure.per)
        return whole + (2 * rest > measure.per or (2 * rest == measure.per and whole & 1))


_term = cast("Callable[[type[Term], tuple[object, ...]], Term]", _make)


def charge(plan: Plan, usage: Usage | None, at: float, version: str, partial: bool = False) -> Cost | Unpriced:
    """The bill of one call under ``plan`` at Unix second ``at``, or why there is none.

    ``Catalogue.price`` has tried ``text_only`` before, where the plan has one row alone.
    """
    if usage is None or plan.free:
        if plan.free:
            return Cost(0, (), "local", version, plan.entry, partial)
        return Unpriced("no_usage", "the response carried no token counts")
    rates = plan.flat
    if rates is None:
        rates = choose(plan, usage, at)
        if isinstance(rates, Unpriced):
            return rates
        text = text_rates(rates)
        cost = text_only(text, usage, version, partial) if text is not None else None
        if cost is not None:
            return cost
    found = terms(rates, usage, partial)
    return found if isinstance(found, Unpriced) else bill(found, version, rates.entry, partial)


def text_only(rates: Text, usage: Usage, version: str, partial: bool) -> Cost | None:
    """The fast path for a call of text alone; None when the call has any other count, and ``terms`` must work."""
    into, out, rare = usage.input, usage.output, usage.rare
    if type(into) is not int or type(out) is not int or out < 0 or (rare is not TEXT_ALONE and rare != TEXT_ALONE):
        return None
    price_in, price_out, price_read, price_write, entry = rates
    if price_out is None:
        if out:
            return None
        price_out = 0
    read, write = usage.cache_read, usage.cache_write
    second = out * price_out
    if not read and not write:
        first = into * price_in
        total = first + second
        lines = (("input", first), ("output", second)) if out else (("input", first),)
    else:
        if price_read is None or type(read) is not int or read <= 0 or type(write) is not int or write < 0:
            return None
        into -= read + write
        first, cached = into * price_in, read * price_read
        total = first + cached + second
        lines = (("input", first), ("cache_read", cached))
        if write:
            if price_write is None:
                return None
            written = write * price_write
            total += written
            lines = (*lines, ("cache_write", written))
        if out:
            lines = (*lines, ("output", second))
    if into <= 0 or total > MAX:
        return None
    return costed(Cost, (total, lines, "local", version, entry, partial))


def choose(plan: Plan, usage: Usage, at: float) -> Rates | Unpriced:
    """The row for this instant and this number of input tokens.

    A threshold counts all input tokens. Above it, the whole call has the prices of the other row.
    """
    try:
        second = int(at // 1)
    except (TypeError, ValueError, OverflowError):
        return Unpriced("no_price_for_date", f"{plan.entry}: the time of the call is not known")
    tiers: Tiers = ()
    for edition in plan.editions:
        if edition.start is None or edition.start <= second:
            tiers = edition.tiers
            for hours in edition.hours:
                if hours.holds(second):
                    tiers = hours.tiers
                    break
            break
    length = usage.input or 0
    for over, rates in tiers:
        if length > over or not over:
            return rates
    first = datetime.fromtimestamp(plan.editions[-1].start or 0, UTC).isoformat()
    return Unpriced("no_price_for_date", f"{plan.entry} has no price before {first}")


def terms(rates: Rates, usage: Usage, partial: bool = False) -> list[Term] | Unpriced:
    """The products of the sum. Each part is subtracted from the total that contains it, so no token is paid twice."""
    prices = rates.prices
    if not partial and (usage.input is None or usage.output is None):
        for name, total, column in (("input", usage.input, INPUT), ("output", usage.output, OUTPUT)):
            if total is None and prices[column] is not None:
                return Unpriced("no_usage", f"the response carried no {name} token count")
    found = _priced(leaves(usage), rates)
    if isinstance(found, Unpriced):
        return found
    fee = prices[REQUEST]
    only_fee = fee is not None and prices[INPUT] is None and prices[OUTPUT] is None
    if not found and not partial and not only_fee:
        # Counts that are all zero count nothing: servers that do not count write them, and no call is free by that.
        return Unpriced("no_usage", f"the response carried no count of what {rates.entry} charges for")
    if fee is not None:
        found.append(Term("request", 1, fee, MEASURES["request"]))
    return found


def _priced(counts: tuple[object, ...], rates: Rates) -> list[Term] | Unpriced:
    missing: str | None = None
    found: list[Term] = []
    for quantity, term in zip(counts, TERMS, strict=True):
        if quantity == 0 and type(quantity) is int:
            continue
        kind, column, measure = term
        if not isinstance(quantity, int):
            return Unpriced("invalid_usage", f"{kind}: {quantity!r} is not a whole number")
        if quantity < 0:
            return Unpriced("invalid_usage", f"{kind}: the parts exceed their total by {-quantity}")
        if not quantity:
            continue
        price = rates.prices[column]
        if price is None:
            missing = missing or _NAMES[column]
        else:
            found.append(_term(Term, (kind, quantity, price, measure)))
    if missing and not any(price is not None for price in rates.prices):
        return Unpriced("unknown_model", f"{rates.entry} is known but has no price that holds")
    if missing:
        return Unpriced("unpriced_dimension", f"{rates.entry} has no price for {missing}")
    return found


def bill(found: list[Term], version: str, entry: str, partial: bool = False) -> Cost | Unpriced:
    """The bill of these terms: one line for each kind."""
    amounts: dict[str, int] = {}
    for term in found:
        amounts[term.kind] = amounts.get(term.kind, 0) + term.amount
    total = sum(amounts.values())
    if total > MAX:
        return Unpriced("invalid_usage", f"the bill exceeds {MAX} pico-USD; no call is that large")
    return Cost(total, tuple(amounts.items()), "local", version, entry, partial)
