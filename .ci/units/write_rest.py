"""The table's words in files that hold more than it: the page, the list of names, catalogues and their schema, migrations."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

from table import ROOT, Table, TableError, Unit

NAMES = ROOT / "tests" / "vectors" / "names.json"
SCHEMA = ROOT / "src" / "genmeter" / "pricing" / "data" / "schema.json"
CATALOGUE = SCHEMA.with_name("catalogue.json")
TWIN = ROOT / "src" / "genaicostprocessor" / "internal" / "pricing" / "data" / "catalogue.json"
MIGRATIONS = ROOT / "src" / "genmeter" / "ledger" / "sqlite" / "migrations"


def page(table: Table) -> str:
    """``units.js``: what the page calls units and lines, and what it shows inside a total."""
    units = "\n".join(f"  {unit.name}: {json.dumps(unit.label)}," for unit in table.counted)
    lines = "\n".join(f"  {line.name}: {json.dumps(line.label)}," for line in table.lines)

    def inside(total: str) -> list[str]:
        return [unit.name for unit in table.counted if unit.measure == "token" and _under(table, unit, total)]

    apart = [unit.name for unit in table.counted if unit.measure != "token"]
    return f""""use strict";
// Written by `make units` from pricing/data/units.json; change that file, never this one.

const UNITS = {{
{units}
}};
const LINES = {{
{lines}
}};
const INPUT_PARTS = {json.dumps(inside("input"))};
const OUTPUT_PARTS = {json.dumps(inside("output"))};
const OTHER_UNITS = {json.dumps(apart)};
"""


def _under(table: Table, unit: Unit, total: str) -> bool:
    return total in unit.parents or any(_under(table, table.by_name[name], total) for name in unit.parents)


def names(table: Table) -> str:
    """``tests/vectors/names.json`` with the attributes of units and lines."""
    listed: dict[str, Any] = json.loads(NAMES.read_text("utf-8"))
    kept = listed["attributes"]
    ours = {unit.constant for unit in table.counted}
    first = next(number for number, row in enumerate(kept) if row["constant"] in ours)
    before = [row for row in kept[:first] if not _generated(row, ours)]
    after = [row for row in kept[first:] if not _generated(row, ours)]
    counts = [
        _named(unit.constant, str(unit.attribute), "int", table.measures[unit.measure].ucum) for unit in table.counted
    ]
    money = [_named(f"COST_LINES[{one.name}]", f"genmeter.cost.{one.name}", "double", "USD") for one in table.lines]
    listed["attributes"] = [*before, *counts, *after, *money]
    listed["closed_lists"]["cost_kinds"] = [line.name for line in table.lines]
    return _listed(listed)


def _generated(row: dict[str, Any], ours: set[str]) -> bool:
    return row["constant"] in ours or row["constant"].startswith("COST_LINES[")


def _named(constant: str, name: str, kind: str, unit: str) -> dict[str, str]:
    source = "genmeter" if name.startswith("genmeter.") else "convention"
    return {
        "constant": constant,
        "name": name,
        "type": kind,
        "unit": unit,
        "source": source,
        "stability": "development",
    }


def _listed(listed: dict[str, Any]) -> str:
    parts: list[str] = []
    for key, value in listed.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in value)
            parts.append(f"  {json.dumps(key)}: [\n{rows}\n  ]")
        elif isinstance(value, dict):
            rows = ",\n".join(
                f"    {json.dumps(name)}: {json.dumps(one, ensure_ascii=False)}" for name, one in value.items()
            )
            parts.append(f"  {json.dumps(key)}: {{\n{rows}\n  }}")
        else:
            parts.append(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def schema(table: Table) -> str:
    """``schema.json`` of the catalogue with the columns of a row."""
    text = SCHEMA.read_text("utf-8")
    columns = [unit.column for unit in table.columns]
    text = re.sub(r'("columns": \{\s*"const": )\[[^\]]*\]', lambda found: found[1] + json.dumps(columns), text)
    return re.sub(r'("cells": \{"type": "array", "maxItems": )\d+', rf"\g<1>{len(columns)}", text)


def catalogue(table: Table) -> str:
    """``catalogue.json`` with the columns of a row: its prices stay, and a new column has none before ``make prices``."""
    text = CATALOGUE.read_text("utf-8")
    old: list[str] = json.loads(text)["columns"]
    new = [str(unit.column) for unit in table.columns]
    if old == new:
        return text
    if gone := [column for column in old if column not in new]:
        raise TableError(f"units: no unit has the column {gone[0]!r}, which the catalogue prices; put it back")

    def moved(row: list[int | None]) -> list[int | None]:
        cells = dict(zip(old, row, strict=False))
        made = [cells.get(column) for column in new]
        while made and made[-1] is None:
            made.pop()
        return made

    def plan(line: str) -> str:
        editions = json.loads(line.removesuffix(","))
        for part in [one for edition in editions for one in (edition, *edition.get("windows", ()))]:
            part["rows"] = [[over, moved(row)] for over, row in part["rows"]]
        return _compact(editions) + "," * line.endswith(",")

    head, start, plans = text.partition('"plans": [\n')
    head = head.replace(f'"columns": {_compact(old)}', f'"columns": {_compact(new)}')
    lines = plans.removesuffix("\n]\n}\n").split("\n")
    return head + start + "\n".join(map(plan, lines)) + "\n]\n}\n"


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def migration(table: Table) -> tuple[Path, str] | None:
    """The script that gives ledgers the columns that no script has given them yet; None when none are missing."""
    scripts = sorted(MIGRATIONS.glob("[0-9]*.sql"))
    connection = sqlite3.connect(":memory:")
    for function in ("packed", "response_head", "response_rest", "response_mark"):
        # scripts call functions of the ledger; here there are no rows for them
        connection.create_function(function, 1, str)
    for script in scripts:
        connection.executescript(script.read_text("utf-8"))
    tables = ("entries", "extras", "daily")
    own, extras, daily = ({row[1] for row in connection.execute(f"PRAGMA table_info({name})")} for name in tables)
    connection.close()
    calls = own | extras
    usage = [f"usage_{unit.name}" for unit in table.counted]
    lines = [f"line_{line.name}" for line in table.lines]
    wanted = [f"ALTER TABLE extras ADD COLUMN {name} INTEGER;" for name in (*usage, *lines) if name not in calls]
    wanted += [
        f"ALTER TABLE daily ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0;" for name in usage if name not in daily
    ]
    if not wanted:
        return None
    about = "-- Columns of new billable units, written by `make units` and frozen since."
    return MIGRATIONS / f"{len(scripts) + 1:04}.sql", "\n".join([about, *wanted]) + "\n"
