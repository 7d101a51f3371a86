"""``genmeter report``: what was spent, by whoever or whatever spent it."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from genmeter.cli.instants import ADVICE, instant
from genmeter.cli.render import Cell, Format, add_formats, refuse, write_rows
from genmeter.cli.state import state_file
from genmeter.model import usd

if TYPE_CHECKING:
    from genmeter.reports import Row

By = Literal["model", "department", "application", "user", "session", "day"]
DESCRIPTION = "Show what the calls in the ledger used and cost. Money is exact; calls without a price are counted."
WHEN = f"{ADVICE}; UTC unless it carries an offset"


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "report",
        help="show spend by model, department, application, user, session or day",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--by", default="model", choices=get_args(By), help="the column to sum by (default %(default)s)"
    )
    parser.add_argument("--since", type=instant, metavar="WHEN", help=f"calls from this instant on: {WHEN}")
    parser.add_argument("--until", type=instant, metavar="WHEN", help="calls before this instant, itself not included")
    parser.add_argument(
        "--ledger", type=Path, metavar="PATH", help="SQLite file (default $GENMETER_LEDGER, else state)"
    )
    add_formats(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the report; 1 without a ledger, 2 for a window that is none."""
    from genmeter.ledger import Ledger
    from genmeter.reports import spend

    if args.since and args.until and args.since >= args.until:
        since, until = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (args.since, args.until))
        return refuse(f"--since {since} is not before --until {until}; give an earlier --since or a later --until")
    path: Path = args.ledger or state_file()
    # Opening would make an empty ledger, and an empty report would look like no spend.
    if not path.is_file():
        return refuse(
            f"no ledger at {path}; make one with 'genmeter run -- python app.py', or name it with --ledger", 1
        )
    with Ledger.open(path) as ledger:
        rows = spend(ledger, by=args.by, since=args.since, until=args.until)
        whole = total_of(rows, spend(ledger, by="operation", since=args.since, until=args.until))
    if not rows and args.format == "table":
        return refuse(f"no calls in {shlex.quote(str(path))} in that time", 0)
    write(args.by, rows, whole, args.format)
    return 0


def total_of(rows: list[Row], otherwise: list[Row]) -> Row:
    """The sum of the rows, which must be the ledger's sum along another dimension too."""
    from genmeter.reports import total

    whole, control = total(rows), total(otherwise)
    if whole != control:
        raise AssertionError(f"rows add up to {whole} and the ledger to {control}; please report this as a bug")
    return whole


def write(by: str, rows: list[Row], whole: Row, fmt: Format) -> None:
    """Write the rows, for people with a line of totals; one line per currency where there are several."""
    headers = [by, "calls", "errors", "input", "cache_read", "output", "reasoning", "unpriced", "cost", "currency"]
    body = [line for row in rows for line in lines(row, row.key)]
    if fmt != "table":
        write_rows(headers, body, fmt, sys.stdout)
        return
    body = [[f"(no {by})" if line[0] is None else line[0], *line[1:]] for line in body]
    body += lines(whole, "total")
    if {line[-1] for line in body} <= {"USD", None}:
        headers = [*headers[:-2], "USD"]
        body = [line[:-1] for line in body]
    write_rows(headers, body, "table", sys.stdout)


def lines(row: Row, name: str | None) -> list[list[Cell]]:
    """A row as cells; the counts stand in its first line only, so that a column can be added up."""
    used: list[Cell] = [row.tokens[kind] for kind in ("input", "cache_read", "output", "reasoning")]
    money: list[tuple[str, str]] = [(usd(pico), currency) for currency, pico in sorted(row.cost.items())]
    first = [name, row.calls, row.errors, *used, row.unpriced, *(money[0] if money else (None, None))]
    return [first, *([name, None, None, None, None, None, None, None, *more] for more in money[1:])]
