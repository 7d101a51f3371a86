"""The commands of the reports: one for each report in ``genmeter.reports.registry``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any, TextIO, cast

from genmeter.cli.fitting import fitted, room
from genmeter.cli.options import add_formats, add_ledger, reader
from genmeter.cli.render import Format, refuse, save, say, write_rows
from genmeter.cli.state import state_file
from genmeter.reports import parquet
from genmeter.reports.document import Cell, table
from genmeter.reports.flat import write_flat
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
    add_forms(parser, report)
    parser.set_defaults(run=partial(run, report))


def add_forms(parser: argparse.ArgumentParser, report: Report) -> None:
    """The options ``--format`` and ``--out``: the forms that every report has, and those of this one, as CSV or Parquet."""
    forms = ("table", "json", "csv", "parquet", *(f"{name}{end}" for name in report.forms for end in ("", "-parquet")))
    parser.add_argument("--format", dest="format", choices=forms, help=f"one of {', '.join(forms)}", metavar="FORM")
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to write, instead of the standard output")


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
    if args.format.endswith("parquet") and args.out is None:
        return refuse("Parquet is no text; name a file with --out")
    try:
        asked = settled(asked_of(report, args), "--{}")
        if (fault := no_ledger(path)) is not None:
            return refuse(fault, 1)
        # calls may be booked meanwhile, and the control must add up the same calls
        with Ledger.open(path) as ledger, ledger.store.moment():
            form = report.forms.get(args.format.removesuffix("-parquet"))
            if form is not None:
                return _deliver(args, form.columns, form.rows(Sources(ledger), asked))
            document = report.answer(Sources(ledger), asked)
            check_total(report, Sources(ledger), asked, document)
    except Unanswerable as error:
        return refuse(str(error))
    if not document[report.rows] and args.format == "table" and "facts" not in document:
        return refuse(f"no calls to show from {shlex.quote(str(path))}{_limits(asked)}", 0)
    if args.format == "parquet":
        return _deliver(args, *_typed(document, report.rows))
    if args.out is not None:
        save(args.out, partial(write, document, report.rows, args.format))
        return told(args.out, len(document[report.rows]))
    write(document, report.rows, args.format, sys.stdout)
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


def _deliver(args: argparse.Namespace, columns: Sequence[tuple[str, str]], rows: Iterable[Sequence[Any]]) -> int:
    """Write a flat table as CSV or, where the format says so, as Parquet."""
    if args.format.endswith("parquet"):
        return told(args.out, parquet.write(args.out, cast("Any", columns), rows))
    names = [name for name, _ in columns]
    if args.out is None:
        write_flat(names, rows, sys.stdout)
        return 0
    return told(args.out, save(args.out, partial(write_flat, names, rows)))


def told(file: Path, rows: int) -> int:
    """Say what is in the file that was written; the exit code 0."""
    say(f"{rows:,} rows are in {shlex.quote(str(file))}")
    return 0


def _typed(document: Plain, rows: str) -> tuple[list[tuple[str, str]], list[list[Cell]]]:
    """The table of a report with the types of its columns: counts are whole numbers, amounts decimals, all else text."""
    columns = [Column(**column) for column in document["columns"]]
    headers, body = table(columns, document[rows])
    kinds = dict.fromkeys((column.name for column in columns if column.kind == "count"), "count")
    amounts = {column.name for column in columns if column.kind in ("amount", "of_currency")} - {"change_percent"}
    kinds |= dict.fromkeys((*amounts, "cost"), "amount")
    return [(name, kinds.get(name, "text")) for name in headers], body


def write(document: Plain, rows: str, fmt: Format, out: TextIO) -> None:
    """Write the rows that stand under ``rows``. A table for people has a line of totals, where the report has totals.

    ``facts`` of the document stand above a table; with them, JSON is the document itself.
    """
    if fmt == "json" and "facts" in document:
        json.dump({name: found for name, found in document.items() if name not in ("columns", "facts")}, out, indent=2,
                  ensure_ascii=False)  # fmt: skip
        out.write("\n")
        return
    if fmt == "table":
        out.write("".join(f"{line}\n" for line in _facts(document.get("facts", []))))
    columns = [Column(**column) for column in document["columns"]]
    headers, body = table(columns, document[rows])
    if fmt == "table":
        keys = [number for number, column in enumerate(columns) if column.kind == "key"]
        for line in body:
            for number in keys:
                line[number] = f"(no {headers[number]})" if line[number] is None else line[number]
        body += _totals(columns, document)
        spare = {column.name: column.spare for column in columns if column.spare}
        names = [column.name for column in columns if column.kind == "key" or column.name == "model"]
        (headers, body), gone = fitted(_plain_dollars(headers, body), spare, names, room())
        if gone:
            say(f"the terminal is too narrow for the columns {', '.join(gone)}; --csv and --json have all")
    write_rows(headers, body, fmt, out)


def _facts(facts: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Lines of a name and a text, which is broken where the terminal ends."""
    indent = max((len(name) for name, _ in facts), default=0) + 2
    for name, text in facts:
        shown_text = "".join(char if char.isprintable() else "?" for char in text)
        yield from textwrap.wrap(
            f"{name:<{indent}}{shown_text}",
            max(get_terminal_size().columns, 40),
            subsequent_indent=" " * indent,
            break_on_hyphens=False,
        )
    if facts:
        yield ""


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
