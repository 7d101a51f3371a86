"""The store keeps what it acknowledged, stays within its bounds, and says when it cannot."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from genmeter.ledger import Call, Ledger, StorageError
from genmeter.ledger.call import USAGE_FIELDS
from genmeter.ledger.decode import Span
from genmeter.ledger.sqlite import STEP, Caps, SqliteStore, write
from genmeter.reports import calls, receipt, spend
from tests.ledger.otlp import INHERITED, NOON, ROOT, SECOND, chat, span, traces


def numbered(first: int, last: int, **changes: object) -> bytes:
    spans = [span(n, chat(**changes), trace=n, started_ns=NOON + n * SECOND) for n in range(first, last + 1)]
    return traces(*spans).SerializeToString()


def test_money_survives_trimming_to_the_last_pico() -> None:
    with Ledger.open(max_rows=10, max_spans=7) as ledger:
        for first in range(1, 100, 20):
            ledger.book_traces(numbered(first, first + 19))
        counters = ledger.counters()
        assert (counters["rows_calls"], counters["trimmed_calls"]) == (10, 90)
        assert (counters["rows_spans"], counters["trimmed_spans"]) == (7, 93)
        assert len(calls(ledger)) == 10
        (row,) = spend(ledger)
        assert (row.calls, row.cost, row.tokens["input"]) == (100, {"USD": 1_250_000_000_000}, 100_000)
        whole = receipt(ledger)
        assert (whole.calls, whole.timed, whole.wall_seconds) == (100, 10, 101.0)


def test_the_oldest_calls_go_first_whatever_order_they_came_in() -> None:
    with Ledger.open(max_rows=2) as ledger:
        for number in (3, 1, 2, 4):
            ledger.book_traces(numbered(number, number))
        assert [call.started_ns - NOON for call in calls(ledger)] == [4 * SECOND, 3 * SECOND]


def test_a_replay_of_trimmed_calls_is_not_booked_again() -> None:
    with Ledger.open(max_rows=5) as ledger:
        ledger.book_traces(numbered(1, 20))
        outcome = ledger.book_traces(numbered(1, 20)).outcome
        assert (outcome.booked, outcome.late, outcome.duplicates) == (0, 15, 5)
        assert spend(ledger)[0].calls == 20


def test_calls_beyond_the_age_cap_are_folded_into_their_day() -> None:
    now = time.time_ns()
    with Ledger.open(max_days=2) as ledger:
        for number, days in ((1, 10), (2, 3), (3, 1), (4, 0)):
            started = now - days * 86_400 * SECOND
            ledger.book_traces(traces(span(number, chat(), trace=number, started_ns=started)))
        assert len(calls(ledger)) == 2
        assert sum(row.calls for row in spend(ledger, by="day")) == 4


def test_one_step_takes_a_bounded_number_of_rows(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "l.db") as ledger:
        ledger.book_traces(numbered(1, STEP + 500))
    with Ledger(SqliteStore(str(tmp_path / "l.db"), Caps(calls=1, spans=10**9))) as ledger:
        store = ledger.store
        assert store.trim() == STEP
        assert store.trim() == 499
        assert store.trim() == 0


def test_the_quarantine_is_bounded() -> None:
    with Ledger(SqliteStore(caps=Caps(quarantine=3))) as ledger:
        ledger.book_traces(numbered(1, 1))
        for cents in range(10):
            ledger.book_traces(traces(span(1, chat(gen_ai__usage__cost__amount=1.0 + cents), trace=1)))
        counters = ledger.counters()
        assert (counters["conflicts"], counters["rows_quarantine"], counters["trimmed_quarantine"]) == (10, 3, 7)


def test_sums_beyond_64_bits_are_exact() -> None:
    with Ledger.open(max_rows=3) as ledger:
        for number in range(1, 9):
            ledger.book_traces(numbered(number, number, gen_ai__usage__cost__amount=9_000_000.000000000001))
        # eight times nine million dollars; the double nearest to the amount is 9000000.0
        assert spend(ledger)[0].cost == {"USD": 72_000_000 * 10**12}
        assert 72_000_000 * 10**12 > 2**63


def test_a_file_is_found_again_with_everything_in_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.db"
    with Ledger.open(path) as ledger:
        ledger.book_traces(numbered(1, 3))
    with Ledger.open(path) as ledger:
        assert spend(ledger)[0].calls == 3
        assert ledger.book_traces(numbered(1, 3)).outcome.booked == 0


def test_a_commit_reaches_the_disk_before_it_returns(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "l.db"))
    with store._database.transaction() as writer:
        modes = [writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    # 2 is FULL: the log is synchronised at every commit, so a power cut loses nothing that was answered
    assert modes == ["wal", 2]
    store.close()


def test_what_is_no_ledger_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("this is no database, and long enough to be read as one " * 20)
    with pytest.raises(StorageError, match=r"notes\.txt cannot be opened.*check the path"):
        Ledger.open(tmp_path / "notes.txt")
    with pytest.raises(StorageError, match="cannot be made"):
        Ledger.open(tmp_path / "notes.txt" / "below" / "ledger.db")


def test_a_file_of_a_newer_genmeter_is_refused(tmp_path: Path) -> None:
    Ledger.open(tmp_path / "l.db").close()
    raw = sqlite3.connect(tmp_path / "l.db")
    raw.execute("PRAGMA user_version = 99")
    raw.close()
    with pytest.raises(StorageError, match="newer genmeter"):
        Ledger.open(tmp_path / "l.db")


def test_a_locked_file_is_a_storage_error_and_works_again_when_freed(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "l.db"), busy_seconds=0.05)
    holder = sqlite3.connect(tmp_path / "l.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Ledger(store) as ledger:
        with pytest.raises(StorageError, match="locked"):
            ledger.book_traces(numbered(1, 1))
        holder.execute("ROLLBACK")
        holder.close()
        assert ledger.book_traces(numbered(1, 1)).outcome.booked == 1


def test_a_ledger_is_opened_and_read_while_another_process_writes(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.db")
    with Ledger.open(path) as ledger:
        ledger.book_traces(numbered(1, 3))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Ledger(SqliteStore(path, busy_seconds=0)) as ledger:
        assert len(calls(ledger)) == 3
    other.close()


def test_a_full_disk_books_nothing_of_the_batch_and_recovers(tmp_path: Path) -> None:
    # a real limit of the kernel on file size, in a process of its own
    script = f"""
