"""The ledger: OTLP in, every call booked once."""

from __future__ import annotations

import logging
import os
from typing import NamedTuple

from google.protobuf.message import Message

from genmeter import names
from genmeter.ledger import booking, decode
from genmeter.ledger.booking import Price
from genmeter.ledger.call import Call
from genmeter.ledger.decode import Encoding
from genmeter.ledger.errors import StorageError
from genmeter.ledger.questions import Outcome
from genmeter.ledger.sqlite import MAX_CALLS, MAX_SPANS, MEMORY, STEP, Caps, SqliteStore
from genmeter.ledger.sqlite.database import make_folder
from genmeter.ledger.store import Store

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
    with tokens and without a verdict on their cost.
    """

    def __init__(self, store: Store, *, run: str = "", price: Price | None = None) -> None:
        self.store = store
        self.run = run
        self._price = price

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str] = MEMORY,
        *,
        run: str = "",
        price: Price | None = None,
        max_rows: int | None = MAX_CALLS,
        max_spans: int = MAX_SPANS,
        max_days: float | None = None,
    ) -> Ledger:
        """Open or make the SQLite ledger at ``path`` (``:memory:`` for none). Raises ``StorageError``.

        Beyond ``max_rows`` calls, ``max_spans`` spans or ``max_days`` the oldest rows go; their money stays, by day.
        None is without bound; with 0 spans no trace trees are kept.
        """
        place = os.fspath(path)
        if place != MEMORY:
            make_folder(place)
        caps = Caps(calls=max_rows, spans=max_spans, days=max_days)
        return cls(SqliteStore(place, caps), run=run, price=price)

    def book_traces(self, payload: bytes | Message, encoding: Encoding = Encoding.PROTOBUF) -> Booked:
        """Book an ``ExportTraceServiceRequest``; on return it is on disk. Raises ``BadPayload``, ``StorageError``."""
        with self.store.turn:
            found = decode.traces(payload, encoding)
            made = (booking.from_span(span, self.run, self._price) for span in found.spans)
            calls = [call for call in made if call is not None]
        return self._done(found, calls, self.store.book(calls, found.spans))

    def book_logs(self, payload: bytes | Message, encoding: Encoding = Encoding.PROTOBUF) -> Booked:
        """Book the usage events of an ``ExportLogsServiceRequest``. Raises ``BadPayload``, ``StorageError``."""
        with self.store.turn:
            found = decode.logs(payload, names.EVENT_DETAILS, encoding)
            made = (booking.from_event(event, self.run, self._price) for event in found.events)
            calls = [call for call in made if call is not None]
        return self._done(found, calls, self.store.book(calls, ()))

    def counters(self) -> dict[str, int]:
        """Everything counted since the file was made: booked, merged, duplicates, conflicts, suspected and so on."""
        return self.store.counters()

    def check(self) -> None:
        """Return when a batch would be accepted now. Raises ``StorageError``."""
        self.store.check()

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def _done(self, found: decode.Decoded, calls: list[Call], outcome: Outcome) -> Booked:
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
