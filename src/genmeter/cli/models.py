"""The command ``models``: the models that have a price, their sellers and their prices now."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from typing import Any

from genmeter.cli.options import add_formats
from genmeter.cli.render import refuse, write_rows
from genmeter.model import Unpriced, Usage, usd
from genmeter.pricing import Catalogue, catalogue_for
from genmeter.pricing.catalogue import Listing
from genmeter.pricing.charge import choose
from genmeter.pricing.plan import CACHE_READ, CACHE_WRITE, INPUT, OUTPUT
from genmeter.pricing.staleness import ages, stale
from genmeter.settings import Settings

DESCRIPTION = """The models that have a price, their sellers, and their prices now, in US dollars per million tokens at the
standard tier."""
HEADERS = ("seller", "model", "input", "cached", "cache_write", "output", "since")
"""Prices are US dollars per million tokens, as exact decimals; empty where none is published."""


def add(subparsers: Any) -> None:
    """Register the command."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "models", help="models with a price, and the price", description=DESCRIPTION
    )
    parser.add_argument("query", nargs="?", default="", help="part of a model's name")
    parser.add_argument("--seller", metavar="NAME", help="only this seller, e.g. openai, aws.bedrock")
    parser.add_argument("--config", metavar="PATH", help="your genmeter.toml (default: as the meter finds it)")
    add_formats(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """List the models; 0 with at least one, 1 without, 2 for a wrong argument."""
    try:
        prices = catalogue_for(Settings.load(path=args.config).prices)
    except ValueError as error:
        return refuse(str(error))
    only = prices.named(args.seller) if args.seller else None
    if args.seller and only is None:
        return refuse(prices.unknown_seller(args.seller))
    query = args.query.strip().lower()
    now = time.time()
    found = [
        one
        for one in prices.listings()
        if (only is None or one.seller == only.id) and any(query in name for name in (one.model, *one.names))
    ]
    rows = [_row(one, now) for one in found]
    if not rows:
        return refuse(f"no model with a price matches {args.query!r}; try a shorter part of its name", 1)
    if args.format == "table":
        rows = [(args.seller or row[0], _as_asked(one, query), *row[2:]) for one, row in zip(found, rows, strict=True)]
        sys.stdout.write("US dollars per million tokens, at the standard tier\n\n")
    write_rows(HEADERS, rows, args.format, sys.stdout)
    if args.format == "table":
        sys.stdout.write(_dates(prices, [one.seller for one in found], now))
    return 0


def _dates(prices: Catalogue, sellers: list[str], now: float) -> str:
    """A line for each seller whose prices are old, below the day of the newest ones."""
    old = stale(prices, now, dict.fromkeys(sellers))
    lines = [f"{age}, {age.days} days ago; newer ones may differ\n" for age in old]
    return f"\nprices as of {max(age.as_of for age in ages(prices, now))}\n" + "".join(lines)


def _as_asked(one: Listing, query: str) -> str:
    """The model's name, and behind it the name that fits the query, where the first one is another."""
    if not query or one.model == query or (query not in one.names and query in one.model):
        return one.model
    return f"{one.model} ({query if query in one.names else next(name for name in one.names if query in name)})"


def _row(one: Listing, now: float) -> tuple[str | None, ...]:
    plan = one.plan
    if plan.free:
        return one.seller, one.model, "0.00", None, None, "0.00", None
    rates = plan.flat or choose(plan, Usage(0, 0), now)
    if isinstance(rates, Unpriced):
        return one.seller, one.model, None, None, None, None, None
    started = next((p.start for p in plan.editions if p.start is None or p.start <= now), None)
    since = None if started is None else datetime.fromtimestamp(started, UTC).date().isoformat()
    prices = tuple(rates.prices[column] for column in (INPUT, CACHE_READ, CACHE_WRITE, OUTPUT))
    return (one.seller, one.model, *(None if price is None else usd(price * 10**6) for price in prices), since)
