"""Turns upstream's match rules and conditional prices into exact ids, version-like tails, dated rows and hours."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rows import COLUMNS, PRICED, STANDARD, Edition, Hours, Model, Row, micro
from upstream import Call, LayoutError

KEYS = {unit["upstream"]: unit["column"] for unit in PRICED if "upstream" in unit}
"""Upstream price key → our column. All other keys are not covered."""

TIERS = {
    ("service_tier", "default"): STANDARD,
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("service_tier", "fast"): "fast",
    ("speed", "fast"): "fast",
    ("processing", "batch"): "batch",
}
NOT_KEPT = {"route", "search_type"}
EVERY_DAY = 127
DATE_TAILS = ("-\\d{8}$", "-\\d{4}-\\d{2}-\\d{2}$", "[-@]\\d{8}$", "(-\\d{8})?$", "-\\d")
BEDROCK_OLD = ("", "us.", "eu.", "apac.")


def model(seller: str, source: Call) -> Model:
    """One upstream model, lowered."""
    made = Model(source.id.lower())
    for exact, name in _names(source.match):
        for literal in _spread(seller, name, exact):
            (made.exact if exact else made.dated).add(literal)
    if _matches(source.match, source.id.lower()):
        made.exact.add(made.id)
    made.exact -= made.dated
    standard = _editions(_conditions(source.prices))
    if any(edition.rows[0] for edition in standard):
        made.tiers[STANDARD] = standard
        for tier, variants in _variants(source.price_variants or []).items():
            made.tiers[tier] = _overlay_tier(standard, variants)
    return made


def _spread(seller: str, name: str, exact: bool) -> list[str]:
    """Upstream's loose Bedrock rules match anywhere in an id; write out the profile prefixes they were meant for."""
    if name.startswith("/"):
        return []
    if seller != "aws" or exact or name.startswith("global.") or name.partition(".")[0] in _PROFILES:
        return [name]
    if name.startswith("claude-3"):
        return [f"{prefix}anthropic.{name}" for prefix in BEDROCK_OLD] + [name]
    if name.startswith("titan-"):
        return [f"amazon.{name}"]
    return [name, f"us.{name}"] if "." in name and not name.startswith("anthropic.") else [name]


_PROFILES = {"us", "eu", "jp", "apac", "au", "in", "us-gov", "ca"}


def _names(clause: Call) -> list[tuple[bool, str]]:
    """(exact, name) pairs: an exact name stands alone, the others may carry a version-like tail."""
    kind = clause.kind
    if kind == "ClauseOr":
        return [pair for inner in clause.or_ for pair in _names(inner)]
    if kind == "ClauseAnd":
        return [pair for inner in clause.and_ if inner.kind == "ClauseStartsWith" for pair in _names(inner)]
    if kind == "ClauseRegex":
        return _regex(clause.regex)
    text = next(iter(clause.args.values())).lower()
    return [(kind == "ClauseEquals", text if kind == "ClauseEquals" else text.rstrip("-@"))]


def _regex(pattern: str) -> list[tuple[bool, str]]:
    """Only the two shapes in use: a literal with a date after it, and Cursor's bracketed switch."""
    body = pattern.removeprefix("^")
    prefixes = ["typesafe/", ""] if body.startswith("(typesafe/)?") else [""]
    body = body.removeprefix("(typesafe/)?")
    dated = False
    for tail in DATE_TAILS:
        if body.endswith(tail):
            body, dated = body.removesuffix(tail), True
            break
    literal = body.removesuffix("$").replace("\\", "")
    if any(char in literal for char in "^$*+?(){}|"):
        raise LayoutError(f"a regular expression this compiler cannot write as names: {pattern}")
    return [(not dated, prefix + literal) for prefix in prefixes]


def _matches(clause: Call, text: str) -> bool:
    if clause.kind == "ClauseOr":
        return any(_matches(inner, text) for inner in clause.or_)
    if clause.kind == "ClauseEquals":
        return clause.equals.lower() == text
    if clause.kind == "ClauseStartsWith":
        return text.startswith(clause.starts_with.lower())
    if clause.kind == "ClauseContains":
        return clause.contains.lower() in text
    return False


def _conditions(prices: Any) -> list[Call]:
    return prices if isinstance(prices, list) else [Call("ConditionalPrice", {"prices": prices})]


def _rows(prices: dict[str, Any]) -> dict[int, Row]:
    """Threshold → row. A tier applies above its threshold, so every row carries every column of the model."""
    kept = {KEYS[key]: value for key, value in prices.items() if key in KEYS and value is not None}
    starts = {0} | {tier.start for value in kept.values() if isinstance(value, Call) for tier in value.tiers}
    return {start: {key: micro(_at(value, start)) for key, value in kept.items()} for start in sorted(starts)}


def _at(value: Any, start: int) -> Decimal:
    if isinstance(value, Decimal):
        return value
    price: Decimal = value.base
    for tier in value.tiers:
        if tier.start <= start and start:
            price = tier.price
    return price


def _editions(conditions: list[Call]) -> list[Edition]:
    """Later entries win upstream; daily hours have no date there, so they belong to the edition before them."""
    editions = [Edition("", {0: {}})]
    for condition in conditions:
        rows = _rows(condition.prices)
        constraint = condition.constraint
        if constraint is None:
            editions[0].rows = rows
        elif constraint.kind == "StartDateConstraint":
            editions.append(Edition(constraint.start_date, rows))
        else:
            editions[-1].hours.append(Hours(EVERY_DAY, constraint.start_time, constraint.end_time, "", rows))
    return sorted(editions, key=lambda edition: edition.start)


def _variants(variants: list[Call]) -> dict[str, list[Call]]:
    tiers: dict[str, list[Call]] = {}
    for variant in variants:
        ((key, value),) = variant.when.items()
        if key in NOT_KEPT:
            continue
        if (key, value) not in TIERS:
            raise LayoutError(f"unknown variant {key}={value}")
        if TIERS[key, value] != STANDARD:
            tiers.setdefault(TIERS[key, value], []).append(variant)
    return tiers


def _overlay_tier(standard: list[Edition], variants: list[Call]) -> list[Edition]:
    """A variant names only the prices that differ; every other price is the standard one of the same day."""
    dates = {variant.constraint.start_date if variant.constraint else "" for variant in variants}
    first = min(dates)
    starts = sorted(dates | {edition.start for edition in standard if edition.start > first})
    editions: list[Edition] = []
    for start in starts:
        base = [edition for edition in standard if edition.start <= start][-1]
        active = [one for one in variants if not one.constraint or one.constraint.start_date <= start]
        editions.append(Edition(start, _merge(base.rows, active)))
    return editions


def _merge(base: dict[int, Row], variants: list[Call]) -> dict[int, Row]:
    layers = [_rows(variant.prices) for variant in variants]
    starts = sorted(set(base).union(*layers))
    merged: dict[int, Row] = {}
    for start in starts:
        row = dict(_row_at(base, start))
        for layer in reversed(layers):
            row.update(_row_at(layer, start))
        merged[start] = {key: row[key] for key in COLUMNS if key in row}
    return merged


def _row_at(rows: dict[int, Row], start: int) -> Row:
    return rows[max(over for over in rows if over <= start)]
