"""A price plan in the form for arithmetic: editions, length tiers and hours, compiled once per resolved call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, NotRequired, TypedDict

from genmeter.units import COLUMNS, MEASURES

Cells = Sequence[int | None]
RowData = tuple[int, Cells]


HoursData = TypedDict(
    "HoursData", {"days": int, "start": int, "end": int, "rows": list[RowData], "except": NotRequired[str]}
)
"""Hours of some weekdays as written in the file: minutes are UTC, bit 0 of ``days`` is Monday."""

EditionData = TypedDict(
    "EditionData", {"from": NotRequired[str], "rows": list[RowData], "windows": NotRequired[list[HoursData]]}
)
"""Prices from one date or instant on, as written in the file: thresholds ascending."""


INPUT, OUTPUT, CACHE_READ, CACHE_WRITE, REQUEST = (
    tuple(COLUMNS).index(name) for name in ("input", "output", "cache_read", "cache_write", "request")
)
"""Columns that have a meaning of their own, by number."""
_REGIONAL = tuple(measure is MEASURES["token"] for measure in COLUMNS.values())


class Rates(NamedTuple):
    """One row: ``prices`` by column, micro-USD per so many as the column's measure says; ``entry`` names it on the bill.

    A price of tokens is so pico-USD a token. None is a price that was not published.
    """

    prices: tuple[int | None, ...]
    entry: str


Tiers = tuple[tuple[int, Rates], ...]
"""Rows by length: (threshold on all input tokens, row), from the highest threshold down to 0."""


class Hours(NamedTuple):
    """Rows that win over the edition's own at some hours. On ``holidays``, given as days since 1970, they do not apply."""

    days: int
    start: int
    end: int
    holidays: frozenset[int]
    tiers: Tiers

    def holds(self, second: int) -> bool:
        """Whether Unix ``second`` falls inside; the weekday is that of the day (UTC) on which the hours begin."""
        day, rest = divmod(second, 86400)
        minute = rest // 60
        if self.start <= self.end:
            inside = self.start <= minute < self.end
        else:
            inside = minute >= self.start or minute < self.end
            day -= minute < self.end
        return inside and bool(self.days >> (day + 3) % 7 & 1) and day not in self.holidays


class Edition(NamedTuple):
    """Prices from Unix second ``start`` on (None: from ever). The rows of ``hours`` win where they apply."""

    start: int | None
    tiers: Tiers
    hours: tuple[Hours, ...]


Text = tuple[int, int | None, int | None, int | None, str]
"""What a row says of text: input, output, cache read, cache write, the row's name."""


class Plan(NamedTuple):
    """What one model costs at one seller, service tier and region: the newest edition first.

    ``flat`` is set when one row is all there is. ``text`` is what that row says of text, for calls that are nothing else:
    input, output, cache read, cache write, the row's name; None where it also charges by the call.
    """

    entry: str
    free: bool
    editions: tuple[Edition, ...]
    flat: Rates | None
    text: Text | None = None


def free_plan(entry: str) -> Plan:
    """The plan of a model whose row says that it is free."""
    return Plan(entry, True, (), None)


def compile_plan(
    entry: str,
    editions: Sequence[EditionData],
    calendars: Mapping[str, frozenset[int]],
    ratio: tuple[int, int] = (1, 1),
) -> Plan:
    """The plan of ``editions`` with every token price times ``ratio``. A product with a fraction counts as no price."""
    made = tuple(_edition(entry, edition, calendars, ratio) for edition in editions[::-1])
    flat = None
    if len(made) == 1 and made[0].start is None and len(made[0].tiers) == 1 and not made[0].hours:
        flat = made[0].tiers[0][1]
    return Plan(entry, False, made, flat, text_rates(flat) if flat is not None else None)


def text_rates(rates: Rates) -> Text | None:
    """What a row says of text: input, output, cache read and write, its name; None where it charges by the call too."""
    prices, entry = rates
    into, out = prices[INPUT], prices[OUTPUT]
    if into is None or prices[REQUEST] is not None:
        return None
    return into, out, prices[CACHE_READ], prices[CACHE_WRITE], entry


def seconds(moment: str) -> int:
    """Unix seconds of a date or a UTC instant in ISO 8601.

    >>> seconds("1970-01-02"), seconds("1970-01-01T01:00:00+00:00")
    (86400, 3600)
    """
    parsed = datetime.fromisoformat(moment)
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def days(dates: Sequence[str]) -> frozenset[int]:
    """Dates as numbers of days since 1970-01-01."""
    return frozenset(seconds(date) // 86400 for date in dates)


def _edition(
    entry: str, edition: EditionData, calendars: Mapping[str, frozenset[int]], ratio: tuple[int, int]
) -> Edition:
    start = edition.get("from")
    name = f"{entry};from={start}" if start else entry
    hours = tuple(_hours(name, one, calendars, ratio) for one in edition.get("windows", ()))
    return Edition(seconds(start) if start else None, _tiers(name, edition["rows"], ratio), hours)


def _hours(entry: str, hours: HoursData, calendars: Mapping[str, frozenset[int]], ratio: tuple[int, int]) -> Hours:
    name = f"{entry};hours={_clock(hours['start'])}-{_clock(hours['end'])}"
    calendar = hours.get("except", "")
    holidays = calendars[calendar] if calendar else frozenset[int]()
    return Hours(hours["days"], hours["start"], hours["end"], holidays, _tiers(name, hours["rows"], ratio))


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _tiers(entry: str, rows: Sequence[RowData], ratio: tuple[int, int]) -> Tiers:
    return tuple((over, _rates(f"{entry};over={over}" if over else entry, cells, ratio)) for over, cells in rows[::-1])


def _rates(entry: str, cells: Cells, ratio: tuple[int, int]) -> Rates:
    padded = (*cells, *(None for _ in range(len(COLUMNS) - len(cells))))
    if ratio != (1, 1):
        scaled = zip(padded, _REGIONAL, strict=True)
        padded = tuple(_scaled(cell, ratio) if regional else cell for cell, regional in scaled)
    return Rates(padded, entry)


def _scaled(cell: int | None, ratio: tuple[int, int]) -> int | None:
    if cell is None:
        return None
    scaled, rest = divmod(cell * ratio[0], ratio[1])
    return None if rest else scaled
