"""Moments a person names, as the half-open window [since, until) that the ledger is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from genmeter.ledger.questions import QUARTER_NS, Window

Moment = datetime | date
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def window(since: Moment | None, until: Moment | None, run: str | None, zone: tzinfo = UTC) -> Window:
    """The window from ``since`` up to, not including, ``until``; dates and naive times are read in ``zone``."""
    return Window(_nanoseconds(since, zone), _nanoseconds(until, zone), run)


def moment(unix_ns: int, zone: tzinfo = UTC) -> datetime:
    """Unix nanoseconds as a time in ``zone``, to the microsecond below."""
    return (_EPOCH + timedelta(microseconds=unix_ns // 1000)).astimezone(zone)


def day_of_quarter(quarter: int, zone: tzinfo) -> date:
    """The day in ``zone`` that a quarter hour since 1970 lies in."""
    return moment(quarter * QUARTER_NS, zone).date()


def _nanoseconds(named: Moment | None, zone: tzinfo) -> int | None:
    if named is None:
        return None
    instant = named if isinstance(named, datetime) else datetime.combine(named, time())
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=zone)
    # integer arithmetic: timestamp() is a float and loses the last microsecond
    return (instant - _EPOCH) // timedelta(microseconds=1) * 1000
