"""``genmeter dev``: starts, refuses and drains."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from tests.cli.conftest import APP
from tests.server.client import half_sent, until_closed


@pytest.fixture
def dev(environment):
    """Start ``genmeter dev`` on a free port; gives the process, its URL and what it printed."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "genmeter", "dev", "--port", "0", *map(str, arguments)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        lines = []
        while not lines or not lines[-1].startswith("Ctrl-C"):
            line = process.stdout.readline().decode()
            assert line, process.stderr.read()
            lines.append(line)
        return process, lines[0].split()[1], "".join(lines)

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_it_says_where_it_is_and_what_an_app_needs_and_books_what_comes(dev, environment, genmeter):
    process, url, printed = dev()
    assert f"export OTEL_EXPORTER_OTLP_ENDPOINT={url}\n" in printed
    assert "export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n" in printed
    assert urllib.request.urlopen(f"{url}/healthz").status == 200
    assert b"<html" in urllib.request.urlopen(url).read().lower()
    exporters = {f"OTEL_{signal}_EXPORTER": "otlp" for signal in ("TRACES", "METRICS", "LOGS")}
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}
    launcher = os.path.join(os.path.dirname(sys.executable), "opentelemetry-instrument")
    subprocess.run(
        [launcher, "python", APP, "mixed"], env=environment | told | exporters, check=True, capture_output=True
    )
    process.terminate()
    assert process.wait(60) == 0
    assert b"drained" in process.stderr.read()
    assert sum(row["calls"] for row in json.loads(genmeter("report", "--json").stdout)) == 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_request_in_flight_is_answered_before_it_stops(dev, number):
    process, url, _ = dev()
    port = int(url.rpartition(":")[2])
    with half_sent(port, b"{}", "application/json") as sender:
        process.send_signal(number)
        until_closed(port)
        sender.sendall(b"}")
        assert sender.recv(100).startswith(b"HTTP/1.1 200")
    assert process.wait(60) == 0


def test_a_taken_port_is_one_line_that_names_it(genmeter):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = genmeter("dev", "--port", port)
    assert (done.returncode, done.stdout) == (2, b"")
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr.decode() and "--port" in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_an_open_host_needs_a_token(genmeter, host, tmp_path):
    done = genmeter("dev", "--host", host)
    assert (done.returncode, done.stdout) == (2, b"")
    assert "--token-file" in done.stderr.decode() and done.stderr.count(b"\n") == 1
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("content", ["", "  \n", "two words", None, b"\xff\xfe"])
def test_a_token_file_must_hold_a_token(genmeter, tmp_path, content):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = genmeter("dev", "--token-file", file)
    assert done.returncode == 2 and str(file) in done.stderr.decode() and done.stderr.count(b"\n") == 1


def test_a_token_is_asked_for_and_never_printed(dev, tmp_path):
    file = tmp_path / "token"
    file.write_text("s3cret-token\n")
    _, url, printed = dev("--host", "0.0.0.0", "--token-file", file)
    assert "s3cret" not in printed and str(file) in printed
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{url}/metrics")
    assert refused.value.code == 401
    asked = urllib.request.Request(f"{url}/metrics", headers={"Authorization": "Bearer s3cret-token"})
    assert urllib.request.urlopen(asked).status == 200


def test_an_unusable_ledger_is_one_line(genmeter, tmp_path):
    (tmp_path / "file").write_text("")
    done = genmeter("dev", "--port", "0", "--ledger", tmp_path / "file" / "ledger.db")
    assert done.returncode == 1 and done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("arguments", [["--port", "70000"], ["--port", "x"], ["--max-rows", "0"], ["--max-rows", "x"]])
def test_bad_numbers_are_one_line(genmeter, arguments):
    done = genmeter("dev", *arguments)
    assert done.returncode == 2 and done.stderr.count(b"\n") == 1
