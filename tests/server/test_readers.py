"""Readers with tokens of their own: each sees the reports and the calls that the file gives, and nothing else."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from genmeter.ledger import Ledger
from genmeter.server.access import Keys
from genmeter.server.readers import SCOPED, Readers, read
from tests.ledger.otlp import chat, span, traces
from tests.server.client import Client, served

HASH = hashlib.sha256(b"legal-token").hexdigest()
FILE = f"""
[legal]
token_sha256 = "{HASH}"
scope = "department=legal"

[finance]
token_file = "finance.token"
reports = ["chargeback", "budgets"]
"""
MONTH = "/api/chargeback?month=2026-11&by=department"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "finance.token").write_text("finance-token\n")
    (tmp_path / "readers.toml").write_text(FILE)
    return tmp_path / "readers.toml"


@pytest.fixture
def client(file: Path) -> Iterator[Client]:
    ledger = Ledger.open()
    ledger.book_traces(
        traces(
            span(1, chat(genmeter__department="legal", gen_ai__usage__cost__amount=1.0)),
            span(2, chat(genmeter__department="ops", gen_ai__usage__cost__amount=2.0)),
            span(3, chat(gen_ai__usage__cost__amount=4.0)),
        )
    )
    with served(ledger, token=Keys(all="whole-token", readers=Readers(file))) as client:
        yield client


def as_reader(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("name", SCOPED)
def test_a_scoped_reader_sees_only_its_own_calls_in_every_report(client: Client, name: str) -> None:
    query = "?month=2026-11" if name == "chargeback" else ""
    whole = client.get(f"/api/{name}{query}", **as_reader("whole-token"))
    own = client.get(f"/api/{name}{query}", **as_reader("legal-token"))
    assert (whole.status, own.status) == (200, 200)
    assert b"ops" not in own.body and b'"2.00"' not in own.body and b'"7.00"' not in own.body
    if name in ("spend", "chargeback"):
        assert own.json["total"]["cost"] == {"USD": "1.00"} and whole.json["total"]["cost"] == {"USD": "7.00"}


def test_conditions_of_a_reader_cannot_be_widened(client: Client) -> None:
    for where in ("department=ops", "department!=legal", "department=legal|ops", "department="):
        answer = client.get(f"/api/spend?by=department&where={where}", **as_reader("legal-token"))
        assert {row["key"] for row in answer.json["rows"]} <= {"legal"}
    assert client.get("/api/calls?aside=yes", **as_reader("legal-token")).status == 400


@pytest.mark.parametrize(
    "path", ["/metrics", "/api/summary", "/api/budgets", "/api/trace/00", "/api/reports", "/nothing", "/v1/traces"]
)
def test_a_scoped_reader_is_refused_everything_else(client: Client, path: str) -> None:
    reply = client.get(path, **as_reader("legal-token"))
    assert reply.status == (401 if path == "/v1/traces" else 403)
    if path != "/v1/traces":
        assert "this token opens /api/spend" in reply.json["error"]


def test_a_reader_writes_nothing(client: Client) -> None:
    batch = traces(span(9, chat())).SerializeToString()
    assert client.post("/v1/traces", batch, **as_reader("legal-token")).status == 401
    assert client.post("/api/chargeback", b"", **as_reader("legal-token")).status == 405


def test_a_reader_of_some_reports_is_refused_the_others_and_sees_all_calls_in_these(client: Client) -> None:
    assert client.get(MONTH, **as_reader("finance-token")).json["total"]["cost"] == {"USD": "7.00"}
    assert client.get("/api/budgets", **as_reader("finance-token")).status == 200
    assert client.get("/api/spend", **as_reader("finance-token")).status == 403


def test_chargeback_comes_as_csv_and_in_focus_with_the_same_sums(client: Client) -> None:
    document = client.get(MONTH, **as_reader("whole-token")).json
    table = client.get(f"{MONTH}&form=csv", **as_reader("whole-token"))
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.body.decode())))
    bill = client.get(f"{MONTH}&form=focus", **as_reader("whole-token"))
    focus = list(csv.DictReader(io.StringIO(bill.body.decode())))
    sums = [sum(Decimal(row[name]) for row in found) for found, name in ((rows, "cost"), (focus, "BilledCost"))]
    assert sums == [Decimal(document["total"]["cost"]["USD"])] * 2 == [Decimal(7)] * 2
    own = client.get(f"{MONTH}&form=focus", **as_reader("legal-token")).body
    assert b"legal" in own and b"ops" not in own
    wrong = client.get(f"{MONTH}&form=xml", **as_reader("whole-token"))
    assert (wrong.status, "json, csv, focus" in wrong.json["error"]) == (400, True)


def test_a_question_that_makes_no_sense_is_a_400_with_words(client: Client) -> None:
    for path, words in (
        ("/api/chargeback?month=2026-13", "is no period"),
        ("/api/spend?trend=yes", "trend needs a beginning"),
        ("/api/chargeback?currency=EUR&month=2026-11", "no rate from USD to EUR"),
    ):
        reply = client.get(path, **as_reader("whole-token"))
        assert reply.status == 400 and words in reply.json["error"], path


def test_without_a_token_nothing_is_read_where_there_are_readers(tmp_path: Path, file: Path) -> None:
    with served(Ledger.open(), token=Keys(readers=Readers(file))) as client:
        assert client.get("/api/spend").status == 401
        assert client.get("/api/spend", **as_reader("legal-token")).status == 200
        assert client.post("/v1/traces", b"").status == 403


def test_a_reader_who_is_taken_out_is_out_at_once_and_a_damaged_file_opens_nothing(client: Client, file: Path) -> None:
    file.write_text(FILE.partition("[finance]")[2].join(("[finance]", "")))
    assert client.get("/api/spend", **as_reader("legal-token")).status == 401
    assert client.get(MONTH, **as_reader("finance-token")).status == 200
    file.write_text("[[broken")
    assert client.get(MONTH, **as_reader("finance-token")).status == 401


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (HASH, "abc", "legal.token_sha256: write the SHA-256"),
        ('scope = "department=legal"', 'scope = "colour=red"', "legal.scope: 'colour=red' is no condition"),
        ('scope = "department=legal"', "scop = 1", "legal.scop: unknown key; did you mean 'scope'"),
        (
            'scope = "department=legal"',
            'token_file = "finance.token"',
            "legal: write token_sha256 or token_file, one of the two",
        ),
        ('"budgets"]', '"budget"]', "finance.reports: unknown report; did you mean 'budgets'"),
        ('"finance.token"', '"no.token"', "cannot read the token file"),
        (
            'scope = "department=legal"',
            'scope = "department=legal"\nreports = ["budgets"]',
            "legal.reports: unknown report",
        ),
        (f'"{HASH}"', f'"{hashlib.sha256(b"finance-token").hexdigest()}"', "two readers have the same token"),
    ],
)
def test_a_file_of_readers_that_cannot_be_used_says_which_and_why(file: Path, old: str, new: str, words: str) -> None:
    assert old in FILE
    file.write_text(FILE.replace(old, new))
    with pytest.raises(ValueError, match=re.escape(words)):
        read(file)


def test_the_captured_share_of_the_last_bill_is_a_gauge(tmp_path: Path) -> None:
    (tmp_path / "l.db.reconciled.json").write_text(
        json.dumps(
            {"openai": {"captured": "0.973100", "currency": "USD", "at": 1_795_300_000}, "odd": {"captured": []}}
        )
    )
    with served(Ledger.open(tmp_path / "l.db")) as client:
        text = client.get("/metrics").body.decode()
    assert 'genmeter_ledger_captured_ratio{provider="openai",currency="USD"} 0.973100' in text
    assert 'genmeter_ledger_reconciled_timestamp_seconds{provider="openai",currency="USD"} 1795300000' in text
    assert '"odd"' not in text
