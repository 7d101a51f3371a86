"""Exchange rates of a dated file: ``date,from,to,rate``, where one unit of ``from`` is ``rate`` units of ``to``.

For example::

    date,from,to,rate
    2026-11-30,USD,EUR,0.9213
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Final, NamedTuple

from genmeter.errors import GenmeterError
from genmeter.reports.bills.reading import Unreadable, csv_rows

OLDEST: Final = 7
"""Days that a rate may be old: banks publish none at weekends and holidays."""
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_RATE: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,18})?")


class NoRate(GenmeterError, ValueError):
    """An amount cannot be converted: the file has no rate for the day, or the file cannot be used."""


class Used(NamedTuple):
    """A rate that was used: of a day, from one currency to another."""

    day: date
    source: str
    target: str
    rate: Fraction


class Rates:
    """Rates by pair of currencies and day. ``rate`` finds the newest rate on or before a day."""

    def __init__(self, rates: Mapping[tuple[str, str], Mapping[date, Fraction]], place: str = "the rates") -> None:
        self._rates = {pair: sorted(days.items()) for pair, days in rates.items()}
        self._place = place

    def rate(self, source: str, target: str, day: date) -> Used:
        """The rate on a day, or at most ``OLDEST`` days before it. The contrary pair is turned round. Raises ``NoRate``."""
        for pair in ((source, target), (target, source)):
            days = self._rates.get(pair, [])
            place = bisect_right(days, day, key=lambda item: item[0])
            if place and (day - days[place - 1][0]).days <= OLDEST:
                found, rate = days[place - 1]
                return Used(found, source, target, rate if pair == (source, target) else 1 / rate)
        raise NoRate(
            f"{self._place} has no rate from {source} to {target} for {day} or the {OLDEST} days before it; add a line"
            f" such as {day},{source},{target},0.92"
        )


def read(path: Path) -> Rates:
    r"""The rates of a file. Raises ``NoRate`` with the line that is wrong.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "rates.csv")
    ...     _ = file.write_text("date,from,to,rate\n2026-11-27,USD,EUR,0.92\n")
    ...     read(file).rate("USD", "EUR", date(2026, 11, 29)).day
    datetime.date(2026, 11, 27)
    """
    found: dict[tuple[str, str], dict[date, Fraction]] = {}
    try:
        for line, row in csv_rows(path, ("date", "from", "to", "rate")):
            where = f"{path}:{line}"
            try:
                day = date.fromisoformat(row["date"].strip())
            except ValueError:
                raise NoRate(f"{where}: {row['date'][:40]!r} is no date; write it as 2026-11-30") from None
            pair = (row["from"].strip().upper(), row["to"].strip().upper())
            if not all(map(_CURRENCY.fullmatch, pair)):
                raise NoRate(
                    f"{where}: {pair[0][:10]!r} and {pair[1][:10]!r} are not both currencies such as USD and EUR"
                )
            text = row["rate"].strip()
            if not _RATE.fullmatch(text) or not Fraction(text):
                raise NoRate(f"{where}: {text[:40]!r} is no rate; write a number above zero, such as 0.9213")
            if found.setdefault(pair, {}).setdefault(day, Fraction(text)) != Fraction(text):
                raise NoRate(f"{where}: there are two rates from {pair[0]} to {pair[1]} for {day}; leave one out")
    except Unreadable as error:
        raise NoRate(str(error)) from None
    return Rates(found, str(path))
