"""Calendar periods: the half-open day, week, month or quarter of a time zone that an instant lies in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal, NamedTuple

PeriodName = Literal["day", "week", "month", "quarter"]


class Period(NamedTuple):
    """[``start``, ``end``) in UTC."""

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
    """The period of ``zone`` that holds ``at``; weeks begin on Monday, a day may have 23 or 25 hours."""
    first, after = _DAYS[name](at.astimezone(zone).date())
    return Period(_midnight(first, zone), _midnight(after, zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    # in UTC at once: times of one zone are subtracted by the clock on the wall, and a day of 25 hours would have 24.
    # Where clocks jump over midnight this is the instant of the jump, which is when that day begins.
    return datetime.combine(day, time(), zone).astimezone(UTC)
