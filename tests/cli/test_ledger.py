"""``genmeter ledger`` and ``genmeter reprice``, as a person at a terminal and a job in CI run them."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from genmeter.ledger import Ledger
from genmeter.pricing.catalogue import BUNDLED
from tests.cli.conftest import Command
from tests.ledger.otlp import NOON, SECOND, Attribute, chat, span, traces

DAY = 86_400 * SECOND
AGO = NOON - 400 * DAY
"""2025-10-17T12:00:00Z: long before today, so that its month can be sealed."""


def unpriced(model: str) -> dict[str, Attribute]:
    money = dict.fromkeys(f"gen_ai__usage__cost__{name}" for name in ("amount", "currency", "source"))
    verdict = {"genmeter__cost__status": "unpriced", "genmeter__cost__reason": "unknown_model"}
    return chat(gen_ai__request__model=model, gen_ai__response__model=model, **money, **verdict)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with a call of $0.0125, and one of 1,000 tokens in and 200 out without a price."""
    file = tmp_path / "l.db"
    with Ledger.open(file) as ledger:
        calls = (chat(gen_ai__usage__cost__source="provider"), unpriced("house-7b"))
        ledger.book_traces(traces(*(span(n, one, trace=n, started_ns=AGO) for n, one in enumerate(calls, 1))))
    return file


def book(path: Path, number: int) -> None:
    with Ledger.open(path) as ledger:
        ledger.book_traces(traces(span(number, chat(), trace=number, started_ns=AGO)))


def spent(genmeter: Command, path: Path, *more: str) -> tuple[int, Decimal, int]:
    """Calls, dollars and calls without a price, as a report adds them up."""
    rows = json.loads(genmeter("report", *more, "--json", "--ledger", path).stdout)
    cost = sum((Decimal(row["cost"]) for row in rows if row["cost"]), Decimal())
    return sum(row["calls"] or 0 for row in rows), cost, sum(row["unpriced"] or 0 for row in rows)


def test_a_sound_ledger_verifies_and_a_changed_one_says_what_differs(genmeter: Command, path: Path) -> None:
    done = genmeter("ledger", "verify", "--ledger", path)
    assert (done.returncode, done.stdout) == (0, b"") and b"every sum is as its calls say: 2 calls" in done.stderr
    assert genmeter("ledger", "seal", "--month", "2025-10", "--ledger", path).returncode == 0
    raw = sqlite3.connect(path)
    with raw:
        raw.execute("UPDATE entries SET cost_pico = cost_pico + 1 WHERE id = 1")
    raw.close()
    done = genmeter("ledger", "verify", "--ledger", path, "--json")
    (found,) = json.loads(done.stdout)
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1
    assert found["where"] == "seal 1 of 2025-10, calls and pico units"
    assert ("12500000000" in found["expected"], "12500000001" in found["found"]) == (True, True)


def test_a_seal_comes_after_a_backup_and_a_late_call_counts_later(genmeter: Command, path: Path) -> None:
    done = genmeter("ledger", "seal", "--month", "2025-10", "--ledger", path, "--json")
    (seal,) = json.loads(done.stdout)
    assert (seal["name"], seal["until"], seal["calls"], seal["cost"]) == (
        *("2025-10", "2025-11-01T00:00:00Z", 2),
        "0.0125 USD",
    )
    copy = path.with_name("l.before-2025-10.db")
    assert f"backup in {copy}" in done.stderr.decode()
    with Ledger.open(copy) as before:
        assert (before.store.seals(), sum(group.calls for group in before.store.totals())) == ([], 2)
    book(path, 3)
    assert spent(genmeter, path, "--until", "2025-11-01") == (2, Decimal("0.0125"), 1)
    assert spent(genmeter, path) == (3, Decimal("0.025"), 1)
    (row,) = json.loads(genmeter("ledger", "adjustments", "--ledger", path, "--json").stdout)
    assert (row["reason"], row["cost"], row["sign"]) == ("after_seal", "0.0125", 1)
    (listed,) = json.loads(genmeter("ledger", "seals", "--ledger", path, "--json").stdout)
    assert listed == seal


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["seal"], 2, "--month or a --day"),
        (["seal", "--day", "2025-13-01"], 2, "no day and no month"),
        (["seal", "--month", "2999-01"], 2, "has not ended"),
        (["backup"], 2, "--to"),
        (["verify", "--ledger", "nowhere.db"], 1, "there is no ledger nowhere.db"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    genmeter: Command, path: Path, arguments: list[str], code: int, words: str
) -> None:
    done = genmeter("ledger", "--ledger", path, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (code, b"", 1)
    assert words in done.stderr.decode()


def test_a_period_is_sealed_once(genmeter: Command, path: Path) -> None:
    assert genmeter("ledger", "seal", "--day", "2025-10-17", "--ledger", path).returncode == 0
    done = genmeter("ledger", "seal", "--day", "2025-10-17", "--ledger", path)
    assert done.returncode == 2 and "is sealed already" in done.stderr.decode()


def test_a_backup_is_made_where_it_is_asked_for(genmeter: Command, path: Path, tmp_path: Path) -> None:
    assert genmeter("ledger", "backup", "--to", tmp_path / "copy.db", "--ledger", path).returncode == 0
    again = genmeter("ledger", "backup", "--to", tmp_path / "copy.db", "--ledger", path)
    assert (again.returncode, again.stderr.count(b"\n")) == (1, 1)
    assert genmeter("ledger", "verify", "--ledger", tmp_path / "copy.db").returncode == 0


def test_reprice_shows_what_would_change_and_writes_it_only_when_it_is_told(
    genmeter: Command, path: Path, tmp_path: Path
) -> None:
    config = tmp_path / "genmeter.toml"
    config.write_text('[prices.openai."house-7b"]\ninput = "2.00"\noutput = "5.00"\n')
    ask = ("reprice", "--since", "2025-10-01", "--config", config, "--ledger", path, "--json")
    shown = genmeter(*ask)
    (row,) = json.loads(shown.stdout)
    # 1,000 tokens at $2 and 200 at $5 for a million
    assert (row["model"], row["calls"], row["before"], row["after"], row["difference"]) == (
        *("house-7b", 1, None),
        *("0.003", "0.003"),
    )
    assert row["why"].startswith("no price (unknown_model); now override:openai/house-7b")
    assert "1 calls would change; --apply writes it" in shown.stderr.decode()
    assert spent(genmeter, path) == (2, Decimal("0.0125"), 1)
    assert "1 calls repriced" in genmeter(*ask, "--apply").stderr.decode()
    assert spent(genmeter, path) == (2, Decimal("0.0155"), 0)
    again = genmeter(*ask, "--apply")
    assert (json.loads(again.stdout), "no call changes" in again.stderr.decode()) == ([], True)
    assert genmeter("ledger", "verify", "--ledger", path).returncode == 0


def test_reprice_reads_another_catalogue_and_refuses_a_file_that_is_none(
    genmeter: Command, path: Path, tmp_path: Path
) -> None:
    newer = json.loads(BUNDLED.read_bytes()) | {"version": "2099.01.01"}
    (tmp_path / "newer.json").write_text(json.dumps(newer))
    (tmp_path / "none.json").write_text("[1]")
    since = ("reprice", "--since", "2025-10-01", "--ledger", path)
    assert genmeter(*since, "--catalogue", tmp_path / "newer.json").returncode == 0
    refused = genmeter(*since, "--catalogue", tmp_path / "none.json")
    assert (refused.returncode, refused.stderr.count(b"\n")) == (2, 1)
    assert "is no price catalogue" in refused.stderr.decode()
