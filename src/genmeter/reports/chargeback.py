"""``genmeter chargeback``: who pays what for one period, to the last pico-unit, with everything that explains the sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

from genmeter import names
from genmeter.model import PICO, usd
from genmeter.reports import focus
from genmeter.reports.apportioning import rounded
from genmeter.reports.billing import AMOUNTS, KINDS, SHARED, UNATTRIBUTED, UNPRICED, Bill, Line, Wanted, bill
from genmeter.reports.dimensions import Calendar, calendar, dimensions, key_of, stored
from genmeter.reports.document import add, money
from genmeter.reports.rates import NoRate, read
from genmeter.reports.report import (
    TIMEZONE,
    WHERE,
    Asked,
    Column,
    Form,
    Option,
    Plain,
    Report,
    Sources,
    Unanswerable,
    number,
)
from genmeter.reports.terms import Terms, TermsError, named
from genmeter.reports.window import window

if TYPE_CHECKING:
    from genmeter.ledger import Ledger
    from genmeter.ledger.questions import Condition, Window

_BY: Final = "department,application"
_DAY_NS: Final = 86_400 * 10**9
_WORDS: Final = {"discount": "discounts", "credit": "credits", "shared": "shared costs", "tax": "taxes"}
_ALWAYS: Final = ("provider", "model")


def made(sources: Sources, asked: Asked, *, daily: bool = False) -> tuple[Bill, Wanted, Terms]:
    """The bill that is asked for, with what it was asked for and the terms in force. Raises ``Unanswerable``.

    >>> from genmeter.ledger import Ledger
    >>> options = {"month": calendar("2026-11"), "by": ("department",), "timezone": None, "where": None, "currency": None}
    >>> with Ledger.open() as ledger:
    ...     made(Sources(ledger, terms=Terms), options)[0].first.isoformat()
    '2026-11-01'
    """
    try:
        terms = sources.terms()
        zone: tzinfo = asked["timezone"] or terms.zone or UTC
        named_by: Sequence[str] = asked["by"]
        columns = (*stored((*_ALWAYS, *terms.names)), *(one.name for one in asked["where"] or ()))
        wanted = Wanted(
            period=_month(asked["month"], zone).within(zone),
            by=named_by,
            zone=zone,
            # the columns of the ledger hold more than what the rows are by
            key_of=lambda found, values: key_of(named_by, found, values, zone),
            columns=list(dict.fromkeys(columns)),
            currency=asked["currency"] or terms.currency,
            rates=read(terms.rates) if terms.rates is not None else None,
            daily=daily,
        )
        found = bill(sources.ledger, wanted, terms, datetime.now(zone).date())
    except (TermsError, NoRate) as error:
        raise Unanswerable(str(error)) from None
    _control(sources.ledger, found, wanted)
    where: Sequence[Condition] = asked["where"] or ()
    # the terms act on everything, so that a payer's part of a shared cost does not depend on who asks
    found.lines = [line for line in found.lines if all(_fits(line, one) for one in where)]
    return found, wanted, terms


def _month(text: Calendar | None, zone: tzinfo) -> Calendar:
    if text is not None:
        return text
    before = datetime.now(zone).date().replace(day=1) - timedelta(days=1)
    return Calendar("month", before.replace(day=1))


def _fits(line: Line, one: Condition) -> bool:
    return (line.has.get(one.name) in one.wanted) != one.other


def _control(ledger: Ledger, found: Bill, wanted: Wanted) -> None:
    """The lines must add up to what the ledger says when it is asked in another way. Raises ``AssertionError``."""
    if found.rates:
        return
    mine: dict[str, int] = {}
    for line in found.lines:
        if line.kind != SHARED:
            add(mine, line.currency, line.amounts["metered"])
    theirs: dict[str, int] = {}
    for group in ledger.store.groups(["operation"], window(wanted.period.start, wanted.period.end)):
        add(theirs, group.currency, group.cost)
    if {name: pico for name, pico in mine.items() if pico} != {name: pico for name, pico in theirs.items() if pico}:
        raise AssertionError(f"lines add up to {mine} and the ledger to {theirs}; please report this as a bug")


def _ask(sources: Sources, asked: Asked) -> Plain:
    found, wanted, terms = made(sources, asked)
    decimals: int | None = asked["decimals"] if asked["decimals"] is not None else terms.decimals
    rows = _rows(found.lines, wanted.by)
    whole = _whole(rows)
    if decimals is not None:
        _round(rows, PICO // 10**decimals)
        whole = _whole(rows)
    scoped = bool(asked["where"])
    facts = _facts(sources.ledger, found, wanted, terms, decimals, scoped)
    return {
        **facts,
        "by": ",".join(wanted.by),
        "rows": [_texts(row) for row in rows],
        "total": _texts(whole),
        "facts": _told(facts),
    }


def _focus(sources: Sources, asked: Asked) -> Iterable[Sequence[Any]]:
    found, wanted, _ = made(sources, asked, daily=True)
    return focus.rows(sources.ledger, found, wanted)


def _rows(lines: Sequence[Line], by: Sequence[str]) -> list[Plain]:
    """Lines of one key and kind as one row, whose amounts are currency → pico."""
    rows: dict[tuple[Any, ...], Plain] = {}
    for line in lines:
        row = rows.get(line.row)
        if row is None:
            row = rows[line.row] = {**dict(zip(by, line.key, strict=True)), "kind": line.kind, **_nothing()}
        row["calls"] += line.calls
        for place, name in enumerate(names.USAGE_TOKENS):
            row["tokens"][name] += line.usage[place] if line.usage else 0
        for name in AMOUNTS:
            if line.currency is not None:
                add(row[name], line.currency, line.amounts[name])
        add(row["cost"], line.currency, line.due)
    order = sorted(rows, key=lambda key: ([(word is None, word or "") for word in key[0]], KINDS.index(key[1])))
    return [rows[key] for key in order]


def _nothing() -> Plain:
    amounts: Plain = {name: {} for name in (*AMOUNTS, "rounding", "cost")}
    return {"calls": 0, "tokens": dict.fromkeys(names.USAGE_TOKENS, 0), **amounts}


def _whole(rows: Sequence[Plain]) -> Plain:
    whole = _nothing()
    for row in rows:
        whole["calls"] += row["calls"]
        for name, count in row["tokens"].items():
            whole["tokens"][name] += count
        for name in (*AMOUNTS, "rounding", "cost"):
            for currency, pico in row[name].items():
                add(whole[name], currency, pico)
    return whole


def _round(rows: Sequence[Plain], unit: int) -> None:
    """Round every column so that it adds up to its rounded total; ``rounding`` is what a row's columns then lack."""
    currencies = sorted({currency for row in rows for currency in row["cost"]})
    for currency in currencies:
        bearing = [row for row in rows if currency in row["cost"]]
        for name in (*AMOUNTS, "cost"):
            amounts = rounded([row[name].get(currency, 0) for row in bearing], unit)
            for row, pico in zip(bearing, amounts, strict=True):
                row[name][currency] = pico
        for row in bearing:
            row["rounding"][currency] = row["cost"][currency] - sum(row[name][currency] for name in AMOUNTS)


