"""The short form of ``make fuzz``: some of the same hostile requests."""

from __future__ import annotations

from pathlib import Path

from tests.hostile import fuzz
from tests.server.client import service


def test_hostile_requests_are_answered_or_closed_and_an_honest_batch_is_booked_once(tmp_path: Path) -> None:
    with service(tmp_path) as running:
        found = fuzz.attack(running, seed=1, requests=2_000)
        # the requests reach every part: the parser of HTTP, those of the bodies, and the ledger
        assert found.statuses["200"] > 100 and found.statuses["400"] > 300
        fuzz.books_once(running)
        said = running.stop()
    assert "Traceback" not in said, said[-2_000:]
