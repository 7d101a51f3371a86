"""Writes what Python, Go, the page and the ledger know of billable units: ``python .ci/units [--check]``.

The table is ``src/genmeter/pricing/data/units.json``. ``--check`` compares and writes nothing. Columns that ledgers on
disk do not have yet become a new migration; one that is there is never changed. Then the new ``genmeter`` writes what
only it can write: the seeded vectors, and the ledger file of its own schema where there is none.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import table
import write_go
import write_python
import write_rest

ROOT = table.ROOT
PYTHON = ROOT / "src" / "genmeter" / "units.py"
GO = ROOT / "src" / "genaicostprocessor" / "internal" / "pricing" / "units_gen.go"
PAGE = ROOT / "src" / "genmeter" / "server" / "page" / "units.js"
WRITTEN_BY_GENMETER = ([".ci/vectors"], ["-m", "tests.ledger.aged", "--missing"])
"""Programs that import ``genmeter``, so each runs after the files are written, in a process of its own."""


def files(units: table.Table) -> dict[Path, str]:
    """Path → the text that the file must have."""
    made = {
        PYTHON: _formatted(write_python.text(units), PYTHON.name),
        GO: write_go.text(units),
        PAGE: write_rest.page(units),
        write_rest.NAMES: write_rest.names(units),
        write_rest.SCHEMA: write_rest.schema(units),
        **dict.fromkeys((write_rest.CATALOGUE, write_rest.TWIN), write_rest.catalogue(units)),
    }
    missing = write_rest.migration(units)
    return made | ({missing[0]: missing[1]} if missing else {})


def _formatted(text: str, name: str) -> str:
    ruff = Path(sys.executable).with_name("ruff")
    command = [ruff, "format", "--quiet", "--stdin-filename", name, "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def main(arguments: list[str]) -> int:
    """Write or compare; 0 when the files are equal to the output of the table."""
    check = "--check" in arguments
    try:
        made = files(table.read())
    except table.TableError as error:
        print(f"{table.SOURCE.relative_to(ROOT)}: {error}", file=sys.stderr)
        return 1
    stale = [path for path, text in made.items() if not path.is_file() or path.read_text("utf-8") != text]
    names = ", ".join(str(path.relative_to(ROOT)) for path in stale)
    print(f"{names}: {'stale; run `make units`' if check else 'written'}" if stale else "no change", flush=True)
    if check:
        return int(bool(stale))
    for path in stale:
        path.write_text(made[path], "utf-8")
    paths = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
    for program in WRITTEN_BY_GENMETER:
        done = subprocess.run(
            [sys.executable, *program], check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": paths}
        )
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
