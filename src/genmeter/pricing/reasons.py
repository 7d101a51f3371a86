"""Why a call has no price, in words for a person, and what the person can do about it.

The words stand in ``data/reasons.json`` alone; the collector's processor embeds the same file. ``given_by`` says where a
reason comes from: the price book, or the ledger for what others have sent to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

BUNDLED = Path(__file__).with_name("data") / "reasons.json"
SCHEMA = 1


class Reason(NamedTuple):
    """The words of a reason and its remedy. ``command`` is the advice of ``genmeter price``; empty: it never gives the reason."""

    words: str
    remedy: str
    given_by: str = ""
    command: str = ""


@cache
def reasons() -> Mapping[str, Reason]:
    """Every reason by its name, read once. Raises ``ValueError`` for a file of another schema."""
    return MappingProxyType({name: Reason(**one) for name, one in _file()["reasons"].items()})


def meaning(reason: str | None) -> Reason:
    """The words of ``reason``. A reason that this genmeter does not know gets words too.

    >>> meaning("unknown_model").given_by, bool(meaning("a_reason_of_tomorrow").words)
    ('book', True)
    """
    known = reasons().get(reason or "")
    return known if known is not None else Reason(**_file()["otherwise"])


@cache
def _file() -> dict[str, Any]:
    data = json.loads(BUNDLED.read_bytes())
    if data["schema"] != SCHEMA:
        raise ValueError(f"this genmeter reads reasons of schema {SCHEMA}, not {data['schema']}")
    return data
