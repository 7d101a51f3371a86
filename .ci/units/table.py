"""The table of billable units, ``pricing/data/units.json``, read and checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "genmeter" / "pricing" / "data" / "units.json"
TOTALS = ("input", "output")
"""Units that a response may leave out: unknown is not zero for them."""
PLAIN = (*TOTALS, "cache_read", "cache_write")
"""What the common call uses, text in and text out; it is priced on a path of its own."""


class TableError(Exception):
    """The table contradicts itself; the message names the unit."""


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
    """The table. Raises ``TableError``."""
    data: dict[str, Any] = json.loads(SOURCE.read_text("utf-8"))
    units = (Unit(**{**row, "also": tuple(row["also"]), "parents": tuple(row["parents"])}) for row in data["units"])
    table = Table(
        {name: Measure(name, **row) for name, row in data["measures"].items()},
        tuple(units),
        tuple(Line(**row) for row in data["lines"]),
    )
    _check(table)
    return table


def _check(table: Table) -> None:
    lines = {line.name for line in table.lines}
    spelled: dict[str, str] = {}
    before: set[str] = set()
    for unit in table.units:
        strange = [name for name in (*unit.parents, *filter(None, [unit.like])) if name not in before]
        if unit.name in before or strange:
            raise TableError(f"{unit.name}: stands twice, or names {strange} before they are there")
        if unit.measure not in table.measures or (unit.line and unit.line not in lines):
            raise TableError(f"{unit.name}: no measure {unit.measure!r}, or no line {unit.line!r}")
        if (unit.column is None) != (unit.line is None):
            raise TableError(f"{unit.name}: a column needs a line of the bill, and a line a column")
        if any(table.by_name[parent].measure != unit.measure for parent in unit.parents):
            raise TableError(f"{unit.name}: a part is counted in the measure of its total")
        for name in filter(None, [unit.attribute, *unit.also]):
            if spelled.setdefault(name, unit.name) != unit.name:
                raise TableError(f"{unit.name}: {name} spells {spelled[name]} already")
        before.add(unit.name)
    if unbilled := lines - {str(unit.line) for unit in table.units}:
        raise TableError(f"lines without a unit: {', '.join(sorted(unbilled))}")
    if table.lines[-1].name != "request":
        raise TableError("the line of the call itself stands last: its product is added last")
