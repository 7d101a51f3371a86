"""Counts of usage objects: each is read into a field of ``Usage``, is a known part of another count, or is named.

A count that is named costs money that our price does not hold, so the call is ``partial`` and never ``priced``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...model import MOST_TOKENS, Response, Usage
from ...spelling import words
from .values import fields, items

Parts = Mapping[str, "str | Parts | None"]
"""The counts of a usage object: its name → field of ``Usage``, the parts of an object in it, or None.

None marks what is read elsewhere, or is a known part of another count at the same price, or is free.
"""
COUNTED = frozenset({"token", "tokens", "request", "requests"})
"""Words in the names of counts: such a field is a count, even if its value cannot be read."""
MEASURED = frozenset(
    {"time", "ms", "latency", "rate", "ratio", "per", "percent", "speed", "tps", "timestamp", "id", "version"}
    | {"cost", "costs", "price", "usd", "credits", "ticks"}
)
"""Words in the names of times, rates and amounts of money: such a number counts nothing that is billed."""
LONGEST = 64
"""Characters of a field's name that are kept: the name is the server's."""
DEEPEST = 16
"""Objects and lists in objects of a usage object that are looked into; what is below is named by its place."""
_COUNTS = re.compile(r"\s*[\[{](?s:.)*[1-9]")
"""JSON in a text that may hold a count."""


def read_parts(found: Mapping[str, Any], parts: Parts, usage: Usage, response: Response) -> None:
    """Read the counts that ``found`` holds into the fields of ``usage`` that ``parts`` names.

    A count that is told under several names is taken once: the largest, so that a zero in one place hides no count in
    another. A count that ``parts`` does not know, or that cannot be read, is named in ``response``.
    """
    for name, value in found.items():
        if not value:
            continue
        known = parts.get(name, "")
        if known is None:
            continue
        if not known:
            name_unread(name, value, response)
        elif isinstance(known, str):
            plain = type(value) is int and 0 <= value <= MOST_TOKENS
            count = value if plain else _strange(name, value, response)
            if count > getattr(usage, known):
                setattr(usage, known, count)
        else:
            inner = fields(value)
            if not inner:
                name_unread(name, value, response)
            elif any(inner.values()):
                read_parts(inner, known, usage, response)


def name_unread(name: str, value: Any, response: Response, depth: int = 0) -> None:
    """Name the counts in a field that no reader knows: a number, or the numbers in an object or a list of objects."""
    if isinstance(value, (list, tuple)):
        _name_items(name, items(value), response, depth + 1)
    elif isinstance(value, (int, float, str)):
        if not isinstance(value, bool) and _is_count(name, value):
            leave(name, known_count(value) or 0, response)
    elif found := {inner: item for inner, item in fields(value).items() if item}:
        if depth >= DEEPEST:
            leave(name, 0, response)
            return
        for inner, item in found.items():
            name_unread(f"{name}.{inner}", item, response, depth + 1)


def _name_items(name: str, found: list[Any], response: Response, depth: int) -> None:
    if depth > DEEPEST:
        leave(name, 0, response)
        return
    for item in found:
        name_unread(name, item, response, depth)


def leave_cached_audio(name: str, usage: Usage, response: Response) -> None:
    """Name the count ``name`` of audio from the cache, where it is not told: at its price it is much cheaper than audio."""
    if usage.cache_read and usage.audio_input and not usage.audio_cache_read:
        leave(name, 0, response)


def leave(name: str, count: int, response: Response) -> None:
    """Name what our price does not hold. A count of tokens is kept for the sum of tokens that no call books."""
    name = name[:LONGEST]
    if name not in response.unpriced:
        response.unpriced += (name,)
    if count > 0 and "token" in name.lower():
        response.unread += ((name, min(count, MOST_TOKENS)),)


def _is_count(name: str, value: Any) -> bool:
    said = words(name.rpartition(".")[2])
    if said & MEASURED:
        return False
    number = known_count(value)
    if number is not None:
        return number != 0
    return bool(said & COUNTED) or isinstance(value, float) or (isinstance(value, str) and bool(_COUNTS.match(value)))


def _strange(name: str, value: Any, response: Response) -> int:
    """A part that is no plain number; 0 for a part that cannot be read or believed."""
    number = known_count(value)
    if number is None:
        leave(name, 0, response)
        return 0
    return _believed(number, name, response) or 0


def total(found: Mapping[str, Any], name: str, response: Response) -> int | None:
    """The total ``name`` as a whole number; None for a total that was not reported: unknown is not zero.

    Compatible servers write strings and doubles. What no call can have, or is no count, makes the response invalid.
    """
    value = found.get(name)
    if value is None or (type(value) is int and 0 <= value <= MOST_TOKENS):
        return value
    number = known_count(value)
    if number is not None:
        return _believed(number, name, response)
    if value is not None:
        response.invalid = f"{name} is {type(value).__name__} {str(value)[:LONGEST]!r}, which is no count of tokens"
    return None


def _believed(number: int, name: str, response: Response) -> int | None:
    if 0 <= number <= MOST_TOKENS:
        return number
    why = f"beyond {MOST_TOKENS}; no call is that large" if number > 0 else f"{number}; no count is negative"
    response.invalid = f"{name} is {why}"
    return None


def known_count(value: Any) -> int | None:
    """A whole number, also one that is written as a string or as a double; None for anything else."""
    if type(value) is int:
        return value
    return None if value is None or isinstance(value, (bool, dict, list)) else _parsed(value)


def _parsed(value: Any) -> int | None:
    try:
        whole = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return int(whole) if whole.is_integer() else None


def merged(older: Any, newer: Any) -> Any:
    """The usage of a stream after one more report: counts in a stream never shrink to zero.

    Some servers repeat the object with zeros, or with a part of the fields; what was counted before stays counted.
    """
    if older is None:
        return newer
    before, after = fields(older), fields(newer)
    if not before or not after:
        return newer if after else older
    made = dict(before)
    for name, value in after.items():
        known = made.get(name)
        if known and not isinstance(known, (int, float, str, list)):
            made[name] = merged(known, value)
        elif value or not known:
            made[name] = value
    return made
