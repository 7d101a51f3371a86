"""What a period costs beside its calls: the table ``[chargeback]`` of genmeter.toml, checked as a whole before it is used.

For example::

    [chargeback]
    time_zone = "Europe/Berlin"
    currency = "EUR"
    rates = "rates.csv"

    [[chargeback.discount]]
    name = "enterprise agreement"
    percent = "12.5"
    where = { provider = "openai" }

    [[chargeback.shared]]
    name = "gateway"
    amount = "1200.00"
    key = "cost"
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, cast
from zoneinfo import ZoneInfo

from genmeter.errors import GenmeterError
from genmeter.model import PICO, usd
from genmeter.reports.dimensions import CHOSEN, MANY, time_zone
from genmeter.settings import ChargebackTable
from genmeter.spelling import unknown
from genmeter.tomllines import Lines

Key = Literal["cost", "calls", "tokens", "even"]
KEYS: Final[tuple[Key, ...]] = ("cost", "calls", "tokens", "even")
"""What a shared cost may be allocated by."""
MOST_DECIMALS: Final = 12
_TABLES: Final[dict[str, tuple[str, ...]]] = {
    "discount": ("name", "percent", "where", "from", "until"),
    "credit": ("name", "amount", "currency", "where", "from", "until"),
    "shared": ("name", "amount", "currency", "pool", "key", "where", "from", "until"),
    "tax": ("name", "percent", "where", "from", "until"),
}
_OWN: Final = ("time_zone", "currency", "rates", "decimals")
_AMOUNT: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,12}))?")
_PERCENT: Final = re.compile(r"[0-9]{1,4}(\.[0-9]{1,9})?")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_LONGEST: Final = 200
_COLUMNS: Final = tuple(name for name in CHOSEN if name not in MANY)


class TermsError(GenmeterError, ValueError):
    """A term that cannot be used. The message names the file, the line, the key, and what to write instead."""


class Term(NamedTuple):
    """A discount, credit, shared cost or tax. ``where`` and ``pool`` are dimension → value, all of which a call must have.

    A discount or tax has a ``percent``, a credit or shared cost an ``amount`` in pico-units of ``currency`` for each period;
    a shared cost may have a ``pool`` instead: the calls whose cost is shared. It is in force for a period whose first day
    is ``since`` or later, and before ``until``.
    """

    kind: str
    name: str
    percent: Fraction = Fraction(0)
    amount: int | None = None
    currency: str = "USD"
    key: Key = "cost"
    where: Mapping[str, str] = {}
    pool: Mapping[str, str] = {}
    since: date | None = None
    until: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether the term holds for the period that begins on this day."""
        return (self.since is None or self.since <= day) and (self.until is None or day < self.until)


@dataclass(frozen=True, slots=True)
class Terms:
    """What the user's file says about chargeback. ``rates`` is the file of exchange rates; None where there is none.

    ``decimals`` are those of the amounts in the rows, None for exact amounts. The terms stand in the file's order.
    """

    zone: ZoneInfo | None = None
    currency: str | None = None
    rates: Path | None = None
    decimals: int | None = None
    terms: tuple[Term, ...] = field(default=())

    def of(self, kind: str, day: date) -> list[Term]:
        """The terms of one kind that are in force for the period that begins on this day."""
        return [term for term in self.terms if term.kind == kind and term.in_force(day)]

    @property
    def names(self) -> tuple[str, ...]:
        """The dimensions by which terms choose their calls."""
        named = (name for term in self.terms for name in (*term.where, *term.pool))
        return tuple(dict.fromkeys(named))


