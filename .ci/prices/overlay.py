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


def _list(models: dict[str, Model], refused: dict[str, str], row: dict[str, Any]) -> None:
    """Many models with one row of prices each, from the same sources."""
    for one in row["list"]:
        prices = {key: value for key, value in one.items() if key not in ("model", "ids", "over")}
        if one["model"] in models:
            raise OverlayError(f"{row['id']}: {one['model']} has a price already; use `price` to replace it")
        _price(models, refused, {**one, "prices": [prices, *({**over} for over in one.get("over", ()))]})


def _alias(models: dict[str, Model], refused: dict[str, str], row: dict[str, Any]) -> None:
    """Names that moved from model to model: each period has the prices of the model that it names.

    ``moves`` holds (from, model); the first has a ``from`` too, and calls before it have no price. A move without a
    model says that no price holds from then on.
    """
    moves = sorted(row["moves"], key=lambda move: str(move["from"]))
    periods: list[Edition] = []
    for number, move in enumerate(moves):
        start = str(move["from"])
        end = str(moves[number + 1]["from"]) if number + 1 < len(moves) else "9999"
        if "model" not in move:
            periods.append(Edition(start, {0: {}}))
            continue
        editions = _chosen(models, {**row, "models": [move["model"]]})[0].tiers[STANDARD]
        before = [edition for edition in editions if edition.start <= start][-1:]
        later = [edition for edition in editions if start < edition.start < end]
        periods += [Edition(start, *_contents(edition)) for edition in before]
        periods += [copy.deepcopy(edition) for edition in later]
    for name in row["names"]:
        for model in models.values():
            model.exact.discard(name)
            model.dated.discard(name)
        refused.pop(name, None)
    left = models.get(row["names"][0])
    if left is not None and left.exact | left.dated:
        raise OverlayError(f"{row['id']}: {', '.join(sorted(left.exact | left.dated))} would be lost; name them too")
    models[row["names"][0]] = Model(row["names"][0], set(row["names"]), set(), {STANDARD: periods})


def _contents(edition: Edition) -> tuple[dict[int, Row], list[Hours]]:
    made = copy.deepcopy(edition)
    return made.rows, made.hours


def _apart(models: dict[str, Model], refused: dict[str, str], row: dict[str, Any]) -> None:
    """Names with a prefix that are sold at a price of their own: models of their own with ``ratio``, or refused without it."""
    prefix = row["prefix"]
    for model in _chosen(models, row):
        names = {name for name in model.exact | model.dated if name.startswith(prefix)}
        dated = model.dated & names
        model.exact, model.dated = model.exact - names, model.dated - names
        if not names:
            continue
        if "ratio" not in row:
            refused.update(dict.fromkeys(names, row["id"]))
            continue
        tiers = copy.deepcopy(model.tiers)
        made = Model(prefix + model.id.partition(".")[2], names - dated, dated, tiers)
        for values in _every_row(made):
            for column, token in zip(COLUMNS, TOKENS, strict=True):
                if token and column in values:
                    values[column] = _ratio(values[column], row)
        models[made.id] = made


def _ratio(value: int, row: dict[str, Any]) -> int:
    over, under = (int(part) for part in row["ratio"].split("/"))
    price, rest = divmod(value * over, under)
    if rest:
        raise OverlayError(f"{row['id']}: {row['ratio']} of {value} is not a whole micro-dollar")
    return price


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


def _set(models: dict[str, Model], _refused: dict[str, str], row: dict[str, Any]) -> None:
    """Columns of single models at the standard tier; in the other tiers these columns are unknown then."""
    for name, columns in row["columns"].items():
        model = _chosen(models, {**row, "models": [name]})[0]
        for column, price in columns.items():
            for tier, editions in model.tiers.items():
                for values in [values for edition in editions for values in edition.rows.values()]:
                    values.pop(column, None)
                    if tier == STANDARD:
                        values[column] = micro(price)


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


_OPERATIONS = {
    "price": _price,
    "list": _list,
    "alias": _alias,
    "apart": _apart,
    "refuse": _refuse,
    "drop": _drop,
    "free": _free,
    "fill": _fill,
    "multiple": _multiple,
    "unset": _unset,
    "set": _set,
    "tier": _tier,
}
