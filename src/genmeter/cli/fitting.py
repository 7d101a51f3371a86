"""Tables that are broader than the terminal: empty columns go, then the less important ones, then long names are cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from shutil import get_terminal_size
from typing import Final

from genmeter.cli.render import cut, rendered, width
from genmeter.reports.document import Cell

_NARROWEST: Final = 8
_EMPTY: Final = (None, 0, "0.00")
Table = tuple[list[str], list[list[Cell]]]


def room() -> int | None:
    """The columns of the terminal; None where the output goes to a file or a program, which takes all."""
    return get_terminal_size((0, 0)).columns or None


def fitted(table: Table, spare: Mapping[str, int], keys: Sequence[str], columns: int | None) -> tuple[Table, list[str]]:
    """The table as it fits into so many columns, and the names of the columns that had to go although they say something.

    ``spare`` is the rank of the columns that may go, the highest first; ``keys`` are the columns whose texts may be cut.
    """
    if columns is None or _broad(table) <= columns:
        return table, []
    empty = [place for place in range(len(table[0])) if all(line[place] in _EMPTY for line in table[1])]
    table = _without(table, empty)
    gone: list[str] = []
    for name in sorted((name for name in table[0] if name in spare), key=lambda name: -spare[name]):
        if _broad(table) <= columns:
            return table, gone
        table = _without(table, [table[0].index(name)])
        gone.append(name)
    headers, body = table
    while (over := _broad((headers, body)) - columns) > 0:
        places = [headers.index(name) for name in keys if name in headers]
        widths = {place: max((width(str(line[place] or "")) for line in body), default=0) for place in places}
        place = max(widths, key=lambda one: widths[one], default=None)
        if place is None or widths[place] <= _NARROWEST:
            break
        wanted = max(widths[place] - min(over, 4), _NARROWEST)
        body = [[*line[:place], _cut(line[place], wanted), *line[place + 1 :]] for line in body]
    return (headers, body), gone


def _broad(table: Table) -> int:
    return width(rendered(*table).partition("\n")[0])


def _without(table: Table, places: Sequence[int]) -> Table:
    kept = [place for place in range(len(table[0])) if place not in places]
    return [table[0][place] for place in kept], [[line[place] for place in kept] for line in table[1]]


def _cut(cell: Cell, columns: int) -> Cell:
    if not isinstance(cell, str) or width(cell) <= columns:
        return cell
    return f"{cut(cell, columns - 1)}…"
