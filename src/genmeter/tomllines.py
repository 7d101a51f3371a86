"""The line of a key in the user's genmeter.toml, for errors about it. ``tomllib`` does not tell lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

_NAME = r'(?:"[^"]*"|\'[^\']*\'|[A-Za-z0-9_-]+)'
_PLACE = re.compile(rf"[ \t]*(\[{{0,2}})[ \t]*({_NAME}(?:[ \t]*\.[ \t]*{_NAME})*)[ \t]*[]=]")
_EACH = re.compile(_NAME)


class _Place(NamedTuple):
    """A header or a key, with its line from 1 and its full path.

    ``row`` counts the ``[[table]]`` of the same name that hold it, from 0; None where no ``[[table]]`` holds it.
    """

    line: int
    path: tuple[str, ...]
    row: int | None


class Lines:
    """Finds lines in the file at ``path``, whose content is ``text``, for keys below the table ``root``.

    Without a ``root`` a key is named from the top of the file. A string over several lines is not understood as one:
    where it holds a line like ``key = value``, that line counts as a key.
    """

    def __init__(self, path: str, text: str, *root: str) -> None:
        self._path, self._root = path, root
        self._places = list(_places(text))

    def where(self, *names: str, row: int = 0) -> str:
        """The place of a key as ``file:line: table.key``.

        >>> Lines("genmeter.toml", "limit = 80").where("limit")
        'genmeter.toml:1: limit'

        ``row`` is the number of the ``[[table]]`` that holds the key, from 0. For a missing key the line is that of
        its table; for a missing table it is line 1.
        """
        wanted = (*self._root, *names)
        line, most = 1, 0
        for place in self._places:
            if place.row is None or place.row == row:
                same = _shared(place.path, wanted)
                if same > most:
                    line, most = place.line, same
        return f"{self._path}:{line}: {'.'.join(wanted)}"


def _places(text: str) -> Iterator[_Place]:
    header: tuple[str, ...] = ()
    row: int | None = None
    begun: Counter[tuple[str, ...]] = Counter()
    for number, line in enumerate(text.split("\n"), 1):
        found = _PLACE.match(line)
        if found is None:
            continue
        path = tuple(name.strip("\"'") for name in _EACH.findall(found[2]))
        if not found[1]:
            yield _Place(number, (*header, *path), row)
            continue
        header, row = path, None
        if found[1] == "[[":
            row = begun[path]
            begun[path] += 1
        yield _Place(number, header, row)


def _shared(found: tuple[str, ...], wanted: tuple[str, ...]) -> int:
    same = 0
    for one, other in zip(found, wanted, strict=False):
        if one != other:
            break
        same += 1
    return same
