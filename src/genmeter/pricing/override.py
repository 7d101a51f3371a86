"""The user's own prices: the ``[prices]`` table of genmeter.toml, checked row by row before anything starts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple, cast

from genmeter.errors import GenmeterError
from genmeter.pricing.match import BLANK
from genmeter.pricing.plan import EditionData
from genmeter.spelling import unknown
from genmeter.tomllines import Lines
from genmeter.units import COLUMNS, LIKE

OTHER = ("free", "from", "same_as", "currency")
_NUMBER = re.compile(r"([+-]?)(?:([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?|((?i:inf|infinity|s?nan[0-9]*)))")
"""Sign, digits, decimals, exponent; or a word such as ``nan``. Not ``Decimal``: it rounds to 28 digits."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
"""A key that TOML takes without quotes."""

_LONGEST_NUMBER = 40
_DEAREST = 1_000_000


class PricesError(GenmeterError, ValueError):
    """A row of the user's prices cannot be used. The message names file, line and key, and the text to write instead."""


class Own(NamedTuple):
    """The user's prices of one model: dated editions, or free, or the prices of a listed model. ``where`` is file and line."""

    seller: str
    model: str
    where: str
    editions: list[EditionData]
    free: bool = False
    same_as: str | None = None

    def marks(self, key: str) -> list[str]:
        """The row of seller ``key`` in canonical text, one line for each edition. The catalogue's version is a hash of them."""
        name = f"{key}/{self.model}"
        if self.free or self.same_as is not None:
            return [f"{name}|free" if self.free else f"{name}|same_as={self.same_as}"]
        made: list[str] = []
        for edition in self.editions:
            cells = zip(COLUMNS, edition["rows"][0][1], strict=True)
            prices = ",".join(f"{column}={cell}" for column, cell in cells if cell is not None)
            made.append(f"{name}|{edition.get('from', '')}|{prices}")
        return made


class Overrides(NamedTuple):
    """The user's prices, read and checked."""

    path: str
    rows: tuple[Own, ...] = ()


def parse(table: Mapping[str, Any], path: str, text: str) -> Overrides:
    """Check the ``prices`` table of the file at ``path``; ``text`` is the file, for line numbers.

    >>> parse({"acme": {"house-7b": {"input": "0.10", "output": "0.40"}}}, "genmeter.toml", "").rows[0].model
    'house-7b'
    >>> parse({"acme": {"house-7b": {"input": 0.1}}}, "genmeter.toml", "")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    genmeter.pricing.override.PricesError: genmeter.toml:1: prices.acme.house-7b.input: 0.1 is not a string; write ...

    Raises:
        PricesError: the first row that cannot be used.
    """
    return Overrides(path, tuple(_rows(table, Lines(path, text, "prices"))))


def _rows(table: Mapping[str, Any], lines: Lines) -> Iterator[Own]:
    for seller, models in table.items():
        if not isinstance(models, dict) or not models or not seller:
            raise PricesError(f"{lines.where(seller)}: write {_header(seller)} with prices in it")
        for model, given in cast(dict[str, Any], models).items():
            rows = cast(list[Any], given if isinstance(given, list) else [given])
            if not rows or not all(isinstance(row, dict) for row in rows):
                meant = _header(seller) if model in COLUMNS or model in OTHER else _header(seller, model)
                raise PricesError(f"{lines.where(seller, model)}: write {meant} with prices in it")
            yield _own(seller, model, cast(list[dict[str, Any]], rows), lines)


def _header(seller: str, model: str = "the-model") -> str:
    """The header that the user meant. A seller such as ``openai/gpt-5.6`` is a seller and its model, written as one name."""
    head, _, rest = seller.partition("/")
    seller, model = (head, rest) if head and rest else (seller or "openai", model)
    return f"[prices.{seller if _BARE.fullmatch(seller) else _quoted(seller)}.{_quoted(model)}]"


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _own(seller: str, model: str, rows: list[dict[str, Any]], lines: Lines) -> Own:
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
    editions = [_edition(seller, model, row, lines, number) for number, row in enumerate(rows)]
    starts = [edition.get("from", "") for edition in editions]
    for number, start in enumerate(starts):
        if start in starts[:number]:
            raise PricesError(
                f"{lines.where(seller, model, 'from', row=number)}: two rows begin {start or 'at no date'}"
            )
    return Own(seller, model, where, sorted(editions, key=lambda edition: edition.get("from", "")))


def _check_keys(seller: str, model: str, row: dict[str, Any], lines: Lines, number: int) -> None:
    for key in row:
        if key not in COLUMNS and key not in OTHER:
            why = unknown("key", key, (*COLUMNS, *OTHER))
            raise PricesError(f"{lines.where(seller, model, key, row=number)}: {why}")
    if row.get("currency", "USD") != "USD":
        raise PricesError(
            f"{lines.where(seller, model, 'currency', row=number)}: only USD; convert the prices to US dollars first"
        )
    if not row.keys() - {"from", "currency"}:
        raise PricesError(f"{lines.where(seller, model, row=number)}: no price in this row; write input and output")


def _name(value: object, lines: Lines, seller: str, model: str) -> str:
    if not isinstance(value, str) or not value.strip(BLANK):
        raise PricesError(f'{lines.where(seller, model, "same_as")}: write the name of a listed model, e.g. "gpt-4o"')
    return value.strip(BLANK)


def _edition(seller: str, model: str, row: dict[str, Any], lines: Lines, number: int) -> EditionData:
    prices = {
        key: _micro(row[key], lines.where(seller, model, key, row=number), key) for key in COLUMNS if key in row
    }  # fmt: skip
    for column, like in LIKE.items():
        if like in prices:
            prices.setdefault(column, prices[like])
    edition: EditionData = {"rows": [(0, [prices.get(column) for column in COLUMNS])]}
    if "from" in row:
        start = row["from"]
        if not isinstance(start, date) or isinstance(start, datetime):
            raise PricesError(
                f"{lines.where(seller, model, 'from', row=number)}: write a date without quotes: 2026-01-01"
            )
        edition["from"] = start.isoformat()
    return edition


def _micro(value: object, where: str, key: str) -> int:
    advice = f'write dollars per {COLUMNS[key].words} as a string, e.g. "2.50"'
    if not isinstance(value, str):
        raise PricesError(f"{where}: {value!r} is not a string; {advice}")
    text = value.strip(BLANK)
    parts = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    sign, units, decimals, exponent, word = parts.groups("") if parts else ("", "", "", "", "")
    if not units + decimals + word:
        raise PricesError(f"{where}: {value!r} is not a number; {advice}")
    whole, shift = int(units + decimals or 0), 6 - len(decimals) + int(exponent or 0)
    micro, rest = divmod(whole, 10**-shift) if shift < 0 else (whole * 10**shift, 0)
    if word or (whole and sign == "-") or micro + bool(rest) > _DEAREST * 1_000_000:
        raise PricesError(f"{where}: {value!r} is no price between 0 and {_DEAREST}; {advice}")
    if rest:
        raise PricesError(f"{where}: {value!r} is finer than a millionth of a dollar; round it to 6 decimals")
    return micro
