"""The table as ``genmeter/units.py``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from table import PLAIN, TOTALS, Table, Unit

HEAD = '''"""The billable units: what a call's usage counts, how each count is spelled, and which price and line it has.

Written by `make units` from pricing/data/units.json; change that file, never this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple
'''


_LOCAL = {"input": "into", "output": "out"}
"""Locals of totals: ``input`` is a function of Python."""


def text(table: Table) -> str:
    """The module, as the formatter leaves it."""
    parts = [HEAD, _constants(table), _usage(table), _columns(table), _functions(table)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _tuple(items: Iterable[str]) -> str:
    """Without a comma at its end, which the formatter would take for a wish to have one item a line."""
    listed = list(items)
    return f"({', '.join(listed)}{',' if len(listed) == 1 else ''})"


def _natural(name: str) -> list[tuple[int, int | str]]:
    """The linter's order: 1H stands before 12H."""
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", name)]


def _constants(table: Table) -> str:
    names = [unit.constant for unit in table.counted]
    spelled = [f"{unit.constant}: Final = {_quoted(str(unit.attribute))}" for unit in table.counted]
    fields = [f"    {_quoted(unit.name)}: {unit.constant}," for unit in table.counted]
    lines = [f"    {_quoted(line.name)}," for line in table.lines]
    also = [f"    {_quoted(unit.name)}: {_tuple(map(_quoted, unit.also))}," for unit in table.counted if unit.also]
    public = sorted([*names, "COST_KINDS", "COST_LINES", "USAGE_TOKENS"], key=_natural)
    return "\n".join(
        [
            "__all__ = [",
            *(f"    {_quoted(name)}," for name in public),
            "]",
            "",
            *spelled,
            "",
            "USAGE_TOKENS: Final = {",
            *fields,
            "}",
            '"""Field of ``Usage`` → attribute, in the order they are written."""',
            "ALSO_SPELLED: Final[dict[str, tuple[str, ...]]] = {",
            *also,
            "}",
            '"""Field of ``Usage`` → other spellings that are read, in the order in which they count."""',
            "COST_KINDS: Final = (",
            *lines,
            ")",
            '"""Lines of a bill. They exclude each other, so they add up to the total."""',
            'COST_LINES: Final = {kind: f"genmeter.cost.{kind}" for kind in COST_KINDS}',
        ]
    )


def _usage(table: Table) -> str:
    fields = [
        f"    {unit.name}: {'int | None = None' if unit.name in TOTALS else 'int = 0'}  # {unit.words}"
        for unit in table.counted
    ]
    return "\n".join(
        [
            "@dataclass(slots=True)",
            "class Usage:",
            '    """What one call used. Totals include their parts; None is unknown, never zero.',
            "",
            "    Parts are 0 when the provider did not report them. A count in another unit than tokens is no part of one.",
            '    """',
            "",
            *fields,
        ]
    )


def _columns(table: Table) -> str:
    used = {str(unit.measure) for unit in table.columns}
    measures = [
        f"    {_quoted(name)}: Measure({one.per}, {_quoted(one.words)}, {_quoted(one.short)}),"
        for name, one in table.measures.items()
        if name in used
    ]
    place = {unit.name: number for number, unit in enumerate(table.columns)}
    columns = [f"    {_quoted(str(unit.column))}: MEASURES[{_quoted(unit.measure)}]," for unit in table.columns]
    terms = [
        f"    ({_quoted(str(unit.line))}, {place[unit.name]}, MEASURES[{_quoted(unit.measure)}]),"
        for unit in table.terms
    ]
    apart = [unit for unit in table.counted if unit.measure != "token"]
    like = {str(unit.column): unit.like for unit in table.columns if unit.like}
    options = {
        unit.option or unit.name.replace("_", "-"): (unit.name, unit.words) for unit in table.counted if unit.column
    }
    return "\n".join(
        [
            "class Measure(NamedTuple):",
            '    """Per how many of what a price is published, in words for a sentence and for a table."""',
            "",
            "    per: int",
            "    words: str",
            "    short: str",
            "",
            "",
            "MEASURES: Final = {",
            *measures,
            "}",
            "COLUMNS: Final = {",
            *columns,
            "}",
            '"""Price column → its measure, in the order in which columns stand in a row."""',
            "TERMS: Final = (",
            *terms,
            ")",
            '"""Line of the bill, number of the price column and its measure, for each of ``leaves``."""',
            f"LIKE: Final[dict[str, str]] = {json.dumps(like)}",
            '"""Column → the column whose price a row of the user\'s own takes, where it does not say this one."""',
            "OPTIONS: Final = {",
            *(
                f"    {_quoted(name)}: ({_quoted(field)}, {_quoted(words)}),"
                for name, (field, words) in options.items()
            ),
            "}",
            '"""Option of ``genmeter price`` → field of ``Usage`` and words for a person."""',
            f"APART: Final = {{{', '.join(f'{_quoted(one.name)}: {_quoted(one.label.lower())}' for one in apart)}}}",
            '"""Fields of ``Usage`` that are no tokens, and their words: they are part of no sum of tokens."""',
            f"BEYOND_TEXT: Final = {_tuple(_quoted(unit.name) for unit in table.terms if unit.name not in PLAIN)}",
            '"""Fields of ``Usage`` that are billed and are neither plain text nor its cache."""',
            "MODALITIES: Final[dict[str, tuple[tuple[str, str], ...]]] = {",
            *_modalities(table),
            "}",
            '"""Total → (modality, field) of the parts that it is told in."""',
        ]
    )


def _modalities(table: Table) -> list[str]:
    made: list[str] = []
    for total in table.counted:
        parts = [unit for unit in table.counted if total.name in unit.parents and unit.modality]
        if parts and not total.modality:
            pairs = _tuple(f"({_quoted(str(unit.modality))}, {_quoted(unit.name)})" for unit in parts)
            made.append(f"    {_quoted(total.name)}: {pairs},")
    return made


def _functions(table: Table) -> str:
    beyond = [unit.name for unit in table.terms if unit.name not in PLAIN]
    return "\n".join(
        [
            "def plain(usage: Usage) -> bool:",
            '    """Whether a call used nothing but text and its cache."""',
            "    return not (",
            "        " + "\n        or ".join(f"usage.{name}" for name in beyond),
            "    )",
            "",
            "",
            "def parts(usage: Usage) -> tuple[int, ...]:",
            '    """Every count but the two totals, in the order of ``USAGE_TOKENS``."""',
            "    return (",
            *(f"        usage.{unit.name}," for unit in table.counted if unit.name not in TOTALS),
            "    )",
            "",
            "",
            "def leaves(usage: Usage) -> tuple[int, ...]:",
            '    """The quantity of each of ``TERMS``: every total without the parts that are billed for themselves."""',
            *_locals(table),
            "    return (",
            *(f"        {_expression(table, unit)}," for unit in table.terms),
            "    )",
        ]
    )


def _locals(table: Table) -> list[str]:
    return [
        f"    {_LOCAL.get(unit.name, unit.name)} = usage.{unit.name}{' or 0' if unit.name in TOTALS else ''}"
        for unit in table.terms
        if unit.name in TOTALS or _uses(table, unit) > 1
    ]


def _uses(table: Table, unit: Unit) -> int:
    return sum(unit.name in table.leaf(one) for one in table.terms)


def _expression(table: Table, unit: Unit) -> str:
    names = sorted(table.leaf(unit).items(), key=lambda pair: pair[1] < 0)
    made = ""
    for name, times in names:
        known = name in TOTALS or _uses(table, table.by_name[name]) > 1
        for _ in range(abs(times)):
            sign = " - " if times < 0 else " + " if made else ""
            made += sign + (_LOCAL.get(name, name) if known else f"usage.{name}")
    return made
