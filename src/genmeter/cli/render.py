"""How the commands speak: tables for people, JSON and CSV for programs, one-line errors."""

from __future__ import annotations

import codecs
import io
import json
import sys
import unicodedata
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Literal, TextIO, TypeVar

from genmeter.reports.document import Cell
from genmeter.reports.flat import NUMBER, write_flat

Format = Literal["table", "json", "csv"]
T = TypeVar("T")


def width(text: str) -> int:
    """The columns of a terminal that the text takes: CJK and emoji take two, combining marks and joiners none.

    >>> width("gpt"), width("工单"), width("e\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def left(text: str, columns: int) -> str:
    """The text with blanks behind it, ``columns`` wide; ``str.ljust`` counts characters and not columns."""
    return text + " " * (columns - width(text))


def right(text: str, columns: int) -> str:
    """The text with blanks before it, ``columns`` wide."""
    return " " * (columns - width(text)) + text


def cut(text: str, columns: int) -> str:
    """As many characters from the front of the text as fit into ``columns``."""
    taken = 0
    for place, char in enumerate(text):
        taken += _columns(char)
        if taken > columns:
            return text[:place]
    return text


def grouped(number: int | str) -> str:
    """A number with thousands separators; the digits after a decimal point stay as they are."""
    whole, point, fraction = str(number).partition(".")
    return f"{int(whole):,}{point}{fraction}" if not whole.startswith("-0") else f"{whole}{point}{fraction}"


def aligned(cells: Sequence[str]) -> list[str]:
    """Right-aligned cells of one width, their decimal points below each other; words end where numbers end."""
    split = [cell.partition(".") if NUMBER.fullmatch(cell) else (cell, "", "") for cell in cells]
    after = max((len(point + fraction) for _, point, fraction in split), default=0)
    placed = [
        whole + (point + fraction).ljust(after) if NUMBER.fullmatch(cell) else whole
        for cell, (whole, point, fraction) in zip(cells, split, strict=True)
    ]
    widest = max((width(cell) for cell in placed), default=0)
    return [right(cell, widest) for cell in placed]


def table(headers: Sequence[str], rows: Sequence[Sequence[Cell]], *, numeric: Collection[int | str] = ()) -> str:
    """An aligned table with a ruled header; ``numeric`` names the columns, by index or header, that hold numbers.

    Integers get thousands separators, None is shown as a dash, decimal points stand below each other.
    """
    columns: list[list[str]] = []
    for index, header in enumerate(headers):
        cells = [shown(row[index]) for row in rows]
        place = left
        if index in numeric or header in numeric:
            cells, place = aligned(cells), right
        widest = max(map(width, [header, *cells]))
        columns.append([place(header, widest), "-" * widest, *(place(cell, widest) for cell in cells)])
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def write_rows(headers: Sequence[str], rows: Sequence[Sequence[Cell]], fmt: Format, out: TextIO) -> None:
    """Write rows as a table, as a JSON array of objects, or as CSV; headers are the keys, None is null or empty."""
    if fmt == "json":
        json.dump([dict(zip(headers, row, strict=True)) for row in rows], out, indent=2, ensure_ascii=False)
        out.write("\n")
    elif fmt == "csv":
        write_flat(headers, rows, out)
    else:
        out.write(rendered(headers, rows) + "\n")


def save(file: Path, write: Callable[[TextIO], T]) -> T:
    """Let ``write`` fill a file that appears only when it is whole; returns what ``write`` returns. Raises ``OSError``."""
    partial = file.with_name(f".{file.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", newline="") as out:
            done = write(out)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return done


def rendered(headers: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """The rows as a table for people; the columns that hold nothing but numbers are set to the right."""
    numeric = [index for index in range(len(headers)) if _is_numeric([row[index] for row in rows])]
    return table([header.replace("_", " ") for header in headers], rows, numeric=numeric)


def spell_out(out: TextIO) -> None:
    r"""Let ``out`` write what its encoding lacks as JSON does, ``\u5de5``: JSON stays JSON, and names stay apart."""
    if isinstance(out, io.TextIOWrapper) and out.errors in ("strict", "surrogateescape"):
        codecs.register_error("genmeter-spelled", _spelled)
        out.reconfigure(errors="genmeter-spelled")


def say(message: str) -> None:
    """One line for a person, on stderr, marked as ours."""
    print(f"genmeter: {message}", file=sys.stderr, flush=True)


def refuse(message: str, code: int = 2) -> int:
    """Print one line with the fault and its remedy; returns the exit code."""
    say(" ".join(message.split()))
    return code


def _spelled(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def _columns(char: str) -> int:
    # Cf and Me hold what joins or encloses its neighbour; a soft hyphen is Cf too, and terminals draw it
    if unicodedata.category(char) in ("Mn", "Me", "Cf") and char != "\u00ad":
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def shown(cell: Cell) -> str:
    """The cell as a table for people shows it."""
    if cell is None:
        return "-"
    if isinstance(cell, int):
        return f"{cell:,}"
    return "".join(char if char.isprintable() else "?" for char in cell)


def _is_numeric(cells: Sequence[Cell]) -> bool:
    known = [cell for cell in cells if cell is not None]
    return bool(known) and all(isinstance(cell, int) or NUMBER.fullmatch(cell) for cell in known)
