"""A ledger that an older genmeter has written is opened, keeps all that it holds, and is booked into."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from genmeter.ledger import Ledger
from genmeter.ledger.call import COLUMNS, USAGE_COLUMNS
from genmeter.ledger.sqlite.schema import DAILY_KEYS, MIGRATIONS, SPAN_OF_TIME, SUMS
from genmeter.reports import calls, spend
from tests.ledger import aged
from tests.ledger.otlp import NOON, SECOND, chat, span, traces

VERSIONS = range(1, len(MIGRATIONS) + 1)
TABLES = ("calls", "daily", "spans", "counters", "marks")


@pytest.fixture(params=VERSIONS)
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the file that the genmeter of this schema version wrote."""
    kept = aged.path(request.param)
    assert kept.exists(), f"no ledger of schema {request.param}: write it with `python -m tests.ledger.aged`"
    return Path(shutil.copy(kept, tmp_path / "ledger.db"))


def rows(path: Path, table: str) -> list[dict[str, object]]:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")]
    finally:
        connection.close()


def test_the_file_of_each_version_was_written_by_that_version() -> None:
    for version in VERSIONS:
        connection = sqlite3.connect(f"file:{aged.path(version)}?mode=ro&immutable=1", uri=True)
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
        connection.close()


def test_the_scripts_make_every_column_that_is_booked() -> None:
    with Ledger.open() as ledger, ledger.store._database.transaction() as connection:
        found = {table: connection.execute(f"PRAGMA table_info({table})").fetchall() for table in ("calls", "daily")}
    assert {row[1] for row in found["calls"]} == {"id", *COLUMNS}
    assert {row[1] for row in found["daily"]} == {"key", *DAILY_KEYS, *SUMS, *SPAN_OF_TIME}


def test_nothing_that_an_older_file_holds_is_changed(older: Path) -> None:
    before = {table: rows(older, table) for table in TABLES}
    Ledger.open(older).close()
    for table, old in before.items():
        new = rows(older, table)
        assert [{name: row[name] for name in old[0]} for row in new] == old
        # what nobody counted then is unknown of a call, and adds nothing to a day
        added = [value for row in new for name, value in row.items() if name not in old[0]]
        assert set(added) <= ({0} if table == "daily" else {None})


def test_the_sums_of_an_older_file_are_those_of_its_day(older: Path) -> None:
    with Ledger.open(older) as ledger:
        days = {row.key: row for row in spend(ledger, by="day")}
        # 2 x 0.0125; 0.25; 0.0125 + 0.25 + nothing for the unpriced one, and 0.0125 in the other currency
        assert {day: row.cost for day, row in days.items()} == {
            "2026-11-12": {"USD": 25 * 10**9},
            "2026-11-13": {"USD": 250 * 10**9},
            "2026-11-21": {"USD": 2625 * 10**8, "EUR": 125 * 10**8},
        }
        assert [row.calls for row in days.values()] == [2, 1, 4]
        # the first two counts of whole() are 1000 and 999, the third 998
        old = days["2026-11-13"].tokens
        assert (old["input"], old["output"], old["cache_read"]) == (1000, 999, 998)


def test_what_an_older_file_holds_back_can_be_read(older: Path) -> None:
    with Ledger.open(older) as ledger:
        held = ledger.store.quarantined(10, None)
    assert Counter(one.reason for one in held) == {"conflict": 1, "suspected_duplicate": 1, "late": 1}
    by_reason = {one.reason: one.call for one in held}
    assert by_reason["conflict"].cost_pico == 5 * 10**11
    assert (by_reason["suspected_duplicate"].response_id, by_reason["suspected_duplicate"].usage[:3]) == (
        "resp-4",
        (1000, 999, 998),
    )
    assert by_reason["late"].usage == (1000, 200, *(None,) * (len(USAGE_COLUMNS) - 2))


def test_an_older_file_is_booked_into(older: Path) -> None:
    with Ledger.open(older, run="second", max_rows=4) as ledger:
        # the calls that it holds are known, with all their counts
        again = ledger.book_traces(traces(span(4, chat(gen_ai__response__id="resp-4"), trace=4)))
        assert (again.outcome.booked, again.outcome.duplicates) == (0, 1)
        fresh = traces(*(span(n, aged.whole(), trace=n, started_ns=NOON + n * SECOND) for n in (20, 21, 22, 23)))
        assert ledger.book_traces(fresh).outcome.booked == 4
        assert {call.usage for call in calls(ledger)} == {tuple(range(1000, 1000 - len(USAGE_COLUMNS), -1))}
        # the four calls that were there have been trimmed beside the days of the three that were trimmed before
        assert ledger.counters()["trimmed_calls"] == 7
        total = sum(row.cost.get("USD", 0) for row in spend(ledger))
        assert total == 5375 * 10**8 + 4 * 250 * 10**9
