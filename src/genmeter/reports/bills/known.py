"""Every export that can be read, and how a file is recognised by its columns."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

from genmeter.reports.bills import clouds, sellers
from genmeter.reports.bills.entry import Entry, Format
from genmeter.reports.bills.reading import Unreadable, csv_rows, json_of, parquet_rows, text_of

FORMATS: Final[tuple[Format, ...]] = (*sellers.FORMATS, *clouds.FORMATS)
"""In the order in which they are tried."""
MOST_ENTRIES: Final = 2_000_000


class Bill(NamedTuple):
    """The lines of one file. ``digest`` is the SHA-256 of its bytes, ``rows`` counts what was read.

    ``open_end``: the last line has no line end. Some programs write such files, and so does a download that broke off.
    """

    path: Path
    format: Format
    entries: list[Entry]
    rows: int
    digest: str
    open_end: bool = False


def read(path: Path) -> Bill:
    r"""The bill in a file: CSV, JSON, one JSON value a line, or Parquet. Raises ``Unreadable``, ``OSError``.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "costs.csv")
    ...     _ = file.write_text("start_time,amount_value,line_item\n1795132800,0.5,\"gpt-5, input\"\n")
    ...     read(file).entries[0].model
    'gpt-5'
    """
    found: Format | None = None
    entries: list[Entry] = []
    number = rows = 0
    for number, cells in _rows(path):
        found = found or _recognised(path, cells)
        rows += 1
        try:
            entries += found.read(cells)
        except (ValueError, KeyError, ArithmeticError, AttributeError) as error:
            lacking = f"the column {error} is missing" if isinstance(error, KeyError) else str(error)
            raise Unreadable(
                f"{path}:{number}: {lacking}, read as {found.title}; mend the line or download the file again"
            ) from None
        if len(entries) > MOST_ENTRIES:
            raise Unreadable(f"{path}: more than {MOST_ENTRIES:,} lines; split the file by month")
    if found is None or not entries:
        raise Unreadable(
            f"{path}: the file has a header and no line of a bill; choose the days that you want in the export"
        )
    data = path.read_bytes()
    open_end = path.suffix.lower() in (".csv", ".tsv", ".txt") and data[:2] != b"\x1f\x8b" and b"\n" not in data[-2:]
    return Bill(path, found, entries, rows, hashlib.sha256(data).hexdigest(), open_end)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix.lower() == ".parquet":
        yield from parquet_rows(path)
        return
    text = text_of(path)
    if text.lstrip()[:1] in ("{", "["):
        number = 0
        for value in json_of(path, text):
            for row in _flat(path, value):
                number += 1
                yield number, row
        return
    yield from csv_rows(path, text=text)


def _flat(path: Path, value: Any) -> Iterator[dict[str, Any]]:
    """The rows of a JSON value: of a list, of a page of an API, or of the buckets in it."""
    if isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _flat(path, one)
        return
    if not isinstance(value, dict):
        raise Unreadable(f"{path}: {str(value)[:40]!r} is no row of a bill; it should be an object")
    page = cast("dict[str, Any]", value)
    if page.get("has_more") is True:
        raise Unreadable(
            f"{path}: it is one page of several (has_more is true); put all pages into the file, one a line, or ask for more days a page"
        )
    inner = page.get("data", page.get("results"))
    if not isinstance(inner, list):
        yield page
        return
    outer = {name: one for name, one in page.items() if name not in ("data", "results", "object")}
    for one in cast("list[Any]", inner):
        for row in _flat(path, one):
            yield {**outer, **row}


def _recognised(path: Path, cells: dict[str, Any]) -> Format:
    columns = set(cells) | {name.lower() for name in cells}
    for one in FORMATS:
        if one.needs <= columns:
            return one
    titles = ", ".join(dict.fromkeys(one.title for one in FORMATS))
    raise Unreadable(
        f"{path}: the columns {', '.join(cells)[:160]} are of no export that genmeter knows; it reads {titles}"
    )
