"""One connection: its requests one after the other, each against the clock."""

from __future__ import annotations

import asyncio
import enum
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.utils import formatdate
from http import HTTPStatus
from io import BytesIO
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

from genmeter.server.bodies import pieces
from genmeter.server.head import BadRequest, Head, check_ends, parse

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_READ = 1 << 14
_END = b"\r\n\r\n"
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_DRAINED = 1 << 16
"""Bytes of a refused body that are read away, so that the sender reads the answer and keeps its connection."""


class Patience(NamedTuple):
    """Seconds that a connection gets for each part, and the bytes of a head."""

    idle: float = 60.0
    head: float = 10.0
    request: float = 60.0
    """From the first byte of a request to its last one."""
    answer: float = 30.0
    head_bytes: int = 16 << 10


class Entry(NamedTuple):
    """What may follow a head: the most bytes of its body, and the lane of its answer; None is answered at once."""

    most: int
    lane: str | None


class House(Protocol):
    """What a connection needs of its server."""

    app: Application
    patience: Patience

    @property
    def closing(self) -> bool:
        """Whether the server ends: this request is the last of its connection."""
        ...

    def enter(self, environ: Environ) -> Entry | list[bytes]:
        """What may follow a head, or the whole answer that refuses it."""
        ...

    def hold(self, peer: str, size: int) -> bool:
        """Take ``size`` more bytes of requests into memory for a peer; False when there is no room."""
        ...

    def release(self, peer: str, size: int) -> None:
        """Give the bytes back."""
        ...

    async def work(self, lane: str, peer: str, environ: Environ) -> list[bytes]:
        """The whole answer of the application, made in a lane."""
        ...


class Phase(enum.IntEnum):
    """What a connection is doing. The lower the number, the sooner it is cut to make room."""

    IDLE = 0
    READING = 1
    WORKING = 2


