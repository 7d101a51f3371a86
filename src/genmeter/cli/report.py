"""The commands of the reports: one for each report in ``genmeter.reports.registry``."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

from genmeter.cli.options import add_formats, add_ledger, reader
from genmeter.cli.render import Format, refuse, rendered, say, width, write_rows
from genmeter.cli.state import state_file
from genmeter.reports.document import Cell, table
from genmeter.reports.report import WINDOW, Column, Option, Plain, Report, Unanswerable, settled
from genmeter.reports.window import asked_window

if TYPE_CHECKING:
    from genmeter.ledger.questions import Window
    from genmeter.reports.report import Sources

DESCRIPTION = "Answer from the ledger: {question}. Money is exact; calls without a price are counted."


def add(subparsers: Any, report: Report) -> None:
    """Register the command of a report, with its options."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        report.command or report.name,
        help=report.question,
        description=DESCRIPTION.format(question=report.question),
        allow_abbrev=False,
    )
    add_options(parser, report)
    add_ledger(parser)
    add_formats(parser)
    parser.set_defaults(run=partial(run, report))


def add_options(parser: argparse.ArgumentParser, report: Report) -> None:
    """The options of a report, each read as the read API reads it."""
    _add(parser, report.options)


def add_window(parser: argparse.ArgumentParser) -> None:
    """The options that say which calls are meant; ``window_of`` reads them."""
    _add(parser, WINDOW)


def window_of(args: argparse.Namespace) -> Window:
    """The window of ``add_window``. Raises ``Unanswerable``."""
    asked = {option.name: getattr(args, f"asked_{option.name}") for option in WINDOW}
    return asked_window(settled(asked, "--{}"))


def _add(parser: argparse.ArgumentParser, options: Sequence[Option]) -> None:
    for option in options:
        usual = "" if option.default is None else " (default %(default)s)"
        parser.add_argument(
            f"--{option.name}",
            # a place of its own: `run` of a namespace is what the command does
            dest=f"asked_{option.name}",
            type=reader(option.read),
            default=option.default,
            metavar=option.metavar,
            help=option.words.replace("%", "%%") + usual,
            action="extend" if option.many else "store",
        )


def run(report: Report, args: argparse.Namespace) -> int:
    """Print the report; 1 without a ledger, 2 for a question that makes no sense."""
    from genmeter.ledger import Ledger
    from genmeter.reports.report import Sources

    path: Path = args.ledger or state_file()
    try:
        asked = settled(asked_of(report, args), "--{}")
        if (fault := no_ledger(path)) is not None:
            return refuse(fault, 1)
        # calls may be booked meanwhile, and the control must add up the same calls
        with Ledger.open(path) as ledger, ledger.store.moment():
            document = report.answer(Sources(ledger), asked)
            check_total(report, Sources(ledger), asked, document)
    except Unanswerable as error:
        return refuse(str(error))
    if not document[report.rows] and args.format == "table":
        return refuse(f"no calls to show from {shlex.quote(str(path))}{_limits(asked)}", 0)
    write(document, report.rows, args.format)
    if left := document.get("rows_left_out"):
        say(f"{left:,} more rows are left out; {'the total is of all rows' if 'total' in document else 'see --limit'}")
    return 0


def _limits(asked: dict[str, Any]) -> str:
    """The limits that the question has, in words: a run, a time."""
    run = f" of the run {shlex.quote(asked['run'])}" if asked.get("run") else ""
    chosen = " with these values" if asked.get("where") or asked.get("search") else ""
    return run + chosen + (" in that time" if asked.get("since") or asked.get("until") else "")


def asked_of(report: Report, args: argparse.Namespace) -> dict[str, Any]:
    """The value of each option of the report, as argparse has read it."""
    return {option.name: getattr(args, f"asked_{option.name}") for option in report.options}


def no_ledger(path: Path) -> str | None:
    """Why there is nothing to ask, or None. Opening would make an empty ledger, and that would look like no spend."""
    if path.is_file():
        return None
    return f"no ledger at {path}; make one with 'genmeter run -- python app.py', or name it with --ledger"


def check_total(report: Report, sources: Sources, asked: dict[str, Any], document: Plain) -> None:
    """A sum by one dimension must be the sum by another one too. Raises ``AssertionError``."""
    if report.control is None:
        return
    whole, control = document["total"], report.ask(sources, {**asked, **report.control})["total"]
    if whole != control:
        raise AssertionError(f"rows add up to {whole} and the ledger to {control}; please report this as a bug")


def write(document: Plain, rows: str, fmt: Format) -> None:
    """Write the rows that stand under ``rows``. A table for people has a line of totals, where the report has totals."""
    columns = [Column(**column) for column in document["columns"]]
    headers, body = table(columns, document[rows])
    if fmt == "table":
        keys = [number for number, column in enumerate(columns) if column.kind == "key"]
        for line in body:
            for number in keys:
                line[number] = f"(no {headers[number]})" if line[number] is None else line[number]
        body += _totals(columns, document)
        headers, body = _fitted(*_plain_dollars(headers, body))
    write_rows(headers, body, fmt, sys.stdout)


def _totals(columns: list[Column], document: Plain) -> list[list[Cell]]:
    if "total" not in document:
        return []
    _, lines = table(columns, [document["total"]])
    for line in lines:
        line[0] = "total"
    return lines


def _plain_dollars(headers: list[str], body: list[list[Cell]]) -> tuple[list[str], list[list[Cell]]]:
    """Without the column of currencies, where all amounts are dollars."""
    if headers[-2:] != ["cost", "currency"] or not {line[-1] for line in body} <= {"USD", None}:
        return headers, body
    return [*headers[:-2], "USD"], [line[:-1] for line in body]


def _fitted(headers: list[str], body: list[list[Cell]]) -> tuple[list[str], list[list[Cell]]]:
    """Where the table is broader than the terminal, without the columns that have nothing but zero and gaps."""
    if width(rendered(headers, body).partition("\n")[0]) <= get_terminal_size().columns:
        return headers, body
    kept = [place for place in range(len(headers)) if any(line[place] not in (None, 0, "0.00") for line in body)]
    return [headers[place] for place in kept], [[line[place] for place in kept] for line in body]
