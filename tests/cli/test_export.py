"""``genmeter export``, ``trace`` and the forms of a report: every call once, exact, whole files only."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from genmeter.ledger import Ledger
from genmeter.reports import exporting
from genmeter.reports.window import window
from tests.ledger.otlp import NOON, SECOND, chat, span, traces


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Twelve calls of one cent and a pico-dollar each, three of them in the same nanosecond; one has the name of a formula."""
    path = tmp_path / "l.db"
    with Ledger.open(path, run="r1") as ledger:
        for number in range(1, 13):
            evil = (
                {"genmeter__application": "=HYPERLINK(1)"} if number == 5 else {"genmeter__application": "工单\r\n助手"}
            )
            attributes = chat(gen_ai__usage__cost__amount="0.010000000001", **evil)
            parent = {"parent": 100} if number == 2 else {}
            started = NOON + max(number, 10) * SECOND
            ledger.book_traces(traces(span(number, attributes, started_ns=started, trace=number, **parent)))
        ledger.book_traces(traces(span(100, {}, name="POST /ask", started_ns=NOON, trace=2)))
    return path


def test_every_call_is_in_the_csv_once_and_the_amounts_are_exact(genmeter, path: Path):
    done = genmeter("export", "--ledger", path)
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert sorted(int(row["span_id"], 16) for row in rows) == list(range(1, 13))
    assert sum(Decimal(row["cost"]) for row in rows) == Decimal("0.120000000012")
    assert {row["application"] for row in rows} == {"'=HYPERLINK(1)", "工单??助手"}
    assert set(rows[0]) == set(exporting.COLUMNS) and rows[0]["usage_input"] == "1000"


@pytest.mark.parametrize("at_once", [1, 2, 3, 5, 12, 13])
def test_calls_are_read_in_parts_of_any_size_without_loss_or_double(path: Path, monkeypatch, at_once: int):
    monkeypatch.setattr(exporting, "AT_ONCE", at_once)
    with Ledger.open(path) as ledger:
        found = [call.span_id for call in exporting.walk(ledger, window(None, None))]
    assert len(found) == len(set(found)) == 12


def test_jsonl_and_parquet_have_the_same_calls(genmeter, path: Path, tmp_path: Path):
    pq = pytest.importorskip("pyarrow.parquet")
    lines = genmeter("export", "--ledger", path, "--format", "jsonl").stdout.decode().splitlines()
    file = tmp_path / "calls.parquet"
    done = genmeter("export", "--ledger", path, "--format", "parquet", "--out", file)
    assert done.returncode == 0 and b"12 rows are in" in done.stderr
    table = pq.read_table(file)
    assert table.num_rows == len(lines) == 12
    assert str(table.schema.field("cost").type) == "decimal128(38, 12)"
    assert sum(table.column("cost").to_pylist()) == sum(Decimal(json.loads(line)["cost"]) for line in lines)
    assert sorted(path.name for path in tmp_path.iterdir() if "parquet" in path.name) == ["calls.parquet"]


def test_conditions_and_windows_choose_the_calls(genmeter, path: Path, tmp_path: Path):
    out = tmp_path / "calls.csv"
    done = genmeter("export", "--ledger", path, "--where", "application==HYPERLINK(1)", "--out", out)
    assert done.returncode == 0 and len(out.read_text("utf-8").splitlines()) == 2
    assert len(genmeter("export", "--ledger", path, "--period", "2026-10").stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["export", "--format", "parquet"], 2, "Parquet is no text; name a file with --out"),
        (["export", "--where", "colour=red"], 2, "is no condition"),
        (["export", "--out", "/no/such/folder/x.csv"], 1, "No such file"),
        (["export", "--since", "2d", "--until", "3d"], 2, "is not before --until"),
        (["trace", "ffff0000"], 1, "no span or call of trace 'ffff0000' is in the ledger"),
        (["chargeback", "--month", "13"], 2, "'13' is no period"),
        (["report", "--format", "parquet"], 2, "name a file with --out"),
        (["calls", "--page", "0"], 2, "'0' is no number"),
    ],
)
def test_what_cannot_be_done_is_one_line(genmeter, path: Path, arguments: list[str], code: int, words: str):
    done = genmeter(*arguments, "--ledger", path)
    assert (done.returncode, done.stdout) == (code, b"")
    assert words in done.stderr.decode() and done.stderr.count(b"\n") == 1


def test_a_trace_is_a_tree_with_the_cost_of_each_call_and_is_found_by_its_beginning(genmeter, path: Path):
    done = genmeter("trace", "0" * 31 + "2", "--ledger", path)
    lines = done.stdout.decode().splitlines()
    assert lines[0] == f"trace {'0' * 31}2"
    assert lines[3].startswith("POST /ask ") and lines[4].startswith("  chat gpt-5 ") and "0.010000000001" in lines[4]
    spans = json.loads(genmeter("trace", "0" * 31 + "2", "--json", "--ledger", path).stdout)["spans"]
    assert [one["depth"] for one in spans] == [0, 1]
    several = genmeter("trace", "000000", "--ledger", path)
    assert several.returncode == 1 and b"traces begin with '000000'; write more of the id" in several.stderr


def test_chargeback_is_the_same_in_every_form(genmeter, path: Path, tmp_path: Path):
    table = genmeter("chargeback", "--month", "2026-11", "--ledger", path).stdout.decode()
    assert "2026-11-01T00:00:00+00:00 up to, not including, 2026-12-01T00:00:00+00:00 (UTC)" in table.replace(
        "\n            ", " "
    )
    assert (
        "open: calls and adjustments may still come" in table and table.splitlines()[-1].split()[-1] == "0.120000000012"
    )
    document = json.loads(genmeter("chargeback", "--month", "2026-11", "--ledger", path, "--json").stdout)
    assert document["total"]["cost"] == {"USD": "0.120000000012"}
    rows = list(
        csv.DictReader(
            io.StringIO(genmeter("chargeback", "--month", "2026-11", "--ledger", path, "--csv").stdout.decode())
        )
    )
    assert sum(Decimal(row["cost"]) for row in rows) == Decimal("0.120000000012")
    bill = list(
        csv.DictReader(
            io.StringIO(
                genmeter("chargeback", "--month", "2026-11", "--ledger", path, "--format", "focus").stdout.decode()
            )
        )
    )
    assert sum(Decimal(row["BilledCost"]) for row in bill) == Decimal("0.120000000012")
    pq = pytest.importorskip("pyarrow.parquet")
    for form, column in (("parquet", "cost"), ("focus-parquet", "BilledCost")):
        file = tmp_path / f"{form}.parquet"
        assert (
            genmeter("chargeback", "--month", "2026-11", "--ledger", path, "--format", form, "--out", file).returncode
            == 0
        )
        assert sum(pq.read_table(file).column(column).to_pylist()) == Decimal("0.120000000012")


def test_a_table_fits_the_terminal_and_says_what_it_left_out(genmeter, path: Path):
    done = genmeter("chargeback", "--month", "2026-11", "--ledger", path, env={"COLUMNS": "80"})
    from genmeter.cli.render import width

    assert max(map(width, done.stdout.decode().splitlines())) <= 80
    assert b"too narrow for the columns" in done.stderr and b"--csv and --json have all" in done.stderr


def test_a_month_without_calls_is_an_empty_bill(genmeter, path: Path):
    done = genmeter("chargeback", "--month", "2025-01", "--ledger", path)
    assert done.returncode == 0 and b"period" in done.stdout and b"department" in done.stdout
