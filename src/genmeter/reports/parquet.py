"""Rows as a Parquet file, by pyarrow, which the extra ``genmeter[parquet]`` brings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

from genmeter.errors import GenmeterError

Type = Literal["text", "count", "amount", "time"]
AT_ONCE: Final = 20_000
"""Rows that are in memory at a time."""
DIGITS: Final = 38
DECIMALS: Final = 12
"""An amount is a decimal of so many digits, twelve of them behind the point: a pico-unit is exact."""


class NoParquet(GenmeterError):
    """pyarrow is not installed."""


def write(file: Path, columns: Sequence[tuple[str, Type]], rows: Iterable[Sequence[Any]]) -> int:
    """Write the rows to a file and return how many they were. Amounts are decimal text or None, times ISO 8601.

    The file appears only when it is whole. Raises ``NoParquet`` and ``OSError``.

    >>> import importlib.util, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "calls.parquet")
    ...     rows = 1 if importlib.util.find_spec("pyarrow") is None else write(file, [("cost", "amount")], [["1.50"]])
    >>> rows
    1
    """
    try:
        pa: Any = import_module("pyarrow")
        pq: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise NoParquet(
            "Parquet needs pyarrow, which the extra genmeter[parquet] brings; install it, or choose CSV"
        ) from None
    types: dict[Type, Any] = {
        "text": pa.string(),
        "count": pa.int64(),
        "amount": pa.decimal128(DIGITS, DECIMALS),
        "time": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([pa.field(name, types[kind]) for name, kind in columns])
    left, written = iter(rows), 0
    partial = file.with_name(f".{file.name}.partial")
    try:
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            while part := list(islice(left, AT_ONCE)):
                arrays = [
                    pa.array([_READ[kind](row[place]) for row in part], types[kind])
                    for place, (_, kind) in enumerate(columns)
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
                written += len(part)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return written


_READ: Final[dict[Type, Callable[[Any], Any]]] = {
    "text": lambda value: value,
    "count": lambda value: value,
    "amount": lambda value: None if value is None else Decimal(value),
    "time": lambda value: None if value is None else datetime.fromisoformat(value),
}
