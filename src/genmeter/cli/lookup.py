"""Prices for a collector that cannot have our processor: a table and the arithmetic in the collector's own language.

The stock transform processor has no place for a table, so it travels on the resource while a batch is priced.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from genmeter import names
from genmeter.model import usd
from genmeter.pricing import Catalogue, Listing
from genmeter.pricing.plan import Plan, Text, text_rates
from genmeter.units import BEYOND_TEXT

TABLE = "_prices"
"""The resource attribute that holds the table for the length of one batch."""

_TIERS = ("default", "standard", "on_demand")

HEAD = """\
# Prices of {sellers} for the stock transform processor: `genmeter collector lookup`, catalogue {version}.
# USD per million tokens at the standard tier. For a collector without the processor genai_cost; what this cannot do:
#  - a model is found by its exact name only: no dates, regions or vendor prefixes are taken off;
#  - text only: a call with audio, images, searches, one-hour cache writes, a batch, a region or another service tier
#    gets no cost, embeddings neither, and nothing says why;
#  - prices are fixed in this file: print it again and restart when they change.
# Put the processor before every component that redacts, samples or counts.
"""


class Row(NamedTuple):
    """One model name and its prices, micro-USD per million tokens; None is a price that was not published."""

    key: str
    input: int
    output: int
    cache_read: int | None
    cache_write: int | None


def snippet(prices: Catalogue, sellers: Sequence[str], at: float) -> str:
    """A transform processor that prices the models of these sellers. Raises ValueError for an unknown seller."""
    rows: dict[str, Row] = {}
    left_out: list[str] = []
    for name in sellers:
        seller = prices.named(name)
        if seller is None or seller.id is None:
            raise ValueError(prices.unknown_seller(name))
        for one in prices.listings():
            if one.seller == seller.id:
                made = {row.key: row for row in _rows(one, seller.name, at)}
                rows = made | rows  # the user's own come first in the list, and win
                if not made:
                    left_out.append(f"{seller.name}/{one.model}")
    if not rows:
        raise ValueError(f"no model of {', '.join(sellers)} has one price only; this needs the processor genai_cost")
    head = HEAD.format(sellers=", ".join(dict.fromkeys(sellers)), version=prices.version)
    return head + _absent(left_out) + _processor(sorted(rows.values()))


def _rows(one: Listing, seller: str, at: float) -> Iterator[Row]:
    text: Text | None = (0, 0, 0, 0, "") if one.plan.free else _only(one.plan, at)
    if text is None:
        return
    into, out, read, write, _ = text
    if out is None:
        return
    yield from (Row(f"{seller}/{name}", into, out, read, write) for name in one.names)


def _only(plan: Plan, at: float) -> Text | None:
    """The price of text from ``at`` on; None where the price depends on the length, the hour or a later date."""
    newest = plan.editions[0]
    if newest.hours or len(newest.tiers) != 1 or (newest.start is not None and newest.start > at):
        return None
    return text_rates(newest.tiers[0][1])


def _absent(left_out: list[str]) -> str:
    if not left_out:
        return ""
    listed = textwrap.fill(", ".join(sorted(left_out)), 116, initial_indent="#   ", subsequent_indent="#   ",
                           break_long_words=False, break_on_hyphens=False)  # fmt: skip
    return f"# Left out, because they have more than one price (by length, hour, date), or a price for more than text in and out:\n{listed}\n"


def _processor(rows: list[Row]) -> str:
    table = ",\n".join(f"              {_entry(row)}" for row in rows)
    span = "\n".join(f"          - {line}" for line in _arithmetic())
    return f"""\
processors:
  transform/prices:
    error_mode: ignore
    trace_statements:
      - context: resource
        statements:
          - |-
            set(resource.attributes["{TABLE}"], {{
{table}
            }})
      - context: span
        statements:
{span}
      - context: resource
        statements:
          - delete_key(resource.attributes, "{TABLE}")
"""


def _entry(row: Row) -> str:
    cells = {"in": row.input, "out": row.output, "read": row.cache_read, "write": row.cache_write}
    prices = ", ".join(f'"{name}": {usd(price * 10**6)}' for name, price in cells.items() if price is not None)
    return f'"{row.key}": {{{prices}}}'


def _arithmetic() -> Iterator[str]:
    """The statements for one span. Integers and doubles do not mix in that language, hence ``Double``."""
    price = 'span.cache["price"]'
    said = {name: f'span.attributes["{attribute}"]' for name, attribute in names.USAGE_TOKENS.items()}
    for model in (names.RESPONSE_MODEL, names.REQUEST_MODEL):
        key = f'Concat([span.attributes["{names.PROVIDER}"], span.attributes["{model}"]], "/")'
        missing = f" where {price} == nil" if model == names.REQUEST_MODEL else ""
        yield f'set({price}, resource.attributes["{TABLE}"][{key}]){missing}'
    yield f'delete_key(span.cache, "price") where {" or ".join(_refused(said))}'
    for part in ("read", "write"):
        yield f'set(span.cache["{part}"], 0.0)'
        yield f'set(span.cache["{part}"], Double({said[f"cache_{part}"]})) where {said[f"cache_{part}"]} != nil'
    fresh = f'Double({said["input"]}) - span.cache["read"] - span.cache["write"]'
    yield f'delete_key(span.cache, "price") where {price} != nil and {fresh} < 0.0'
    for part in ("read", "write"):
        unpriced = f'{price} != nil and {price}["{part}"] == nil'
        yield f'delete_key(span.cache, "price") where {unpriced} and span.cache["{part}"] > 0.0'
        yield f'set({price}["{part}"], 0.0) where {unpriced}'
    parts = " + ".join(f'span.cache["{part}"] * {price}["{part}"]' for part in ("read", "write"))
    total = f'(({fresh}) * {price}["in"] + {parts} + Double({said["output"]}) * {price}["out"]) / 1000000.0'
    for attribute, value in (
        (names.COST_AMOUNT, total),
        (names.COST_CURRENCY, '"USD"'),
        (names.COST_SOURCE, '"collector"'),
    ):
        yield f'set(span.attributes["{attribute}"], {value}) where {price} != nil'


def _refused(said: dict[str, str]) -> Iterator[str]:
    """The calls that this cannot price: with a cost already, of an operation that bills nothing, without a count, or not text."""
    yield f'span.attributes["{names.COST_AMOUNT}"] != nil'
    yield f'not IsMatch(span.attributes["{names.OPERATION}"], "^({"|".join(sorted(names.BILLED_OPERATIONS))})$")'
    yield from (f"{said[name]} == nil" for name in ("input", "output"))
    for name, path in said.items():
        if name in BEYOND_TEXT:
            yield f"{path} != nil"
    yield from (f'span.attributes["{name}"] != nil' for name in (names.REGION, names.BATCH))
    for name in (names.SERVICE_TIER, names.OPENAI_RESPONSE_TIER):
        tier = f'span.attributes["{name}"]'
        yield f'({tier} != nil and not IsMatch({tier}, "^({"|".join(_TIERS)})$"))'
