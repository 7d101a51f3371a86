"""The server's connections: no sender holds up another one, and what is no HTTP is refused and closed."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from genmeter.ledger import Ledger
from genmeter.server import Application, Limits, Patience, Server, serve
from genmeter.server.bodies import MOST_CHUNKS
from genmeter.server.head import MOST_FIELDS
from genmeter.server.lanes import Lane
from tests.ledger.otlp import chat, span, traces
from tests.server.client import Client

BATCH = traces(span(1, chat())).SerializeToString()
HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
POST = b"POST /v1/traces HTTP/1.1\r\n" + HOST + b"Content-Type: application/x-protobuf\r\n"


@contextmanager
def door(app: Any = None, connections: int = 8, waiting: int = 1 << 22, **seconds: float) -> Iterator[Server]:
    with Ledger.open() as ledger:
        server = serve(
            app or Application(ledger),
            "127.0.0.1",
            0,
            limits=Limits(connections=connections, waiting=waiting),
            patience=Patience(**seconds),
        )
        try:
            yield server
        finally:
            server.close(1)


def connected(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def everything(connection: socket.socket) -> bytes:
    """All that the server sends until it closes the connection."""
    received = b""
    with connection:
        try:
            while data := connection.recv(65536):
                received += data
        except ConnectionError:
            pass
    return received


def sent(server: Server, *pieces: bytes) -> bytes:
    connection = connected(server)
    for piece in pieces:
        connection.sendall(piece)
    return everything(connection)


def idle(connection: socket.socket) -> None:
    """Says nothing."""


def trickling(connection: socket.socket) -> None:
    connection.sendall(POST + b"Content-Length: 100\r\n\r\nx")


def keeping(connection: socket.socket) -> None:
    connection.sendall(GET)
    assert connection.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("hold", [idle, trickling, keeping])
def test_who_holds_every_connection_locks_out_neither_a_sender_nor_a_probe(
    hold: Callable[[socket.socket], None],
) -> None:
    with door(connections=8) as server:
        holding = [connected(server) for _ in range(8)]
        for connection in holding:
            hold(connection)
        for number in range(1, 21):
            client = Client(server)
            assert client.post("/v1/traces", traces(span(number, chat())).SerializeToString()).status == 200
            client.connection.close()
            assert sent(server, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 200")
        client = Client(server)
        assert client.get("/api/summary").json["calls"] == 20
        client.connection.close()
        for connection in holding:
            connection.close()


def test_the_connection_that_is_idle_for_the_longest_time_makes_room_and_the_others_stay() -> None:
    with door(connections=3) as server:
        three = [connected(server) for _ in range(3)]
        for connection in three:
            keeping(connection)
        keeping(three[0])
        with connected(server) as fourth:
            keeping(fourth)
            assert everything(three[1]) == b""
            for connection in (three[0], three[2], fourth):
                keeping(connection)
        three[0].close()
        three[2].close()


class Slow:
    """An application whose answers wait, except health."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = threading.Semaphore(0)

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        self.begun.release()
        assert self.go.wait(30)
        start("200 OK", [("Content-Length", "0")])
        return []


def test_where_all_are_at_work_the_next_is_told_to_come_back_and_no_work_is_cut() -> None:
    app = Slow()
    with door(app, connections=2) as server:
        working = [connected(server) for _ in range(2)]
        for connection in working:
            connection.sendall(GET)
            assert app.begun.acquire(timeout=30)
        turned_away = everything(connected(server))
        assert turned_away.startswith(b"HTTP/1.1 503") and b"Retry-After: 1" in turned_away
        app.go.set()
        for connection in working:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            connection.close()


