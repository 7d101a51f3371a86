"""The ledger: OTLP in, every call booked once."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeVar

from google.protobuf.message import Message

from genmeter import names
from genmeter.ledger import booking, decode
from genmeter.ledger.booking import Price
from genmeter.ledger.call import Call
from genmeter.ledger.decode import Encoding, Event, Span, Tally
from genmeter.ledger.errors import StorageError
from genmeter.ledger.postgres import PostgresStore, is_url
from genmeter.ledger.questions import Outcome
from genmeter.ledger.sqlite import MAX_CALLS, MAX_SPANS, MEMORY, STEP, Caps, SqliteStore
from genmeter.ledger.sqlite.place import make_folder
from genmeter.ledger.store import Store

SKIPPED = "skip_scopes"
"""Who bills for a call of a scope that the user leaves out: the setting of this name."""
SLICE: Final = 500
"""Records that are read in one turn: about 20 ms."""
R = TypeVar("R", Span, Event)
_log = logging.getLogger(__name__)


class Booked(NamedTuple):
    """The result of one request: records received, records rejected and why, and the outcome of the batch in the store.

    ``ended_ns`` has the end of each call in it. Records that are no calls are counted in ``received`` and nowhere else.
    """

    received: int
    rejected: int
    reason: str
    outcome: Outcome
    ended_ns: list[int]


class Ledger:
    """Books each call in OTLP requests once. Reports put their questions to its ``store``.

    ``run`` is the id stamped on every call booked here; ``price`` prices calls of other instrumentations that arrive
    with tokens and without a verdict on their cost; the calls of the instrumentation scopes ``skip_scopes`` are set aside.
    """

    def __init__(
        self, store: Store, *, run: str = "", price: Price | None = None, skip_scopes: Collection[str] = ()
    ) -> None:
        self.store = store
        self.run = run
        self._price = price
        self._skip_scopes = frozenset(skip_scopes)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] = MEMORY,
        *,
        run: str = "",
        price: Price | None = None,
        skip_scopes: Collection[str] = (),
        max_rows: int | None = MAX_CALLS,
        max_spans: int = MAX_SPANS,
        max_days: float | None = None,
        session_days: float | None = None,
        day_days: float | None = None,
        patient: bool = False,
    ) -> Ledger:
        """Open or make the ledger at ``path``: an SQLite file, ``:memory:``, or ``postgresql://…``. Raises ``StorageError``.

        Beyond ``max_rows`` calls, ``max_spans`` spans or ``max_days`` the oldest rows go; their money stays, by day, for
        ``day_days``, and by session and day for ``session_days`` (None: not at all). None is without bound otherwise; with
        0 spans no trace trees are kept. ``patient``: calls that are too old go in ``upkeep`` and not with the next batch.
        """
        place = os.fspath(path)
        if place != MEMORY and not is_url(place):
            make_folder(place)
        caps = Caps(
            calls=max_rows,
            spans=max_spans,
            days=max_days,
            session_days=session_days,
            day_days=day_days,
            patient=patient,
        )
        store = PostgresStore(place, caps) if is_url(place) else SqliteStore(place, caps)
        return cls(store, run=run, price=price, skip_scopes=skip_scopes)

    def book_traces(self, payload: bytes | Message, encoding: Encoding = Encoding.PROTOBUF) -> Booked:
        """Book an ``ExportTraceServiceRequest``; on return it is on disk. Raises ``BadPayload``, ``StorageError``."""
        tally = Tally()
        spans, calls, unread = self._in_turns(decode.spans(payload, encoding, tally), booking.from_span)
        return self._done(tally, calls, self.store.book(calls, spans, unread))

    def book_logs(self, payload: bytes | Message, encoding: Encoding = Encoding.PROTOBUF) -> Booked:
        """Book the usage events of an ``ExportLogsServiceRequest``. Raises ``BadPayload``, ``StorageError``."""
        tally = Tally()
        events = decode.events(payload, names.EVENT_DETAILS, encoding, tally)
        _, calls, unread = self._in_turns(events, booking.from_event)
        return self._done(tally, calls, self.store.book(calls, (), unread))

    def counters(self) -> dict[str, int]:
        """Everything counted since the file was made: booked, merged, duplicates, conflicts, suspected and so on."""
        return self.store.counters()

    def check(self) -> None:
        """Return when a batch would be accepted now. Raises ``StorageError``."""
        self.store.check()

    def tidy(self) -> int:
        """One bounded step while no sender waits: trim what is beyond the caps, give space back; 0 when nothing is left.

        Raises ``StorageError``.
        """
        return self.store.tidy()

    def upkeep(self) -> int:
        """One bounded step that must not wait for ever: sums of a finished day, retention by age, the check of all sums.

        0 when all is done. Raises ``StorageError``.
        """
        return self.store.upkeep()

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def _in_turns(
        self, records: Iterator[R], book: Callable[[R, str, Price | None], Call | None]
    ) -> tuple[list[R], list[Call], dict[str, int]]:
        """All records, the calls among them, and by emitter how many others have counts or an amount all the same.

        A large request waits for a new turn after each slice of it.
        """
        read: list[R] = []
        calls: list[Call] = []
        unread: dict[str, int] = {}
        while True:
            with self.store.turn:
                part = list(islice(records, SLICE))
                self._sort(part, book, calls, unread)
            read += part
            if len(part) < SLICE:
                return read, calls, unread
            # the lock is not fair: another thread that waits for it gets it only while this one sleeps
            time.sleep(0.0002)

    def _sort(
        self,
        records: Sequence[R],
        book: Callable[[R, str, Price | None], Call | None],
        calls: list[Call],
        unread: dict[str, int],
    ) -> None:
        for record in records:
            call = book(record, self.run, self._price)
            if call is None:
                emitter = booking.unread(record)
                if emitter is not None:
                    unread[emitter] = unread.get(emitter, 0) + 1
                continue
            if record.scope in self._skip_scopes:
                call.cost_status, call.cost_detail = names.ELSEWHERE, SKIPPED
            calls.append(call)

    def _done(self, found: Tally, calls: list[Call], outcome: Outcome) -> Booked:
        try:
            # in proportion to the batch: a lowered cap is reached over many batches and no sender waits for it
            for _ in range(found.received // STEP + 1):
                if not self.store.trim():
                    break
        except StorageError as error:
            # the batch is committed and must be acknowledged; the next one tries to trim again
            _log.warning("trimming waits for the next batch: %s", error)
        ended = [call.started_ns + (call.duration_ns or 0) for call in calls]
        return Booked(found.received, found.rejected, found.reason, outcome, ended)
