"""Checks a built wheel in an environment of its declared dependencies: ``python .ci/wheel.py dist/genmeter-*.whl``."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent / "src"
ENTRY_POINTS = {
    "console_scripts": "genmeter",
    "opentelemetry_instrumentor": "genmeter",
    "opentelemetry_pre_instrument": "genmeter",
}
COMMANDS = (
    ("--version",),
    ("models", "gpt-5.6"),
    ("doctor",),
    ("price", "openai", "gpt-5.6", "--input", "1200", "--cached", "1000", "--output", "80"),
    ("run", "--ledger", "wheel/ledger.db", "--", sys.executable, "-c", "print('it runs')"),
)


def main(wheel: Path) -> None:
    """Exit with the first fault; print the checks that passed."""
    held = set(zipfile.ZipFile(wheel).namelist())
    if missing := sorted(name for name in _sources() if name not in held):
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


def _sources() -> Iterator[str]:
    """Every file of the package, code and data: one that the wheel leaves out is missed on a user's machine alone."""
    for path in (SOURCES / "genmeter").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(SOURCES).as_posix()


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]))
