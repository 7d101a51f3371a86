"""The ``genmeter`` command: it loads the module of the one sub-command that was asked for, and runs it.

An error that a user can cause ends the command with one line on stderr. Any other error keeps its traceback.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from genmeter.cli import report
from genmeter.cli.render import refuse, spell_out
from genmeter.errors import GenmeterError
from genmeter.reports.registry import REPORTS
from genmeter.settings import warn_of_unknown
from genmeter.spelling import nearest

_METER = ("run", "dev")
_REST = (
    "reconcile",
    "trace",
    "export",
    "budgets",
    "users",
    "price",
    "models",
    "reprice",
    "whatif",
    "ledger",
    "serve",
    "collector",
    "init",
    "doctor",
    "completion",
)
_REPORTS = {name: one for one in REPORTS.values() if (name := one.command or one.name) not in _REST}
COMMANDS = (*_METER, *_REPORTS, *_REST)
"""Every command, in the order that the help shows. Reports are commands; the module of each other has its name."""

DESCRIPTION = "The meter between an application and the models it pays for."


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, which names the command that shows the help."""

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with code 2."""
        joint = " See" if message.endswith("?") else "; see"
        sys.exit(refuse(f"{message}{joint} '{self.prog} --help'"))

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Refuse what this parser does not know. Left to the root, the error would name no command."""
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            self.error(self._unrecognized(rest))
        return found, rest

    def _unrecognized(self, rest: Sequence[str]) -> str:
        # Without the dashes: with them, any two options look alike.
        known = [name.removeprefix("--") for name in self._option_string_actions if name.startswith("--")]
        wrong = [word.partition("=")[0].removeprefix("--") for word in rest if word.startswith("--")]
        near = next(filter(None, (nearest(word, known) for word in wrong)), None)
        advice = f"; did you mean --{near}?" if near else ""
        return f"unrecognized arguments: {' '.join(rest)}{advice}"


def parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of the given commands. The default is all of them, and imports the module of each."""
    root = Parser(prog="genmeter", description=DESCRIPTION, allow_abbrev=False)
    root.add_argument(
        "--version", action=_Version, nargs=0, help="print the versions of genmeter and of its prices, and exit"
    )
    subparsers = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands:
        if command in _REPORTS:
            report.add(subparsers, _REPORTS[command])
        else:
            importlib.import_module(f"genmeter.cli.{command}").add(subparsers)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 2 for wrong usage, 1 for another error that a user can cause."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    spell_out(sys.stdout)
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output has ended, as with `| head`. Python flushes stdout at its exit, and would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if not isinstance(error, (OSError, GenmeterError)):
            raise
        return refuse(_words(error), 1)
    return code


def _dispatch(arguments: list[str]) -> int:
    first = arguments[0] if arguments else "--help"
    if first in COMMANDS:
        args = parser([first]).parse_args(arguments)
    elif first.startswith("-"):
        args = parser(() if first == "--version" else COMMANDS).parse_args(arguments or ["--help"])
    else:
        near = nearest(first, COMMANDS)
        advice = f"did you mean 'genmeter {near}'?" if near else f"there are {', '.join(COMMANDS)}"
        return refuse(f"no command {first!r}; {advice}")
    warn_of_unknown()
    return args.run(args)


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


class _Version(argparse.Action):
    """The option ``--version``. It imports late, since its imports take longer than all else at the start."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        from genmeter.pricing import Catalogue

        print(f"genmeter {version('genmeter')}\nprice catalogue {Catalogue.bundled().version}")
        parser.exit(0)
