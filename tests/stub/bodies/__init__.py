"""Default bodies as data, one JSON file each; README.md names the published reference that each follows."""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path
from typing import Any


@functools.cache
def _read(name: str) -> Any:
    return json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))


def load(name: str) -> Any:
    """A fresh copy of `<name>.json`, free to be changed."""
    return copy.deepcopy(_read(name))


def snapshot(model: str) -> str:
    """The dated name under which the provider answers for an alias; any other name stays as it is."""
    dated: dict[str, str] = _read("snapshots")
    return dated.get(model, model)


def dumps(value: Any) -> str:
    """Compact JSON, as on the wire."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
