"""``genmeter run -- python app.py``: runs the app, and prints what its calls to models cost, as ``time`` prints seconds."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from genmeter.cli import child
from genmeter.cli.options import add_ledger, reader
from genmeter.cli.render import refuse, say
from genmeter.cli.serving import cannot_listen, port
from genmeter.cli.state import state_file
from genmeter.cli.stopping import how_to_stop, ignored

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from genmeter.ledger import Ledger, Price

DESCRIPTION = """Run a command, meter every call that it makes to a model, and print what it spent on stderr.
Its input, output and exit code stay its own. No line of the app changes."""
EPILOG = """Signals: Ctrl-C is for the command, and the receipt is printed once the command has ended. SIGINT, SIGQUIT, SIGTERM,
SIGHUP, SIGUSR1 and SIGUSR2 that are sent to genmeter alone are passed on. A signal that is ignored at the start stays ignored, for the command as well: SIGINT in
a background job of a script, SIGHUP under nohup."""
DRAIN_SECONDS = 5.0


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "run",
        help="run a command and print what its model calls cost",
        description=DESCRIPTION,
        epilog=EPILOG,
        usage="genmeter run [--json] [--output FILE] [--ledger PATH] [--port N] -- COMMAND ...",
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="the receipt as one JSON object on the last line")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the receipt to FILE; stderr stays the app's")
    add_ledger(parser)
    parser.add_argument(
        "--port", type=reader(port), default=0, metavar="N", help="loopback port of the receiver (default: a free one)"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND", help="what to run, with its arguments")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command under the meter. Returns its exit code, or 2, 126 or 127 where it could not be started."""
    command: list[str] = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        return refuse("no command is given; write it after --, for example: genmeter run -- python app.py")
    from genmeter.budgets import budgets_of
    from genmeter.reading import Recorded
    from genmeter.settings import Settings

    try:
        executable = child.resolve(command)
        launcher = child.launcher(executable)
        # With wrong settings the app meters nothing and only logs it; a receipt without calls would not tell why.
        settings = Settings.load()
        price, _ = Recorded(settings).price, budgets_of(settings, metered=True)
    except child.CommandError as error:
        return refuse(str(error), error.code)
    except ValueError as error:
        return refuse(str(error))
    try:
        output = args.output.open("w", encoding="utf-8") if args.output else None
    except OSError as error:
        return refuse(f"cannot write the receipt to {args.output}: {error.strerror}; name another with --output FILE")
    with output or contextlib.nullcontext():
        return _Run(args, command, executable, launcher, price, settings.skip_scopes, output).to_the_end()


