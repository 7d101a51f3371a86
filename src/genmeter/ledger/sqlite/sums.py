"""Sums over the calls and over the trimmed days: calls are added up by their kind first, and by the asked texts then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, NamedTuple

from genmeter.ledger.call import USAGE_COLUMNS, USAGE_FIELDS
from genmeter.ledger.questions import QUARTER_NS, Condition, Group, Window
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.entries import COUNTS, RARE, TEXTS
from genmeter.ledger.sqlite.packing import packed, unpacked
from genmeter.ledger.sqlite.schema import DAILY_KEYS, DAY_NS, SPAN_OF_TIME, SUMS, UNIT

_OF_DAYS: Final = {
    **{name: name for name in DAILY_KEYS},
    "quarter": f"day * {DAY_NS // QUARTER_NS}",
    "session": "NULL",
    "conversation": "NULL",
    "service": "NULL",
    "service_tier": "NULL",
    "region": "NULL",
    "cost_source": "NULL",
    "cost_catalogue": "NULL",
}
"""What sums can be grouped by → the same over ``daily``, which has forgotten some."""
_OF_KINDS: Final = {
    **{name: f"k.{name}" for name in TEXTS if name in _OF_DAYS},
    "model": "coalesce(k.response_model, k.request_model)",
}
"""The same over the kinds ``k``."""
_OF_ENTRIES: Final = ("day", "quarter", "user_hash", "session", "conversation")
"""What of it one kind has several of, so that it stands in each row."""


class Source(NamedTuple):
    """Rows that are added up: booked calls, adjustments with their sign, or sums of a day by kind.

    ``table`` is read as ``e``, ``rare`` is the table of the counts that few rows have and ``join`` how it stands beside
    ``table``. ``calls`` counts the calls of rows, ``sign``
    stands before each amount, ``moment`` is where a row counts, ``units`` and ``rest`` are its money. ``spans`` are the
    first start and the last end of rows.
    """

    table: str
    rare: str
    join: str = ""
    calls: str = "count(*)"
    sign: str = ""
    moment: str = "e.started_ns"
    units: str = f"e.cost_pico / {UNIT}"
    rest: str = f"e.cost_pico % {UNIT}"
    spans: tuple[str, str] = ("e.started_ns", "e.started_ns + coalesce(e.duration_ns, 0)")
    counted: str = "x.usage_{}"


ENTRIES: Final = Source("entries e", "extras x JOIN entries e ON e.id = x.id", "LEFT JOIN extras x ON x.id = e.id")
ADJUSTMENTS: Final = Source(
    "adjustments e", "extras x JOIN adjustments e ON e.id = -x.id", "LEFT JOIN extras x ON x.id = -e.id", "coalesce(sum(e.calls), 0)", "e.sign * ",
    "e.counted_ns", spans=("e.counted_ns", "e.counted_ns"),
)  # fmt: skip
DAYS: Final = Source(
    "days e", "days e", "", "sum(e.calls)", "", f"e.day * {DAY_NS}", "e.cost_units", "e.cost_rest",
    ("e.first_ns", "e.last_ns"), "CAST(json_extract(e.rare, '$.usage_{}') AS BIGINT)",
)  # fmt: skip
SESSIONS: Final = DAYS._replace(table="sessions e", rare="sessions e")
_SHOWN: Final = {
    "user_hash": "(SELECT u.user_hash FROM users u WHERE u.id = t.user_hash)",
    "session": unpacked("t.session"),
    "conversation": unpacked("t.conversation"),
}
"""The text of what stands for it in an entry."""
SINGLE: Final = frozenset(("session", "conversation"))
"""What calls do not have in common: the sums by session are kept apart for these."""
_MANY: Final = frozenset(_SHOWN)
"""There are so many of these that sums by kind beside them would be as many as calls."""
DIMENSIONS: Final = frozenset(_OF_DAYS)
_SESSIONS_FROM: Final = "(SELECT from_day FROM tiers WHERE name = 'sessions')"
MOST_STRETCHES: Final = 40
"""Dirty days between clean ones, beyond which the calls themselves are added up."""

_AGAIN: Final = (
    *(f"sum(t.{name})" for name in (*(f"usage_{field}" for field in COUNTS), "cost_units", "cost_rest")),
    *("min(t.first_ns)", "max(t.last_ns)"),
)
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


def sums(connection: Connection, by: Sequence[str], window: Window, from_calls: bool = False) -> list[Group]:
    """Sums of the window by the ``DIMENSIONS`` in ``by`` and by currency, with its adjustments.

    Trimmed calls count at 00:00 UTC of their day. Days that are summed already are taken from these sums, unless
    ``from_calls`` asks for the calls themselves.
    """
    merged: dict[tuple[object, ...], Group] = {}
    for stretch, is_summed in [(window, False)] if from_calls else _stretches(connection, by, window):
        if is_summed:
            merge(merged, _added(connection, by, DAYS, *_within(stretch, f"e.day * {DAY_NS}")))
        else:
            merge(merged, _added(connection, by, ENTRIES, *entries(stretch)))
    merge(merged, _adjusted(connection, by, window))
    merge(merged, _of_days(connection, by, window))
    if _by_session(by, window):
        merge(merged, _added(connection, by, SESSIONS, *trimmed_sessions(window)))
    # what an adjustment has taken back whole is no group any more
    return [group for group in merged.values() if group.calls or group.cost or any(group.usage)]


def sums_after(connection: Connection, by: Sequence[str], newest: int) -> list[Group]:
    """Sums by ``by`` and by currency of the calls whose row came after ``newest``."""
    return list(_added(connection, by, ENTRIES, "e.id > ? AND e.late IS NULL", (newest,)))


def merge(groups: dict[tuple[object, ...], Group], more: Iterator[Group] | Sequence[Group]) -> None:
    """Add ``more`` to ``groups``, which is kept by key and currency."""
    for group in more:
        known = groups.setdefault((*group.key, group.currency), group)
        if known is not group:
            _add(known, group)


def _stretches(connection: Connection, by: Sequence[str], window: Window) -> list[tuple[Window, bool]]:
    """The window in parts: whole clean days, which are summed by day already, and the stretches between them."""
    named = {*by, *(one.name for one in window.where)}
    if not {"quarter", "session", "conversation", "user_hash"}.isdisjoint(named):
        return [(window, False)]
    first, last = connection.execute("SELECT min(day), max(day) FROM days").fetchone()
    if first is None:
        return [(window, False)]
    since = first if window.since_ns is None else max(first, -(-window.since_ns // DAY_NS))
    until = last + 1 if window.until_ns is None else min(last + 1, window.until_ns // DAY_NS)
    dirty = [
        row[0]
        for row in connection.execute("SELECT day FROM dirty WHERE day >= ? AND day < ? ORDER BY day", (since, until))
    ]
    if since >= until or len(dirty) > MOST_STRETCHES:
        return [(window, False)]
    parts: list[tuple[Window, bool]] = []
    edges = [since, *(edge for day in dirty for edge in (day, day + 1)), until]
    for number, (begin, end) in enumerate(pairwise(edges)):
        if begin < end:
            parts.append((replace(window, since_ns=begin * DAY_NS, until_ns=end * DAY_NS), number % 2 == 0))
    before = replace(window, until_ns=since * DAY_NS)
    after = replace(window, since_ns=until * DAY_NS)
    return [(before, False), *parts, (after, False)]


def _by_session(by: Sequence[str], window: Window) -> bool:
    """Whether sums without sessions are of no use."""
    return not SINGLE.isdisjoint((*by, *(one.name for one in window.where)))


def _added(
    connection: Connection, by: Sequence[str], source: Source, where: str, values: tuple[str | int, ...]
) -> Iterator[Group]:
    rare: dict[Row, Row] = {}
    if not source.join or connection.execute("SELECT 1 FROM extras LIMIT 1").fetchone():
        few = where if source.join else f"{where} AND e.rare IS NOT NULL"
        asked = _statement(by, source, source.rare, few, (_rare(source), _RARE_AGAIN))
        size = len(by) + 1
        rare = {row[:size]: row[size + 4 :] for row in connection.execute(asked, values)}
    for row in connection.execute(_statement(by, source, source.table, where, (_common(source), _AGAIN)), values):
        key, (calls, errors, unpriced, cut, *counts) = row[: len(by) + 1], row[len(by) + 1 :]
        usage = [0] * len(USAGE_FIELDS)
        for place, count in (*zip(_COMMON, counts, strict=False), *zip(_PLACES, rare.get(key, ()), strict=False)):
            usage[place] = count
        units, rest, first_ns, last_ns = counts[-4:]
        yield Group(
            key[:-1], key[-1], calls, errors, unpriced, cut, tuple(usage), units * UNIT + rest, first_ns, last_ns
        )


def _adjusted(connection: Connection, by: Sequence[str], window: Window) -> Iterator[Group]:
    if connection.execute("SELECT 1 FROM adjustments LIMIT 1").fetchone():
        yield from _added(connection, by, ADJUSTMENTS, *_within(window, "e.counted_ns"))


def _common(source: Source) -> tuple[str, ...]:
    return (
        *(f"coalesce(sum({source.sign}e.usage_{field}), 0) AS usage_{field}" for field in COUNTS),
        f"coalesce(sum({source.sign}({source.units})), 0) AS cost_units",
        f"coalesce(sum({source.sign}({source.rest})), 0) AS cost_rest",
        f"min({source.spans[0]}) AS first_ns",
        f"max({source.spans[1]}) AS last_ns",
    )


def _rare(source: Source) -> tuple[str, ...]:
    counts = ((field, source.counted.format(field)) for field in RARE)
    return tuple(f"coalesce(sum({source.sign}{count}), 0) AS usage_{field}" for field, count in counts)


def _statement(
    by: Sequence[str], source: Source, table: str, where: str, added: tuple[tuple[str, ...], tuple[str, ...]]
) -> str:
    """The question for sums of the rows ``e``: keys, currency, calls, errors, unpriced, cut, then what is ``added``.

    ``added`` has the sums over rows, and the sums of these sums.
    """
    own = {
        "day": f"{source.moment} / {DAY_NS}",
        "quarter": f"{source.moment} / {QUARTER_NS}",
        "user_hash": "e.user",
        "session": "e.session",
        "conversation": "e.conversation",
    }
    if _MANY.isdisjoint(by):
        kinds = [*(f"t.{name}" if name in own else _OF_KINDS[name] for name in by), "k.currency"]
        told = (
            "sum(t.calls)",
            *(f"coalesce(sum(t.calls) FILTER (WHERE {one}), 0)" for one in _TOLD.values()),
            *added[1],
        )
        parts = ["e.kind AS kind", *(f"{own[name]} AS {name}" for name in by if name in own)]
        inner = f"SELECT {', '.join(parts)}, {source.calls} AS calls, {', '.join(added[0])} FROM {table} WHERE {where}"
        return (
            f"SELECT {', '.join((*kinds, *told))} FROM ({inner} {_by(len(parts))}) t"
            f" JOIN kinds k ON k.id = t.kind {_by(len(kinds))}"
        )
    named = [f"{own.get(name) or _OF_KINDS[name]} AS {name}" for name in by]
    weight = "1" if source is ENTRIES else "e.calls"
    told = (
        f"{source.calls} AS calls",
        *(f"coalesce(sum({weight}) FILTER (WHERE {one}), 0) AS {name}" for name, one in _TOLD.items()),
        *added[0],
    )
    inner = (
        f"SELECT {', '.join((*named, 'k.currency', *told))} FROM {table} JOIN kinds k ON k.id = e.kind"
        f" WHERE {where} {_by(len(by) + 1)}"
    )
    shown = [_SHOWN.get(name, f"t.{name}") for name in by]
    others = ", ".join(f"t.{word.rpartition(' AS ')[2]}" for word in ("currency", *told))
    return f"SELECT {', '.join(shown)}, {others} FROM ({inner}) t"


def columns(by: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is grouped by, over entries ``e`` and kinds ``k``; and the texts of the numbered keys of a table ``t``."""
    own = {"day": f"e.started_ns / {DAY_NS}", "quarter": f"e.started_ns / {QUARTER_NS}"}
    own |= {"user_hash": "e.user", "session": "e.session", "conversation": "e.conversation"}
    keys = [own.get(name) or _OF_KINDS[name] for name in by]
    shown = [_SHOWN.get(name, f"t.{name}").replace(f"t.{name}", f"t.key_{place}") for place, name in enumerate(by)]
    return keys, shown


