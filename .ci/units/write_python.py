"""The table as ``genmeter/units.py``."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable

from table import PLAIN, TOTALS, Table, Unit

HEAD = '''"""The billable units: what a call's usage counts, how each count is spelled, and which price and line it has.

Written by `make units` from pricing/data/units.json; change that file, never this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple
'''
RARE = '''
class Rare:
    """A count of ``Usage`` that few calls have. All of them lie in one tuple, so that one look tells that there is none."""

    __slots__ = ("_place",)

    def __init__(self, place: int) -> None:
        self._place = place

    def __get__(self, usage: Usage | None, owner: type[Usage]) -> int:
        return 0 if usage is None else usage.rare[self._place]

    def __set__(self, usage: Usage, value: int) -> None:
        counts, place = usage.rare, self._place
        usage.rare = (*counts[:place], value, *counts[place + 1 :])


@dataclass(init=False)
class Usage:
    """What one call used. Totals include their parts; None is unknown, never zero.

    Parts are 0 when the provider did not report them. A count in another unit than tokens is no part of one.
    ``rare`` holds the counts beyond text, in the order of ``BEYOND_TEXT``.
    """
'''


_LOCAL = {"input": "into", "output": "out"}
"""Locals of totals: ``input`` is a function of Python."""
_SHADOWS = {"input": "  # noqa: A002"}


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


def _wrapped(statement: str) -> str:
    """A statement with a list in parentheses, on few lines; the formatter would have one line for each item."""
    begin, _, rest = statement.partition("(")
    inner, _, end = rest.rpartition(")")
    deeper = " " * (len(begin) - len(begin.lstrip()) + 4)
    lines = textwrap.fill(inner, 110, initial_indent=deeper, subsequent_indent=deeper)
    return f"{begin}(\n{lines}\n{deeper[4:]}){end}  # fmt: skip"


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


def _beyond(table: Table) -> list[Unit]:
    """The counts that few calls have: what is billed and is neither plain text nor its cache."""
    return [unit for unit in table.terms if unit.name not in PLAIN]


def _usage(table: Table) -> str:
    rare = {unit.name: place for place, unit in enumerate(_beyond(table))}
    usual = [unit.name for unit in table.counted if unit.name not in rare]
    return "\n".join(
        [
            f"TEXT_ALONE: Final = (0,) * {len(rare)}",
            '"""``Usage.rare`` of a call that used nothing but text and its cache."""',
            RARE,
            f"    __slots__ = {_tuple(map(_quoted, sorted([*usual, 'rare'])))}",
            "",
            *(
                f"    {unit.name}: {f'Rare = Rare({rare[unit.name]})' if unit.name in rare else _kind(unit)}"
                f"  # {unit.words}"
                for unit in table.counted
            ),
            "",
            "    def __init__(",
            "        self,",
            *(
                f"        {unit.name}: {_kind(unit)} = {_unsaid(unit)},{_SHADOWS.get(unit.name, '')}"
                for unit in table.counted
            ),
            "    ) -> None:",
            *(f"        self.{name} = {name}" for name in usual),
            "        self.rare: tuple[int, ...] = TEXT_ALONE",
            _wrapped(f"        if ({' or '.join(rare)}):"),
            _wrapped(f"            self.rare = {_tuple(rare)}"),
        ]
    )


def _kind(unit: Unit) -> str:
    return "int | None" if unit.name in TOTALS else "int"


def _unsaid(unit: Unit) -> str:
    return "None" if unit.name in TOTALS else "0"


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
            f"BEYOND_TEXT: Final = {_tuple(_quoted(unit.name) for unit in _beyond(table))}",
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
    beyond = [unit.name for unit in _beyond(table)]
    counts = [unit.name for unit in table.counted if unit.name not in TOTALS]
    unpacked = _wrapped(f"    ({', '.join(beyond)}) = usage.rare")
    return "\n".join(
        [
            "def parts(usage: Usage) -> tuple[int, ...]:",
            '    """Every count but the two totals, in the order of ``USAGE_TOKENS``."""',
            unpacked,
            "    return (",
            *(f"        {name if name in beyond else f'usage.{name}'}," for name in counts),
            "    )",
            "",
            "",
            "def leaves(usage: Usage) -> tuple[int, ...]:",
            '    """The quantity of each of ``TERMS``: every total without the parts that are billed for themselves."""',
            *(
                f"    {_LOCAL.get(name, name)} = usage.{name}{' or 0' if name in TOTALS else ''}"
                for name in (unit.name for unit in table.terms)
                if name not in beyond
            ),
            unpacked,
            "    return (",
            *(f"        {_expression(table, unit)}," for unit in table.terms),
            "    )",
        ]
    )


def _expression(table: Table, unit: Unit) -> str:
    names = sorted(table.leaf(unit).items(), key=lambda pair: pair[1] < 0)
    made = ""
    for name, times in names:
        for _ in range(abs(times)):
            made += (" - " if times < 0 else " + " if made else "") + _LOCAL.get(name, name)
    return made
