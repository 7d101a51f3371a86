"""Writes collector-config/grafana/dashboards: ``python .ci/dashboards [--check]``; ``--check`` compares and writes nothing.

A dashboard is a module beside this one: rows of panels, each a question with the expressions that answer it. Add a panel
in its row, run this, and commit both.
"""

from __future__ import annotations

import sys
from pathlib import Path

import agents
import cost
import overview
import performance
import telemetry
import tokens

FOLDER = Path(__file__).parents[2] / "collector-config" / "grafana" / "dashboards"
BOARDS = (overview.BOARD, cost.BOARD, performance.BOARD, tokens.BOARD, agents.BOARD, telemetry.BOARD)


def main(arguments: list[str]) -> int:
    """Write or compare; 0 when the files are equal to the output of the modules."""
    check = "--check" in arguments
    made = {FOLDER / f"{board.name}.json": board.text() for board in BOARDS}
    there = {path: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    stale = sorted(path.name for path in made.keys() | there.keys() if made.get(path) != there.get(path))
    if not check:
        FOLDER.mkdir(exist_ok=True)
        for path in there.keys() - made.keys():
            path.unlink()
        for path, text in made.items():
            path.write_text(text, encoding="utf-8")
    print(f"{', '.join(stale)}: {'stale; run `make dashboards`' if check else 'written'}" if stale else "no change")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
