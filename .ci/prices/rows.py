"""The compiler's own picture of a price list: models, periods and rows of integers, before it is written as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal

COLUMNS = (
    "input",
    "output",
    "cache_read",
    "cache_write",
    "cache_write_1h",
    "audio_input",
    "audio_output",
    "audio_cache_read",
    "image_input",
    "image_output",
    "image_cache_read",
    "search",
    "request",
)
"""Columns of a row, in file order. Token prices are micro-USD per million tokens, the last two per 1,000 calls."""

STANDARD = ""
"""The service tier that nobody has to name."""

Row = dict[str, int]


@dataclass
class Window:
    """Hours of some weekdays (UTC, Monday is bit 0) in which other rows apply."""

    days: int
    start: int
    end: int
    calendar: str
    rows: dict[int, Row]


@dataclass
class Period:
    """Prices from one instant on: a row per length threshold, and windows that come first."""

    start: str
    rows: dict[int, Row]
    windows: list[Window] = field(default_factory=list[Window])


@dataclass
class Model:
    """One priced model of one seller. ``tiers`` maps a service tier to its periods; free means a published zero."""

    id: str
    exact: set[str] = field(default_factory=set[str])
    dated: set[str] = field(default_factory=set[str])
    tiers: dict[str, list[Period]] = field(default_factory=dict[str, list[Period]])
    free: bool = False


def micro(price: Decimal | str) -> int:
    """Dollars to micro-dollars. Upstream float noise is rounded; see gates.py for the list of such cells."""
    return int((Decimal(price) * 1_000_000).to_integral_value(ROUND_HALF_EVEN))
