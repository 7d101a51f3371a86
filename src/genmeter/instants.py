"""Points in time as a person or a program writes them: ISO 8601, or how long ago. The one reader of all of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_DATES = "write 2026-11-20, 2026-11-20T15:30, 2026-11-20T15:30+02:00"
ADVICE: Final = f"{_DATES}, or how long ago: 30m, 24h, 7d"

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def instant(text: str, *, ago: bool = True) -> datetime:
    """The instant that ``text`` names, in UTC. A text without an offset is read as UTC.

    Without ``ago``, a text such as 24h is refused: a record says when it was, and not how long before its reading.

    >>> instant("2026-11-20T15:30+02:00").isoformat()
    '2026-11-20T13:30:00+00:00'

    Raises:
        ValueError: the text is no date and no time; the message says what to write instead.
    """
    read = moment(text, ago=ago)
    try:
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is no date or time; {ADVICE if ago else _DATES}") from None


def moment(text: str, *, ago: bool = True) -> datetime:
    """The time that ``text`` names, without a time zone where the text has no offset. Raises ``ValueError`` as ``instant``.

    >>> moment("2026-11-20").isoformat()
    '2026-11-20T00:00:00'
    """
    wanted, advice = text.strip(), ADVICE if ago else _DATES
    if ago and (before := _AGO.fullmatch(wanted)):
        try:
            return datetime.now(UTC) - timedelta(**{_UNITS[before[2]]: int(before[1])})
        except OverflowError:
            raise ValueError(f"{text!r} is before the calendar begins; {ADVICE}") from None
    # fromisoformat() reads eight digits as a date, and they may as well be a Unix time
    if wanted.isdecimal() or not wanted[:1].isdecimal():
        raise ValueError(f"{text!r} is no date or time; {advice}")
    try:
        return datetime.fromisoformat(wanted)
    except (ValueError, OverflowError) as error:
        # Python's own words help for a day that no month has, and not for a text of another form.
        why = "" if "isoformat" in str(error) else f" ({error})"
        raise ValueError(f"{text!r} is no date or time{why}; {advice}") from None
