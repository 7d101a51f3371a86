"""What an older ledger holds: the calls that each file in ``data/`` was filled with, by the genmeter of its day.

A change of the schema comes with a file that its own code has written: ``python -m tests.ledger.aged`` writes it, and
with ``--missing`` only where there is none. ``make units`` does so for the columns of new units.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from genmeter import names
from genmeter.ledger import Ledger
from genmeter.ledger.sqlite.schema import MIGRATIONS
from tests.ledger.otlp import NOON, SECOND, Attribute, chat, details, span, traces

DATA = Path(__file__).with_name("data")
DAY = 86_400 * SECOND


def path(version: int) -> Path:
    return DATA / f"v{version}.db"


def whole() -> dict[str, Attribute]:
    """A call of $0.25 with every count and every line of a bill that this genmeter knows, no two of them alike."""
    counts = {name: 1000 - n for n, name in enumerate(names.USAGE_TOKENS.values())}
    lines = {name: (n + 1) / 10**6 for n, name in enumerate(names.COST_LINES.values())}
    said = {"genmeter.department": "sales", "genmeter.application": "bot", "user.id": "u-1", "session.id": "s-1"}
    said |= {"gen_ai.agent.name": "triage", "gen_ai.workflow.name": "refunds", "genmeter.agent.path": "desk/triage"}
    said |= {"gen_ai.conversation.id": "c-1"}
    return {**chat(gen_ai__usage__cost__amount=0.25), **counts, **lines, **said}


def unpriced() -> dict[str, Attribute]:
    money = dict.fromkeys(f"gen_ai__usage__cost__{name}" for name in ("amount", "currency", "source"))
    verdict = {
        "genmeter__cost__status": "unpriced",
        "genmeter__cost__reason": "unknown_model",
        "genmeter__cost__detail": "openai lists no price for 'mystery-1'",
    }
    return chat(gen_ai__response__model="mystery-1", **money, **verdict)


def fill(place: Path) -> None:
    """Four calls, the days of three that were trimmed, and one call in quarantine for each of the three reasons."""
    with Ledger.open(place, run="first", max_rows=4) as ledger:
        for number, days in ((1, 9), (2, 9)):
            ledger.book_traces(traces(span(number, chat(), trace=number, started_ns=NOON - days * DAY)))
        ledger.book_traces(traces(span(3, whole(), trace=3, started_ns=NOON - 8 * DAY)))
        answered = chat(gen_ai__response__id="resp-4")
        ledger.book_traces(traces(span(4, answered, trace=4), span(5, unpriced(), trace=5)))
        ledger.book_traces(traces(span(6, whole(), trace=6)))
        ledger.book_logs(details(6, whole(), trace=6))
        euros = chat(gen_ai__usage__cost__currency="EUR", genmeter__stream__cut="closed")
        ledger.book_traces(traces(span(7, euros, trace=7, failed=True)))
        ledger.book_traces(traces(span(4, chat(gen_ai__usage__cost__amount=0.5), trace=4)))
        ledger.book_traces(traces(span(8, {**whole(), "gen_ai.response.id": "resp-4"}, trace=8)))
        ledger.book_traces(traces(span(9, chat(), trace=9, started_ns=NOON - 20 * DAY)))


def write(made: Path) -> None:
    """Write the file of today's schema: one small file, without its log beside it."""
    made.parent.mkdir(exist_ok=True)
    made.unlink(missing_ok=True)
    fill(made)
    connection = sqlite3.connect(made, isolation_level=None)
    for statement in ("PRAGMA journal_mode = DELETE", "PRAGMA page_size = 1024", "VACUUM", "PRAGMA journal_mode = WAL"):
        connection.execute(statement)
    connection.close()
    print(f"{made.name}: written")


if __name__ == "__main__":
    newest = path(len(MIGRATIONS))
    if "--missing" not in sys.argv or not newest.exists():
        write(newest)
