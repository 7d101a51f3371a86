"""Counts of usage in a record that no field of the table reads: the call that has one is priced in part.

The rule stands in ``data/conventions.json`` under ``uncounted``, for Python and Go: ``prefixes`` of attributes that hold
usage, ``segments`` and ``ends`` of other names that do, ``parts`` that are known to be in another count, and the words
that say that a number is ``measured`` and counts nothing. Such a count may also stand inside a map, a list or JSON, and
under a second spelling of a field, with a larger number than the first one has. The readers inside an application have
the same rule: ``metering/dialects/counts.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from genmeter import names
from genmeter.model import MOST_TOKENS
from genmeter.reading.conventions import Conventions, whole
from genmeter.reading.records import is_count, is_nested, members
from genmeter.spelling import words

LONGEST = 64
"""Characters of a name that are kept: the name is the sender's."""
_AUDIO_CACHED = ("audio_input", "cache_read")
MOST = 8
"""Names that are kept of one call."""


def uncounted(attributes: Mapping[str, object], table: Conventions) -> tuple[tuple[str, int], ...]:
    """The name of each such attribute with its count; a count of 0 for a number that is not whole.

    A part that is no number is one of them: the price leaves it out too.

    >>> from genmeter.reading.conventions import bundled
    >>> call = {"gen_ai.usage.input_tokens": 9, "gen_ai.usage.zebra_tokens": 7, "gen_ai.usage.total_tokens": 16}
    >>> uncounted(call, bundled())
    (('gen_ai.usage.zebra_tokens', 7),)
    """
    found: list[tuple[str, int]] = []
    for name, value in attributes.items():
        if name in table.parts and value is not None and whole(value) is None:
            found.append((name[:LONGEST], 0))
        if name in table.counted or isinstance(value, bool) or not table.holds_usage(name):
            continue
        if is_nested(value):
            found += _inside(name, value, table)
        elif (count := _count(name, value, table)) is not None:
            found.append((name[:LONGEST], count))
    found += _spelled_twice(attributes, table)
    found += _cache_of_what(attributes, table)
    return tuple(found[:MOST])


def _count(name: str, value: object, table: Conventions) -> int | None:
    """The count under a name, None where the value counts nothing; 0 for what is below zero or not whole."""
    if not is_count(value) or words(name.rpartition(".")[2]) & table.measured:
        return None
    return max(0, min(whole(value) or 0, MOST_TOKENS))


def _inside(name: str, value: object, table: Conventions) -> Iterator[tuple[str, int]]:
    """The counts in a map, a list or JSON, by their path."""
    for path, member in members(value, counts=True):
        full = f"{name}.{path}" if path else name
        count = None if full in table.counted else _count(full, member, table)
        if count is not None:
            yield full[:LONGEST], count


def _cache_of_what(attributes: Mapping[str, object], table: Conventions) -> Iterator[tuple[str, int]]:
    """Audio and a cache, and no word of how much audio came from the cache: at its price it is much cheaper."""
    if any(attributes.get(name) is not None for name in table.fields["audio_cache_read"]):
        return
    if all(any((whole(attributes.get(name)) or 0) > 0 for name in table.fields[field]) for field in _AUDIO_CACHED):
        yield names.AUDIO_CACHE_READ_TOKENS, 0


def _spelled_twice(attributes: Mapping[str, object], table: Conventions) -> Iterator[tuple[str, int]]:
    """The further spellings of a field that count more than the first one: the price is that of the first."""
    for field in names.USAGE_TOKENS:
        first: int | None = None
        for name in table.fields[field]:
            count = whole(attributes[name]) if name in attributes else None
            if count is None:
                continue
            if first is None:
                first = count
            elif count > first:
                yield name[:LONGEST], min(count - first, MOST_TOKENS)