def _texts(row: Plain) -> Plain:
    return {name: money(found) if name in (*AMOUNTS, "rounding", "cost") else found for name, found in row.items()}


def _facts(ledger: Ledger, found: Bill, wanted: Wanted, terms: Terms, decimals: int | None, scoped: bool) -> Plain:
    asked = window(found.period.start, found.period.end)
    start, end = (moment.astimezone(wanted.zone) for moment in found.period)
    across = 0 if scoped else _across(ledger, asked)
    return {
        "start": start.isoformat(),
        "end": end.isoformat(),
        "time_zone": getattr(wanted.zone, "key", "UTC"),
        "state": "running" if found.period.end > datetime.now(UTC) else "over",
        "seal": _seal(ledger, asked),
        "catalogues": [] if scoped else _catalogues(ledger, asked),
        "currency": wanted.currency,
        "rates": [
            {"date": one.day.isoformat(), "from": one.source, "to": one.target, "rate": _decimal(one.rate)}
            for one in sorted(found.rates)
        ],
        "terms": {kind: named(terms.of(kind, found.first)) for kind in ("discount", "credit", "shared", "tax")},
        "credits_left": [] if scoped else [{"name": term.name, "left": usd(pico)} for term, pico in found.left],
        "adjustments": _reasons(found.lines),
        "unattributed": _sum(found.lines, UNATTRIBUTED),
        "unpriced_calls": sum(line.calls for line in found.lines if line.kind == UNPRICED),
        "across": usd(across),
        "decimals": decimals,
    }


def _across(ledger: Ledger, asked: Window) -> int:
    """The money of trimmed days that reach over an edge of the period. There is none where its edges are midnights of UTC."""
    aligned = all(edge is not None and edge % _DAY_NS == 0 for edge in (asked.since_ns, asked.until_ns))
    if aligned or not ledger.counters().get("trimmed_calls"):
        return 0
    return sum(one.across for one in ledger.store.amounts([asked])[0])


def _decimal(rate: Any) -> str:
    """A rate with as many digits as its file has; a rate that was turned round has twelve decimals."""
    return f"{float(rate):.12g}"


def _sum(lines: Sequence[Line], kind: str) -> Mapping[str, str]:
    cost: dict[str, int] = {}
    for line in lines:
        if line.kind == kind:
            add(cost, line.currency, line.due)
    return money(cost)


