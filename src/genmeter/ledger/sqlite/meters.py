"""The lines of bills, summed: what the input, the output, the cache and all else cost together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from genmeter.ledger.call import LINE_KINDS
from genmeter.ledger.questions import Metered, Window
from genmeter.ledger.sqlite import sums
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.entries import PRICED
from genmeter.ledger.sqlite.schema import UNIT

_COUNTS: Final = tuple(count.replace("usage_", "e.usage_") for count in PRICED.values())
_PRICES: Final = tuple(f"k.price_{line}" for line in PRICED)


def metered(connection: Connection, by: Sequence[str], window: Window) -> list[Metered]:
    """The lines of the window by ``by``, by currency, by kind of line and by price."""
    where, values = sums.entries(window)
    keys, shown = sums.columns(by)
    named = ", ".join(f"{key} AS key_{place}" for place, key in enumerate(keys))
    listed = ", ".join(f"key_{place}" for place in range(len(by)))
    size = len(by)
    found: dict[tuple[Any, ...], list[int | None]] = {}
    prices = ", ".join(f"{price} AS price_{place}" for place, price in enumerate(_PRICES))
    counted = ", ".join(f"sum({count}) AS count_{place}" for place, count in enumerate(_COUNTS))
    per = ", ".join(f"price_{place}" for place in range(len(_PRICES)))
    inner = (
        f"SELECT {named}, k.currency AS currency, {prices}, {counted} FROM entries e JOIN kinds k ON k.id = e.kind"
        f" WHERE {where} AND e.cost_pico IS NOT NULL GROUP BY {listed}, currency, {per}"
    )
    # prices times counts are worked out in Python: their sum may not fit 64 bits
    outer = ", ".join(f"t.price_{place}, t.count_{place}" for place in range(len(_PRICES)))
    for row in connection.execute(f"SELECT {', '.join(shown)}, t.currency, {outer} FROM ({inner}) t", values):
        for place, line in enumerate(PRICED):
            price, count = row[size + 1 + 2 * place : size + 3 + 2 * place]
            if price is not None and count:
                sums_of = found.setdefault((row[:size], row[size], line, price), [0, 0])
                sums_of[0] = (sums_of[0] or 0) + count
                sums_of[1] = (sums_of[1] or 0) + price * count
    if connection.execute("SELECT 1 FROM extras LIMIT 1").fetchone():
        _add_rare(connection, found, (named, listed, shown, where, values))
    return [Metered(key, currency, line, price, quantity, cost or 0)
            for (key, currency, line, price), (quantity, cost) in found.items()]  # fmt: skip


def _add_rare(connection: Connection, found: dict[tuple[Any, ...], list[int | None]], asked: Any) -> None:
    """Add the lines that are kept call by call."""
    named, listed, shown, where, values = asked
    size = len(shown)
    parts = ", ".join(
        f"sum(x.line_{line} / {UNIT}) AS units_{place}, sum(x.line_{line} % {UNIT}) AS rest_{place}"
        for place, line in enumerate(LINE_KINDS)
    )
    inner = (
        f"SELECT {named}, k.currency AS currency, {parts} FROM extras x JOIN entries e ON e.id = x.id"
        f" JOIN kinds k ON k.id = e.kind WHERE {where} AND e.cost_pico IS NOT NULL GROUP BY {listed}, currency"
    )
    outer = ", ".join(f"t.units_{place}, t.rest_{place}" for place in range(len(LINE_KINDS)))
    for row in connection.execute(f"SELECT {', '.join(shown)}, t.currency, {outer} FROM ({inner}) t", values):
        for place, line in enumerate(LINE_KINDS):
            units, rest = row[size + 1 + 2 * place : size + 3 + 2 * place]
            if units is not None and (cost := units * UNIT + rest):
                found[row[:size], row[size], line, None] = [None, cost]
