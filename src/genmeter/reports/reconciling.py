"""``genmeter reconcile``: the ledger beside the bill, by model and day, with the likely cause of each difference."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from genmeter.model import PICO, usd
from genmeter.reports.apportioning import half_up
from genmeter.reports.bills.entry import CACHE_READ, CACHE_WRITE, INPUT, METERS, OUTPUT, Entry
from genmeter.reports.bills.known import Bill
from genmeter.reports.bills.names import match
from genmeter.reports.bills.reading import Unreadable
from genmeter.reports.document import add, money
from genmeter.reports.rates import NoRate, Rates
from genmeter.reports.report import Column, Plain
from genmeter.reports.window import window

if TYPE_CHECKING:
    from genmeter.ledger import Ledger

ALIKE: Final = Fraction(1, 200)
"""Sums that differ by no more than this share are taken for the same: sellers round, and days end a little apart."""
SMALL: Final = PICO // 10_000
"""A difference in money up to this, a hundredth of a cent, has no cause."""
TOKENS: Final = (INPUT, CACHE_READ, CACHE_WRITE, OUTPUT)
AGREES, MISSING, NOT_BILLED, UNPRICED, CACHED, TIER, PRICE, EXTRA = (
    *(
        "agrees",
        "missing calls",
        "not on the bill",
        "unpriced calls",
        "cached tokens",
        "tier",
        "price",
        "more than billed",
    ),
)


@dataclass(slots=True)
class Side:
    """What one side says of a model on a day: tokens by meter, money in pico-units, calls; ``told`` whether it has tokens."""

    tokens: dict[str, int] = field(default_factory=lambda: dict.fromkeys(TOKENS, 0))
    pico: int = 0
    calls: int = 0
    unpriced: int = 0
    priced: bool = False
    told: bool = False
    tiers: set[str] = field(default_factory=set[str])
    by_meter: dict[str, int] = field(default_factory=lambda: dict.fromkeys(METERS, 0))

    @property
    def whole(self) -> int:
        """All tokens."""
        return sum(self.tokens.values())


@dataclass(slots=True)
class Pair:
    """A model on a day, on the bill and in the ledger; ``cause`` is in words why they differ, and ``why`` says more."""

    day: date
    model: str | None
    bill: Side = field(default_factory=Side)
    ledger: Side = field(default_factory=Side)
    cause: str = AGREES
    why: str = ""

    @property
    def difference(self) -> int:
        """What the bill has beyond the ledger, in pico-units."""
        return self.bill.pico - self.ledger.pico


@dataclass(slots=True)
class Compared:
    """The pairs of all bills. ``aside`` is kind → money of the lines without a model: taxes, credits, other services."""

    pairs: list[Pair]
    currency: str
    providers: tuple[str, ...]
    first: date
    last: date
    aside: dict[str, dict[str, int]]
    priced: bool

    @property
    def captured(self) -> Fraction | None:
        """The share of the billed money that the ledger has; None without money on the bill."""
        billed = sum(pair.bill.pico for pair in self.pairs)
        return Fraction(sum(pair.ledger.pico for pair in self.pairs), billed) if billed > 0 else None


def compare(ledger: Ledger, bills: Sequence[Bill], rates: Rates | None = None) -> Compared:
    """The ledger beside bills of one seller, by day of UTC and model. Raises ``Unreadable``, ``NoRate``, ``StorageError``.

    Files with tokens and files with money are put together. A ledger in another currency than the bill is converted by
    the rates of the days.

    >>> from genmeter.ledger import Ledger
    >>> with Ledger.open() as ledger:
    ...     compare(ledger, [])
    Traceback (most recent call last):
    genmeter.reports.bills.reading.Unreadable: no line is about a model; the file has taxes, credits or other services alone
    """
    twice = [bill.path.name for place, bill in enumerate(bills) if bill.digest in {one.digest for one in bills[:place]}]
    if twice:
        raise Unreadable(f"{', '.join(twice)} is given twice, and its lines would count twice; name each file once")
    entries = [entry for bill in bills for entry in bill.entries if entry.kind == "usage"]
    providers = {entry.providers for entry in entries}
    place = ", ".join(str(bill.path) for bill in bills)
    if not entries:
        raise Unreadable(
            f"{place}{': ' if place else ''}no line is about a model; the file has taxes, credits or other services alone"
        )
    currencies = {entry.currency for entry in entries if entry.pico is not None}
    if len(currencies) > 1:
        raise Unreadable(
            f"{place}: the bill is in {', '.join(sorted(map(str, currencies)))}; give one file for each currency"
        )
    currency = currencies.pop() if currencies else "USD"
    names = tuple(sorted({name for some in providers for name in some}))
    first, last = min(entry.day for entry in entries), max(entry.day for entry in entries)
    booked = _booked(ledger, names, first, last, currency or "USD", rates)
    pairs = _paired(entries, booked)
    priced = any(entry.pico is not None for entry in entries)
    for pair in pairs:
        pair.cause, pair.why = _cause(pair, priced)
    aside: dict[str, dict[str, int]] = {}
    for bill in bills:
        for entry in bill.entries:
            if entry.kind != "usage" and entry.pico:
                add(aside.setdefault(entry.kind, {}), entry.currency, entry.pico)
    return Compared(pairs, currency or "USD", names, first, last, aside, priced)


def _booked(
    ledger: Ledger, providers: Iterable[str], first: date, last: date, currency: str, rates: Rates | None
) -> dict[tuple[date, str | None], Side]:
    """What the ledger has of these sellers, by day of UTC and model."""
    from genmeter.ledger.call import USAGE_FIELDS
    from genmeter.ledger.questions import Condition

    until = datetime.combine(last + timedelta(days=1), time(), UTC)
    asked = window(datetime.combine(first, time(), UTC), until, where=[Condition("provider", tuple(providers))])
    place = {name: number for number, name in enumerate(USAGE_FIELDS)}
    found: dict[tuple[date, str | None], Side] = {}
    for group in ledger.store.groups(["day", "model", "service_tier"], asked):
        number, model, tier = group.key
        day = date(1970, 1, 1) + timedelta(days=int(number or 0))
        side = found.setdefault((day, None if model is None else str(model)), Side(told=True, priced=True))
        read, written = (group.usage[place[name]] for name in (CACHE_READ, CACHE_WRITE))
        counts = (group.usage[place[INPUT]] - read - written, read, written, group.usage[place[OUTPUT]])
        for name, count in zip(TOKENS, counts, strict=True):
            side.tokens[name] += count
        side.calls += group.calls
        side.unpriced += group.unpriced
        if tier is not None:
            side.tiers.add(str(tier))
        side.pico += _in(currency, group.currency, group.cost, day, rates)
    for one in ledger.store.metered(["day", "model"], asked):
        day = date(1970, 1, 1) + timedelta(days=int(one.key[0] or 0))
        side = found.get((day, None if one.key[1] is None else str(one.key[1])))
        if side is not None and one.line in side.by_meter:
            side.by_meter[one.line] += _in(currency, one.currency, one.cost, day, rates)
    return found


def _in(currency: str, given: str | None, pico: int, day: date, rates: Rates | None) -> int:
    if given in (None, currency) or not pico:
        return pico
    if rates is None:
        raise NoRate(
            f"the bill is in {currency} and the ledger has {given}; name a file of rates as chargeback.rates in genmeter.toml"
        )
    return half_up(pico * rates.rate(str(given), currency, day).rate)


def _paired(entries: Iterable[Entry], booked: dict[tuple[date, str | None], Side]) -> list[Pair]:
    known = sorted({model for _, model in booked if model is not None})
    meant: dict[str, str] = {}
    pairs: dict[tuple[date, str | None], Pair] = {}
    for entry in entries:
        model = entry.model
        if model is not None:
            model = meant.setdefault(model, match(model, known) or match(model, meant.values()) or model)
        pair = pairs.setdefault((entry.day, model), Pair(entry.day, model))
        side = pair.bill
        if entry.tokens is not None and entry.meter in side.tokens:
            side.tokens[entry.meter] += entry.tokens
            side.told = True
        if entry.pico is not None:
            side.pico += entry.pico
            side.by_meter[entry.meter] += entry.pico
            side.priced = True
        side.calls += entry.calls or 0
        if entry.tier:
            side.tiers.add(entry.tier)
    for key, side in booked.items():
        pairs.setdefault(key, Pair(*key)).ledger = side
    return sorted(pairs.values(), key=lambda pair: (pair.day, pair.model or "~"))


def _cause(pair: Pair, priced: bool) -> tuple[str, str]:
    """Why the two sides differ, most likely, and the figures that say so."""
    bill, ledger = pair.bill, pair.ledger
    if not ledger.calls and not ledger.pico:
        return MISSING, "the ledger has no call of this model on this day"
    if not bill.told and not bill.priced:
        return NOT_BILLED, "the bill has no line of this model on this day; it may come later, or under another name"
    same_money = not priced or abs(pair.difference) <= max(SMALL, abs(bill.pico) * ALIKE)
    if bill.told and _apart(bill.whole, ledger.whole):
        return _by_tokens(bill, ledger)
    split = bill.told and any(
        _apart(bill.tokens[name], ledger.tokens[name], bill.whole) for name in (CACHE_READ, CACHE_WRITE)
    )
    if same_money and not split:
        return AGREES, ""
    if ledger.unpriced:
        return UNPRICED, f"{ledger.unpriced:,} calls have no price in the ledger"
    if split:
        words = (
            f"{name.replace('_', ' ')} {ledger.tokens[name]:,} of {bill.tokens[name]:,}"
            for name in (CACHE_READ, CACHE_WRITE)
        )
        return CACHED, f"the same tokens, cached in another way: {', '.join(words)} are in the ledger"
    other = sorted(bill.tiers - ledger.tiers)
    if other:
        return TIER, f"the bill has the tier {', '.join(other)}, which the ledger's calls do not have"
    if not bill.told:
        return _by_money(pair)
    return PRICE, f"the same tokens cost {_ratio(bill.pico, ledger.pico)} of the ledger's price"


def _by_tokens(bill: Side, ledger: Side) -> tuple[str, str]:
    share = _ratio(ledger.whole, bill.whole)
    if ledger.whole < bill.whole:
        return MISSING, f"the ledger has {share} of the billed tokens"
    return EXTRA, f"the ledger has {share} of the billed tokens: calls are counted twice, or billed on another day"


def _by_money(pair: Pair) -> tuple[str, str]:
    """A bill without tokens: what the input, the cache and the output cost, each beside the ledger."""
    bill, ledger = pair.bill.by_meter, pair.ledger.by_meter
    if bill[CACHE_READ] and _apart(bill[CACHE_READ], ledger[CACHE_READ]) and not _apart(bill[OUTPUT], ledger[OUTPUT]):
        return (
            CACHED,
            f"the output costs the same, and cached input {_ratio(ledger[CACHE_READ], bill[CACHE_READ])} of the bill",
        )
    share = _ratio(pair.ledger.pico, pair.bill.pico)
    if pair.ledger.pico < pair.bill.pico:
        return MISSING, f"the ledger has {share} of the billed money; a bill with tokens would tell calls from price"
    return PRICE, f"the ledger has {share} of the billed money: a discount, or calls that are counted twice"


def _apart(one: int, other: int, whole: int | None = None) -> bool:
    return abs(one - other) > max(one, other, whole or 0) * ALIKE


def _ratio(part: int, whole: int) -> str:
    return f"{float(Fraction(part, whole)) * 100:.1f}%" if whole else "more than all"


COLUMNS: Final = (
    *(Column("day", "key"), Column("model", "key")),
    *(Column("billed_tokens", "count", spare=2), Column("ledger_tokens", "count", spare=2)),
    *(Column("calls", "count", spare=3), Column("billed", "of_currency"), Column("ledger", "of_currency")),
    *(Column("cause"), Column("why", spare=5), Column("difference", "cost")),
)


def document(found: Compared, bills: Sequence[Bill]) -> Plain:
    """The comparison as plain data: rows by day and model, the total, and what stands beside them.

    >>> nothing = Compared([], "USD", ("openai",), date(2026, 11, 1), date(2026, 11, 30), {}, priced=True)
    >>> document(nothing, [])["captured"] is None
    True
    """
    captured = found.captured
    facts: Plain = {
        "bills": [
            {"file": bill.path.name, "format": bill.format.name, "lines": bill.rows, "sha256": bill.digest}
            for bill in bills
        ],
        "providers": list(found.providers),
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "currency": found.currency,
        "captured": None if captured is None else f"{float(captured):.6f}",
        "aside": {kind: money(cost) for kind, cost in sorted(found.aside.items())},
    }
    return {
        **facts,
        "rows": [_plain(pair, found) for pair in found.pairs],
        "total": _total(found),
        "facts": _told(facts, found, bills),
        "columns": [column._asdict() for column in COLUMNS],
    }


def _plain(pair: Pair, found: Compared) -> Plain:
    money_of = (
        {"billed": pair.bill.pico, "ledger": pair.ledger.pico, "difference": pair.difference} if found.priced else {}
    )
    return {
        "day": pair.day.isoformat(),
        "model": pair.model,
        "billed_tokens": pair.bill.whole if pair.bill.told else None,
        "ledger_tokens": pair.ledger.whole,
        "tokens": {"bill": pair.bill.tokens if pair.bill.told else None, "ledger": pair.ledger.tokens},
        "calls": pair.ledger.calls,
        **{name: {found.currency: usd(pico)} for name, pico in money_of.items()},
        "cause": pair.cause,
        "why": pair.why or None,
    }


def _total(found: Compared) -> Plain:
    billed = sum(pair.bill.pico for pair in found.pairs)
    booked = sum(pair.ledger.pico for pair in found.pairs)
    told = [pair for pair in found.pairs if pair.bill.told]
    sums = {"billed": billed, "ledger": booked, "difference": billed - booked} if found.priced else {}
    return {
        "billed_tokens": sum(pair.bill.whole for pair in told) if told else None,
        "ledger_tokens": sum(pair.ledger.whole for pair in found.pairs),
        "calls": sum(pair.ledger.calls for pair in found.pairs),
        **{name: {found.currency: usd(pico)} for name, pico in sums.items()},
    }


def _told(facts: Plain, found: Compared, bills: Sequence[Bill]) -> list[list[str]]:
    told = [["bill", f"{bill.path.name}: {bill.format.title}, {bill.rows:,} rows"] for bill in bills]
    told += [
        ["note", f"{bill.path.name} does not end with a line end: if a download broke off, its last row is wrong"]
        for bill in bills
        if bill.open_end
    ]
    told += [
        ["days", f"{facts['first']} to {facts['last']}, of UTC"],
        ["sellers", ", ".join(found.providers)],
    ]
    if found.captured is not None:
        told.append(["captured", f"{float(found.captured) * 100:.2f}% of the billed money is in the ledger"])
    words = {"tax": "taxes", "credit": "credits", "service": "other services"}
    told += [
        [words[kind], ", ".join(f"{amount} {currency}" for currency, amount in cost.items()) + ", in no row"]
        for kind, cost in facts["aside"].items()
    ]
    return told


def adjustments(found: Compared, bills: Sequence[Bill]) -> list[Any]:
    """The rows that bring the ledger to the bill: one for each model and day whose money differs.

    A row is no call: its money counts, and belongs to no payer until a person says whose it is. The same bill read twice
    makes the same rows, which a store takes once.

    >>> adjustments(Compared([], "USD", ("openai",), date(2026, 11, 1), date(2026, 11, 30), {}, priced=True), [])
    []
    """
    from hashlib import sha256

    from genmeter.ledger import Call
    from genmeter.ledger.adjustments import Adjustment

    batch = "bill-" + sha256("".join(sorted(bill.digest for bill in bills)).encode()).hexdigest()[:24]
    made: list[Any] = []
    for pair in found.pairs:
        if not found.priced or not pair.difference or pair.cause == NOT_BILLED:
            continue
        key = sha256(f"{found.providers} {pair.day} {pair.model}".encode()).hexdigest()
        noon = datetime.combine(pair.day, time(12), UTC)
        call = Call(
            trace_id=key[:32],
            span_id=key[32:48],
            started_ns=int(noon.timestamp()) * 10**9,
            operation="chat",
            provider=found.providers[0],
            request_model=pair.model,
            cost_status="priced",
            cost_source="provider",
            currency=found.currency,
            cost_pico=abs(pair.difference),
        )
        sign = 1 if pair.difference > 0 else -1
        why = f"The bill of {pair.day} differs from the ledger: {pair.cause}. {pair.why.capitalize()}".strip()
        made.append(Adjustment(call, sign, "reconciled", why, batch, is_call=False))
    return made