class _Run:
    """One metered run, from the open ledger to the printed receipt."""

    def __init__(
        self,
        args: argparse.Namespace,
        command: Sequence[str],
        executable: str,
        launcher: str,
        price: Price,
        skipped: Sequence[str],
        output: TextIO | None,
    ) -> None:
        self.args = args
        self.command = tuple(command)
        self.executable = executable
        self.launcher = launcher
        self.price, self.skipped = price, skipped
        self.output = output
        self.id = secrets.token_hex(8)
        self.notes: list[str] = []
        self.requests = 0

    def to_the_end(self) -> int:
        """Start the receiver, run the command, take in what it sent, print the receipt. Returns the command's exit code."""
        from genmeter.server import Application, serve

        # The command's signals first: a process is forked for them, and the ledger and the server have threads.
        with child.Child() as process, self._ledger() as ledger:
            application = Application(ledger)
            try:
                server = serve(self._counted(application), "127.0.0.1", self.args.port)
            except OSError as error:
                return refuse(cannot_listen(error, "127.0.0.1", self.args.port))
            environment = child.environment(os.environ, server.url, self.command)
            if environment.overridden:
                replaced = ", ".join(environment.overridden)
                self._note(
                    f"for this run the app sends its telemetry to genmeter; these settings have no effect: {replaced}"
                )
            if sys.stderr.isatty() and ignored(signal.SIGINT):
                say(how_to_stop())
            started = time.monotonic()
            code = process.run([self.launcher, *self.command], environment.variables)
            seconds = time.monotonic() - started
            server.close(DRAIN_SECONDS)
            self._print(ledger, code, seconds, environment.variables)
        return code

    @contextlib.contextmanager
    def _ledger(self) -> Generator[Ledger]:
        from genmeter.ledger import Ledger, StorageError

        path: Path = self.args.ledger or state_file()
        try:
            ledger = Ledger.open(path, run=self.id, price=self.price, skip_scopes=self.skipped)
            self.kept = path
        except StorageError as error:
            # The app runs in any case: to lose a receipt is better than to stop the work.
            self._note(f"the calls of this run are in this receipt only, and not kept in the ledger: {error}")
            ledger = Ledger.open(":memory:", run=self.id, price=self.price, skip_scopes=self.skipped)
            self.kept = None
        with contextlib.closing(ledger):
            yield ledger

    def _counted(self, application: WSGIApplication) -> WSGIApplication:
        def counted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            if environ.get("REQUEST_METHOD") == "POST":
                self.requests += 1
            return application(environ, start_response)

        return counted

    def _note(self, words: str) -> None:
        """Print a note on stderr now; with --json or --output, where a program reads the receipt, add it there."""
        if self.args.json or self.output:
            self.notes.append(words)
        else:
            say(words)

    def _print(self, ledger: Ledger, code: int, seconds: float, variables: dict[str, str]) -> None:
        from genmeter.cli.receipt import render
        from genmeter.cli.slip import Slip, as_json
        from genmeter.ledger import StorageError
        from genmeter.reports import receipt

        try:
            found = receipt(ledger, run=self.id)
        except StorageError as error:
            found = None
            self.notes.append(f"the ledger cannot be read: {error}")
        if code == 128 + signal.SIGKILL:
            self.notes.append("the command was killed (SIGKILL): the calls of its last moment may be missing here")
        if found is not None and not found.calls:
            self.notes.extend(self._why_nothing(variables))
        slip = Slip(self.command, code, seconds, found, tuple(self.notes), self._more())
        out = self.output or sys.stderr
        if self.args.json:
            text = json.dumps(as_json(slip)) + "\n"
        else:
            text = render(slip, colour=out.isatty() and not os.environ.get("NO_COLOR"))
        _write(text, out)

    def _more(self) -> str:
        if self.kept is None:
            return ""
        ledger = f" --ledger {shlex.quote(str(self.kept))}" if self.args.ledger else ""
        return f"See more: genmeter report --by model{ledger}, or genmeter dev{ledger}"

    def _why_nothing(self, variables: dict[str, str]) -> Iterator[str]:
        """The most likely reason why no call arrived."""
        python, has_genmeter = child.metered_by(self.executable, variables) or (None, True)
        option = child.unmetered_by(self.executable, self.command)
        disabled = variables.get("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "").replace(" ", "").split(",")
        if not has_genmeter:
            yield f"genmeter is not installed in {python}, which ran the command: {python} -m pip install genmeter"
        elif {"genmeter", "*"} & set(disabled):
            yield "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS switches genmeter off: remove genmeter from that list"
        elif option and not self.requests:
            yield f"python {option} {child.UNMETERED[option[1]]}: run the command without {option}"
        elif self.requests:
            yield "Telemetry arrived without a call to a model: none was made, or genmeter does not know its SDK."
        else:
            yield (
                "No telemetry arrived: no call to a model was made, or genmeter does not know its SDK, "
                "or the command is not a Python program, or it was killed before its first export."
            )


def _write(text: str, out: TextIO) -> None:
    encoding = out.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate({ord("─"): "-", ord("·"): "-", ord("…"): "~"})
    try:
        out.write(text)
        out.flush()
    except (OSError, ValueError):
        # The reader of stderr has ended, as with `2>&1 | head`. The exit code stays that of the command.
        pass
