"""The user's own prices: the ``[prices]`` table of genmeter.toml, checked row by row before anything starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple, cast

from genmeter.pricing.plan import PeriodData, Rates

COLUMNS = tuple(name for name in Rates._fields if name != "entry")
OTHER = ("free", "from", "same_as", "currency")
_AS_TEXT = {"image_input": "input", "image_cache_read": "cache_read"}
_WORD = re.compile(r'"([^"]*)"|\'([^\']*)\'|([A-Za-z0-9_-]+)')
_DEAREST = 1_000_000


class PricesError(ValueError):
    """A row of the user's prices that cannot be used: file, line, key, and what to write instead."""


class Own(NamedTuple):
    """One model of the user's: dated periods, or free, or the same as a listed model. ``where`` is file and line."""

    seller: str
    model: str
    where: str
    periods: list[PeriodData]
    free: bool = False
    same_as: str | None = None


class Overrides(NamedTuple):
    """The user's prices, read and checked."""

    path: str
    rows: tuple[Own, ...] = ()


def parse(table: Mapping[str, Any], path: str, text: str) -> Overrides:
    """Check the ``prices`` table of the file at ``path``; ``text`` is the file, for line numbers.

    Raises:
        PricesError: the first row that cannot be used.
    """
    return Overrides(path, tuple(_rows(table, _Lines(path, text))))


class _Lines:
    """Where a key stands in the file, as ``file:line: prices.seller.model``."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()

    def where(self, seller: str, model: str | None = None, key: str | None = None, number: int = 0) -> str:
        """The line of a key inside its table, of the table itself, or of the file."""
        name = ".".join(("prices", seller, *([model] if model else ()), *([key] if key else ())))
        return f"{self._path}:{self._line(seller, model, key, number)}: {name}"

    def _line(self, seller: str, model: str | None, key: str | None, number: int) -> int:
        wanted = ["prices", seller, *([model] if model else ())]
        inside, seen, last = False, -1, 1
        for index, line in enumerate(self._lines, 1):
            stripped = line.strip()
            if stripped.startswith("["):
                header = _words(stripped)
                inside = header[: len(wanted)] == wanted
                seen += inside
                if inside and seen <= number:
                    last = index
                    if key is None and seen == number:
                        return index
            elif inside and key is not None and seen == number and _words(stripped.partition("=")[0])[:1] == [key]:
                return index
            elif model and stripped.startswith(("prices.", f'"{model}"', f"{model} ", f"{model}=")) and seen < 0:
                last = index
        return last


def _words(header: str) -> list[str]:
    pairs = cast(list[tuple[str, str, str]], _WORD.findall(header.partition("#")[0]))
    return ["".join(pair) for pair in pairs]


def _rows(table: Mapping[str, Any], lines: _Lines) -> Iterator[Own]:
    for seller, models in table.items():
        if not isinstance(models, dict) or not models:
            raise PricesError(f'{lines.where(seller)}: write [prices.{seller}."the-model"] with prices in it')
        for model, given in cast(dict[str, Any], models).items():
            rows = cast(list[Any], given if isinstance(given, list) else [given])
            if not rows or not all(isinstance(row, dict) for row in rows):
                raise PricesError(f'{lines.where(seller, model)}: write [prices.{seller}."{model}"] with prices in it')
            yield _own(seller, model, cast(list[dict[str, Any]], rows), lines)


def _own(seller: str, model: str, rows: list[dict[str, Any]], lines: _Lines) -> Own:
    where = lines.where(seller, model)
    for number, row in enumerate(rows):
        _check_keys(seller, model, row, lines, number)
    first = rows[0]
    if "same_as" in first or "free" in first:
        special = "same_as" if "same_as" in first else "free"
        if len(rows) > 1 or first.keys() - {special, "currency"}:
            raise PricesError(f"{lines.where(seller, model, special)}: stands alone; remove the other prices")
        if special == "same_as":
            return Own(seller, model, where, [], same_as=_name(first["same_as"], lines, seller, model))
        if first["free"] is not True:
            raise PricesError(f"{lines.where(seller, model, 'free')}: write `free = true`, or give prices instead")
        return Own(seller, model, where, [], free=True)
    periods = [_period(seller, model, row, lines, number) for number, row in enumerate(rows)]
    starts = [period.get("from", "") for period in periods]
    for number, start in enumerate(starts):
        if start in starts[:number]:
            raise PricesError(f"{lines.where(seller, model, 'from', number)}: two rows begin {start or 'at no date'}")
    return Own(seller, model, where, sorted(periods, key=lambda period: period.get("from", "")))


def _check_keys(seller: str, model: str, row: dict[str, Any], lines: _Lines, number: int) -> None:
    for key in row:
        if key not in COLUMNS and key not in OTHER:
            known = ", ".join((*COLUMNS, *OTHER))
            raise PricesError(f"{lines.where(seller, model, key, number)}: unknown key; there are {known}")
    if row.get("currency", "USD") != "USD":
        raise PricesError(
            f"{lines.where(seller, model, 'currency', number)}: only USD; convert the prices to US dollars first"
        )
    if not row.keys() - {"from", "currency"}:
        raise PricesError(f"{lines.where(seller, model, None, number)}: no price in this row; write input and output")


def _name(value: object, lines: _Lines, seller: str, model: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise PricesError(f'{lines.where(seller, model, "same_as")}: write the name of a listed model, e.g. "gpt-4o"')
    return value.strip()


def _period(seller: str, model: str, row: dict[str, Any], lines: _Lines, number: int) -> PeriodData:
    prices = {
        key: _micro(row[key], lines.where(seller, model, key, number), key) for key in COLUMNS if key in row
    }  # fmt: skip
    for column, like in _AS_TEXT.items():
        if like in prices:
            prices.setdefault(column, prices[like])
    period: PeriodData = {"rows": [(0, [prices.get(column) for column in COLUMNS])]}
    if "from" in row:
        start = row["from"]
        if not isinstance(start, date) or isinstance(start, datetime):
            raise PricesError(f"{lines.where(seller, model, 'from', number)}: write a date without quotes: 2026-01-01")
        period["from"] = start.isoformat()
    return period


def _micro(value: object, where: str, key: str) -> int:
    from decimal import (  # slow to load, and only the user's own prices need it
        Decimal,
        InvalidOperation,
    )

    unit = "1,000 calls" if key in ("search", "request") else "million tokens"
    advice = f'write dollars per {unit} as a string, e.g. "2.50"'
    if not isinstance(value, str):
        raise PricesError(f"{where}: {value!r} is not a string; {advice}")
    try:
        price = Decimal(value.strip())
    except InvalidOperation:
        raise PricesError(f"{where}: {value!r} is not a number; {advice}") from None
    if not price.is_finite() or not 0 <= price <= _DEAREST:
        raise PricesError(f"{where}: {value!r} is no price between 0 and {_DEAREST}; {advice}")
    micro = price * 1_000_000
    if micro != micro.to_integral_value():
        raise PricesError(f"{where}: {value!r} is finer than a millionth of a dollar; round it to 6 decimals")
    return int(micro)
