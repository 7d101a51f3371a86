"""What came out: rows with a value, its spread and its target; as a table for people, as JSON for programs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from .rounds import Figure


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``target`` is the most it may be; None where there is nothing to reach."""

    group: str
    unit: str
    name: str
    figure: Figure
    target: float | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """``pass``; ``noise`` where the value is above its target by no more than the allowance; else ``MISS``."""
        if self.target is None:
            return ""
        if self.figure.median <= self.target:
            return "pass"
        return "noise" if self.figure.median - self.figure.allowance <= self.target else "MISS"


HEADS = ("median", "q1", "q3", "± noise", "target")


def table(rows: Iterable[Row]) -> str:
    """The rows under the headings of their groups."""
    rows = list(rows)
    lines: list[str] = []
    group = ""
    width = max(len(text) for row in rows for text in (row.name, f"{row.group} [{row.unit}]")) + 2
    for row in rows:
        if row.group != group:
            group = row.group
            lines += ["", f"{f'{group} [{row.unit}]':<{width}}" + "".join(f"{head:>10}" for head in HEADS)]
        figure = row.figure
        numbers = "".join(f"{value:>10,.2f}" for value in (figure.median, figure.first, figure.third, figure.allowance))
        target = "" if row.target is None else f"{row.target:,.2f}"
        lines.append(f"  {row.name:<{width - 2}}{numbers}{target:>10}  {row.verdict:<6}{row.note}".rstrip())
    return "\n".join(lines)


def as_json(rows: Iterable[Row], facts: dict[str, Any]) -> dict[str, Any]:
    """Facts of the run, and every row with its verdict."""
    return {**facts, "rows": [{**asdict(row), "verdict": row.verdict} for row in rows]}


def load_average() -> str:
    """The machine's load over the last 1, 5 and 15 minutes, and its cores."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg()) + f" on {os.cpu_count()} cores"
