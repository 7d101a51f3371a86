"""``genmeter serve``: starts, lets in, changes its token, forgets nothing and drains."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from genmeter.cli.serve import OneRecord
from genmeter.ledger import Ledger
from genmeter.reports import spend
from tests.ledger.otlp import SECOND, chat, span, traces
from tests.server.certificates import certificate
from tests.server.client import half_sent, service, until_closed

BATCH = traces(span(1, chat())).SerializeToString()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_the_first_line_says_where_it_listens_and_the_root_says_what_it_is(tmp_path):
    with service(tmp_path) as ledger:
        assert re.fullmatch(r"genmeter  http://127\.0\.0\.1:\d+\n", ledger.first_line)
        client = ledger.client()
        card = client.get("/").json
        assert "ledger" in card["service"] and card["otlp"] == ["POST /v1/traces", "POST /v1/logs"]
        page = ("/page.js", "/budgets.js", "/reports.js", "/units.js", "/page.css", "/index.html")
        assert [client.get(path).status for path in page] == [404] * len(page)
        assert client.post("/v1/traces", BATCH).status == 200
        assert client.get("/api/summary").json["cost"] == {"USD": "0.0125"}
        assert "drained" in ledger.stop()


def test_with_a_token_only_the_probes_and_the_card_are_open(tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    with service(tmp_path, "--host", "0.0.0.0", "--token-file", tmp_path / "token") as ledger:
        client = ledger.client()
        assert [client.get(path).status for path in ("/", "/healthz", "/readyz")] == [200] * 3
        reads = ("/api/summary", "/api/budgets", "/api/calls", "/api/spend", "/api/unpriced", "/api/trace/00")
        guarded = ("/metrics", *reads, "/none")
        assert [client.get(path).status for path in guarded] == [401] * len(guarded)
        assert client.post("/v1/traces", BATCH).status == client.post("/v1/metrics", b"").status == 401
        assert client.post("/v1/traces", BATCH, **bearer("s3cret")).status == 200
        assert client.get("/api/summary", **bearer("s3cret")).json["calls"] == 1
        assert "s3cret" not in ledger.stop()


def test_a_new_token_is_in_force_at_once_and_the_old_one_is_refused(tmp_path):
    file = tmp_path / "token"
    file.write_text("first")
    with service(tmp_path, "--token-file", file) as ledger:
        client = ledger.client()

        def admitted(token: str) -> int:
            return client.get("/api/calls", **bearer(token)).status

        assert (admitted("first"), admitted("second")) == (200, 401)
        # as secrets are mounted: another file takes the name
        (tmp_path / "next").write_text("second")
        (tmp_path / "next").rename(file)
        ledger.process.send_signal(signal.SIGHUP)
        assert (admitted("second"), admitted("first")) == (200, 401)
        for broken in ("", "two words"):
            file.write_text(broken)
            assert admitted("second") == 200
        file.unlink()
        assert admitted("second") == 200
        file.write_text("third")
        assert (admitted("third"), admitted("second")) == (200, 401)
        said = ledger.stop()
        assert "the last token stays in force" in said and "read anew" in said
        assert not [word for word in ("first", "second", "third") if word in said]


def test_a_raised_budget_needs_no_restart_and_a_broken_file_is_one_line_of_the_log(tmp_path):
    file = tmp_path / "genmeter.toml"
    file.write_text('[budgets.all]\namount = "5"\nperiod = "quarter"\n')
    with service(tmp_path, config=file) as ledger:
        client = ledger.client()

        def amounts() -> list[str]:
            return [one["amount"] for one in client.get("/api/budgets").json["budgets"]]

        assert amounts() == ["5.00"]
        file.write_text('[budgets.all]\namount = "7.50"\nperiod = "quarter"\n')
        assert amounts() == ["7.50"]
        file.write_text('[budgets.all]\namount = "7.50"\n')
        assert amounts() == amounts() == ["7.50"]
        assert b"\ngenmeter_ledger_config_last_reload_successful 0\n" in client.get("/metrics").body
        said = ledger.stop()
    assert said.count("read anew from") == 1
    assert (
        said.count("budgets.all.period: the period is missing")
        == said.count("the last good budgets stay in force")
        == 1
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "ledger.example.com", ""])
def test_an_open_host_needs_a_token(genmeter, host, tmp_path):
    done = genmeter("serve", "--host", host)
    assert (done.returncode, done.stdout) == (2, b"")
    assert "--token-file" in done.stderr.decode() and done.stderr.count(b"\n") == 1
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    "arguments", [["--max-days", "0"], ["--max-days", "x"], ["--max-days", "nan"], ["--port", "x"]]
)
def test_bad_numbers_are_one_line(genmeter, arguments):
    done = genmeter("serve", *arguments)
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1


def test_a_taken_port_is_one_line_that_names_it(genmeter):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = genmeter("serve", "--port", port)
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr.decode() and done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("broken", ["missing", "text", "other key"])
def test_a_certificate_that_cannot_be_used_is_one_line(genmeter, tmp_path, broken):
    chain, secret = certificate(tmp_path, "one")
    if broken == "missing":
        chain.unlink()
    elif broken == "text":
        chain.write_text("x")
    else:
        (tmp_path / "other").mkdir()
        secret = certificate(tmp_path / "other", "two")[1]
    done = genmeter("serve", "--port", "0", "--tls-cert", chain, "--tls-key", secret)
    assert (done.returncode, done.stdout) == (2, b"")
    assert "cannot be used" in done.stderr.decode() and done.stderr.count(b"\n") == 1


def test_a_taken_grpc_port_that_was_asked_for_is_one_line(genmeter):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = genmeter("serve", "--port", "0", "--grpc-port", taken.getsockname()[1])
    assert (done.returncode, done.stdout) == (2, b"")
    assert "--grpc-port" in done.stderr.decode() and done.stderr.splitlines()[-1].count(b"gRPC") == 1


def test_without_grpc_the_wish_for_it_is_one_line_that_says_what_to_install(environment, tmp_path):
    hidden = "import sys; sys.modules['grpc'] = None; from genmeter.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", hidden, "serve", "--port", "0", "--grpc-port", "0", "--ledger", tmp_path / "l.db"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, b"")
    assert "pip install grpcio" in done.stderr.decode() and done.stderr.count(b"\n") == 1


def test_no_record_of_the_log_passes_for_two():
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s", ("a\nb\r\x1b[2Jc\u2028d",), None)
    assert OneRecord("%(message)s").format(record) == "a\n  b\\r\\x1b[2Jc\\u2028d"


def powerless() -> None:
    """Take from root what lets it write where the permissions say no: PR_CAPBSET_DROP of CAP_DAC_OVERRIDE."""
    ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
@pytest.mark.parametrize("begun", [False, True])
def test_a_folder_that_must_not_be_written_is_one_line(tmp_path, environment, begun):
    folder = tmp_path / "folder"
    folder.mkdir()
    if begun:
        Ledger.open(folder / "ledger.db").close()
    folder.chmod(0o555)
    command = [sys.executable, "-m", "genmeter", "serve", "--port", "0", "--ledger", folder / "ledger.db"]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=60, preexec_fn=powerless)
    folder.chmod(0o755)
    assert (done.returncode, done.stdout) == (1, b"")
    assert str(folder) in done.stderr.decode() and done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_in_flight_is_booked_and_answered_before_it_stops(tmp_path, number):
    with service(tmp_path) as ledger:
        with half_sent(ledger.port, BATCH) as sender:
            ledger.process.send_signal(number)
            until_closed(ledger.port)
            sender.sendall(BATCH[len(BATCH) // 2 :])
            assert sender.recv(100).startswith(b"HTTP/1.1 200")
        assert ledger.process.wait(60) == 0
    with Ledger.open(ledger.ledger) as again:
        assert spend(again)[0].calls == 1


def test_it_stops_when_told_in_the_moment_it_is_ready(tmp_path):
    for _ in range(3):
        with service(tmp_path) as ledger:
            os.kill(ledger.process.pid, signal.SIGTERM)
            assert ledger.process.wait(60) == 0


def pretend(file: Path, rows: int) -> None:
    """Let the ledger believe that it holds this many calls: a million of them take a minute to book."""
    with sqlite3.connect(file) as raw:
        raw.execute("UPDATE counters SET value = ? WHERE name = 'rows_calls'", (rows,))
    raw.close()


def test_a_ledger_that_grows_forgets_no_call(tmp_path):
    file = tmp_path / "ledger.db"
    with Ledger.open(file) as ledger:
        ledger.book_traces(BATCH)
    pretend(file, 2_000_000)
    with service(tmp_path) as running:
        client = running.client()
        client.post("/v1/traces", traces(span(2, chat())).SerializeToString())
        assert len(client.get("/api/calls").json["calls"]) == 2
        running.stop()
    # the same file under the caps of genmeter dev loses its rows, so the pretence holds
    with Ledger.open(file) as ledger:
        ledger.book_traces(traces(span(3, chat())))
        assert ledger.counters()["trimmed_calls"] == 3


def test_with_a_cap_on_age_old_calls_become_sums_by_day_and_no_money_goes(tmp_path):
    now = time.time_ns()
    with service(tmp_path, "--max-days", "2") as ledger:
        client = ledger.client()
        for number, days in ((1, 10), (2, 3), (3, 1)):
            started = now - days * 86_400 * SECOND
            batch = traces(span(number, chat(), trace=number, started_ns=started)).SerializeToString()
            assert client.post("/v1/traces", batch).status == 200
        assert len(client.get("/api/calls").json["calls"]) == 1
        assert client.get("/api/summary").json["cost"] == {"USD": "0.0375"}


def test_trace_trees_are_not_kept(tmp_path):
    with service(tmp_path) as ledger:
        client = ledger.client()
        client.post("/v1/traces", traces(span(1, {}, name="POST /ask"), span(2, chat(), parent=1)).SerializeToString())
        nodes = client.get(f"/api/trace/{'0' * 31}1").json["spans"]
        assert [node["span_id"] for node in nodes if node["call"] is None] == []
        assert len(nodes) == 1
