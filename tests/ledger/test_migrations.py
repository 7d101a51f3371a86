"""A ledger that an older genmeter has written is opened, keeps all that it holds, and is booked into."""

from __future__ import annotations

import logging
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from genmeter.ledger import Ledger
from genmeter.ledger.call import COLUMNS, USAGE_COLUMNS
from genmeter.ledger.sqlite.schema import DAILY_KEYS, MIGRATIONS, SPAN_OF_TIME, SUMS
from genmeter.reports import calls, spend
from tests.ledger import aged
from tests.ledger.otlp import INHERITED, NOON, ROOT, SECOND, chat, span, traces

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
        # what was not counted then is unknown of a call, and adds nothing to a day; the name of a day's sum is unknown
        added = [(name, value) for row in new for name, value in row.items() if name not in old[0]]
        assert {value for name, value in added if name not in DAILY_KEYS} <= ({0} if table == "daily" else {None})
        assert {value for name, value in added if name in DAILY_KEYS} <= {None}


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


OWN_TEXTS = ("response_id", "session", "parent_span_id")
BEFORE_KINDS = 6
"""The first schema that keeps calls by their kind."""


def made_by_hand(path: Path, seed: int, calls: int, kinds: int = 10**9) -> list[dict[str, object]]:
    """A ledger of the last schema that had one wide row for each call, with random calls of so many kinds; the rows."""
    dice = random.Random(seed)
    connection = sqlite3.connect(path, isolation_level=None)
    for script in MIGRATIONS[: BEFORE_KINDS - 1]:
        connection.executescript(script)
    connection.execute(f"PRAGMA user_version = {BEFORE_KINDS - 1}")
    columns = {row[1]: (row[2], row[3]) for row in connection.execute("PRAGMA table_info(calls)")}
    connection.execute("BEGIN")
    for number in range(1, calls + 1):
        alike = random.Random(number % kinds)
        row = {
            name: drawn(alike if kind == "TEXT" and name not in OWN_TEXTS else dice, name, kind, needed)
            for name, (kind, needed) in columns.items()
        }
        row |= {"id": 3 * number, "trace_id": f"{dice.getrandbits(128):032x}", "span_id": f"{number:016x}"}
        row |= {"started_ns": NOON + number * SECOND, "signals": dice.choice((1, 2, 3))}
        if dice.randrange(2):
            # as genmeter writes it: a line is a count times a price
            row |= {"usage_output": number, "line_output": number * dice.choice((0, 10_000_000, 15_000_000))}
        connection.execute(f"INSERT INTO calls VALUES ({', '.join('?' * len(row))})", list(row.values()))
    connection.execute("COMMIT")
    connection.close()
    return rows(path, "calls")


def drawn(dice: random.Random, name: str, kind: str, needed: int) -> object:
    if kind == "INTEGER":
        return dice.choice((None, None, 0, 1, 7, dice.randrange(10**12)))
    if name == "response_id":
        return dice.choice((None, f"resp_{dice.getrandbits(192):048x}", f"msg_01{dice.randrange(10**9)}", "an answer"))
    if name == "session":
        return dice.choice((None, "s-1", "0f3c2a1b-9d8e-4c7b-a6f5-e4d3c2b1a098", "0" * 34))
    texts = (f"{name}-1", f"{name}-2", 'with "quotes" and \\u0001 \x07 é 😀')
    return dice.choice(texts if needed else (None, *texts))


@pytest.mark.parametrize("seed", range(3))
def test_every_column_of_every_call_is_as_before(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "l.db"
    before = made_by_hand(path, seed, 300)
    Ledger.open(path).close()
    after = rows(path, "calls")
    assert [{name: row[name] for name in before[0]} for row in after] == before


def test_a_large_older_file_is_told_of_and_smaller_afterwards(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "l.db"
    made_by_hand(path, 1, 20_000, kinds=40)
    large = path.stat().st_size
    with caplog.at_level(logging.WARNING), Ledger.open(path) as ledger:
        assert ledger.store.size() < 0.8 * large
    said = [record.getMessage() for record in caplog.records]
    assert [str(path) in one for one in said] == [True, True]
    assert "20,000 calls are written anew" in said[0]
    assert "needs as much free disk as the file has" in said[0]
    connection = sqlite3.connect(path)
    # what is trimmed later can be given back step by step, also of a file that could not do so before
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    connection.close()


DIES = """
import os, signal, sqlite3, sys
from genmeter.ledger.sqlite import schema
from genmeter.ledger.sqlite.database import FileWriter
connection = sqlite3.connect(sys.argv[1], isolation_level=None, factory=FileWriter)
connection.execute("PRAGMA journal_mode = WAL")
connection.execute("PRAGMA cache_size = 10")
connection.set_progress_handler(lambda: os.kill(os.getpid(), signal.SIGKILL), int(sys.argv[2]))
schema.migrate(connection, sys.argv[1])
"""


@pytest.mark.parametrize("steps", [5_000, 100_000, 300_000])
def test_a_migration_that_is_killed_has_changed_nothing_and_the_next_one_ends_it(tmp_path: Path, steps: int) -> None:
    path = tmp_path / "l.db"
    before = made_by_hand(path, 2, 2_000)
    ended = subprocess.run([sys.executable, "-c", DIES, str(path), str(steps)], cwd=ROOT, env=INHERITED)
    assert ended.returncode == -signal.SIGKILL
    assert rows(path, "calls") == before
    Ledger.open(path).close()
    assert [{name: row[name] for name in before[0]} for row in rows(path, "calls")] == before
