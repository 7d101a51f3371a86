"""Reads the price tables inside a genai-prices wheel, without importing or running any of it.

The wheel's ``data.py`` is one literal tree of constructor calls. It is parsed, not executed, so no dependency of that
package is needed. The layout is not a public interface: it is pinned per version below, and anything unknown stops the
build.
"""

from __future__ import annotations

import ast
import hashlib
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

READABLE = ("0.2.3",)
"""Versions whose layout this reader has been checked against."""

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
    """The price tables of ``wheel``; raises LayoutError when its version or layout is unknown."""
    parts = wheel.name.split("-")
    if parts[0] != "genai_prices" or parts[1] not in READABLE:
        raise LayoutError(
            f"{wheel.name}: this reader knows genai-prices {', '.join(READABLE)}; check it, then add yours"
        )
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
