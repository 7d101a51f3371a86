"""Plain documents: the text of money, and the rows of a document as lines of cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, cast

from genmeter.model import PICO, usd
from genmeter.reports.report import Column, Kind, Plain

Cell = str | int | None
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def money(cost: Mapping[str, int]) -> dict[str, str]:
    """Pico units by currency as exact decimal text by currency, in the order of the alphabet.

    >>> money({"USD": 12_500_000_000, "EUR": 2 * 10**12})
    {'EUR': '2.00', 'USD': '0.0125'}
    """
    return {currency: usd(pico) for currency, pico in sorted(cost.items())}


def add(cost: MutableMapping[str, int], currency: str | None, pico: int) -> None:
    """Add ``pico`` units of ``currency`` to a cost; a ``currency`` of None is a group without a cost, and adds nothing.

    A row of a report is the sum of several groups of the ledger, so an amount is added and never written over.

    >>> cost = {"USD": 5}
    >>> add(cost, "USD", 7)
    >>> add(cost, None, 0)
    >>> cost
    {'USD': 12}
    """
    if currency is not None:
        cost[currency] = cost.get(currency, 0) + pico


def table(columns: Sequence[Column], rows: Sequence[Plain]) -> tuple[list[str], list[list[Cell]]]:
    """Headers and lines of cells. A cost has two columns, and a line for each currency.

    Only the first line of a row has its counts, so that each column may be added up.

    >>> columns = [Column("model", "key"), Column("calls", "count"), Column("cost", "cost")]
    >>> table(columns, [{"model": "m", "calls": 2, "cost": {"EUR": "1.00", "USD": "0.50"}}])
    (['model', 'calls', 'cost', 'currency'], [['m', 2, '1.00', 'EUR'], ['m', None, '0.50', 'USD']])
    """
    headers = [
        name for column in columns for name in (("cost", "currency") if column.kind == "cost" else (column.name,))
    ]
    return headers, [line for row in rows for line in _lines(columns, row)]


def value(row: Plain, column: Column) -> Any:
    """What a plain row has for the column, None where it has nothing.

    >>> value({"tokens": {"input": 7}}, Column("input", "count", "tokens.input"))
    7
    """
    found: Any = row
    for level in (column.path or column.name).split("."):
        found = cast(Plain, found).get(level) if isinstance(found, dict) else None
    return found


def _lines(columns: Sequence[Column], row: Plain) -> Iterator[list[Cell]]:
    amounts: dict[Column, dict[str, str]] = {
        column: value(row, column) or {} for column in columns if column.kind in ("cost", "of_currency")
    }
    known = sorted(set[str]().union(*amounts.values()))
    for number, currency in enumerate(known or [None]):
        cells: list[Cell] = []
        for column in columns:
            if column in amounts:
                amount = amounts[column].get(currency) if currency else None
                cells += [amount, currency] if column.kind == "cost" else [amount]
            elif number and column.kind not in ("key", "text", "trace"):
                cells.append(None)
            else:
                found = value(row, column)
                cells.append(None if found is None else _CELLS[column.kind](found))
        yield cells


def _rounded(amount: str) -> str:
    return usd(int(Decimal(amount).quantize(Decimal("0.000001"), ROUND_HALF_UP) * PICO))


def _moment(microseconds: int) -> str:
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


_CELLS: Final[dict[Kind, Callable[[Any], Cell]]] = {
    "key": str,
    "text": str,
    "trace": str,
    "count": int,
    "number": str,
    "amount": str,
    "estimate": _rounded,
    "percent": "{}%".format,
    "scope": lambda scope: " ".join(f"{name}={wanted}" for name, wanted in scope.items()) or "everything",
    "time_us": _moment,
    "duration_ns": lambda nanoseconds: f"{nanoseconds // 1_000_000 / 1000:.3f}",
}
