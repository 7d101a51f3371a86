"""The last comparison of each seller's bill with the ledger, as a small file beside the ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast


def file_of(ledger: Path) -> Path:
    """Where the comparisons of a ledger lie.

    >>> file_of(Path("state/ledger.db")).name
    'ledger.db.reconciled.json'
    """
    return ledger.with_name(f"{ledger.name}.reconciled.json")


def load(file: Path) -> dict[str, dict[str, Any]]:
    """Seller → its last comparison; empty where there is none, or where the file is damaged.

    >>> load(Path("nowhere.json"))
    {}
    """
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    rows = cast("dict[str, Any]", found)
    return {name: cast("dict[str, Any]", row) for name, row in rows.items() if isinstance(row, dict)}
