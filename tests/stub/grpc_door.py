"""gRPC on the stub's one port: a connection that begins as HTTP/2 is handed on to a real server of gRPC's own.

The messages are those that the SDK has registered with Protocol Buffers, so the door knows no SDK: the endpoint for
``/package.Service/Method`` gets the request as JSON and answers in JSON, in the mapping of
https://protobuf.dev/programming-guides/json/ (read 2026-11-30).
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from importlib import import_module
from types import SimpleNamespace
from typing import Any, Protocol

from google.protobuf import descriptor_pool, json_format, message_factory

from .answers import Streamed, Whole
from .script import Request

PREFACE = b"PRI "
"""How a connection of HTTP/2 begins, and no request of HTTP/1: https://www.rfc-editor.org/rfc/rfc9113#section-3.4."""
CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
"""A scripted HTTP status → the code of gRPC: https://cloud.google.com/apis/design/errors#handling_errors."""
_BLOCK = 65_536


class Desk(Protocol):
    """What the door needs of the server behind it."""

    def serve(self, request: Request) -> Whole | Streamed:
        """Record a request and decide its answer."""
        ...

    def disconnected(self) -> None:
        """Count a client that went away."""
        ...


class GrpcDoor:
    """A server of gRPC on a port of its own, which is asked for its answers at the stub's desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._grpc: Any = import_module("grpc")
        self._server = self._grpc.server(_Daemons())
        self._server.add_generic_rpc_handlers((SimpleNamespace(service=self._handler),))
        self._port: int = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def stop(self) -> None:
        """Drop all calls."""
        self._server.stop(0).wait(5)

    def hand_on(self, client: socket.socket) -> None:
        """Carry a connection's bytes to the server and back until one side closes."""
        with socket.create_connection(("127.0.0.1", self._port)) as server:
            back = threading.Thread(target=_carry, args=(server, client), daemon=True)
            back.start()
            _carry(client, server)
            back.join(5)

    def _handler(self, call: Any) -> Any:
        """How gRPC is to serve a method."""
        service, _, name = call.method.lstrip("/").partition("/")
        method: Any = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]  # type: ignore[no-untyped-call]
        asked, answer = (message_factory.GetMessageClass(kind) for kind in (method.input_type, method.output_type))

        def request(raw: bytes) -> Request:
            fields = json_format.MessageToDict(asked.FromString(raw), preserving_proto_field_name=True)
            return Request("POST", call.method, {}, dict(call.invocation_metadata), fields, raw)

        def message(data: bytes) -> bytes:
            made: Any = json_format.ParseDict(json.loads(data), answer(), ignore_unknown_fields=True)
            return bytes(made.SerializeToString())

        def serve(given: Request, context: Any) -> Any:
            return (self._stream if method.server_streaming else self._value)(given, context, message)

        kinds = self._grpc.unary_unary_rpc_method_handler, self._grpc.unary_stream_rpc_method_handler
        return kinds[bool(method.server_streaming)](serve, request, bytes)

    def _value(self, request: Request, context: Any, message: Callable[[bytes], bytes]) -> bytes:
        answer = self._desk.serve(request)
        assert isinstance(answer, Whole)
        self._refuse(answer, context)
        return message(answer.payload)

    def _stream(self, request: Request, context: Any, message: Callable[[bytes], bytes]) -> Iterator[bytes]:
        answer = self._desk.serve(request)
        if isinstance(answer, Whole):
            self._refuse(answer, context)
            raise AssertionError("a stream is not answered as a whole")
        left = threading.Event()
        context.add_callback(left.set)
        for index, frame in enumerate(answer.frames):
            if left.wait(answer.gap) if index and answer.gap else left.is_set():
                self._desk.disconnected()
                return
            yield message(frame)
        if answer.cut:
            context.abort(self._grpc.StatusCode.UNAVAILABLE, "Socket closed")

    def _refuse(self, answer: Whole, context: Any) -> None:
        if answer.status >= 400:
            code = getattr(self._grpc.StatusCode, CODES.get(answer.status, "UNKNOWN"))
            context.abort(code, answer.payload.decode())


class _Daemons(Executor):
    """A thread for each call, which keeps no process from its end: a scripted delay may be long."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done = Future[Any]()

        def run() -> None:
            try:
                done.set_result(fn(*args, **kwargs))
            except BaseException as error:
                done.set_exception(error)

        threading.Thread(target=run, daemon=True).start()
        return done


def _carry(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_BLOCK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
