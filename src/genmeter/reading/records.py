"""Log records of emitters with names of their own: which of them are calls, and what their attributes mean.

The table stands in ``data/conventions.json`` under ``records``, for Python and Go. A row means the events of these names
from this scope (a ``*`` at its end stands for any end). ``says`` are attributes that every such record has, and
``copies`` gives the names of today to attributes of the emitter. An attribute that is there already stays as it is. A row
without both names records whose usage is not read, so that they are counted as unread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One row of the table; see the module's docstring."""

    scope: str
    says: Mapping[str, str]
    copies: Mapping[str, str]


class Records:
    """The table, asked by the name of an event and by scope."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows: dict[str, list[Row]] = {}
        for row in rows:
            for event in row["events"]:
                self._rows.setdefault(event, []).append(Row(row["scope"], row["says"], row["copies"]))

    def __contains__(self, event: object) -> bool:
        return event in self._rows

    def of(self, event: str, scope: str) -> Row | None:
        """The row that means this event of this scope.

        >>> from genmeter.reading.conventions import bundled
        >>> bundled().records.of("api_request", "com.anthropic.claude_code.events").says["gen_ai.operation.name"]
        'chat'
        """
        for row in self._rows.get(event, ()):
            if scope == row.scope or (row.scope.endswith("*") and scope.startswith(row.scope[:-1])):
                return row
        return None


def translated(attributes: dict[str, Any], row: Row) -> dict[str, Any]:
    """The attributes of a record, with what the row says of it in the names of today."""
    copied = {ours: attributes[theirs] for ours, theirs in row.copies.items() if theirs in attributes}
    return {**row.says, **copied, **attributes}
