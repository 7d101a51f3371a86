"""A WSGI server from the standard library: threads, HTTP/1.1 with keep-alive, bounded, and it drains on close."""

from __future__ import annotations

import select
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any, BinaryIO, cast
from urllib.parse import unquote

from genmeter.server.bodies import Body, ChunkedBody

MOST_CONNECTIONS = 64
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
IDLE_SECONDS = 30.0
"""How long a connection may send nothing before it is closed."""

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Server:
    """A server that is running since it was made; ``close`` ends it."""

    def __init__(self, app: Application, host: str, port: int, most_connections: int) -> None:
        self._listener = _Listener(app, host, port, most_connections)
        self.host = host
        self.port = int(self._listener.server_address[1])
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.05,), name="genmeter-server", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens, as a URL without a slash at its end."""
        shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{shown}]:{self.port}" if ":" in shown else f"http://{shown}:{self.port}"

    def close(self, timeout: float = 10.0) -> bool:
        """Stop accepting, let requests in flight finish for ``timeout`` seconds; whether all of them did."""
        deadline = time.monotonic() + timeout
        self._listener.shutdown()
        self._listener.server_close()
        self._thread.join()
        return self._listener.drain(deadline)


def serve(
    app: Application, host: str = "127.0.0.1", port: int = 4318, *, most_connections: int = MOST_CONNECTIONS
) -> Server:
    """Serve ``app`` from now on; port 0 takes a free one. Raises ``OSError`` with the address when it is taken."""
    try:
        return Server(app, host, port, most_connections)
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror or error}; name another port, or end what holds it"
        raise OSError(error.errno, message) from error


class _Listener(socketserver.TCPServer):
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, app: Application, host: str, port: int, most_connections: int) -> None:
        self.app = app
        self.closing = False
        self._free = threading.Semaphore(most_connections)
        self._lock = threading.Lock()
        self._open: dict[threading.Thread, _Handler | None] = {}
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give the connection a thread, or turn it away when there are too many."""
        if not self._free.acquire(blocking=False):
            self._turn_away(request)
            return
        thread = threading.Thread(
            target=self._serve, args=(request, client_address), name="genmeter-request", daemon=True
        )
        with self._lock:
            self._open[thread] = None
        thread.start()

    def register(self, handler: _Handler) -> None:
        """Called by a handler when it begins, so that closing may wake it."""
        with self._lock:
            self._open[threading.current_thread()] = handler
            closing = self.closing
        if closing:
            handler.wake_if_idle()

    def drain(self, deadline: float) -> bool:
        """Close idle connections, wait for busy ones until ``deadline``; whether all have ended."""
        with self._lock:
            self.closing = True
            handlers = [handler for handler in self._open.values() if handler is not None]
            threads = list(self._open)
        for handler in handlers:
            handler.wake_if_idle()
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0))
        return not any(thread.is_alive() for thread in threads)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that goes away in the middle is no news; anything else is a fault of ours."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def _serve(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except Exception:
            self.handle_error(request, client_address)
        finally:
            self.shutdown_request(request)
            with self._lock:
                del self._open[threading.current_thread()]
            self._free.release()

    def _turn_away(self, request: Any) -> None:
        with suppress(OSError):
            request.sendall(_FULL)
        self.shutdown_request(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    # without it the two small writes of an answer wait 40 ms for each other's acknowledgement
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    @property
    def _listener(self) -> _Listener:
        return cast(_Listener, self.server)

    def setup(self) -> None:
        """Called once per connection."""
        super().setup()
        self._busy = threading.Lock()
        self._begun = self._woken = False
        self._listener.register(self)

    def handle(self) -> None:
        """Serve requests until one side ends the connection."""
        with suppress(ConnectionError, TimeoutError):
            super().handle()

    def wake_if_idle(self) -> None:
        """End the wait for a next request; a request in flight goes on and is the last of its connection."""
        if self._busy.acquire(blocking=False):
            with suppress(OSError, ValueError):
                # The bytes that have arrived are a request that its thread is about to read.
                if not select.select([self.connection], [], [], 0)[0]:
                    self._woken = True
                    self.connection.shutdown(socket.SHUT_RD)
            self._busy.release()

    def handle_one_request(self) -> None:
        """Wait for a request and answer it; while the server closes, it is the last of its connection."""
        try:
            super().handle_one_request()
        finally:
            if self._begun:
                self._begun = False
                self._busy.release()
        # After the release: who closes the server says so first and wakes the idle then.
        if self._listener.closing:
            self.close_connection = True

    def parse_request(self) -> bool:
        """Read the head of a request. The request is in flight from its first line on, not only from its body on."""
        self._busy.acquire()
        self._begun = True
        if self._woken:
            # The rest of this request cannot be read. Without an answer its sender sends it again; a 400 would lose it.
            raise ConnectionAbortedError
        return super().parse_request()

    def run(self) -> None:
        """Answer one request of any method."""
        body = self._body()
        if body is None:
            return
        environ = self._environ(body)
        pieces = self._listener.app(environ, self._start)
        for piece in pieces:
            self.wfile.write(piece)
        self.wfile.flush()
        if self._listener.closing or not body.drained(1 << 20):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = run

    def handle_expect_100(self) -> bool:
        """Tell a cautious sender to go on."""
        answered = super().handle_expect_100()
        # answers are buffered, and this sender sends nothing before it has seen this one
        self.wfile.flush()
        return answered

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are counted at /metrics, not logged."""

    def version_string(self) -> str:
        """The Server header. It does not tell the Python version, because a version helps an attacker."""
        return "genmeter"

    def _body(self) -> Body | None:
        source = cast(BinaryIO, self.rfile)
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return ChunkedBody(source)
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit():
            self.send_error(400, "Content-Length is not a number")
            self.close_connection = True
            return None
        return Body(source, int(length[:20]))

    def _environ(self, body: Body) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "iso-8859-1"),
            "QUERY_STRING": query,
            "SERVER_NAME": str(self._listener.server_address[0]),
            "SERVER_PORT": str(self._listener.server_address[1]),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            if key == "CONTENT_LENGTH" and isinstance(body, ChunkedBody):
                continue
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        return environ

    def _start(self, status: str, headers: list[tuple[str, str]]) -> None:
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if self._listener.closing:
            self.send_header("Connection", "close")
        self.end_headers()
