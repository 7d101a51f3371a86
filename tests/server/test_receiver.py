"""OTLP over real HTTP: what is answered with 200 is in the ledger, and nothing that is sent stops the service."""

from __future__ import annotations

import gzip
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from genmeter.ledger import Ledger
from genmeter.ledger.sqlite import SqliteStore
from genmeter.reports import calls, receipt
from genmeter.server import Application, BodySizes, Server, serve
from genmeter.server.connection import Phase
from tests.ledger.otlp import INHERITED, ROOT, chat, span, traces
from tests.server.client import JSON, Client, half_sent, served, until_closed

BATCH = traces(span(1, chat())).SerializeToString()


@pytest.fixture
def client() -> Iterator[Client]:
    with served(Ledger.open(run="r1"), limits=BodySizes(body=100_000, unpacked=1_000_000)) as client:
        yield client


def head(length: int, more: bytes = b"") -> bytes:
    return (
        b"POST /v1/traces HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
        b"%bContent-Length: %d\r\n\r\n" % (more, length)
    )


def booked(client: Client) -> int:
    """Calls in the ledger; an answer that was dear to make on a busy machine may be kept for a moment."""
    deadline = time.monotonic() + 20
    while not (calls := client.get("/api/summary").json["calls"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    return calls


def test_the_sdks_own_exporters_deliver_spans_and_events_as_one_call(client: Client) -> None:
    tracing = TracerProvider()
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{client.url}/v1/traces")))
    logging = LoggerProvider()
    logging.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{client.url}/v1/logs")))
    with tracing.get_tracer("test").start_as_current_span("chat gpt-5", attributes=chat()):
        record = LogRecord(
            timestamp=time.time_ns(),
            event_name="gen_ai.client.inference.operation.details",
            severity_number=SeverityNumber.DEBUG,
            attributes=chat(),
        )
        logging.get_logger("test").emit(record)
    logging.shutdown()
    tracing.shutdown()
    (call,) = client.get("/api/calls").json["calls"]
    assert (call["cost"], call["signals"], call["run"]) == ("0.0125", 3, "r1")


def test_a_batch_sent_three_times_is_answered_three_times_and_booked_once(client: Client) -> None:
    for _ in range(3):
        reply = client.post("/v1/traces", BATCH)
        assert (reply.status, reply.headers["content-type"]) == (200, "application/x-protobuf")
        assert not ExportTraceServiceResponse.FromString(reply.body).HasField("partial_success")
    assert booked(client) == 1


def test_gzip_in_one_or_several_members_is_unpacked(client: Client) -> None:
    half = len(BATCH) // 2
    packed = gzip.compress(BATCH[:half]) + gzip.compress(BATCH[half:])
    assert client.post("/v1/traces", packed, Content_Encoding="gzip").status == 200
    assert booked(client) == 1


def test_a_body_in_chunks_is_read(client: Client) -> None:
    pieces = iter([BATCH[:10], BATCH[10:11], BATCH[11:]])
    client.connection.request(
        "POST", "/v1/traces", pieces, {"Content-Type": "application/x-protobuf"}, encode_chunked=True
    )
    answer = client.connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    assert booked(client) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\xff\xff\xff\xff", {}, 400),
        (b"{", JSON, 400),
        (b"no gzip at all", {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(BATCH)[:-9], {"Content-Encoding": "gzip"}, 400),
        (gzip.compress(b"") * 9, {"Content-Encoding": "gzip"}, 400),
        (b"x" * 100_001, {}, 413),
        (gzip.compress(b"\0" * 1_000_001), {"Content-Encoding": "gzip"}, 413),
        (gzip.compress(b"\0" * 90_000_000), {"Content-Encoding": "gzip"}, 413),
        (BATCH, {"Content-Encoding": "br"}, 415),
        (BATCH, {"Content-Type": "text/plain"}, 415),
    ],
    # gzip writes the time into its head: without names of their own, these tests have other names in each worker.
    ids=[
        "no-protobuf", "no-json", "no-gzip", "half-a-gzip", "nine-gzips", "long", "long-once-unpacked", "bomb", "brotli",
        "text",
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused_and_the_next_request_works(
    client: Client, body: bytes, headers: dict[str, str], status: int
) -> None:
    reply = client.ask("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf", **headers})
    assert reply.status == status
    if reply.headers["content-type"] == "application/json":
        assert reply.json["message"]
    else:
        assert Status.FromString(reply.body).message
    assert client.post("/v1/traces", BATCH).status == 200
    assert booked(client) == 1


def test_other_methods_are_told_what_is_allowed(client: Client) -> None:
    for method, path, allowed in (
        ("GET", "/v1/traces", "POST"),
        ("DELETE", "/v1/logs", "POST"),
        ("POST", "/api/calls", "GET, HEAD"),
    ):
        reply = client.ask(method, path)
        assert (reply.status, reply.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("as_json", [False, True])
def test_bad_records_are_counted_in_the_answer_and_the_good_ones_are_booked(client: Client, as_json: bool) -> None:
    nameless = span(2, chat())
    nameless.trace_id = b""
    if as_json:
        good = {"traceId": "0" * 31 + "1", "spanId": "0" * 15 + "1", "startTimeUnixNano": "1795262400000000000"}
        own = [
            {"key": key, "value": {"stringValue": "openai" if "provider" in key else "chat"}}
            for key in ("gen_ai.provider.name", "gen_ai.operation.name")
        ]
        document = {"resourceSpans": [{"scopeSpans": [{"spans": [{**good, "attributes": own}, {"name": "bad"}]}]}]}
        reply = client.ask("POST", "/v1/traces", json.dumps(document).encode(), JSON)
        partial = reply.json["partialSuccess"]
        assert (reply.status, partial["rejectedSpans"]) == (200, "1")
        assert "trace id" in partial["errorMessage"]
    else:
        reply = client.post("/v1/traces", traces(span(1, chat()), nameless).SerializeToString())
        partial = ExportTraceServiceResponse.FromString(reply.body).partial_success
        assert (reply.status, partial.rejected_spans) == (200, 1)
        assert "trace id" in partial.error_message
    assert booked(client) == 1


def test_a_store_that_takes_nothing_answers_503_with_retry_after_and_recovers(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "l.db"), busy_seconds=0.05)
    with served(Ledger(store)) as client:
        holder = sqlite3.connect(tmp_path / "l.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        refused = client.post("/v1/traces", BATCH)
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        assert "locked" in Status.FromString(refused.body).message
        assert client.get("/readyz").status == 503
        assert client.get("/healthz").status == 200
        assert "locked" in client.get("/api/summary").json["last_error"]["message"]
        holder.execute("ROLLBACK")
        holder.close()
        assert client.post("/v1/traces", BATCH).status == 200
        assert client.get("/readyz").status == 200
        assert booked(client) == 1


KILLED = """
import os, signal, sys, time
from genmeter.ledger import Ledger
from genmeter.server import Application, serve
path, moment = sys.argv[1:]
app = Application(Ledger.open(path))
posts = 0
def dying(environ, start):
    global posts
    posts += 1
    if posts == 4 and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    answer = app(environ, start)
    if posts == 4 and moment == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return answer
print(serve(dying, "127.0.0.1", 0).port, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
def test_kill_nine_loses_nothing_that_was_answered_and_a_retry_doubles_nothing(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "l.db"
    command = [sys.executable, "-c", KILLED, str(path), moment]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=INHERITED) as process:
        assert process.stdout is not None
        url = f"http://127.0.0.1:{process.stdout.readline().strip()}/v1/traces"
        client = Client.__new__(Client)
        client.connection = HTTPConnection(url.split("/")[2], timeout=10)
        answered = [client.post("/v1/traces", traces(span(n, chat())).SerializeToString()).status for n in (1, 2, 3)]
        with pytest.raises(ConnectionError):
            client.post("/v1/traces", traces(span(4, chat())).SerializeToString())
        assert process.wait(timeout=60) == -signal.SIGKILL
    assert answered == [200, 200, 200]
    with Ledger.open(path) as ledger:
        assert receipt(ledger).calls == (4 if moment == "after" else 3)
        ledger.book_traces(traces(span(4, chat())))
        assert receipt(ledger).total == {"USD": 50_000_000_000}


def test_closing_finishes_the_request_in_flight_and_takes_no_new_one(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "l.db")
    server = serve(Application(ledger), "127.0.0.1", 0)
    idle = socket.create_connection(("127.0.0.1", server.port))
    slow = half_sent(server.port, BATCH)
    drained: list[bool] = []
    closing = threading.Thread(target=lambda: drained.append(server.close(60)))
    closing.start()
    until_closed(server.port)
    assert closing.is_alive()
    slow.sendall(BATCH[len(BATCH) // 2 :])
    answer = slow.recv(65536)
    closing.join(timeout=60)
    assert drained == [True]
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"Connection: close" in answer
    assert idle.recv(10) == b""
    assert len(calls(ledger)) == 1
    idle.close()
    slow.close()
    ledger.close()


def until_reading(server: Server) -> None:
    """Return once a request is being read: before that its sender gets no answer, and sends the request again."""
    deadline = time.monotonic() + 60
    while not any(one.phase is Phase.READING for one in list(server.door.connections)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_request_whose_head_is_on_its_way_is_answered_while_the_server_closes(tmp_path: Path) -> None:
    ledger = Ledger.open(tmp_path / "l.db")
    server = serve(Application(ledger), "127.0.0.1", 0)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as sender:
        sender.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert sender.recv(65536).startswith(b"HTTP/1.1 200 ")
        request = head(len(BATCH)) + BATCH
        sender.sendall(request[:40])
        until_reading(server)
        closing = threading.Thread(target=server.close, args=(60,))
        closing.start()
        until_closed(server.port)
        sender.sendall(request[40:])
        assert sender.recv(65536).startswith(b"HTTP/1.1 200 ")
    closing.join()
    assert len(calls(ledger)) == 1
    ledger.close()


def test_closing_gives_up_on_a_sender_that_never_finishes() -> None:
    server = serve(Application(Ledger.open()), "127.0.0.1", 0)
    with half_sent(server.port, BATCH):
        started = time.monotonic()
        assert server.close(0.3) is False
        assert time.monotonic() - started < 15  # half of what an idle connection is given


def test_a_cautious_sender_is_told_to_go_on(client: Client) -> None:
    with socket.create_connection(("127.0.0.1", client.server.port), timeout=20) as sender:
        sender.sendall(head(len(BATCH), b"Expect: 100-continue\r\n"))
        assert sender.recv(100).startswith(b"HTTP/1.1 100 ")
        sender.sendall(BATCH)
        assert sender.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_many_senders_at_once_are_all_booked_exactly_once(tmp_path: Path) -> None:
    with served(Ledger.open(tmp_path / "l.db")) as client:
        statuses: list[int] = []

        def send(sender: int) -> None:
            mine = Client(client.server)
            for n in range(10):
                # every batch is sent twice, and half of each is also sent by the neighbour
                batch = traces(*(span(sender * 50 + n * 10 + k + 1, chat()) for k in range(10))).SerializeToString()
                statuses.extend(mine.post("/v1/traces", batch).status for _ in range(2))
            mine.connection.close()

        senders = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
        for thread in senders:
            thread.start()
        for thread in senders:
            thread.join()
        assert statuses == [200] * 160
        # senders start 50 apart and reach 100 far: 7 x 50 + 100
        assert booked(client) == 450
        assert client.get("/api/summary").json["cost"] == {"USD": "5.625"}
