"""Each body in tests/vectors/emitters is booked with the call, the tokens and the sum that were worked out by hand.

The collector's processor reads the same files: ``emitters_test.go``.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from genmeter.ledger import Ledger
from genmeter.ledger.decode import Encoding
from genmeter.reading import Recorded
from genmeter.reports import calls
from genmeter.settings import Settings
from tests.ledger.otlp import ROOT

BODIES = sorted((ROOT / "tests/vectors/emitters").glob("*.json"))


@pytest.mark.parametrize("path", BODIES, ids=lambda path: path.stem)
def test_a_record_is_booked_as_its_emitter_means_it(path: Any) -> None:
    told: dict[str, Any] = json.loads(path.read_text("utf-8"))
    expect = told["expect"]
    body = {name: told[name] for name in ("resourceSpans", "resourceLogs") if name in told}
    with Ledger.open(price=Recorded(Settings()).price) as ledger:
        book = ledger.book_traces if "resourceSpans" in told else ledger.book_logs
        book(json.dumps(body).encode(), Encoding.JSON)
        found = calls(ledger)
        assert bool(ledger.store.unread()) == expect.get("unread", False)
        if not expect["call"] or expect["status"] == "elsewhere":
            assert found == []
            return
        (call,) = found
    assert (call.cost_status, call.cost_reason) == (expect["status"], expect["reason"])
    assert (call.usage[0], call.usage[1]) == (expect["input"], expect["output"])
    assert call.cost_pico == expect["total"]
    if expect["money"] == "emitter":
        assert call.cost_source == "emitter"
    assert ("table of emitters" in (call.cost_detail or "")) == expect.get("assumed", False)