def whole(by: Sequence[str], where: str, source: Source) -> str:
    """The question for all sums of rows in one: those of the counts that most calls have, then those of the rare ones."""
    common = _common(source)
    first, last = common[: len(COUNTS)], common[len(COUNTS) :]
    again, end = _AGAIN[: len(COUNTS)], _AGAIN[len(COUNTS) :]
    added = ((*first, *_rare(source), *last), (*again, *_RARE_AGAIN, *end))
    return _statement(by, source, f"{source.table} {source.join}", where, added)


def days(by: Sequence[str], window: Window) -> tuple[str, tuple[str | int, ...]]:
    """The question for the sums of trimmed days, and its values."""
    keys = ", ".join([*(_OF_DAYS[name] for name in by), "currency"])
    asked = {f"day * {DAY_NS} >= ?": window.since_ns, f"day * {DAY_NS} < ?": window.until_ns, "run = ?": window.run}
    terms = [term for term, value in asked.items() if value is not None]
    values = [value for value in asked.values() if value is not None]
    for one in window.where:
        terms.append(has(one, _OF_DAYS[one.name]))
        values += (value for value in one.wanted if value is not None)
    if _by_session(by, window):
        # these are read from the sums by session, where these are kept
        terms.append(f"day < {_SESSIONS_FROM}")
    where = f" WHERE {' AND '.join(terms)}" if terms else ""
    columns = ", ".join((*SUMS, *SPAN_OF_TIME))
    return f"SELECT {keys}, {columns} FROM daily{where}", tuple(values)


