"""Reads the price tables of genai-prices: those inside a wheel, without importing or running any of it, or the newer file.

The wheel's ``data.py`` is one literal tree of constructor calls. It is parsed, not executed, so no dependency of that
package is needed. The layout is not a public interface: each constructor and its arguments are listed below, and
anything unknown stops the build. The repository of genai-prices publishes the same tree as JSON between two releases.
"""

from __future__ import annotations

import ast
import hashlib
import json
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

NEWER = "https://raw.githubusercontent.com/pydantic/genai-prices/refs/heads/main/prices/new_data/v2/data.json"
"""The tables between two releases: the address that the package itself asks for newer prices (its `update_prices.py`)."""

FIELDS = {
    "Provider": {
        "id", "name", "api_pattern", "pricing_urls", "description", "price_comments", "model_match", "provider_match",
        "extractors", "fallback_model_providers", "models",
    },
    "ModelInfo": {
        "id", "match", "name", "description", "context_window", "price_comments", "deprecated", "prices",
        "price_variants",
    },
    "ConditionalPrice": {"constraint", "prices"},
    "PriceVariant": {"when", "prices", "constraint"},
    "StartDateConstraint": {"start_date"},
    "TimeOfDateConstraint": {"start_time", "end_time"},
    "TieredPrices": {"base", "tiers"},
    "Tier": {"start", "price"},
    "ClauseEquals": {"equals"},
    "ClauseStartsWith": {"starts_with"},
    "ClauseEndsWith": {"ends_with"},
    "ClauseContains": {"contains"},
    "ClauseRegex": {"regex"},
    "ClauseOr": {"or_"},
    "ClauseAnd": {"and_"},
}  # fmt: skip
IGNORED = {"UsageExtractor", "UsageExtractorMapping", "ArrayMatch"}


class LayoutError(Exception):
    """The wheel is not laid out as this reader expects; extend the reader before compiling."""


@dataclass(frozen=True)
class Call:
    """One constructor call of the upstream table: its class and its keyword arguments."""

    kind: str
    args: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        return self.args.get(name)


@dataclass(frozen=True)
class Upstream:
    """The providers of one wheel, with the proof of their origin."""

    version: str
    sha256: str
    licence: str
    providers: list[Call]


def read(wheel: Path) -> Upstream:
    """The price tables of ``wheel``; raises LayoutError when its layout is unknown."""
    parts = wheel.name.split("-")
    if parts[0] != "genai_prices":
        raise LayoutError(f"{wheel.name}: not a wheel of genai-prices")
    with zipfile.ZipFile(wheel) as archive:
        source = archive.read("genai_prices/data.py").decode()
        licence = archive.read(f"genai_prices-{parts[1]}.dist-info/licenses/LICENSE").decode()
    tree = ast.parse(source)
    found = [node.value for node in tree.body if isinstance(node, ast.AnnAssign) and _name(node.target) == "providers"]
    if len(found) != 1 or found[0] is None:
        raise LayoutError("data.py: expected exactly one `providers: … = […]`")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return Upstream(parts[1], digest, licence, _value(found[0]))


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_name(node.value)}.{node.attr}"
    raise LayoutError(f"line {node.lineno}: expected a name")


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        return {_value(key): _value(item) for key, item in zip(node.keys, node.values, strict=True) if key is not None}
    if isinstance(node, ast.Attribute):
        return _name(node)
    if isinstance(node, ast.Call):
        return _call(node)
    raise LayoutError(f"line {node.lineno}: unexpected {type(node).__name__}")


def _call(node: ast.Call) -> Any:
    kind = _name(node.func)
    if kind == "Decimal":
        return Decimal(_value(node.args[0]))
    if kind == "datetime.date":
        year, month, day = (_value(arg) for arg in node.args)
        return f"{year:04}-{month:02}-{day:02}"
    if kind == "datetime.time":
        return _clock(node)
    if kind in IGNORED:
        return None
    args = {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
    if kind == "ModelPrice":
        return args
    if kind not in FIELDS or node.args or not args.keys() <= FIELDS[kind]:
        raise LayoutError(f"line {node.lineno}: unknown {kind}({', '.join(args)})")
    return Call(kind, args)


def _clock(node: ast.Call) -> int:
    """Minutes after midnight UTC; the table writes every time in UTC."""
    parts = [_value(arg) for arg in node.args]
    zones = {_name(keyword.value) if isinstance(keyword.value, ast.Attribute) else "?" for keyword in node.keywords}
    if not zones <= {"datetime.timezone.utc", "datetime.UTC"}:
        raise LayoutError(f"line {node.lineno}: a time of day that is not in UTC")
    return int(parts[0]) * 60 + (int(parts[1]) if len(parts) > 1 else 0)


def read_json(text: bytes, base: Upstream, day: str) -> Upstream:
    """The tables in the published JSON of ``day``, newer than the release ``base``. Raises LayoutError like ``read``."""
    providers = [_provider(one) for one in json.loads(text, parse_float=Decimal, parse_int=Decimal)]
    return Upstream(f"{base.version}.{day.replace('-', '')}", hashlib.sha256(text).hexdigest(), base.licence, providers)


def _provider(data: dict[str, Any]) -> Call:
    models = [Call("ModelInfo", _known("ModelInfo", {**one, "match": _clause(one["match"]), "prices": _prices(one["prices"]),
              "price_variants": [_variant(each) for each in one.get("price_variants", ())]})) for one in data["models"]]  # fmt: skip
    return Call("Provider", _known("Provider", {**data, "models": models}))


def _known(kind: str, args: dict[str, Any]) -> dict[str, Any]:
    if not args.keys() <= FIELDS[kind]:
        raise LayoutError(f"unknown {kind}({', '.join(sorted(args.keys() - FIELDS[kind]))})")
    return args


_CLAUSES = {"equals": "ClauseEquals", "starts_with": "ClauseStartsWith", "ends_with": "ClauseEndsWith", "contains": "ClauseContains",
            "regex": "ClauseRegex", "or": "ClauseOr", "and": "ClauseAnd"}  # fmt: skip


def _clause(data: dict[str, Any]) -> Call:
    ((key, value),) = data.items()
    if key not in _CLAUSES:
        raise LayoutError(f"unknown clause {key}")
    return Call(_CLAUSES[key], {f"{key}_": [_clause(one) for one in value]} if key in ("or", "and") else {key: value})


def _prices(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _price(value) for key, value in data.items()}
    return [
        Call("ConditionalPrice", {"prices": _prices(one["prices"]), "constraint": _constraint(one.get("constraint"))})
        for one in data
    ]


def _price(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    tiers = [Call("Tier", {"start": int(one["start"]), "price": one["price"]}) for one in value["tiers"]]
    return Call("TieredPrices", {"base": value["base"], "tiers": tiers})


def _variant(data: dict[str, Any]) -> Call:
    made = {"when": data["when"], "prices": _prices(data["prices"])}
    constraint = _constraint(data.get("constraint"))
    return Call("PriceVariant", _known("PriceVariant", {**data, **made, "constraint": constraint}))


def _constraint(data: dict[str, Any] | None) -> Call | None:
    if data is None:
        return None
    if "start_date" in data:
        return Call("StartDateConstraint", {"start_date": data["start_date"]})
    if not all(str(data.get(key, "")).endswith(("Z", "+00:00")) for key in ("start_time", "end_time")):
        raise LayoutError(f"a time of day that is not in UTC: {data}")
    return Call(
        "TimeOfDateConstraint",
        {key: int(data[key][:2]) * 60 + int(data[key][3:5]) for key in ("start_time", "end_time")},
    )
