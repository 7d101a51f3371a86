"""A stack whose alerts are delivered: rules that need not wait, an Alertmanager of either version, what it has told."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from genmeter.ledger import Ledger
from genmeter.reports import calls
from tests.e2e.back_ends.conftest import oldest
from tests.stack import Stack
from tests.stack.asking import until
from tests.stack.inbox import Message
from tests.stack.loopback import get_json
from tests.stack.roster import Edit, program

OLD = "0.25"
VERSIONS = {"0.31": "alertmanager", OLD: "alertmanager-old"}
SERVERS = ("ledger", "prometheus", "alertmanager", "otelcol")
"""Without Jaeger and Loki: the collector keeps on disk what is for them."""
WITHIN = 60.0
CRITICAL, WARNING, INFO, RESOLVED = "#ff0000", "#ff9900", "#ffcc00", "#36a64f"


@contextlib.contextmanager
def delivering(folder: Path, version: str, settings: str, edits: Sequence[Edit] = ()) -> Iterator[Stack]:
    """The servers with this genmeter.toml; skips where the old Alertmanager cannot be had."""
    alertmanager = oldest(VERSIONS[version]) if version == OLD else program(VERSIONS[version])
    (folder / "genmeter.toml").write_text(settings, encoding="utf-8")
    with Stack(folder, servers=SERVERS, edits=edits, programs={"alertmanager": alertmanager}) as stack:
        try:
            yield stack
        except BaseException as failure:
            failure.add_note(f"what was told:\n{stack.inbox.log.read_text()}")
            failure.add_note("\n".join(f"end of the log of {one.name}:\n{one.tail()}" for one in stack.running))
            raise


def set_budgets(stack: Stack, settings: str) -> None:
    """Another genmeter.toml, in one step, as an editor saves it; the ledger reads it again by itself."""
    new = stack.prices.with_name("new.toml")
    new.write_text(settings, encoding="utf-8")
    new.replace(stack.prices)


def told(stack: Stack, way: str, words: str, *, firing: bool = True) -> Message:
    """The first message by this way that has these words, once it is there."""
    found = until(
        lambda: meant(stack, way, words, firing=firing),
        within=WITHIN,
        what=f"{words!r} by {way} ({firing=})",
    )
    return found[0]


def meant(stack: Stack, way: str, words: str, *, firing: bool = True) -> list[Message]:
    """All such messages so far."""
    return [
        message
        for message in stack.inbox.messages
        if message.way == way and message.firing == firing and words in str(message.body)
    ]


def alerts(stack: Stack, name: str) -> list[dict[str, Any]]:
    """What Alertmanager holds of an alert now: labels, annotations, and its status with what inhibits it."""
    found = get_json(f"{stack.alertmanager.url}/api/v2/alerts")
    return [alert for alert in found if alert["labels"]["alertname"] == name]


def spent(stack: Stack, application: str) -> int:
    """Booked pico-USD of an application."""
    with Ledger.open(stack.ledger.data / "ledger.db") as ledger:
        return sum(call.cost_pico or 0 for call in calls(ledger, limit=1_000_000) if call.application == application)
