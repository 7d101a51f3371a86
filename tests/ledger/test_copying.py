"""A ledger that moves to another store is the same ledger, to the pico-dollar, also where the move was cut off."""

from __future__ import annotations

import random
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from genmeter.ledger import Ledger, StorageError, copying
from genmeter.ledger.adjustments import Adjustment
from genmeter.ledger.questions import EVERYTHING, TOTALS_BY, Outcome, Window
from genmeter.ledger.sqlite import Caps
from genmeter.ledger.sqlite.store import Booker
from tests.ledger.otlp import INHERITED, ROOT
from tests.ledger.stores import STORES, place
from tests.ledger.test_record import CLOSING, MIDNIGHT, call, keep
from tests.ledger.test_stores import span

WAYS = [("sqlite", "postgres"), ("postgres", "sqlite"), ("sqlite", "sqlite")]
TRACE = "0f3c2a1b9d8e4c7ba6f5e4d3c2b1a098"


def opened(kind: str, folder: Path, **caps: Any) -> Booker:
    folder.mkdir(exist_ok=True)
    return STORES[kind](folder, Caps(**caps))


def filled(kind: str, folder: Path) -> Booker:
    """A ledger with calls, spans, trimmed days and sessions, a seal, adjustments, and calls that were set aside."""
    store = opened(kind, folder, calls=20, session_days=90)
    many = [call(n, day=n // 20, user_hash=f"u{n % 3}", session=f"s{n % 5}", department="ab"[n % 2]) for n in range(60)]
    store.book(many, [span(n) for n in range(3)])
    while store.trim():
        pass
    keep(store)
    store.seal("2026-11-21", CLOSING)
    # a UUID as session, ids in hex, and a response id with its seller's head
    store.book([call(70, day=3, trace_id=TRACE, span_id=TRACE[:16], session="0f3c2a1b-9d8e-4c7b-a6f5-e4d3c2b1a098",
                     response_id="resp_0f3c2a1b9d8e4c7b")], ())  # fmt: skip
    store.book([call(70, day=3, trace_id=TRACE, span_id=TRACE[:16], dollars=9)], ())
    store.adjust([Adjustment(call(59, day=2), 1, "credit", batch="1")])
    return store


def answers(store: Booker) -> list[Any]:
    """All that can be asked of a ledger, in an order that no store decides."""
    window = Window(MIDNIGHT, CLOSING)
    by = ("model", "department", "user_hash", "session", "day", "quarter")
    groups = [sorted(map(str, store.groups([name], asked))) for name in by for asked in (EVERYTHING, window)]
    return [
        groups, store.walk(EVERYTHING, most=9_999), store.adjustments(EVERYTHING), store.seals(), store.counters(),
        store.quarantined(99), store.trace_spans("t1"), sorted(map(str, store.totals())), store.latency([50], EVERYTHING),
        sorted(map(str, store.metered(["model"], EVERYTHING))), store.upkept(), store.trace_calls(TRACE),
    ]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), WAYS)
def test_a_copy_answers_every_question_as_its_source_and_goes_on_booking(tmp_path: Path, one: str, other: str) -> None:
    source, target = filled(one, tmp_path / "one"), opened(other, tmp_path / "other", calls=20)
    assert copying.copy(source, target).differences == []
    assert answers(target) == answers(source)
    # a replay is known, also to the store that it was not sent to
    again = [call(59, day=2), call(70, day=3, trace_id=TRACE, span_id=TRACE[:16], session="0f3c2a1b-9d8e-4c7b-a6f5-e4d3c2b1a098",
                                   response_id="resp_0f3c2a1b9d8e4c7b")]  # fmt: skip
    assert target.book(again, ()) == Outcome(duplicates=2)
    assert target.book([call(80, day=4, request_model="new", user_hash="new")], [span(9)]) == Outcome(booked=1, spans=1)
    target.adjust([Adjustment(call(59, day=2), 1, "credit", batch="2")])
    assert target.verify().differences == []
    source.close()
    target.close()


def test_a_copy_goes_to_an_empty_store_and_follows_no_source_that_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = filled("sqlite", tmp_path / "one"), opened("sqlite", tmp_path / "other", calls=None)

    def stop(rows: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copying.copy(source, target, stop)
    assert [one.where for one in target.verify().differences] == ["the copy"]
    with pytest.raises(StorageError, match="part of a copy"):
        target.book([call(1)], ())
    source.book([call(90, day=5)], ())
    with pytest.raises(copying.NotEmpty, match="has changed"):
        copying.copy(source, target)
    full = opened("sqlite", tmp_path / "full")
    full.book([call(1)], ())
    with pytest.raises(copying.NotEmpty, match="holds a ledger"):
        copying.copy(source, full)
    for store in (source, target, full):
        store.close()


COPIES = """
import sys
from genmeter.ledger import Ledger, StorageError, copying
copying.BATCH = 10
source, target = (Ledger.open(path, max_rows=None).store for path in sys.argv[1:])
copying.copy(source, target, lambda rows: print(rows, flush=True))
"""


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
def test_a_copy_that_was_killed_again_and_again_goes_on_and_is_exact(tmp_path: Path, target: str) -> None:
    source, folder = filled("sqlite", tmp_path / "one"), tmp_path / "other"
    folder.mkdir()
    expected, dice, written = answers(source), random.Random(5), 0
    source.close()
    command = [sys.executable, "-c", COPIES, str(tmp_path / "one" / "ledger.db"), place(target, folder)]
    for _ in range(3):
        process = subprocess.Popen(command, cwd=ROOT, env=INHERITED, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(dice.randrange(1, 4)):
            written += int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        # what it had copied and told until it was killed
        written += sum(map(int, process.stdout.read().split()))
        process.wait()
        process.stdout.close()
    rest = subprocess.run(command, cwd=ROOT, env=INHERITED, capture_output=True, text=True, check=True).stdout
    with Ledger.open(place(target, folder), max_rows=None) as ledger:
        store: Any = ledger.store
        assert store.verify().differences == []
        assert answers(store) == expected
        # it went on and did not begin again: a transaction that was not told any more is one at each kill
        tables = ("kinds", "users", "shapes", "entries", "extras", "folded", "adjustments", "spans", "quarantine",
                  "corrections", "days", "sessions", "daily", "seals", "dirty", "tiers", "reservations", "counters")  # fmt: skip
        there = store.database.read(
            lambda connection: sum(connection.execute(f"SELECT count(*) FROM {one}").fetchone()[0] for one in tables)
        )
        assert there - 3 * 40 <= written + sum(map(int, rest.split())) <= there + 10


def test_a_backup_of_a_database_is_a_file_that_answers_the_same(tmp_path: Path) -> None:
    store = filled("postgres", tmp_path / "one")
    backup = tmp_path / "copy.db"
    store.backup(str(backup))
    with pytest.raises(FileExistsError):
        store.backup(str(backup))
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.glob("copy*")] == ["copy.db"]
    with Ledger.open(backup, max_rows=None) as copied:
        assert sorted(map(str, copied.store.groups(TOTALS_BY, EVERYTHING))) == sorted(
            map(str, store.groups(TOTALS_BY, EVERYTHING))
        )
        assert copied.store.seals() == store.seals()
    store.close()