def terms_of(table: ChargebackTable | None) -> Terms:
    """The terms of the table; none where the file has no such table. Raises ``TermsError``.

    >>> terms_of(None).terms
    ()
    """
    if table is None:
        return Terms()
    top = _Row(Lines(table.path, table.text, "chargeback"), table.rows)
    for key in table.rows:
        if key not in (*_OWN, *_TABLES):
            raise top.wrong(unknown("key", key, (*_OWN, *_TABLES)), key)
    zone, rates = top.text("time_zone"), top.text("rates")
    decimals = table.rows.get("decimals")
    if decimals is not None and (type(decimals) is not int or not 0 <= decimals <= MOST_DECIMALS):
        raise top.wrong(f"{decimals!r}: write a whole number from 0 to {MOST_DECIMALS}", "decimals")
    found: list[Term] = []
    for kind in _TABLES:
        given = table.rows.get(kind, [])
        if not isinstance(given, list):
            raise top.wrong(f"write [[chargeback.{kind}]], with its keys below it", kind)
        found += (_term(kind, _Row(top.lines, row, kind, place)) for place, row in enumerate(cast("list[Any]", given)))
    return Terms(
        zone=None if zone is None else _zone(top, zone),
        currency=_currency(top) if "currency" in table.rows else None,
        # a path in the file is meant from the file's folder
        rates=None if rates is None else Path(table.path).parent / Path(rates).expanduser(),
        decimals=decimals,
        terms=tuple(found),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """One table of the file before it is checked; ``kind`` and ``place`` say which of the ``[[tables]]`` it is."""

    lines: Lines
    given: Any
    kind: str = ""
    place: int = 0

    def wrong(self, why: str, *keys: str) -> TermsError:
        return TermsError(f"{self.lines.where(*filter(None, (self.kind, *keys)), row=self.place)}: {why}")

    def has(self, key: str) -> bool:
        return key in self.given

    def text(self, key: str) -> str | None:
        value = self.given.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > _LONGEST:
            raise self.wrong(f"{value!r}: write a string of one line, at most {_LONGEST} characters", key)
        return value.strip()


def _term(kind: str, row: _Row) -> Term:
    given: Any = row.given
    if not isinstance(given, dict):
        raise row.wrong(f"write [[chargeback.{kind}]], with its keys below it")
    for key in cast("dict[str, Any]", given):
        if key not in _TABLES[kind]:
            raise row.wrong(unknown("key", key, _TABLES[kind]), key)
    name = row.text("name")
    if name is None:
        raise row.wrong("the name is missing; it stands in the report", "name")
    since, until = _day(row, "from"), _day(row, "until")
    if since and until and since >= until:
        raise row.wrong(f"{until} is not after {since}; the term would never hold", "until")
    where, pool = _where(row, "where"), _where(row, "pool")
    common = Term(kind, name, where=where, pool=pool, since=since, until=until)
    if kind in ("discount", "tax"):
        return common._replace(percent=_percent(row, most=100 if kind == "discount" else 9999))
    if kind == "shared" and pool:
        if row.has("amount"):
            raise row.wrong("a shared cost is an amount or the cost of a pool of calls; leave one out", "amount")
        return common._replace(key=_key(row))
    return common._replace(
        amount=_amount(row), currency=_currency(row), key=_key(row) if kind == "shared" else common.key
    )


def _amount(row: _Row) -> int:
    value = row.given.get("amount")
    advice = 'write the amount of one period as a string, such as "250.00"'
    parts = _AMOUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    if parts is None:
        raise row.wrong(
            f"{'the amount is missing' if value is None else f'{value!r} is not an amount'}; {advice}", "amount"
        )
    return int(parts[1]) * PICO + int((parts[2] or "").ljust(12, "0"))


def _percent(row: _Row, most: int) -> Fraction:
    value = row.given.get("percent")
    if not isinstance(value, str) or not _PERCENT.fullmatch(value.strip()) or Fraction(value.strip()) > most:
        said = "the percentage is missing" if value is None else f"{value!r} is not a percentage"
        raise row.wrong(f'{said}; write a string from "0" to "{most}", such as "12.5"', "percent")
    return Fraction(value.strip())


def _currency(row: _Row) -> str:
    value = (row.text("currency") or "USD").upper()
    if not _CURRENCY.fullmatch(value):
        raise row.wrong(f"{value!r} is no currency; write three letters, such as EUR", "currency")
    return value


def _key(row: _Row) -> Key:
    value = row.given.get("key", "cost")
    if value not in KEYS:
        raise row.wrong(f"{value!r} is no key of allocation; write one of {', '.join(KEYS)}", "key")
    return value


def _where(row: _Row, key: str) -> Mapping[str, str]:
    value = row.given.get(key, {})
    if not isinstance(value, dict):
        raise row.wrong('write a table, such as { provider = "openai" }', key)
    given = cast("dict[str, Any]", value)
    for name, wanted in given.items():
        if name not in _COLUMNS:
            raise row.wrong(unknown("dimension", name, _COLUMNS), key, name)
        if not isinstance(wanted, str) or not wanted.isprintable() or len(wanted) > _LONGEST:
            raise row.wrong(
                f"{wanted!r}: write the name of one {name} as a string; an empty one is: not said", key, name
            )
    return given


def _day(row: _Row, key: str) -> date | None:
    value = row.given.get(key)
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = value
    if found is not None and (not isinstance(found, date) or isinstance(found, datetime)):
        raise row.wrong(f"{value!r} is no date; write it as 2026-11-01", key)
    return found


def _zone(row: _Row, name: str) -> ZoneInfo:
    try:
        return time_zone(name)
    except ValueError as error:
        raise row.wrong(str(error), "time_zone") from None


def holds(where: Mapping[str, str], has: Mapping[str, str | None]) -> bool:
    """Whether a call with these values of the dimensions is chosen; an empty wanted value is: not said.

    >>> holds({"department": ""}, {"department": None}), holds({"model": "gpt-5"}, {"model": "o3"})
    (True, False)
    """
    return all((has.get(name) or "") == wanted for name, wanted in where.items())


def named(terms: Sequence[Term]) -> str:
    """The terms in words, for the head of a report.

    >>> named([Term("tax", "VAT", percent=Fraction("19")), Term("shared", "gateway", amount=12 * 10**12, key="calls")])
    'VAT 19%, gateway 12.00 USD by calls'
    """
    return ", ".join(_said(term) for term in terms)


def _said(term: Term) -> str:
    words = term.name
    if term.kind in ("discount", "tax"):
        words += f" {float(term.percent):.12g}%"
    if term.amount is not None:
        words += f" {usd(term.amount)} {term.currency}"
    if term.pool:
        words += f" (the cost of {_pairs(term.pool)})"
    if term.kind == "shared":
        words += f" by {term.key}"
    return f"{words} where {_pairs(term.where)}" if term.where else words


def _pairs(where: Mapping[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in where.items())
