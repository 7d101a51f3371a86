"""The ledger's file is its owner's alone, another program's database is left as it is, and space is given back."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from genmeter.ledger import Ledger, StorageError
from genmeter.reports import spend
from genmeter.server.idling import Idling
from tests.ledger.otlp import NOON, SECOND, chat, span, traces


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture(autouse=True)
def generous() -> Iterator[None]:
    """A umask that would let everybody read."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_new_ledger_and_each_new_folder_above_it_are_their_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "state" / "genmeter" / "ledger.db"
    with Ledger.open(file) as ledger:
        ledger.book_traces(traces(span(1, chat())))
        assert {one.name: mode(one) for one in file.parent.iterdir()} == dict.fromkeys(
            ("ledger.db", "ledger.db-wal", "ledger.db-shm"), 0o600
        )
        assert (mode(file.parent), mode(file.parent.parent)) == (0o700, 0o700)


def test_an_older_ledger_is_taken_from_others_and_a_folder_of_the_users_own_is_left(tmp_path: Path) -> None:
    ours, users = tmp_path / "genmeter", tmp_path / "shared"
    for folder in (ours, users):
        folder.mkdir(mode=0o755)
        Ledger.open(folder / "ledger.db").close()
        folder.chmod(0o755)
        (folder / "ledger.db").chmod(0o644)
        Ledger.open(folder / "ledger.db").close()
        assert mode(folder / "ledger.db") == 0o600
    assert (mode(ours), mode(users)) == (0o700, 0o755)


def digests(folder: Path) -> dict[str, bytes]:
    # the -shm file is no data: whoever reads makes it
    return {one.name: hashlib.sha256(one.read_bytes()).digest() for one in folder.iterdir() if "-shm" not in one.name}


@pytest.mark.parametrize("journal", ["delete", "wal", "wal after a crash"])
@pytest.mark.parametrize("table", ["cookies", "calls"])
def test_the_database_of_another_program_is_refused_and_not_a_byte_of_it_changes(
    tmp_path: Path, journal: str, table: str
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "other.db")) as other:
        other.execute(f"PRAGMA journal_mode = {journal.split(maxsplit=1)[0]}")
        other.execute(f"CREATE TABLE {table} (id INTEGER)")
        other.execute(f"INSERT INTO {table} VALUES (1)")
        other.commit()
        if "crash" in journal:
            folder = Path(shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("*-shm")))
        (folder / "other.db").chmod(0o644)
        before = digests(folder)
        with pytest.raises(StorageError, match=rf"other\.db is the database of another program .*'{table}'"):
            Ledger.open(folder / "other.db")
        assert digests(folder) == before
        assert mode(folder / "other.db") == 0o644
        assert other.execute(f"SELECT * FROM {table}").fetchall() == [(1,)]


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_idle_ledger_trims_what_has_grown_too_old_and_gives_its_space_back(tmp_path: Path) -> None:
    file = tmp_path / "l.db"
    calls = 24_000
    with Ledger.open(file, max_rows=None, max_spans=0) as ledger:
        for first in range(1, calls, 4_000):
            ledger.book_traces(traces(*(span(n, chat(), trace=n) for n in range(first, first + 4_000))))
    large = file.stat().st_size
    assert large > 3 << 20
    # the same file under a cap on age, and no batch comes
    days = (time.time_ns() - NOON) / SECOND / 86_400
    assert days > 0.001
    with Ledger.open(file, max_rows=None, max_spans=0, max_days=days / 2) as ledger:
        idling = Idling(ledger, every=0.01, quiet=0)
        until(lambda: ledger.counters().get("trimmed_calls") == calls)
        until(lambda: ledger.store.size() < large // 2)
        idling.close()
        (row,) = spend(ledger)
        # 12,000 calls of $0.0125
        assert (row.calls, row.cost) == (calls, {"USD": calls * 12_500_000_000})
