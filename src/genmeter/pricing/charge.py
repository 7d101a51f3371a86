"""Usage times prices: integers only, one bill per call, refusal instead of a guess."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple, cast

from genmeter.model import Cost, Unpriced, Usage
from genmeter.pricing.plan import Plan, Rates, Tiers, text_rates

_new = cast(Callable[[type[Cost], tuple[object, ...]], Cost], getattr(tuple, "__new__"))  # noqa: B009
"""Half the time of calling the class, on the path of every call."""

MAX = 2**63 - 1
"""Most pico-USD that one bill may hold ($9.2 million): the same integer in Go."""


class Term(NamedTuple):
    """One product of the sum. ``price`` is pico-USD per unit; ``unit`` is ``token`` or ``call``."""

    kind: str
    quantity: int
    price: int
    unit: str = "token"

    @property
    def amount(self) -> int:
        """Pico-USD."""
        return self.quantity * self.price


def charge(plan: Plan, usage: Usage | None, at: float, version: str, partial: bool = False) -> Cost | Unpriced:
    """The bill of one call under ``plan`` at Unix second ``at``, or why there is none."""
    if usage is None or plan.free:
        if plan.free:
            return Cost(0, (), "local", version, plan.entry, partial)
        return Unpriced("no_usage", "the response carried no token counts")
    rates = plan.flat or choose(plan, usage, at)
    if isinstance(rates, Unpriced):
        return rates
    text = text_rates(rates)
    cost = text_only(text, usage, version, partial) if text is not None else None
    return cost or _any(rates, usage, version, partial)


def _any(rates: Rates, usage: Usage, version: str, partial: bool) -> Cost | Unpriced:
    found = terms(rates, usage, partial)
    return found if isinstance(found, Unpriced) else bill(found, version, rates.entry, partial)


def text_only(
    rates: tuple[int, int, int | None, int | None, str], usage: Usage, version: str, partial: bool
) -> Cost | None:
    """The common call, text in and text out, without the detours of ``terms``; None when anything else is in play."""
    into, out = usage.input, usage.output
    if (
        type(into) is not int
        or type(out) is not int
        or out <= 0
        or usage.audio_input
        or usage.audio_output
        or usage.audio_cache_read
        or usage.image_input
        or usage.image_output
        or usage.image_cache_read
        or usage.searches
        or usage.cache_write_1h
    ):
        return None
    price_in, price_out, price_read, price_write, entry = rates
    read, write = usage.cache_read, usage.cache_write
    second = out * price_out
    if not read and not write:
        first = into * price_in
        total = first + second
        lines = (("input", first), ("output", second))
    else:
        if price_read is None or type(read) is not int or read <= 0 or type(write) is not int or write < 0:
            return None
        into -= read + write
        first, cached = into * price_in, read * price_read
        total = first + cached + second
        lines = (("input", first), ("cache_read", cached), ("output", second))
        if write:
            if price_write is None:
                return None
            written = write * price_write
            total += written
            lines = (*lines[:2], ("cache_write", written), lines[2])
    if into <= 0 or total > MAX:
        return None
    return _new(Cost, (total, lines, "local", version, entry, partial))


def choose(plan: Plan, usage: Usage, at: float) -> Rates | Unpriced:
    """The row for this instant and this length. A threshold counts all input, and moves the whole call."""
    try:
        second = int(at // 1)
    except (TypeError, ValueError, OverflowError):
        return Unpriced("no_price_for_date", f"{plan.entry}: the time of the call is not known")
    tiers: Tiers = ()
    for period in plan.periods:
        if period.start is None or period.start <= second:
            tiers = period.tiers
            for window in period.windows:
                if window.holds(second):
                    tiers = window.tiers
                    break
            break
    length = usage.input or 0
    for over, rates in tiers:
        if length > over or not over:
            return rates
    first = datetime.fromtimestamp(plan.periods[-1].start or 0, UTC).isoformat()
    return Unpriced("no_price_for_date", f"{plan.entry} has no price before {first}")


def terms(rates: Rates, usage: Usage, partial: bool = False) -> list[Term] | Unpriced:
    """The products of the sum, parts taken out of the totals that contain them."""
    for name, total, price in (("input", usage.input, rates.input), ("output", usage.output, rates.output)):
        if total is None and price is not None and not partial:
            return Unpriced("no_usage", f"the response carried no {name} token count")
    into, out = usage.input or 0, usage.output or 0
    audio_cached, image_cached = usage.audio_cache_read, usage.image_cache_read
    audio, image = usage.audio_input - audio_cached, usage.image_input - image_cached
    counts = (
        ("input", into - usage.cache_read - usage.cache_write - audio - image, rates.input),
        ("cache_read", usage.cache_read - audio_cached - image_cached, rates.cache_read),
        ("cache_write", usage.cache_write - usage.cache_write_1h, rates.cache_write),
        ("cache_write", usage.cache_write_1h, rates.cache_write_1h),
        ("output", out - usage.audio_output - usage.image_output, rates.output),
        ("audio_input", audio, rates.audio_input),
        ("audio_cache_read", audio_cached, rates.audio_cache_read),
        ("audio_output", usage.audio_output, rates.audio_output),
        ("image_input", image, rates.image_input),
        ("image_cache_read", image_cached, rates.image_cache_read),
        ("image_output", usage.image_output, rates.image_output),
        ("search", usage.searches, rates.search),
    )
    found = _priced(counts, rates)
    if not isinstance(found, Unpriced) and rates.request is not None:
        found.append(Term("request", 1, rates.request * 1000, "call"))
    return found


def _priced(counts: tuple[tuple[str, object, int | None], ...], rates: Rates) -> list[Term] | Unpriced:
    missing: str | None = None
    found: list[Term] = []
    for kind, quantity, price in counts:
        if not isinstance(quantity, int):
            return Unpriced("invalid_usage", f"{kind}: {quantity!r} is not a whole number of tokens")
        if quantity < 0:
            return Unpriced("invalid_usage", f"{kind}: the parts exceed their total by {-quantity}")
        if not quantity:
            continue
        if price is None:
            missing = missing or kind
        elif kind == "search":
            found.append(Term(kind, quantity, price * 1000, "call"))
        else:
            found.append(Term(kind, quantity, price))
    if missing:
        return Unpriced("unpriced_dimension", f"{rates.entry} has no price for {missing}")
    return found


def bill(found: list[Term], version: str, entry: str, partial: bool = False) -> Cost | Unpriced:
    """Terms added up into lines, one a kind."""
    amounts: dict[str, int] = {}
    for term in found:
        amounts[term.kind] = amounts.get(term.kind, 0) + term.amount
    total = sum(amounts.values())
    if total > MAX:
        return Unpriced("invalid_usage", f"the bill exceeds {MAX} pico-USD; no call is that large")
    return Cost(total, tuple(amounts.items()), "local", version, entry, partial)
