"""Tables of what was measured, for the documentation: written when the tests of a module have ended."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDER = Path(os.environ.get("GENMETER_E2E_RESULTS") or ROOT / ".cache" / "e2e")


def write(name: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """`rows` as a Markdown table in .cache/e2e/NAME.md; $GENMETER_E2E_RESULTS names another folder."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    table = [head, ["---"] * len(head), *rows]
    text = "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in table)
    (FOLDER / f"{name}.md").write_text(text + "\n", encoding="utf-8")


def spread(values: Sequence[float], digits: int = 0) -> str:
    """One number where all are alike, else the lowest and the highest."""
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return low if low == high else f"{low}–{high}"
