"""``genmeter export``: every call of a window, one a row, for a spreadsheet or a data frame."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TextIO

from genmeter.cli.options import add_ledger
from genmeter.cli.render import refuse, save
from genmeter.cli.report import add_window, no_ledger, told, window_of
from genmeter.cli.state import state_file
from genmeter.reports.flat import write_flat
from genmeter.reports.report import Unanswerable

DESCRIPTION = """Write every call of the ledger, one a row, the newest first: who, what, tokens, and each part of the cost, exact.
CSV and JSONL go to the standard output unless --out names a file; Parquet needs --out, and pyarrow (pip install
'genmeter[parquet]'). A file appears only when it is whole. Calls that were trimmed are left as sums by day and are not here."""
FORMATS: Final = ("csv", "jsonl", "parquet")


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "export", help="every call, one a row, as CSV, JSONL or Parquet", description=DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("--format", choices=FORMATS, default="csv", help="the form of the rows (default %(default)s)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="file to write, instead of the standard output")
    add_window(parser)
    add_ledger(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the calls; 1 without a ledger or without pyarrow, 2 for a question that makes no sense."""
    from genmeter.ledger import Ledger
    from genmeter.reports import exporting, parquet

    if args.format == "parquet" and args.out is None:
        return refuse("Parquet is no text; name a file with --out")
    path: Path = args.ledger or state_file()
    try:
        window = window_of(args)
    except Unanswerable as error:
        return refuse(str(error))
    if (fault := no_ledger(path)) is not None:
        return refuse(fault, 1)
    with Ledger.open(path) as ledger:
        rows = exporting.rows(ledger, window)
        if args.format == "parquet":
            written = parquet.write(args.out, _typed(), rows)
        elif args.out is None:
            _FORMS[args.format](exporting.COLUMNS, rows, sys.stdout)
            return 0
        else:
            written = save(args.out, partial(_FORMS[args.format], exporting.COLUMNS, rows))
    return told(args.out, written)


def _typed() -> list[tuple[str, Any]]:
    from genmeter.reports.exporting import AMOUNTS, COLUMNS, COUNTS, TIMES

    kinds = {
        **dict.fromkeys(TIMES, "time"),
        **dict.fromkeys(COUNTS, "count"),
        **dict.fromkeys(AMOUNTS, "amount"),
    }
    return [(name, kinds.get(name, "text")) for name in COLUMNS]


def _jsonl(columns: Sequence[str], rows: Iterable[Sequence[Any]], out: TextIO) -> int:
    written = 0
    for row in rows:
        known = {name: cell for name, cell in zip(columns, row, strict=True) if cell is not None}
        out.write(json.dumps(known, ensure_ascii=False) + "\n")
        written += 1
    return written


_FORMS: Final = {"csv": write_flat, "jsonl": _jsonl}
