"""One line of a bill in the ledger's words, and the tables from which such lines are read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple

from genmeter.reports.bills.reading import decimal

Cells = Mapping[str, Any]
"""One row of the file: column → text, or a JSON value."""

INPUT, OUTPUT, CACHE_READ, CACHE_WRITE, OTHER = "input", "output", "cache_read", "cache_write", "other"
METERS: Final = (INPUT, CACHE_READ, CACHE_WRITE, OUTPUT, OTHER)
"""What a line of a bill is for; the input is without what was read from a cache or written to it."""
_PICO: Final = Decimal(10) ** 12
_MOST: Final = Decimal(10) ** 12
"""Units of a currency that no line of a bill reaches."""
_DAY: Final = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?!\d)")
_AMERICAN: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")


class Entry(NamedTuple):
    """One line of a bill. ``tokens`` and ``pico`` (pico-units of ``currency``) are None where the line does not say them.

    ``providers`` are the names that the ledger may have for the seller. ``model`` is as the bill names it. ``kind`` is
    ``usage``, or what else the line is: ``tax``, ``credit``, ``service`` for a line that no model is on.
    """

    day: date
    providers: tuple[str, ...]
    model: str | None
    meter: str
    tokens: int | None
    pico: int | None
    currency: str | None = None
    tier: str | None = None
    calls: int | None = None
    kind: str = "usage"


class Format(NamedTuple):
    """One export: how it is recognised by its columns, and what a row says. ``read`` raises ``ValueError``, ``KeyError``.

    ``source`` is the page that describes the export, and the day on which it was read.
    """

    name: str
    title: str
    needs: frozenset[str]
    read: Callable[[Cells], Iterable[Entry]]
    source: str


def day_of(text: object) -> date:
    """The day of a cell, in UTC: ISO 8601, an American date, or Unix seconds. Raises ``ValueError``.

    >>> [day_of(text).isoformat() for text in ("2026-11-20T23:30:00Z", "20261120", "11/20/2026", 1795132800)]
    ['2026-11-20', '2026-11-20', '2026-11-20', '2026-11-20']
    """
    if isinstance(text, datetime):
        return text.astimezone(UTC).date() if text.tzinfo else text.date()
    if isinstance(text, date):
        return text
    if isinstance(text, int) or (
        isinstance(text, str) and text.strip().isdecimal() and len(text.strip()) == len("1795132800")
    ):
        return datetime.fromtimestamp(int(text), UTC).date()
    written = str(text).strip()
    if american := _AMERICAN.match(written):
        return date(int(american[3]), int(american[1]), int(american[2]))
    if found := _DAY.match(written):
        if "T" in written or " " in written:
            moment = datetime.fromisoformat(written.removesuffix(" UTC"))
            return moment.astimezone(UTC).date() if moment.tzinfo else moment.date()
        return date(int(found[1]), int(found[2]), int(found[3]))
    raise ValueError(f"{written[:40]!r} is no day")


def pico_of(text: object, units: int = 1) -> int | None:
    """An amount in pico-units, ``units`` of which are one (100 for cents); None where the cell is empty.

    >>> pico_of("1,234.50"), pico_of("123.45", units=100), pico_of("")
    (1234500000000000, 1234500000000, None)
    """
    if text is None or (isinstance(text, str) and not text.strip()):
        return None
    amount = decimal(text)
    if not amount.is_finite() or abs(amount) > _MOST:
        raise ValueError(f"{text!r} is no amount of a bill")
    return int((amount * _PICO / units).to_integral_value())


def count_of(text: object, units: int = 1) -> int | None:
    """A count of so many units; None where the cell is empty. Raises ``ValueError`` for a part of a token.

    >>> count_of("1,200"), count_of("1.2", units=1_000), count_of(None)
    (1200, 1200, None)
    """
    if text is None or (isinstance(text, str) and not text.strip()):
        return None
    amount = decimal(text) * units
    if not amount.is_finite() or abs(amount) > _MOST:
        raise ValueError(f"{text!r} is no count of a bill")
    whole = amount.to_integral_value()
    # a cloud cuts its quantities after some decimals, so a count of thousands may be off by a part of a token
    if abs(amount - whole) > (Decimal(0) if units == 1 else Decimal("0.5")):
        raise ValueError(f"{text!r} is no whole number")
    return int(whole)


def word(cells: Cells, *names: str) -> str:
    """The text of the first of these columns that has one; empty where none has.

    >>> word({"model": "gpt-5"}, "model_version", "model")
    'gpt-5'
    """
    for name in names:
        value = cells.get(name)
        if value is not None and str(value).strip():
            return str(value).strip()
    return ""


def first(cells: Cells, *names: str) -> Any:
    """The value of the first of these columns that the row has, None where it has none.

    >>> first({"cost": "1"}, "amount", "cost")
    '1'
    """
    return next((cells[name] for name in names if cells.get(name) not in (None, "")), None)
