"""Rows as CSV that a spreadsheet opens without harm."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Final, TextIO

from genmeter.reports.document import Cell

_SIGNS: Final = frozenset("=+-@＝＋－＠")
"""The first characters of a formula, also as East Asian keyboards write them."""
NUMBER: Final = re.compile(r"-?[\d,]+(\.\d+)?")
"""A number as reports write it."""


def write_flat(headers: Sequence[str], rows: Iterable[Sequence[Cell]], out: TextIO) -> int:
    """Write rows as CSV while they come; returns how many they were. None is an empty cell.

    >>> import sys
    >>> write_flat(["model", "calls"], [["=cmd", 2]], sys.stdout)
    model,calls
    '=cmd,2
    1
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(headers)
    written = 0
    for row in rows:
        writer.writerow([harmless(cell) for cell in row])
        written += 1
    return written


def harmless(cell: Cell) -> Cell:
    """The cell as CSV may have it: no spreadsheet takes it for a formula, and it stays in its row.

    >>> harmless("@SUM(A1)"), harmless("-0.50")
    ("'@SUM(A1)", '-0.50')
    """
    # A spreadsheet runs a cell that starts with one of these as a formula; model and user names come from outside. Some
    # spreadsheets skip blanks and invisible characters before the sign. A control character may end the row, even
    # between quotes: Python 3.11 writes a lone carriage return without them.
    if not isinstance(cell, str) or NUMBER.fullmatch(cell):
        return cell
    line = "".join("?" if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in cell)
    first = next((char for char in line if not char.isspace() and unicodedata.category(char) != "Cf"), "")
    return "'" + line if first in _SIGNS else line
