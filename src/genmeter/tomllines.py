"""Where a key stands in the user's genmeter.toml, for messages about it: ``tomllib`` does not say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

_NAME = r'(?:"[^"]*"|\'[^\']*\'|[A-Za-z0-9_-]+)'
_PLACE = re.compile(rf"[ \t]*(\[{{0,2}})[ \t]*({_NAME}(?:[ \t]*\.[ \t]*{_NAME})*)[ \t]*[]=]")
_EACH = re.compile(_NAME)


class _Place(NamedTuple):
    """A header or a key; ``row`` is the number of the ``[[table]]`` that it is in, None outside of such."""

    line: int
    path: tuple[str, ...]
    row: int | None


class Lines:
    """The lines of the file at ``path``, asked for keys of its table ``root``. Texts over several lines are not read."""

    def __init__(self, path: str, text: str, root: str) -> None:
        self._path, self._root = path, root
        self._places = list(_places(text))

    def where(self, *names: str, row: int = 0) -> str:
        """``file:line: root.name.name``: the first line that goes furthest on the way to the key.

        ``row`` counts the tables of an array of tables on that way. A key that is not there stands where its table
        begins, and a table that is not there on line 1.
        """
        wanted = (self._root, *names)
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
