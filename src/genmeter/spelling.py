"""The known name that a misspelled one most likely means, for the messages about it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """The known name that is spelled most like ``name``; None when no known name is near.

    ``alike`` is the smallest share of letters in common, from 0 to 1.

    >>> nearest("inptu", ["input", "output"]), nearest("colour", ["input", "output"])
    ('input', None)
    """
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=alike)
    return found[0] if found else None


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The message about an unknown name, with the known names in the order given.

    ``kind`` says what the name stands for: ``key``, ``table``.

    >>> unknown("key", "limt", ["capture", "limit"])
    "unknown key; did you mean 'limit'? There are capture, limit"
    """
    known = tuple(known)
    near = nearest(name, known)
    listed = f"here are {', '.join(known)}"
    return f"unknown {kind}; t{listed}" if near is None else f"unknown {kind}; did you mean {near!r}? T{listed}"


_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def words(name: str) -> set[str]:
    """The words in a field's name, in lower case.

    >>> sorted(words("time_to_firstToken"))
    ['first', 'time', 'to', 'token']
    """
    return {word.lower() for word in _WORD.findall(name)}
