"""How a call lies in the file: what many calls share is written once, what each has for itself in a narrow row.

``kinds`` holds the texts that repeat (model, department, status, ...) and the prices of one unit; ``users`` the users;
``entries`` one row a call; ``extras`` the counts and the lines of a bill that few calls have. A line is not kept where it is
a count times the price of its kind. The view ``calls`` puts them together again, under the names of ``Call``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress, repeat
from operator import attrgetter, is_not
from typing import Any, Final, cast

from genmeter.ledger.call import COLUMNS, FILLABLE, LINE_KINDS, USAGE_FIELDS, Call
from genmeter.ledger.errors import StorageError
from genmeter.ledger.seals import DAY_NS
from genmeter.ledger.sqlite.connection import Cursor
from genmeter.ledger.sqlite.counting import SET_MARK
from genmeter.ledger.sqlite.packing import IDS, packed, response_mark, split_response, unpacked

MOST_KINDS: Final = 20_000
"""Kinds that a connection remembers. With as many, no new kind is made for a price: a sender may invent prices."""
MOST_USERS: Final = 100_000
MOST_SHAPES, LONGEST_SHAPE = 5_000, 4_000
"""Lists of names that the file keeps for spans, and the letters of one. A list beyond stands in its span."""
MOST_UNSWEPT: Final = 50_000
"""After so many new kinds and users, all entries are read once to find the kinds and users that no call has any more."""
_USING: Final = {
    "kind": ("entries", "folded", "adjustments", "days", "sessions"),
    "user": ("entries", "folded", "adjustments", "sessions"),
}
"""The tables whose rows have a kind, and a user."""
SWEPT: Final = "swept_until"
"""Mark: the newest kind and user when that was done, added."""

TEXTS: Final = (
    *("run", "scope", "host", "span_name", "service", "environment", "operation", "provider", "request_model"),
    *("response_model", "service_tier", "region", "department", "application", "finish_reasons", "error_type", "cut"),
    *("cost_status", "cost_reason", "cost_detail", "cost_source", "cost_catalogue", "cost_entry", "currency"),
    *("agent", "workflow", "agent_path"),
)
"""What calls of one kind have in common, by the names of ``Call``."""
COUNTS: Final = ("input", "output", "cache_read", "cache_write", "reasoning")
"""Fields of usage that most calls have."""
PRICED: Final = {
    "input": "usage_input - coalesce(usage_cache_read, 0) - coalesce(usage_cache_write, 0)",
    "cache_read": "usage_cache_read",
    "cache_write": "usage_cache_write",
    "output": "usage_output",
}
"""Line of a bill that most calls have → the count whose price it is."""
KIND: Final = (*TEXTS, "response_head", *(f"price_{line}" for line in PRICED))
OWN: Final = (
    *("kind", "started_ns", "cost_pico", *(f"usage_{field}" for field in COUNTS), "user", "signals", "theirs"),
    *("duration_ns", "first_chunk_ns", "trace_id", "span_id", "parent_span_id", "session", "response_id"),
    *("response_mark", "conversation"),
)
DIGEST: Final = "texts_digest"
"""A column of kinds that only some stores have: it follows from the others."""
RARE: Final = tuple(field for field in USAGE_FIELDS if field not in COUNTS)
EXTRA: Final = (*(f"usage_{field}" for field in RARE), *(f"line_{kind}" for kind in LINE_KINDS))

ROW: Final = ("id", *OWN)
"""The columns of an entry: its number, and what ``Writer.row`` says of a call."""
_CHANGE: Final = f"UPDATE entries SET {', '.join(f'{name} = ?' for name in OWN)} WHERE id = ?"
_BOOKED: Final = f"""
SELECT id, kind, signals, theirs, started_ns, late, {", ".join(OWN[2 : 3 + len(COUNTS)])} FROM entries
WHERE trace_id = ? AND span_id = ?
"""
_TELL: Final = """
UPDATE entries SET kind = ?, signals = ?, duration_ns = coalesce(duration_ns, ?),
first_chunk_ns = coalesce(first_chunk_ns, ?), parent_span_id = coalesce(parent_span_id, ?) WHERE id = ?
"""
_MONEY, _KEY, _TIMES = (
    slice(2, 3 + len(COUNTS)),
    slice(OWN.index("trace_id"), OWN.index("trace_id") + 2),
    slice(OWN.index("duration_ns"), OWN.index("duration_ns") + 2),
)
_SIGNALS, _THEIRS, _PARENT = (OWN.index(name) for name in ("signals", "theirs", "parent_span_id"))
_FILLED: Final = tuple(KIND.index(name) for name in FILLABLE if name in TEXTS and name != "environment")
_ALIKE: Final = tuple(KIND.index(name) for name in ("environment", "currency", *(f"price_{line}" for line in PRICED)))
_ARRAY: Final = f"json_array({', '.join(KIND)})"
_FIND_KIND: Final = f"SELECT id, first_call FROM kinds WHERE {_ARRAY} = json_array({', '.join('?' * len(KIND))})"

_texts = attrgetter(*TEXTS)
_INPUT, _OUTPUT, _READ, _WRITE, _REASONING = (USAGE_FIELDS.index(field) for field in COUNTS)
_LINES = tuple(LINE_KINDS.index(line) for line in PRICED)
_rare = tuple(USAGE_FIELDS.index(field) for field in RARE)
_NO_PRICES: Final = (None, None, None, None)

Value = str | bytes | int | None
Values = tuple[Value, ...]


class Writer:
    """A connection that remembers the numbers of kinds and users, as long as no other one may have changed them.

    What differs from database to database is below the others: a store fills it in.
    """

    def __init__(self) -> None:
        self._kinds: dict[Values, tuple[int, int]] = {}
        self._of_kind: dict[int, Values] = {}
        self._users: dict[str, int] = {}
        self._shapes: dict[tuple[str, ...], int | None] = {}
        self.sealed_until = 0
        """Calls that began before this, in Unix ns, are sealed; read at the begin of a transaction."""
        self.adjusts = False
        """Whether there is any adjustment; read at the begin of a transaction."""
        self.touched: set[int] = set()
        """Days since 1970 whose calls this transaction has changed."""

    def begin(self) -> None:
        """Begin a transaction that writes."""
        if self._open():
            self.forget()
        self.sealed_until = self.execute("SELECT coalesce(max(until_ns), 0) FROM seals").fetchone()[0]
        self.adjusts = self.execute("SELECT 1 FROM adjustments LIMIT 1").fetchone() is not None
        self.touched.clear()

    def commit_all(self) -> None:
        """End the transaction: the days that it has changed are dirty, and all of it is on disk."""
        if self.touched:
            self.executemany("INSERT INTO dirty VALUES (?) ON CONFLICT DO NOTHING", [(day,) for day in self.touched])
        self.execute("COMMIT")

    @property
    def next_row(self) -> int:
        """A number above those of all calls that there are."""
        return self.execute("SELECT coalesce(max(id), 0) + 1 FROM entries").fetchone()[0]

    def forget(self) -> None:
        """Remember nothing: a transaction was rolled back, or kinds have gone."""
        self._kinds.clear()
        self._of_kind.clear()
        self._users.clear()
        self._shapes.clear()

    def row(self, number: int, call: Call) -> tuple[Values, Values | None]:
        """The values of ``OWN`` for a call that gets this number, and those of ``EXTRA`` where it has any.

        Its kind and its user are written, if they are new.
        """
        usage = call.usage
        counts = (usage[_INPUT], usage[_OUTPUT], usage[_READ], usage[_WRITE], usage[_REASONING])
        head, response = split_response(call.response_id)
        texts, prices = (*_texts(call), head), _prices(call)
        kind = self._kind(number, (*texts, *prices), priced=prices is not _NO_PRICES)
        if kind is None:
            prices = _NO_PRICES
            kind = self._kind(number, (*texts, *prices))
        own = (
            *(kind, call.started_ns, call.cost_pico),
            *counts,
            None if call.user_hash is None else self._user(call.user_hash),
            call.signals,
            None if call.scope is None else 1,
            *(call.duration_ns, call.first_chunk_ns),
            *(packed(call.trace_id), packed(call.span_id), packed(call.parent_span_id), packed(call.session)),
            *(response, response_mark(call.response_id), packed(call.conversation)),
        )
        return own, _extras(call, counts, prices)

    def tell(self, number: int, own: Values) -> int | None:
        """Add what a second signal of ours says to the booked call of its key: the row that learned something, 0 for none.

        ``own`` are the values of ``row`` for the signal. None where the two must be looked at closely: no such call was
        booked before row ``number``, a record is another instrumentation's, money or environment are not the same, or
        the call may be sealed or adjusted.
        """
        found = self.execute(_BOOKED, own[_KEY]).fetchone()
        if found is None or found[0] >= number or found[6:] != own[_MONEY] or found[3] is not None or own[_THEIRS]:
            return None
        if found[4] < self.sealed_until or found[5] is not None or self.adjusts:
            return None
        row, booked, signals = found[0], self._texts_of(found[1]), found[2]
        told = self._texts_of(cast("int", own[0]))
        if any(booked[place] != told[place] for place in _ALIKE):
            return None
        both = signals | own[_SIGNALS]
        if both == signals:
            return 0
        merged = list(booked)
        for place in _FILLED:
            if merged[place] is None:
                merged[place] = told[place]
        self.execute(_TELL, (self._kind(row, tuple(merged)), both, *own[_TIMES], own[_PARENT], row))
        self.touched.add(found[4] // DAY_NS)
        return row

    def shape(self, names: tuple[str, ...]) -> int | None:
        """The number of a list of names of attributes; None where the file has as many lists as it keeps."""
        if names in self._shapes:
            return self._shapes[names]
        text, found = json.dumps(names), None
        if len(text) <= LONGEST_SHAPE:
            row = self.execute("SELECT id FROM shapes WHERE names = ?", (text,)).fetchone()
            newest = self.execute("SELECT max(id) FROM shapes").fetchone()[0] or 0
            if row is not None:
                found = int(row[0])
            elif newest < MOST_SHAPES:
                found = self.add("shapes", ("names",), (text,))
        if len(self._shapes) >= 2 * MOST_SHAPES:
            self._shapes.clear()
        self._shapes[names] = found
        return found

    def add_extras(self, number: int, values: Values) -> None:
        """Write the values of ``EXTRA`` of a call that went in."""
        shape = tuple(map(is_not, values, repeat(None)))
        self.execute(_extra(shape), (number, *compress(values, shape)))

    def change(self, number: int, call: Call) -> None:
        """Write a booked call anew."""
        own, extras = self.row(number, call)
        self.touched.add(call.started_ns // DAY_NS)
        self.execute(_CHANGE, (*own, number))
        self.execute("DELETE FROM extras WHERE id = ?", (number,))
        if extras is not None:
            self.add_extras(number, extras)

    def remove(self, rows: str, values: Sequence[int]) -> None:
        """Delete the calls whose numbers are ``rows``: a question, or a value."""
        self.execute(f"DELETE FROM extras WHERE id IN ({rows})", values)
        self.execute(f"DELETE FROM entries WHERE id IN ({rows})", values)

    def sweep(self) -> None:
        """Delete the kinds and users that no call has any more, where they may have become many since the last time."""
        found = "SELECT coalesce(max(id), 0) + (SELECT coalesce(max(id), 0) FROM users) FROM kinds"
        newest: int = self.execute(found).fetchone()[0]
        swept = self.execute("SELECT value FROM marks WHERE name = ?", (SWEPT,)).fetchone()
        if newest - (swept[0] if swept else 0) < MOST_UNSWEPT:
            return
        for table, column in (("kinds", "kind"), ("users", "user")):
            used = " UNION ".join(f"SELECT {column} FROM {one} WHERE {column} IS NOT NULL" for one in _USING[column])
            self.execute(f"DELETE FROM {table} WHERE id NOT IN ({used})")
        self.forget()
        # a number that was the newest may be given again, so the mark may fall
        left: int = self.execute(found).fetchone()[0]
        self.execute(SET_MARK, (SWEPT, left))

    def _kind(self, number: int, kind: Values, priced: bool = False) -> int | None:
        """The number of a kind, None for a new one that is ``priced`` where there are many already."""
        found = self._kinds.get(kind)
        if found is None:
            found = self._known_kind(kind)
            if found is None:
                newest = self.execute("SELECT max(id) FROM kinds").fetchone()[0] if priced else 0
                if (newest or 0) >= MOST_KINDS:
                    return None
                found = (self._new_kind(number, kind), number)
            if len(self._kinds) >= MOST_KINDS:
                self._kinds.clear()
                self._of_kind.clear()
            self._kinds[kind] = found
            self._of_kind[found[0]] = kind
        if number < found[1]:
            self.execute("UPDATE kinds SET first_call = ? WHERE id = ?", (number, found[0]))
            self._kinds[kind] = (found[0], number)
        return found[0]

    def _texts_of(self, number: int) -> Values:
        known = self._of_kind.get(number)
        if known is None:
            known = self.execute(f"SELECT {', '.join(KIND)} FROM kinds WHERE id = ?", (number,)).fetchone()
            if len(self._of_kind) >= 2 * MOST_KINDS:
                self._of_kind.clear()
            self._of_kind[number] = known
        return known

    def _user(self, user: str) -> int:
        found = self._users.get(user)
        if found is None:
            row = self.execute("SELECT id FROM users WHERE user_hash = ?", (user,)).fetchone()
            found = int(row[0]) if row else self.add("users", ("user_hash",), (user,)) or 0
            if len(self._users) >= MOST_USERS:
                self._users.clear()
            self._users[user] = found
        return found

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Cursor:
        """``Connection.execute``."""
        raise NotImplementedError

    def executemany(self, statement: str, rows: Any, /) -> Cursor:
        """``Connection.executemany``."""
        raise NotImplementedError

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> int:
        """Insert the rows whose keys are new; how many went in."""
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        return self.executemany(statement, rows).rowcount if rows else 0

    def copy_in(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        """Insert rows of another store under their own numbers, where none of them is."""
        kept = [place for place, name in enumerate(columns) if name != DIGEST]
        own = [place for place, name in enumerate(columns) if name in IDS.get(table, ())]
        names = [columns[place] for place in kept]
        written = [[packed(value) if place in own and isinstance(value, str) else value for place, value in enumerate(row)]
                   for row in rows]  # fmt: skip
        self._copy(table, names, [tuple(row[place] for place in kept) for row in written])

    def copied(self) -> None:
        """Go on behind the numbers of the rows that were copied in."""

    def _copy(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        if (went := self.insert(table, columns, rows)) != len(rows):
            raise StorageError(f"{len(rows) - went} rows of {table} are in the target already, and are others there")

    def add(self, table: str, columns: Sequence[str], values: Values) -> int | None:
        """Insert one row; the number that it got, None where its key is there already."""
        raise NotImplementedError

    def _open(self) -> bool:
        """Begin a transaction that no other one writes beside; whether another connection has written since the last one."""
        raise NotImplementedError

    def _known_kind(self, kind: Values) -> tuple[int, int] | None:
        """The number and the first call of a kind that was written."""
        return self.execute(_FIND_KIND, kind).fetchone()

    def _new_kind(self, number: int, kind: Values) -> int:
        """Write a kind, whose first call has this number; the number of the kind."""
        return self.add("kinds", ("first_call", *KIND), (number, *kind)) or 0


def select(table: str = "entries", extras: str = "x.id = e.id") -> str:
    """The question for the calls in ``entries``, or in a table with the same columns: their ``id`` and ``COLUMNS``.

    ``extras`` is the condition by which a row of the table has its row in ``extras``.
    """
    apart = {
        **{name: f"k.{name}" for name in TEXTS},
        **{name: f"e.{name}" for name in OWN},
        **{f"usage_{field}": f"x.usage_{field}" for field in RARE},
        **{f"line_{kind}": f"x.line_{kind}" for kind in LINE_KINDS},
        **{
            name: unpacked(f"e.{name}") for name in ("trace_id", "span_id", "parent_span_id", "session", "conversation")
        },
        "user_hash": "u.user_hash",
        "response_id": f"coalesce(k.response_head, '') || {unpacked('e.response_id')}",
    }
    for line, count in PRICED.items():
        apart[f"line_{line}"] = f"coalesce(x.line_{line}, k.price_{line} * ({count.replace('usage_', 'e.usage_')}))"
    columns = ", ".join(f"{apart[name]} AS {name}" for name in COLUMNS)
    return (
        f"SELECT e.id AS id, {columns} FROM {table} e JOIN kinds k ON k.id = e.kind"
        f" LEFT JOIN users u ON u.id = e.user LEFT JOIN extras x ON {extras}"
    )


def _prices(call: Call) -> tuple[int | None, ...]:
    """The price of one unit for each of the ``PRICED`` lines, None where the line is no count times a price."""
    lines, usage = call.lines, call.usage
    if lines.count(None) == len(lines):
        return _NO_PRICES
    whole, read, written = usage[_INPUT], usage[_READ], usage[_WRITE]
    rest = None if whole is None else whole - (read or 0) - (written or 0)
    return (
        _price(lines[_LINES[0]], rest),
        _price(lines[_LINES[1]], read),
        _price(lines[_LINES[2]], written),
        _price(lines[_LINES[3]], usage[_OUTPUT]),
    )


def _price(line: int | None, count: int | None) -> int | None:
    if line is None or count is None:
        return None
    if line == 0:
        return 0
    return line // count if count > 0 and line % count == 0 else None


def _extras(call: Call, common: Values, prices: tuple[int | None, ...]) -> Values | None:
    """The values of ``EXTRA``; None where the counts are ``common`` and every line has a price."""
    usage, lines = call.usage, call.lines
    rare = len(usage) - usage.count(None) - len(common) + common.count(None)
    if not rare and len(lines) - lines.count(None) == len(prices) - prices.count(None):
        return None
    left = list(lines)
    for line, price in zip(_LINES, prices, strict=True):
        if price is not None:
            left[line] = None
    return (*(usage[field] for field in _rare), *left)


@lru_cache(maxsize=256)
def _extra(shape: tuple[bool, ...]) -> str:
    columns = list(compress(EXTRA, shape))
    return f"INSERT INTO extras (id, {', '.join(columns)}) VALUES (?{', ?' * len(columns)})"
