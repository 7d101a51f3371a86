"""The counts of a record: its usage, under the names of today or under those of another convention."""

from __future__ import annotations

from genmeter import names
from genmeter.ledger.call import USAGE_FIELDS
from genmeter.ledger.decode import Attributes, Value
from genmeter.model import MOST_TOKENS
from genmeter.reading import conventions
from genmeter.reading.conventions import Conventions

_A_COUNT = f"the ledger takes whole numbers from 0 to {MOST_TOKENS:,}"
_TOKENS = tuple(names.USAGE_TOKENS[field] for field in USAGE_FIELDS)
_UNPRICED = frozenset(("reasoning", "text_input", "text_output"))
"""Counts without a price of their own: a wrong one costs nothing but itself."""
_PLACES = {name: place for place, name in enumerate(_TOKENS)}


def counted_in(own: Attributes, table: Conventions, foreign: bool) -> tuple[list[int | None], str | None]:
    """The counts along ``USAGE_FIELDS``, and the fault of the first value that is no count; None where all are.

    ``foreign`` says that names of other conventions are read, too.
    """
    counts = None if foreign else _plain_counts(own)
    return _any_counts(own, table, foreign) if counts is None else (counts, None)


def _plain_counts(own: Attributes) -> list[int | None] | None:
    """The counts under today's names; None where one of them is not simply a whole number."""
    counts: list[int | None] = [None] * len(_TOKENS)
    for name in own.keys() & _PLACES.keys():
        value = own[name]
        if type(value) is not int or not 0 <= value <= MOST_TOKENS:
            return None
        counts[_PLACES[name]] = value
    return counts


def _any_counts(own: Attributes, table: Conventions, foreign: bool) -> tuple[list[int | None], str | None]:
    """The counts under any name, and the fault of the first value that is no count."""
    present = [_present(own, table.fields[field]) for field in USAGE_FIELDS] if foreign else _TOKENS
    counts = [_count(own[name]) if name in own else None for name in present]
    for field, name, count in zip(USAGE_FIELDS, present, counts, strict=True):
        value = own.get(name)
        if count is not None or value is None or field in _UNPRICED:
            continue
        if conventions.whole(value) is not None or field in table.total_counts:
            return counts, f"{name} is {value!r}; {_A_COUNT}"
    return counts, None


def _count(value: Value) -> int | None:
    number = conventions.whole(value)
    # one garbage count would overflow the sum over all calls
    return number if number is not None and 0 <= number <= MOST_TOKENS else None


def _present(own: Attributes, spellings: tuple[str, ...]) -> str:
    """The first spelling that the record uses; the current name where it uses none."""
    return next((name for name in spellings if own.get(name) is not None), spellings[0])
