"""Each body in tests/vectors/emitters is booked with the call, the tokens and the sum that were worked out by hand.

The collector's processor reads the same files: ``emitters_test.go``.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from genmeter.ledger import Ledger
from genmeter.ledger.decode import Encoding
from genmeter.reading import Recorded, conventions
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


def test_every_row_of_the_table_of_emitters_has_a_body() -> None:
    scopes: set[str] = set()
    for path in (*BODIES, *(ROOT / "tests/vectors/spans").glob("*.json")):
        told = json.loads(path.read_text("utf-8"))
        for resource in (*told.get("resourceSpans", ()), *told.get("resourceLogs", ())):
            scopes |= {one["scope"]["name"] for one in resource.get("scopeSpans", resource.get("scopeLogs", ()))}
    rows = conventions.bundled().emitters.rows
    assert [row.name for row in rows if not any(row.writes(scope, "") for scope in scopes)] == []