import resource
from genmeter.ledger import Ledger, StorageError
from tests.ledger.test_store import numbered
ledger = Ledger.open({str(tmp_path / "l.db")!r})
ledger.book_traces(numbered(1, 10))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    ledger.book_traces(numbered(11, 3000))
except StorageError as error:
    print("refused:", error)
print(ledger.counters()["booked"])
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(ledger.book_traces(numbered(11, 3000)).outcome.booked)
"""
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=ROOT, env=INHERITED)
    refusal, booked, later = done.stdout.splitlines()
    assert refusal.startswith("refused: the ledger")
    assert "free space" in refusal
    assert (booked, later) == ("10", "2990")
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_two_processes_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    script = """
import sys
from genmeter.ledger import Ledger
from tests.ledger.test_store import numbered
with Ledger.open(sys.argv[1], run=sys.argv[2]) as ledger:
    first = int(sys.argv[3])
    for n in range(first, first + 200, 10):
        ledger.book_traces(numbered(n, n + 9))
"""
    # their ranges overlap by 100 calls, which both of them send
    writers = [
        subprocess.Popen([sys.executable, "-c", script, str(path), run, first], cwd=ROOT, env=INHERITED)
        for run, first in (("dev", "1"), ("run", "101"))
    ]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    with Ledger.open(path) as ledger:
        whole = receipt(ledger)
        assert (whole.calls, whole.total) == (300, {"USD": 3_750_000_000_000})
        assert receipt(ledger, run="dev").calls + receipt(ledger, run="run").calls == 300


def test_threads_book_and_read_at_the_same_time(tmp_path: Path) -> None:
    failures: list[BaseException] = []
    with Ledger.open(tmp_path / "l.db", max_rows=100) as ledger:

        def write(writer: int) -> None:
            try:
                for n in range(20):
                    first = writer * 1000 + n * 5
                    ledger.book_traces(numbered(first + 1, first + 5))
                    spend(ledger)
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=write, args=(writer,)) for writer in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        held = sum(ledger.store.quarantine_counts(None).values())
        assert spend(ledger)[0].calls + held == 600


def test_no_question_of_a_batch_walks_all_the_calls_that_there_are() -> None:
    """Each batch looks for doubles: what it costs must not grow with the ledger."""
    store = SqliteStore()
    asked: list[str] = []
    with store._database.transaction() as connection:
        connection.set_trace_callback(asked.append)
        used = (5, 5, *(None,) * (len(USAGE_FIELDS) - 2))
        sent = [
            Call(
                trace_id="t",
                span_id=str(n),
                scope=scope,
                response_id="r",
                started_ns=NOON,
                operation="chat",
                provider="acme",
                usage=used,
            )
            for n, scope in enumerate((None, "x"))
        ]
        known = Span("t", "9", None, "step", 1, NOON, NOON + SECOND, False, "", {}, {}, "app")
        write.book(connection, sent, [known], NOON)
        write.book(connection, sent, [known], NOON)
        connection.set_trace_callback(None)
        plans = {
            text: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}")]
            for text in asked
            if text.lstrip().startswith(("SELECT", "UPDATE", "DELETE"))
        }
    store.close()
    assert len(plans) > 10
    walks = {text: step for text, plan in plans.items() for step in plan if step.startswith("SCAN")}
    # the first foreign call of an index of foreign calls, and the rows of a sub-question, are no walks
    assert [step for text, step in walks.items() if "LIMIT 1" not in text and "(subquery" not in step] == []
