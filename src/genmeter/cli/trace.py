"""``genmeter trace``: the spans of one trace as a tree, each call with its tokens and its cost."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from genmeter.cli.options import add_ledger
from genmeter.cli.render import refuse, rendered, shown
from genmeter.cli.report import no_ledger
from genmeter.cli.state import state_file
from genmeter.reports.document import Cell
from genmeter.reports.report import Plain

DESCRIPTION = """Show the spans of one trace, each below the span that made it, with the tokens and the cost of each call. The
id is the trace_id of `genmeter calls`; its first characters are enough where no other trace begins so. Where the spans are
not kept, as under `genmeter serve`, the calls stand alone."""
_HEADERS: Final = ("span", "seconds", "input", "output", "status", "cost", "currency")
_DEEPEST: Final = 12
"""Levels that are set in; a span below is set in no further."""


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "trace", help="the spans of one trace as a tree", description=DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("id", metavar="ID", help="the id of a trace, or how it begins")
    parser.add_argument("--json", action="store_true", help="a JSON object with every attribute, money as strings")
    add_ledger(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the tree; 1 where the ledger has no such trace or several."""
    from genmeter.ledger import Ledger
    from genmeter.ledger.questions import EVERYTHING, Page
    from genmeter.reports import trace
    from genmeter.reports.tracing import plain_trace

    path: Path = args.ledger or state_file()
    if (fault := no_ledger(path)) is not None:
        return refuse(fault, 1)
    wanted: str = args.id.strip().lower()
    with Ledger.open(path) as ledger:
        found = trace(ledger, wanted)
        if found is None and len(wanted) >= 4:
            calls = ledger.store.page(Page(100, search=wanted), EVERYTHING)
            ids = sorted({call.trace_id for call in calls if call.trace_id.startswith(wanted)})
            if len(ids) > 1:
                return refuse(f"{len(ids)} traces begin with {wanted[:40]!r}; write more of the id", 1)
            found = trace(ledger, ids[0]) if ids else None
    if found is None:
        return refuse(f"no span or call of trace {wanted[:40]!r} is in the ledger; 'genmeter calls' lists the ids", 1)
    document = plain_trace(found)
    if args.json:
        json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
        print()
        return 0
    print(f"trace {shown(document['trace_id'])}")
    print(rendered(list(_HEADERS), [_line(span) for span in document["spans"]]))
    return 0


def _line(span: Plain) -> list[Cell]:
    call: Plain = span["call"] or {}
    usage: Plain = call.get("usage", {})
    status = call.get("error_type") or call.get("cost_reason") or call.get("cost_status")
    return [
        "  " * min(span["depth"], _DEEPEST) + span["name"],
        f"{span['duration_ns'] // 1_000_000 / 1000:.3f}",
        *(usage.get("input"), usage.get("output")),
        status or ("failed" if span["failed"] else None),
        *(call.get("cost"), call.get("currency")),
    ]
