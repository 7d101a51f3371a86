"""What the SQLite store does for a ledger of record: adjustments, seals, backups, its own checks, retention by age."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from genmeter.ledger.adjustments import Adjustment, Revision
from genmeter.ledger.audit import Audit, Upkeep
from genmeter.ledger.call import COLUMNS, Call, from_row
from genmeter.ledger.questions import Window
from genmeter.ledger.seals import DAY_NS, Seal
from genmeter.ledger.sqlite import amend, rollup, sealing, trim, verify
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.counting import mark, set_mark
from genmeter.ledger.sqlite.read import Reader
from genmeter.ledger.sqlite.storage import Storage
from genmeter.ledger.sqlite.trim import Caps

RETAIN_EVERY_NS: Final = 3600 * 10**9
CHECK_EVERY_NS: Final = DAY_NS
RETAINED, CHECKED, DIFFERENT = "retained_ns", "checked_ns", "sums_different"
"""Marks: when rows beyond their age were last removed, when all sums were last compared, how many differed then."""


class Keeper(Reader):
    """The part of the store that keeps the record."""

    def __init__(self, database: Storage, path: str, caps: Caps) -> None:
        super().__init__(database)
        self.path = path
        self._caps = caps

    def _step(self, caps: Caps, now_ns: int) -> int:
        """Take one step towards the caps, and say how many rows went."""
        raise NotImplementedError

    def adjust(self, adjustments: Sequence[Adjustment]) -> int:
        """Write adjustments in one durable transaction; how many were new. Raises ``ValueError`` for a sealed period."""
        now = time.time_ns()
        with self._database.transaction() as connection:
            return sum(amend.put(connection, one, now) for one in adjustments)

    def revise(self, revisions: Sequence[Revision], batch: str) -> int:
        """Count calls in another way, by two adjustments each; how many still counted as their ``old`` says."""
        with self._database.transaction() as connection:
            return amend.revise(connection, revisions, batch, time.time_ns())

    def seal(self, name: str, now_ns: int | None = None) -> Seal:
        """Seal all up to the end of the day or month ``name``. Raises ``ValueError``."""
        with self._database.transaction() as connection:
            return sealing.close(connection, name, time.time_ns() if now_ns is None else now_ns)

    def verify(self) -> Audit:
        """Recompute every sum from the calls and every seal from its sums, and say what differs."""
        return self._database.read(lambda connection: verify.audit(connection, self._database.damage(connection)))

    def walk(self, window: Window, after: int = 0, most: int = 1_000) -> list[tuple[int, Call]]:
        """Calls of a window as they count now, in the order of their numbers. Calls that were taken back are left out."""
        return self._database.read(lambda connection: _walk(connection, window, after, most))

    def adjustments(self, window: Window, after: int = 0, most: int = 1_000) -> list[Adjustment]:
        """Adjustments that count in a window, in the order of their numbers."""
        return self._database.read(lambda connection: amend.listed(connection, window, after, most))

    def seals(self) -> list[Seal]:
        """All seals, the oldest first."""
        return self._database.read(sealing.listed)

    def upkeep(self, now_ns: int | None = None) -> int:
        """Take one bounded step that must not wait for ever; 0 when all is done.

        In this order: the sums of one finished day, the removal of what is beyond its age, the check of all sums.
        """
        now = time.time_ns() if now_ns is None else now_ns
        if self._roll_up(now // DAY_NS):
            return 1
        due = self._database.read(lambda connection: [now - mark(connection, one) for one in (RETAINED, CHECKED)])
        if due[0] >= RETAIN_EVERY_NS or due[0] < 0:
            return self._retain(now)
        if due[1] >= CHECK_EVERY_NS or due[1] < 0:
            different = len(self.verify().differences)
            with self._database.transaction() as connection:
                set_mark(connection, CHECKED, now)
                set_mark(connection, DIFFERENT, different)
            return 1
        return 0

    def upkept(self) -> Upkeep:
        """When the store's own work last succeeded, and what is left of it."""
        return self._database.read(_upkept)

    def _roll_up(self, today: int) -> bool:
        if self._database.read(lambda connection: rollup.next_dirty(connection, today)) is None:
            return False
        with self._database.transaction() as connection:
            day = rollup.next_dirty(connection, today)
            if day is not None:
                rollup.compute(connection, day)
        return True

    def _retain(self, now: int) -> int:
        gone = self._step(self._caps, now) if self._caps.days is not None else 0
        if gone:
            return gone
        with self._database.transaction() as connection:
            trim.retain(connection, self._caps, now)
            set_mark(connection, RETAINED, now)
        return 1


def _walk(connection: Connection, window: Window, after: int, most: int) -> list[tuple[int, Call]]:
    terms = {"started_ns >= ?": window.since_ns, "started_ns < ?": window.until_ns, "run = ?": window.run}
    asked = {term: value for term, value in terms.items() if value is not None}
    where = "".join(f" AND {term}" for term in asked)
    statement = f"SELECT id, {', '.join(COLUMNS)} FROM calls WHERE id > ?{where} ORDER BY id LIMIT ?"
    rows = connection.execute(statement, (after, *asked.values(), most)).fetchall()
    found = [(row[0], from_row(row[1:])) for row in rows]
    if connection.execute("SELECT 1 FROM adjustments LIMIT 1").fetchone() is None:
        return found
    now = ((number, amend.counting(connection, call)) for number, call in found)
    kept = [(number, call) for number, call in now if call is not None]
    # a page whose calls were all taken back is not the end
    return kept or (_walk(connection, window, found[-1][0], most) if found else [])


def _upkept(connection: Connection) -> Upkeep:
    dirty = connection.execute("SELECT count(*) FROM dirty").fetchone()[0]
    sealed = connection.execute("SELECT coalesce(max(until_ns), 0) FROM seals").fetchone()[0]
    return Upkeep(mark(connection, RETAINED), mark(connection, CHECKED), mark(connection, DIFFERENT), dirty, sealed)