def _reasons(lines: Sequence[Line]) -> list[Plain]:
    reasons: dict[str, dict[str, int]] = {}
    for line in lines:
        if line.kind == KINDS[2]:
            add(reasons.setdefault(line.reason, {}), line.currency, line.amounts["metered"])
    return [{"reason": reason, "cost": money(cost)} for reason, cost in sorted(reasons.items())]


def _seal(ledger: Ledger, asked: Window) -> Plain:
    """Whether the period may still change: the seals that cover it, and up to where it is sealed."""
    seals = [one for one in ledger.store.seals() if one.until_ns > (asked.since_ns or 0)]
    inside = [one for one in seals if one.since_ns < (asked.until_ns or 0)]
    if not inside:
        return {"state": "open", "until": None, "hash": None}
    last = inside[-1]
    until = datetime.fromtimestamp(last.until_ns // 10**9, UTC)
    state = "sealed" if last.until_ns >= (asked.until_ns or 0) else "partly sealed"
    return {"state": state, "until": until.isoformat(), "hash": last.hash}


def _catalogues(ledger: Ledger, asked: Window) -> list[Plain]:
    """The versions of the price catalogue that priced the calls. Calls that were trimmed have forgotten theirs."""
    versions: dict[str | None, int] = {}
    for group in ledger.store.groups(["cost_catalogue"], asked):
        if group.currency is not None:
            version = None if group.key[0] is None else str(group.key[0])
            versions[version] = versions.get(version, 0) + group.calls
    return [
        {"version": version, "calls": versions[version]} for version in sorted(versions, key=lambda one: one or "~")
    ]


def _told(facts: Plain) -> list[list[str]]:
    """The facts as lines for a person, each a name and a sentence."""
    seal, zone = facts["seal"], facts["time_zone"]
    words = {
        "open": "open: calls and adjustments may still come",
        "sealed": f"sealed up to {seal['until']}, hash {str(seal['hash'])[:16]}",
        "partly sealed": f"sealed up to {seal['until']}, open behind that",
    }
    told = [
        ["period", f"{facts['start']} up to, not including, {facts['end']} ({zone})"],
        ["state", f"{facts['state']}, {words[seal['state']]}"],
    ]
    priced = [f"{one['version'] or 'none named'} ({one['calls']:,} calls)" for one in facts["catalogues"]]
    rates = [f"{one['date']} 1 {one['from']} = {one['rate']} {one['to']}" for one in facts["rates"]]
    adjusted = [
        f"{one['reason']} {' '.join(f'{amount} {currency}' for currency, amount in one['cost'].items())}"
        for one in facts["adjustments"]
    ]
    lists = {
        "catalogues": priced,
        "rates": rates if len(rates) <= 4 else [*rates[:2], f"... {len(rates) - 3} more ...", rates[-1]],
        **{_WORDS[kind]: [text] for kind, text in facts["terms"].items() if text},
        "credits left": [f"{one['name']} {one['left']}" for one in facts["credits_left"]],
        "adjustments": adjusted,
    }
    told += [[name, ", ".join(texts)] for name, texts in lists.items() if texts]
    if facts["across"] != usd(0):
        text = f"{facts['across']} USD of trimmed days reach over an edge; each counts where its first call lies"
        told.append(["across", text])
    decimals = facts["decimals"]
    exact = "none: amounts are exact"
    told.append(
        ["rounding", exact if decimals is None else f"{decimals} decimals, largest remainder, every column adds up"]
    )
    return told


def _three(text: str) -> str:
    wanted = text.strip().upper()
    if len(wanted) != 3 or not wanted.isascii() or not wanted.isalpha():
        raise ValueError(f"{text[:40]!r} is no currency; write three letters, such as EUR")
    return wanted


def _decimals(text: str) -> int:
    return 0 if text.strip() == "0" else number(12)(text)


_COLUMNS: Final = (
    *(Column("kind"), Column("calls", "count", spare=1)),
    *(Column(kind, "count", f"tokens.{kind}", spare=3) for kind in ("input", "output")),
    *(Column(name, "of_currency") for name in AMOUNTS),
    Column("rounding", "of_currency", spare=2),
    Column("cost", "cost"),
)
REPORT: Final = Report(
    name="chargeback",
    question="who pays what for a month: calls, discounts, credits, shared costs, taxes; as a table or in FOCUS",
    ask=_ask,
    columns=lambda asked: (*(Column(name, "key") for name in asked["by"]), *_COLUMNS),
    options=(
        Option("month", calendar, "the month, as 2026-11; also 2026-Q4, 2026-W48, a day (default: the last month)"),
        Option("by", dimensions, "whose cost it is, several with commas between", _BY, "NAME"),
        *(TIMEZONE, WHERE),
        Option("currency", _three, "convert all amounts into this one, by the rates of genmeter.toml"),
        Option("decimals", _decimals, "round to so many decimals"),
    ),
    forms={"focus": Form(focus.COLUMNS, _focus)},
    steady=False,
)
