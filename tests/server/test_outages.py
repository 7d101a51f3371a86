"""``genmeter serve`` when its disk fails: nothing is acknowledged that is not kept, and it recovers by itself."""

from __future__ import annotations

import contextlib
import http.client
import os
import random
import resource
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.rpc.status_pb2 import Status

from genmeter.ledger import Ledger
from genmeter.ledger.sqlite import SqliteStore
from genmeter.reports import spend
from tests.ledger.otlp import chat, span, traces
from tests.server.client import Client, Service, scraped, served, service


def batch(first: int, size: int = 1) -> bytes:
    return traces(*(span(n, chat(), trace=n) for n in range(first, first + size))).SerializeToString()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Service]:
    with service(tmp_path) as running:
        yield running


def refused(client: Client, because: str) -> None:
    """A post is answered 503 with a time to come back; the probes tell the difference between dead and not ready."""
    reply = client.post("/v1/traces", batch(1000, 400))
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")
    assert because in Status.FromString(reply.body).message
    assert client.get("/healthz").status == 200
    probe = client.get("/readyz")
    assert probe.status == 503
    # nobody has shown a token for this answer
    assert b".db" not in probe.body


def accepted(client: Client, calls: int) -> None:
    """The same batch is taken now, once, and all of what was there is there."""
    assert [client.post("/v1/traces", batch(1000, 400)).status for _ in range(2)] == [200, 200]
    assert client.get("/readyz").status == 200
    samples = scraped(client)
    assert samples["genmeter_ledger_booked_total", ()] == calls
    assert samples["genmeter_ledger_ready", ()] == 1
    assert samples["genmeter_ledger_deferred_total", (("signal", "traces"),)] >= 1


