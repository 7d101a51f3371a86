"""``genmeter serve``: the ledger as a service behind a collector, until it is stopped."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from genmeter.cli.options import reader
from genmeter.cli.render import refuse
from genmeter.cli.serving import DRAIN_SECONDS, add_place, listen, prepare
from genmeter.cli.state import state_file
from genmeter.cli.stopping import held, how_to_stop, ignored

if TYPE_CHECKING:
    from genmeter.server import Application

DESCRIPTION = """Receive OTLP/HTTP spans and events, usually from a collector, and book every call to a model once.
No page: health is at /healthz and /readyz, the service's own metrics at /metrics, reports at /api. What cannot be
committed is answered 503, so that the sender keeps it. Single calls are kept for 30 days, their sums by session and day
for 90 days and by day for two years; the three options say otherwise. Stops on SIGTERM or Ctrl-C, after the requests in flight are answered. A process that was started with one of these signals ignored
keeps ignoring that signal."""
EPILOG = """Trace trees are not kept (a trace store has them), and metrics of applications are declined in the answer.
A new token or certificate in its file is in force at once, and so are changed [budgets] of genmeter.toml; a file that cannot be
used leaves the last good ones in force, and a gauge at /metrics says so. Its [prices] are read at the start. Logs go
to stdout; the first line says where the service listens."""

RETENTION: Final = {
    "--max-days": (30, "single calls; older ones are kept as sums"),
    "--session-days": (90, "the sums by session and day of calls that are gone"),
    "--day-days": (730, "the sums by day of calls that are gone, and adjustments"),
}
"""Option → its default in days, and what it keeps."""
FOREVER: Final = 36_525.0
"""A hundred years, in days."""
_log = logging.getLogger(__name__)
_AGES: Final = ("max_days", "session_days", "day_days")


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "serve", help="serve the ledger alone, for a collector", description=DESCRIPTION, epilog=EPILOG,
        allow_abbrev=False,
    )  # fmt: skip
    add_place(parser)
    for option, (kept, text) in RETENTION.items():
        words = f"days to keep {text}; off keeps them for ever (default {kept})"
        parser.add_argument(option, type=reader(_days), metavar="N", help=words)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, then drain; exit 0, 1 without a usable ledger, 2 when it cannot start as asked."""
    from genmeter.ledger import Ledger
    from genmeter.server import Application

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(OneRecord("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    try:
        price, skipped, budgets, token = prepare(args)
    except ValueError as error:
        return refuse(str(error))
    path: Path = args.ledger or state_file()
    raw, by_session, by_day = (
        getattr(args, option.strip("-").replace("-", "_")) or kept for option, (kept, _) in RETENTION.items()
    )
    with Ledger.open(
        path, price=price, skip_scopes=skipped, max_rows=None, max_spans=0, max_days=raw, session_days=by_session,
        # the age that was asked for counts with each batch, the default one waits for the upkeep
        day_days=by_day, patient=args.max_days is None,
    ) as ledger:  # fmt: skip
        return _serve(args, Application(ledger, token=token, headless=True, budgets=budgets))


class OneRecord(logging.Formatter):
    """No record passes for two: the control characters in a text of a sender are escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """The record. Each line after the first one, as a traceback has them, is set in."""
        lines = super().format(record).split("\n")
        return "\n  ".join("".join(map(_visible, line)) for line in lines)


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode()


def _days(text: str) -> float:
    if text == "off":
        return FOREVER
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days < FOREVER:
        raise ValueError(f"{text!r} is no age in days; a number above 0 is needed, or off")
    return days


def _serve(args: argparse.Namespace, application: Application) -> int:
    from genmeter.server.access import is_loopback

    # Before the server answers: a supervisor may stop the service as soon as the service is ready.
    stops = held(signal.SIGINT, signal.SIGTERM)
    # Rotators of secrets send SIGHUP; the file is looked at with every request, so there is nothing left to do.
    signal.signal(signal.SIGHUP, lambda number, frame: None)
    try:
        service = listen(args, application)
    except ValueError as error:
        return refuse(str(error))
    print(f"genmeter  {service.http.url}", flush=True)
    if service.grpc is not None:
        _log.info("OTLP over gRPC at %s", service.grpc.place)
    if service.note:
        _log.warning("%s", service.note)
    if application.keys.any and args.tls_cert is None and not is_loopback(args.host):
        _log.warning("tokens come over this network unencrypted; add --tls-cert, or put TLS in front")
    if ignored(signal.SIGINT):
        _log.info(how_to_stop())
    signal.sigwait(stops)
    if service.close():
        _log.info("drained and stopped")
    else:
        _log.warning("stopped with requests unanswered after %g s; their senders will send them again", DRAIN_SECONDS)
    return 0
