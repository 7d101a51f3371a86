"""``genmeter reconcile``: the bill of a seller beside the ledger."""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genmeter.cli.options import add_formats, add_ledger
from genmeter.cli.render import refuse, save, say
from genmeter.cli.report import no_ledger, write
from genmeter.cli.state import state_file
from genmeter.model import usd

if TYPE_CHECKING:
    from genmeter.reports.reconciling import Compared

DESCRIPTION = """Compare the bill of a seller with the ledger, by day of UTC and model, in tokens and money, and name the likely cause of
each difference: missing calls, cached tokens, tier, price. It reads the exports of OpenAI and Anthropic (costs and usage;
both together tell most), OpenRouter, AWS CUR 2.0, Azure, Google Cloud and FOCUS, as CSV, JSON or Parquet, packed by gzip or
not. A file is read as a whole or refused with its line. Nothing is written unless --adjust or --record says so."""


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "reconcile", help="a seller's bill beside the ledger, with the cause of each difference",
        description=DESCRIPTION, allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument(
        "--bill",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="the export; several files of one seller",
    )
    parser.add_argument(
        "--adjust", action="store_true", help="write the differences into the ledger, as adjustments of no payer"
    )
    parser.add_argument(
        "--record", action="store_true", help="let a running service show the captured share as a gauge at /metrics"
    )
    add_ledger(parser)
    add_formats(parser, "a JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the comparison; 1 without a ledger, 2 for a bill that cannot be read."""
    from genmeter.ledger import Ledger
    from genmeter.ledger.postgres import is_url
    from genmeter.reports import rates
    from genmeter.reports.bills import known
    from genmeter.reports.bills.reading import Unreadable
    from genmeter.reports.reconciling import adjustments, compare, document
    from genmeter.reports.report import Sources
    from genmeter.reports.terms import TermsError

    path: Path = args.ledger or state_file()
    if (fault := no_ledger(path)) is not None:
        return refuse(fault, 1)
    try:
        bills = [known.read(file) for file in args.bill]
        with Ledger.open(path) as ledger:
            terms = Sources(ledger).terms()
            with ledger.store.moment():
                found = compare(ledger, bills, rates.read(terms.rates) if terms.rates is not None else None)
            made = adjustments(found, bills)
            written = ledger.store.adjust(made) if args.adjust and made else 0
    except (Unreadable, TermsError, rates.NoRate) as error:
        return refuse(str(error))
    write(document(found, bills), "rows", args.format, sys.stdout)
    if args.adjust:
        say(f"{written} of {len(made)} adjustments are new in the ledger; they have no payer and no call")
    elif made and args.format == "table":
        say(f"{len(made)} rows differ in money; --adjust writes them into the ledger as adjustments")
    if args.record and is_url(str(path)):
        return refuse("--record writes beside the file of a ledger; a ledger in a database has none")
    if args.record:
        _record(path, found)
    return 0


def _record(path: Path, found: Compared) -> None:
    """Write the captured share beside the ledger, where the service looks for it."""
    from genmeter.reports.recorded import file_of, load

    if found.captured is None:
        return
    file = file_of(path)
    known = load(file)
    for provider in found.providers[:1]:
        known[provider] = {
            "captured": f"{float(found.captured):.6f}",
            "billed": usd(sum(pair.bill.pico for pair in found.pairs)),
            "currency": found.currency,
            "first": found.first.isoformat(),
            "last": found.last.isoformat(),
            "at": int(time.time()),
        }
    save(file, partial(json.dump, known, indent=2))
    say(f"the captured share is in {file}")
