"""Sums over the calls and over the trimmed days: calls are added up by their kind first, and by the asked texts then."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

from genmeter.ledger.call import USAGE_COLUMNS, USAGE_FIELDS
from genmeter.ledger.questions import QUARTER_NS, Group, Window
from genmeter.ledger.sqlite.entries import COUNTS, RARE, TEXTS
from genmeter.ledger.sqlite.packing import unpacked
from genmeter.ledger.sqlite.schema import DAILY_KEYS, DAY_NS, SPAN_OF_TIME, SUMS, UNIT

_OF_DAYS: Final = {
    **{name: name for name in DAILY_KEYS},
    "quarter": f"day * {DAY_NS // QUARTER_NS}",
    "session": "NULL",
    "service": "NULL",
    "scope": "NULL",
}
"""What sums can be grouped by → the same over ``daily``, which has forgotten some."""
_OF_KINDS: Final = {
    **{name: f"k.{name}" for name in TEXTS if name in _OF_DAYS},
    "model": "coalesce(k.response_model, k.request_model)",
}
"""The same over the kinds ``k``."""
_OF_ENTRIES: Final = {
    "day": f"e.started_ns / {DAY_NS}",
    "quarter": f"e.started_ns / {QUARTER_NS}",
    "user_hash": "e.user",
    "session": "e.session",
}
"""The same over the entries ``e``, where one kind has several of it."""
_SHOWN: Final = {
    "user_hash": "(SELECT u.user_hash FROM users u WHERE u.id = t.user_hash)",
    "session": unpacked("t.session"),
}
"""The text of what stands for it in an entry."""
_MANY: Final = frozenset(_SHOWN)
"""There are so many of these that sums by kind beside them would be as many as calls."""
DIMENSIONS: Final = frozenset(_OF_DAYS)

_ADDED: Final = (
    *(f"coalesce(sum(e.usage_{field}), 0) AS usage_{field}" for field in COUNTS),
    f"coalesce(sum(e.cost_pico / {UNIT}), 0) AS cost_units",
    f"coalesce(sum(e.cost_pico % {UNIT}), 0) AS cost_rest",
    "min(e.started_ns) AS first_ns",
    "max(e.started_ns + coalesce(e.duration_ns, 0)) AS last_ns",
)
_AGAIN: Final = (
    *(f"sum(t.{name})" for name in (*(f"usage_{field}" for field in COUNTS), "cost_units", "cost_rest")),
    *("min(t.first_ns)", "max(t.last_ns)"),
)
_RARE: Final = tuple(f"coalesce(sum(x.usage_{field}), 0) AS usage_{field}" for field in RARE)
_RARE_AGAIN: Final = tuple(f"sum(t.usage_{field})" for field in RARE)
_TOLD: Final = {
    "errors": "k.error_type IS NOT NULL",
    "unpriced": "k.cost_status = 'unpriced'",
    "cut": "k.cut IS NOT NULL",
}
"""What is counted of calls, by their kind."""
_COMMON: Final = tuple(USAGE_FIELDS.index(field) for field in COUNTS)
_PLACES: Final = tuple(USAGE_FIELDS.index(field) for field in RARE)

Row = tuple[Any, ...]


def sums(connection: sqlite3.Connection, by: Sequence[str], window: Window) -> list[Group]:
    """Sums of the window by the ``DIMENSIONS`` in ``by`` and by currency. Trimmed calls count at 00:00 UTC of their day."""
    merged: dict[tuple[object, ...], Group] = {}
    merge(merged, _of_calls(connection, by, *entries(window)))
    merge(merged, _of_days(connection, by, window))
    return list(merged.values())


def sums_after(connection: sqlite3.Connection, by: Sequence[str], newest: int) -> list[Group]:
    """Sums by ``by`` and by currency of the calls whose row came after ``newest``."""
    return list(_of_calls(connection, by, "e.id > ?", (newest,)))


def merge(groups: dict[tuple[object, ...], Group], more: Iterator[Group] | Sequence[Group]) -> None:
    """Add ``more`` to ``groups``, which is kept by key and currency."""
    for group in more:
        known = groups.setdefault((*group.key, group.currency), group)
        if known is not group:
            _add(known, group)


def _of_calls(
    connection: sqlite3.Connection, by: Sequence[str], where: str, values: tuple[str | int, ...]
) -> Iterator[Group]:
    rare: dict[Row, Row] = {}
    if connection.execute("SELECT 1 FROM extras LIMIT 1").fetchone():
        few = _statement(by, "extras x JOIN entries e ON e.id = x.id", where, (_RARE, _RARE_AGAIN))
        size = len(by) + 1
        rare = {row[:size]: row[size + 4 :] for row in connection.execute(few, values)}
    for row in connection.execute(_statement(by, "entries e", where, (_ADDED, _AGAIN)), values):
        key, (calls, errors, unpriced, cut, *counts) = row[: len(by) + 1], row[len(by) + 1 :]
        usage = [0] * len(USAGE_FIELDS)
        for place, count in (*zip(_COMMON, counts, strict=False), *zip(_PLACES, rare.get(key, ()), strict=False)):
            usage[place] = count
        units, rest, first_ns, last_ns = counts[-4:]
        yield Group(
            key[:-1], key[-1], calls, errors, unpriced, cut, tuple(usage), units * UNIT + rest, first_ns, last_ns
        )


def _statement(by: Sequence[str], source: str, where: str, added: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    """The question for sums of the entries ``e``: keys, currency, calls, errors, unpriced, cut, then what is ``added``.

    ``added`` has the sums over entries, and the sums of these sums.
    """
    own = [name for name in _OF_ENTRIES if name in by]
    if _MANY.isdisjoint(by):
        kinds = [*(f"t.{name}" if name in own else _OF_KINDS[name] for name in by), "k.currency"]
        told = (
            "sum(t.calls)",
            *(f"coalesce(sum(t.calls) FILTER (WHERE {one}), 0)" for one in _TOLD.values()),
            *added[1],
        )
        parts = ["e.kind AS kind", *(f"{_OF_ENTRIES[name]} AS {name}" for name in own)]
        inner = f"SELECT {', '.join(parts)}, count(*) AS calls, {', '.join(added[0])} FROM {source} WHERE {where}"
        return (
            f"SELECT {', '.join((*kinds, *told))} FROM ({inner} {_by(len(parts))}) t"
            f" JOIN kinds k ON k.id = t.kind {_by(len(kinds))}"
        )
    named = [f"{_OF_ENTRIES.get(name) or _OF_KINDS[name]} AS {name}" for name in by]
    told = (
        "count(*) AS calls",
        *(f"count(*) FILTER (WHERE {one}) AS {name}" for name, one in _TOLD.items()),
        *added[0],
    )
    inner = (
        f"SELECT {', '.join((*named, 'k.currency', *told))} FROM {source} JOIN kinds k ON k.id = e.kind"
        f" WHERE {where} {_by(len(by) + 1)}"
    )
    shown = [_SHOWN.get(name, f"t.{name}") for name in by]
    others = ", ".join(f"t.{word.rpartition(' AS ')[2]}" for word in ("currency", *told))
    return f"SELECT {', '.join(shown)}, {others} FROM ({inner}) t"


def whole(by: Sequence[str], where: str) -> str:
    """The question for all sums of entries in one: those of the counts that most calls have, then those of the rare ones."""
    first, last = _ADDED[: len(COUNTS)], _ADDED[len(COUNTS) :]
    again, end = _AGAIN[: len(COUNTS)], _AGAIN[len(COUNTS) :]
    added = ((*first, *_RARE, *last), (*again, *_RARE_AGAIN, *end))
    return _statement(by, "entries e LEFT JOIN extras x ON x.id = e.id", where, added)


def days(by: Sequence[str], window: Window) -> tuple[str, tuple[str | int, ...]]:
    """The question for the sums of trimmed days, and its values."""
    keys = ", ".join([*(_OF_DAYS[name] for name in by), "currency"])
    asked = {f"day * {DAY_NS} >= ?": window.since_ns, f"day * {DAY_NS} < ?": window.until_ns, "run = ?": window.run}
    terms = [term for term, value in asked.items() if value is not None]
    values = tuple(value for value in asked.values() if value is not None)
    where = f" WHERE {' AND '.join(terms)}" if terms else ""
    columns = ", ".join((*SUMS, *SPAN_OF_TIME))
    return f"SELECT {keys}, {columns} FROM daily{where}", values


def _of_days(connection: sqlite3.Connection, by: Sequence[str], window: Window) -> Iterator[Group]:
    # added up in Python: the sums of sums may not fit 64 bits
    for row in connection.execute(*days(by, window)):
        yield group(row[: len(by) + 1], row[len(by) + 1 :])


def entries(window: Window) -> tuple[str, tuple[str | int, ...]]:
    """The condition on the entries ``e`` of a window. A run is read from its first call on: there is no index of runs."""
    terms, values = ["1"], list[str | int]()
    for term, value in {"e.started_ns >= ?": window.since_ns, "e.started_ns < ?": window.until_ns}.items():
        if value is not None:
            terms.append(term)
            values.append(value)
    if window.run is not None:
        terms.append("e.id >= (SELECT min(first_call) FROM kinds WHERE run = ?)")
        terms.append("e.kind IN (SELECT id FROM kinds WHERE run = ?)")
        values += [window.run, window.run]
    return " AND ".join(terms), tuple(values)


def _by(columns: int) -> str:
    return f"GROUP BY {', '.join(str(n + 1) for n in range(columns))}"


def group(key: Row, sums: Row) -> Group:
    """The group of a key with its currency, and of its sums in the order of ``daily``."""
    *counts, units, rest, first_ns, last_ns = sums
    calls, errors, unpriced, cut = counts[:4]
    usage = tuple(counts[4 : 4 + len(USAGE_COLUMNS)])
    return Group(key[:-1], key[-1], calls, errors, unpriced, cut, usage, units * UNIT + rest, first_ns, last_ns)


def _add(group: Group, other: Group) -> None:
    group.calls += other.calls
    group.errors += other.errors
    group.unpriced += other.unpriced
    group.cut += other.cut
    group.usage = tuple(mine + theirs for mine, theirs in zip(group.usage, other.usage, strict=True))
    group.cost += other.cost
    group.first_ns = min(group.first_ns, other.first_ns)
    group.last_ns = max(group.last_ns, other.last_ns)
