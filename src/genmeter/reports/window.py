"""Moments that a person names, as the half-open window [since, until) that the ledger is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from genmeter.ledger.questions import Condition, Window

Moment = datetime | date
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_NS: Final = 2**63 - 1
"""The last nanosecond that a ledger can hold, in the year 2262; the first lies as far before 1970."""


def window(
    since: Moment | None,
    until: Moment | None,
    run: str | None = None,
    zone: tzinfo = UTC,
    where: Sequence[Condition] = (),
) -> Window:
    """The window from ``since`` up to, not including, ``until``. Dates and times without an offset are of ``zone``.

    >>> window(date(1970, 1, 2), None)
    Window(since_ns=86400000000000, until_ns=None, run=None, where=())

    An instant that no ledger can hold is cut to the nearest that one can:

    >>> window(date(1, 1, 1), date(9999, 12, 31))
    Window(since_ns=-9223372036854775807, until_ns=9223372036854775807, run=None, where=())
    """
    from genmeter.ledger.questions import Window

    return Window(_nanoseconds(since, zone), _nanoseconds(until, zone), run, tuple(where))


def asked_window(asked: Mapping[str, Any]) -> Window:
    """The window of a question, from those of its options that say which calls it is about.

    >>> asked_window({"since": date(1970, 1, 2), "run": "3f2a"})
    Window(since_ns=86400000000000, until_ns=None, run='3f2a', where=())
    """
    return window(asked.get("since"), asked.get("until"), asked.get("run"), where=asked.get("where") or ())


def moment(unix_ns: int, zone: tzinfo = UTC) -> datetime:
    """Unix nanoseconds as a time in ``zone``, cut to the microsecond.

    >>> moment(86_400_000_001_999).isoformat()
    '1970-01-02T00:00:00.000001+00:00'
    """
    return (_EPOCH + timedelta(microseconds=unix_ns // 1000)).astimezone(zone)


def day_of_quarter(quarter: int, zone: tzinfo) -> date:
    """The day of ``zone`` in which a quarter hour lies, counted in quarter hours since 1970.

    >>> day_of_quarter(96, UTC)
    datetime.date(1970, 1, 2)
    """
    from genmeter.ledger.questions import QUARTER_NS

    return moment(quarter * QUARTER_NS, zone).date()


def _nanoseconds(named: Moment | None, zone: tzinfo) -> int | None:
    if named is None:
        return None
    instant = named if isinstance(named, datetime) else datetime.combine(named, time())
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=zone)
    # integer arithmetic: timestamp() is a float and loses the last microsecond
    exact = (instant - _EPOCH) // timedelta(microseconds=1) * 1000
    return max(-_LAST_NS, min(exact, _LAST_NS))