def test_a_full_disk_is_told_and_outlived(ledger: Service) -> None:
    client = ledger.client()
    assert client.post("/v1/traces", batch(1)).status == 200
    # the kernel's own limit on the size of a file: the log in front of the ledger cannot grow
    size = Path(f"{ledger.ledger}-wal").stat().st_size
    resource.prlimit(ledger.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    refused(client, "free space")
    assert scraped(client)["genmeter_ledger_ready", ()] == 0
    resource.prlimit(ledger.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    accepted(client, 401)
    said = ledger.stop()
    assert said.count("free space") == 1
    assert "takes batches again" in said


def test_a_ledger_that_another_process_holds_is_told_and_outlived(ledger: Service) -> None:
    client = ledger.client()
    assert client.post("/v1/traces", batch(1)).status == 200
    holder = sqlite3.connect(ledger.ledger, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    asked = time.monotonic()
    assert client.get("/readyz").status == 503
    told = time.monotonic()
    refused(client, "locked")
    assert told - asked < time.monotonic() - told  # a probe does not wait for the disk as long as a batch does
    holder.execute("ROLLBACK")
    holder.close()
    accepted(client, 401)


def test_a_probe_is_answered_while_a_batch_waits_for_the_disk(ledger: Service) -> None:
    holder = sqlite3.connect(ledger.ledger, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    waiting = threading.Thread(target=ledger.client().post, args=("/v1/traces", batch(1)))
    waiting.start()
    time.sleep(0.3)
    client = ledger.client()
    assert client.get("/healthz").status == client.get("/metrics").status == 200
    assert client.get("/readyz").status in (200, 503)
    assert waiting.is_alive()
    holder.execute("ROLLBACK")
    holder.close()
    waiting.join(20)


def test_a_ledger_that_is_gone_is_not_begun_again_in_silence(ledger: Service, tmp_path: Path) -> None:
    client = ledger.client()
    assert client.post("/v1/traces", batch(1)).status == 200
    away = tmp_path / "away"
    away.mkdir()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{ledger.ledger}{suffix}").rename(away / f"ledger.db{suffix}")
    refused(client, "is gone from its place")
    assert not ledger.ledger.exists()
    for file in away.iterdir():
        file.rename(tmp_path / file.name)
    accepted(client, 401)


def test_a_damaged_ledger_is_told_and_a_copy_put_back_is_used(tmp_path: Path) -> None:
    file, copy = tmp_path / "ledger.db", tmp_path / "copy.db"
    with Ledger.open(file) as whole:
        whole.book_traces(batch(1, 300))
    copy.write_bytes(file.read_bytes())
    with sqlite3.connect(file) as index:
        (page,) = index.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entries_key'").fetchone()
        (size,) = index.execute("PRAGMA page_size").fetchone()
    index.close()
    with file.open("r+b") as raw:
        raw.seek((page - 1) * size)
        raw.write(b"\xa5" * size)
    with service(tmp_path) as ledger:
        client = ledger.client()
        refused(client, "malformed")
        assert b"genmeter_ledger_ready 0" in client.get("/metrics").body
        copy.rename(file)
        accepted(client, 700)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_kill_nine_under_load_loses_no_call_that_was_answered_and_books_none_twice(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    answered: list[int] = []
    sent: list[int] = []
    with service(tmp_path) as ledger:

        def send(sender: int) -> None:
            client = ledger.client()
            with contextlib.suppress(ConnectionError, http.client.HTTPException):
                for n in range(400):
                    first = sender * 1_000_000 + n * 10 + 1
                    sent.append(first)
                    if client.post("/v1/traces", batch(first, 10)).status == 200:
                        answered.append(first)

        senders = [threading.Thread(target=send, args=(sender,)) for sender in range(4)]
        for thread in senders:
            thread.start()
        enough = dice.randint(20, 400)
        while len(answered) < enough:
            time.sleep(0.001)
        os.kill(ledger.process.pid, signal.SIGKILL)
        for thread in senders:
            thread.join(30)
        assert ledger.process.wait(60) == -signal.SIGKILL
    assert len(answered) < 1600
    with sqlite3.connect(ledger.ledger) as raw:
        kept = [row[0] for row in raw.execute("SELECT span_id FROM calls")]
    raw.close()
    assert len(kept) == len(set(kept))
    promised = {f"{n:016x}" for first in answered for n in range(first, first + 10)}
    assert promised - set(kept) == set()
    # the senders come back with everything, answered or not
    with service(tmp_path) as ledger:
        client = ledger.client()
        assert {client.post("/v1/traces", batch(first, 10)).status for first in sent} == {200}
        summary = client.get("/api/summary").json
        assert summary["calls"] == 10 * len(sent)
        # 0.0125 a call
        assert summary["cost"] == {"USD": f"{0.125 * len(sent):.3f}".removesuffix("0")}


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are set on Linux")
def test_what_is_taken_while_the_disk_comes_and_goes_is_all_there(tmp_path: Path) -> None:
    taken: list[int] = []
    deferred: list[int] = []
    with service(tmp_path) as ledger:
        stop = threading.Event()

        def send(sender: int) -> None:
            client = ledger.client()
            n = sender * 1_000_000 + 1
            while not stop.is_set():
                if client.post("/v1/traces", batch(n, 20)).status == 200:
                    taken.append(n)
                    n += 20
                else:
                    deferred.append(n)

        def more(answers: list[int]) -> None:
            """Until there is one more; not for ever, for SQLite may write where its log has room already."""
            before, deadline = len(answers), time.monotonic() + 2
            while len(answers) == before and time.monotonic() < deadline:
                time.sleep(0.01)

        senders = [threading.Thread(target=send, args=(sender,)) for sender in range(3)]
        for thread in senders:
            thread.start()
        for _ in range(5):
            more(taken)
            # after a failure the log may have been folded into the ledger
            log = Path(f"{ledger.ledger}-wal")
            size = log.stat().st_size if log.exists() else 0
            resource.prlimit(ledger.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
            more(deferred)
            free = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(ledger.process.pid, resource.RLIMIT_FSIZE, free)
        stop.set()
        for thread in senders:
            thread.join(30)
        refusals = scraped(ledger.client())["genmeter_ledger_deferred_total", (("signal", "traces"),)]
        ledger.stop()
    assert refusals > 0
    with Ledger.open(ledger.ledger) as again:
        assert spend(again)[0].calls == 20 * len(taken)


def test_without_batches_a_service_is_ready_again_a_while_after_the_last_failure(tmp_path: Path) -> None:
    with served(Ledger(SqliteStore(str(tmp_path / "l.db"), busy_seconds=0.05)), headless=True) as client:
        holder = sqlite3.connect(tmp_path / "l.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        assert client.post("/v1/traces", batch(1)).status == 503
        holder.execute("ROLLBACK")
        holder.close()
        assert client.get("/readyz").status == 503
        started = time.monotonic()
        while client.get("/readyz").status != 200:
            assert time.monotonic() - started < 60
            time.sleep(0.2)
