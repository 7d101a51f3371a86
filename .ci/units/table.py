"""The table of billable units, ``pricing/data/units.json``, read and checked."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "genmeter" / "pricing" / "data" / "units.json"
TOTALS = ("input", "output")
"""Units that a response may leave out: unknown is not zero for them."""
PLAIN = (*TOTALS, "cache_read", "cache_write")
"""What the common call uses, text in and text out; it is priced on a path of its own."""


T = TypeVar("T")


class TableError(Exception):
    """The table cannot be used; the message is one sentence that names the row and says what to write."""


@dataclass(frozen=True)
class Measure:
    """What a quantity counts: its unit in UCUM, and per how many of them a price is published."""

    name: str
    ucum: str
    per: int
    words: str
    short: str


@dataclass(frozen=True)
class Unit:
    """One row of the table; what each part means stands in the file."""

    name: str
    attribute: str | None
    also: tuple[str, ...]
    parents: tuple[str, ...]
    measure: str
    label: str
    words: str
    modality: str | None = None
    column: str | None = None
    line: str | None = None
    option: str | None = None
    like: str | None = None
    upstream: str | None = None

    @property
    def constant(self) -> str:
        """The name of the attribute's constant: ``CACHE_READ_TOKENS``, ``SEARCHES``."""
        return self.name.upper() + ("_TOKENS" if self.measure == "token" else "")

    @property
    def plain(self) -> bool:
        """Whether the unit counts tokens of text, or tokens of every kind."""
        return self.measure == "token" and self.modality is None

    @property
    def camel(self) -> str:
        """The name in Go: ``CacheWrite1h``."""
        return "".join(part.capitalize() for part in self.name.split("_"))


@dataclass(frozen=True)
class Line:
    """One line of a bill, and its words on the page."""

    name: str
    label: str


@dataclass(frozen=True)
class Table:
    """All of it: ``units`` in the order of attributes and columns, ``lines`` in the order of a bill."""

    measures: dict[str, Measure]
    units: tuple[Unit, ...]
    lines: tuple[Line, ...]

    @cached_property
    def by_name(self) -> dict[str, Unit]:
        """Name → unit."""
        return {unit.name: unit for unit in self.units}

    @cached_property
    def counted(self) -> tuple[Unit, ...]:
        """The units that a response counts and a span carries; the call itself is not among them."""
        return tuple(unit for unit in self.units if unit.attribute)

    @cached_property
    def columns(self) -> tuple[Unit, ...]:
        """The units that have a price column, in the order of columns."""
        return tuple(unit for unit in self.units if unit.column)

    @cached_property
    def terms(self) -> tuple[Unit, ...]:
        """The counted units with a price, in the order in which their products stand on a bill."""
        order = [line.name for line in self.lines]
        priced = [unit for unit in self.counted if unit.line]
        return tuple(sorted(priced, key=lambda unit: order.index(str(unit.line))))

    def parts(self, unit: Unit) -> tuple[Unit, ...]:
        """All billed units inside ``unit``, however deep."""
        return tuple(one for one in self.terms if one is not unit and self._inside(one, unit.name))

    def _inside(self, unit: Unit, total: str) -> bool:
        return total in unit.parents or any(self._inside(self.by_name[parent], total) for parent in unit.parents)

    def leaf(self, unit: Unit) -> dict[str, int]:
        """What is left of ``unit`` without its parts: unit → how often it is added. A part of two parts goes once."""
        made = {unit.name: 1}
        for part in self.parts(unit):
            for name, times in self.leaf(part).items():
                made[name] = made.get(name, 0) - times
        return {name: times for name, times in made.items() if times}


def read() -> Table:
    """The table, with the lines in the order of a bill. Raises ``TableError``."""
    try:
        data: dict[str, Any] = json.loads(SOURCE.read_text("utf-8"))
    except json.JSONDecodeError as error:
        raise TableError(f"line {error.lineno} is not valid JSON: {error.msg}") from None
    units = [_row(Unit, "units", row) for row in data["units"]]
    lines = [_row(Line, "lines", row) for row in data["lines"]]
    measures = [_row(Measure, "measures", {"name": name, **row}) for name, row in data["measures"].items()]
    _check_units(units, [one.name for one in measures], [one.name for one in lines])
    _check_lines(units, lines)
    return Table({one.name: one for one in measures}, tuple(units), tuple(_ordered(units, lines)))


