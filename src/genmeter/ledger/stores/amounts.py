"""Money of a window by who spent it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from genmeter.ledger.questions import Amount, Window
from genmeter.ledger.stores.following import Follower, Position
from genmeter.ledger.stores.schema import DAILY_KEYS, UNIT
from genmeter.model import SCOPES

_Key = tuple[str | None, ...]
_Found = tuple[Window, Amount]

_WITHOUT: Final = "cost_status = 'unpriced' OR currency <> 'USD'"
_SUMS: Final = f"""
coalesce(sum(cost_pico / {UNIT}) FILTER (WHERE currency = 'USD'), 0),
coalesce(sum(cost_pico % {UNIT}) FILTER (WHERE currency = 'USD'), 0),
count(*) FILTER (WHERE {_WITHOUT})
"""
_BY: Final = ", ".join(DAILY_KEYS[name] for name in SCOPES)
_PLACES: Final = ", ".join(str(n + 1) for n in range(len(SCOPES) + 1))
_DAYS: Final = f"""
SELECT {", ".join(SCOPES)}, cost_units * (currency IS 'USD'), cost_rest * (currency IS 'USD'),
CASE WHEN {_WITHOUT} THEN calls ELSE 0 END, first_ns, last_ns FROM daily WHERE last_ns >= ? AND first_ns < ?
"""


class Amounts(Follower):
    """What ``Store.amounts`` answers."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[Window, dict[_Key, Amount]] = {}

    def ask(self, connection: sqlite3.Connection, windows: Sequence[Window]) -> list[list[Amount]]:
        """The amounts of each window as of now, on a reader; these windows are kept, and no others."""
        with self._snapshot(connection):
            self._kept = {window: self._kept[window] for window in windows if window in self._kept}
            self._catch_up(connection)
            self._kept |= _whole(connection, [window for window in windows if window not in self._kept])
            return [list(self._kept[window].values()) for window in windows]

    def _read(self, connection: sqlite3.Connection, known: Position | None, now: Position) -> None:
        if known is None or known[1:] != now[1:]:
            self._kept = {}
        elif now.newest > known.newest:
            _merge(self._kept, _calls(connection, self._kept, known.newest))

    def _forget(self, trimmed_until_ns: int) -> None:
        self._kept = {
            window: found for window, found in self._kept.items() if (window.since_ns or 0) > trimmed_until_ns
        }


def _whole(connection: sqlite3.Connection, windows: Sequence[Window]) -> dict[Window, dict[_Key, Amount]]:
    read: dict[Window, dict[_Key, Amount]] = {window: {} for window in windows}
    _merge(read, _calls(connection, windows, None))
    for window in windows:
        _merge(read, _days(connection, window))
    return read


def _calls(connection: sqlite3.Connection, windows: Iterable[Window], after: int | None) -> Iterator[_Found]:
    """Sums over the calls of each window, of those alone that were booked after the row ``after``; in one pass."""
    bounds = {window: _bounds(window) for window in windows}
    edges = sorted({edge for pair in bounds.values() for edge in pair})
    if not edges:
        return
    # the stretch between two edges that a call lies in; each window is made of whole ones
    stretch = " + ".join("(started_ns >= ?)" for _ in edges)
    where, values = "started_ns >= ? AND started_ns < ?", (edges[0], edges[-1])
    if after is not None:
        # the plus keeps SQLite from walking a month of its index to find ten new rows
        where, values = "id > ? AND +started_ns >= ? AND +started_ns < ?", (after, *values)
    statement = f"SELECT {stretch}, {_BY}, {_SUMS} FROM calls WHERE {where} GROUP BY {_PLACES}"
    # all rows before the first is used: sums that a failing disk has left half added would be counted twice
    for row in connection.execute(statement, (*edges, *values)).fetchall():
        number, *key, units, rest, without = row
        amount = Amount(tuple(key), units * UNIT + rest, without, 0)
        for window, (since, until) in bounds.items():
            if since <= edges[number - 1] < until:
                yield window, amount


def _days(connection: sqlite3.Connection, window: Window) -> Iterator[_Found]:
    since, until = _bounds(window)
    for row in connection.execute(_DAYS, (since, until)):
        *key, units, rest, without, first_ns, last_ns = row
        pico = units * UNIT + rest
        across = pico if first_ns < since or last_ns >= until else 0
        # its calls are gone: the whole row counts where its first call lies
        inside = first_ns >= since
        yield window, Amount(tuple(key), pico * inside, without * inside, across)


def _bounds(window: Window) -> tuple[int, int]:
    return window.since_ns or 0, 2**63 - 1 if window.until_ns is None else window.until_ns


def _merge(kept: dict[Window, dict[_Key, Amount]], found: Iterable[_Found]) -> None:
    for window, new in found:
        amounts = kept[window]
        old = amounts.get(new.scope)
        sums = new[1:] if old is None else (a + b for a, b in zip(old[1:], new[1:], strict=True))
        amounts[new.scope] = Amount(new.scope, *sums)
