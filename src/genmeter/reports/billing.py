"""The bill of one period: lines of calls with their exact amounts, and what terms add to them or take away.

All amounts are whole pico-units. An amount that is shared is split by the method of the largest remainder, so that the
lines add up to it to the last unit. Terms act in this order: discounts, credits, shared costs, taxes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Any, Final

from genmeter.periods import Period
from genmeter.reports.apportioning import half_up, percent, shares
from genmeter.reports.dimensions import stored
from genmeter.reports.rates import Rates, Used
from genmeter.reports.terms import Term, Terms, holds
from genmeter.reports.window import day_of_quarter, window

if TYPE_CHECKING:
    from genmeter.ledger import Ledger

USAGE, UNATTRIBUTED, ADJUSTMENT, SHARED, UNPRICED = "usage", "unattributed", "adjustment", "shared", "unpriced"
KINDS: Final = (USAGE, UNATTRIBUTED, ADJUSTMENT, SHARED, UNPRICED)
"""Kinds of lines: calls of a known payer, of an unknown one, corrections, shared costs that no line can bear, calls without
a price."""
AMOUNTS: Final = ("metered", "discount", "credit", "shared", "tax")
"""The amounts of a line, which add up to what is due. Discounts and credits are negative."""
_UNPRICED: Final = "unpriced"


@dataclass(slots=True)
class Line:
    """Calls that agree in every column of ``has``, by the ledger's names. ``amounts`` are pico-units of ``currency``.

    ``key`` has the values that the bill is by. ``currency`` is None for calls without a price, whose amounts are zero.
    ``day`` is the day of the time zone where the bill is by day, else the first day of the period. ``billed_in`` is the
    currency before a conversion.
    """

    key: tuple[str | None, ...]
    has: Mapping[str, Any]
    kind: str
    day: date
    currency: str | None
    calls: int
    usage: tuple[int, ...]
    amounts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(AMOUNTS, 0))
    reason: str = ""
    billed_in: str | None = None

    @property
    def due(self) -> int:
        """The sum of all amounts."""
        return sum(self.amounts.values())

    @property
    def net(self) -> int:
        """The cost after discounts and credits."""
        return self.amounts["metered"] + self.amounts["discount"] + self.amounts["credit"]

    @property
    def row(self) -> tuple[Any, ...]:
        """What the lines of one row have in common."""
        return (self.key, self.kind)


@dataclass(slots=True)
class Bill:
    """The lines of a period, and how they came about. ``left`` are credits that found nothing to be taken from."""

    lines: list[Line]
    period: Period
    first: date
    rates: set[Used] = field(default_factory=set[Used])
    left: list[tuple[Term, int]] = field(default_factory=list[tuple[Term, int]])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a bill is asked for: its period, what its key is ``by``, the currency (None: that of each call), and the rates.

    ``columns`` are the ledger's names that each line must have beside those of the key. ``daily`` keeps days apart.
    """

    period: Period
    by: Sequence[str]
    zone: Any
    key_of: Callable[[Sequence[str], Sequence[object]], tuple[str | None, ...]]
    columns: Sequence[str] = ()
    currency: str | None = None
    rates: Rates | None = None
    daily: bool = False


def bill(ledger: Ledger, wanted: Wanted, terms: Terms, at: date) -> Bill:
    """The bill of a period. ``at`` is today. Raises ``NoRate``, ``StorageError``.

    >>> from datetime import datetime
    >>> from genmeter.ledger import Ledger
    >>> from genmeter.periods import period
    >>> november = period("month", datetime(2026, 11, 5, tzinfo=UTC), UTC)
    >>> with Ledger.open() as ledger:
    ...     bill(ledger, Wanted(november, ["model"], UTC, lambda names, values: ()), Terms(), date(2026, 12, 1)).lines
    []
    """
    first = wanted.period.start.astimezone(wanted.zone).date()
    last = (wanted.period.end.astimezone(wanted.zone) - timedelta(microseconds=1)).date()
    lines = _lines(ledger, wanted, first, wanted.daily)
    if not wanted.daily and any(line.currency not in (None, wanted.currency) for line in lines) and wanted.currency:
        # an amount is converted by the rate of its day
        lines = _lines(ledger, wanted, first, daily=True)
    made = Bill(lines, wanted.period, first)
    if wanted.currency is not None:
        for line in made.lines:
            if line.currency is not None:
                line.amounts["metered"] = _converted(made, wanted, line.amounts["metered"], line.currency, line.day)
                line.currency = wanted.currency
    _apply(made, wanted, terms, min(last, at))
    return made


