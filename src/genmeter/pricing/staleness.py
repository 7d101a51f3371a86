"""How old the prices of each seller are. A price list that was not read again for weeks may be wrong."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import NamedTuple

from genmeter.pricing.catalogue import Catalogue

STALE = 45
"""Days after which the prices of a seller are called stale: sellers change prices about once a month."""


class Age(NamedTuple):
    """The prices of ``seller`` (catalogue id) are those of ``as_of``, ``days`` days ago."""

    seller: str
    as_of: str
    days: int

    @property
    def stale(self) -> bool:
        """Whether the prices should be read again before they are trusted."""
        return self.days > STALE

    def __str__(self) -> str:
        return f"the prices of {self.seller} are those of {self.as_of}"


def ages(catalogue: Catalogue, at: float, sellers: Iterable[str] | None = None) -> list[Age]:
    """The age of the prices of ``sellers`` (any word for a seller; default: all) at Unix second ``at``, the oldest first.

    A seller without listed prices has no age. Prices of the user's own are not counted: their date is the user's.

    >>> from genmeter.pricing import Catalogue
    >>> day = datetime.fromisoformat(Catalogue.bundled().dates["openai"]).replace(tzinfo=UTC).timestamp()
    >>> (age,) = ages(Catalogue.bundled(), day + 50 * 86400, ["openai"])
    >>> age.days, age.stale
    (50, True)
    """
    today = datetime.fromtimestamp(at, UTC).date()
    known = catalogue.dates
    named = (
        known if sellers is None else {face.id: None for one in sellers if (face := catalogue.named(one)) and face.id}
    )
    found = [Age(one, known[one], (today - date.fromisoformat(known[one])).days) for one in named if one in known]
    return sorted(found, key=lambda age: (-age.days, age.seller))


def stale(catalogue: Catalogue, at: float, sellers: Iterable[str] | None = None) -> list[Age]:
    """Those of ``ages`` that are stale."""
    return [age for age in ages(catalogue, at, sellers) if age.stale]