def trimmed_sessions(window: Window) -> tuple[str, tuple[str | int, ...]]:
    """The condition on the sums ``e`` by session of trimmed calls in a window."""
    where, values = _within(window, f"e.day * {DAY_NS}")
    return f"{where} AND e.day >= {_SESSIONS_FROM}", values


def _of_days(connection: Connection, by: Sequence[str], window: Window) -> Iterator[Group]:
    # added up in Python: the sums of sums may not fit 64 bits
    for row in connection.execute(*days(by, window)):
        yield group(row[: len(by) + 1], row[len(by) + 1 :])


def entries(window: Window) -> tuple[str, tuple[str | int, ...]]:
    """The condition on the entries ``e`` of a window; calls that an adjustment counts are left out."""
    where, values = booked(window)
    return f"{where} AND e.late IS NULL", values


def booked(window: Window) -> tuple[str, tuple[str | int, ...]]:
    """The condition on all entries ``e`` of a window. A run is read from its first call on: there is no index of runs."""
    where, values = _within(window, "e.started_ns")
    if window.run is not None:
        where, values = f"{where} AND e.id >= (SELECT min(first_call) FROM kinds WHERE run = ?)", (*values, window.run)
    return where, values


def adjusted(window: Window) -> tuple[str, tuple[str | int, ...]]:
    """The condition on the adjustments ``e`` of a window."""
    return _within(window, "e.counted_ns")


