"""``genmeter reprice``: booked calls under another price catalogue, shown first and written only with ``--apply``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genmeter.cli.options import add_formats, add_ledger, reader
from genmeter.cli.render import refuse, say, write_rows
from genmeter.cli.state import state_file
from genmeter.instants import instant

if TYPE_CHECKING:
    from genmeter.ledger.repricing import Change, Repricing
    from genmeter.ledger.store import Store

DESCRIPTION = """Ask a price catalogue again for the calls that are booked: calls without a price, and calls that a price
list has priced. Nothing is written without --apply. With it, each change is an adjustment beside the call: it counts when
the call began, or at the present where that period is sealed. An amount that the provider stated stays, and so does a
price that this catalogue has not. A second run with the same prices changes nothing."""
HEADERS = ("provider", "model", "calls", "currency", "before", "after", "difference", "why")


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "reprice",
        help="price booked calls again, as adjustments; shows what changes unless --apply",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    add_ledger(parser)
    parser.add_argument(
        "--since", type=reader(instant), metavar="TIME", help="calls that began at this time or later (default: all)"
    )
    parser.add_argument("--until", type=reader(instant), metavar="TIME", help="calls that began before this time")
    parser.add_argument(
        "--catalogue",
        type=Path,
        metavar="FILE",
        help="a catalogue.json of genmeter (default: the one of this genmeter)",
    )
    parser.add_argument(
        "--config", metavar="PATH", help="your genmeter.toml, whose prices win (default: as the meter finds it)"
    )
    parser.add_argument("--apply", action="store_true", help="write the changes")
    add_formats(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Show or write the changes; 0 also where there are none, 1 without a usable ledger, 2 for a file that is no catalogue."""
    from genmeter.ledger import Ledger

    try:
        repricing, version = _repricing(args)
    except (ValueError, KeyError) as error:
        return refuse(str(error))
    path: Path = args.ledger or state_file()
    if not path.exists():
        return refuse(f"there is no ledger {path}; name one with --ledger", 1)
    with Ledger.open(path, max_rows=None) as ledger:
        changes, written = _changes(args, ledger.store, repricing, version)
    rows = [row for change in changes for row in _rows(change)]
    if rows or args.format != "table":
        write_rows(HEADERS, rows, args.format, sys.stdout)
    calls = sum(change.calls for change in changes)
    did = f"{written:,} calls repriced" if args.apply else f"{calls:,} calls would change; --apply writes it"
    say(
        f"{did if calls else 'no call changes'}; {repricing.seen:,} calls read, {repricing.left:,} stay without a price"
    )
    return 0


def _repricing(args: argparse.Namespace) -> tuple[Repricing, str]:
    from genmeter.ledger.repricing import Repricing
    from genmeter.pricing import Addresses, Catalogue
    from genmeter.pricing.override import parse
    from genmeter.settings import Settings

    settings = Settings.load(path=args.config)
    catalogue = Catalogue.bundled()
    if args.catalogue is not None:
        try:
            catalogue = Catalogue(json.loads(args.catalogue.read_bytes()))
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{args.catalogue} is no price catalogue of genmeter: {error}") from None
    prices = settings.prices
    if prices is not None:
        catalogue = catalogue.with_overrides(parse(prices.rows, prices.path, prices.text))
    return Repricing(catalogue, Addresses(settings.sellers, catalogue)), catalogue.version


def _changes(args: argparse.Namespace, store: Store, repricing: Repricing, version: str) -> tuple[list[Change], int]:
    from genmeter.ledger.repricing import summary
    from genmeter.reports.window import window

    changes: dict[tuple[str, str | None, str], Change] = {}
    batch, written = f"{version} {time.time_ns()}", 0
    for revisions in repricing.pages(store, window(args.since, args.until)):
        summary(changes, revisions)
        if args.apply:
            written += store.revise(revisions, batch)
    return sorted(changes.values(), key=lambda one: (-one.calls, one.provider, one.model or "", one.why)), written


def _rows(change: Change) -> list[list[str | int | None]]:
    from genmeter.model import usd

    rows: list[list[str | int | None]] = []
    for number, currency in enumerate(sorted(change.before.keys() | change.after.keys())):
        before, after = change.before.get(currency), change.after.get(currency)
        money = [None if one is None else usd(one) for one in (before, after, (after or 0) - (before or 0))]
        calls = None if number else change.calls
        rows.append([change.provider, change.model, calls, currency, *money, change.why])
    return rows
