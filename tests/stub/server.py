"""The stub itself: a loopback server that answers as the providers do, keeps what it was asked, and follows scripts."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import traceback
from collections import deque
from dataclasses import replace
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Self

from . import openai_provider, routes, wire
from .answers import Streamed, Whole, answer, plain
from .bodies import dumps
from .exchange import Call, Endpoint
from .grpc_door import GrpcDoor
from .openai_chat import FLAVOURS
from .script import Json, Reply, Request
from .triggers import TRIGGERS

_TEXT = {"content-type": "text/plain; charset=utf-8"}

FIXED_TOKEN = "0123456789abcdef01234567"
FIXED_TIME = 1_763_000_000.0


class _Http(ThreadingHTTPServer):
    """Threads are daemons; open connections are known, so that stopping does not wait for idle clients."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 512

    def __init__(self, address: tuple[str, int], handler: type[wire.Handler]) -> None:
        self.open: set[socket.socket] = set()
        self._ending = threading.Event()
        super().__init__(address, handler)

    def serve(self) -> None:
        """Serve until `end`. It sleeps until a client comes: with `serve_forever` each stop would wait for a poll."""
        while not self._ending.is_set():
            self.handle_request()

    def end(self) -> None:
        """Let `serve` return: a last client wakes it."""
        self._ending.set()
        with contextlib.suppress(OSError):  # ended before
            socket.create_connection(("127.0.0.1", self.server_port), timeout=5).close()

    def verify_request(self, request: object, client_address: object) -> bool:
        return not self._ending.is_set()

    def process_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: object) -> None:
        assert isinstance(request, socket.socket)
        self.open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class StubServer:
    """All providers on one port of 127.0.0.1.

    with StubServer() as stub:
        client = OpenAI(base_url=stub.openai_url, api_key="sk-stub")
        stub.script("/v1/chat/completions", Reply(status=429), Stream(n=3, cut_after=2))

    Leaving the block raises if a request failed inside the stub and nobody cleared `failures`.
    """

    def __init__(
        self, port: int = 0, *, gap: float = 0.0, delay: float = 0.0, lively: bool = False, fixed: bool = False
    ) -> None:
        """`gap` between streamed events and `delay` before an answer, in seconds, where the script names none.

        `lively`: default usage varies from call to call instead of being always the same.
        `fixed`: every answer has the same id and time, so that two runs can be compared.
        """
        self._lock = threading.Condition()
        self._requests: list[Request] = []
        self._scripts: dict[str, deque[Reply]] = {}
        self._by_model: dict[str, Reply] = dict(TRIGGERS)
        self._store: dict[str, Json] = {}
        self._refusal: int | None = None
        self._grpc: GrpcDoor | None = None
        self._gap, self._delay, self._lively = gap, delay, lively
        self.fixed = fixed
        self.failures: list[str] = []
        """Tracebacks of requests that failed inside the stub."""
        self.disconnects = 0
        """Clients that left before the end of their answer."""
        handler = type("Handler", (wire.Handler,), {"desk": self, "moment": FIXED_TIME if fixed else None})
        self._http = _Http(("127.0.0.1", port), handler)
        self._thread = threading.Thread(target=self._http.serve, daemon=True, name="stub")

    # Life

    def start(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Drop all connections and free the port."""
        self._http.end()
        self._thread.join(5)
        self._http.server_close()
        self._http.drop_connections()
        if self._grpc is not None:
            self._grpc.stop()

    def __enter__(self) -> Self:
        """Begin to serve."""
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop, and tell of failures that nobody looked at."""
        self.stop()
        if self.failures and error is None:
            raise AssertionError("requests failed inside the stub:\n" + "\n".join(self.failures))

    # Addresses

    @property
    def url(self) -> str:
        """Without a path: for Anthropic, AnthropicBedrock, and as azure_endpoint."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    anthropic_url = bedrock_url = azure_url = url

    @property
    def openai_url(self) -> str:
        """base_url of OpenAI."""
        return f"{self.url}/v1"

    @property
    def vertex_url(self) -> str:
        """base_url of AnthropicVertex."""
        return f"{self.url}/v1"

    @property
    def gemini_url(self) -> str:
        """base_url of google-genai for the Gemini API."""
        return f"{self.url}/gemini"

    @property
    def vertexai_url(self) -> str:
        """base_url of google-genai for Vertex AI."""
        return f"{self.url}/vertexai"

    @property
    def mistral_url(self) -> str:
        """server_url of Mistral."""
        return f"{self.url}/mistral"

    def flavour_url(self, name: str) -> str:
        """base_url for the OpenAI SDK of a server that follows OpenAI in its own way: see bodies/flavours.json."""
        return self.url + FLAVOURS[name].base

    # Scripts

    def script(self, path: str, *replies: Reply) -> None:
        """The next requests to `path`, or to any path that ends with it, get these, one each; then the default.

        Several ends stand with a bar between them: `/converse|/converse-stream`.
        """
        with self._lock:
            self._scripts.setdefault(path, deque()).extend(replies)

    def for_model(self, model: str, reply: Reply) -> None:
        """Every request that asks for `model` gets this reply, unless a path's script has one for it."""
        with self._lock:
            self._by_model[model] = reply

    def refuse_stream_options(self, status: int = 400) -> None:
        """From now on answer requests with `stream_options` as a server that does not know the parameter."""
        self._refusal = status

    @property
    def unused(self) -> dict[str, int]:
        """Replies still waiting, by the path that they were scripted for."""
        with self._lock:
            return {path: len(replies) for path, replies in self._scripts.items() if replies}

    # What happened

    @property
    def requests(self) -> list[Request]:
        """All requests so far, in order of arrival."""
        with self._lock:
            return list(self._requests)

    def await_disconnects(self, count: int = 1, timeout: float = 2.0) -> bool:
        """Wait until `disconnects` has reached `count`; False if it has not in `timeout` seconds."""
        with self._lock:
            return self._lock.wait_for(lambda: self.disconnects >= count, timeout)

    # The desk of wire.Handler

    def serve(self, request: Request) -> Whole | Streamed:
        """Record the request and decide its answer."""
        try:
            return self._decide(request)
        except Exception:
            return Whole(500, _TEXT, self.failed().encode())

    def failed(self) -> str:
        """Record the exception being handled."""
        trace = traceback.format_exc()
        with self._lock:
            self.failures.append(trace)
        return trace

    def disconnected(self) -> None:
        """Count a client that left early."""
        with self._lock:
            self.disconnects += 1
            self._lock.notify_all()

    def hand_on(self, connection: socket.socket) -> None:
        """Serve a connection of gRPC; the first one opens the door for all."""
        with self._lock:
            self._grpc = door = self._grpc or GrpcDoor(self)
        door.hand_on(connection)

    def _decide(self, request: Request) -> Whole | Streamed:
        with self._lock:
            self._requests.append(request)
            number = len(self._requests)
        found = routes.find(request)
        if found is None:
            return _not_found(request)
        endpoint, params = found
        scale = 1 + number * 7919 % 9 if self._lively else 1
        call = Call(request, Reply(), params, self._store, scale)
        if self.fixed:
            call = replace(call, token=FIXED_TOKEN, born=FIXED_TIME)
        call = replace(call, reply=self._choose(call, endpoint))
        time.sleep(call.reply.delay or self._delay)
        return answer(endpoint, call, self._gap)

    def _choose(self, call: Call, endpoint: Endpoint) -> Reply:
        with self._lock:
            if self._refusal is not None and "stream_options" in call.asked:
                return _refusal(self._refusal)
            path = call.request.path
            keys = [key for key, replies in self._scripts.items() if replies and path.endswith(tuple(key.split("|")))]
            if keys:
                return self._scripts[max(keys, key=len)].popleft()
            reply = self._by_model.get(call.asked_model, call.reply)
        return reply if endpoint.will_stream(call.request) else plain(reply)


def _refusal(status: int) -> Reply:
    text = "Unknown parameter: 'stream_options'. Extra inputs are not permitted: stream_options"
    body = openai_provider.error_body("invalid_request_error", "unknown_parameter", text, "stream_options")
    return Reply(status, body)


def _not_found(request: Request) -> Whole:
    text = f"Unknown request URL: {request.method} {request.path}."
    body = openai_provider.error_body("invalid_request_error", "unknown_url", text)
    return Whole(404, {"content-type": "application/json"}, dumps(body).encode())