def test_health_is_answered_while_every_thread_of_every_lane_is_at_work() -> None:
    class Busy(Slow):
        def enter(self, environ: dict[str, Any]) -> Any:
            return Application.enter(healthy, environ)

        def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
            path = environ["PATH_INFO"]
            return list(healthy(environ, start)) if path == "/healthz" else super().__call__(environ, start)

    healthy = Application(Ledger.open())
    app = Busy()
    with door(app, connections=200) as server:
        senders = []
        for _ in range(30):
            senders += [connected(server), connected(server)]
            senders[-2].sendall(POST + b"Content-Length: 1\r\n\r\nx")
            senders[-1].sendall(GET.replace(b"healthz", b"metrics"))
        for _ in range(20):
            assert app.begun.acquire(timeout=30)
        with connected(server) as probe:
            keeping(probe)
        app.go.set()
        for connection in senders:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
            connection.close()


def test_each_part_of_a_request_has_its_deadline() -> None:
    with door(idle=0.2, head=0.2, request=0.4) as server:
        assert everything(connected(server)) == b""
        assert sent(server, POST[:30]).startswith(b"HTTP/1.1 408")
        assert sent(server, POST + b"Content-Length: 9\r\n\r\n").startswith(b"HTTP/1.1 408")
        # a byte at a time does not move the deadline
        connection = connected(server)
        connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n")
        started = time.monotonic()
        while not select.select([connection], [], [], 0.02)[0]:
            connection.sendall(b"1\r\nx\r\n")
            assert time.monotonic() < started + 20
        assert everything(connection).startswith(b"HTTP/1.1 408")


def test_a_reader_that_takes_no_answer_is_cut() -> None:
    def long(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("Content-Length", str(1 << 26))])
        return [b"x" * (1 << 26)]

    with door(long, answer=0.3) as server:
        connection = connected(server)
        connection.sendall(GET)
        deadline = time.monotonic() + 20
        while server.door.connections or not connection.recv(1, socket.MSG_PEEK):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert len(everything(connection)) < 1 << 26


def test_requests_that_wait_in_memory_are_bounded() -> None:
    with door(waiting=1 << 20) as server:
        answer = sent(server, POST + b"Content-Length: 600000\r\n\r\n" + b"x" * 600_000)
        assert answer.startswith(b"HTTP/1.1 503") and b"Retry-After: 1" in answer
        assert sent(server, POST + b"Connection: close\r\nContent-Length: 0\r\n\r\n").startswith(b"HTTP/1.1 200")


CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("request_", "status"),
    {
        "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        "one length twice": (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
        "a list of lengths": (POST + b"Content-Length: 1, 1\r\n\r\nx", 400),
        "a signed length": (POST + b"Content-Length: +1\r\n\r\nx", 400),
        "a length that is no number": (POST + b"Content-Length: 1x\r\n\r\nx", 400),
        "a length beyond 64 bits": (POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\nx", 400),
        "length and chunks": (POST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        "chunks in HTTP/1.0": (CHUNKED.replace(b"1.1", b"1.0", 1), 400),
        "another coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        "a hidden coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n", 501),
        "junk for a chunk": (CHUNKED + b"zz\r\n", 400),
        "a negative chunk": (CHUNKED + b"-1\r\n", 400),
        "a chunk of 2 to the 64": (CHUNKED + b"1" + b"0" * 16 + b"\r\n", 400),
        "a chunk that is longer than it says": (CHUNKED + b"1\r\nxyz\r\n", 400),
        "a chunk with a bare line feed": (CHUNKED + b"1\nx\n0\n\n", 400),
        "a chunk with an endless first line": (CHUNKED + b"1;" + b"x" * 5_000, 400),
        "a dust of chunks": (CHUNKED + b"1\r\nx\r\n" * (MOST_CHUNKS + 1), 400),
        "endless trailers": (CHUNKED + b"0\r\n" + b"a: b\r\n" * 100, 431),
        "bare line feeds": (GET.replace(b"\r\n", b"\n"), 400),
        "one bare line feed": (b"GET / HTTP/1.1\nHost: 127.0.0.1\r\n\r\n", 400),
        "a bare carriage return": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\rX: y\r\n\r\n", 400),
        "a folded field": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n  more\r\n\r\n", 400),
        "a blank before the colon": (b"GET / HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n", 400),
        "a field without a colon": (b"GET / HTTP/1.1\r\nHost\r\n\r\n", 400),
        "a zero byte in a field": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: a\0b\r\n\r\n", 400),
        "two hosts": (b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n", 400),
        "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
        "two tokens": (POST + b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", 400),
        "no request": (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        "a whole address": (b"GET http://evil.example/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 400),
        "another HTTP": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        "an endless first line": (b"GET /" + b"a" * 40_000, 431),
        "an endless head": (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5_000, 431),
        "too many fields": (b"GET / HTTP/1.1\r\n" + HOST + b"X: y\r\n" * MOST_FIELDS + b"\r\n", 431),
        "not understood before the body": (POST + b"Content-Length: 999999999\r\n\r\n", 413),
    }.values(),
    ids=lambda value: "" if isinstance(value, bytes) else None,
)  # fmt: skip
def test_what_can_be_read_in_two_ways_or_has_no_end_is_refused_and_closed(request_: bytes, status: int) -> None:
    with door() as server:
        connection = connected(server)
        # the server may close before it has read all
        connection.setblocking(True)
        try:
            connection.sendall(request_)
        except ConnectionError:
            pass
        answer = everything(connection)
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:80]
        assert b"Connection: close" in answer
        assert answer.count(b"Server: genmeter") == 1
        assert sent(server, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 200")


def test_a_request_that_hides_in_the_body_of_another_is_not_answered() -> None:
    with door() as server:
        hidden = b"GET /api/calls HTTP/1.1\r\n" + HOST + b"\r\n"
        first = POST + b"Content_Length: 0\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden
        last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        answers = sent(server, first + last)
        assert answers.count(b"Server: genmeter") == 2
        assert b"HTTP/1.1 200 OK" in answers and answers.endswith(b"ok\n")


def test_requests_in_one_packet_are_answered_in_their_order() -> None:
    with door() as server:
        last = b"GET /none HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
        answers = sent(server, b"\r\n" + GET + POST + b"Content-Length: %d\r\n\r\n" % len(BATCH) + BATCH + last)
        found = [line.split()[1] for line in answers.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
        # the end of an answer's body and the next head share a line
        assert answers.count(b"HTTP/1.1 200") == 2 and found[0] == b"200" and b"HTTP/1.1 404" in answers


def test_a_path_with_line_ends_writes_no_line_of_its_own_into_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with Ledger.open() as ledger:
        app = Application(ledger)
        ledger.close()
        app._reads["/x\nERROR forged"] = None  # type: ignore[assignment]  # a route that fails
        with door(app) as server:
            client = Client(server)
            assert client.get("/x%0AERROR%20forged").status in (404, 500)
            client.connection.close()
    assert "\nERROR forged" not in "".join(record.getMessage() for record in caplog.records)


def test_peers_take_turns_however_many_requests_one_of_them_has_sent() -> None:
    lane, go, done = Lane("test", 1), threading.Event(), threading.Event()
    order: list[str] = []
    lane.submit("first", go.wait)
    for number in range(20):
        lane.submit("many", lambda number=number: order.append(f"many {number}"))
    lane.submit("few", lambda: order.append("few"))
    lane.submit("few", done.set)
    go.set()
    assert done.wait(30)
    lane.end()
    assert order[:3] == ["many 0", "few", "many 1"]


def test_a_lane_has_no_more_threads_than_it_may_have_and_uses_all_of_them() -> None:
    lane, go = Lane("bounded", 3), threading.Event()
    begun = threading.Semaphore(0)

    def job() -> None:
        begun.release()
        go.wait(30)

    for _ in range(10):
        lane.submit("one", job)
    assert [begun.acquire(timeout=30) for _ in range(3)] == [True] * 3
    assert not begun.acquire(blocking=False)
    assert sum(thread.name == "genmeter-bounded" for thread in threading.enumerate()) == 3
    go.set()
    lane.end()
