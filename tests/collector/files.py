"""The shipped configurations as data: read, laid over each other, walked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CONFIG = Path(__file__).parents[2] / "collector-config"
WHOLE = CONFIG / "otelcol.yaml"
VARIANTS = sorted((CONFIG / "variants").glob("*.yaml"))
VARIABLE = re.compile(r"\$\{env:([A-Z_]+)(?::-([^}]*))?\}")


def read(path: Path) -> Any:
    """A YAML file; a key that stands twice in one map is an error, as it is for the collector."""
    return yaml.load(path.read_text(encoding="utf-8"), _Strict)


def laid_over(below: Any, above: Any) -> Any:
    """Two configurations as the collector merges them: maps by key, everything else replaced."""
    if isinstance(below, dict) and isinstance(above, dict):
        return below | {key: laid_over(below.get(key), value) for key, value in above.items()}
    return above


def complete(path: Path) -> Any:
    """A variant as it runs: by itself, or over the whole."""
    return read(path) if path in (WHOLE, CONFIG / "variants" / "agent.yaml") else laid_over(read(WHOLE), read(path))


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar with the path to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{where}::{key}" if where else str(key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{where}[{index}]")
    else:
        yield where, value


class _Strict(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"{node.start_mark}: a key stands twice"
        return super().construct_mapping(node, deep)
