"""A service keeps its ledger by itself, also while senders never pause, and tells it at /metrics."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from genmeter.ledger import Ledger
from genmeter.server.idling import Idling
from tests.ledger.otlp import SECOND, chat, span, traces
from tests.ledger.test_place import until
from tests.server.client import served

DAY = 86_400 * SECOND


def test_a_service_that_is_never_idle_keeps_its_record_and_says_so(tmp_path: Path) -> None:
    path, now = tmp_path / "l.db", time.time_ns()
    # as `genmeter serve` opens it: calls beyond their age wait for the upkeep
    with Ledger.open(path, max_rows=None, max_days=30, session_days=90, day_days=730, patient=True) as ledger:
        ages = (0, 3, 40, 800)
        ledger.book_traces(
            traces(*(span(n, chat(), trace=n, started_ns=now - age * DAY) for n, age in enumerate(ages, 1)))
        )
        with served(ledger) as client:

            def gauges() -> dict[str, float]:
                lines = client.get("/metrics").body.decode().splitlines()
                return {
                    line.split(" ")[0]: float(line.split(" ")[1])
                    for line in lines
                    if line.startswith("genmeter_ledger_") and "{" not in line
                }

            before = gauges()
            assert before["genmeter_ledger_retention_last_success_timestamp_seconds"] == 0
            assert before["genmeter_ledger_sums_checked_timestamp_seconds"] == 0
            # with a sender that never pauses for so long, nothing that may wait is done
            idling = Idling(ledger, every=0.01, quiet=10**6)
            until(lambda: gauges()["genmeter_ledger_sums_checked_timestamp_seconds"] > 0)
            idling.close()
            after = gauges()
            assert abs(after["genmeter_ledger_retention_last_success_timestamp_seconds"] - time.time()) < 3600
            assert after["genmeter_ledger_sums_different"] == 0
            # today's sums are computed when the day has ended
            assert after["genmeter_ledger_dirty_days"] == 1
            assert client.get("/api/summary").json["calls"] == 3
            assert len(client.get("/api/calls").json["calls"]) == 2
    raw = sqlite3.connect(path)
    with raw:
        raw.execute("UPDATE entries SET cost_pico = cost_pico + 1 WHERE started_ns < ?", (now - 2 * DAY,))
        raw.execute("DELETE FROM marks WHERE name = 'checked_ns'")
    raw.close()
    with Ledger.open(path) as ledger, served(ledger) as client:
        idling = Idling(ledger, every=0.01, quiet=10**6)
        until(lambda: b"\ngenmeter_ledger_sums_different 2\n" in client.get("/metrics").body)
        idling.close()
