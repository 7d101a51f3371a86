"""``genmeter whatif``: the booked tokens of one model at the prices of another; nothing is written."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from genmeter.cli.options import add_formats, add_ledger, reader
from genmeter.cli.render import refuse, say, write_rows
from genmeter.cli.report import no_ledger
from genmeter.cli.state import state_file
from genmeter.instants import instant
from genmeter.reports.supposing import pair

if TYPE_CHECKING:
    from genmeter.ledger.call import Call
    from genmeter.ledger.questions import Window
    from genmeter.ledger.repricing import Repricing
    from genmeter.ledger.store import Store
    from genmeter.reports.supposing import Supposed

DESCRIPTION = """Price the booked calls of a model as if another model had had the same tokens, by application. A call
that has no whole price on one of the two sides is in neither sum; it is counted, with the reason. Another model counts a
text otherwise and answers at another length: this compares prices, and says nothing about quality."""
HEADERS = (
    *("application", "provider", "model", "instead", "calls", "before", "after", "difference"),
    *("not_compared", "why"),
)
DAYS: Final = 30


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "whatif",
        help="what the booked tokens of a model would have cost at the prices of another",
        description=DESCRIPTION,
        allow_abbrev=False,
    )
    add_ledger(parser)
    parser.add_argument(
        "--model", type=reader(pair), action="append", required=True, metavar="BOOKED=OTHER", dest="models",
        help="a booked model and the one to price it as: gpt-5=gpt-5-mini, gpt-5=anthropic/claude-haiku-4-5; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--since", type=reader(instant), metavar="TIME", help=f"calls from this time on (default: {DAYS} days ago)"
    )
    parser.add_argument("--until", type=reader(instant), metavar="TIME", help="calls that began before this time")
    parser.add_argument(
        "--config", metavar="PATH", help="your genmeter.toml, whose prices win (default: as the meter finds it)"
    )
    add_formats(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the rows; 1 without a ledger, 2 where a model is named twice."""
    from genmeter.ledger import Ledger
    from genmeter.reports.supposing import suppose
    from genmeter.reports.window import window

    models = dict(args.models)
    if len(models) < len(args.models):
        return refuse("--model names a booked model twice; ask for one after the other")
    path: Path = args.ledger or state_file()
    if (fault := no_ledger(path)) is not None:
        return refuse(fault, 1)
    since = args.since or datetime.now(UTC) - timedelta(days=DAYS)
    prices = _prices(args.config)
    with Ledger.open(path, max_rows=None) as ledger, ledger.store.moment():
        found = suppose(_calls(ledger.store, window(since, args.until)), models, prices)
    if found or args.format != "table":
        write_rows(HEADERS, [_row(one) for one in found], args.format, sys.stdout)
    if not found:
        say(f"no call of {', '.join(models)} in that time; the single calls of earlier days may be summed up already")
    return 0


def _prices(config: str | None) -> Repricing:
    from genmeter.ledger.repricing import Repricing
    from genmeter.pricing import Addresses, Catalogue
    from genmeter.pricing.override import parse
    from genmeter.settings import Settings

    settings, catalogue = Settings.load(path=config), Catalogue.bundled()
    if (own := settings.prices) is not None:
        catalogue = catalogue.with_overrides(parse(own.rows, own.path, own.text))
    return Repricing(catalogue, Addresses(settings.sellers, catalogue))


def _calls(store: Store, asked: Window) -> Iterator[Call]:
    after = 0
    while page := store.walk(asked, after):
        after = page[-1][0]
        yield from (call for _, call in page)


def _row(one: Supposed) -> list[str | int | None]:
    from genmeter.model import usd

    money = [usd(pico) if one.compared else None for pico in (one.before, one.after, one.after - one.before)]
    why = ", ".join(f"{reason} ({calls})" for reason, calls in sorted(one.left.items())) or None
    names = (one.application, one.provider, one.model, one.instead)
    return [*names, one.compared, *money, sum(one.left.values()), why]
