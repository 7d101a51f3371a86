"""The compiler's own picture of a price list: models, editions and rows of integers, before it is written as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

SOURCES = Path(__file__).parents[2] / "src"

TABLE: dict[str, Any] = json.loads((SOURCES / "genmeter" / "pricing" / "data" / "units.json").read_text("utf-8"))
PRICED = tuple(unit for unit in TABLE["units"] if "column" in unit)
COLUMNS: tuple[str, ...] = tuple(unit["column"] for unit in PRICED)
"""Columns of a row, in file order: micro-USD per million tokens, or as the measure of the unit says."""
TOKENS = tuple(unit["measure"] == "token" for unit in PRICED)
"""Whether a column is a price of tokens, which regions and service tiers change."""

STANDARD = ""
"""The service tier of a call that names none."""

Row = dict[str, int]


@dataclass
class Hours:
    """Hours of some weekdays (UTC, Monday is bit 0) in which other rows apply."""

    days: int
    start: int
    end: int
    calendar: str
    rows: dict[int, Row]


@dataclass
class Edition:
    """Prices from one instant on: a row per length threshold, and hours whose rows win."""

    start: str
    rows: dict[int, Row]
    hours: list[Hours] = field(default_factory=list[Hours])


@dataclass
class Model:
    """One priced model of one seller. ``tiers`` maps a service tier to its editions; free means a published zero."""

    id: str
    exact: set[str] = field(default_factory=set[str])
    dated: set[str] = field(default_factory=set[str])
    tiers: dict[str, list[Edition]] = field(default_factory=dict[str, list[Edition]])
    free: bool = False


def micro(price: Decimal | str) -> int:
    """Dollars to micro-dollars. Upstream float noise is rounded; see gates.py for the list of such cells."""
    return int((Decimal(price) * 1_000_000).to_integral_value(ROUND_HALF_EVEN))
