"""The read API: each report of the registry as JSON under ``/api/NAME``, and what only the service can tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast

from genmeter.ledger import Ledger
from genmeter.reports import spend, total, trace
from genmeter.reports.registry import REPORTS
from genmeter.reports.report import Asked, Option, Plain, Unanswerable, read
from genmeter.reports.spending import plain
from genmeter.reports.tracing import plain_trace
from genmeter.server.activity import Activity
from genmeter.server.http import Refused
from genmeter.spelling import unknown

MOST_ROWS: Final = 10_000
"""Rows of a report in one answer."""
Query = Sequence[tuple[str, str]]
"""The names of a query with their texts, in the order given."""


def asked(options: Sequence[Option], query: Query) -> Asked:
    """The values of the options in a query. Raises ``Refused``, also for a name that is unknown or stands twice.

    A name that changes nothing would leave the reader with the answer to another question.
    """
    known = [option.name for option in options]
    texts: dict[str, str] = {}
    for name, text in query:
        if name not in known:
            raise Refused(
                400, f"{name[:40]}: {unknown('option', name, known) if known else 'nothing can be asked here'}"
            )
        if name in texts:
            raise Refused(400, f"{name}: this option stands twice; write it once")
        texts[name] = text
    try:
        return read(options, texts)
    except Unanswerable as error:
        raise Refused(400, str(error)) from None


def bounded(document: Plain, rows: str) -> Plain:
    """The document with at most ``MOST_ROWS`` of its ``rows``; ``rows_left_out`` says how many more there are.

    A total in the document is of all rows.
    """
    found = document.get(rows)
    if not isinstance(found, list) or len(cast("list[object]", found)) <= MOST_ROWS:
        return document
    kept = cast("list[object]", found)
    return {**document, rows: kept[:MOST_ROWS], "rows_left_out": len(kept) - MOST_ROWS}


def index() -> Plain:
    """Every report with its question, its options and the columns that it has by default."""
    return {
        "reports": [
            {
                "name": report.name,
                "command": report.command or report.name,
                "question": report.question,
                "rows": report.rows,
                "options": [
                    {
                        "name": option.name,
                        "words": option.words,
                        "default": option.default,
                        "choices": option.choices,
                    }
                    for option in report.options
                ],
                "columns": report.laid_out(read(report.options, {})),
            }
            for report in REPORTS.values()
        ]
    }


def summary(ledger: Ledger, activity: Activity, window: Asked) -> Plain:
    """Totals of the window, what the ledger has counted, and the last failure."""
    failure = activity.failure
    return {
        **plain(total(spend(ledger, by="model", **_chosen(window)))),
        "counters": ledger.counters(),
        "path": ledger.store.path,
        "last_error": {"at": failure.at, "message": failure.message} if failure else None,
    }


def _chosen(window: Asked) -> dict[str, Any]:
    return {**{name: window[name] for name in ("since", "until", "run")}, "where": window["where"] or ()}


def tree(ledger: Ledger, trace_id: str) -> Plain:
    """The spans of one trace in reading order, each with its depth. Raises ``Refused``."""
    found = trace(ledger, trace_id)
    if found is None:
        raise Refused(404, f"no span or call of trace {trace_id[:40]} is in the ledger")
    return plain_trace(found)
