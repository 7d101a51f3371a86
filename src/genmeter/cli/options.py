"""Options that several commands take, spelled and explained once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TypeVar

from genmeter.cli.state import ledger_place

T = TypeVar("T")


def add_ledger(parser: argparse.ArgumentParser) -> None:
    """The option ``--ledger``: a ``Path`` or a ``DatabaseUrl``, or None for the user's own."""
    parser.add_argument(
        "--ledger",
        type=reader(ledger_place),
        metavar="PATH",
        help="SQLite file, or postgresql://USER@HOST/DATABASE (default: $GENMETER_LEDGER, else genmeter/ledger.db in your state folder)",
    )


def add_action(parser: argparse.ArgumentParser, actions: Mapping[str, str], default: str | None = None) -> None:
    """The argument ``action``: one of ``actions``, each with the words that explain it in the help.

    With a ``default`` it may be left out.
    """
    words = "; ".join(f"{name}: {text}" for name, text in actions.items())
    # The metavar names the argument in an error too; without one, the error calls it "action".
    metavar = f"{{{','.join(actions)}}}"
    if default is None:
        parser.add_argument("action", choices=tuple(actions), metavar=metavar, help=words)
    else:
        parser.add_argument(
            "action", choices=tuple(actions), metavar=metavar, nargs="?", default=default,
            help=f"{words} (default {default})",
        )  # fmt: skip


def add_formats(parser: argparse.ArgumentParser, json: str = "a JSON array") -> None:
    """The options ``--json`` and ``--csv``: ``format`` is a ``render.Format``, a table where neither is given.

    ``json`` names the form of the JSON in the help.
    """
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_const", const="json", dest="format", help=f"{json}, money as strings")
    form.add_argument("--csv", action="store_const", const="csv", dest="format", help="CSV with a header")
    parser.set_defaults(format="table")


def reader(read: Callable[[str], T]) -> Callable[[str], T]:
    """A reader for argparse, which shows the words of its own error alone and not those of a ``ValueError``."""

    def told(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return told
