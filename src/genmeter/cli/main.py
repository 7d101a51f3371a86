"""The ``genmeter`` command: finds the sub-command, loads only that one, and turns known failures into one line."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from genmeter.cli.render import refuse

COMMANDS = ("run", "dev", "report", "budgets", "price", "models", "serve", "collector")
"""Every command, in the order that the help shows; the module of each has its name."""

DESCRIPTION = "The meter between an application and the models it pays for."


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line that says where the help is."""

    def error(self, message: str) -> NoReturn:
        """Exit 2 with the error and the command that shows the right usage."""
        sys.exit(refuse(f"{message}; see '{self.prog} --help'"))


def parser(commands: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser with the given commands; with all of them by default, which imports every command's module."""
    root = Parser(prog="genmeter", description=DESCRIPTION, allow_abbrev=False)
    root.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in commands:
        importlib.import_module(f"genmeter.cli.{command}").add(subparsers)
    return root


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; never a traceback for what a user can cause."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader went away, as with `| head`. Python flushes stdout at exit and would complain once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:
        if not _expected(error):
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
        near = difflib.get_close_matches(first, COMMANDS, n=1)
        advice = f"did you mean 'genmeter {near[0]}'?" if near else f"there are {', '.join(COMMANDS)}"
        return refuse(f"no command {first!r}; {advice}")
    return args.run(args)


def _expected(error: Exception) -> bool:
    if isinstance(error, OSError):
        return True
    # Only where a command has loaded them: a fast start must not pay for the ledger to name its errors.
    known = (("genmeter.ledger", "StorageError"), ("genmeter.settings", "SettingsError"))
    return any(isinstance(error, getattr(sys.modules[module], name)) for module, name in known if module in sys.modules)


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


class _Version(argparse.Action):
    """Reads the version only when asked: importlib.metadata takes longer to load than a command to start."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"genmeter {version('genmeter')}")
        parser.exit(0)
