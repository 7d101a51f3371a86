"""A ledger that is away, cannot commit, or is behind a full queue: everything acknowledged arrives, once."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.back_ends import arrivals, measured
from tests.e2e.back_ends.traffic import Post, Sender, Traffic, post
from tests.stack import Stack
from tests.stack.asking import until
from tests.stack.loopback import get

pytestmark = pytest.mark.xdist_group("outages")

MINUTE = 60
RATE = 50
"""Calls a second."""
CATCH_UP_SECONDS = 30
SERVERS = ("jaeger", "loki", "prometheus", "ledger", "otelcol")
QUEUE_BYTES = 600_000
"""The smallest that holds one batch of the shipped configuration."""


@pytest.fixture(scope="module")
def rows():
    """What each outage came to; the table of them is written at the end."""
    made: list[list[object]] = []
    yield made
    head = ["outage of the ledger", "seconds", "calls", "missing", "booked twice", "delivered twice", "caught up after"]
    measured.write("what-an-outage-costs", head, made)


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("outages"), servers=SERVERS) as running:
        yield running


@pytest.fixture(scope="module")
def narrow_stack(tmp_path_factory):
    """The shipped configuration with queues that are soon full."""
    folder = tmp_path_factory.mktemp("narrow")
    with Stack(folder, servers=SERVERS, env={"OTELCOL_QUEUE_BYTES": str(QUEUE_BYTES)}) as running:
        yield running


def catch_up(stack: Stack, traffic: Traffic, start: tuple[int, dict[str, int]]) -> list[object]:
    """Wait until the ledger has all, judge it; missing, booked twice, delivered twice, seconds that it took."""
    began = time.monotonic()
    keys = set(traffic.pico)
    found = arrivals.wait(
        lambda: arrivals.booked(stack, traffic.service),
        lambda found: keys <= found.keys() and all(call.both for call in found.values()),
        CATCH_UP_SECONDS,
    )
    took = time.monotonic() - began
    total, counters = arrivals.money(stack)
    assert {key: call.pico for key, call in found.items()} == traffic.pico
    assert all(call.both for call in found.values())
    assert total - start[0] == sum(traffic.pico.values())
    for kept_out in ("conflicts", "suspected", "late"):
        assert counters.get(kept_out, 0) == start[1].get(kept_out, 0)
    twice = counters.get("duplicates", 0) - start[1].get("duplicates", 0)
    return [len(keys - found.keys()), len(found) - len(keys), twice, f"{took:.1f} s"]


def test_a_minute_without_the_ledger_loses_nothing(stack, rows):
    start = arrivals.money(stack)
    # From two seconds before to one after.
    traffic = Traffic("minute", RATE * (MINUTE + 3))
    pause = 2 * traffic.together / RATE / 3  # two threads, three requests for each five calls
    with Sender(stack.otlp_http, traffic.posts, threads=2, pause=pause) as sender:
        sender.wait_for(2 * RATE)
        stack.kill("ledger")
        time.sleep(MINUTE)
        during = sender.acknowledged
        stack.start("ledger")
        sender.wait_for_all()
    # The applications noticed nothing.
    assert sender.again == {}
    assert sender.refused == []
    assert during > MINUTE * RATE * 0.8
    rows.append(["stopped", MINUTE, traffic.calls, *catch_up(stack, traffic, start)])


def test_a_ledger_that_cannot_commit_answers_503_and_gets_everything_later(stack, rows):
    start = arrivals.money(stack)
    seconds = 15
    with locked(stack):
        began = time.monotonic()
        # The receiver's own answer: it waits for the lock, then asks to come back. Traffic without calls asks for none.
        probe = Traffic("probe", 1)
        status = post_to_ledger(stack, probe.posts[0])
        assert status == 503
        traffic = Traffic("locked", 500)
        with Sender(stack.otlp_http, traffic.posts, pause=0.02) as sender:
            sender.wait_for_all()
        time.sleep(max(seconds - (time.monotonic() - began), 0))
    assert sender.again == {}
    assert sender.refused == []
    assert deferred(stack) > 1
    rows.append(["answers 503 (locked)", seconds, traffic.calls, *catch_up(stack, traffic, start)])


@contextmanager
def locked(stack: Stack) -> Iterator[None]:
    """Another program holds the ledger's file, as a backup or somebody's shell does."""
    connection = sqlite3.connect(stack.ledger.data / "ledger.db", isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def deferred(stack: Stack) -> int:
    """Requests that the ledger has answered with 503."""
    text = get(f"{stack.ledger.url}/metrics", stack.ledger.token)[1]
    return sum(int(count) for count in re.findall(r"^genmeter_ledger_deferred_total\{.*\} (\d+)$", text, re.MULTILINE))


def post_to_ledger(stack: Stack, request: Post) -> int:
    return post(stack.ledger.url, request, token=stack.ledger.token)[0]


def test_a_full_queue_makes_the_sender_wait_and_loses_nothing(narrow_stack, rows):
    stack = narrow_stack
    start = arrivals.money(stack)
    stack.kill("ledger")
    began = time.monotonic()
    traffic = Traffic("full", 4000, together=20)  # some 4 MB where the queue holds 0.6
    with Sender(stack.otlp_http, traffic.posts, timeout=2) as sender:
        until(lambda: sender.again, within=60, what="a sender that gives up")
        # Blocked: the senders wait for an answer and give up, and what they gave up is not acknowledged.
        held = sender.acknowledged
        assert held < traffic.calls
        assert sender.again
        stack.start("ledger")
        seconds = time.monotonic() - began
        sender.wait_for_all()
    assert sender.refused == []
    rows.append([f"stopped, queue full at {held} calls", f"{seconds:.0f}", 4000, *catch_up(stack, traffic, start)])
    # What was sent again because one queue was full had been taken by others: Jaeger may have it twice, never not at all.
    copies = arrivals.wait(
        lambda: arrivals.span_keys(stack, "full"), lambda found: set(found) == set(traffic.pico), CATCH_UP_SECONDS
    )
    assert set(copies) == set(traffic.pico)
    rows[-1][0] += f", {len(copies) - len(traffic.pico)} spans twice in Jaeger"