def _lines(ledger: Ledger, wanted: Wanted, first: date, daily: bool) -> list[Line]:
    """The lines of the ledger: calls, corrections and calls without a price, each apart."""
    asked = window(wanted.period.start, wanted.period.end)
    columns = list(dict.fromkeys((*stored(wanted.by), *wanted.columns, "cost_status")))
    moment = "day" if wanted.zone is UTC else "quarter"
    if daily and moment not in columns:
        columns.append(moment)
    groups = {(group.key, group.currency): group for group in ledger.store.groups(columns, asked)}
    apart = [_adjusted(one, columns) for one in _adjustments(ledger, asked)]
    lines: list[Line] = []
    for (key, currency), sign, call, is_call, reason in apart:
        # the ledger's sums have the corrections in them, and the bill shows them apart
        group = groups.get((key, currency))
        usage = tuple(sign * (count or 0) for count in call.usage)
        calls, pico = sign * is_call, sign * (call.cost_pico or 0)
        if group is not None:
            group.calls -= calls
            group.cost -= pico
            group.usage = tuple(mine - theirs for mine, theirs in zip(group.usage, usage, strict=True))
        lines.append(_line(wanted, columns, key, currency, calls, usage, pico, first, ADJUSTMENT))
        lines[-1].reason = reason
    for (key, currency), group in groups.items():
        if group.calls or group.cost or any(group.usage):
            lines.append(_line(wanted, columns, key, currency, group.calls, group.usage, group.cost, first))
    return lines


def _line(
    wanted: Wanted,
    columns: Sequence[str],
    key: Sequence[Any],
    currency: str | None,
    calls: int,
    usage: tuple[int, ...],
    pico: int,
    first: date,
    kind: str = "",
) -> Line:
    has = dict(zip(columns, key, strict=True))
    shown = wanted.key_of(columns, key)
    if not kind:
        kind = (
            UNPRICED if has["cost_status"] == _UNPRICED else USAGE if shown and shown[0] is not None else UNATTRIBUTED
        )
    day = first
    if "quarter" in has:
        day = day_of_quarter(has["quarter"], wanted.zone)
    elif "day" in has:
        day = date(1970, 1, 1) + timedelta(days=has["day"])
    line = Line(shown, has, kind, day, currency, calls, usage, billed_in=currency)
    line.amounts["metered"] = pico
    return line


def _adjustments(ledger: Ledger, asked: Any) -> Iterable[Any]:
    after = 0
    while found := ledger.store.adjustments(asked, after):
        yield from found
        after = found[-1].number


