"""``genmeter reconcile``: what it prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from genmeter.ledger import Ledger
from tests.ledger.otlp import ROOT, chat, span, traces

BILLS = ROOT / "tests" / "reports" / "bills"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """One of the two calls that the bill of OpenRouter has."""
    path = tmp_path / "l.db"
    with Ledger.open(path) as ledger:
        model = {"gen_ai__request__model": "openai/gpt-4.1", "gen_ai__response__model": "openai/gpt-4.1"}
        sold = {"gen_ai__provider__name": "openrouter", "gen_ai__usage__cost__amount": "0.0036"}
        ledger.book_traces(traces(span(1, chat(**model, **sold, genmeter__department="legal"))))
    return path


def test_the_difference_and_its_cause_are_shown_and_nothing_is_written(genmeter, path: Path):
    done = genmeter("reconcile", "--bill", BILLS / "openrouter.json", "--ledger", path)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0 and "50.00% of the billed money is in the ledger" in done.stdout.decode()
    assert "missing calls" in lines[-2] and lines[-2].split()[-1] == "0.0036"
    assert b"--adjust writes them" in done.stderr
    with Ledger.open(path) as ledger:
        assert ledger.counters()["rows_calls"] == 1
    assert [file.name for file in path.parent.iterdir() if "reconciled" in file.name] == []


def test_json_has_the_pairs_the_total_and_the_captured_share(genmeter, path: Path):
    found = json.loads(genmeter("reconcile", "--bill", BILLS / "openrouter.json", "--ledger", path, "--json").stdout)
    assert (found["captured"], found["total"]["difference"]) == ("0.500000", {"USD": "0.0036"})
    assert found["rows"][0]["cause"] == "missing calls" and found["bills"][0]["format"] == "openrouter"


def test_adjustments_bring_the_ledger_to_the_bill_once_and_are_rows_of_the_chargeback(genmeter, path: Path):
    bill = ("--bill", BILLS / "openrouter.json", "--ledger", path)
    done = genmeter("reconcile", *bill, "--adjust")
    assert done.returncode == 0 and b"1 of 1 adjustments are new" in done.stderr
    again = genmeter("reconcile", *bill, "--adjust")
    # the second comparison has the adjustment in the ledger already, and so nothing to write
    assert again.returncode == 0 and b"0 of 0 adjustments" in again.stderr and b"100.00%" in again.stdout
    document = json.loads(
        genmeter("chargeback", "--month", "2026-11", "--by", "department", "--ledger", path, "--json").stdout
    )
    assert [(row["department"], row["kind"], row["calls"], row["cost"]) for row in document["rows"]] == [
        ("legal", "usage", 1, {"USD": "0.0036"}),
        (None, "adjustment", 0, {"USD": "0.0036"}),
    ]
    assert document["adjustments"] == [{"reason": "reconciled", "cost": {"USD": "0.0036"}}]
    assert document["total"]["cost"] == {"USD": "0.0072"}


def test_the_captured_share_is_kept_beside_the_ledger_for_the_service(genmeter, path: Path):
    done = genmeter("reconcile", "--bill", BILLS / "openrouter.json", "--ledger", path, "--record")
    kept = json.loads((path.parent / "l.db.reconciled.json").read_text())
    assert (
        done.returncode == 0
        and kept["openrouter"]["captured"] == "0.500000"
        and kept["openrouter"]["billed"] == "0.0072"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--bill", "/no/such/file.csv"], 1, "No such file"),
        (["--bill", str(ROOT / "pyproject.toml")], 2, "cut off"),
        (["--bill", str(BILLS / "openrouter.json"), "--bill", str(BILLS / "openrouter.json")], 2, "is given twice"),
        ([], 2, "the following arguments are required: --bill"),
    ],
)
def test_what_is_no_bill_is_one_line(genmeter, path: Path, arguments: list[str], code: int, words: str):
    done = genmeter("reconcile", *arguments, "--ledger", path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr.decode() and done.stderr.count(b"\n") == 1
