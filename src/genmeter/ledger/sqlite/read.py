"""What a store answers: sums over calls and over trimmed days, newest rows, traces, exact quantiles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from genmeter import names
from genmeter.ledger.call import COLUMNS, Call, from_record, from_row
from genmeter.ledger.decode import Span
from genmeter.ledger.questions import Dearest, Group, Latency, Metered, Page, Quarantined, Window
from genmeter.ledger.sqlite import meters, pages
from genmeter.ledger.sqlite.connection import Connection
from genmeter.ledger.sqlite.counting import counters
from genmeter.ledger.sqlite.dearest import dearest
from genmeter.ledger.sqlite.packing import packed
from genmeter.ledger.sqlite.storage import Storage
from genmeter.ledger.sqlite.sums import entries, sums

_SPAN_COLUMNS = ("service", *(name for name in Span._fields if name not in ("resource", "version")))
_MOST_OF_A_TRACE: Final = 2_000
_CALLS = f"SELECT {', '.join(COLUMNS)} FROM calls"


class Reader:
    """The questions. Each answer is of one moment; each method raises ``StorageError`` when the file cannot be read."""

    def __init__(self, database: Storage) -> None:
        self._database = database

    def moment(self) -> AbstractContextManager[None]:
        """A block whose questions are all answered as of one moment, in this thread."""
        return self._database.moment()

    def groups(self, by: Sequence[str], window: Window) -> list[Group]:
        """Sums of the window by the ``DIMENSIONS`` in ``by`` and by currency.

        Trimmed calls are included: they count at 00:00 UTC of their day.
        """
        return self._database.read(lambda connection: sums(connection, by, window))

    def metered(self, by: Sequence[str], window: Window) -> list[Metered]:
        """The lines of the bills of the calls in the window, by ``by``. Trimmed calls have none."""
        return self._database.read(lambda connection: meters.metered(connection, by, window))

    def dearest(self, by: Sequence[str], window: Window, most: int) -> Dearest:
        """The ``groups`` of the ``most`` keys that cost most, and the sums of all others."""
        return self._database.read(lambda connection: dearest(connection, by, window, most))

    def details(self, window: Window) -> dict[tuple[str | None, str | None, str | None], str]:
        """Reason, provider and model → what the price book said of one unpriced call of that kind.

        Trimmed calls have no details.
        """
        where, values = _where_calls(window)
        unpriced = f"{f'{where} AND' if where else ' WHERE'} cost_status = 'unpriced' AND cost_detail IS NOT NULL"
        kind = "cost_reason, provider, coalesce(response_model, request_model)"
        if window.where:
            chosen, more = entries(window)
            unpriced, values = f"{unpriced} AND id IN (SELECT e.id FROM entries e WHERE {chosen})", (*values, *more)
        rows = self._rows(f"SELECT {kind}, max(cost_detail) FROM calls{unpriced} GROUP BY 1, 2, 3", *values)
        return {(reason, provider, model): detail for reason, provider, model, detail in rows}

    def latest(self, limit: int, window: Window) -> list[Call]:
        """The newest calls of the window, newest first."""
        return self.page(Page(limit), window)

    def page(self, page: Page, window: Window) -> list[Call]:
        """Some calls of the window, in the order of the page."""
        return self._database.read(lambda connection: pages.page(connection, page, window))

    def latencies(
        self, by: Sequence[str], percents: Sequence[int], window: Window
    ) -> dict[tuple[object, ...], Latency]:
        """The ``latency`` of each group of calls by ``by``, of which there is one at least. Trimmed calls have none."""
        return self._database.read(lambda connection: pages.latencies(connection, by, percents, window))

    def latency(self, percents: Sequence[int], window: Window) -> Latency:
        """Nearest-rank quantiles: the smallest duration that at least p percent of the calls do not exceed."""
        return self._database.read(lambda connection: _latency(connection, percents, window))

    def trace_calls(self, trace_id: str) -> list[Call]:
        """The calls of one trace, oldest first, 2,000 at most."""
        oldest = f"SELECT id FROM entries WHERE trace_id = ? ORDER BY started_ns, id LIMIT {_MOST_OF_A_TRACE}"
        rows = self._rows(f"{_CALLS} WHERE id IN ({oldest}) ORDER BY started_ns, id", packed(trace_id))
        return [from_row(row) for row in rows]

    def trace_spans(self, trace_id: str) -> list[Span]:
        """The spans of one trace that are still kept, oldest first, 2,000 at most."""
        columns = ", ".join(_SPAN_COLUMNS)
        order = f"ORDER BY started_ns, id LIMIT {_MOST_OF_A_TRACE}"
        shape = "(SELECT names FROM shapes WHERE shapes.id = spans.shape)"
        statement = f"SELECT {shape}, {columns} FROM spans WHERE trace_id = ? {order}"
        return [_span(row) for row in self._rows(statement, trace_id)]

    def quarantined(self, limit: int, run: str | None = None) -> list[Quarantined]:
        """The newest calls that were not booked, newest first."""
        where, values = _where(Window(run=run), "received_ns")
        statement = (
            f"SELECT reason, received_ns, record, billed_by, why FROM quarantine{where} ORDER BY id DESC LIMIT ?"
        )
        rows = self._rows(statement, *values, limit)
        return [
            Quarantined(reason, received, from_record(json.loads(record)), billed_by, why)
            for reason, received, record, billed_by, why in rows
        ]

    def quarantine_counts(self, run: str | None = None) -> dict[str, int]:
        """Reason → calls in quarantine."""
        where, values = _where(Window(run=run), "received_ns")
        return dict(self._rows(f"SELECT reason, count(*) FROM quarantine{where} GROUP BY reason", *values))

    def counters(self) -> dict[str, int]:
        """Everything that was counted since the file was made, by name."""
        return self._database.read(counters)

    def unread(self) -> dict[str, int]:
        """Emitter → its records that have counts or an amount and are no known call, the most first."""
        rows = self._rows(
            "SELECT substr(name, 8), value FROM counters WHERE name LIKE 'unread %' ORDER BY value DESC, name"
        )
        return dict(rows)

    def _rows(self, statement: str, *values: str | bytes | int | None) -> list[tuple[Any, ...]]:
        return self._database.read(lambda connection: connection.execute(statement, values).fetchall())


def _latency(connection: Connection, percents: Sequence[int], window: Window) -> Latency:
    where, values = entries(window)
    timed = f"FROM entries e WHERE {where} AND e.duration_ns IS NOT NULL"
    calls = connection.execute(f"SELECT count(*) {timed}", values).fetchone()[0]
    if not calls:
        return Latency(0, ())
    ranks = [max(-(-percent * calls // 100), 1) for percent in percents]
    ordered = f"SELECT e.duration_ns {timed} ORDER BY e.duration_ns LIMIT 1 OFFSET ?"
    found = [connection.execute(ordered, (*values, rank - 1)).fetchone()[0] for rank in ranks]
    return Latency(calls, tuple(found))


def _span(row: tuple[Any, ...]) -> Span:
    names_of, *known = row
    fields = dict(zip(_SPAN_COLUMNS, known, strict=True))
    fields["failed"] = bool(fields["failed"])
    values = json.loads(fields["attributes"])
    fields["attributes"] = values if names_of is None else dict(zip(json.loads(names_of), values, strict=True))
    resource = {names.SERVICE_NAME: fields.pop("service")}
    return Span(**fields, resource=resource)


def _where(window: Window, moment: str) -> tuple[str, tuple[str | int, ...]]:
    """The condition on a table with the column ``run``, and its values."""
    asked = {f"{moment} >= ?": window.since_ns, f"{moment} < ?": window.until_ns, "run = ?": window.run}
    terms = [term for term, value in asked.items() if value is not None]
    values = tuple(value for value in asked.values() if value is not None)
    return (f" WHERE {' AND '.join(terms)}" if terms else "", values)


def _where_calls(window: Window) -> tuple[str, tuple[str | int, ...]]:
    """The condition on the view of calls. A run is looked for from its first call on: calls have no index of runs."""
    where, values = _where(window, "started_ns")
    if window.run is None:
        return where, values
    return f"{where} AND id >= (SELECT min(first_call) FROM kinds WHERE kinds.run = ?)", (*values, window.run)
