"""``genmeter dev``: the OTLP receiver, the ledger and the page, in one process, until it is stopped."""

from __future__ import annotations

import argparse
import errno
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genmeter.cli.render import refuse, say
from genmeter.cli.state import state_file
from genmeter.cli.stopping import held, how_to_stop

if TYPE_CHECKING:
    from genmeter.ledger.booking import Price
    from genmeter.server import Application, BudgetFile, TokenFile

DESCRIPTION = """Receive OTLP/HTTP from any app, keep a ledger of its model calls, and show them on one page as they
come. Stops on Ctrl-C, SIGTERM or the end of its terminal (SIGHUP), after what has arrived is booked. A signal that is
ignored at the start, as Ctrl-C is in a background job of a script, stays ignored."""
DRAIN_SECONDS = 10.0


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "dev", help="serve the receiver, the ledger and the page", description=DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    parser.add_argument("--port", type=port, default=4318, help="port to listen on, 0 for a free one (default 4318)")
    parser.add_argument(
        "--ledger", type=Path, metavar="PATH", help="SQLite file (default $GENMETER_LEDGER, else state)"
    )
    parser.add_argument("--token-file", type=Path, metavar="FILE", help="file with the token that clients must send")
    parser.add_argument("--max-rows", type=_rows, metavar="N", help="calls to keep; the oldest go first")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal stops it, then drain; exit 0, or 2 when it cannot start as asked."""
    from genmeter.ledger import Ledger
    from genmeter.server import Application

    try:
        price, budgets, token = prepare(args)
    except ValueError as error:
        return refuse(str(error))
    path: Path = args.ledger or state_file()
    bound = {} if args.max_rows is None else {"max_rows": args.max_rows}
    with Ledger.open(path, price=price, **bound) as ledger:
        return _serve(args, Application(ledger, token=token, budgets=budgets), path)


def prepare(args: argparse.Namespace) -> tuple[Price, BudgetFile, TokenFile | None]:
    """What a service reads before it starts: the price of a call, the budgets, the token. The last two are followed.

    Raises:
        ValueError: a setting or token file that cannot be used, or an address that wants a token.
    """
    from genmeter.budgets import budgets_of
    from genmeter.reading import Recorded
    from genmeter.server import BudgetFile, TokenFile, TokenRequired, require_token
    from genmeter.settings import Settings, config_file

    price = Recorded(Settings.load()).price
    budgets = BudgetFile(config_file(), lambda: budgets_of(Settings.load()))
    token = TokenFile(args.token_file) if args.token_file else None
    try:
        require_token(args.host, token)
    except TokenRequired:
        raise ValueError(
            f"{args.host} can be reached from other machines, so a token is needed: put one into a file "
            "(python -c 'import secrets; print(secrets.token_urlsafe())' > token) and add --token-file token"
        ) from None
    return price, budgets, token


def port(text: str) -> int:
    """A TCP port from the command line."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; a number from 0 to 65535 is needed")
    return int(text)


def cannot_listen(error: OSError, host: str, number: int) -> str:
    """Why the address cannot be used and what to do, in one line."""
    if error.errno == errno.EADDRINUSE:
        return f"port {number} on {host} is in use; stop what uses it, or choose another with --port (0 for a free one)"
    if error.errno == errno.EACCES:
        return f"port {number} on {host} is not permitted; choose one above 1023 with --port"
    return f"cannot listen on {host} port {number}: {error.strerror or error}"


def _rows(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no count of calls; 1 or more is needed")
    return int(text)


def _serve(args: argparse.Namespace, application: Application, path: Path) -> int:
    from genmeter.server import serve

    # Before the server answers: a supervisor may stop us as soon as it is ready.
    stops = held(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        server = serve(application, args.host, args.port)
    except OSError as error:
        return refuse(cannot_listen(error, args.host, args.port))
    print(_welcome(server.url, path, args.token_file), flush=True)
    signal.sigwait(stops)
    server.close(DRAIN_SECONDS)
    say("drained and stopped")
    return 0


def _welcome(url: str, path: Path, token_file: Path | None) -> str:
    lines = [
        f"genmeter  {url}",
        f"ledger    {path}",
        "",
        "In the shell of the app:",
        "",
        f"  export OTEL_EXPORTER_OTLP_ENDPOINT={url}",
        "  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    ]
    if token_file is not None:
        # The specification wants header values percent-encoded: %20 is the blank after Bearer.
        lines.append(f'  export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20$(cat {token_file})"')
    lines += ["  opentelemetry-instrument python app.py", "", how_to_stop()]
    return "\n".join(lines)
