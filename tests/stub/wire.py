"""HTTP/1.1 on a socket: reads requests, writes answers, drops connections, notices clients that went away."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from .answers import Streamed, Whole
from .grpc_door import PREFACE
from .script import Request

_BLOCK = 65_536


class Disconnected(Exception):
    """The client closed the connection before it had the whole answer."""


class Desk(Protocol):
    """What the handler needs of the server behind it."""

    def serve(self, request: Request) -> Whole | Streamed:
        """Record a request and decide its answer; may sleep; never raises."""
        ...

    def failed(self) -> str:
        """Record the exception being handled; returns its traceback."""
        ...

    def disconnected(self) -> None:
        """Count a client that went away."""
        ...

    def hand_on(self, connection: socket.socket) -> None:
        """Serve a connection that begins as HTTP/2, until it ends."""
        ...


class Handler(BaseHTTPRequestHandler):
    """One connection; `desk` is set by a subclass for each server, and `moment` where its clock stands still."""

    desk: Desk
    moment: float | None = None

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The value of the header `date`."""
        return super().date_time_string(self.moment if timestamp is None else timestamp)  # type: ignore[arg-type]

    protocol_version = "HTTP/1.1"
    # A stream of small writes with Nagle's algorithm on would wait 40 ms for delayed acknowledgements.
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Serve the connection; its loss is not an event worth a traceback on stderr."""
        try:
            begin = self.connection.recv(len(PREFACE), socket.MSG_PEEK | socket.MSG_WAITALL)
            self.desk.hand_on(self.connection) if begin == PREFACE else super().handle()
        except ConnectionError:
            self.close_connection = True

    def do_POST(self) -> None:
        """Any request, by whatever method."""
        answer = self.desk.serve(read_request(self))
        try:
            if isinstance(answer, Whole):
                self._send_whole(answer)
            else:
                self._send_stream(answer)
        except (Disconnected, ConnectionError):
            self.close_connection = True
            self.desk.disconnected()

    do_GET = do_DELETE = do_PUT = do_PATCH = do_POST

    def _send_whole(self, answer: Whole) -> None:
        if self._client_left(0):
            raise Disconnected
        self._send_head(answer.status, {**answer.headers, "content-length": str(len(answer.payload))})
        self.wfile.write(answer.payload)

    def _send_stream(self, answer: Streamed) -> None:
        self._send_head(200, {**answer.headers, "transfer-encoding": "chunked"})
        try:
            for block in _blocks(answer.frames) if answer.burst else self._paced(answer):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
        except (Disconnected, ConnectionError):
            raise
        except Exception:
            self.desk.failed()
            self._drop()
            return
        if answer.cut:
            self._drop()
        else:
            self.wfile.write(b"0\r\n\r\n")

    def _paced(self, answer: Streamed) -> Iterator[bytes]:
        for index, frame in enumerate(answer.frames):
            if self._client_left(answer.gap if index else 0):
                raise Disconnected
            yield frame

    def _client_left(self, patience: float) -> bool:
        """Waits `patience` seconds; True as soon as the client has closed its side."""
        deadline = time.monotonic() + patience
        while True:
            left = deadline - time.monotonic()
            if not select.select([self.connection], [], [], max(0.0, left))[0]:
                return False
            if not self.connection.recv(1, socket.MSG_PEEK):
                return True
            # Readable and not closed: a pipelined request. It stays readable, so select cannot wait any more.
            time.sleep(max(0.0, left))
            return False

    def _drop(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send_head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the requests are recorded."""


def _blocks(frames: Iterator[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for frame in frames:
        held.append(frame)
        size += len(frame)
        if size >= _BLOCK:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def read_request(handler: BaseHTTPRequestHandler) -> Request:
    """The request line and headers that the handler has parsed, and the body, which it has not read."""
    target = urlsplit(handler.path)
    headers = {name.lower(): value for name, value in handler.headers.items()}
    raw = _read_body(handler, headers)
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    body = _decoded(headers.get("content-type", ""), raw)
    return Request(handler.command, target.path, query, headers, body, raw)


def _read_body(handler: BaseHTTPRequestHandler, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() != "chunked":
        return handler.rfile.read(int(headers.get("content-length", 0)))
    parts: list[bytes] = []
    while size := int(handler.rfile.readline().split(b";")[0], 16):
        parts.append(handler.rfile.read(size))
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        continue
    return b"".join(parts)


def _decoded(content_type: str, raw: bytes) -> Any:
    if content_type.startswith("multipart/form-data"):
        return _form(content_type, raw)
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return None


def _form(content_type: str, raw: bytes) -> dict[str, str]:
    parsed: Message = BytesParser(policy=HTTP).parsebytes(f"content-type: {content_type}\r\n\r\n".encode() + raw)
    fields: dict[str, str] = {}
    for part in parsed.walk():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str):
            payload = part.get_payload(decode=True)
            text = payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
            fields[name] = part.get_filename() or text.strip("\r\n")
    return fields
