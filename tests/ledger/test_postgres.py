"""What only a database server can do to a ledger: several services on one, lost connections, names with passwords."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from genmeter.ledger import Ledger, StorageError
from genmeter.ledger.postgres import PostgresStore
from genmeter.ledger.postgres.dialect import FUNCTIONS, script
from genmeter.ledger.questions import EVERYTHING, Outcome
from genmeter.ledger.sqlite import Caps, SqliteStore
from tests.ledger import postgres
from tests.ledger.otlp import INHERITED, NOON, ROOT, SECOND, chat, span, traces
from tests.ledger.stores import place
from tests.ledger.test_stores import call

BATCHES, SIZE = 40, 25


class Service:
    """One ``genmeter serve`` on the database."""

    def __init__(self, url: str) -> None:
        command = [sys.executable, "-m", "genmeter", "serve", "--port", "0", "--max-days", "off", "--ledger", url]
        self.process = subprocess.Popen(command, cwd=ROOT, env=INHERITED, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]

    def send(self, body: bytes) -> bool:
        """Whether the batch was acknowledged."""
        request = urllib.request.Request(
            f"{self.url}/v1/traces", body, headers={"Content-Type": "application/x-protobuf"}
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


def test_two_services_share_a_database_and_either_may_be_killed(tmp_path: Path) -> None:
    url = place("postgres", tmp_path)
    services = [Service(url), Service(url)]
    bodies = [
        traces(*(span(n * SIZE + k + 1, chat(), trace=n + 1, started_ns=NOON + n * SECOND) for k in range(SIZE)))
        for n in range(BATCHES)
    ]
    sent = [body.SerializeToString() for body in bodies]
    half = threading.Barrier(3)

    def deliver(own: int) -> None:
        """As a collector does: each batch until one of the services says that it has it; some of them twice."""
        dice = random.Random(own)
        for number, body in enumerate(sent[own::2]):
            if number == BATCHES // 4:
                half.wait()
            while not dice.choice(services).send(body):
                pass
            if dice.random() < 0.3:
                dice.choice(services).send(body)

    senders = [threading.Thread(target=deliver, args=(own,)) for own in range(2)]
    for sender in senders:
        sender.start()
    half.wait()
    # each of the two in turn, in the middle of the batches
    for number in range(2):
        services[number].kill()
        services[number] = Service(url)
    for sender in senders:
        sender.join()
    for service in services:
        service.kill()
    with Ledger.open(url, max_rows=None) as ledger:
        (group,) = ledger.store.groups(["model"], EVERYTHING)
        assert (group.calls, group.cost) == (BATCHES * SIZE, BATCHES * SIZE * 12_500_000_000)
        assert ledger.counters()["booked"] == BATCHES * SIZE
        assert ledger.store.verify().differences == []


def test_a_lost_connection_costs_one_batch_that_is_sent_again(tmp_path: Path) -> None:
    url = place("postgres", tmp_path)
    store = PostgresStore(url)
    store.book([call(1)], ())
    assert len(store.latest(9, EVERYTHING)) == 1
    name = url.rpartition("/")[2]
    # as when the server is started anew
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    postgres.server().execute("postgres", end)
    with pytest.raises(StorageError, match="took nothing of this batch"):
        store.book([call(2)], ())
    assert store.fault is not None
    assert len(store.latest(9, EVERYTHING)) == 1
    assert store.book([call(2)], ()) == Outcome(booked=1)
    assert (len(store.latest(9, EVERYTHING)), store.fault) == (2, None)
    store.close()


def test_a_service_that_is_stopped_in_its_turn_lets_the_others_say_so(tmp_path: Path) -> None:
    url = place("postgres", tmp_path)
    one, other = PostgresStore(url), PostgresStore(url, busy_seconds=0.2)
    with one.database.transaction(), pytest.raises(StorageError, match="lock timeout"):
        other.book([call(1)], ())
    assert other.book([call(1)], ()) == Outcome(booked=1)
    one.close()
    other.close()


def test_a_letter_that_the_database_cannot_hold_loses_no_call(tmp_path: Path) -> None:
    store = PostgresStore(place("postgres", tmp_path))
    assert store.book([call(1, department="le\0gal")], ()) == Outcome(booked=1)
    assert store.book([call(1, department="le\0gal")], ()) == Outcome(duplicates=1)
    assert store.latest(1, EVERYTHING)[0].department == "le\N{REPLACEMENT CHARACTER}gal"
    store.close()


@pytest.mark.parametrize("url", ["postgresql://a:geheim@127.0.0.1/b", "postgresql://a@127.0.0.1/b?password=geheim"])
def test_a_password_in_the_name_of_a_ledger_is_refused_and_not_repeated(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "genmeter", "report", "--ledger", url], cwd=ROOT, env=INHERITED, capture_output=True
    )
    assert done.returncode == 2
    assert b"PGPASSFILE" in done.stderr and b"geheim" not in done.stderr


def test_every_column_of_the_file_is_in_the_database_in_the_same_order(tmp_path: Path) -> None:
    """A script that SQLite's ledger gets later is read by PostgreSQL's too, and a column that only one has is seen here."""
    file, server = SqliteStore(), PostgresStore(place("postgres", tmp_path), Caps())
    tables = file.database.read(
        lambda connection: [
            row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        ]
    )
    for table in tables:
        own, theirs = (
            store.database.read(
                lambda connection, table=table: [
                    one[0] for one in connection.execute(f"SELECT * FROM {table}").description
                ]
            )
            for store in (file, server)
        )
        assert [name for name in theirs if name != "texts_digest"] == own, table
    file.close()
    server.close()


def test_a_later_script_of_the_file_is_a_script_of_the_database() -> None:
    assert script("CREATE TABLE x (id INTEGER PRIMARY KEY, user INTEGER, session ANY, name TEXT NOT NULL) STRICT;") == (
        'CREATE TABLE x (id bigint PRIMARY KEY, "user" bigint, session text COLLATE "C", name text COLLATE "C" NOT NULL);'
    )
    assert len({one.partition(" ")[0] for one in FUNCTIONS}) == len(FUNCTIONS)
