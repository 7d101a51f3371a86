"""The programs that record calls, and what is known of each: above all, whether its input count has the cache in it.

The table stands in ``data/conventions.json`` under ``emitters``, for Python and Go. A row has these parts:

- ``scope``: the name of the instrumentation scope. A ``*`` at its end stands for any end.
- ``from`` and ``before``: the first version that the row means, and the first that it means no more. A scope without a
  version is then not meant.
- ``input``: ``inclusive`` (the cache is in the input count), ``exclusive`` (it is beside it), ``uncached`` (the emitter
  tells no cache). ``sellers`` limits ``exclusive`` to the calls of these catalogue ids: an emitter passes a seller's own
  count on. ``unless`` names an attribute that rules it out.
- ``dialect``: the names that the emitter writes. ``total``: where tokens stand that are in no other count.
- ``amount``: where an amount of money stands, and ``word``, whose it is: the word gateway means that it is billed, and the
  word estimate that it is the emitter's own arithmetic. ``free``: the attribute that says that the gateway's own cache answered.
- ``alone``: words for steps that are the only record of their calls, where the span is a client's: the calls are made on
  a server that records none. A row of ``records`` makes a call of such a span; without one it is counted as unread.
- ``coding``: whether it is a coding agent, whose application is the repository that it works in.
- ``source`` and ``read``: where this was read, and on which day.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

MOST = 4096
"""Scopes whose rows are remembered: their names are the sender's."""
INPUTS = ("inclusive", "exclusive", "uncached")
"""What an input count may mean."""


class Emitter(NamedTuple):
    """One row of the table. The module's docstring says what the parts mean; an empty text is a part that is absent."""

    name: str
    scope: str
    input: str
    source: str
    read: str
    dialect: str = ""
    sellers: tuple[str, ...] = ()
    unless: str = ""
    since: str = ""
    before: str = ""
    amount: str = ""
    word: str = ""
    free: str = ""
    total: str = ""
    alone: tuple[str, ...] = ()
    coding: bool = False

    def writes(self, scope: str, version: str) -> bool:
        """Whether the row means the records of this scope in this version."""
        wild = self.scope.endswith("*")
        if not (scope.startswith(self.scope[:-1]) if wild else scope == self.scope):
            return False
        if not self.since and not self.before:
            return True
        at = numbers(version)
        return bool(at) and at >= numbers(self.since) and (not self.before or at < numbers(self.before))

    def leaves_cache_out(self, seller: Callable[[], str | None], attributes: Mapping[str, object]) -> bool:
        """Whether the input count of a record is without the cache. ``seller`` returns the catalogue's id of its seller."""
        if self.input != "exclusive" or (self.unless and attributes.get(self.unless) is not None):
            return False
        return not self.sellers or seller() in self.sellers


class Emitters:
    """The table, asked by scope and version. Raises ``ValueError`` for a row that cannot be used."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self.rows = tuple(_row(row) for row in rows)
        self._found: dict[tuple[str, str], tuple[Emitter, ...]] = {}

    def of(self, scope: str, version: str) -> tuple[Emitter, ...]:
        """The rows that mean this scope in this version.

        >>> from genmeter.reading.conventions import bundled
        >>> [row.input for row in bundled().emitters.of("openlit.instrumentation.anthropic", "1.45.0")]
        ['exclusive']
        """
        key = scope, version
        found = self._found.get(key)
        if found is None:
            found = tuple(row for row in self.rows if row.writes(scope, version))
            if len(self._found) >= MOST:
                self._found.clear()
            self._found[key] = found
        return found

    def coding_agent(self, scope: str | None) -> str | None:
        """The name of the coding agent whose scope this is; None for every other scope.

        >>> from genmeter.reading.conventions import bundled
        >>> bundled().emitters.coding_agent("com.anthropic.claude_code.events")
        'Claude Code'
        """
        return next((row.name for row in self.of(scope or "", "") if row.coding), None)


def _row(row: Mapping[str, Any]) -> Emitter:
    parts: dict[str, Any] = {**row, "sellers": tuple(row.get("sellers", ())), "since": row.get("from", "")}
    parts["alone"] = tuple(row.get("alone", ()))
    parts.pop("from", None)
    made = Emitter(**parts)
    if made.input not in INPUTS:
        raise ValueError(f"emitter {made.name!r}: input is {made.input!r}; it must be one of {', '.join(INPUTS)}")
    return made


def numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version, for comparison.

    >>> numbers("0.62.4rc1"), numbers("main")
    ((0, 62, 4), ())
    """
    found = re.match(r"\d{1,9}(\.\d{1,9})*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
