"""Points in time as a person or a program writes them: ISO 8601, or how long ago. The one reader of all of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

ADVICE: Final = "write 2026-11-20, 2026-11-20T15:30, 2026-11-20T15:30+02:00, or how long ago: 30m, 24h, 7d"

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def instant(text: str) -> datetime:
    """The instant that ``text`` names, in UTC. A text without an offset is read as UTC.

    >>> instant("2026-11-20T15:30+02:00").isoformat()
    '2026-11-20T13:30:00+00:00'

    Raises:
        ValueError: the text is no date and no time; the message says what to write instead.
    """
    wanted = text.strip()
    if ago := _AGO.fullmatch(wanted):
        try:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError:
            raise ValueError(f"{text!r} is before the calendar begins; {ADVICE}") from None
    # fromisoformat() reads eight digits as a date, and they may as well be a Unix time
    if wanted.isdecimal() or not wanted[:1].isdecimal():
        raise ValueError(f"{text!r} is no date or time; {ADVICE}")
    try:
        read = datetime.fromisoformat(wanted)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no date or time ({error}); {ADVICE}") from None
