"""How the commands speak: tables for people, JSON and CSV for programs, one-line errors."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Collection, Sequence
from typing import Literal, TextIO

from genmeter.reports.document import Cell

Format = Literal["table", "json", "csv"]

_NUMBER = re.compile(r"-?[\d,]+(\.\d+)?")


def grouped(number: int | str) -> str:
    """A number with thousands separators; the digits after a decimal point stay as they are."""
    whole, point, fraction = str(number).partition(".")
    return f"{int(whole):,}{point}{fraction}" if not whole.startswith("-0") else f"{whole}{point}{fraction}"


def aligned(cells: Sequence[str]) -> list[str]:
    """Right-aligned cells of one width, their decimal points below each other; words end where numbers end."""
    split = [cell.partition(".") if _NUMBER.fullmatch(cell) else (cell, "", "") for cell in cells]
    after = max((len(point + fraction) for _, point, fraction in split), default=0)
    placed = [
        whole + (point + fraction).ljust(after) if _NUMBER.fullmatch(cell) else whole
        for cell, (whole, point, fraction) in zip(cells, split, strict=True)
    ]
    width = max((len(cell) for cell in placed), default=0)
    return [cell.rjust(width) for cell in placed]


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, right: Collection[int | str] = ()) -> str:
    """An aligned table with a ruled header; ``right`` names the columns, by index or header, that hold numbers.

    Integers get thousands separators, None is shown as a dash, decimal points stand below each other.
    """
    columns: list[list[str]] = []
    for index, header in enumerate(headers):
        cells = [_shown(row[index]) for row in rows]
        if index in right or header in right:
            cells = aligned(cells)
            width = max([len(header), *map(len, cells)])
            columns.append([header.rjust(width), "-" * width, *(cell.rjust(width) for cell in cells)])
        else:
            width = max([len(header), *map(len, cells)])
            columns.append([header.ljust(width), "-" * width, *(cell.ljust(width) for cell in cells)])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def write_rows(headers: Sequence[str], rows: Sequence[Sequence[Cell]], fmt: Format, out: TextIO) -> None:
    """Write rows as a table, as a JSON array of objects, or as CSV; headers are the keys, None is null or empty."""
    if fmt == "json":
        json.dump([dict(zip(headers, row, strict=True)) for row in rows], out, indent=2, ensure_ascii=False)
        out.write("\n")
    elif fmt == "csv":
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(headers)
        writer.writerows([_unformulated(cell) for cell in row] for row in rows)
    else:
        numeric = [index for index in range(len(headers)) if _is_numeric([row[index] for row in rows])]
        out.write(table([header.replace("_", " ") for header in headers], rows, right=numeric) + "\n")


def say(message: str) -> None:
    """One line for a person, on stderr, marked as ours."""
    print(f"genmeter: {message}", file=sys.stderr, flush=True)


def refuse(message: str, code: int = 2) -> int:
    """Say in one line what is wrong and what to do about it; returns the exit code."""
    say(" ".join(message.split()))
    return code


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, int):
        return f"{cell:,}"
    return "".join(char if char.isprintable() else "?" for char in cell)


def _is_numeric(cells: Sequence[Cell]) -> bool:
    known = [cell for cell in cells if cell is not None]
    return bool(known) and all(isinstance(cell, int) or _NUMBER.fullmatch(cell) for cell in known)


def _unformulated(cell: Cell) -> Cell:
    # A spreadsheet runs a cell that starts with one of these as a formula; model and user names come from outside.
    if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t") and not _NUMBER.fullmatch(cell):
        return "'" + cell
    return cell
