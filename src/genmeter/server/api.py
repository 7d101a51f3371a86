"""The read API: each report of the registry as JSON under ``/api/NAME``, and what only the service can tell."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from genmeter.ledger import Ledger
from genmeter.reports import spend, total, trace
from genmeter.reports.document import table
from genmeter.reports.flat import write_flat
from genmeter.reports.registry import REPORTS
from genmeter.reports.report import Asked, Column, Option, Plain, Report, Sources, Unanswerable, read
from genmeter.reports.spending import plain
from genmeter.reports.tracing import plain_trace
from genmeter.server.activity import Activity
from genmeter.server.http import Refused
from genmeter.spelling import unknown

if TYPE_CHECKING:
    from genmeter.server.readers import Reader

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


def form_of(report: Report, query: Query) -> tuple[str | None, Query]:
    """The form that ``form=`` asks for, None for JSON, and the rest of the query. Raises ``Refused``."""
    forms = [text for name, text in query if name == "form"]
    rest = [(name, text) for name, text in query if name != "form"]
    known = ("json", "csv", *report.forms)
    if len(forms) > 1 or (forms and forms[0] not in known):
        raise Refused(400, f"form: write one of {', '.join(known)}, once")
    return (None if not forms or forms[0] == "json" else forms[0]), rest


def scoped(asked: Asked, reader: Reader | None) -> Asked:
    """The question, about the calls that the reader may see."""
    if reader is None or not reader.where:
        return asked
    return {**asked, "where": (*(asked["where"] or ()), *reader.where)}


def as_csv(report: Report, form: str, sources: Sources, asked: Asked) -> bytes:
    """A report as CSV, in the table that the command has or in another form."""
    out = io.StringIO()
    if form in report.forms:
        flat = report.forms[form]
        write_flat([name for name, _ in flat.columns], flat.rows(sources, asked), out)
    else:
        document = bounded(report.answer(sources, asked), report.rows)
        write_flat(*table([Column(**column) for column in document["columns"]], document[report.rows]), out)
    return out.getvalue().encode()


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
