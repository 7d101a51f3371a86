"""The common part of the commands that serve: the address to listen on, and the settings that are read first."""

from __future__ import annotations

import argparse
import errno
import gc
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genmeter.cli.options import add_ledger, reader

if TYPE_CHECKING:
    from genmeter.ledger.booking import Price
    from genmeter.server import Application, BudgetFile, Keys, Server
    from genmeter.server.idling import Idling
    from genmeter.server.otlp_grpc import GrpcServer
    from genmeter.server.tls import Certificate

GRPC_PORT = 4317
NO_PORT = -1
OBJECTS = 50_000
"""New objects after which Python looks for cycles among them. A batch makes as many, and all of them end with it: with
Python's own 700 the search took a tenth of the processor.
"""
DRAIN_SECONDS = 10.0
"""How long a stopping service waits for the requests in flight."""


def add_place(parser: argparse.ArgumentParser) -> None:
    """The options ``--host``, ``--port``, ``--ledger``, and those of tokens, TLS and gRPC."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument(
        "--port", type=reader(port), default=4318, help="port to listen on, 0 for a free one (default 4318)"
    )
    add_ledger(parser)
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file with the token that clients must send")
    parser.add_argument(
        "--write-token-file", type=Path, metavar="FILE", help="file with a token that only opens the OTLP routes"
    )
    parser.add_argument(
        "--read-token-file", type=Path, metavar="FILE", help="file with a token that only opens reports and /metrics"
    )
    parser.add_argument(
        "--readers", type=Path, metavar="FILE", help="TOML with readers: a token, the reports and the calls of each"
    )
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate chain (PEM) to serve HTTPS with")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its key (PEM), where --tls-cert does not hold it")
    parser.add_argument(
        "--grpc-port",
        type=reader(_grpc_port),
        metavar="N",
        help=f"port for OTLP over gRPC, 0 for a free one, off for none (default {GRPC_PORT} beside port 4318)",
    )


def port(text: str) -> int:
    """A TCP port from the command line. Raises ``ValueError``."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise ValueError(f"{text!r} is not a port; a number from 0 to 65535 is needed")
    return int(text)


def _grpc_port(text: str) -> int:
    return NO_PORT if text == "off" else port(text)


def prepare(args: argparse.Namespace) -> tuple[Price, tuple[str, ...], BudgetFile, Keys]:
    """What a service reads before it starts: the price of a call, the scopes to skip, the budgets, the tokens.

    The last two are followed while it runs.

    Raises:
        ValueError: a setting or token file that cannot be used, or an address that wants a token.
    """
    from genmeter.budgets import budgets_of
    from genmeter.reading import Recorded
    from genmeter.server import BudgetFile, Keys, TokenFile, TokenRequired, require_token
    from genmeter.server.readers import Readers
    from genmeter.settings import Settings, config_file

    settings = Settings.load()
    price = Recorded(settings).price
    budgets = BudgetFile(config_file(), lambda: budgets_of(Settings.load()))
    files = (args.token_file, args.write_token_file, args.read_token_file)
    whole, write, read = (TokenFile(file) if file else None for file in files)
    keys = Keys(whole, write, read, Readers(args.readers) if args.readers else None)
    try:
        require_token(args.host, keys)
    except TokenRequired:
        raise ValueError(
            f"{args.host} can be reached from other machines, so a token is needed: put one into a file "
            "(python -c 'import secrets; print(secrets.token_urlsafe())' > token) and add --token-file token"
        ) from None
    return price, settings.skip_scopes, budgets, keys


@dataclass(frozen=True, slots=True)
class Service:
    """The servers of one service: HTTP, and gRPC where it is on; ``note`` says why it is not."""

    http: Server
    idling: Idling
    grpc: GrpcServer | None
    note: str

    def close(self) -> bool:
        """Drain both; whether all requests in flight were answered."""
        self.idling.close()
        if self.grpc is not None:
            self.grpc.close(DRAIN_SECONDS)
        return self.http.close(DRAIN_SECONDS)


def listen(args: argparse.Namespace, application: Application) -> Service:
    """Serve from now on. Raises ``ValueError`` with one line that says why an address or a certificate cannot be used."""
    from genmeter.server import serve
    from genmeter.server.idling import Idling
    from genmeter.server.tls import Certificate

    if args.tls_key and not args.tls_cert:
        raise ValueError("--tls-key is the key of a certificate; name the certificate with --tls-cert")
    certificate = Certificate(args.tls_cert, args.tls_key) if args.tls_cert else None
    gc.set_threshold(OBJECTS, *gc.get_threshold()[1:])
    try:
        http = serve(application, args.host, args.port, secure=certificate)
    except OSError as error:
        raise ValueError(cannot_listen(error, args.host, args.port)) from None
    try:
        grpc, note = _grpc(args, application, certificate)
    except ValueError:
        http.close(0)
        raise
    return Service(http, Idling(application.ledger), grpc, note)


def _grpc(
    args: argparse.Namespace, application: Application, certificate: Certificate | None
) -> tuple[GrpcServer | None, str]:
    """The gRPC server, or None and why there is none. Raises ``ValueError`` where it was asked for."""
    beside = GRPC_PORT if args.port == GRPC_PORT + 1 else NO_PORT
    number = beside if args.grpc_port is None else args.grpc_port
    if number == NO_PORT:
        return None, ""
    try:
        from genmeter.server.otlp_grpc import GrpcServer

        return GrpcServer(application.receiver, application.keys, args.host, number, certificate), ""
    except ImportError:
        fault = "grpc is not installed; pip install grpcio"
    except OSError as error:
        fault = str(error)
    if args.grpc_port is not None:
        raise ValueError(fault)
    return None, f"OTLP over gRPC is off: {fault}"


def cannot_listen(error: OSError, host: str, number: int) -> str:
    """Why the address cannot be used and what to do, in one line."""
    if error.errno == errno.EADDRINUSE:
        return f"port {number} on {host} is in use; stop what uses it, or choose another with --port (0 for a free one)"
    if error.errno == errno.EACCES:
        return f"port {number} on {host} is not permitted; choose one above 1023 with --port"
    return f"cannot listen on {host} port {number}: {error.strerror or error}"
