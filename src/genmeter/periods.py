"""Calendar periods: the day, week, month or quarter of a time zone that contains an instant."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal, NamedTuple

PeriodName = Literal["day", "week", "month", "quarter"]


class Period(NamedTuple):
    """A calendar period from ``start`` (included) to ``end`` (excluded), both in UTC."""

    start: datetime
    end: datetime


def _day(day: date) -> tuple[date, date]:
    return day, day + timedelta(days=1)


def _week(day: date) -> tuple[date, date]:
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=7)


def _month(day: date) -> tuple[date, date]:
    first = day.replace(day=1)
    return first, _months_after(first, 1)


def _quarter(day: date) -> tuple[date, date]:
    first = day.replace(month=day.month - (day.month - 1) % 3, day=1)
    return first, _months_after(first, 3)


def _months_after(first: date, months: int) -> date:
    years, month = divmod(first.month - 1 + months, 12)
    return first.replace(year=first.year + years, month=month + 1)


_DAYS: Final[dict[PeriodName, Callable[[date], tuple[date, date]]]] = {
    "day": _day,
    "week": _week,
    "month": _month,
    "quarter": _quarter,
}
PERIODS: Final = tuple(_DAYS)


def period(name: PeriodName, at: datetime, zone: tzinfo) -> Period:
    """The period of the time zone ``zone`` that contains the instant ``at``.

    A week begins on Monday. Where the clocks change, a day has 23 or 25 hours.

    >>> from zoneinfo import ZoneInfo
    >>> paris = period("day", datetime(2026, 3, 29, 12, tzinfo=UTC), ZoneInfo("Europe/Paris"))
    >>> print(paris.start, paris.end)
    2026-03-28 23:00:00+00:00 2026-03-29 22:00:00+00:00
    """
    first, after = _DAYS[name](at.astimezone(zone).date())
    return Period(_midnight(first, zone), _midnight(after, zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    # In UTC: Python subtracts two times of one zone as the clock on the wall shows them, so a day of 25 hours would
    # have 24. Where the clocks jump over midnight the result is the instant of the jump, when the day begins.
    return datetime.combine(day, time(), zone).astimezone(UTC)
