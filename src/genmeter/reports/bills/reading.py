"""Files that other programs wrote: CSV and JSON in the encodings, line ends and separators that occur.

A file is read as a whole or refused with the line where it is wrong. Nothing is skipped in silence.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, cast

from genmeter.errors import GenmeterError

LARGEST: Final = 1 << 30
"""Bytes of a file at most, unpacked."""
_SEPARATORS: Final = ",;\t|"
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
_GROUPED: Final = re.compile(r"[+-]?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_CONTINENTAL: Final = re.compile(r"[+-]?([0-9]{1,3}(\.[0-9]{3})+|[0-9]+),[0-9]+")
_SIGNS: Final = "$€£¥\u00a0\u202f '"
csv.field_size_limit(1 << 24)


class Unreadable(GenmeterError, ValueError):
    """A file that cannot be read as what it should be: where it is wrong, and what to do."""


def text_of(path: Path) -> str:
    r"""The text of a file: UTF-8 or UTF-16, with or without a byte-order mark, packed by gzip or not.

    Raises ``Unreadable``, ``OSError``.

    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "bill.csv")
    ...     _ = file.write_bytes(b"\xef\xbb\xbfdate\r\n")
    ...     text_of(file)
    'date\r\n'
    """
    data = path.read_bytes()
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
                data = packed.read(LARGEST + 1)
        except (OSError, EOFError):
            raise Unreadable(f"{path}: the packed file ends too early or is damaged; download it again") from None
    if len(data) > LARGEST:
        raise Unreadable(f"{path}: the file has more than {LARGEST >> 20} MiB; split it by month")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unreadable(f"{path}: byte {error.start} is no {encoding[:6].upper()}; save the file as UTF-8") from None
    if "\0" in text:
        raise Unreadable(f"{path}: the file is no text")
    return text


def csv_rows(path: Path, needed: Sequence[str] = (), text: str | None = None) -> Iterator[tuple[int, dict[str, str]]]:
    r"""The rows of a CSV file with their line numbers. The separator is the one that the header has.

    Raises ``Unreadable`` for a header without the ``needed`` columns, a row of another length, and a quoted cell that
    does not end: the file was cut off.

    >>> import pathlib
    >>> list(csv_rows(pathlib.Path("bill.csv"), ["date"], "date;cost\r\n2026-11-30;1,5\r\n"))
    [(2, {'date': '2026-11-30', 'cost': '1,5'})]
    """
    whole = text_of(path) if text is None else text
    head = next((line for line in whole.splitlines() if line.strip()), "")
    separator = max(_SEPARATORS, key=head.count)
    reader = csv.reader(io.StringIO(whole, newline=""), delimiter=separator, strict=True)
    names: list[str] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not names:
                names = [cell.strip() for cell in row]
                lacking = [name for name in needed if name not in names]
                if lacking:
                    raise Unreadable(
                        f"{path}: the header has no column {', '.join(lacking)}; it has {', '.join(names)[:200]}"
                    )
                continue
            if len(row) != len(names):
                raise Unreadable(
                    f"{path}:{reader.line_num}: the row has {len(row)} cells and the header {len(names)}; the file may be cut"
                    " off: download it again"
                )
            yield reader.line_num, dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise Unreadable(f"{path}:{reader.line_num}: {error}; the file may be cut off: download it again") from None
    if not names:
        raise Unreadable(f"{path}: the file is empty")


def json_of(path: Path, text: str) -> list[Any]:
    r"""The JSON values of a file: one value, or one a line. Raises ``Unreadable``.

    >>> import pathlib
    >>> json_of(pathlib.Path("bill.jsonl"), '{"a": 1}\n{"a": 2}\n')
    [{'a': 1}, {'a': 2}]
    """
    decoder = json.JSONDecoder(parse_float=Decimal)
    found: list[Any] = []
    place = 0
    while True:
        while place < len(text) and text[place].isspace():
            place += 1
        if place == len(text):
            return found
        try:
            value, place = decoder.raw_decode(text, place)
        except (json.JSONDecodeError, RecursionError) as error:
            line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
            why = error.msg if isinstance(error, json.JSONDecodeError) else "it is too deep"
            raise Unreadable(f"{path}:{line}: no JSON ({why}); the file may be cut off: download it again") from None
        found.append(value)


def decimal(text: object) -> Decimal:
    """The number that a cell or a JSON value holds, with or without thousands separators. Raises ``ValueError``.

    ``1.234`` is one and a bit, and ``1,234`` twelve hundred and thirty-four, as the published formats have it; a number
    that can only be continental, such as ``1.234,56``, is read so.

    >>> [str(decimal(text)) for text in ("1,234.50", "1.234,56", " $0.10 ", "1e-7")]
    ['1234.50', '1234.56', '0.10', '1E-7']
    """
    if isinstance(text, bool) or not isinstance(text, (str, int, Decimal)):
        raise ValueError(f"{text!r} is no number")
    if not isinstance(text, str):
        return Decimal(text)
    bare = text.strip().strip(_SIGNS)
    negative = bare.startswith("(") and bare.endswith(")")
    bare = bare.strip("()").replace("\u00a0", "").replace("\u202f", "").replace("'", "").replace(" ", "")
    if _GROUPED.fullmatch(bare):
        bare = bare.replace(",", "")
    elif _CONTINENTAL.fullmatch(bare):
        bare = bare.replace(".", "").replace(",", ".")
    if not _NUMBER.fullmatch(bare):
        raise ValueError(f"{text[:40]!r} is no number")
    try:
        number = Decimal(bare)
    except InvalidOperation:
        raise ValueError(f"{text[:40]!r} is no number") from None
    return -number if negative else number


def parquet_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a Parquet file with their numbers. Raises ``Unreadable``.

    >>> import pathlib
    >>> list(parquet_rows(pathlib.Path("no.parquet")))
    Traceback (most recent call last):
    genmeter.reports.bills.reading.Unreadable: no.parquet: it is no whole Parquet file; download it again
    """
    from importlib import import_module

    try:
        pq: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise Unreadable(
            f"{path}: Parquet needs pyarrow, which the extra genmeter[parquet] brings; install it, or export CSV"
        ) from None
    try:
        rows = cast("list[dict[str, Any]]", pq.ParquetFile(path).read().to_pylist())
    except Exception:
        raise Unreadable(f"{path}: it is no whole Parquet file; download it again") from None
    yield from enumerate(rows, 1)
