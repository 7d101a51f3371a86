"""What calls can be summed by and chosen by: the names for people, the ledger's names, and calendar periods."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, tzinfo
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from genmeter.periods import Period, PeriodName, period
from genmeter.reports.window import day_of_quarter

if TYPE_CHECKING:
    from genmeter.ledger.questions import Condition

By = Literal[
    "model",
    "department",
    "application",
    "user",
    "session",
    "day",
    "provider",
    "environment",
    "operation",
    "week",
    "month",
    "quarter",
    "service",
    "tier",
    "region",
    "status",
    "error",
    "catalogue",
    "agent",
    "workflow",
    "conversation",
]
DIMENSIONS: Final[tuple[By, ...]] = get_args(By)
TIMES: Final[tuple[PeriodName, ...]] = ("day", "week", "month", "quarter")
"""Dimensions that are calendar periods of a time zone; a week is that of ISO 8601 and begins on Monday."""
MANY: Final = frozenset(("user", "session", "conversation"))
"""Dimensions with so many values that not all of them are held in memory at once."""
_STORED: Final = {
    **dict.fromkeys(TIMES, "quarter"),
    "user": "user_hash",
    "tier": "service_tier",
    "status": "cost_status",
    "error": "error_type",
    "catalogue": "cost_catalogue",
}
CHOSEN: Final = tuple(name for name in DIMENSIONS if name not in TIMES)
"""Dimensions by which calls can be chosen; a time is chosen by ``since``, ``until`` and ``period``."""
_TERM: Final = re.compile(rf"\s*({'|'.join(CHOSEN)})\s*(!?=)")
_NEXT: Final = re.compile(r",(?=\s*[a-z]+\s*!?=)")
_CALENDAR: Final = re.compile(r"(\d{4})(?:-(?:(\d{2})(?:-(\d{2}))?|W(\d{2})|Q([1-4])))?")
_PERIODS: Final = "2026-11 (a month), 2026-W48 (a week), 2026-Q4 (a quarter), 2026-11-30 (a day)"


class Calendar(NamedTuple):
    """A calendar period as a person names it: ``kind`` and the first ``day``; the time zone says when it begins."""

    kind: PeriodName
    day: date

    def within(self, zone: tzinfo) -> Period:
        """The period in a time zone, from its start up to its end, which is not included.

        >>> Calendar("month", date(2026, 11, 1)).within(ZoneInfo("Europe/Berlin")).start.isoformat()
        '2026-10-31T23:00:00+00:00'
        """
        return period(self.kind, datetime.combine(self.day, time(12), zone), zone)

    def __str__(self) -> str:
        return label(self.kind, self.day)


def stored(names: Iterable[str]) -> list[str]:
    """The ledger's columns of the dimensions, each once.

    >>> stored(["user", "day", "week", "model"])
    ['user_hash', 'quarter', 'model']
    """
    return list(dict.fromkeys(_STORED.get(name, name) for name in names))


def key_of(
    names: Sequence[str], columns: Sequence[str], values: Sequence[object], zone: tzinfo
) -> tuple[str | None, ...]:
    """The values of the dimensions in a group of the ledger, whose ``columns`` have these ``values``.

    >>> from datetime import UTC
    >>> key_of(["month", "model"], ["quarter", "model"], [1_994_736, "gpt-5"], UTC)
    ('2026-11', 'gpt-5')
    """
    found = dict(zip(columns, values, strict=True))
    return tuple(_shown(name, found[_STORED.get(name, name)], zone) for name in names)


def _shown(name: str, value: object, zone: tzinfo) -> str | None:
    if value is None:
        return None
    return label(name, day_of_quarter(cast("int", value), zone)) if name in TIMES else str(value)


def label(kind: str, day: date) -> str:
    """The name of the period of a kind that holds the day; such names sort as the periods follow each other.

    >>> [label(kind, date(2026, 12, 31)) for kind in TIMES]
    ['2026-12-31', '2026-W53', '2026-12', '2026-Q4']
    """
    if kind == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    if kind == "month":
        return f"{day:%Y-%m}"
    return f"{day.year}-Q{(day.month + 2) // 3}" if kind == "quarter" else day.isoformat()


def calendar(text: str) -> Calendar:
    """The period that a text names. Raises ``ValueError``.

    >>> calendar("2026-Q4")
    Calendar(kind='quarter', day=datetime.date(2026, 10, 1))
    """
    found = _CALENDAR.fullmatch(text.strip())
    try:
        if found is not None:
            year, month, day, week, quarter = (int(part) if part else 0 for part in found.groups())
            if week:
                return Calendar("week", date.fromisocalendar(year, week, 1))
            if quarter:
                return Calendar("quarter", date(year, quarter * 3 - 2, 1))
            if day:
                return Calendar("day", date(year, month, day))
            if found[2]:
                return Calendar("month", date(year, month, 1))
    except ValueError as error:
        raise ValueError(f"{text[:40]!r} is no period ({error}); write {_PERIODS}") from None
    raise ValueError(f"{text[:40]!r} is no period; write {_PERIODS}")


def time_zone(text: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises ``ValueError``.

    >>> time_zone("Europe/Berlin").key
    'Europe/Berlin'
    """
    try:
        return ZoneInfo(text.strip())
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"{text[:40]!r} is not a time zone that this machine knows; write an IANA name, such as Europe/Paris, "
            "or install the system's tzdata"
        ) from None


def dimensions(text: str) -> tuple[By, ...]:
    """The dimensions that a text names, with commas between them. Raises ``ValueError``.

    >>> dimensions("application,model")
    ('application', 'model')
    """
    found = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in found:
        if name not in DIMENSIONS:
            raise ValueError(f"invalid choice: {name[:40]!r} (choose from {', '.join(DIMENSIONS)})")
    return cast("tuple[By, ...]", found)


def conditions(text: str) -> tuple[Condition, ...]:
    """The conditions that a text names, with commas between them. Raises ``ValueError``.

    ``|`` stands between the values of one of which the call must have, ``!=`` turns a condition round, and an empty value
    stands for calls that do not say it. A comma inside a value is part of it, unless a name and ``=`` follow.

    >>> conditions("department=legal|ops, model!=")
    (Condition(name='department', wanted=('legal', 'ops'), other=False), Condition(name='model', wanted=(None,), other=True))
    """
    from genmeter.ledger.questions import Condition

    found: list[Condition] = []
    for part in _NEXT.split(text):
        term = _TERM.match(part)
        if term is None:
            raise ValueError(
                f"{part[:40]!r} is no condition; write NAME=VALUE, such as department=desk, or NAME!=VALUE, with a name of"
                f" {', '.join(CHOSEN)}"
            )
        wanted = tuple(value.strip() or None for value in part[term.end() :].split("|"))
        found.append(Condition(_STORED.get(term[1], term[1]), wanted, term[2] == "!="))
    return tuple(found)