class Connection:
    """Serves the requests of one connection until one of the two sides has had enough."""

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter

    def __init__(self, house: House, peer: str) -> None:
        self._house, self.peer = house, peer
        self.begun = False
        """Whether its task has begun, which then closes the socket."""
        self.phase = Phase.IDLE
        self.since = time.monotonic()
        """When the phase began."""
        self._buffer = bytearray()
        self._held = 0

    async def run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve; return when the connection is to be closed."""
        self._reader, self._writer = reader, writer
        try:
            while await self._one():
                self._enter(Phase.IDLE)
        except BadRequest as error:
            await self._refuse(error)
        except TimeoutError:
            if self.phase is Phase.READING:
                await self._refuse(BadRequest(408, "the request did not arrive in time; send it again"))
        except (EOFError, OSError, ValueError):
            # the sender went away
            writer.transport.abort()
        finally:
            self._give_back()

    async def some(self, most: int) -> bytes:
        """From 1 to ``most`` bytes of the request. Raises ``EOFError`` when the sender went away."""
        if not self._buffer:
            await self._more()
        piece = bytes(self._buffer[:most])
        del self._buffer[:most]
        return piece

    async def line(self, longest: int) -> bytes:
        """The bytes before the next CR LF. Raises ``BadRequest``, ``EOFError``."""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > longest:
                raise BadRequest(400, "a line of the body is too long")
            await self._more()
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if end > longest or not line.endswith(b"\r\n"):
            raise BadRequest(400, "each line around a chunk is short and ends with CR LF")
        return line[:-2]

    async def _more(self) -> None:
        data = await self._reader.read(_READ)
        if not data:
            raise EOFError
        self._buffer += data

    def _enter(self, phase: Phase) -> None:
        self.phase, self.since = phase, time.monotonic()

    async def _one(self) -> bool:
        """Serve one request; whether another may follow."""
        patience = self._house.patience
        if not self._buffer:
            async with asyncio.timeout(patience.idle):
                try:
                    await self._more()
                except EOFError:
                    return False
        self._enter(Phase.READING)
        async with asyncio.timeout(patience.request):
            async with asyncio.timeout(patience.head):
                head = parse(await self._head(patience.head_bytes))
            environ = self._environ(head)
            entry = self._house.enter(environ)
            if not isinstance(entry, Entry):
                return await self._turn_away(head, entry)
            body, whole = await self._body(head, entry.most)
        environ["wsgi.input"] = BytesIO(body)
        self._enter(Phase.WORKING)
        if entry.lane is None:
            answer = answered(self._house.app, environ)
        else:
            answer = await self._house.work(entry.lane, self.peer, environ)
        self._give_back()
        keeps = head.keeps and whole and not self._house.closing
        await self._send(answer, keeps)
        if not whole:
            await self._linger()
        return keeps

    async def _head(self, most: int) -> bytes:
        # RFC 9112, 2.2: an empty line before a request is no fault
        while self._buffer.startswith(b"\r\n"):
            del self._buffer[:2]
        seen = 0
        while (end := self._buffer.find(_END, max(seen - 3, 0), most + len(_END))) < 0:
            if len(self._buffer) > most:
                raise BadRequest(431, f"the head of the request has more than the {most} bytes allowed")
            check_ends(self._buffer)
            seen = len(self._buffer)
            await self._more()
        raw = bytes(self._buffer[:end])
        del self._buffer[: end + len(_END)]
        return raw

    async def _body(self, head: Head, most: int) -> tuple[bytes, bool]:
        """The body, and whether all of it was read. What is too long is left to the application to refuse."""
        if head.length is not None and head.length > most:
            return b"", False
        if head.waits:
            self._writer.write(_GO_ON)
        parts: list[bytes] = []
        size = 0
        async for piece in pieces(self, head):
            if not self._house.hold(self.peer, len(piece)):
                raise BadRequest(503, "too many bytes of requests wait to be read; send the request again")
            self._held += len(piece)
            parts.append(piece)
            size += len(piece)
            if size > most:
                return b"".join(parts), False
        return b"".join(parts), True

    def _environ(self, head: Head) -> Environ:
        path, _, query = head.target.partition("?")
        environ: Environ = {
            "REQUEST_METHOD": head.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "iso-8859-1"),
            "QUERY_STRING": query,
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": self.peer,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if self._writer.get_extra_info("ssl_object") else "http",
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in head.fields.items():
            # under its WSGI name a field with an underscore would pass for another one
            if "_" not in name:
                key = name.upper().replace("-", "_")
                environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        return environ

    async def _turn_away(self, head: Head, answer: list[bytes]) -> bool:
        """Send a refusal that needs no body. A short body is read away: the connection may then be used again."""
        short = head.length is not None and head.length <= _DRAINED and not head.waits
        if short:
            async for _ in pieces(self, head):
                pass
        keeps = short and head.keeps and not self._house.closing
        await self._send(answer, keeps)
        if not short:
            await self._linger()
        return keeps

    async def _refuse(self, error: BadRequest) -> None:
        self._give_back()
        with suppress(OSError, ValueError, TimeoutError, EOFError):
            await self._send(plain(error.status, str(error)), keeps=False)
            await self._linger()

    async def _send(self, answer: list[bytes], keeps: bool) -> None:
        head, *body = answer
        end = b"\r\n" if keeps else b"Connection: close\r\n\r\n"
        self._writer.write(b"".join((head, end, *body)))
        async with asyncio.timeout(self._house.patience.answer):
            try:
                await self._writer.drain()
            except asyncio.CancelledError:
                self._writer.transport.abort()
                raise

    async def _linger(self) -> None:
        """Read on for a moment: a connection that is closed with unread bytes takes its last answer with it."""
        left = 1 << 26
        with suppress(TimeoutError, EOFError):
            async with asyncio.timeout(5):
                if self._writer.can_write_eof():
                    self._writer.write_eof()
                while left > 0:
                    self._buffer.clear()
                    await self._more()
                    left -= len(self._buffer)

    def _give_back(self) -> None:
        self._house.release(self.peer, self._held)
        self._held = 0


def answered(app: Application, environ: Environ) -> list[bytes]:
    """The answer of the application: its head, open for one more field, and the pieces of its body."""
    begun: list[bytes] = []

    def start(status: str, headers: list[tuple[str, str]], *_: object) -> None:
        begun[:] = [head(status, headers)]

    body = list(app(environ, start))
    return [*begun, *body]


def plain(status: int, message: str) -> list[bytes]:
    """An answer in plain text."""
    body = f"{message}\n".encode()
    fields = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        fields.append(("Retry-After", "1"))
    return [head(f"{status} {HTTPStatus(status).phrase}", fields), body]


def head(status: str, fields: list[tuple[str, str]]) -> bytes:
    """The head of an answer without its end. The Server field tells no version, which would help an attacker."""
    known = [("Server", "genmeter"), ("Date", formatdate(usegmt=True)), *fields]
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in known)]
    return ("\r\n".join(lines) + "\r\n").encode("latin-1", "replace")