def _within(window: Window, moment: str) -> tuple[str, tuple[str | int, ...]]:
    terms, values = ["true"], list[Any]()
    for term, value in {f"{moment} >= ?": window.since_ns, f"{moment} < ?": window.until_ns}.items():
        if value is not None:
            terms.append(term)
            values.append(value)
    if window.run is not None:
        terms.append("e.kind IN (SELECT id FROM kinds WHERE run = ?)")
        values.append(window.run)
    for one in window.where:
        wanted = [value for value in one.wanted if value is not None]
        if one.name == "user_hash":
            among = f"SELECT id FROM users WHERE user_hash IN ({', '.join('?' * len(wanted))})"
            terms.append(has(one, "e.user", among))
        elif one.name in SINGLE:
            terms.append(has(one, f"e.{one.name}"))
            wanted = [packed(value) for value in wanted]
        else:
            terms.append(f"e.kind IN (SELECT k.id FROM kinds k WHERE {has(one, _OF_KINDS[one.name])})")
        values += wanted
    return " AND ".join(terms), tuple(values)


def has(one: Condition, column: str, among: str = "") -> str:
    """The condition on a column, which takes the wanted values but None; ``among`` is a question instead of the values."""
    marks = ", ".join("?" for value in one.wanted if value is not None)
    # NULL IN (...) is NULL, and so is its contrary: calls that do not say it would be lost
    known = f"coalesce({column} IN ({among or marks}), false)" if among or marks else "false"
    term = f"{known}{f' OR {column} IS NULL' if None in one.wanted else ''}"
    return f"{'NOT ' if one.other else ''}({term})"


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
