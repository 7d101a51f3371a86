"""Made-up names do not make the file grow without end, and cost no call and no cent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from genmeter.ledger import Ledger
from genmeter.ledger.sqlite import crowded
from genmeter.reports import spend
from tests.ledger.otlp import NOON, SECOND, chat, span, traces

CALLS = 24_000


@pytest.fixture(scope="module", params=["models", "payers"])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """A ledger that keeps ten calls, after very many calls of one day, each with a name of its own. $0.0125 each."""
    with Ledger.open(max_rows=10) as opened:
        for first in range(1, CALLS + 1, 2_000):
            batch = [
                span(n, chat(**names(request.param, n)), trace=n, started_ns=NOON + n * SECOND // 1_000)
                for n in range(first, first + 2_000)
            ]
            opened.book_traces(traces(*batch))
        true = chat(gen_ai__response__model="true", gen_ai__usage__cost__amount=90.0)
        opened.book_traces(traces(span(CALLS + 1, true, trace=CALLS + 1, started_ns=NOON + 3_600 * SECOND)))
        yield opened


def names(kind: str, number: int) -> dict[str, str]:
    if kind == "models":
        return {"gen_ai__response__model": f"made-up-{number}"}
    return {"genmeter__application": f"made-up-{number}"}


def days(ledger: Ledger) -> int:
    with ledger.store._database.transaction() as connection:  # type: ignore[attr-defined]
        return connection.execute("SELECT count(*) FROM daily").fetchone()[0]


def test_a_day_has_as_many_sums_as_are_allowed(ledger: Ledger) -> None:
    assert 1_000 < days(ledger) <= crowded.MOST_OF_A_DAY


def test_calls_and_money_are_whole(ledger: Ledger) -> None:
    (total,) = spend(ledger, by="day")
    assert total.calls == CALLS + 1
    assert total.cost == {"USD": CALLS * 12_500_000_000 + 90 * 10**12}


def test_the_dearest_names_stay_and_the_others_are_one(ledger: Ledger) -> None:
    found = {row.key: row.calls for row in spend(ledger, by="model")}
    assert found["true"] == 1
    assert found.get(crowded.OTHERS, 0) > CALLS // 4
