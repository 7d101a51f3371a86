"""Calendar periods of a zone: half-open, in UTC, on the days when clocks change and at the ends of months and years."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from genmeter.periods import PERIODS, period

CASES = [
    # clocks in Paris go from 02:00 +01:00 to 03:00 +02:00: a day of 23 hours
    ("day", "Europe/Paris", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00", 23),
    # and back from 03:00 +02:00 to 02:00 +01:00: 25 hours
    ("day", "Europe/Paris", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00", 25),
    # 03:59 UTC is 23:59 of 31 October in New York (-04:00); November there ends at -05:00
    ("month", "America/New_York", "2026-11-01T03:59", "2026-10-01T04:00", "2026-11-01T04:00", 31 * 24),
    ("month", "America/New_York", "2026-11-01T04:00", "2026-11-01T04:00", "2026-12-01T05:00", 30 * 24 + 1),
    ("day", "Asia/Kolkata", "2026-11-21T18:29", "2026-11-20T18:30", "2026-11-21T18:30", 24),
    ("day", "Asia/Kolkata", "2026-11-21T18:30", "2026-11-21T18:30", "2026-11-22T18:30", 24),
    # the last quarter of the year in Paris begins at +02:00 and ends at +01:00; the first one the other way round
    ("quarter", "Europe/Paris", "2026-12-31T22:59", "2026-09-30T22:00", "2026-12-31T23:00", 92 * 24 + 1),
    ("quarter", "Europe/Paris", "2026-12-31T23:00", "2026-12-31T23:00", "2027-03-31T22:00", 90 * 24 - 1),
    ("quarter", "UTC", "2026-06-30T23:59", "2026-04-01T00:00", "2026-07-01T00:00", 91 * 24),
    # 21 November 2026 is a Saturday, 31 December a Thursday
    ("week", "UTC", "2026-11-21T12:00", "2026-11-16T00:00", "2026-11-23T00:00", 7 * 24),
    ("week", "UTC", "2026-11-23T00:00", "2026-11-23T00:00", "2026-11-30T00:00", 7 * 24),
    ("week", "UTC", "2026-12-31T23:59", "2026-12-28T00:00", "2027-01-04T00:00", 7 * 24),
    ("month", "UTC", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00", 29 * 24),
    ("month", "UTC", "2026-12-31T23:59", "2026-12-01T00:00", "2027-01-01T00:00", 31 * 24),
    # in Santiago there is no midnight that day: clocks go from 00:00 -04:00 to 01:00 -03:00
    ("day", "America/Santiago", "2026-09-06T12:00", "2026-09-06T04:00", "2026-09-07T03:00", 23),
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(("name", "zone", "at", "start", "end", "hours"), CASES)
def test_a_period_is_that_of_the_calendar_of_its_zone(name, zone, at, start, end, hours) -> None:
    found = period(name, utc(at), ZoneInfo(zone))
    assert found == (utc(start), utc(end))
    assert (found.end - found.start).total_seconds() == hours * 3600


@pytest.mark.parametrize("name", PERIODS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris", "America/Santiago", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_periods_follow_each_other_without_gap_or_overlap(name, zone) -> None:
    starts = [utc("2026-01-01T00:00")]
    while starts[-1].year < 2028:
        starts.append(period(name, starts[-1], ZoneInfo(zone)).end)
    for start, end in pairwise(starts[1:]):
        assert period(name, start, ZoneInfo(zone)) == (start, end)
