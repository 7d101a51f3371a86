"""Records that name their facts in a way of their own: which of them are calls, and what their attributes mean.

The table stands in ``data/conventions.json`` under ``records``, for Python and Go. A row means log records, or spans:

- ``scope``: the instrumentation scope. A ``*`` at its end stands for any end.
- ``events``: the names of log records. A row without them means spans. It is asked only about a span that has usage or
  money and is no call by its own words, such as the span of a gateway's server.
- ``kinds``: the kinds of spans; none for every kind.
- ``when``: attributes that the record has, each with the texts that it may have; an empty list allows every value.
- ``operation``: what was done, by our word. It decides against the word of the record.
- ``says``: attributes of today that every such record has.
- ``copies``: attribute of today → attribute of the emitter.
- ``inside``: attributes that hold JSON. ``copies`` gives attributes of today to members by their path, with dots between
  the names; an empty path is the whole value. Other numbers get the name ``rest`` and their path, so that a count that
  is not known is not lost in silence.

An attribute that is there already stays as it is. A row without ``says`` and ``copies`` changes nothing.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, cast

KINDS: Final = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
"""Words of the table for kinds of spans, with OTLP's numbers."""
LONGEST: Final = 65_536
"""The most characters of JSON that are read in one attribute."""
MOST: Final = 256
"""The most members of one attribute, and the most items of a list in it, that are read."""
CUT: Final = 0.5
"""Stands for members that are beyond what is read. It is not whole, so it is named as a count and added to no sum."""
_DEPTH: Final = 8
_BLANK: Final = " \t\r\n"
_NUMERAL: Final = re.compile(r"[+-]?([0-9][0-9_,]*(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SOME: Final = re.compile(r"[1-9]")
_ALL: Final = "*"
_UNREAD: Final = "unread"
"""The name, behind ``rest``, of an attribute whose JSON cannot be read."""

Attributes = Mapping[str, Any]


class Inside(NamedTuple):
    """An attribute that holds JSON, and what its members mean; see the module's docstring."""

    of: str
    copies: Mapping[str, str]
    rest: str = ""


class Row(NamedTuple):
    """One row of the table; see the module's docstring."""

    scope: str
    says: Mapping[str, str]
    copies: Mapping[str, str]
    events: tuple[str, ...] = ()
    kinds: tuple[int, ...] = ()
    when: Mapping[str, tuple[str, ...]] = {}
    operation: str | None = None
    inside: tuple[Inside, ...] = ()

    def writes(self, scope: str) -> bool:
        """Whether the row means records of this scope."""
        return scope == self.scope or (self.scope.endswith(_ALL) and scope.startswith(self.scope[:-1]))

    def means(self, attributes: Attributes) -> bool:
        """Whether a record of the row's scope has what the row asks for."""
        for name, texts in self.when.items():
            value = attributes.get(name)
            if value is None or (texts and value not in texts):
                return False
        return True


class Records:
    """The table, asked by the name of an event, or by the kind of a span."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._events: dict[str, list[Row]] = {}
        self._spans: list[Row] = []
        for row in map(_row, rows):
            for event in row.events:
                self._events.setdefault(event, []).append(row)
            if not row.events:
                self._spans.append(row)

    def __contains__(self, event: object) -> bool:
        return event in self._events

    def has(self, event: str, scope: str) -> bool:
        """Whether there is a row for events of this name from this scope."""
        return any(row.writes(scope) for row in self._events.get(event, ()))

    def of(self, event: str, scope: str, attributes: Attributes) -> Row | None:
        """The row that means this event of this scope.

        >>> from genmeter.reading.conventions import bundled
        >>> bundled().records.of("api_request", "com.anthropic.claude_code.events", {}).says["gen_ai.operation.name"]
        'chat'
        """
        rows = (row for row in self._events.get(event, ()) if row.writes(scope))
        return next((row for row in rows if row.means(attributes)), None)

    def of_span(self, scope: str, kind: int, attributes: Attributes) -> Row | None:
        """The row that means this span. Ask it only about a span that has usage or money and is no known call."""
        rows = (row for row in self._spans if (not row.kinds or kind in row.kinds) and row.writes(scope))
        return next((row for row in rows if row.means(attributes)), None)


def _row(row: Mapping[str, Any]) -> Row:
    return Row(
        row["scope"],
        row.get("says", {}),
        row.get("copies", {}),
        tuple(row.get("events", ())),
        tuple(KINDS[word] for word in row.get("kinds", ())),
        {name: tuple(texts) for name, texts in row.get("when", {}).items()},
        row.get("operation"),
        tuple(Inside(one["of"], one["copies"], one.get("rest", "")) for one in row.get("inside", ())),
    )


def translated(attributes: Attributes, row: Row) -> dict[str, Any]:
    """The attributes of a record, with what the row says of it in the names of today."""
    copied = {ours: attributes[theirs] for ours, theirs in row.copies.items() if theirs in attributes}
    for one in row.inside:
        for path, value in members(attributes.get(one.of), counts=bool(one.rest)):
            name = one.copies.get(path) or (one.rest + (path or _UNREAD) if one.rest and is_count(value) else None)
            if name is not None:
                copied.setdefault(name, value)
    return {**row.says, **copied, **attributes}


def members(value: object, *, counts: bool = False) -> Iterator[tuple[str, object]]:
    """The path and value of each text and number in a JSON text, or in a map that came as one.

    With ``counts`` those in lists too, under the path of the list; and ``CUT`` where there is more than is read, because
    a count may be in it.

    >>> list(members('{"a": {"b": 7}, "c": [1, "2"]}', counts=True))
    [('a.b', 7), ('c', 1), ('c', '2')]
    """
    if isinstance(value, str):
        if len(value) > LONGEST:
            if counts:
                yield "", CUT
            return
        # a plain text is a whole value too
        with suppress(ValueError, RecursionError):
            value = json.loads(value, parse_constant=_refuse)
    waiting, left = deque[tuple[str, object, int]]([("", value, 0)]), MOST
    while waiting:
        path, one, depth = waiting.popleft()
        nested = isinstance(one, dict) or (counts and isinstance(one, list))
        if counts and (not left or (nested and one and depth >= _DEPTH)):
            yield path, CUT
        if not left:
            return
        if nested and depth < _DEPTH:
            waiting.extend(_within(path, cast("dict[str, object] | list[object]", one), depth + 1))
        elif isinstance(one, str) or _is_number(cast("object", one), counts):
            left -= 1
            yield path, cast("object", one)


def _within(path: str, value: dict[str, object] | list[object], depth: int) -> Iterator[tuple[str, object, int]]:
    if isinstance(value, dict):
        for name in sorted(value):
            yield f"{path}.{name}" if path else name, value[name], depth
        return
    for item in value[:MOST]:
        yield path, item, depth
    if len(value) > MOST:
        yield path, CUT, depth


def is_count(value: object) -> bool:
    """Whether a value counts something: a number other than zero, also as text, or JSON that cannot be read and has one.

    >>> is_count("7.5"), is_count(0.0), is_count("{'zebra_tokens': 7}"), is_count("fast")
    (True, False, True, False)
    """
    if isinstance(value, str):
        found = value.strip(_BLANK)
        return (found[:1] in ("{", "[") or _NUMERAL.fullmatch(found) is not None) and bool(_SOME.search(found))
    return isinstance(value, int | float) and not isinstance(value, bool) and value != 0


def is_nested(value: object) -> bool:
    """Whether a value is a map, a list, or a text that may be JSON."""
    return isinstance(value, dict | list) or (isinstance(value, str) and value.lstrip(_BLANK)[:1] in ("{", "["))


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _is_number(value: object, counts: bool) -> bool:
    if isinstance(value, float):
        return counts or math.isfinite(value)
    # OTLP has no larger integers; a larger one is a count all the same
    return isinstance(value, int) and not isinstance(value, bool) and (counts or -(2**63) <= value < 2**63)