def _row(kind: Callable[..., T], table: str, row: dict[str, Any]) -> T:
    """One row of the file as a record of ``kind``; its lists become tuples."""
    name = row.get("name", "a row without a name")
    known = fields(kind)  # type: ignore[arg-type]
    for key in row:
        _known(f"{table}: {name}", "key", key, [field.name for field in known])
    for field in known:
        if field.name not in row and field.default is MISSING:
            raise TableError(f"{table}: {name}: the key {field.name!r} is missing")
    return kind(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})


def _known(place: str, kind: str, name: str, known: Iterable[str]) -> None:
    """Raise ``TableError`` with the known names and the nearest of them where ``name`` is not among them."""
    known = list(known)
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    advice = f"did you mean {near[0]!r}? There are" if near else "there are"
    raise TableError(f"{place}: unknown {kind} {name!r}; {advice} {', '.join(known)}")


def _check_units(units: list[Unit], measures: list[str], lines: list[str]) -> None:
    by_name = {unit.name: unit for unit in units}
    if [unit.name for unit in units[: len(PLAIN)]] != list(PLAIN):
        raise TableError(f"units: {', '.join(PLAIN)} stand first; move the other units below them")
    taken: dict[tuple[str, str], str] = {}
    for unit in units:
        place = f"units: {unit.name}"
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", unit.name):
            raise TableError(f"{place}: a name is made of small letters, digits and single underscores")
        _known(place, "measure", unit.measure, measures)
        if (unit.column is None) != (unit.line is None):
            raise TableError(f"{place}: a unit that is billed has both a column and a line, any other unit has neither")
        if unit.line is not None:
            _known(place, "line", unit.line, lines)
        for parent in unit.parents:
            _known(place, "parent", parent, by_name)
            if by_name[parent].measure != unit.measure:
                raise TableError(f"{place}: its measure is not that of its total {parent!r}")
        if unit.name in _above(unit, by_name, ()):
            raise TableError(f"{place}: is a part of itself; check the parents")
        if unit.like is not None:
            _known(
                place,
                "unit with a column of its own name, as like",
                unit.like,
                [u.name for u in units if u.name == u.column],
            )
        option = unit.option or unit.name.replace("_", "-")
        names = [("name", unit.name), ("column", unit.column), ("option", option)]
        for kind, name in [*names, *(("attribute", name) for name in (unit.attribute, *unit.also))]:
            if name and taken.setdefault((kind, name), unit.name) is not unit.name:
                raise TableError(f"{place}: the {kind} {name!r} stands at {taken[kind, name]} already")


def _above(unit: Unit, by_name: dict[str, Unit], seen: tuple[str, ...]) -> set[str]:
    """All totals that contain ``unit``; a unit that is met again ends the walk."""
    found = set(unit.parents)
    for name in unit.parents:
        if name in by_name and name not in seen:
            found |= _above(by_name[name], by_name, (*seen, name))
    return found


def _check_lines(units: list[Unit], lines: list[Line]) -> None:
    for line in lines:
        on_it = [unit for unit in units if unit.line == line.name]
        if not on_it:
            raise TableError(f"lines: {line.name}: no unit is billed on it; remove it, or name it in a unit")
        if len({unit.plain for unit in on_it}) > 1:
            raise TableError(f"lines: {line.name}: has text and another modality; give each a line of its own")
        if len([one for one in lines if one.name == line.name]) > 1:
            raise TableError(f"lines: {line.name}: stands twice")
    _known("lines", "line of the call itself", "request", [line.name for line in lines])


def _ordered(units: list[Unit], lines: list[Line]) -> list[Line]:
    """The lines of a bill: text first, the call itself last, and the file's order between them.

    The common call is text alone and is priced by the first products; the product of the call itself is added last.
    """
    text = {str(unit.line) for unit in units if unit.plain}
    return sorted(lines, key=lambda line: (line.name == "request", line.name not in text))
