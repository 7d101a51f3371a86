"""``genmeter dev``: the OTLP receiver, the ledger and the page, in one process, until it is stopped."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genmeter.cli.options import reader
from genmeter.cli.render import refuse, say
from genmeter.cli.serving import Service, add_place, listen, prepare
from genmeter.cli.state import state_file
from genmeter.cli.stopping import held, how_to_stop

if TYPE_CHECKING:
    from genmeter.server import Application

DESCRIPTION = """Receive OTLP/HTTP from any app, keep a ledger of its model calls, and show them on one page as they
come. Stops on Ctrl-C, SIGTERM or the end of its terminal (SIGHUP), after all that has arrived is booked. A signal that is
ignored at the start, as Ctrl-C is in a background job of a script, stays ignored."""


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "dev", help="serve the receiver, the ledger and the page", description=DESCRIPTION, allow_abbrev=False
    )
    add_place(parser)
    parser.add_argument("--max-rows", type=reader(_rows), metavar="N", help="calls to keep; the oldest go first")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal stops it, then drain; exit 0, or 2 when it cannot start as asked."""
    from genmeter.ledger import Ledger
    from genmeter.server import Application

    try:
        price, skipped, budgets, token = prepare(args)
    except ValueError as error:
        return refuse(str(error))
    path: Path = args.ledger or state_file()
    bound = {} if args.max_rows is None else {"max_rows": args.max_rows}
    with Ledger.open(path, price=price, skip_scopes=skipped, **bound) as ledger:
        return _serve(args, Application(ledger, token=token, budgets=budgets), path)


def _rows(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"{text!r} is no count of calls; 1 or more is needed")
    return int(text)


def _serve(args: argparse.Namespace, application: Application, path: Path) -> int:
    # Before the server answers: a supervisor may stop us as soon as it is ready.
    stops = held(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    try:
        service = listen(args, application)
    except ValueError as error:
        return refuse(str(error))
    print(_welcome(service, path, args), flush=True)
    signal.sigwait(stops)
    service.close()
    say("drained and stopped")
    return 0


def _welcome(service: Service, path: Path, args: argparse.Namespace) -> str:
    url = service.http.url
    lines = [f"genmeter  {url}", f"ledger    {path}"]
    if service.grpc is not None:
        lines.append(f"grpc      {service.grpc.place}")
    lines += [
        *([service.note] if service.note else []),
        "",
        "In the shell of the app:",
        "",
        f"  export OTEL_EXPORTER_OTLP_ENDPOINT={url}",
        "  export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
    ]
    token_file = args.write_token_file or args.token_file
    if token_file is not None:
        # The specification wants header values percent-encoded: %20 is the blank after Bearer.
        lines.append(f'  export OTEL_EXPORTER_OTLP_HEADERS="Authorization=Bearer%20$(cat {token_file})"')
    lines += ["  opentelemetry-instrument python app.py", "", how_to_stop()]
    return "\n".join(lines)
