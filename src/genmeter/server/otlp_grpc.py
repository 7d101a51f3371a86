"""OTLP over gRPC, with the limits, the tokens and the certificate of the HTTP routes.

It is the protocol that opentelemetry-distro chooses. Only grpc's own server is here: ``Receiver`` does the work.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, cast

import grpc

from genmeter.server.access import Keys, Right, matches
from genmeter.server.http import Refused
from genmeter.server.ingest import RPC_CODES, Receiver
from genmeter.server.tls import Certificate

WORKERS: Final = 8
MOST_CALLS: Final = 256
"""Calls that are being received or answered; grpc tells others that it is exhausted."""
_SERVICES: Final = {
    f"/opentelemetry.proto.collector.{word}.v1.{word.title()}Service/Export": signal
    for word, signal in (("trace", "traces"), ("logs", "logs"), ("metrics", "metrics"))
}
_log = logging.getLogger(__name__)
_CODES: Final = {code.value[0]: code for code in grpc.StatusCode}


class GrpcServer:
    """A gRPC server that is running since it was made; ``close`` ends it. Raises ``OSError`` when the port is taken."""

    def __init__(
        self, receiver: Receiver, keys: Keys, host: str, port: int, certificate: Certificate | None = None
    ) -> None:
        options = [
            ("grpc.max_receive_message_length", receiver.limits.body),
            ("grpc.max_metadata_size", 16 << 10),
            ("grpc.max_concurrent_streams", 64),
            ("grpc.max_allowed_incoming_connections", 512),
            ("grpc.max_connection_idle_ms", 60_000),
            ("grpc.server_handshake_timeout_ms", 10_000),
            # without it a second server takes the same port in silence, and each gets a part of the calls
            ("grpc.so_reuseport", 0),
        ]
        self._server = grpc.server(
            ThreadPoolExecutor(WORKERS, "genmeter-grpc"),
            handlers=[_Handler(receiver, keys)],
            options=options,
            maximum_concurrent_rpcs=MOST_CALLS,
        )
        shown = f"[{host}]" if ":" in host else host or "0.0.0.0"
        try:
            if certificate is None:
                self.port = self._server.add_insecure_port(f"{shown}:{port}")
            else:
                self.port = self._server.add_secure_port(f"{shown}:{port}", _credentials(certificate))
        except RuntimeError as error:
            raise OSError(f"gRPC cannot listen on {shown}:{port}; name another port with --grpc-port") from error
        self.place = f"{'127.0.0.1' if shown == '0.0.0.0' else shown}:{self.port}"
        self._server.start()

    def close(self, timeout: float = 10.0) -> None:
        """Take no new call, let those in flight finish for ``timeout`` seconds."""
        self._server.stop(timeout).wait()


class _Handler(grpc.GenericRpcHandler):
    def __init__(self, receiver: Receiver, keys: Keys) -> None:
        self._receiver, self._keys = receiver, keys

    def service(self, handler_call_details: Any) -> Any:
        """The handler of a call, chosen by its metadata: a call without a token is refused before its body is read."""
        signal = _SERVICES.get(handler_call_details.method)
        if signal is None:
            return None
        if self._keys.any:
            sent = dict(handler_call_details.invocation_metadata).get("authorization", "")
            if not isinstance(sent, str) or not matches(sent, self._keys.opening(Right.WRITE)):
                return _STRANGER
        return cast(Any, grpc.unary_unary_rpc_method_handler)(self._export(signal))

    def _export(self, signal: str) -> Callable[[bytes, Any], bytes]:
        def export(request: bytes, context: Any) -> bytes:
            try:
                return self._receiver.receive(signal, request)
            except Refused as error:
                code, message = _CODES[RPC_CODES.get(error.status, 2)], str(error)
            except Exception:
                _log.exception("genmeter could not answer an export of %s", signal)
                code, message = grpc.StatusCode.INTERNAL, "genmeter failed to answer; its own log says why"
            context.abort(code, message)
            return b""

        return export


def _unknown(requests: Any, context: Any) -> bytes:
    context.abort(grpc.StatusCode.UNAUTHENTICATED, "this server wants its token: send authorization: Bearer <token>")
    return b""


_STRANGER: Any = cast(Any, grpc.stream_unary_rpc_method_handler)(_unknown)


def _credentials(certificate: Certificate) -> Any:
    seen = certificate.state()

    def configuration() -> Any:
        return grpc.ssl_server_certificate_configuration([certificate.texts()])

    def changed() -> Any:
        nonlocal seen
        state = certificate.state()
        if state == seen:
            return None
        seen = state
        # the check of the files, which also tells a fault of theirs
        certificate()
        try:
            return configuration()
        except OSError:
            return None

    return grpc.dynamic_ssl_server_credentials(configuration(), changed)
