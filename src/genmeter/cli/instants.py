"""Points in time as a person types them: ISO dates and times, or how long ago."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta

ADVICE = "write 2026-11-20, 2026-11-20T15:30, 2026-11-20T15:30+02:00, or how long ago: 30m, 24h, 7d"

_AGO = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?)?")


def instant(text: str) -> datetime:
    """The instant that the text names, in UTC unless it carries an offset. For argparse: refuses in one line."""
    if ago := _AGO.fullmatch(text.strip()):
        try:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError:
            raise argparse.ArgumentTypeError(f"{text!r} is before the calendar begins; {ADVICE}") from None
    if not _ISO.fullmatch(text.strip()):
        raise argparse.ArgumentTypeError(f"{text!r} is no date or time; {ADVICE}")
    try:
        read = datetime.fromisoformat(text.strip())
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}; {ADVICE}") from None