def _adjusted(one: Any, columns: Sequence[str]) -> tuple[Any, ...]:
    """An adjustment as the group of the ledger that it is in, its sign, its call, whether it is one, and its reason."""
    from genmeter.ledger.questions import QUARTER_NS

    counted = one.counted_ns if one.counted_ns is not None else one.call.started_ns
    times = {"quarter": counted // QUARTER_NS, "day": counted // (96 * QUARTER_NS)}
    key = tuple(times[name] if name in times else getattr(one.call, name) for name in columns)
    return (key, one.call.currency), one.sign, one.call, one.is_call, one.reason


def _converted(made: Bill, wanted: Wanted, pico: int, currency: str, day: date) -> int:
    if currency == wanted.currency or wanted.currency is None:
        return pico
    used = (wanted.rates or Rates({}, "genmeter.toml names no file of rates, so it")).rate(
        currency, wanted.currency, day
    )
    made.rates.add(used)
    return half_up(pico * used.rate)


def _apply(made: Bill, wanted: Wanted, terms: Terms, day: date) -> None:
    for term in terms.of("discount", made.first):
        _percentage(made.lines, term, "discount", lambda line: line.amounts["metered"] + line.amounts["discount"], -1)
    for term in terms.of("credit", made.first):
        _credit(made, *_amount(made, wanted, term, day))
    for term in terms.of("shared", made.first):
        _share(made, len(wanted.by), *_amount(made, wanted, term, day))
    for term in terms.of("tax", made.first):
        _percentage(made.lines, term, "tax", lambda line: line.due - line.amounts["tax"], 1)


def _amount(made: Bill, wanted: Wanted, term: Term, day: date) -> tuple[Term, int, str]:
    """The term with its amount in the currency of the bill."""
    pico = _converted(made, wanted, term.amount or 0, term.currency, day)
    return term, pico, wanted.currency or term.currency


def _chosen(lines: Iterable[Line], where: Mapping[str, str], currency: str | None = None) -> list[Line]:
    by_column = {stored([name])[0]: value for name, value in where.items()}
    return [
        line
        for line in lines
        if line.currency is not None and currency in (None, line.currency) and holds(by_column, line.has)
    ]


def _percentage(lines: Sequence[Line], term: Term, column: str, base: Callable[[Line], int], sign: int) -> None:
    """Add so many percent of the base to each line that is meant; they add up to the percentage of the whole base."""
    chosen = _chosen(lines, term.where)
    for currency in sorted({line.currency or "" for line in chosen}):
        bearing = [line for line in chosen if line.currency == currency]
        bases = [base(line) for line in bearing]
        # a correction that takes an amount back takes back its part of the percentage
        parts = _signed(percent(sum(bases), term.percent), bases)
        for line, part in zip(bearing, parts, strict=True):
            line.amounts[column] += sign * part


def _signed(amount: int, bases: Sequence[int]) -> list[int]:
    """The amount in parts in proportion to bases of either sign; they add up to it."""
    whole = sum(bases)
    if not whole:
        return [0] * len(bases)
    parts = [amount * base // whole for base in bases]
    lost = sorted(range(len(bases)), key=lambda place: (-abs(amount * bases[place] % whole), place))
    for place in lost[: amount - sum(parts)]:
        parts[place] += 1
    return parts


def _credit(made: Bill, term: Term, pico: int, currency: str) -> None:
    """Take the credit from the lines that are meant, as far as they cost anything."""
    bearing = [line for line in _chosen(made.lines, term.where, currency) if line.net > 0]
    taken = min(pico, sum(line.net for line in bearing))
    for line, part in zip(bearing, shares(taken, [line.net for line in bearing]) if bearing else [], strict=True):
        line.amounts["credit"] -= part
    if taken < pico:
        made.left.append((term, pico - taken))


def _share(made: Bill, keys: int, term: Term, pico: int, currency: str) -> None:
    """Spread a shared cost over the rows by the key of the term, and in a row by cost."""
    pool = _chosen(made.lines, term.pool) if term.pool else []
    currencies = sorted({line.currency or "" for line in pool}) if term.pool else [currency]
    for one in currencies:
        own = [line for line in pool if line.currency == one]
        whole = sum(line.net for line in own) if term.pool else pico
        bearing = [
            line
            for line in _chosen(made.lines, term.where, one)
            if line.kind in (USAGE, UNATTRIBUTED) and not any(line is other for other in own)
        ]
        if not bearing and own:
            continue
        for line in own:
            line.amounts["shared"] -= line.net
        _spread(made, keys, term, whole, one, bearing)


def _spread(made: Bill, keys: int, term: Term, whole: int, currency: str, bearing: Sequence[Line]) -> None:
    if not bearing:
        if whole:
            rest = Line((None,) * keys, {}, SHARED, made.first, currency, 0, (), reason=term.name)
            rest.amounts["shared"] = whole
            made.lines.append(rest)
        return
    rows: dict[tuple[Any, ...], list[Line]] = {}
    for line in bearing:
        rows.setdefault(line.row, []).append(line)
    weigh: dict[str, Callable[[Line], int]] = {
        "cost": lambda line: max(line.net, 0),
        "calls": lambda line: max(line.calls, 0),
        "tokens": lambda line: max(line.usage[0] + line.usage[1], 0),
        "even": lambda line: 0,
    }
    weights = [sum(map(weigh[term.key], lines)) for lines in rows.values()]
    for lines, part in zip(rows.values(), shares(whole, weights), strict=True):
        inner = shares(part, [max(line.net, 0) for line in lines])
        for line, amount in zip(lines, inner, strict=True):
            line.amounts["shared"] += amount
