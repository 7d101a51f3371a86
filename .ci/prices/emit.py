"""Writes the catalogue: shared plans, one item a line, the same bytes for the same input."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

from overlay import Sellers
from rows import COLUMNS, STANDARD, Edition, Model, Row


class Plans:
    """Price plans, each kept once."""

    def __init__(self) -> None:
        self.items: list[str] = []
        self._index: dict[str, int] = {}

    def add(self, editions: list[Edition]) -> int:
        """The number of this plan."""
        text = _compact([_edition(edition) for edition in editions])
        if text not in self._index:
            self._index[text] = len(self.items)
            self.items.append(text)
        return self._index[text]


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _edition(edition: Edition) -> dict[str, Any]:
    made: dict[str, Any] = {"from": edition.start} if edition.start else {}
    made["rows"] = _rows(edition.rows)
    if edition.hours:
        made["windows"] = [
            {"days": one.days, "start": one.start, "end": one.end, "rows": _rows(one.rows)}
            | ({"except": one.calendar} if one.calendar else {})
            for one in edition.hours
        ]
    return made


def _rows(rows: dict[int, Row]) -> list[list[Any]]:
    return [[over, _cells(row)] for over, row in sorted(rows.items())]


def _cells(row: Row) -> list[int | None]:
    cells = [row.get(column) for column in COLUMNS]
    while cells and cells[-1] is None:
        cells.pop()
    return cells


def catalogue(sellers: Sellers, refused: dict[str, dict[str, str]], faces: dict[str, Any], head: dict[str, Any],
              calendars: dict[str, list[str]]) -> str:  # fmt: skip
    """The whole file as text."""
    plans, models = Plans(), list[str]()
    written: dict[str, Any] = {}
    for seller in sorted(faces):
        ids: dict[str, int] = {}
        dated: list[str] = []
        for _, model in sorted(sellers.get(seller, {}).items()):
            if not model.tiers and not model.free:
                for name in sorted(model.exact | model.dated):
                    refused.setdefault(seller, {}).setdefault(name, "no-price-upstream")
                continue
            for name in sorted(model.exact | model.dated):
                ids.setdefault(name, len(models))
            dated += sorted(model.dated)
            models.append(_compact(_model(model, plans)))
        for name in refused.get(seller, {}):
            ids.pop(name, None)
        written[seller] = _face(seller, faces[seller]) | {
            "refused": _by_reason(refused.get(seller, {})),
            "dated": sorted(name for name in dated if name in ids),
            "ids": dict(sorted(ids.items())),
        }
    parts = [f"{_compact(key)}: {_compact(value)}" for key, value in head.items() if key != "overlay"]
    parts.append(f'"overlay": {_lines(head["overlay"])}')
    parts.append(f'"columns": {_compact(list(COLUMNS))}')
    parts.append(f'"calendars": {_compact(calendars)}')
    parts.append(f'"sellers": {{\n{_joined(f"{_compact(k)}: {_compact(v)}" for k, v in written.items())}\n}}')
    parts.append(f'"models": [\n{_joined(models)}\n]')
    parts.append(f'"plans": [\n{_joined(plans.items)}\n]')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _joined(items: Any) -> str:
    return ",\n".join(items)


def _lines(items: list[dict[str, str]]) -> str:
    return "[\n" + _joined(_compact(item) for item in items) + "\n]"


def _model(model: Model, plans: Plans) -> list[Any]:
    if model.free:
        return [model.id, "free"]
    tiers = {tier: plans.add(editions) for tier, editions in sorted(model.tiers.items()) if tier}
    made: list[Any] = [model.id, plans.add(model.tiers[STANDARD])]
    return [*made, tiers] if tiers else made


def _by_reason(refused: dict[str, str]) -> dict[str, list[str]]:
    reasons: dict[str, list[str]] = {}
    for name, reason in sorted(refused.items()):
        reasons.setdefault(reason, []).append(name)
    return dict(sorted(reasons.items()))


def _face(seller: str, face: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": face.get("name", seller), "hosts": face["hosts"]}
    if "as_of" in face:
        made["as_of"] = face["as_of"]
    for key in ("aliases", "prefixes", "also", "standard"):
        if face.get(key):
            made[key] = face[key]
    if face.get("profiles"):
        made["profiles"] = True
    if face.get("deployments"):
        made["deployments"] = True
    if "regions" in face:
        made["regions"] = [[names, *_ratio(ratio), models] for names, ratio, models in face["regions"]]
    return made


def _ratio(ratio: str) -> tuple[int, int]:
    fraction = Fraction(ratio)
    return fraction.numerator, fraction.denominator
