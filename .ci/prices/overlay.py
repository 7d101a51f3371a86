"""Lays the hand-reviewed rows over the upstream data: add, replace, refuse, declare free, fill, scale, drop."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

from rows import COLUMNS, STANDARD, TOKENS, Edition, Hours, Model, Row, micro

Sellers = dict[str, dict[str, Model]]
REQUIRED = {"id", "why", "source", "read", "expires", "op", "seller"}


class OverlayError(Exception):
    """A row of overlay.toml cannot be applied."""


def apply(sellers: Sellers, refused: dict[str, dict[str, str]], rows: list[dict[str, Any]]) -> None:
    """Applies ``rows`` in order. ``refused`` gathers seller → model id → the row that says why."""
    seen: set[str] = set()
    for row in rows:
        if missing := REQUIRED - row.keys():
            raise OverlayError(f"{row.get('id', '?')}: missing {', '.join(sorted(missing))}")
        if row["id"] in seen:
            raise OverlayError(f"{row['id']}: used twice")
        seen.add(row["id"])
        for seller in row["seller"] if isinstance(row["seller"], list) else [row["seller"]]:
            _OPERATIONS[row["op"]](sellers.setdefault(seller, {}), refused.setdefault(seller, {}), row)


def _chosen(models: dict[str, Model], row: dict[str, Any]) -> list[Model]:
    """Models named by id, or by a prefix that ends in ``*``."""
    chosen: list[Model] = []
    for name in row["models"]:
        if name.endswith("*"):
            found = [model for key, model in sorted(models.items()) if key.startswith(name[:-1])]
        else:
            found = [models[name]] if name in models else []
        if not found:
            raise OverlayError(f"{row['id']}: no model {name}")
        chosen += [model for model in found if model not in chosen]
    return chosen


def _price(models: dict[str, Model], _refused: dict[str, str], row: dict[str, Any]) -> None:
    name = row["model"]
    before = models.get(name)
    model = Model(name, {name} | set(row.get("ids", ())), set(row.get("dated", ())))
    if before:
        model.exact, model.dated = (model.exact | before.exact, model.dated | before.dated)
        if row.get("keep_tiers"):
            model.tiers = {tier: editions for tier, editions in before.tiers.items() if tier}
    model.exact -= model.dated
    for other in models.values():
        other.exact -= model.exact | model.dated
        other.dated -= model.exact | model.dated
    for price in row["prices"]:
        _place(model, price)
    models[name] = model


def _place(model: Model, price: dict[str, Any]) -> None:
    start = str(price.get("from", ""))
    editions = model.tiers.setdefault(price.get("tier", STANDARD), [])
    edition = next((one for one in editions if one.start == start), None)
    if edition is None:
        edition = Edition(start, {})
        editions.append(edition)
        editions.sort(key=lambda one: one.start)
    values = {key: micro(price[key]) for key in COLUMNS if key in price}
    if "hours" not in price:
        edition.rows[price.get("over", 0)] = values
        return
    for span in price["hours"]:
        begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in span.split("-"))
        days = sum(1 << day for day in price["weekdays"])
        edition.hours.append(Hours(days, begin, end, price.get("except", ""), {0: values}))


def _refuse(models: dict[str, Model], refused: dict[str, str], row: dict[str, Any]) -> None:
    for name in row["models"]:
        for model in models.values():
            model.exact.discard(name)
        refused[name] = row["id"]


def _drop(models: dict[str, Model], refused: dict[str, str], row: dict[str, Any]) -> None:
    """Every name of these models is known, and known to have no price that can be computed."""
    for model in _chosen(models, row):
        for name in model.exact | model.dated:
            refused[name] = row["id"]
        del models[model.id]


def _free(models: dict[str, Model], _refused: dict[str, str], row: dict[str, Any]) -> None:
    for model in [one for one in models.values() if "suffix" in row and one.id.endswith(row["suffix"])]:
        if not model.tiers:
            model.free = True
    for name in row.get("ids", ()):
        model = models.setdefault(name, Model(name, {name}))
        model.free, model.tiers = True, {}
    for model in _chosen(models, row) if "models" in row else ():
        model.free, model.tiers = True, {}


def _fill(models: dict[str, Model], _refused: dict[str, str], row: dict[str, Any]) -> None:
    """A column that the seller bills at the price of another one (image tokens as text, say)."""
    excluded = tuple(row.get("excluding", ()))
    for model in _chosen(models, row):
        if excluded and any(part in model.id for part in excluded):
            continue
        for values in _every_row(model):
            for column, like in row["columns"].items():
                if column not in values and like in values:
                    values[column] = values[like]


def _multiple(models: dict[str, Model], _refused: dict[str, str], row: dict[str, Any]) -> None:
    """A column that is published as a multiple of another one, in the rows that have a price in column ``with``."""
    ratio = Decimal(row["ratio"])
    for model in _chosen(models, row):
        for values in _every_row(model):
            for column, like in row["columns"].items():
                if row["with"] in values and like in values:
                    values[column] = _whole(values[like], ratio, row["id"])


def _unset(models: dict[str, Model], _refused: dict[str, str], row: dict[str, Any]) -> None:
    for model in _chosen(models, row):
        for values in _every_row(model):
            for column in row["columns"]:
                values.pop(column, None)


def _tier(models: dict[str, Model], _refused: dict[str, str], row: dict[str, Any]) -> None:
    """A service tier published as a share of the standard price, for the named columns only."""
    ratio = Decimal(row["ratio"])
    first = str(row["from"])
    for model in _chosen(models, row):
        standard = model.tiers[STANDARD]
        starts = sorted({first} | {edition.start for edition in standard if edition.start > first})
        editions: list[Edition] = []
        for start in starts:
            base = copy.deepcopy([edition for edition in standard if edition.start <= start][-1])
            rows = {over: _scaled(values, row["columns"], ratio, row["id"]) for over, values in base.rows.items()}
            editions.append(Edition(start, rows))
        model.tiers[row["tier"]] = editions


def _scaled(values: Row, columns: list[str], ratio: Decimal, where: str) -> Row:
    scaled: Row = {}
    for column in columns:
        if column in values:
            scaled[column] = _whole(values[column], ratio, where)
    apart = [column for column, token in zip(COLUMNS, TOKENS, strict=True) if not token]
    return scaled | {column: values[column] for column in apart if column in values}


def _whole(value: int, ratio: Decimal, where: str) -> int:
    price = value * ratio
    if price != int(price):
        raise OverlayError(f"{where}: {ratio} of {value} is not a whole micro-dollar")
    return int(price)


def _every_row(model: Model) -> list[Row]:
    rows: list[Row] = []
    for editions in model.tiers.values():
        for edition in editions:
            rows += edition.rows.values()
            for hours in edition.hours:
                rows += hours.rows.values()
    return rows


_OPERATIONS = {"price": _price, "refuse": _refuse, "drop": _drop, "free": _free, "fill": _fill, "multiple": _multiple, "unset": _unset,
               "tier": _tier}  # fmt: skip
