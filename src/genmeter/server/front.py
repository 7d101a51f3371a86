"""The server: one thread holds all connections, lanes of threads answer their requests, and it drains on close.

It needs the standard library alone. A connection costs a thread nothing, so a sender that is slow, idle or hostile
holds up no other one: each part of a request has its deadline, and where connections run out, the one that has done
nothing for the longest time makes room.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

from genmeter.server.connection import (
    Application,
    Connection,
    Entry,
    Environ,
    Patience,
    Phase,
    answered,
    plain,
)
from genmeter.server.lanes import Lane

MOST_CONNECTIONS: Final = 512
MOST_WAITING: Final = 128 << 20
"""Bytes of requests in memory that are not answered yet; one peer may have half of them."""
LANES: Final = {"write": 16, "read": 4, "probe": 1}
"""Threads of each lane."""
_BACKLOG, _READ_AHEAD = 128, 1 << 14
_log = logging.getLogger(__name__)

Gate = Callable[[Environ], Entry | list[bytes]]
Secure = Callable[[], ssl.SSLContext]


class Limits(NamedTuple):
    """What the server holds at once."""

    connections: int = MOST_CONNECTIONS
    waiting: int = MOST_WAITING


class Server:
    """A server that is running since it was made; ``close`` ends it."""

    def __init__(
        self, app: Application, host: str, port: int, limits: Limits, patience: Patience, secure: Secure | None
    ) -> None:
        self._socket = _bound(host, port)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._scheme = "https" if secure else "http"
        self._loop = asyncio.new_event_loop()
        self.door = _Door(app, limits, patience, secure, self._loop)
        self._thread = threading.Thread(target=self._run, name="genmeter-server", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.door.open(self._socket), self._loop).result()

    @property
    def url(self) -> str:
        """Where it listens, as a URL without a slash at its end."""
        shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"{self._scheme}://{f'[{shown}]' if ':' in shown else shown}:{self.port}"

    def close(self, timeout: float = 10.0) -> bool:
        """Stop accepting, let requests in flight finish for ``timeout`` seconds; whether all of them did."""
        if not self._thread.is_alive():
            return True
        done = asyncio.run_coroutine_threadsafe(self.door.drain(timeout), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        return done

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()


def serve(
    app: Application,
    host: str = "127.0.0.1",
    port: int = 4318,
    *,
    limits: Limits | None = None,
    patience: Patience | None = None,
    secure: Secure | None = None,
) -> Server:
    """Serve ``app`` from now on; port 0 takes a free one. ``secure`` gives the TLS context of a new connection.

    An ``app`` with a method ``enter`` decides by a request's head what may follow. Raises ``OSError`` with the address
    when it is taken.
    """
    try:
        return Server(app, host, port, limits or Limits(), patience or Patience(), secure)
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror or error}; name another port, or end what holds it"
        raise OSError(error.errno, message) from error


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


class _Door:
    """The connections, their room and the lanes. All but ``app`` runs on the loop's thread."""

    def __init__(
        self,
        app: Application,
        limits: Limits,
        patience: Patience,
        secure: Secure | None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.app, self.patience, self.closing = app, patience, False
        self._gate: Gate | None = getattr(app, "enter", None)
        # the other half of the descriptors is for the ledger, the probes and what else the process opens
        descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._most = min(limits.connections, max(descriptors // 2, 8)) if descriptors > 0 else limits.connections
        self._waiting, self._secure, self._loop = limits.waiting, secure, loop
        self.connections: dict[Connection, asyncio.Task[None]] = {}
        self._held: Counter[str] = Counter()
        self._lanes = {name: Lane(name, workers) for name, workers in LANES.items()}
        self._listener: socket.socket | None = None

    async def open(self, listener: socket.socket) -> None:
        """Begin to accept."""
        self._loop.set_exception_handler(_complain)
        listener.setblocking(False)
        self._listener = listener
        self._listen(listener)

    async def drain(self, seconds: float) -> bool:
        """Stop accepting, end the idle, wait for the busy; whether all of them finished."""
        deadline = time.monotonic() + seconds
        self.closing = True
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
        # what has arrived is read first: a request that is on its way is answered
        await asyncio.sleep(0.02)
        for connection, task in list(self.connections.items()):
            if connection.phase is Phase.IDLE:
                task.cancel()
        if self.connections:
            await asyncio.wait(self.connections.values(), timeout=max(deadline - time.monotonic(), 0))
        left = list(self.connections.values())
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=1)
        # a transport closes its socket in the next turns of the loop
        await asyncio.sleep(0.01)
        for lane in self._lanes.values():
            lane.end()
        return not left

    def enter(self, environ: Environ) -> Entry | list[bytes]:
        """What may follow a head, as the application's own ``enter`` says."""
        try:
            return Entry(MOST_WAITING // 4, "write") if self._gate is None else self._gate(environ)
        except Exception:
            _log.exception("genmeter could not look at a request")
            return plain(500, "genmeter failed to look at the request; its own log says why")

    def hold(self, peer: str, size: int) -> bool:
        """Take ``size`` more bytes of requests into memory for a peer; False when there is no room."""
        if self._held[peer] + size > self._waiting // 2 or self._held.total() + size > self._waiting:
            return False
        self._held[peer] += size
        return True

    def release(self, peer: str, size: int) -> None:
        """Give the bytes back."""
        self._held[peer] -= size
        if not self._held[peer]:
            del self._held[peer]

    async def work(self, lane: str, peer: str, environ: Environ) -> list[bytes]:
        """The whole answer of the application, made in a lane."""
        done: asyncio.Future[list[bytes]] = self._loop.create_future()

        def settle(answer: list[bytes]) -> None:
            if not done.done():
                done.set_result(answer)

        def job() -> None:
            try:
                answer = answered(self.app, environ)
            except BaseException:
                _log.exception("genmeter could not answer a request")
                answer = plain(500, "genmeter failed to answer; its own log says why")
            try:
                self._loop.call_soon_threadsafe(settle, answer)
            except RuntimeError:
                # the server was closed in the meantime, and its loop with it
                return

        self._lanes[lane].submit(peer, job)
        return await done

    def _accept(self, listener: socket.socket) -> None:
        """Take the connections that have come."""
        for _ in range(_BACKLOG):
            try:
                accepted, address = listener.accept()
            except BlockingIOError:
                return
            except OSError:
                # the process has no descriptor left: a connection that waits is the likeliest to give one back
                self._make_room()
                self._loop.remove_reader(listener)
                self._loop.call_later(0.05, self._listen, listener)
                return
            if len(self.connections) >= self._most and not self._make_room():
                self._turn_away(accepted)
                continue
            accepted.setblocking(False)
            connection = Connection(self, str(address[0]))
            task = self._loop.create_task(self._serve(connection, accepted))
            self.connections[connection] = task
            task.add_done_callback(partial(self._forget, connection, accepted))

    def _listen(self, listener: socket.socket) -> None:
        if not self.closing:
            self._loop.add_reader(listener, self._accept, listener)

    async def _serve(self, connection: Connection, accepted: socket.socket) -> None:
        reader = asyncio.StreamReader(limit=_READ_AHEAD, loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self._loop)
        tls: dict[str, Any] = {}
        connection.begun = True
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._secure is not None:
                tls = {"ssl": self._secure(), "ssl_handshake_timeout": self.patience.head, "ssl_shutdown_timeout": 2.0}
            transport, _ = await self._loop.connect_accepted_socket(lambda: protocol, accepted, **tls)
        except (OSError, TimeoutError):
            # no TLS came: nothing can be answered
            accepted.close()
            return
        except asyncio.CancelledError:
            accepted.close()
            raise
        # an answer is on its way only when the buffer is empty: the deadline of the answer then covers all of it
        transport.set_write_buffer_limits(0)
        try:
            await connection.run(reader, asyncio.StreamWriter(transport, protocol, reader, self._loop))
        except BaseException:
            transport.abort()
            raise
        transport.close()

    def _forget(self, connection: Connection, accepted: socket.socket, task: asyncio.Task[None]) -> None:
        del self.connections[connection]
        if not connection.begun:
            accepted.close()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("genmeter's server failed in a connection", exc_info=error)

    def _turn_away(self, accepted: socket.socket) -> None:
        with accepted, suppress(OSError):
            if self._secure is None:
                first, body = plain(503, "all connections of this server are busy; come back")
                accepted.send(b"".join((first, b"Connection: close\r\n\r\n", body)))

    def _make_room(self) -> bool:
        """Cut one connection that waits for its sender: of the peer with the most, the one that waits longest."""
        shares = Counter(connection.peer for connection in self.connections)
        waiting = [one for one in self.connections if one.phase is not Phase.WORKING]
        if not waiting:
            return False
        victim = min(waiting, key=lambda one: (one.phase, -shares[one.peer], one.since))
        self.connections[victim].cancel()
        # the next one that comes does not choose it again
        victim.phase = Phase.WORKING
        return True


def _complain(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A sender that goes away in the middle is no news; anything else is a fault of ours."""
    error = context.get("exception")
    if not isinstance(error, (OSError, EOFError)):
        _log.error("genmeter's server: %s", context.get("message"), exc_info=error)
