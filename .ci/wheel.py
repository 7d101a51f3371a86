"""Checks a built wheel in an environment of its declared dependencies: ``python .ci/wheel.py dist/genmeter-*.whl``."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

DATA = (
    "genmeter/py.typed",
    "genmeter/cli/otelcol.yaml",
    "genmeter/diagnosis/inside.py",
    "genmeter/diagnosis/tested.json",
    "genmeter/ledger/sqlite/migrations/0001.sql",
    "genmeter/ledger/sqlite/migrations/0002.sql",
    "genmeter/ledger/sqlite/migrations/0003.sql",
    "genmeter/ledger/sqlite/migrations/0006.sql",
    "genmeter/pricing/data/catalogue.json",
    "genmeter/pricing/data/NOTICE",
    "genmeter/pricing/data/reasons.json",
    "genmeter/reading/data/conventions.json",
    "genmeter/server/page/budgets.js",
    "genmeter/server/page/index.html",
    "genmeter/server/page/page.css",
    "genmeter/server/page/page.js",
    "genmeter/server/page/reports.js",
    "genmeter/server/page/units.js",
)
ENTRY_POINTS = {
    "console_scripts": "genmeter",
    "opentelemetry_instrumentor": "genmeter",
    "opentelemetry_pre_instrument": "genmeter",
}
COMMANDS = (
    ("--version",),
    ("models", "gpt-5.6"),
    ("price", "openai", "gpt-5.6", "--input", "1200", "--cached", "1000", "--output", "80"),
    ("run", "--ledger", "wheel/ledger.db", "--", sys.executable, "-c", "print('it runs')"),
)


def main(wheel: Path) -> None:
    """Exit with the first fault; print the checks that passed."""
    held = set(zipfile.ZipFile(wheel).namelist())
    if missing := [name for name in DATA if name not in held]:
        sys.exit(f"{wheel.name} lacks {', '.join(missing)}")
    if strays := sorted({name.split("/")[0] for name in held if not name.startswith("genmeter")}):
        sys.exit(f"{wheel.name} also holds {', '.join(strays)}")
    for group, name in ENTRY_POINTS.items():
        importlib.metadata.entry_points(group=group)[name].load()
    if present := [name for name in ("openai", "anthropic", "pytest") if _installed(name)]:
        sys.exit(f"this environment is not the base install: it has {', '.join(present)}")
    for command in COMMANDS:
        done = subprocess.run([sys.executable, "-m", "genmeter", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"genmeter {' '.join(command)} exits {done.returncode}: {done.stderr}")
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size // 1024} KiB, {len(held)} files, {len(COMMANDS)} commands run on the base install")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
