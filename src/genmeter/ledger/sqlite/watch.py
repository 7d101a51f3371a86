"""Sums that follow the table of calls. Only new rows are read, since a scrape of metrics must not sum the whole ledger."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from genmeter.ledger.adjustments import Adjustment
from genmeter.ledger.call import UNPRICED, Call, from_record
from genmeter.ledger.questions import EVERYTHING, TOTALS_BY, Amount, Group, Window
from genmeter.ledger.sqlite.amend import listed
from genmeter.ledger.sqlite.aside import CORRECTED, MOST_CORRECTIONS
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.counting import counters
from genmeter.ledger.sqlite.entries import select
from genmeter.ledger.sqlite.schema import DAILY_KEYS, UNIT
from genmeter.ledger.sqlite.sums import merge, sums, sums_after
from genmeter.ledger.sqlite.write import REFILED
from genmeter.model import SCOPES

PATIENCE, CHEAP = 4, 0.05
"""When calls change their scope, all is read again. A whole reading that took t seconds, more than ``CHEAP``, is not
repeated for that reason before ``PATIENCE`` times t, or a page that asks each second would keep a processor busy."""

_Key = tuple[str | None, ...]
_Found = tuple[Window, Amount]

_WITHOUT: Final = "cost_status = 'unpriced' OR currency <> 'USD'"
_SUMS: Final = f"""
coalesce(sum(cost_pico / {UNIT}) FILTER (WHERE currency = 'USD'), 0),
coalesce(sum(cost_pico % {UNIT}) FILTER (WHERE currency = 'USD'), 0),
count(*) FILTER (WHERE {_WITHOUT})
"""
_BY: Final = ", ".join(DAILY_KEYS[name] for name in SCOPES)
_PLACES: Final = ", ".join(str(n + 1) for n in range(len(SCOPES) + 2))
_USER: Final = "CASE WHEN user_hash IN (SELECT value FROM json_each(?)) THEN user_hash END"
"""Only the users of budgets are kept apart: a ledger may have a hundred thousand."""
_DAYS: Final = f"""
SELECT {", ".join(SCOPES)}, {_USER}, CASE WHEN currency = 'USD' THEN cost_units ELSE 0 END,
CASE WHEN currency = 'USD' THEN cost_rest ELSE 0 END,
CASE WHEN {_WITHOUT} THEN calls ELSE 0 END, first_ns, last_ns FROM daily WHERE last_ns >= ? AND first_ns < ?
"""
_ADJUSTED: Final = f"""
SELECT {_BY}, {_USER}, coalesce(sum(sign * (cost_pico / {UNIT})) FILTER (WHERE currency = 'USD'), 0),
coalesce(sum(sign * (cost_pico % {UNIT})) FILTER (WHERE currency = 'USD'), 0),
coalesce(sum(weight) FILTER (WHERE {_WITHOUT}), 0) FROM (
    SELECT c.*, a.sign AS sign, a.calls AS weight, a.counted_ns AS counted_ns
    FROM adjustments a JOIN ({select("adjustments", "x.id = -e.id")}) c ON c.id = a.id
) c WHERE counted_ns >= ? AND counted_ns < ? GROUP BY {", ".join(str(n + 1) for n in range(len(SCOPES) + 1))}
"""
_Change = tuple[int, Call, int]
"""Sign, call, and 1 where it counts as a call."""


class Position(NamedTuple):
    """How far the tables have been read: ``newest`` call, newest adjustment, and how much changed of the calls otherwise."""

    newest: int
    trimmed: int
    refiled: int
    corrected: int
    adjusted: int


def position(connection: Connection) -> Position:
    """Where the table of calls stands now."""
    newest = connection.execute("SELECT coalesce(max(id), 0) FROM entries").fetchone()[0]
    counted = counters(connection)
    adjusted = connection.execute("SELECT coalesce(max(id), 0) FROM adjustments").fetchone()[0]
    trimmed, refiled, corrected = (counted.get(name, 0) for name in ("trimmed_calls", REFILED, CORRECTED))
    trimmed += counted.get("trimmed_days", 0)
    return Position(newest, trimmed, refiled, corrected, adjusted)


class Watch:
    """The totals of the ledger and the amounts of the windows that were asked for last, kept up to date.

    A connection that is handed in has an open transaction and has read nothing yet: all sums are of one moment, or a
    row that comes in between would be counted twice or never.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._position: Position | None = None
        self._totals: dict[tuple[object, ...], Group] | None = None
        self._windows: dict[Window, dict[_Key, Amount]] = {}
        self._users: frozenset[str] = frozenset()
        self._patient_until = 0.0

    def totals(self, connection: Connection) -> list[Group]:
        """Sums over every call that was ever booked, by ``TOTALS_BY``."""
        with self._lock:
            self._read_on(connection)
            if self._totals is None:
                found: dict[tuple[object, ...], Group] = {}
                merge(found, sums(connection, TOTALS_BY, EVERYTHING))
                self._totals = found
            return [replace(group) for group in self._totals.values()]

    def amounts(
        self, connection: Connection, windows: Sequence[Window], users: frozenset[str] = frozenset()
    ) -> list[list[Amount]]:
        """The amounts of each window. These windows and users are kept from now on, and no others."""
        with self._lock:
            if users != self._users:
                self._users, self._windows = users, {}
            self._windows = {window: self._windows[window] for window in windows if window in self._windows}
            self._read_on(connection)
            missing = [window for window in windows if window not in self._windows]
            if missing:
                started = time.monotonic()
                self._windows |= _whole(connection, missing, self._users)
                ended = time.monotonic()
                took = ended - started
                self._patient_until = ended + PATIENCE * took if took > CHEAP else ended
            return [list(self._windows[window].values()) for window in windows]

    def catch_up(self, connection: Connection) -> bool:
        """Read what is new, before rows are trimmed. False while another thread reads: a write does not wait for it."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._position is not None:
                self._read_on(connection)
        finally:
            self._lock.release()
        return True

    @property
    def reached(self) -> Position | None:
        """How far the table has been read, None before the first question."""
        return self._position

    def resume(self, before: Position | None, after: Position, trimmed_until_ns: int) -> None:
        """Go on from ``after``, which a trim has made of ``before``. A thread that has read on since then knows better.

        The amounts of windows that begin before ``trimmed_until_ns`` are dropped: a trimmed call counts with its day.
        """
        with self._lock:
            if before is not None and self._position == before:
                # a change of scopes that is still to be read stays to be read: a trim makes none
                self._position = after._replace(refiled=before.refiled)
                kept = self._windows.items()
                self._windows = {window: found for window, found in kept if (window.since_ns or 0) > trimmed_until_ns}

    def _read_on(self, connection: Connection) -> None:
        known, now = self._position, position(connection)
        corrections = _corrections(connection, known, now)
        if known is None or known.trimmed != now.trimmed or corrections is None:
            self._totals, self._windows = None, {}
        elif known.refiled != now.refiled and time.monotonic() >= self._patient_until:
            self._windows = {}
        else:
            now = now._replace(refiled=known.refiled)
        if known is not None and (now.newest > known.newest or corrections):
            # both are read before either is added to: if the second reading fails, nothing is counted twice later
            groups = [] if self._totals is None else sums_after(connection, TOTALS_BY, known.newest)
            amounts = list(_calls(connection, self._windows, known.newest, self._users))
            for change in corrections or ():
                self._correct(*change)
            merge(self._totals if self._totals is not None else {}, groups)
            _add(self._windows, amounts)
        self._position = now

    def _correct(self, sign: int, call: Call, calls: int) -> None:
        """Add (1) or take out (-1) one call that the sums have read; ``calls`` is 0 for an amount that is no call."""
        if self._totals is not None:
            _correct_totals(self._totals, sign, call, calls)
        missing = calls * int(call.cost_status == UNPRICED or call.currency not in (None, "USD"))
        pico = (call.cost_pico or 0) if call.currency == "USD" else 0
        scope = tuple(getattr(call, name) for name in SCOPES)
        user = call.user_hash if call.user_hash in self._users else None
        for window, amounts in self._windows.items():
            since, until = _bounds(window)
            if since <= call.started_ns < until:
                _add(self._windows, [(window, Amount(scope, sign * pico, sign * missing, 0, user))])
                left = amounts[(*scope, user)]
                if not (left.pico or left.unpriced or left.across):
                    del amounts[(*scope, user)]


def _corrections(connection: Connection, known: Position | None, now: Position) -> list[_Change] | None:
    """What has changed of the calls that were read, and what was adjusted; None where it is too much or not known any more."""
    if known is None or (known.corrected, known.adjusted) == (now.corrected, now.adjusted):
        return []
    rows = connection.execute(
        "SELECT call_id, sign, record FROM corrections WHERE id > ? ORDER BY id", (known.corrected,)
    ).fetchall()
    adjusted = listed(connection, EVERYTHING, known.adjusted, MOST_CORRECTIONS + 1)
    if len(rows) != now.corrected - known.corrected or len(adjusted) > MOST_CORRECTIONS:
        return None
    corrected = [(sign, from_record(json.loads(record)), 1) for row, sign, record in rows if row <= known.newest]
    return [*corrected, *((one.sign, _counted(one), int(one.is_call)) for one in adjusted)]


def _counted(one: Adjustment) -> Call:
    """The call of an adjustment, at the moment where it counts."""
    return replace(one.call, started_ns=one.counted_ns or 0, duration_ns=None)


def _correct_totals(totals: dict[tuple[object, ...], Group], sign: int, call: Call, calls: int) -> None:
    key = tuple(getattr(call, name) for name in TOTALS_BY)
    ended = call.started_ns + (call.duration_ns or 0)
    empty = Group(key, call.currency, 0, 0, 0, 0, (0,) * len(call.usage), 0, call.started_ns, ended)
    group = totals.setdefault((*key, call.currency), empty)
    group.calls += sign * calls
    group.errors += sign * calls * (call.error_type is not None)
    group.unpriced += sign * calls * (call.cost_status == UNPRICED)
    group.cut += sign * calls * (call.cut is not None)
    group.usage = tuple(total + sign * (count or 0) for total, count in zip(group.usage, call.usage, strict=True))
    group.cost += sign * (call.cost_pico or 0)
    if not (group.calls or group.cost or any(group.usage)):
        del totals[(*key, call.currency)]


def _whole(
    connection: Connection, windows: Sequence[Window], users: frozenset[str]
) -> dict[Window, dict[_Key, Amount]]:
    read: dict[Window, dict[_Key, Amount]] = {window: {} for window in windows}
    _add(read, _calls(connection, windows, None, users))
    for window in windows:
        _add(read, _days(connection, window, users))
    if connection.execute("SELECT 1 FROM adjustments LIMIT 1").fetchone():
        _add(read, _adjusted(connection, windows, users))
    return read


def _calls(
    connection: Connection, windows: Iterable[Window], after: int | None, users: frozenset[str]
) -> Iterator[_Found]:
    """Sums over the calls of each window, of those alone that were booked after the row ``after``; in one pass."""
    bounds = {window: _bounds(window) for window in windows}
    edges = sorted({edge for pair in bounds.values() for edge in pair})
    if not edges:
        return
    # the stretch between two edges that a call lies in; each window is made of whole ones
    stretch = " + ".join("CASE WHEN started_ns >= ? THEN 1 ELSE 0 END" for _ in edges)
    where, values = "started_ns >= ? AND started_ns < ?", (edges[0], edges[-1])
    if after is not None:
        # the plus keeps SQLite from walking a month of its index to find ten new rows
        where, values = "id > ? AND +started_ns >= ? AND +started_ns < ?", (after, *values)
    on_time = "id NOT IN (SELECT id FROM entries WHERE late IS NOT NULL)"
    statement = f"SELECT {stretch}, {_BY}, {_USER}, {_SUMS} FROM calls WHERE {where} AND {on_time} GROUP BY {_PLACES}"
    # all rows before the first is used: sums that a failing disk has left half added would be counted twice
    for row in connection.execute(statement, (*edges, _listed(users), *values)).fetchall():
        number, *key, user, units, rest, without = row
        amount = Amount(tuple(key), units * UNIT + rest, without, 0, user)
        for window, (since, until) in bounds.items():
            if since <= edges[number - 1] < until:
                yield window, amount


def _days(connection: Connection, window: Window, users: frozenset[str]) -> Iterator[_Found]:
    since, until = _bounds(window)
    for row in connection.execute(_DAYS, (_listed(users), since, until)):
        *key, user, units, rest, without, first_ns, last_ns = row
        pico = units * UNIT + rest
        across = pico if first_ns < since or last_ns >= until else 0
        # the calls of the day are gone: the whole row counts where its first call lies
        inside = first_ns >= since
        yield window, Amount(tuple(key), pico * inside, without * inside, across, user)


def _adjusted(connection: Connection, windows: Iterable[Window], users: frozenset[str]) -> Iterator[_Found]:
    for window in windows:
        since, until = _bounds(window)
        for row in connection.execute(_ADJUSTED, (_listed(users), since, until)):
            *key, user, units, rest, without = row
            yield window, Amount(tuple(key), units * UNIT + rest, without, 0, user)


def _listed(users: frozenset[str]) -> str:
    return json.dumps(sorted(users))


def _bounds(window: Window) -> tuple[int, int]:
    return window.since_ns or 0, 2**63 - 1 if window.until_ns is None else window.until_ns


def _add(kept: dict[Window, dict[_Key, Amount]], found: Iterable[_Found]) -> None:
    for window, new in found:
        amounts = kept[window]
        key = (*new.scope, new.user)
        old = amounts.get(key)
        if old is None:
            amounts[key] = new
        else:
            sums = (old.pico + new.pico, old.unpriced + new.unpriced, old.across + new.across)
            amounts[key] = Amount(new.scope, *sums, new.user)
